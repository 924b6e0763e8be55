"""How many calls and errors each row stands for; where no count is told, one is assumed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.outside.told import Floats, Ints, Rows, numbered

FEWEST, USUAL, MOST = 10.0, 50.0, 200.0
"""Calls a bin that are assumed: as many as the success rate's own wandering before the deploy
speaks for, within these.
"""
ENOUGH_BINS = 8
NEAR, DIGITS = 1e-6, 13
"""A rate that is so near to a fraction of few calls is that fraction."""
COARSE = 1e4
"""Rates of so few digits are rounded: their fractions tell of the rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Calls and errors a row; `assumed` marks rows whose calls are, `told` rows that say how calls
    ended.
    """

    calls: Ints
    errors: Ints
    assumed: NDArray[np.bool_]
    told: NDArray[np.bool_]

    def taken(self, rows: NDArray[np.bool_]) -> "Counts":
        """Those of some rows."""
        return Counts(self.calls[rows], self.errors[rows], self.assumed[rows], self.told[rows])


def counts_of(rows: Rows, before: float) -> Counts:
    """What is assumed rests on the edge's bins that ended by `before`."""
    calls = rows.count.copy()
    open_rows = np.isnan(calls)
    sums = np.array([_sum(text) for text in rows.histogram[open_rows].tolist()], dtype=np.float64)
    calls[open_rows] = sums
    answered = (
        ~np.isnan(rows.success_rate)
        | ~np.isnan(rows.errors)
        | ~np.isnan(rows.p50_ms)
        | ~np.isnan(rows.mean_ms)
    )
    assumed = np.isnan(calls) & (
        answered | ~np.isnan(rows.p90_ms) | ~np.isnan(rows.p95_ms) | ~np.isnan(rows.p99_ms)
    )
    series = _series(rows) if assumed.any() else np.zeros(len(rows), dtype=np.int64)
    for code in np.unique(series[assumed]).tolist():
        mine = series == code
        calls[mine & assumed] = _likely(rows.success_rate[mine & (rows.ends <= before)])
        for version in np.unique(rows.version.codes[mine & assumed]).tolist():
            some = np.flatnonzero(mine & assumed & (rows.version.codes == version))
            unknown = np.inf if (rows.ends[some] <= before).any() else FEWEST
            calls[some] = np.minimum(
                calls[some], _at_most(rows.success_rate[some], rows.ends[some], unknown)
            )
    calls = np.nan_to_num(np.rint(calls))
    errors = np.where(np.isnan(rows.errors), (1.0 - rows.success_rate) * calls, rows.errors)
    is_told = ~np.isnan(errors)
    errors = np.minimum(_carried(np.nan_to_num(errors), rows), calls)
    return Counts(calls.astype(np.int64), errors.astype(np.int64), assumed, is_told)


def _carried(errors: Floats, rows: Rows) -> Floats:
    """Whole numbers whose sum is that of the fractions: what a bin has less than one is carried on
    to the next one of the same teller, so that no failure is rounded away.
    """
    whole: Floats = np.rint(errors)
    parts = np.abs(errors - whole) > NEAR * np.maximum(errors, 1.0)
    if not parts.any():
        return whole
    series = numbered(rows.caller, rows.callee, rows.operation, rows.side, rows.version,
                      rows.instance, rows.zone)[1]  # fmt: skip
    for code in np.unique(series[parts]).tolist():
        mine = np.flatnonzero(series == code)
        mine = mine[np.argsort(rows.ts[mine], kind="stable")]
        line = np.floor(np.cumsum(errors[mine]) + 0.5 + NEAR)
        whole[mine] = np.diff(line, prepend=0.0)
    return whole


def _sum(text: object) -> float:
    """Calls that a histogram holds; what it cannot be read as is said elsewhere."""
    if not text:
        return float("nan")
    parts = [pair.partition(":")[2] for pair in str(text).split()]
    return float(sum(int(part) for part in parts if part.isdecimal() and len(part) <= DIGITS))


def _series(rows: Rows) -> Ints:
    """A code for each edge as one side tells it."""
    columns = (rows.caller, rows.callee, rows.operation, rows.side)
    return np.ravel(
        np.unique(np.stack([column.codes for column in columns]), axis=1, return_inverse=True)[1]
    ).astype(np.int64)


def _at_most(rates: Floats, ends: Floats, unknown: float) -> Floats:
    """Calls of each bin that the rates so far speak for, where they are fractions of few: 0.888889
    is 8 of 9. Infinite where nothing tells.

    That is while rates have few digits, or are of more calls; and `unknown` before the first
    failure. Of one version's bins: a canary has fewer calls than the others. Later bins have no
    part in it.
    """
    bounds: Floats = np.full(rates.size, np.inf)
    whole = np.arange(2.0, MOST + 1.0)
    sizes: list[float] = []
    seen, fine = 0, False
    for place in np.argsort(ends, kind="stable").tolist():
        rate, least = float(rates[place]), 1.0
        bounds[place] = unknown if not seen and rate == 1.0 else np.inf
        if 0.0 < rate < 1.0:
            fits = np.abs(np.rint(rate * whole) / whole - rate) <= NEAR
            seen += 1
            fine = fine or abs(rate * COARSE - round(rate * COARSE)) > COARSE * NEAR
            if fits.any():
                least = float(whole[fits.argmax()])
                sizes.append(least)
            else:
                continue
        if fine and 2 * len(sizes) > seen:
            bounds[place] = least * max(1.0, round(float(np.median(sizes)) / least))
    return bounds


def _likely(rates: Floats) -> float:
    """Calls of which a rate that wanders so much would be a mere share: p (1 - p) over its
    variance.
    """
    rates = rates[~np.isnan(rates)]
    if rates.size < ENOUGH_BINS:
        return USUAL
    rate, variance = float(rates.mean()), float(rates.var())
    if variance <= 0.0 or rate in (0.0, 1.0):
        return USUAL
    return float(np.clip(rate * (1.0 - rate) / variance, FEWEST, MOST))
