"""Zones to which a version comes one after the other: each has a before and an after of its own,
and the others beside it as controls.

Staggered difference in differences (Callaway and Sant'Anna,
doi.org/10.1016/j.jeconom.2020.12.001): a zone is held against those that do not have the version
yet; the last one against those that have had it for a while. What happens to one zone at one
moment may be the zone's; what comes with the version to two zones at two moments is not. Versions
that were each in zones of their own all the time stay confounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.measure.columns import EdgeTable, part_of
from monitor.detect.measure.contrasts import contrast, own_codes

APART = 3
"""Two zones get the version at two moments where so many bins lie between them."""
FEWEST_WINDOWS = 6
"""So many windows a zone must have been seen before, and since."""


REPLACED = 3
"""So many windows it takes to replace the instances of a zone: versions that met for longer are
compared side by side.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """One zone of an edge around the moment at which it got the version; `beside` are other zones
    in the same time, whose version stayed.
    """

    name: str
    since: float
    edge: EdgeTests
    beside: tuple[EdgeTable, ...]


def zones_in_turn(edge: EdgeTests) -> dict[str, float]:
    """Zones by the moment at which they got the version, where there are two moments or more; {}
    elsewhere.
    """
    whole, table = edge.contrast, edge.table
    if (
        len(table.regions) < 2
        or whole.new_version == whole.old_version
        or np.unique(whole.windows).size > REPLACED * len(table.regions)
    ):
        return {}
    names, codes = own_codes(table, edge.role)
    busy = table.counts[:, 0] > 0
    is_new, is_old = (
        busy & (codes == (names.index(name) if name in names else -1))
        for name in (whole.new_version, whole.old_version)
    )
    turns: dict[str, float] = {}
    for place, name in enumerate(table.regions):
        in_zone = table.region == place
        got = table.windows[in_zone & is_new & (table.windows >= whole.since)]
        before = np.unique(table.windows[in_zone & is_old])
        if (
            name
            and np.unique(got).size >= FEWEST_WINDOWS
            and int((before < got.min()).sum()) >= FEWEST_WINDOWS
        ):
            turns[name] = float(got.min())
    moments = sorted(turns.values())
    return turns if moments and moments[-1] - moments[0] >= APART * edge.grain else {}


def zones_of(edge: EdgeTests) -> list[Zone]:
    """The edge's zones, in the order in which they got the version, each with its controls; a zone
    without any is left out.
    """
    turns = zones_in_turn(edge)
    zones: list[Zone] = []
    for name, since in sorted(turns.items(), key=lambda item: (item[1], item[0])):
        later = [other for other, moment in turns.items() if moment - since >= APART * edge.grain]
        never = [other for other in edge.table.regions if other not in turns and other]
        waiting = [*later, *never]
        until = max((turns.get(other, np.inf) for other in waiting), default=np.inf)
        beside = [
            _rows(edge, other, -np.inf, min(turns.get(other, np.inf), until)) for other in waiting
        ]
        if not waiting:
            beside = [
                _rows(edge, other, moment, np.inf)
                for other, moment in turns.items()
                if since - moment >= FEWEST_WINDOWS * edge.grain
            ]
        controls = tuple(table for table in beside if _around(table, since))
        if controls:
            mine = _rows(edge, name, -np.inf, until)
            whole = contrast(
                mine, edge.role, edge.contrast.new_version, edge.contrast.old_version, since
            )
            zones.append(
                Zone(
                    name,
                    since,
                    replace(edge, table=mine, contrast=whole, whole=(), pairs=tuple, log_e=0.0),
                    controls,
                )
            )
    return zones


def _rows(edge: EdgeTests, zone: str, since: float, until: float) -> EdgeTable:
    table = edge.table
    here = table.region == table.regions.index(zone)
    return part_of(table, here & (table.windows >= since) & (table.windows < until))


def _around(table: EdgeTable, moment: float) -> bool:
    """Whether these rows tell of the time before and after the moment."""
    windows: Sequence[int] = np.unique(table.windows).tolist()
    return (
        min(
            sum(window < moment for window in windows), sum(window >= moment for window in windows)
        )
        >= APART
    )
