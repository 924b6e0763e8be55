"""What the tests of version pairs can show at most, all pairs of many edges at once: most edges
have nothing to tell, and then no pair need be tested by itself.

Each bound is the e-value that the pair's own test would reckon if its bad calls did not come in
bursts and did not go away; both only lower it (for phi >= 1 the mean of x^(1/phi) is at most the
mean of x to the same power). A property test holds it to the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, runs, summed
from monitor.detect.evidence.latency import REMEMBERED, above_bounds, beneath, log_ratios
from monitor.detect.evidence.rates import EXPECTED, LEANS
from monitor.detect.evidence.rates import log_ratios as rate_log_ratios
from monitor.detect.measure.contrasts import COLUMN, Contrast, Side, histograms, other_codes
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings

ROUNDING = 1e-6
"""So much may sums in another order differ by, and far less."""


class Bounded(NamedTuple):
    """A test's kind, whether it is of all counterparts, whether of a rate, whether any call was
    bad, and the log of its e-value at most.
    """

    kind: str
    of_all: bool
    is_rate: bool
    bad: bool
    log_e: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate to bound. `spared`: pairs without a single bad call have no test of it; `warm`: calls
    of fresh instances are set aside first.
    """

    kind: str
    bad: str
    calls: str
    spared: bool
    warm: bool


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """An edge whose pairs are bounded. `whole`: both versions over all counterparts; `met`: codes
    of the counterparts that met both.
    """

    whole: Contrast
    met: Ints
    rates: Sequence[Rate]
    sides: Sequence[Side]


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The strata of all edges, one edge after the other. `pair`: each stratum's, where the pairs
    of edge i are `first[i]` up to `first[i + 1]`.
    """

    asked: Sequence[Asked]
    windows: Ints
    pair: Ints
    first: Ints

    @property
    def pairs(self) -> int:
        return int(self.first[-1])


def bounds_of_pairs(
    asked: Sequence[Asked], fresh: Shares, settings: JudgeSettings
) -> list[list[Bounded]]:
    """Of each edge: for each pair and each of these rates and sides, where the pair has such a
    test. Cost: hardly more calls of numpy than for one edge.
    """
    if not asked:
        return []
    strata = _strata_of(asked)
    bounded: list[list[Bounded]] = [[] for _ in asked]
    _add_rates(bounded, strata, fresh, settings.floor_ratio)
    for side in dict.fromkeys(side for edge in asked for side in edge.sides):
        _add_side(bounded, strata, side, fresh, settings)
    return bounded


def _strata_of(asked: Sequence[Asked]) -> _Strata:
    first = np.concatenate([[0], np.cumsum([edge.met.size for edge in asked])]).astype(np.int64)
    pairs: list[Ints] = []
    for edge, begins in zip(asked, first.tolist(), strict=False):
        _, codes = other_codes(edge.whole.table, edge.whole.role)
        counterpart = np.empty(edge.whole.windows.size, dtype=np.int64)
        counterpart[edge.whole.stratum_of_new] = codes[edge.whole.new_rows]
        pairs.append(begins + np.searchsorted(edge.met, counterpart))
    windows = np.concatenate([edge.whole.windows for edge in asked])
    return _Strata(asked, windows, np.concatenate(pairs), first)


def _add_rates(
    bounded: list[list[Bounded]], strata: _Strata, fresh: Shares, floor_ratio: float
) -> None:
    """All rates in one sum: a stratum with a bad call belongs to a rate, a way of taking fresh
    instances, and a pair.
    """
    new, old = (
        np.concatenate(counts)
        for counts in zip(*((e.whole.new, e.whole.old) for e in strata.asked), strict=True)
    )
    counted: list[tuple[Rate, Bools, Bools]] = []
    ways: list[tuple[Ints, Ints, Ints, Ints]] = []  # of warm instances; of fresh ones, too
    fresh_too: dict[int, tuple[Ints, Ints, Ints, Ints]] = {}
    pair, pairs = strata.pair, strata.pairs
    for rate in dict.fromkeys(rate for edge in strata.asked for rate in edge.rates):
        bad_at, calls_at = COLUMN[rate.bad], COLUMN[rate.calls]
        k, s, a, b = new[:, bad_at], old[:, bad_at], new[:, calls_at], old[:, calls_at]
        present = np.bincount(pair, weights=a + b, minlength=pairs) > 0
        if rate.spared:
            present &= np.bincount(pair, weights=k + s, minlength=pairs) > 0
        if rate.warm:
            aside = fresh_calls(fresh, strata.windows, a).astype(np.int64)
            if aside.any():
                fresh_too[len(ways)] = k, s, a, b
                k, a = np.maximum(k - aside, 0), a - aside
        ways.append((k, s, a, b))
        counted.append((rate, present, np.bincount(pair, weights=k + s, minlength=pairs) > 0))
    at_most = _rates_at_most(ways, pair, pairs, floor_ratio)
    for place, way in fresh_too.items():
        # as a test does: fresh ones count only where the others lean that way
        leaning = at_most[place] >= LEANS - ROUNDING
        if leaning.any():
            (more,) = _rates_at_most([way], pair, pairs, floor_ratio)
            at_most[place] = np.where(leaning, np.maximum(at_most[place], more), at_most[place])
    for (rate, present, is_bad), highest in zip(counted, at_most, strict=True):
        for edge, out, places in _by_edge(bounded, strata, present):
            if rate in edge.rates:
                out += [
                    Bounded(rate.kind, False, True, bool(is_bad[place]), float(highest[place]))
                    for place in places
                ]


def _rates_at_most(
    ways: Sequence[tuple[Ints, Ints, Ints, Ints]], pair: Ints, pairs: int, floor_ratio: float
) -> Floats:
    """Ways x pairs: the log of the e-value of each, at least 0; a way is bad calls of the new and
    of the old version, and calls of both, by stratum.
    """
    out = np.zeros((len(ways), pairs))
    parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    for place, (k, s, a, b) in enumerate(ways):
        # a rate with no bad call of the new version shows nothing: not worth a logarithm
        lean = np.bincount(pair, weights=np.where((a > 0) & (b > 0), k, 0), minlength=pairs) > 0
        used = (a > 0) & (b > 0) & (k + s > 0) & lean[pair]
        if used.any():
            parts.append((place * pairs + pair[used], k[used], s[used], a[used], b[used]))
    if parts:
        group, k, s, a, b = (np.concatenate(column) for column in zip(*parts, strict=True))
        for_new, for_old = rate_log_ratios(a / (a + b), floor_ratio)
        shown, log_es = _mixed(for_new * k + for_old * s, group, EXPECTED)
        out.reshape(-1)[shown] = np.maximum(log_es, 0.0)
    return out


def _by_edge(
    bounded: list[list[Bounded]], strata: _Strata, present: Bools
) -> list[tuple[Asked, list[Bounded], list[int]]]:
    """Each edge, what it has so far, and which of its pairs are present."""
    there = np.flatnonzero(present)
    cuts = np.searchsorted(there, strata.first).tolist()
    places = there.tolist()
    return [
        (edge, out, places[begins:ends])
        for edge, out, begins, ends in zip(strata.asked, bounded, cuts[:-1], cuts[1:], strict=True)
    ]


def _add_side(
    bounded: list[list[Bounded]],
    strata: _Strata,
    side: Side,
    fresh: Shares,
    settings: JudgeSettings,
) -> None:
    measured = _measured(strata, side)
    if measured is None:
        return
    pair, windows, new, old = measured.pair, measured.windows, measured.new, measured.old
    pairs = strata.pairs
    calls, b = new.sum(axis=1), old.sum(axis=1)
    present = (np.bincount(pair, weights=calls, minlength=pairs) > 0) & (
        np.bincount(pair, weights=b, minlength=pairs) > 0
    )
    past, moment = measured.pasts()
    floors = measured.lowest, settings.latency_floor_buckets, settings.latency_floor_seconds
    thresholds = [
        (enough & (b > 0), rate, above, s)
        for _, enough, rate, above, s in above_bounds(past, moment, new, old, floors)
    ]
    aside = fresh_calls(fresh, windows, calls)
    every = np.ones((len(thresholds), pairs), dtype=np.bool_)
    at_most = _at_most(thresholds, calls, aside, b, pair, every)
    leaning = at_most >= LEANS - ROUNDING
    if aside.any() and leaning.any():
        # a test asks for the calls of fresh instances only where the others lean that way
        fresh_too = _at_most(thresholds, calls, np.zeros_like(calls), b, pair, leaning)
        at_most = np.maximum(at_most, fresh_too)
    # of the three thresholds the mean is at most the highest
    highest = at_most.max(axis=0)
    for _, out, places in _by_edge(bounded, strata, present):
        out += [Bounded(side, False, False, False, float(highest[place])) for place in places]


def _at_most(
    thresholds: Sequence[tuple[Bools, Floats, Floats, Floats]],
    calls: Floats,
    aside: Floats,
    b: Floats,
    pair: Ints,
    wanted: Bools,
) -> Floats:
    """Thresholds x pairs: the log of the e-value of the new version's calls without those `aside`,
    at least 0; of those that are `wanted` (thresholds x pairs).
    """
    a, pairs = calls - aside, wanted.shape[1]
    out = np.zeros(wanted.shape)
    used = [
        usable & (a > 0) & wanted[place, pair] for place, (usable, *_) in enumerate(thresholds)
    ]
    # no call of the new version above a bound shows nothing (the logarithm is concave): not worth
    # more of them
    for place, (_, _, above, _) in enumerate(thresholds):
        slow = np.where(used[place], np.maximum(above - aside, 0.0), 0.0)
        used[place] &= (np.bincount(pair, weights=slow, minlength=pairs) > 0)[pair]
    if not any(of.any() for of in used):
        return out
    k, rates, s, every, warm, group = (
        np.concatenate(column)
        for column in zip(
            *(
                (
                    np.maximum(above[of] - aside[of], 0.0),
                    rate[of],
                    s[of],
                    b[of],
                    a[of],
                    place * pairs + pair[of],
                )
                for place, (of, (_, rate, above, s)) in enumerate(
                    zip(used, thresholds, strict=True)
                )
            ),
            strict=True,
        )
    )
    groups, log_es = _mixed(log_ratios(k, warm, s, every, rates), group)
    out.reshape(-1)[groups] = np.maximum(log_es, 0.0)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What one side measured in all strata, in order of pair and window, and before: histograms
    of new and old version and of the old one's rows `before`, bucket `lowest` first.
    """

    pair: Ints
    windows: Ints
    new: Floats
    old: Floats
    before: Floats
    before_pair: Ints
    before_windows: Ints
    lowest: int

    def pasts(self) -> tuple[Floats, Ints]:
        """Of each pair, what the old version measured before each window in which both met; and
        which of these each stratum's is.
        """
        span = int(max(self.windows.max(), self.before_windows.max(initial=0))) + 1
        met = self.pair * span + self.windows
        keys = np.concatenate([self.before_pair * span + self.before_windows, met])
        order = np.argsort(keys, kind="stable")
        moments, at = runs(keys[order])
        measured = summed(np.concatenate([self.before, self.old])[order], at, moments.size)
        line = np.concatenate([np.zeros((1, self.old.shape[1])), np.cumsum(measured, axis=0)])
        met_at, strata = runs(met)
        ends = np.searchsorted(moments, met_at)
        begins = np.searchsorted(moments, met_at // span * span)
        return line[ends] - line[np.maximum(ends - REMEMBERED, begins)], strata


def _measured(strata: _Strata, side: Side) -> _Measured | None:
    """Of the edges that are asked for this side and have it; None where none does."""
    cuts = np.cumsum([0, *(edge.whole.windows.size for edge in strata.asked)])
    chosen: list[tuple[Asked, int, Ints, tuple[Floats, Floats]]] = []
    for place, edge in enumerate(strata.asked):
        data = histograms(edge.whole, side) if side in edge.sides else None
        if data is not None:
            rows = np.arange(cuts[place], cuts[place + 1])
            chosen.append((edge, int(strata.first[place]), rows, data[:2]))
    if not chosen:
        return None
    lowest = min(edge.whole.table.lowest for edge, *_ in chosen)
    width = max(edge.whole.table.lowest + data[0].shape[1] for edge, _, _, data in chosen) - lowest
    befores: list[tuple[Ints, Ints, Floats]] = []
    for edge, begins, _, _ in chosen:
        whole, latency = edge.whole, edge.whole.table.latency(side)
        _, codes = other_codes(whole.table, whole.role)
        rows = whole.before_rows
        places = np.searchsorted(edge.met, codes[rows])
        has_met = edge.met[np.minimum(places, edge.met.size - 1)] == codes[rows]
        rows = rows[has_met]
        if latency is not None:
            befores.append((begins + places[has_met], whole.table.windows[rows], latency[rows]))
    lows = [edge.whole.table.lowest - lowest for edge, *_ in chosen]
    new, old, before = (
        beneath(parts, lows, width)
        for parts in (
            [data[0] for *_, data in chosen],
            [data[1] for *_, data in chosen],
            [rows for *_, rows in befores],
        )
    )
    rows = np.concatenate([rows for _, _, rows, _ in chosen])
    pair = strata.pair[rows]
    order = np.argsort(pair, kind="stable")
    return _Measured(
        pair[order],
        strata.windows[rows][order],
        new[order],
        old[order],
        before,
        np.concatenate([pairs for pairs, _, _ in befores]),
        np.concatenate([windows for _, windows, _ in befores]),
        lowest,
    )


def _mixed(logs: Floats, groups: Ints, weights: Floats | None = None) -> tuple[Ints, Floats]:
    """The groups that there are, and of each the log of the mean over the grid of the product of
    its strata. `logs`: grid x strata; `groups`: each stratum's.
    """
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sums = np.add.reduceat(logs[:, order], starts, axis=1)
    top = sums.max(axis=0)
    terms = np.exp(sums - top)
    mean = terms.mean(axis=0) if weights is None else weights @ terms
    return groups[starts], top + np.log(mean)
