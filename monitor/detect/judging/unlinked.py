"""Where nobody tells who calls the released service: what became worse elsewhere may be its
caller, or called by it; and who became worst by far answers for itself.
"""

import math
from collections.abc import Sequence

import numpy as np

from monitor.detect.evidence.before_after import fixed_e
from monitor.detect.evidence.fanout import ALIKE, ANYBODY, BAR, ENOUGH_ANSWERS, NAMELESS, volumes
from monitor.detect.evidence.history import NEARLY, growths
from monitor.detect.evidence.steps import latency_steps, rate_steps
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import AnyStep
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.judging.trouble import EVERYBODY, FEWEST_OF_ALL
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.settings import JudgeSettings

MOST_KEPT = 0.75
"""Three in four of the others were not called more than this, for each call before."""
SURELY = 3.0
"""Standard deviations."""


def is_worst_of_all(step: AnyStep, service: str, around: Sequence[EdgeTable]) -> bool:
    """Whether only totals of the service are told, and it fails since by far more than any other,
    while some are as well as ever.

    Nobody knows whom its failures reach, so most others may fail many times as often by them; what
    hits nearly everybody is no release's.
    """
    if step.edge.table.edge.caller != ANYBODY or not step.measure.bad:
        return False
    others = [table for table in around if service not in (table.edge.caller, table.edge.callee)]
    added = [more for _, more in growths(others, step.measure, step.edge.contrast.since)]
    if sum(more > 0 for more in added) >= max(FEWEST_OF_ALL, EVERYBODY * len(added)):
        return False
    k, a, s, b = (
        float(column.sum())
        for part in (step.after, step.before)
        for column in (part.bad, part.calls)
    )
    due = (s / max(b, 1.0) + max(added, default=0.0) / NEARLY) * a
    return k > due + SURELY * math.sqrt(due)


def worse_elsewhere(
    near: Surroundings, mine: Sequence[EdgeTests], settings: JudgeSettings
) -> tuple[str, ...]:
    """Services that became worse since the deploy, or lost their calls, where nobody tells who
    calls the released one.

    Each may be its caller, or called by it, so no pass is safe; and nothing tells whose fault it
    is.
    """
    if not mine or any(edge.table.edge.caller not in NAMELESS for edge in mine):
        return ()
    worse = {
        name for steps in (rate_steps, latency_steps) for name in near.failing(settings, steps)
    }
    return tuple(sorted(worse | _called_less(near, mine)))


def _called_less(near: Surroundings, mine: Sequence[EdgeTests]) -> set[str]:
    """Services whose calls fell by a fifth and more, beyond chance, for each call of the released
    one, and for each that the others kept who kept most: where the released one is only called
    more than before, nobody is called less.
    """
    since, grain = near.since, near.grain
    before, late = volumes([edge.table for edge in mine], since, grain)
    if min(before, late) < ENOUGH_ANSWERS or not all(edge.table.is_counted for edge in mine):
        return set()
    by_service: dict[str, list[EdgeTable]] = {}
    for table in near.around:
        if table.is_counted:
            by_service.setdefault(table.edge.callee, []).append(table)
    volume = {name: volumes(tables, since, grain) for name, tables in by_service.items()}
    kept = {name: now / then for name, (then, now) in volume.items() if then >= ENOUGH_ANSWERS}
    names = set()
    for name in kept:
        then, now = volume[name]
        others = [part for other, part in kept.items() if other != name]
        usual = min(late / before, float(np.quantile(others, MOST_KEPT)) if others else math.inf)
        if fixed_e(then, now, 1.0 / (1.0 + usual), ALIKE) >= BAR:
            names.add(name)
    return names
