"""A release below, of the same minutes, whose other callers fail too, or became slower: of two
releases it explains both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from monitor.detect.arrays import Bools
from monitor.detect.evidence.history import size_step
from monitor.detect.evidence.shared import as_before_until, well_until
from monitor.detect.evidence.sizes import SLOWER, Statistic
from monitor.detect.evidence.tested import SIDES, EdgeTests
from monitor.detect.evidence.timed import new_rows, old_rows
from monitor.detect.judging.elsewhere import at_its_moment, began
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Measure, bound_before, series
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding, Signal
from monitor.model.reasons import reason

FAILS: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts")
SLOWS: tuple[Signal, ...] = ("latency",)
STATISTICS: tuple[Statistic, ...] = ("p50", "mean")
AS_MUCH = 0.5
"""Who slowed by so large a part (in logs) may have slowed by the same cause."""
MOST, FEWEST = 0.9, 8.0
"""What most calls of before took no longer than, where so many tell of it."""


def of_one_cause(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> list[Finding]:
    """The findings, those explained that a release below explains together with what its other
    callers fail by, or wait for.
    """
    out = list(earlier)
    for signals, cause in ((FAILS, _breaks_others), (SLOWS, _slows_others)):
        stepped = [item for item in out if item.signal in signals and _stepped(item, deploy)]
        if not stepped:
            continue
        better = cause(_Below(deploy, edges, stepped, others, around), settings)
        if better is not None:
            why = reason("callee_released", service=better.service, version=better.version)
            out = [
                replace(finding, role="propagated", explained=why)
                if finding in stepped
                else finding
                for finding in out
            ]
    return out


def _stepped(finding: Finding, deploy: Deploy) -> bool:
    """Whether it is of the service's own answers, by time alone, and explained by nothing."""
    return (
        finding.evidence.step is not None
        and finding.explained is None
        and finding.edge.callee == deploy.service
    )


@dataclass(frozen=True, eq=False)
class _Below:
    """The service's edges that `stepped`, and what is around them."""

    deploy: Deploy
    edges: Sequence[EdgeTests]
    stepped: Sequence[Finding]
    others: Sequence[Deploy]
    around: Sequence[EdgeTable]

    @cached_property
    def here(self) -> list[EdgeTests]:
        """The edges that stepped."""
        names = {finding.edge for finding in self.stepped}
        return [edge for edge in self.edges if edge.table.edge in names]

    @property
    def by_time_alone(self) -> bool:
        """Whether no comparison of the versions supports what stepped: they never met, or were
        alike while they did.
        """
        return not any(
            finding.evidence.step.supported for finding in self.stepped if finding.evidence.step
        )

    @cached_property
    def near(self) -> Surroundings:
        """All that is told, from the deploy's moment on."""
        own = self.edges[0]
        return Surroundings(
            self.deploy.service,
            set(),
            own.contrast.since,
            own.grain,
            self.around,
            [edge.table for edge in self.edges],
        )

    def released(self) -> list[Deploy]:
        """Callees that were released at the deploy's moment."""
        return [
            release
            for release in self.others
            if (self.deploy.service, release.service) in self.near.calls
            and at_its_moment(release, self.edges[0])
        ]

    def other_callers(self, release: Deploy) -> set[str]:
        """Who else calls what was released."""
        return self.near.callers_of(release.service) - {self.deploy.service}


def _breaks_others(below: _Below, settings: JudgeSettings) -> Deploy | None:
    """A callee released at that moment whose other callers began to fail as well: two releases of
    which one explains both.
    """
    near, here = below.near, below.here
    size = replace(near, around=[edge.table for edge in here]).rise(below.deploy.service).added
    for release in below.released():
        if not all(well_until(edge, began(release)) for edge in here):
            continue
        callers = below.other_callers(release)
        failing = near.failing(settings, reached=near.above(callers)) if callers else {}
        if callers & set(failing):
            return release
        if below.by_time_alone and any(near.rise(caller).is_like(size) for caller in callers):
            return release
    return None


def _slows_others(below: _Below, _: JudgeSettings) -> Deploy | None:
    """A callee released at that moment whose other callers slowed as well since then, by a like
    factor; not those that wait for this service themselves.
    """
    near, waiting = below.near, below.near.above({below.deploy.service})
    for release in below.released():
        moment = began(release)
        if not all(_as_fast_until(edge, moment) for edge in below.here):
            continue
        for statistic in STATISTICS:
            mine = max(
                _step(edge.table, old_rows(edge), new_rows(edge), statistic) for edge in below.here
            )
            if mine >= SLOWER and any(
                _slowed(near, caller, moment, statistic) >= max(SLOWER, AS_MUCH * mine)
                for caller in below.other_callers(release) - waiting
            ):
                return release
    return None


def _step(table: EdgeTable, before: Bools, after: Bools, statistic: Statistic) -> float:
    """Log ratio by which the calls of an edge became slower, on the side that shows more of it; 0
    where there are too few.
    """
    sizes = (size_step(table, before, after, side, statistic) for side in SIDES)
    return max((size for size in sizes if size is not None), default=0.0)


def _slowed(near: Surroundings, service: str, moment: float, statistic: Statistic) -> float:
    """The same of what a service answers since a moment: its middle caller's."""
    steps = [
        _step(
            table,
            table.windows <= moment - near.grain,
            table.windows + near.grain > moment,
            statistic,
        )
        for table in near.around
        if table.edge.callee == service
    ]
    return float(np.median(steps)) if steps else 0.0


def _as_fast_until(edge: EdgeTests, moment: float) -> bool:
    """Whether the edge's calls since the deploy were as fast as before until `moment`: by how many
    took longer than most did.
    """
    for side in SIDES:
        bound = bound_before(edge.table, old_rows(edge), side, MOST, FEWEST)
        if bound is None:
            continue
        slow = Measure("latency", side, "", "", bound)
        before, since = (series(edge.table, rows(edge), slow) for rows in (old_rows, new_rows))
        if not as_before_until(moment, before, since, edge.grain):
            return False
    return True
