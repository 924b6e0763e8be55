"""Why a verdict was reached: reached again from what was kept, and compared with it field by
field.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine

from monitor.control.documents import to_document
from monitor.control.inputs import inputs_of
from monitor.control.verdicts import verdict as kept_verdict
from monitor.detect.judging.inputs import Inputs
from monitor.model.edges import WINDOW_SECONDS, EdgeCell
from monitor.model.judging import Verdict


@dataclass(frozen=True, slots=True)
class Read:
    """What was judged: rows of sealed windows since and until, edges, version sightings, other
    deploys, and what a step was held against.
    """

    rows: int
    edges: int
    since: datetime | None
    until: datetime | None
    sightings: int
    other_deploys: int
    neighbour_rows: int
    earlier_days_rows: int
    clauses: int
    accepted: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The stored verdict. `again`: reached again the same, bit for bit; or otherwise, in the
    fields `differs`; or its inputs are not kept.
    """

    verdict: Verdict
    again: Literal["same", "differs", "not kept"]
    differs: Sequence[str]
    read: Read | None


def explain(engine: Engine, verdict_id: str) -> Explanation | None:
    """Judge again from the inputs kept with the verdict; None where there is no such verdict.
    Reads no telemetry.
    """
    stored = kept_verdict(engine, verdict_id)
    if stored is None:
        return None
    packed = inputs_of(engine, verdict_id)
    inputs = Inputs.unpacked(packed) if packed else None
    if inputs is None:
        return Explanation(stored, "not kept", (), None)
    again, _ = inputs.judged()
    before, reached = to_document(stored), to_document(again)
    differs = tuple(
        field.name for field in fields(Verdict) if before[field.name] != reached[field.name]
    )
    return Explanation(stored, "differs" if differs else "same", differs, _read(inputs))


def _read(inputs: Inputs) -> Read:
    windows = [cell.window for cell in inputs.cells]
    return Read(
        rows=len(inputs.cells),
        edges=len(_edges(inputs.cells)),
        since=min(windows, default=None),
        until=max(windows) + timedelta(seconds=WINDOW_SECONDS) if windows else None,
        sightings=len(inputs.sightings),
        other_deploys=len(inputs.others),
        neighbour_rows=len(inputs.neighbours),
        earlier_days_rows=len(inputs.former),
        clauses=sum(len(rows) for _, rows in inputs.clauses),
        accepted=len(inputs.accepted),
        settings=to_document(inputs.settings),
    )


def _edges(cells: Sequence[EdgeCell]) -> set[tuple[str, ...]]:
    return {cell.edge.key for cell in cells}
