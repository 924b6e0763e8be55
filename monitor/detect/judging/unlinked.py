"""What became worse elsewhere, where nobody tells who calls the released service: each may be its
caller, or called by it.
"""

from collections.abc import Sequence

from monitor.detect.evidence.before_after import fixed_e
from monitor.detect.evidence.edge_tests import EdgeTests
from monitor.detect.evidence.fanout import ALIKE, BAR, ENOUGH_ANSWERS, NAMELESS, volumes
from monitor.detect.evidence.steps import latency_steps, rate_steps
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.settings import JudgeSettings


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
    """Services whose calls for each call of the released one fell by a fifth and more, beyond
    chance: others may call them as ever.
    """
    since, grain = near.since, near.grain
    before, late = volumes([edge.table for edge in mine], since, grain)
    if min(before, late) < ENOUGH_ANSWERS:
        return set()
    by_service: dict[str, list[EdgeTable]] = {}
    for table in near.around:
        by_service.setdefault(table.edge.callee, []).append(table)
    names = set()
    for name, tables in by_service.items():
        then, now = volumes(tables, since, grain)
        if then >= ENOUGH_ANSWERS and fixed_e(then, now, before / (before + late), ALIKE) >= BAR:
            names.add(name)
    return names
