"""Rows found by keys: which of some rows have a key, whether any has, and all pairs of rows that
have the same.

Keys are numbers of 64 bits. They are looked up in a table of places by their hash, which takes a
sixth of the time of a binary search: each place names the first row that hashes to it. Rows that
find their place taken by another key are put into a next table. The native way, where it is built,
takes a third of that.
"""

import numpy as np

from monitor.edges.counting.frame import Column, Keys, Mask, Rows
from monitor.native import BUILT

_FEWEST, _MOST = 6, 24
_MULTIPLIERS = tuple(
    np.uint64(multiplier)
    for multiplier in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93)
)
_FEW = 32


def lookup(keys: Keys, wanted: Keys) -> Rows:
    """Of each wanted key the first row that has it, else -1."""
    if BUILT is None:
        return lookup_by_reference(keys, wanted)
    rows: Rows = np.empty(len(wanted), np.int64)
    BUILT.lookup(
        np.ascontiguousarray(keys, np.uint64), np.ascontiguousarray(wanted, np.uint64), rows
    )
    return rows


def lookup_by_reference(keys: Keys, wanted: Keys) -> Rows:
    """The same by nothing but Python."""
    rows = np.full(len(wanted), -1, np.int64)
    if not len(keys) or not len(wanted):
        return rows
    _put(rows, None, keys, None, wanted, 0)
    return rows


def members(keys: Column, of: Column) -> Mask:
    """Whether each key is one `of` these."""
    if not len(of) or not len(keys):
        return np.zeros(len(keys), bool)
    mask: Mask = lookup(of.astype(np.uint64, copy=False), keys.astype(np.uint64, copy=False)) >= 0
    return mask


def firsts(keys: Keys) -> Rows:
    """Of each row the first one that has the same key."""
    if BUILT is None:
        return lookup_by_reference(keys, keys)
    rows: Rows = np.empty(len(keys), np.int64)
    BUILT.firsts(np.ascontiguousarray(keys, np.uint64), rows)
    return rows


def distinct(keys: Column) -> Column:
    """Each key once, in order."""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(keys) else ordered


def matches(keys: Keys, other: Keys) -> tuple[Rows, Rows]:
    """All pairs of rows whose keys agree: rows of `keys` in their order, and beside each the rows
    of `other` in theirs.
    """
    at = lookup(other, keys)
    left = np.flatnonzero(at >= 0)
    right = at[left]
    same = firsts(other)
    if not len(left) or not (same != np.arange(len(other))).any():
        return left, right
    # rows of `other` by the first one that has their key, and how many these are
    order = in_order(same)
    many = np.bincount(same, minlength=len(other))
    begins = np.cumsum(many) - many
    times = many[right]
    begin = np.repeat(begins[right], times)
    step = np.arange(len(begin)) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(left, times), order[begin + step]


def in_order(numbers: Column) -> Rows:
    """Rows by small numbers that are not negative, those with the same number in their order:
    sorting whole numbers is quick, their places are not.
    """
    bits = max(1, len(numbers).bit_length())
    if int(numbers.max(initial=0)).bit_length() + bits > 63:
        return np.argsort(numbers, kind="stable")
    both = numbers.astype(np.int64) << bits | np.arange(len(numbers))
    both.sort()
    order: Rows = both & ((1 << bits) - 1)
    return order


def _put(
    target: Rows, places: Rows | None, keys: Keys, rows: Rows | None, wanted: Keys, turn: int
) -> None:
    """Look `wanted`, which stand at these `places` of `target`, up in `keys`, which are these
    `rows`; None: all.
    """
    if turn == len(_MULTIPLIERS) or len(keys) < _FEW:
        _keep(target, places, rows, _sorted_lookup(keys, wanted))
        return
    bits = min(_MOST, max(_FEWEST, len(keys).bit_length() + 1))
    shift, multiplier = np.uint64(64 - bits), _MULTIPLIERS[turn]
    hashes = (keys * multiplier >> shift).astype(np.int64)
    table = np.full(1 << bits, -1, np.int32)
    # of several the last one put stays: the first row
    table[hashes[::-1]] = np.arange(len(keys) - 1, -1, -1, dtype=np.int32)
    holder = table[hashes]
    at: Rows = table[(wanted * multiplier >> shift).astype(np.int64)].astype(np.int64)
    right = keys[at] == wanted
    right &= at >= 0
    _keep(target, places, rows, np.where(right, at, -1))
    out = np.flatnonzero(keys[holder] != keys)
    if not len(out):
        return
    # who found another key in its place may be among those that did not get theirs
    lost = np.flatnonzero(~right & (at >= 0))
    if len(lost):
        _put(
            target,
            lost if places is None else places[lost],
            keys[out],
            out if rows is None else rows[out],
            wanted[lost],
            turn + 1,
        )


def _keep(target: Rows, places: Rows | None, rows: Rows | None, at: Rows) -> None:
    if rows is not None:
        at = np.where(at >= 0, rows[at], -1)
    if places is None:
        target[:] = at
    else:
        target[places] = at


def _sorted_lookup(keys: Keys, wanted: Keys) -> Rows:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    places = np.searchsorted(ordered, wanted)
    places[places == len(ordered)] = 0
    at: Rows = np.where(ordered[places] == wanted, order[places], -1)
    return at
