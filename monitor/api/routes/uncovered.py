"""/v1/uncovered and /v1/cases: live interactions that no contract covers, and these and violations
as tests.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import Name
from monitor.api.parts import Parts
from monitor.api.questions import broken_clauses, data_range, provider_named
from monitor.api.strict import StrictRoute
from monitor.contracts.case_forms import written
from monitor.contracts.cases import CASE_FORMS, SUFFIXES, CaseForm, Lack, Told, lacking
from monitor.errors import UsageError
from monitor.joining.cases import Wanted, case_of
from monitor.joining.uncovered import uncovered
from monitor.model.uncovered import UncoveredList
from monitor.store.reader import Provider

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)
DAYS, CASE_DAYS = 7, 30
_MOST_CLAUSES = 50_000


class ExportedCase(BaseModel):
    """A live interaction as a test; `file` is a name for it, `why` what was seen. `lacking`: forms
    that it cannot have, and the code of why.
    """

    id: str
    form: CaseForm
    file: str
    title: str
    why: str
    text: str
    lacking: dict[CaseForm, Lack]


@router.get("/uncovered", summary="Live interactions that no contract covers, by risk")
def live_uncovered(
    _caller: Reading,
    parts: Opened,
    days: Annotated[int, Query(ge=1, le=90, description="Look back so many days")] = DAYS,
    environment: Name = None,
) -> UncoveredList:
    """What changes often and what much hangs on comes first. Databases and calls without a name
    are left out, and counted.
    """
    return uncovered_of(parts, days, environment or "")


def uncovered_of(parts: Parts, days: int, environment: str = "") -> UncoveredList:
    """Up to now, or to the end of the data where it is older."""
    now = parts.clock()
    newest = parts.reader.last_sealed()
    until = min(now, newest + timedelta(minutes=5)) if newest is not None else now
    return uncovered(
        parts.reader,
        parts.engine,
        parts.config.aliases,
        parts.config.criticality,
        until,
        days,
        environment,
    )


@router.get("/cases/{case_id}", summary="A violation or an uncovered interaction as a test")
def export_case(
    _caller: Reading,
    parts: Opened,
    case_id: str,
    form: Annotated[CaseForm, Query(alias="as", description="Which form it has")] = "pact",
) -> ExportedCase:
    """By the fingerprint of a violation of the last 30 days, or the id of an uncovered interaction.
    Values stand for types: none was seen. 404 for an id that names neither.
    """
    wanted = _violation(parts, case_id) or _uncovered(parts, case_id)
    if wanted is None:
        raise not_found(
            "violation or uncovered interaction", case_id, "GET /v1/violations, /v1/uncovered"
        )
    now = parts.clock()
    try:
        case = case_of(
            parts.reader, wanted, now - timedelta(days=CASE_DAYS), now + timedelta(minutes=5)
        )
    except UsageError as error:
        raise ApiError(422, str(error), case_id[:80], "choose another") from None
    lacks: dict[CaseForm, Lack] = {
        other: lack for other in CASE_FORMS if (lack := lacking(case, other))
    }
    try:
        text = written(case, form)
    except UsageError as error:
        others = " or ".join(other for other in CASE_FORMS if other not in lacks)
        raise ApiError(422, str(error), case_id[:80], f"choose {others}") from None
    return ExportedCase(
        id=case.id,
        form=form,
        file=f"{case.provider}-{case.id}{SUFFIXES[form]}".replace("/", "-"),
        title=case.title,
        why=case.why,
        text=text,
        lacking=lacks,
    )


def _violation(parts: Parts, fingerprint: str) -> Wanted | None:
    asked = data_range(parts, None, None, f"{CASE_DAYS}d")
    rows = [
        row
        for row in broken_clauses(parts, asked, _MOST_CLAUSES).rows
        if row["fingerprint"] == fingerprint
    ]
    if not rows:
        return None
    row = max(rows, key=lambda row: row["exchanges"])
    clause = Told(
        *(row["contract"], row["newest_revision"], row["side"], row["rule"], row["pointer"]),
        *(row["clause"], row["expected"], row["actual"]),
        sum(row["exchanges"] for row in rows),
    )
    provider = Provider([row["callee"]], row["callee_namespace"], row["environment"])
    return Wanted(
        *(fingerprint, provider, row["callee"], row["operation"], row["caller"]),
        list(row["statuses"]),
        clause,
    )


def _uncovered(parts: Parts, case_id: str) -> Wanted | None:
    row = next(
        (row for row in uncovered_of(parts, CASE_DAYS).uncovered if row.id == case_id), None
    )
    if row is None:
        return None
    _, provider = provider_named(parts, row.provider, row.environment)
    consumer = row.callers[0] if row.callers else ""
    return Wanted(row.id, provider, row.provider, row.operation, consumer, (), None, row.protocol)
