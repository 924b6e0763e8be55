"""Which versions a deploy is about: what it is held against, since when, and who of them was
seen.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from monitor.detect.evidence.rates import between
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import own_codes, role_on
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, Sighting

STAYS = ("config", "flag")
"""Changes that keep the version. Scaling is left out: it follows load and errors more often than
it brings them.
"""


def since_of(deploy: Deploy, settings: JudgeSettings) -> float:
    started = deploy.started.timestamp()
    first = deploy.first_traffic.timestamp() if deploy.first_traffic else started
    since = min(started, first) if started - first < settings.concurrent_seconds else started
    return since // WINDOW_SECONDS * WINDOW_SECONDS


def stayed_as_it_was(deploy: Deploy, against: str) -> bool:
    """Whether the change left the version as it was: a config or a flag, or the same version
    deployed anew.
    """
    return deploy.kind in STAYS or (bool(against) and against == deploy.version)


def held_against(
    deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting], since: float
) -> str:
    """The announced previous version when telemetry knows it, else the version with most calls
    beside the new one.

    The deploy's own where the version stayed, by its kind or as a redeploy of it was announced, or
    no other is known and this one had calls before.
    """
    again = deploy.kind == "redeploy" and deploy.previous_version == deploy.version
    if deploy.kind in STAYS or again:
        return deploy.version
    calls: dict[str, float] = {}
    for table in edge_tables:
        names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
        sums = np.bincount(codes, weights=table.counts[:, 0], minlength=len(names))
        for name, count in zip(names, sums.tolist(), strict=True):
            calls[name] = calls.get(name, 0) + count
    for sighting in sightings:
        calls[sighting.version] = calls.get(sighting.version, 0) + sighting.server_calls
    if (
        deploy.previous_version
        and deploy.previous_version != deploy.version
        and calls.get(deploy.previous_version)
    ):
        return deploy.previous_version
    others = [
        (-count, name)
        for name, count in calls.items()
        if name not in ("", deploy.version) and count > 0
    ]
    if others:
        return min(others)[1]
    ran = any(_ran_before(deploy, table, since) for table in edge_tables)
    return (
        deploy.version
        if ran or (edge_tables and is_nameless(deploy, edge_tables, sightings))
        else ""
    )


def is_nameless(
    deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting]
) -> bool:
    """Whether telemetry names no version of the service at all: then only time can be compared."""
    names = {
        name
        for table in edge_tables
        for name in own_codes(table, role_on(table, deploy.service) or "callee")[0]
    }
    return not any(names) and not any(sighting.version for sighting in sightings)


def _ran_before(deploy: Deploy, table: EdgeTable, since: float) -> bool:
    names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
    return deploy.version in names and bool(
        ((codes == names.index(deploy.version)) & (table.windows < since)).any()
    )


def is_seen(
    deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting]
) -> bool:
    return any(sighting.version == deploy.version for sighting in sightings) or any(
        deploy.version in own_codes(table, role_on(table, deploy.service) or "callee")[0]
        for table in edge_tables
    )


def answers_alone(deploy: Deploy, edge_tables: Sequence[EdgeTable]) -> list[Sighting]:
    """Which versions answered when, from calls alone, where telemetry (API logs) knows no
    instances.
    """
    out: list[Sighting] = []
    moments: dict[int, datetime] = {}
    for table in edge_tables:
        if role_on(table, deploy.service) == "callee":
            for window, code, calls in zip(
                table.windows.tolist(),
                table.callee.tolist(),
                table.counts[:, 0].tolist(),
                strict=True,
            ):
                if window not in moments:
                    moments[window] = datetime.fromtimestamp(window, UTC)
                moment, version = moments[window], table.callee_versions[code]
                out.append(
                    Sighting(
                        moment,
                        deploy.environment,
                        "",
                        deploy.service,
                        version,
                        "",
                        calls,
                        calls,
                        0,
                    )
                )
    return sorted(out, key=lambda s: (s.window, s.version))


def between_instances(sightings: Sequence[Sighting], version: str) -> float:
    """How much the failures of this version's instances differ beyond chance."""
    sums: dict[str, list[int]] = {}
    for sighting in sightings:
        if sighting.version == version and sighting.instance:
            seen = sums.setdefault(sighting.instance, [0, 0])
            seen[0] += min(sighting.failed, sighting.server_calls)
            seen[1] += sighting.server_calls
    bad, calls = (
        np.array([seen[place] for seen in sums.values()], dtype=np.int64) for place in (0, 1)
    )
    return between(bad, calls)
