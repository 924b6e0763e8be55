"""Which of several releases of the same minutes the bad calls of others follow: by the share of
their calls that each release's new version had, window by window.

Two releases that began minutes apart, or took over in other steps, tell apart by themselves: what
one breaks grows as its share does. A release of which nobody tells the share may have taken over at
any moment within some minutes, at once or bit by bit: it is given the curve that suits it best.
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from monitor.detect.arrays import Floats, Ints, placed
from monitor.detect.evidence.before_after import dose_over_step, dose_rates
from monitor.detect.evidence.rates import in_incident
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.series import Series

TAKES = 300.0
"""Seconds in which a release whose share nobody tells takes over, from its moment on."""
MOMENTS = 8
"""So many of these moments are tried, most of them near the first: each costs a fit."""
PARTS = (0.02, 0.98)
STEPPED = 2
"""A share told between these in so many windows is a curve of its own; else it is a step."""
BEGUN = math.log(100.0)
"""So much likelier must bad calls be that began at some moment than such as were there before."""
CERTAIN = math.log(1000.0)
"""So much likelier must one release be than another to be told apart from it."""


def curves(tables: Sequence[EdgeTable], version: str, began: float, windows: Ints) -> list[Floats]:
    """The share of the new version in each of the `windows`: as told by these tables where it was
    between none and all, else each that is possible since it `began`. None where calls are assumed:
    they tell no share.
    """
    if not all(table.is_counted for table in tables):
        return []
    observed = _told(tables, version, windows)
    if (
        observed is not None
        and int(((observed > PARTS[0]) & (observed < PARTS[1])).sum()) >= STEPPED
    ):
        return [observed]
    grain = float(np.diff(windows).min()) if windows.size > 1 else 0.0
    within = np.flatnonzero((windows >= began - grain) & (windows <= began + TAKES))
    few = np.unique(np.geomspace(1, max(within.size, 1), MOMENTS).round().astype(int)) - 1
    moments = windows[within[few]] if within.size else windows[within]
    possible = [
        np.clip((windows + grain - moment) / max(seconds, grain), 0.0, 1.0)
        for moment in moments
        for seconds in (0.0, TAKES / 2.0, TAKES)
    ]
    return [observed, *possible] if observed is not None and observed.any() else possible


def _told(tables: Sequence[EdgeTable], version: str, windows: Ints) -> Floats | None:
    """The share by window, that of the last one where nothing was called; None where no row names
    the version. Rows that name none are another side's word on the same calls, unless all that is
    not the new version has no name.
    """
    named = {name for table in tables for name in table.callee_versions} - {"", version}
    every, new = np.zeros(windows.size), np.zeros(windows.size)
    for table in tables:
        if version not in table.callee_versions:
            continue
        places, inside = placed(table.windows, windows)
        calls = table.counts[inside, COUNTS.index("calls")].astype(np.float64)
        is_new = table.callee[inside] == table.callee_versions.index(version)
        if named and "" in table.callee_versions:
            calls = calls * (table.callee[inside] != table.callee_versions.index(""))
        every += np.bincount(places, weights=calls, minlength=windows.size)
        new += np.bincount(places, weights=calls * is_new, minlength=windows.size)
    if not new.any():
        return None
    with_calls = np.flatnonzero(every)
    last = np.maximum(np.searchsorted(with_calls, np.arange(windows.size), side="right") - 1, 0)
    return np.asarray((new / np.maximum(every, 1.0))[with_calls[last]], dtype=np.float64)


def likelihood(answers: Series, shares: Sequence[Floats]) -> tuple[float, Floats]:
    """Log likelihood (Poisson, but for what no rate changes) of bad calls that grow with the best
    of these shares, and what that one lets expect in each window.
    """
    return max((_fit(answers, share) for share in shares), key=lambda fit: fit[0])


def _fit(answers: Series, share: Floats) -> tuple[float, Floats]:
    low, high = dose_rates(answers.bad, answers.calls, share)
    mean = np.maximum(low + high * share, 1e-12)
    expected: Floats = np.asarray(mean * answers.calls, dtype=np.float64)
    return float((answers.bad * np.log(mean) - expected).sum()), expected


def likelier(
    answers: Series, mine: Sequence[Floats], other: Sequence[Floats], since: float
) -> float:
    """By how much (in logs) the bad calls follow the one release rather than the other; less where
    they scatter more than calls do, and 0 where an incident that was not over before the deploy
    (`since`) suits them better than either. One that was over is left out.
    """
    past = answers.windows < since
    over = np.zeros(past.size, dtype=bool)
    over[past] = in_incident(answers.bad[past], answers.calls[past])
    mine, other = ([share[~over] for share in shares] for shares in (mine, other))
    answers = answers.part(~over)
    (here, expected), (there, elsewhere) = likelihood(answers, mine), likelihood(answers, other)
    left = _scatter(answers, expected if here >= there else elsewhere)
    if _incident(answers, since) - max(here, there) >= CERTAIN * left:
        return 0.0
    return (here - there) / left


def _incident(answers: Series, since: float) -> float:
    """Log likelihood of bad calls at one rate from some moment to another, and at another rate
    before and after: the best of all such that were not over by `since`.
    """
    k, a = (
        np.concatenate([[0], np.cumsum(column)]).astype(np.float64)
        for column in (answers.bad, answers.calls)
    )
    begins, ends = np.triu_indices(k.size, 1)
    lasts = ends > np.searchsorted(answers.windows, since)
    begins, ends = begins[lasts], ends[lasts]
    inside = k[ends] - k[begins], a[ends] - a[begins]
    outside = k[-1] - inside[0], a[-1] - inside[1]
    levels = sum(
        bad * np.log(np.maximum(bad, 1e-12) / np.maximum(calls, 1e-12)) - bad
        for bad, calls in (inside, outside)
    )
    return float(np.max(levels))


def beyond_a_step(answers: Series, share: Floats) -> float:
    """The same of bad calls that grow with a share rather than at one moment, whichever."""
    _, expected = _fit(answers, share)
    return dose_over_step(answers.bad, answers.calls, share, -math.inf) / _scatter(
        answers, expected
    )


def begins_within(answers: Series) -> bool:
    """Whether bad calls became more often at some moment of these, so much likelier than that they
    came at one rate: by no version that was there from the first.
    """
    k, a = (np.cumsum(column).astype(np.float64) for column in (answers.bad, answers.calls))
    if k.size < 2 or not k[-1]:
        return False
    early, late = (k[:-1], a[:-1]), (k[-1] - k[:-1], a[-1] - a[:-1])
    rates = [bad / np.maximum(calls, 1.0) for bad, calls in (early, late)]
    gained = sum(
        scipy.special.xlogy(bad, rate) for (bad, _), rate in zip((early, late), rates, strict=True)
    ) - scipy.special.xlogy(k[-1], k[-1] / a[-1])
    return float(np.where(rates[1] > rates[0], gained, 0.0).max()) >= BEGUN


def _scatter(answers: Series, expected: Floats) -> float:
    """Variance over mean of what is left, at least 1."""
    used = expected > 0
    squares = float(((answers.bad[used] - expected[used]) ** 2 / expected[used]).sum())
    return max(1.0, squares / max(int(used.sum()) - 2, 1))
