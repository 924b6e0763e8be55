"""Times at which something was ill that a release cannot reach: they tell nothing of it, once that
is over.

An outage hits the new version, its callers and everybody else alike, so no comparison with what
was before can be right then. What is left must be enough for a verdict, and is: harm stays, an
outage goes. Only those tell who neither call the released service, nor are called by it, by
whatever way; and where nobody tells who calls it, most of all others together. While something is ill, or for most of the time since the release, all counts as
ever: harm may go ways that nobody told.
"""

from collections.abc import Sequence

import numpy as np

from monitor.detect.arrays import Bools, Ints
from monitor.detect.evidence.rates import dispersion, without_peaks
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import EdgeTable, part_of
from monitor.detect.measure.series import Series

MORE_POINTS, TIMES, SPREADS = 0.02, 3.0, 4.0
"""A service is ill in a window in which so many more of all its calls fail than usual, so many
times as many, and so many standard deviations more.
"""
FEWEST_BEFORE = 8
"""Windows before by which what is usual is known."""
OVER_SECONDS, CALM = 180.0, 0.8
"""It is over when so large a part of the last minutes was calm."""
CALM_SINCE = 0.4
"""So large a part of the time since must be calm for what happened to be set aside."""
NEAR_SECONDS = 300.0
"""What was ill so long before a release, at most, still stands beside it."""
EVERYBODY, FEWEST_OF_ALL = 0.75, 4.0
"""So large a part of all others, and so many, is nearly everybody."""
LONG_GRAIN = 240
"""Windows so long hold what happened; of shorter ones the next may hold its begin or end."""


def troubled(near: Surroundings) -> Ints:
    """Windows, before and since, in which a stranger was ill, or nearly everybody; none where that
    is not over, or lay long before.
    """
    answers = [near.answered(name) for name in sorted(near.apart)]
    every = np.unique(np.concatenate([there.windows for there in answers])) if answers else None
    if every is None or not (every >= near.since).any():
        return np.zeros(0, dtype=np.int64)
    counted = np.zeros(every.size)
    for there in [*answers, _all_of(answers, every)] if near.callers else answers:
        counted[np.searchsorted(every, there.windows[_is_ill(there, near)])] += 1.0
    ill = counted >= (1.0 if near.callers else max(FEWEST_OF_ALL, EVERYBODY * len(answers)))
    if near.grain < LONG_GRAIN:
        ill |= np.append(ill[1:], False) | np.append(False, ill[:-1])
    since = every >= near.since
    last = every > every[-1] - max(OVER_SECONDS, 2.0 * near.grain)
    if (
        not ill[every >= near.since - NEAR_SECONDS].any()
        or float((~ill[last]).mean()) < CALM
        or float((~ill[since]).mean()) < CALM_SINCE
        or float((~ill[since]).sum()) * near.grain < OVER_SECONDS
    ):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(every[ill], dtype=np.int64)


def _all_of(answers: Sequence[Series], every: Ints) -> Series:
    """All strangers as one: what each has too few calls to show."""
    bad, calls = np.zeros(every.size, dtype=np.int64), np.zeros(every.size, dtype=np.int64)
    for there in answers:
        places = np.searchsorted(every, there.windows)
        bad[places] += there.bad
        calls[places] += there.calls
    return Series(every, bad, calls)


def _is_ill(answers: Series, near: Surroundings) -> Bools:
    past = answers.windows <= near.since - near.grain
    bad, calls = without_peaks(answers.bad[past], answers.calls[past])
    if bad.size < FEWEST_BEFORE or not calls.sum():
        return np.zeros(answers.windows.size, dtype=bool)
    usual = answers.calls * (float(bad.sum()) + 0.5) / float(calls.sum())
    more = np.maximum(
        (TIMES - 1.0) * usual,
        SPREADS * np.sqrt(usual * dispersion(bad, calls)) + 1.0,
    )
    return np.asarray(
        answers.bad - usual > np.maximum(more, MORE_POINTS * answers.calls), dtype=bool
    )


def calm(tables: Sequence[EdgeTable], ill: Ints) -> list[EdgeTable]:
    """The tables without these windows; none that are left empty."""
    kept = ((table, ~np.isin(table.windows, ill)) for table in tables)
    return [part_of(table, rows) for table, rows in kept if rows.any()]
