"""/v1/mocks: how true published mocks are to the provider that they stand for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS, ApiError
from monitor.api.moments import Name
from monitor.api.paging import Paged
from monitor.api.parts import Parts
from monitor.api.routes.contracts import revision_of
from monitor.api.strict import StrictRoute
from monitor.api.told import fields_of
from monitor.contracts.refreshing import Refreshed
from monitor.control import contracts as registry
from monitor.errors import ContractError
from monitor.joining.fidelity import fidelity
from monitor.joining.mock_scores import mock_of, refreshed_mock, rows_of
from monitor.model.contracts import Revision
from monitor.model.mocks import WORST_FIRST, Fidelity, MockFinding
from monitor.wording.mocks import mock_sentence, why_undecided

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)
DAYS = 7
Days = Annotated[int, Query(ge=1, le=30, description="Look back so many days")]


@dataclass(frozen=True, slots=True)
class FindingLine(MockFinding):
    """A finding with its sentence."""

    text: str


class MockScore(BaseModel):
    """One mock beside what was live since it was published as it is now. `unreadable` tells why it cannot be judged; `text` why it is
    undecided.
    """

    name: str
    number: int
    format: str
    provider: str
    environment: str
    since: datetime
    fidelity: Fidelity | None
    findings: list[FindingLine]
    text: str
    unreadable: str


class RefreshedMock(BaseModel):
    """`left` are findings that no change of a body, a delay or a status answers."""

    name: str
    number: int
    document: str
    changes: list[Refreshed] = Field(description="What is another in the document")
    left: list[FindingLine]


@router.get("/mocks", summary="How true published mocks are to what is live")
def mock_scores(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    days: Days = DAYS,
    environment: Name = None,
) -> list[MockScore]:
    """The newest revision of each mock, drifted ones first. A mock of which nothing live was seen
    is undecided.
    """
    return paged.of(scores_of(parts, days, environment or ""))


@router.get("/mocks/{name:path}/refreshed", summary="A mock's document, brought up to date")
def refreshed(_caller: Reading, parts: Opened, name: str, days: Days = DAYS) -> RefreshedMock:
    """From shapes: what is new in it are placeholders. Nothing is published. 404 when there is no
    such mock.
    """
    revision = _mock(parts, name)
    now = parts.clock()
    try:
        fresh = refreshed_mock(
            parts.reader, parts.config.aliases, revision, now - timedelta(days=days), now
        )
    except ContractError as error:
        raise ApiError(422, str(error), name[:80], "publish it anew") from None
    return RefreshedMock(
        name=revision.name,
        number=revision.number,
        document=fresh.document,
        changes=list(fresh.changes),
        left=[line_of(finding) for finding in fresh.left],
    )


@router.get("/mocks/{name:path}", summary="How true one mock is to what is live")
def mock_score(
    _caller: Reading, parts: Opened, name: str, days: Days = DAYS, environment: Name = None
) -> MockScore:
    """404 when there is no such mock."""
    return score_of(parts, _mock(parts, name), days, environment or "")


def scores_of(parts: Parts, days: int, environment: str = "") -> list[MockScore]:
    """Of every published mock."""
    newest = [
        revision
        for revision in registry.listed(parts.engine, newest=True)
        if revision.role == "mock" and environment in ("", revision.environment or environment)
    ]
    scores = [
        score_of(parts, revision, days, environment)
        for revision in registry.whole(parts.engine, newest)
    ]
    return sorted(
        scores,
        key=lambda score: (
            WORST_FIRST.index(score.fidelity.exit_code if score.fidelity is not None else 2),
            score.name,
        ),
    )


def score_of(parts: Parts, revision: Revision, days: int, environment: str = "") -> MockScore:
    """Of one of them."""
    now = parts.clock()
    since = now - timedelta(days=days)
    judged, unreadable = None, ""
    try:
        stubs = mock_of(revision).stubs
        rows = rows_of(parts.reader, revision, since, now, environment)
        judged = fidelity(stubs, rows)
    except ContractError as error:
        unreadable = str(error)
    return MockScore(
        name=revision.name,
        number=revision.number,
        format=revision.format,
        provider=revision.provider,
        environment=revision.environment,
        since=since,
        fidelity=judged,
        findings=[line_of(finding) for finding in judged.findings] if judged else [],
        text=why_undecided(judged) if judged else "",
        unreadable=unreadable,
    )


def _mock(parts: Parts, name: str) -> Revision:
    revision = revision_of(parts, name, None)
    if revision.role != "mock":
        raise ApiError(
            422, f"{name[:80]} is no mock", name[:80], "publish it by contracts publish --as mock"
        )
    return revision


def line_of(finding: MockFinding) -> FindingLine:
    return FindingLine(**fields_of(finding), text=mock_sentence(finding))
