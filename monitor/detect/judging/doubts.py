"""Callers that may suffer by a release, and whether what they suffer by can be its doing: reasons
not to pass, never to fail.
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from monitor.detect.arrays import Ints, placed
from monitor.detect.evidence.before_after import fixed_e
from monitor.detect.evidence.fanout import ENOUGH_ANSWERS, EXPECTED, volumes
from monitor.detect.evidence.history import slower_of_late
from monitor.detect.evidence.rates import LEANS, dispersion, without_rare_peaks
from monitor.detect.evidence.sizes import SLOWER
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import new_rows
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import own_codes
from monitor.detect.measure.series import Measure, Series, counts_at, series
from monitor.detect.settings import JudgeSettings

COUNTED_APART = 1.5
"""Edges lose records each for itself: so many times as many calls may have been made as were
counted.
"""
WELL_SECONDS, WELL_PART, WELL_CHANCE = 120.0, 0.25, 1e-4
"""A caller was well for so long, where so small a part of the harm that was due came, and by
chance it would hardly ever.
"""
SLOWER_THAN_EVER = 0.05
"""So much slower (in logs) than in the slowest span before, where few requests met the version."""
FAILURES = Measure("errors", "server_error", "failed", "calls")
SPANS_BEFORE = 2
"""So many spans as long as the time since must be known to say that it never was as bad."""
JUST_BEFORE, PARTS_SINCE, SAME_LEVEL = 180.0, 4, 0.3
"""What fails goes on when it failed so long before the release as it does in each part of the time
since, give or take so much.
"""
OVER_SECONDS, OVER_SURELY, SERVES_ON = 300.0, 0.95, 0.9
"""What came and went is over after so many seconds without it, so surely, in which the new version
had hardly less of the calls.
"""


def maybe_slower(near: Surroundings, mine: Sequence[EdgeTests]) -> tuple[str, ...]:
    """Callers whose answers may cost more by this release, though not so surely that it is a
    finding: no pass is safe.

    Slower of late than in any span as long before, by half of what harm is where all requests met
    the new version; or by so much that, if only those requests are slower that met it, they take
    twice as long: a small share's harm is no more to be seen than that. Both by more than the
    others are, and as half of those see it who call the caller: all wait for its answers.
    """
    since, grain = near.since, near.grain
    rose: dict[str, list[tuple[float, float, float]]] = {}
    for table in near.around:
        if (
            table.edge.callee != near.released
            and (more := slower_of_late(table, since, grain)) is not None
        ):
            weight = math.sqrt(float(table.counts[:, COUNTS.index("calls")].sum()))
            rose.setdefault(table.edge.callee, []).append((*more, weight))
    others = [
        max(middle for _, middle, _ in rises)
        for name, rises in rose.items()
        if name not in near.callers
    ]
    usual = max(0.0, float(np.median(others))) if others else 0.0
    tables = [edge.table for edge in mine]
    late = volumes(tables, since, grain)[1]
    share = volumes(tables, since, grain, mine[0].contrast.new_version)[1] / late if late else 0.0
    doubled = math.log1p(share) if share else math.inf
    ever = max(SLOWER_THAN_EVER, share * SLOWER / 2.0)

    def seen_by_half(rises: Sequence[tuple[float, float, float]]) -> bool:
        see = sum(
            weight
            for most, middle, weight in rises
            if most > usual + ever or middle > usual + doubled
        )
        return see > 0.0 and see >= sum(weight for *_, weight in rises) / 2.0

    return tuple(sorted(name for name in near.callers & set(rose) if seen_by_half(rose[name])))


def maybe_failing(
    near: Surroundings, mine: Sequence[EdgeTests], settings: JudgeSettings
) -> tuple[str, ...]:
    """Callers that fail more than before, though not so surely that it is a finding: no pass is
    safe.

    Incidents of before are left out, or they would hide it, unless they come again and again. So
    is as much as those fail more who have nothing to do with it, what came and went while the new
    version served on, and what had begun before and goes on as it was.
    """
    usual = (
        max(0.0, float(np.median([near.rise(name).added for name in near.strangers])))
        if near.strangers
        else 0.0
    )
    names = []
    for name in near.callers:
        answers = near.answered(name)
        late, past = answers.windows >= near.since, answers.windows <= near.since - near.grain
        then, now = answers.part(past), answers.part(late)
        before = _worse_than(then, now, usual, settings)
        if before is None or _goes_on(then, now, before, near.grain):
            continue
        if not _is_over(answers, before, near, mine, settings):
            names.append(name)
    return tuple(sorted(names))


def failing_calls(
    near: Surroundings, mine: Sequence[EdgeTests], settings: JudgeSettings
) -> tuple[str, ...]:
    """Whom the released service calls in calls that fail more than before, where these do not tell
    its version: more than others' calls to the same do. No pass is safe, unless that came and went
    while the new version served on.
    """
    names = set()
    for table in near.around:
        if table.edge.caller != near.released or any(own_codes(table, "caller")[0]):
            continue
        made = series(table, np.ones(table.windows.size, dtype=bool), FAILURES)
        late, past = made.windows >= near.since, made.windows <= near.since - near.grain
        usual = max(0.0, near.rise_of_others(table.edge.callee).added)
        before = _worse_than(made.part(past), made.part(late), usual, settings)
        if before is not None and not _is_over(made, before, near, mine, settings):
            names.add(table.edge.callee)
    return tuple(sorted(names))


def _worse_than(past: Series, late: Series, usual: float, settings: JudgeSettings) -> float | None:
    """The share that failed before, rare incidents left out, where more fails of late, by more than
    others' `usual` rise and more than in any span as long before, and the evidence leans that way;
    else None.
    """
    bad, of = without_rare_peaks(past.bad, past.calls)
    k, a, s, b = (float(column.sum()) for column in (late.bad, late.calls, bad, of))
    if not a or not b or k / a - s / b - usual < settings.floor_difference:
        return None
    if k / a - usual <= _worst_span(bad, of, late.windows.size):
        return None
    phi = dispersion(bad, of)
    e = fixed_e((k - usual * a) / phi, s / phi, a / (a + b), settings.floor_ratio)
    return s / b if e >= LEANS else None


def _worst_span(bad: Ints, calls: Ints, size: int) -> float:
    """The largest share that failed in so many windows in a row; 0 where too few are known to tell
    of swings.
    """
    if bad.size < SPANS_BEFORE * size:
        return 0.0
    line = np.concatenate([np.zeros((1, 2)), np.cumsum(np.stack([bad, calls], axis=1), axis=0)])
    spans = line[size:] - line[:-size]
    return float((spans[:, 0] / np.maximum(spans[:, 1], 1.0)).max())


def _goes_on(past: Series, late: Series, before: float, grain: int) -> bool:
    """Whether as much failed just before the release as in each part of the time since, where
    `before` is the usual share: what had begun and stays as it was is not its harm.
    """
    just = past.windows > past.windows[-1] - max(JUST_BEFORE, 3.0 * grain)
    parts = [
        Series(*columns)
        for columns in zip(
            *(np.array_split(c, PARTS_SINCE) for c in (late.windows, late.bad, late.calls)),
            strict=True,
        )
    ]
    added = []
    for part in (past.part(just), *parts):
        bad, calls = float(part.bad.sum()), float(part.calls.sum())
        if bad - before * calls < EXPECTED:
            return False
        added.append(bad / calls - before)
    level = added[0]
    return all(abs(more - level) <= SAME_LEVEL * level for more in added)


def has_ended(
    service: str, near: Surroundings, mine: Sequence[EdgeTests], settings: JudgeSettings
) -> bool:
    """Whether what a service answers failed since the release, and fails no more, though the new
    version serves on.
    """
    answers = near.answered(service)
    past = answers.part(answers.windows <= near.since - near.grain)
    before = float(past.bad.sum()) / max(float(past.calls.sum()), 1.0)
    return _is_over(answers, before, near, mine, settings)


def _is_over(
    answers: Series,
    before: float,
    near: Surroundings,
    mine: Sequence[EdgeTests],
    settings: JudgeSettings,
) -> bool:
    """Whether what fails more since the release than `before` (a share) fails so no more of late,
    while the new version serves no less than it did: its harm would stay.

    Of late is the shortest span that tells, or one longer by twice each, up to half of the time
    since.
    """
    newest = float(answers.windows[-1])
    served, span = newest - near.since, max(OVER_SECONDS, 2.0 * near.grain)
    spans = [span, *(span * times for times in (2.0, 4.0, 8.0) if span * times <= served / 2.0)]
    return any(
        _is_over_since(newest - span, answers, before, near, mine, settings)
        for span in spans
        if span < served
    )


def _is_over_since(
    moment: float,
    answers: Series,
    before: float,
    near: Surroundings,
    mine: Sequence[EdgeTests],
    settings: JudgeSettings,
) -> bool:
    since, late = answers.windows >= near.since, answers.windows > moment
    calls, bad = float(answers.calls[late].sum()), float(answers.bad[late].sum())
    due = float(answers.bad[since].sum()) / max(float(answers.calls[since].sum()), 1.0) - before
    most = float(scipy.special.gammaincinv(bad + 1.0, OVER_SURELY)) - before * calls
    return (
        due * calls >= EXPECTED
        and most < max(due / 4.0, settings.floor_difference) * calls
        and _serves_on(mine, float(answers.windows[late][0]))
    )


def _serves_on(mine: Sequence[EdgeTests], moment: float) -> bool:
    """Whether the new version has as large a share of the calls after a moment as before it, since
    the release.
    """
    sums = np.zeros((2, 2))
    for edge in mine:
        windows, calls = edge.table.windows, edge.table.counts[:, COUNTS.index("calls")]
        new, since = new_rows(edge), windows >= edge.contrast.since
        for place, there in enumerate((windows < moment, windows >= moment)):
            sums[place] += calls[new & there].sum(), calls[since & there].sum()
    (new_then, all_then), (new_late, all_late) = sums.tolist()
    return new_late > 0 and new_late * all_then >= SERVES_ON * new_then * all_late


def more_fail_than_could(caller: str, near: Surroundings, mine: Sequence[EdgeTests]) -> bool:
    """Whether more of the caller's requests fail beyond the usual than it made calls to the new
    version: each would need one.
    """
    answered = sum(calls_answered(edge) for edge in mine if edge.table.edge.caller == caller)
    rose = near.rise(caller)
    return rose.added * rose.calls > COUNTED_APART * answered + ENOUGH_ANSWERS


def calls_answered(edge: EdgeTests) -> float:
    """Calls that the new version answered on an edge."""
    return float(edge.table.counts[new_rows(edge), COUNTS.index("calls")].sum())


def began_later(caller: str, near: Surroundings, mine: Sequence[EdgeTests]) -> bool:
    """Whether the caller was well while it already met the new version: what it fails by since
    then came at another moment.

    What its requests fail by is shared among the moments by how many of them may have met the new
    version.
    """
    asked = [edge for edge in mine if edge.table.edge.caller == caller]
    windows = (
        np.unique(np.concatenate([edge.table.windows[new_rows(edge)] for edge in asked]))
        if asked
        else np.zeros(0, np.int64)
    )
    if not windows.size:
        return False
    every, new = np.zeros(windows.size), np.zeros(windows.size)
    for edge in asked:
        every += counts_at(edge.table, windows, COUNTS.index("calls"))
        new += counts_at(edge.table, windows, COUNTS.index("calls"), new_rows(edge))
    answers = near.answered(caller)
    past = answers.windows <= near.since - near.grain
    places, inside = placed(answers.windows, windows)
    bad, calls = np.zeros(windows.size), np.zeros(windows.size)
    bad[places], calls[places] = answers.bad[inside], answers.calls[inside]
    usual = calls * float(answers.bad[past].sum()) / max(float(answers.calls[past].sum()), 1.0)
    exposed = calls * new / np.maximum(every, 1.0)
    early = windows < windows[0] + max(WELL_SECONDS, 2.0 * near.grain)
    added = max(float(bad.sum() - usual.sum()), 0.0)
    expected = float(usual[early].sum()) + added * float(exposed[early].sum()) / max(
        float(exposed.sum()), 1.0
    )
    seen = float(bad[early].sum())
    return (
        seen < WELL_PART * expected
        and float(scipy.special.gammaincc(seen + 1.0, expected)) < WELL_CHANCE
    )
