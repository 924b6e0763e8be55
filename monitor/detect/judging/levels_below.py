"""A callee, released at the same moment, that takes longer since: of two releases the one deeper
down explains why its caller waits.
"""

from collections.abc import Sequence

import numpy as np

from monitor.detect.evidence.history import NEARLY
from monitor.detect.evidence.levels import LEAST, LEAST_SHORT
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.elsewhere import at_its_moment, began, released
from monitor.detect.judging.suspects import Rival
from monitor.detect.measure.columns import EdgeTable
from monitor.model.reasons import Reason


def slower_below(
    edge: EdgeTests,
    name: str,
    rise: float,
    first: float,
    calls: Sequence[EdgeTable],
    rivals: Sequence[Rival],
    neighbours: Sequence[EdgeTable],
) -> Reason | None:
    """The callee's release by which the number `name` of a service's own answers rose by `rise`
    (in its unit) from window `first` on; None where there is none.

    `calls`: what the service calls. Those to that callee must have risen by nearly as much, so that
    the service itself takes hardly longer, and the service's number no sooner than the callee was
    released. Where calls to others rose, too, or another caller of that callee waits no longer,
    the service may itself be the cause.
    """
    for rival in rivals:
        moment, service = began(rival.deploy), rival.deploy.service
        if (
            not rival.is_callee
            or not at_its_moment(rival.deploy, edge)
            or first + edge.grain <= moment
        ):
            continue
        below = [table for table in calls if table.edge.callee == service]
        waits = [step for table in below for step in _steps(table, name, moment)]
        elsewhere = [
            share
            for table in calls
            if table.edge.callee != service
            for share, _ in _steps(table, name, moment)
        ]
        beside = [
            share
            for table in neighbours
            if table.edge.callee == service and table.edge.caller != edge.table.edge.callee
            for share, _ in _steps(table, name, moment)
        ]
        if (
            any(share >= LEAST_SHORT and risen >= NEARLY * rise for share, risen in waits)
            and max(elsewhere, default=0.0) < LEAST_SHORT
            and min(beside, default=LEAST) >= LEAST
        ):
            return released(rival)
    return None


def _steps(table: EdgeTable, name: str, moment: float) -> list[tuple[float, float]]:
    """By what share, and by how much, the middle of the number rose since a moment; none where
    that is not told.
    """
    column = table.told.get(name)
    if column is None:
        return []
    told, since = ~np.isnan(column), table.windows >= moment
    before, after = column[told & ~since], column[told & since]
    if not before.size or not after.size or float(np.median(before)) <= 0.0:
        return []
    usual = float(np.median(before))
    risen = float(np.median(after)) - usual
    return [(risen / usual, risen)]
