"""Services that share a name: which of them a deploy is of, and by which name the store is asked
for just this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.detect.measure.columns import digest
from monitor.model.cells import CellColumns
from monitor.model.deploys import Deploy
from monitor.model.edges import Sighting, qualified
from monitor.model.judging import Verdict
from monitor.model.reasons import reason


class SealedCells(Protocol):
    """Where cells of sealed windows, and who was alive in them, come from: the store, or what is
    kept of it.
    """

    def sealed_cells(
        self, environment: str, services: Sequence[str], since: datetime, until: datetime
    ) -> CellColumns:
        """Those of the edges that one of the services takes part in; none named are all."""

    def sightings(
        self,
        since: datetime,
        until: datetime,
        environment: str | None = None,
        service: str | None = None,
    ) -> list[Sighting]:
        """Versions and instances seen alive, per window, oldest first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What sealed windows hold of a deploy's service, read by `name`. `namesakes` are the services
    that the deploy may be of.
    """

    name: str
    cells: CellColumns
    sightings: Sequence[Sighting]
    namesakes: Sequence[str]


def seen_of(source: SealedCells, deploy: Deploy, since: datetime, until: datetime) -> Seen:
    """Read by the plain name where only one service bears it, else by `namespace/name`.

    A call of which only the caller's span is known tells no namespace of its callee. Where the
    name is one service's alone, such a call is of this service.
    """
    cells = source.sealed_cells(deploy.environment, [deploy.service], since, until)
    sightings = source.sightings(since, until, deploy.environment, deploy.service)
    spaces = _namespaces(deploy.service, cells, sightings)
    names = [qualified(space, deploy.service) for space in spaces]
    if deploy.namespace is None or spaces in ([""], [deploy.namespace]):
        return Seen(deploy.service, cells, sightings, names)
    cells = source.sealed_cells(deploy.environment, [deploy.called], since, until)
    sightings = source.sightings(since, until, deploy.environment, deploy.called)
    return Seen(deploy.called, cells, sightings, [deploy.called])


def of_one_of(
    deploy: Deploy, names: Sequence[str], now: datetime, data_until: datetime | None
) -> Verdict:
    """No word on a deploy that may be of each of these services: their calls together say nothing
    of any one.
    """
    listed = ", ".join(names)
    why = reason(
        "several_namespaces",
        service=deploy.service,
        count=len(names),
        environment=deploy.environment,
        names=listed,
    )
    inputs = digest([deploy.id, deploy.version, *names, repr(data_until)])
    return Verdict(
        id=digest([inputs, now.isoformat()])[:20],
        deploy_id=deploy.id,
        environment=deploy.environment,
        service=deploy.service,
        version=deploy.version,
        against_version="",
        outcome="inconclusive",
        reasons=(why,),
        settles=(reason("name_namespace", names=listed),),
        judged_at=now,
        data_until=data_until,
        edges=(),
        findings=(),
        inputs_hash=inputs,
    )


def _namespaces(service: str, cells: CellColumns, sightings: Sequence[Sighting]) -> list[str]:
    """Where services of just this name live: by their own spans, else by what API logs and callers
    tell.
    """
    seen = {sighting.namespace for sighting in sightings if sighting.service == service}
    if not seen:
        for edge in cells.edges():
            ends = ((edge.caller_namespace, edge.caller), (edge.callee_namespace, edge.callee))
            seen |= {namespace for namespace, name in ends if name == service}
    return sorted(seen)
