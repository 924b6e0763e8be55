"""Other people's rules on the same rows: each a few lines, as its makers describe it. They are
compared with, and no part of the product.

All see, per edge into the deployed service and per bin: calls, share of errors, a high latency.
Where both versions are live the new one is held against the old one's bins of the same time, else
what came since against what was before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.outside.counts import counts_of
from monitor.outside.shapes import shapes_of
from monitor.outside.told import Cases, Told

MOMENTS = (
    120.0,
    180.0,
    300.0,
    420.0,
    600.0,
    900.0,
    1200.0,
    1500.0,
    1800.0,
    2100.0,
    2700.0,
    3600.0,
)


@dataclass(frozen=True)
class Line:
    """One edge's bins in time order, of one side of the comparison."""

    ends: np.ndarray
    errors: np.ndarray
    latency: np.ndarray

    def until(self, moment: float) -> "Line":
        keep = self.ends <= moment
        return Line(self.ends[keep], self.errors[keep], self.latency[keep])

    def last(self, seconds: float) -> "Line":
        keep = self.ends > (self.ends[-1] if self.ends.size else 0.0) - seconds
        return Line(self.ends[keep], self.errors[keep], self.latency[keep])


@dataclass(frozen=True)
class Pair:
    """What a rule compares: the new version's bins, what they are held against, and the edge's
    past.
    """

    new: Line
    old: Line
    past: Line

    def metrics(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for name in ("errors", "latency"):
            values = [getattr(line, name) for line in (self.new, self.old, self.past)]
            yield tuple(series[~np.isnan(series)] for series in values)  # type: ignore[misc]


def mann_whitney(pair: Pair, at: float) -> bool:
    """Kayenta: a metric is high when Mann–Whitney at 98 % says so beyond a tolerance of 25 %; half
    an hour at most; no data is no fault.
    """
    # its import takes 2 s, which each process that collects tests would pay
    from scipy import stats

    for new, old, _ in Pair(pair.new.last(1800.0), pair.old.last(1800.0), pair.past).metrics():
        if new.size < 3 or old.size < 3 or (new.min() == new.max() and old.min() == old.max()):
            continue
        p = stats.mannwhitneyu(new, old * 1.25, alternative="greater").pvalue
        if p < 0.01 and new.mean() > 1.25 * old.mean():
            return True
    return False


def five_points(pair: Pair, at: float) -> bool:
    """Two bins in a row with 5 points more errors than usual, or a latency 5 % above all of the
    past.
    """
    new, past = pair.new, pair.past
    over = new.errors > np.nanmean(past.errors) + 0.05 if past.errors.size else new.errors > 0.05
    slow = (
        new.latency > 1.05 * np.nanmax(past.latency)
        if np.isfinite(past.latency).any()
        else np.zeros(over.size, dtype=bool)
    )
    return _twice(over) or _twice(slow)


def static(pair: Pair, at: float) -> bool:
    """Two bins in a row above 5 % errors or one second."""
    return _twice(pair.new.errors > 0.05) or _twice(pair.new.latency > 1000.0)


def cusum(pair: Pair, at: float) -> bool:
    """An exponential mean of the past, CUSUM of what differs from it, and Welch's test
    to confirm.
    """
    from scipy import stats

    for new, _, past in pair.metrics():
        if past.size < 5 or new.size < 2:
            continue
        mean, variance = float(past[0]), 0.0
        for value in past:
            step = float(value) - mean
            mean += 0.1 * step
            variance = 0.9 * (variance + 0.1 * step**2)
        sd = max(variance**0.5, 1e-3 * max(abs(mean), 1e-3))
        high, alarmed = 0.0, False
        for value in new:
            high = max(0.0, high + (float(value) - mean) / sd - 0.5)
            alarmed |= high > 5.0
        if alarmed and new.std() + past.std() > 0:
            test = stats.ttest_ind(new, past, equal_var=False)
            if test.pvalue < 0.01 and new.mean() > past.mean():
                return True
    return False


def e_divisive(pair: Pair, at: float) -> bool:
    """Matteson and James: the split with the largest energy distance, by permutation; alarmed when
    it lies at the deploy and rises.
    """
    for name in ("errors", "latency"):
        values = np.concatenate([getattr(line, name) for line in (pair.past, pair.new)])
        known = ~np.isnan(values)
        ends = np.concatenate([pair.past.ends, pair.new.ends])[known]
        values = values[known][-240:]
        ends = ends[-240:]
        if values.size < 12 or values.min() == values.max():
            continue
        place, size = _split(values)
        rng = np.random.default_rng(0)
        beaten = sum(_split(rng.permutation(values))[1] >= size for _ in range(39))
        step = float(np.median(np.diff(np.unique(ends)))) if np.unique(ends).size > 1 else 60.0
        near = abs(ends[place - 1] - at) <= 3.0 * step
        if beaten == 0 and near and values[place:].mean() > 1.05 * values[:place].mean():
            return True
    return False


def _split(values: np.ndarray) -> tuple[int, float]:
    """Where the energy distance between before and after is largest, with three points at each
    end, and how large it is.
    """
    size = values.size
    apart = np.abs(values[:, None] - values[None, :])
    line = apart.cumsum(axis=0).cumsum(axis=1)
    cuts = np.arange(3, size - 2)
    inner_a = line[cuts - 1, cuts - 1]
    total = line[-1, -1]
    across = line[cuts - 1, -1] - inner_a
    inner_b = total - inner_a - 2.0 * across
    n, m = cuts, size - cuts
    energy = 2.0 * across / (n * m) - inner_a / (n * (n - 1)) - inner_b / (m * (m - 1))
    scaled = n * m / (n + m) * energy
    best = int(scaled.argmax())
    return int(cuts[best]), float(scaled[best])


def _twice(over: np.ndarray) -> bool:
    return bool((over[1:] & over[:-1]).any())


RULES: dict[str, Callable[[Pair, float], bool]] = {
    "Mann–Whitney (Kayenta)": mann_whitney,
    "+5 % windows": five_points,
    "static thresholds": static,
    "EMA+CUSUM+Welch": cusum,
    "E-divisive": e_divisive,
}


def decided(cases: Cases, told: Told) -> dict[str, float | None]:
    """When each rule alarms, None for never. No rule knows suspects or silence: each names the
    deploy it was asked about.
    """
    pairs = list(_pairs(cases, told))
    until = told.evaluate_until or told.at + 3600.0
    alarms: dict[str, float | None] = {}
    for name, rule in RULES.items():
        alarms[name] = None
        for age in (*(age for age in MOMENTS if told.at + age < until), until - told.at):
            moment = told.at + age
            seen = [
                Pair(pair.new.until(moment), pair.old.until(moment), pair.past) for pair in pairs
            ]
            if any(pair.new.ends.size >= 2 and rule(pair, told.at) for pair in seen):
                alarms[name] = moment
                break
    return alarms


def _pairs(cases: Cases, told: Told) -> Iterator[Pair]:
    rows = cases.of(told.case).rows
    rows = rows.take(rows.callee.is_any(told.service) & ~rows.side.is_any("client"))
    if not len(rows):
        return
    counts = counts_of(rows, told.at)
    shapes = shapes_of(rows, counts.calls, "edges")
    high = np.array([_p95(shape) for shape in shapes.histograms])
    for caller in np.unique(rows.caller.codes).tolist():
        mine = (rows.caller.codes == caller) & (counts.calls > 0)
        lines = {}
        for name in (told.version_from, told.version_to, ""):
            chosen = mine & rows.version.is_any(name)
            lines[name] = _line(
                rows.ends[chosen], counts.calls[chosen], counts.errors[chosen], high[chosen]
            )
        whole = lines[""] if lines[""].ends.size else lines[told.version_from]
        past = whole.until(told.at)
        if lines[told.version_to].ends.size:
            new = lines[told.version_to]
            old = Line(
                *(
                    getattr(lines[told.version_from], name)
                    for name in ("ends", "errors", "latency")
                )
            )
            beside = old.ends > told.at
            old = Line(old.ends[beside], old.errors[beside], old.latency[beside])
        else:
            after = whole.ends > told.at
            new, old = Line(whole.ends[after], whole.errors[after], whole.latency[after]), past
        yield Pair(new, old if old.ends.size >= 3 else past, past)


def _line(ends: np.ndarray, calls: np.ndarray, errors: np.ndarray, high: np.ndarray) -> Line:
    """Instances put together: errors summed, the mean of their latencies."""
    moments, places = np.unique(ends, return_inverse=True)
    total = np.bincount(places, weights=calls, minlength=moments.size)
    bad = np.bincount(places, weights=errors, minlength=moments.size)
    slow = np.bincount(places, weights=high * calls, minlength=moments.size) / np.maximum(total, 1)
    return Line(moments, bad / np.maximum(total, 1), slow)


def _p95(histogram: dict[int, int]) -> float:
    """In ms."""
    if not histogram:
        return float("nan")
    buckets = sorted(histogram)
    line = np.cumsum([histogram[bucket] for bucket in buckets])
    place = int(np.searchsorted(line, 0.95 * line[-1] - 1e-9))
    return float(2.0 ** ((buckets[place] + 0.5) / 8.0) * 1000.0)
