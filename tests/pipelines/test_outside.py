"""A third party's answers that are otherwise than they were are an event, with no contract: of
shape and of meaning, told once, and over when it is as before.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from monitor.contracts.registry import Registry
from monitor.control import breaks
from monitor.control.contracts import publish
from monitor.joining.breaking import BreakWatch
from monitor.joining.outside import OutsideWatch
from monitor.model.contracts import ContractDraft
from monitor.wording.breaks import break_sentence
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_breaking import tell
from tests.pipelines.test_examples_shown import records
from tests.pipelines.written import Given

HOST = "api.pay.example"


def live(api: Asked, first: int, at: datetime, count: int, *, older: bool) -> None:
    """Answers as the client that asks sees them."""
    given = []
    for place in range(count):
        answer = {"id": place, "amount": 2.5 + place % 9, "fee": "1", "note": "x"}
        if not older:
            answer = {"id": place, "amount": 250 + 100 * (place % 9), "fee": 1}
        given.append(
            {
                "callee": HOST, "callee_version": "", "caller": "till", "path": "/charges/1",
                "response_body": json.dumps(answer),
            }
        )  # fmt: skip
    batch = Given(records(*given, at=at, first=first))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))


def test_what_a_third_party_answers_otherwise_is_told_without_a_contract(api: Asked) -> None:
    engine, store = api.parts.engine, api.parts.store
    outside, watch = OutsideWatch(api.parts.reader, engine), BreakWatch(store, engine)
    live(api, 0, NOON - timedelta(hours=20), 400, older=True)
    assert outside.step(NOON) == 0
    live(api, 1_000, NOON - timedelta(minutes=30), 80, older=False)
    assert outside.step(NOON + timedelta(minutes=30)) == 0  # within the hour
    now = NOON + timedelta(hours=2)
    assert outside.step(now) == 3
    events = watch.step(now, {}, outside.events)
    told = {event.pointer: break_sentence(event) for event in events}
    where = f"{HOST} answers otherwise: GET /charges/{{id}}"
    assert (
        told["/note"] == f"{where} /note: missing in 100 % of 80 answers, before there in all 400"
    )
    assert (
        told["/fee"]
        == f"{where} /fee: of type number in 100 % of 80 answers, before never so in 400"
    )
    assert told["/amount"].startswith(f"{where} /amount: numbers are about 100 times larger")
    assert {(event.contract, event.callee, event.rule) for event in events} == {
        ("", HOST, "shape"), ("", HOST, "meaning"),
    }  # fmt: skip
    assert tell(engine, now) == {"slack-rest": [("firing", 1)] * 3}
    assert tell(engine, now + timedelta(minutes=1)) == {"slack-rest": [("firing", 1)] * 3}  # once

    page = api.get("/violations").text
    assert "missing in 100 % of 80 answers" in page
    assert HOST in page

    # another process sees it go: for six hours it is as before
    live(api, 2_000, NOON + timedelta(hours=8), 700, older=True)
    later = now + timedelta(hours=8)
    again = OutsideWatch(api.parts.reader, engine)
    assert again.step(later) == 0
    watch.step(later, {}, again.events)
    assert {event.state for event in breaks.list_breaks(engine)} == {"gone"}

    # who has a contract is held by it
    draft = ContractDraft("pay", "openapi", HOST, "{}")
    publish(engine, draft, later, read=lambda _: None)
    held = OutsideWatch(api.parts.reader, engine)
    held.step(later)
    assert held.events == {}


Answer = Callable[[int], dict[str, Any]]


def answers(api: Asked, first: int, at: datetime, count: int, answer: Answer, **more: str) -> None:
    given = [
        {"callee": HOST, "callee_version": "", "caller": "till", "path": "/charges/1"}
        | {"response_body": json.dumps(answer(place))}
        | more
        for place in range(count)
    ]
    batch = Given(records(*given, at=at, first=first))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))


def usual(place: int) -> dict[str, Any]:
    return {"id": place, "state": ("open", "paid")[place % 2], "note": "x"}


def hourly(api: Asked, since: datetime, hours: int) -> list[tuple[int, str, str]]:
    """What is told, hour by hour: the hour, the place, and what became of it."""
    engine, watch = api.parts.engine, BreakWatch(api.parts.store, api.parts.engine)
    outside = OutsideWatch(api.parts.reader, engine)
    told = []
    for hour in range(hours):
        now = since + timedelta(hours=hour)
        outside.step(now)
        events = watch.step(now, {}, outside.events)
        told += [(hour, event.pointer, event.state) for event in events]
    return told


def test_what_third_parties_do_all_the_time_is_no_event(api: Asked) -> None:
    """A new optional field, now and then a null where one stood before, and a weekly job that is
    answered with other fields, an hour later than a week ago.
    """

    def job(place: int) -> dict[str, Any]:
        return {"id": place, "rows": []}

    week = timedelta(days=7)
    answers(api, 0, NOON - week - timedelta(hours=1), 60, job, caller="report")
    answers(api, 1_000, NOON - timedelta(days=3), 400, lambda it: usual(it) | {"note": None if it % 50 == 0 else "x"})  # fmt: skip
    answers(api, 2_000, NOON - timedelta(hours=20), 400, usual)
    answers(api, 3_000, NOON - timedelta(minutes=50), 300, lambda it: usual(it) | {"tax": it})
    answers(api, 4_000, NOON - timedelta(minutes=20), 60, job, caller="report")
    assert hourly(api, NOON, 4) == []


def test_a_field_that_goes_for_some_only_is_told_once_and_is_over_when_it_is_usual(
    api: Asked,
) -> None:
    """A third party rolls out to a tenth of the traffic, then to all of it: told in the first hour,
    not each hour, and by no page.
    """

    def rolled(share: int) -> Answer:
        return lambda it: {name: value for name, value in usual(it).items() if name != "note" or it % 10 >= share}  # fmt: skip

    answers(api, 0, NOON - timedelta(days=2), 600, usual)
    for hour in range(4):
        answers(api, 1_000 * (1 + hour), NOON + timedelta(hours=hour - 1), 150, rolled(1))
    for day in range(1, 6):
        answers(api, 10_000 * day, NOON + timedelta(days=day), 300, rolled(10))
    told = hourly(api, NOON, 3)
    assert told == [(0, "/note", "new")]
    assert hourly(api, NOON + timedelta(hours=3), 20) == []
    assert ("/note", "gone") in {row[1:] for row in hourly(api, NOON + timedelta(days=5), 3)}
    alerts = tell(api.parts.engine, NOON + timedelta(hours=1))
    assert "pagerduty" not in " ".join(alerts)
