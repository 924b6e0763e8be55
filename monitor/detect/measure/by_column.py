"""Tables of cells that stand in columns already: equal to those of the same cells one by one, at a
small part of the cost.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.measure.kinds import FAILURES
from monitor.detect.measure.refusals import refusal_of
from monitor.detect.measure.table import (
    ATTEMPTS,
    COUNTS,
    HIGHEST_BUCKET,
    LOWEST_BUCKET,
    UNPROMISED,
    EdgeTable,
    Filled,
    Traces,
    named_table,
    within_bounds,
)
from monitor.model.cells import BY_WORD, CellColumns, Columns, Lists
from monitor.model.edges import OUTCOMES, SAMPLINGS, WINDOW_SECONDS

NOTHING: Ints = np.zeros(0, dtype=np.int64)
SIDES = ("client_histogram", "server_histogram", "self_histogram")
AT_ONCE = 8_000
"""Cells whose histograms are spread out at once: enough that calls of numpy cost little, few enough
that their numbers stay near the processor.
"""
ROOM = 2**62


def tables_by_column(cells: CellColumns, since: float, until: float) -> list[EdgeTable]:
    """As `tables`."""
    columns = cells.columns
    rows = _in_order(columns, np.flatnonzero(_within(columns.windows, since, until)))
    if not rows.size:
        return []
    taken = _narrowed(columns).taken(rows)
    counts, beside = _counts(taken), _beside(taken)
    begins = np.flatnonzero(np.diff(taken.edge, prepend=-1))
    cuts = np.append(begins, rows.size)
    coded = [
        _codes(taken.words, cuts, codes)
        for codes in (taken.caller_version, taken.callee_version, taken.region)
    ]
    sampled = (taken.sampling == SAMPLINGS.index("biased")).astype(np.int64)
    histograms = [columns.lists[name] for name in SIDES]
    out: list[EdgeTable] = []
    for first, end in _chunks(cuts):
        part = rows[cuts[first] : cuts[end]]
        spread = _spread([lists.taken(part) for lists in histograms], cuts[first : end + 1])
        for number, (lowest, sides, filled) in enumerate(spread, first):
            here = slice(int(cuts[number]), int(cuts[number + 1]))
            out.append(
                named_table(
                    taken.edges[int(taken.edge[here.start])],
                    taken.windows[here],
                    (coded[0][0][number], coded[1][0][number], coded[2][0][number]),
                    (coded[0][1][here], coded[1][1][here], coded[2][1][here]),
                    counts[here],
                    sampled[here],
                    (lowest, sides, filled),
                    Traces(columns.exemplars, rows[here]),
                    {},
                    {
                        name: counted
                        for name, column in sorted(beside.items())
                        if (counted := column[here]).any()
                    },
                )
            )
    return out


def _within(windows: Ints, since: float, until: float) -> Bools:
    return np.asarray((windows >= since) & (windows < until))


def _in_order(columns: Columns, rows: Ints) -> Ints:
    """These rows by edge, window, versions and region."""
    if not rows.size:
        return rows
    windows = columns.windows[rows]
    first = int(windows.min())
    keys = (
        (columns.edge[rows], len(columns.edges)),
        (windows - first, int(windows.max()) - first + 1),
        (columns.caller_version[rows], len(columns.words)),
        (columns.callee_version[rows], len(columns.words)),
        (columns.region[rows], len(columns.words)),
    )
    if math.prod(size for _, size in keys) < ROOM:  # one number each: sorted far sooner
        key = np.zeros(rows.size, dtype=np.int64)
        for column, size in keys:
            key = key * size + column
        order = np.argsort(key)
        ordered = key[order]
        if (ordered[1:] != ordered[:-1]).all():
            return rows[order]
    ties = (columns.column(name)[rows] for name in ("failed", "calls"))
    return rows[np.lexsort((*ties, *(column for column, _ in reversed(keys))))]


def _chunks(cuts: Ints) -> Iterator[tuple[int, int]]:
    """Edges, from and until, of at most AT_ONCE rows together, one at least. `cuts`: where each
    edge's rows begin, and where the last one's end.
    """
    first, last = 0, cuts.size - 1
    while first < last:
        end = int(np.searchsorted(cuts, cuts[first] + AT_ONCE, side="right")) - 1
        end = min(max(end, first + 1), last)
        yield first, end
        first = end


def _spread(
    histograms: Sequence[Lists], cuts: Ints
) -> Iterator[tuple[int, list[Floats | None], list[Filled | None]]]:
    """Of each edge: its lowest bucket, its sides as rows x buckets, and what of them is not zero.
    `histograms`: by side, of the rows between `cuts`, which are edge after edge.
    """
    sizes = np.diff(cuts)
    starts = cuts[:-1] - cuts[0]
    lowest = np.full(sizes.size, HIGHEST_BUCKET + 1)
    highest = np.full(sizes.size, LOWEST_BUCKET - 1)
    entries = [Lists(of.starts, within_bounds(of.keys), of.values) for of in histograms]
    for lists in entries:
        if lists.keys.size:
            begins = lists.starts[starts]
            there = begins < lists.starts[starts + sizes]
            least, most = (
                reduced.reduceat(lists.keys, begins[there]) for reduced in (np.minimum, np.maximum)
            )
            lowest[there] = np.minimum(lowest[there], least)
            highest[there] = np.maximum(highest[there], most)
    empty = lowest > highest
    lowest[empty] = highest[empty] = 0
    widths = highest - lowest + 1
    ends = np.cumsum(sizes * widths)
    edges = np.repeat(np.arange(sizes.size), sizes)
    rows = np.arange(edges.size) - starts[edges]
    # where bucket zero of each row is
    origins = (ends - sizes * widths)[edges] + rows * widths[edges] - lowest[edges]
    by_side = [_dense(lists, origins, (rows, lowest[edges]), int(ends[-1])) for lists in entries]
    cut = ends.tolist()
    for edge, (begin, end) in enumerate(pairwise([0, *cut])):
        first = int(starts[edge])
        sides: list[Floats | None] = []
        filled: list[Filled | None] = []
        for lists, (flat, (at, buckets, values), owned) in zip(entries, by_side, strict=True):
            if lists.starts[first] == lists.starts[first + int(sizes[edge])]:
                sides.append(None)
                filled.append(None)
                continue
            there = slice(int(owned[first]), int(owned[first + int(sizes[edge])]))
            sides.append(flat[begin:end].reshape(int(sizes[edge]), int(widths[edge])))
            filled.append((at[there], buckets[there], values[there]))
        yield int(lowest[edge]), sides, filled


def _dense(
    lists: Lists, origins: Ints, of_row: tuple[Ints, Ints], size: int
) -> tuple[Floats, Filled, Ints]:
    """One side of all edges beneath each other: all numbers; those that are not zero; and where
    each row's begin among these. `of_row`: each row's number in its edge, and its lowest bucket.
    """
    rows, lowest = of_row
    flat = np.zeros(size)
    lengths = lists.lengths
    places = np.repeat(origins, lengths) + lists.keys
    if (places[1:] > places[:-1]).all() and lists.values.all():
        # in order, each bucket once: as the store tells them
        values = lists.values.astype(np.float64)
        flat[places] = values
        at, low = (np.repeat(column, lengths) for column in (rows, lowest))
        return flat, (at, lists.keys - low, values), lists.starts
    flat += np.bincount(places, weights=lists.values, minlength=size)
    places = np.flatnonzero(flat)
    owned = np.searchsorted(places, np.append(origins + lowest, size))
    of = np.repeat(np.arange(rows.size), np.diff(owned))
    buckets = places - (origins + lowest)[of]
    return flat, (rows[of], buckets, flat[places]), owned


def _narrowed(columns: Columns) -> Columns:
    """What is counted of each cell, without histograms and traces: these are by far the most, and
    are taken some edges at a time.
    """
    none = Lists(np.zeros(columns.windows.size + 1, dtype=np.int64), NOTHING, NOTHING)
    return replace(
        columns,
        windows=columns.windows // WINDOW_SECONDS * WINDOW_SECONDS,
        nanoseconds=columns.nanoseconds[:, :0],
        lists={name: columns.lists[name] for name in BY_WORD},
        exemplars=none,
    )


def _counts(columns: Columns) -> Ints:
    """Rows x COUNTS."""
    number = columns.column
    hidden = _of_words(columns, "provider_only", OUTCOMES)
    by_outcome = sum((number(name) for name in OUTCOMES), np.zeros(columns.windows.size, np.int64))
    bad = by_outcome - number("ok")
    hidden_failures = sum((hidden[name] for name in FAILURES), np.zeros_like(by_outcome))
    checked = number("valid") + number("violated")
    columns_of = {
        "calls": number("calls") - np.maximum(0, number("calls") - by_outcome),
        "server_error": number("server_error") - hidden["server_error"],
        "provider_error": np.maximum(hidden_failures, number("failed") - bad),
        "client_error": number("client_error"),
        "timeout": number("timeout") - hidden["timeout"] + number("cancelled"),
        "failed": np.maximum(
            number("failed"), number("server_error") + number("timeout") + number("cancelled")
        ),
        "examined": checked + _promised(columns),
        "checked": checked,
        **{name: number(name) for name in ("violated", "both", "client_calls", "server_calls")},
    }
    return np.stack([columns_of[name] for name in COUNTS], axis=1)


def _of_words(columns: Columns, name: str, words: Sequence[str]) -> dict[str, Ints]:
    """For each of these words, what each row counts of it."""
    lists, size = columns.lists[name], columns.windows.size
    out = {word: np.zeros(size, dtype=np.int64) for word in words}
    if lists.keys.size:
        owners = lists.owners()
        for code in np.unique(lists.keys).tolist():
            word = columns.words[code]
            if word in out:
                here = lists.keys == code
                out[word] = _sums(owners[here], lists.values[here], size)
    return out


def _promised(columns: Columns) -> Ints:
    """Exchanges that met a promise and could not be checked wholly."""
    lists, size = columns.lists["not_checked"], columns.windows.size
    if not lists.keys.size:
        return np.zeros(size, dtype=np.int64)
    met = np.array(
        [f"not_checked:{word}" not in UNPROMISED for word in columns.words], dtype=np.bool_
    )[lists.keys]
    return _sums(lists.owners()[met], lists.values[met], size)


def _beside(columns: Columns) -> dict[str, Ints]:
    lists, size = columns.lists["error_types"], columns.windows.size
    out = {ATTEMPTS: columns.column("failed_attempts")}
    if lists.keys.size:
        owners = lists.owners()
        for code in np.unique(lists.keys).tolist():
            kind = refusal_of(columns.words[code])
            if kind:
                here = lists.keys == code
                counted = _sums(owners[here], lists.values[here], size)
                out[kind] = out.get(kind, 0) + counted
    return out


def _sums(owners: Ints, values: Ints, size: int) -> Ints:
    return np.bincount(owners, weights=values, minlength=size).astype(np.int64)


def _codes(words: Sequence[str], cuts: Ints, places: Ints) -> tuple[list[tuple[str, ...]], Ints]:
    """Of each edge the words that its rows name, and each row's place in them. `cuts`: where each
    edge's rows begin.
    """
    edges = np.repeat(np.arange(cuts.size - 1), np.diff(cuts))
    width = len(words)
    which = edges * width + places
    keys, codes = np.unique(which, return_inverse=True)
    begins = np.searchsorted(keys, np.arange(cuts.size) * width)
    named = [words[key] for key in (keys % width).tolist()]
    return (
        [tuple(named[begin:end]) for begin, end in pairwise(begins.tolist())],
        codes - begins[edges],
    )
