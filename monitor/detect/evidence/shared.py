"""What both versions show together, or the new one alone: damage to what they share, and harm that
no comparison side by side tells of.
"""

import math

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.before_after import dose_over_step, dose_rates, dose_response, fixed_e
from monitor.detect.evidence.history import late_from
from monitor.detect.evidence.rates import LEANS, dispersion, without_rare_peaks
from monitor.detect.evidence.tested import RATES, EdgeTests
from monitor.detect.evidence.timed import Step, is_biased, new_rows, old_rows, rates_of_calls
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import COLUMN, Contrast
from monitor.detect.measure.series import Measure, Series, series
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Signal

DOSE_Z = 4.0
FLOOR_ALONE = 1.25
DOSE_OVER_STEP = math.log(1000.0)
"""So much likelier must a dose be than a step at one moment."""


def well_until(edge: EdgeTests, moment: float) -> bool:
    """Whether the edge's calls since the deploy failed no more than before until `moment`, but did
    after it.
    """
    failures = Measure("errors", "server_error", "failed", "calls")
    since, before = (
        series(edge.table, new_rows(edge), failures),
        series(edge.table, old_rows(edge), failures),
    )
    return as_before_until(moment, before, since, edge.grain)


def as_before_until(
    moment: float, before: Series, since: Series, grain: int, fewest: float = 0.0
) -> bool:
    """Whether no more was bad than before until `moment`, but was after it. `fewest`: so many bad
    calls would have been due by then, had it been so from the first.
    """
    first = since.windows + grain <= moment  # a bin in which it began tells of both
    k, a, s, b = (
        float(column.sum())
        for column in (since.bad[first], since.calls[first], before.bad, before.calls)
    )
    later = (float(since.bad[~first].sum()) + 0.5) / max(float(since.calls[~first].sum()), 1.0)
    if not a or not b or later * a < fewest:
        return fewest <= 0.0
    return k <= 2.0 or k / a <= math.sqrt((s + 0.5) / b * later)


def worse_alone(edge: EdgeTests) -> list[Signal]:
    """Signals by which the new version failed more since the old one left than the old one ever
    did: no comparison side by side tells of that.
    """
    whole = edge.contrast
    if not whole.overlap or is_biased(edge) or edge.table.windows[-1] <= whole.windows[-1]:
        return []  # nothing came since they last met
    signals: list[Signal] = []
    for rate in rates_of_calls():
        if not _any(whole, rate.bad):
            continue
        since, before = (
            series(edge.table, new_rows(edge), rate),
            series(edge.table, old_rows(edge), rate),
        )
        alone = since.windows > whole.windows[-1]
        k, a = float(since.bad[alone].sum()), float(since.calls[alone].sum())
        met, of = (float(whole.column(name)[1].sum()) for name in (rate.bad, rate.calls))
        s, b = float(before.bad.sum()) + met, float(before.calls.sum()) + of
        phi = dispersion(before.bad, before.calls)
        if k and a and b and fixed_e(k / phi, s / phi, a / (a + b), FLOOR_ALONE) >= LEANS:
            signals.append(rate.signal)
    return signals


def shared_harm(edge: EdgeTests, settings: JudgeSettings) -> bool:
    """Whether the old version's errors grew with the new one's share: a reason not to pass, never
    one to fail.

    By as much as harm is at least. An outage in a ramp looks alike, and holds a pass back too:
    damage hides in one.
    """
    contrast = edge.contrast
    if not contrast.overlap:
        return False
    for _, _, bad, calls in RATES:
        if not _any(contrast, bad):
            continue
        before = [contrast.before[:, COUNTS.index(name)] for name in (bad, calls)]
        doses = _doses(contrast, bad, calls)
        response = dose_response(*doses, *before)
        # a dispersion is one at least
        if response < DOSE_Z or response / math.sqrt(dispersion(*before)) < DOSE_Z:
            continue
        low, added = dose_rates(
            *(
                np.concatenate([past, now])
                for past, now in zip((*before, np.zeros(before[0].size)), doses, strict=True)
            )
        )
        relevant = added >= settings.floor_difference and low + added >= settings.floor_ratio * low
        if relevant:
            return True
    return False


def worse_than_before(edge: EdgeTests, settings: JudgeSettings) -> bool:
    """Whether the old version, too, fails more of late than before the deploy: no comparison side
    by side tells of that.

    Incidents of before are left out, or they would hide the harm, unless they come again and again.
    A reason not to pass, never one to fail: an outage looks alike.
    """
    whole = edge.contrast
    if not whole.overlap:
        return False
    late = whole.windows > late_from(float(whole.windows[-1]), edge.grain)
    for rate in rates_of_calls():
        if not _any(whole, rate.bad):
            continue
        now_bad, now_calls = (
            whole.old[late, COUNTS.index(name)] for name in (rate.bad, rate.calls)
        )
        k, a = float(now_bad.sum()), float(now_calls.sum())
        if not k or not a or k / a < settings.floor_difference:
            continue
        before = series(edge.table, old_rows(edge), rate)
        bad, calls = without_rare_peaks(before.bad, before.calls)
        s, b = float(bad.sum()), float(calls.sum())
        if not b or k / a - s / b < settings.floor_difference:
            continue
        phi = max(dispersion(bad, calls), dispersion(now_bad, now_calls))
        if fixed_e(k / phi, s / phi, a / (a + b), settings.floor_ratio) >= LEANS:
            return True
    return False


def shared_step(edge: EdgeTests, measure: Measure) -> Step | None:
    """Calls of both versions over time, where the old one's grew worse with the new one's share:
    damage to what they share.

    The versions look alike then, and only what was before tells; but no outage follows a ramp's
    levels. What came before the new version's first call, however long after the deploy was told,
    is no part of the time after.
    """
    whole = edge.contrast
    if not whole.overlap or whole.confounded or not _any(whole, measure.bad):
        return None
    bad, calls, share = _doses(whole, measure.bad, measure.calls)
    if not bad.sum():
        return None
    before = series(edge.table, old_rows(edge), measure)
    if not before.calls.sum():
        return None
    log_e = dose_over_step(
        np.concatenate([before.bad, bad]),
        np.concatenate([before.calls, calls]),
        np.concatenate([np.zeros(before.calls.size), share]),
        DOSE_OVER_STEP,
    )
    # a dispersion is one at least
    if log_e < DOSE_OVER_STEP or log_e < DOSE_OVER_STEP * dispersion(before.bad, before.calls):
        return None
    first = max(whole.since, float(edge.table.windows[whole.since_rows].min()))
    since = series(edge.table, edge.table.windows >= first, measure)
    return Step(edge, measure, before, since, supported=False)


def _any(contrast: Contrast, bad: str) -> bool:
    """Whether there is any such call since the deploy: else nothing need be summed."""
    place = COUNTS.index(bad)
    return bool(contrast.after_new[place] or contrast.after_old[place])


def _doses(contrast: Contrast, bad: str, calls: str) -> tuple[Ints, Ints, Floats]:
    """The old version's bad calls and calls in each window where both served, and the new one's
    share of the traffic there.
    """
    _, new, old = contrast.by_window()
    ours, theirs = new[:, COLUMN[calls]], old[:, COLUMN[calls]]
    return old[:, COLUMN[bad]], theirs, ours / np.maximum(ours + theirs, 1)
