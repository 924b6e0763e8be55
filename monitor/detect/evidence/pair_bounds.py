"""What the tests of an edge's version pairs can show at most, all pairs at once: most edges have
nothing to tell, and then no pair need be tested by itself.

Each bound is the e-value that the pair's own test would reckon if its bad calls did not come in
bursts and did not go away; both only lower it (for phi >= 1 the mean of x^(1/phi) is at most the
mean of x to the same power). A property test holds it to the tests.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, runs, summed
from monitor.detect.evidence.latency import REMEMBERED, above_bounds, log_ratios
from monitor.detect.evidence.rates import EXPECTED
from monitor.detect.evidence.rates import log_ratios as rate_log_ratios
from monitor.detect.measure.contrasts import Contrast, Side, histograms, other_codes
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings


@dataclass(frozen=True, slots=True)
class Bounded:
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


def bounds_of_pairs(
    whole: Contrast,
    met: Ints,
    rates: Sequence[Rate],
    sides: Sequence[Side],
    fresh: Shares,
    settings: JudgeSettings,
) -> list[Bounded]:
    """For each pair and each of these rates and sides, where the pair has such a test.

    `whole`: both versions over all counterparts; `met`: codes of the counterparts that met both.
    """
    _, codes = other_codes(whole.table, whole.role)
    counterpart = np.empty(whole.windows.size, dtype=np.int64)
    counterpart[whole.stratum_of_new] = codes[whole.new_rows]
    pair = np.searchsorted(met, counterpart)
    order = np.argsort(pair, kind="stable")
    bounded = list(_of_rates(whole, pair, met.size, rates, fresh, settings.floor_ratio))
    for side in sides:
        bounded += _of_side(whole, side, pair, order, met, fresh, settings)
    return bounded


def _of_rates(
    whole: Contrast,
    pair: Ints,
    pairs: int,
    rates: Sequence[Rate],
    fresh: Shares,
    floor_ratio: float,
) -> Iterator[Bounded]:
    """All rates in one sum: a stratum with a bad call belongs to a rate, a way of taking fresh
    instances, and a pair.
    """
    counted: list[tuple[Rate, list[int], list[bool], int, int]] = []
    parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    groups = 0
    for rate in rates:
        (k, s), (a, b) = whole.column(rate.bad), whole.column(rate.calls)
        present = np.bincount(pair, weights=a + b, minlength=pairs) > 0
        if rate.spared:
            present &= np.bincount(pair, weights=k + s, minlength=pairs) > 0
        ways = [(k, a)]
        if rate.warm:
            aside = fresh_calls(fresh, whole.windows, a).astype(np.int64)
            if aside.any():
                ways.insert(0, (np.maximum(k - aside, 0), a - aside))
        bad = np.bincount(pair, weights=ways[0][0] + s, minlength=pairs) > 0
        counted.append((rate, np.flatnonzero(present).tolist(), bad.tolist(), groups, len(ways)))
        for new_bad, new_calls in ways:
            used = (new_calls > 0) & (b > 0) & (new_bad + s > 0)
            parts.append((groups + pair[used], new_bad[used], s[used], new_calls[used], b[used]))
            groups += pairs
    if not counted:
        return
    group, k, s, a, b = (np.concatenate(column) for column in zip(*parts, strict=True))
    at_most = np.zeros(groups)
    if group.size:
        # a rate with no bad call of the new version shows nothing: not worth a logarithm
        lean = np.bincount(group, weights=k, minlength=groups) > 0
        kept = lean[group]
        group, k, s, a, b = (column[kept] for column in (group, k, s, a, b))
        if group.size:
            for_new, for_old = rate_log_ratios(a / (a + b), floor_ratio)
            shown, log_es = _mixed(for_new * k + for_old * s, group, EXPECTED)
            at_most[shown] = np.maximum(log_es, 0.0)
    for rate, having, is_bad, first, ways_of in counted:
        highest = at_most[first : first + ways_of * pairs].reshape(ways_of, pairs).max(axis=0)
        for place in having:
            yield Bounded(rate.kind, False, True, is_bad[place], float(highest[place]))


def _of_side(
    whole: Contrast,
    side: Side,
    pair: Ints,
    order: Ints,
    met: Ints,
    fresh: Shares,
    settings: JudgeSettings,
) -> Iterator[Bounded]:
    data, latency = histograms(whole, side), whole.table.latency(side)
    if data is None or latency is None:
        return
    new, old, pair, windows = data[0][order], data[1][order], pair[order], whole.windows[order]
    calls, b = new.sum(axis=1), old.sum(axis=1)
    present = (np.bincount(pair, weights=calls) > 0) & (np.bincount(pair, weights=b) > 0)
    past, strata = _pasts(whole, latency, pair, windows, old, met)
    aside = fresh_calls(fresh, windows, calls)
    ways = [calls, calls - aside] if aside.any() else [calls]
    floors = (
        whole.table.lowest,
        settings.latency_floor_buckets,
        settings.latency_floor_seconds,
    )
    used_of: list[Bools] = []
    counted: list[tuple[Floats, Floats, Floats]] = []  # k, a, s of each threshold and way
    rates: list[Floats] = []
    for _, enough, rate, above, s in above_bounds(past, strata, new, old, floors):
        for a in ways:
            counted.append((above if a is calls else np.maximum(above - aside, 0.0), a, s))
            used_of.append((a > 0) & (b > 0) & enough)
            rates.append(rate)
    used = np.concatenate(used_of)
    highest = np.zeros(met.size)
    if used.any():
        k, a, s = (np.concatenate(column)[used] for column in zip(*counted, strict=True))
        every = np.tile(b, len(used_of))[used]
        group = (np.arange(len(used_of))[:, None] * met.size + pair).reshape(-1)[used]
        logs = log_ratios(k, a, s, every, np.concatenate(rates)[used])
        groups, log_es = _mixed(logs, group)
        # of the three thresholds the mean is at most the highest
        np.maximum.at(highest, groups % met.size, log_es)
    for place in np.flatnonzero(present).tolist():
        yield Bounded(side, False, False, False, float(highest[place]))


def _pasts(
    whole: Contrast, latency: Floats, pair: Ints, windows: Ints, old: Floats, met: Ints
) -> tuple[Floats, Ints]:
    """Of each pair, what the old version measured before each window in which both met; and which
    of these each stratum's is. Strata come in order of pair and window; `told`: one side's
    histograms, rows of the table x buckets.
    """
    _, codes = other_codes(whole.table, whole.role)
    rows = whole.before_rows
    places = np.searchsorted(met, codes[rows])
    has_met = met[np.minimum(places, met.size - 1)] == codes[rows]
    rows, places = rows[has_met], places[has_met]
    span = int(whole.table.windows[-1]) + 1
    keys = np.concatenate([places * span + whole.table.windows[rows], pair * span + windows])
    order = np.argsort(keys, kind="stable")
    moments, at = runs(keys[order])
    measured = summed(np.concatenate([latency[rows], old])[order], at, moments.size)
    line = np.concatenate([np.zeros((1, old.shape[1])), np.cumsum(measured, axis=0)])
    met_at, strata = runs(pair * span + windows)
    ends = np.searchsorted(moments, met_at)
    begins = np.searchsorted(moments, met_at // span * span)
    return line[ends] - line[np.maximum(ends - REMEMBERED, begins)], strata


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
