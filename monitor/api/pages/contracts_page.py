"""Contracts: what providers promise, and its revisions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.parts import Parts
from monitor.api.questions import broken_clauses, data_range, listed_in
from monitor.api.routes.contracts import (
    ContractLine,
    contradictions_of,
    covered,
    line,
    revision_of,
)
from monitor.api.routes.mocks import DAYS as MOCK_DAYS
from monitor.api.routes.mocks import score_of
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.contracts.contradictions import Contradiction
from monitor.control import contracts as registry
from monitor.control.awaited import awaited
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.coverage import Covered
from monitor.model.contracts import Revision
from monitor.model.edges import qualified
from monitor.model.exchanges import MESSAGING
from monitor.model.services import split_service

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SHOWN = 200_000
MOST_CLAUSES = 50_000
COVERED_DAYS = 30


@router.get("/contracts")
def contracts_page(request: Request, _caller: Reading, parts: Opened) -> HTMLResponse:
    """Newest revisions, with what was seen to break them in the last day, and how many calls of
    their providers were checked.
    """
    day = data_range(parts, None, None, "24h")
    rows = broken_clauses(parts, day, MOST_CLAUSES).rows
    broken: dict[str, int] = {}
    for row in rows:
        broken[row["contract"]] = broken.get(row["contract"], 0) + row["exchanges"]
    lines = [line(revision) for revision in registry.listed(parts.engine, newest=True)]
    coverage = listed_in(parts, "coverage", day, MOST_CLAUSES, environment=None).rows
    checked = _checked(coverage, lines, parts.config.aliases)
    shown = {"contracts": lines, "broken": broken, "checked": checked}
    return render(request, "contracts.html", shown)


def _checked(
    coverage: Iterable[Mapping[str, Any]], lines: Iterable[ContractLine], aliases: Aliases
) -> dict[str, int]:
    """By contract, the calls to its provider (messages that it sent) that were held against any
    contract where this one is in force.
    """
    by_provider = Counter[tuple[str, str]]()
    for row in coverage:
        side = "caller" if row["protocol"] == MESSAGING else "callee"
        names = {row[side], qualified(row[f"{side}_namespace"], row[side])}
        for place in ("", row["environment"]):
            by_provider.update({(place, name): row["checked"] for name in names})
    checked = {}
    for contract in lines:
        place = aliases.environment(contract.environment) if contract.environment else ""
        provider = aliases.service(contract.provider)
        names = {provider, split_service(provider)[0]}
        checked[contract.name] = max(by_provider[place, name] for name in names)
    return checked


@router.get("/contracts/{name:path}")
def contract_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    name: str,
    revision: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None,
) -> HTMLResponse:
    """One revision with its document as text."""
    contract = revision_of(parts, name, revision)
    # of a mock its section tells what was seen
    shown = None if contract.role == "mock" else _shown(parts, contract)
    others = [line(entry) for entry in registry.listed(parts.engine, name=name)]
    return render(
        request,
        "contract.html",
        {
            "contract": contract,
            "document": contract.document[:SHOWN],
            "cut": len(contract.document) > SHOWN,
            "revisions": others,
            "awaited": [held for held in awaited(parts.engine) if held.name == contract.name],
            "covered": shown,
            "contradictions": _contradictions(parts, contract),
            "days": COVERED_DAYS,
            "mock": score_of(parts, contract, MOCK_DAYS) if contract.role == "mock" else None,
            "mock_days": MOCK_DAYS,
        },
    )


def _contradictions(parts: Parts, revision: Revision) -> list[Contradiction]:
    """None for a document that cannot be read any more."""
    try:
        return contradictions_of(parts, revision)
    except ContractError:
        return []


def _shown(parts: Parts, revision: Revision) -> list[Covered] | None:
    """What live exchanges showed of its examples; None for another kind, and for a document that
    cannot be read any more.
    """
    try:
        return covered(parts, revision, COVERED_DAYS)
    except ContractError:
        return None
