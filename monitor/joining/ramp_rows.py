"""Rows of the store about ramps as the values that they are judged by."""

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.detect.ramps.cells import PathSeen, RampCell
from monitor.detect.ramps.presence import Slot
from monitor.model.edges import OUTCOMES, SAMPLINGS
from monitor.store.ramps import Place, RampReader


def slot_of(row: Mapping[str, Any]) -> Slot:
    """A row of `ramp_presence`."""
    names = ("at", "first", "last", "spans", "server_calls", "instances")
    return Slot(version=row["version"], **{name: int(row[name]) for name in names})


def slots_by_service(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Slot]]:
    """Rows of `ramp_presence` by namespace and name."""
    slots: dict[tuple[str, str], list[Slot]] = {}
    for row in rows:
        slots.setdefault((row["namespace"], row["service"]), []).append(slot_of(row))
    return slots


def paths_of(reader: RampReader, place: Place, since: int, until: int) -> list[PathSeen]:
    """How exchanges of the service's pairs ended, by operation."""
    return [
        PathSeen(
            row["from_service"], row["from_version"], row["to_version"], row["operation"],
            str(row["status"] or ""), int(row["exchanges"]),
        )
        for row in reader.paths(place, since, until)
    ]  # fmt: skip


def cell_of(row: Mapping[str, Any]) -> RampCell:
    """A row of `ramp_cells`."""
    texts = "caller_namespace caller caller_version callee_namespace callee callee_version protocol operation"
    return RampCell(
        at=int(row["at"]),
        **{name: row[name] for name in texts.split()},
        calls=int(row["calls"]),
        bad=min(int(row["bad"]), int(row["calls"])),
        outcomes={name: int(row[name]) for name in OUTCOMES},
        valid=int(row["valid"]),
        violated=int(row["violated"]),
        not_checked=dict(row["not_checked"]),
        client_histogram=dict(row["client_histogram"]),
        server_histogram=dict(row["server_histogram"]),
        queue_histogram=dict(row["queue_histogram"]),
        both=int(row["both"]),
        biased=SAMPLINGS[row["sampling"]] == "biased",
        last=int(row["last"]),
    )
