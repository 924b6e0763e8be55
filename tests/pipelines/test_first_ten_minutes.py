"""A legacy system gets its contract: inferred, observed without anybody being told, what is known
accepted, then enforced.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.cli.contract_infer import Wanted, infer
from monitor.contracts.registry import Registry
from monitor.control import breaks
from monitor.joining.breaking import BreakWatch
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.api.test_recordings import There
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.held_contracts import revisions
from tests.fixtures.ledger_service import calls
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_breaking import TEAMS, tell
from tests.pipelines.test_examples_shown import records
from tests.pipelines.written import Given

BEGAN = NOON - timedelta(hours=3)


def live(api: Asked, exchanges: list[dict[str, Any]], at: datetime, first: int) -> set[str]:
    """Records under what is published, and what checking said of them."""
    known = Registry(revisions(api.parts.engine))
    some = Given(records(*exchanges, at=at, first=first))
    list(
        api_logs(some, api.parts.store, lambda: known, ApiLogSettings(format="ndjson"), api.clock)
    )
    answer = api.parts.store.query(
        "recorded_exchanges",
        {
            "since": int(at.timestamp()), "until": int(at.timestamp()) + 3_600, "callees": ["ledger"], "namespace": "",
            "environment": "", "consumer": "", "version": "",
        },
    )  # fmt: skip
    return {f"{row['checked']} {row['reason']}".strip() for row in answer}


def published(api: Asked, document: str, role: str) -> dict[str, Any]:
    body = {"document": document, "provider": "ledger", "role": role, "owner": "payments"}
    answer = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def without(field: str, exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the provider answers once it has forgotten a field."""
    return [
        call | {"response_body": call["response_body"].replace(f'"{field}"', f'"old_{field}"')}
        for call in exchanges
        if call["path"].startswith("/entries/") and call["method"] == "GET"
        if call["status"] == 200
    ]


def test_inferred_observed_accepted_enforced(api: Asked, tmp_path: Path) -> None:
    engine, store = api.parts.engine, api.parts.store
    assert live(api, list(calls(800, 1)), BEGAN, 0) == {"not_checked no_contract"}
    file = tmp_path / "ledger.json"
    assert infer(There(api), Wanted("ledger", "", None, "7d", "openapi", 0.01), file) == 0
    document = file.read_text()
    assert published(api, document, "observed")["role"] == "observed"

    # what breaks it is told as an event, counts as no violation, and nobody is told
    later = list(calls(300, 2))
    observed = live(api, without("amount", later)[:20], BEGAN + timedelta(hours=1), 1_000)
    assert observed == {"not_checked observed"}
    assert live(api, later[:60], BEGAN + timedelta(minutes=90), 2_000) >= {"valid"}
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    (event,) = breaks.list_breaks(engine)
    assert (event.rule, event.pointer, event.observed) == ("required", "/amount", True)
    assert event.count == 20
    assert tell(engine, NOON) == {}
    assert "observed only" in api.get("/violations").text

    # published again without a word on it, it stays observed
    again = api.post(
        "/v1/contracts", {"document": document + " ", "provider": "ledger"}, LOCAL_TOKEN
    )
    assert again.json()["role"] == "observed"

    # what is known is accepted by somebody, until a day; then it is enforced
    accepted = {
        "owner": "payments", "reason": "known since 2019",
        "expires": (NOON + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    answer = api.post(f"/v1/violations/events/{event.id}/accept", accepted, LOCAL_TOKEN)
    assert answer.status_code == 200, answer.text
    assert published(api, document, "contract")["role"] == "contract"
    now = NOON + timedelta(minutes=2)
    api.clock.advance(120)
    broken = [*without("amount", later)[20:30], *without("key", later)[30:40]]
    assert live(api, broken, now, 3_000) == {"violated"}
    watch.step(now + timedelta(minutes=1))
    events = {event.pointer: event for event in breaks.list_breaks(engine)}
    assert {event.observed for event in events.values()} == {False}
    told = tell(engine, now + timedelta(minutes=1))
    assert told == {next(iter(TEAMS)): [("firing", 1)]}  # of the one that nobody accepted
    assert {pointer: event.told for pointer, event in events.items()} == {"/amount": 0, "/key": 0}
    after = {event.pointer: event.told for event in breaks.list_breaks(engine)}
    assert after == {"/amount": 0, "/key": 1}
