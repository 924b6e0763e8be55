"""Times over the API and on the page: published, then held against sealed windows."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.cli.contract_times import document_of
from monitor.control.breaks import list_breaks
from monitor.edges.aliases import Aliases
from monitor.joining.breaking import BreakWatch, alert_of
from monitor.joining.judging import with_promises
from monitor.joining.timing_events import TimingWatch
from monitor.wording.findings import summary
from tests.contracts.test_timing import FAST, SLOW
from tests.detect.test_places import given_up
from tests.detect.traffic import Behaviour, cell, edge
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.written import write_cells


def publish(api: Asked, **more: object) -> dict[str, object]:
    body = {
        "provider": "payment",
        "consumer": "checkout",
        "document": document_of("", "2s", ["p99=300ms"]),
        "name": "t",
    } | more
    answer = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert answer.status_code == 201, answer.text
    publication: dict[str, object] = answer.json()
    return publication


def test_a_timeout_is_published_and_judged_on_sealed_windows(api: Asked) -> None:
    assert (publish(api)["format"], api.get("/v1/timing?service=payment").json()["verdicts"]) == (
        "timing",
        [],
    )
    held = cell(
        0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1)
    )
    old = replace(
        held, window=NOON - timedelta(minutes=20), callee_version="1.0.0", server_histogram=FAST
    )
    new = replace(
        held, window=NOON - timedelta(minutes=10), callee_version="2.0.0", server_histogram=SLOW
    )
    write_cells(api.parts.store, [old, new])
    timing = api.get("/v1/timing?service=payment").json()
    told = [
        (verdict["version"], verdict["quantile"], verdict["word"], verdict["since_version"])
        for verdict in timing["verdicts"]
    ]
    assert told[0] == ("2.0.0", None, "broken", "2.0.0")
    assert ("1.0.0", None, "kept", "") in told
    assert timing["verdicts"][0]["reason"]["code"] == "timeout_too_short"
    assert (
        "exceeds checkout's timeout of 2 s (since payment 2.0.0"
        in timing["verdicts"][0]["reason"]["text"]
    )
    assert "exceeds checkout" in api.get("/matrix?service=payment").text
    assert api.get("/v1/timing?service=payment&environment=nowhere").json()["verdicts"] == []
    changed = publish(api, document=document_of("", "1s", ["p99=300ms"]))
    assert [
        (change["rule"], change["direction"], change["was"], change["now"])
        for change in changed["changes"]
    ] == [  # type: ignore[attr-defined]
        ("timeout", "tighter", "2 s", "1 s")
    ]


def test_what_is_not_sealed_is_not_judged(api: Asked) -> None:
    publish(api)
    held = cell(
        0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1)
    )
    write_cells(
        api.parts.store,
        [replace(held, window=NOON - timedelta(minutes=1), server_histogram=SLOW)],
        sealed=False,
    )
    assert api.get("/v1/timing?service=payment").json()["verdicts"] == []


@pytest.mark.parametrize("document", ["{}", '{"x-seamwatch-timing": {"timeout": 2}}'])
def test_what_tells_no_time_is_refused(api: Asked, document: str) -> None:
    answer = api.post(
        "/v1/contracts",
        {"provider": "payment", "document": document, "format": "timing"},
        LOCAL_TOKEN,
    )
    assert answer.status_code == 422
    assert json.loads(answer.text)["error"]["do"]


def test_a_broken_time_is_a_violation_once_an_hour(api: Asked) -> None:
    publish(api)
    held = cell(
        0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1)
    )
    old = replace(
        held, window=NOON - timedelta(minutes=20), callee_version="1.0.0", server_histogram=FAST
    )
    new = replace(
        held, window=NOON - timedelta(minutes=10), callee_version="2.0.0", server_histogram=SLOW
    )
    write_cells(api.parts.store, [old, new])
    for _ in range(2):
        watch = TimingWatch(
            api.parts.reader, api.parts.engine, api.parts.store, api.parts.config.aliases
        )
        assert watch.step() == 1
        assert watch.step() == 0  # nothing was sealed since
    (violation,) = api.get("/v1/violations?since=24h").json()
    assert [violation[word] for word in ("contract", "rule", "expected", "caller", "callee", "operation", "exchanges")] == [
        "t", "timeout", "at most 2 s", "checkout", "payment", "POST /pay", 1,
    ]  # fmt: skip
    assert [pair["callee_version"] for pair in violation["by_version_pair"]] == ["2.0.0"]


def test_only_windows_in_which_a_revision_was_in_force_are_held_against_it(api: Asked) -> None:
    """Else who allows more, or plans to allow less, is told what nobody broke."""
    publish(api)
    for minutes, timeout in ((-5, "1ms"), (60, "2ms")):
        since = (NOON + timedelta(minutes=minutes)).isoformat()
        publish(api, document=document_of("", timeout, []), effective_from=since)
    parts = api.parts
    held = cell(
        0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1)
    )

    def broken(minutes: int, **changes: object) -> int:
        window = NOON - timedelta(minutes=minutes)
        write_cells(parts.store, [replace(held, window=window, **changes)])  # type: ignore[arg-type]
        watch = TimingWatch(parts.reader, parts.engine, parts.store, parts.config.aliases)
        return watch.step()

    assert broken(20, server_histogram=FAST) == 0  # under the first one, though not the second
    assert broken(10, server_histogram=SLOW) == 1
    assert broken(4, server_histogram={}, client_histogram={}) == 0
    assert broken(2, server_histogram=FAST) == 1


def test_a_broken_time_is_an_event_with_its_numbers_and_gone_when_calls_show_it(
    api: Asked,
) -> None:
    publish(api, owner="payments")
    parts = api.parts
    held = cell(
        0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1)
    )
    write_cells(
        parts.store,
        [
            replace(
                held,
                window=NOON - timedelta(minutes=10),
                callee_version="2.0.0",
                server_histogram=SLOW,
            )
        ],
    )
    times = TimingWatch(parts.reader, parts.engine, parts.store, parts.config.aliases)
    times.step()
    watch = BreakWatch(parts.store, parts.engine)
    events = {event.rule: event for event in watch.step(NOON, times.reasons)}
    new = events["timeout"]
    assert (new.state, new.owner, new.actual.partition(" = ")[0]) == ("new", "payments", "p99.5")
    as_json = {event["rule"]: event for event in api.get("/v1/violations/events").json()}[
        "timeout"
    ]
    assert as_json["time"]["code"] == "timeout_too_short"
    assert "exceeds checkout's timeout of 2 s (since payment 2.0.0" in as_json["text"]
    assert "exceeds checkout" in api.get("/violations").text
    alert = alert_of(new, 1, over=False, now=NOON, link_base="")
    assert "exceeds checkout's timeout of 2 s" in alert.summary
    assert {
        event.state
        for event in BreakWatch(parts.store, parts.engine).step(NOON + timedelta(hours=25))
    } == set()
    assert {row.untested for row in list_breaks(parts.engine)} == {True}  # nobody called since


def test_a_finding_of_a_short_timeout_names_the_contracts_clause_on_it(api: Asked) -> None:
    late = given_up(1.0)
    assert with_promises(api.parts.engine, Aliases(), [late]) == [late]  # no contract tells it
    publish(api, consumer="the-waiting-one", name="waits", document=document_of("", "250ms", []))
    publish(api, consumer="another", name="others", document=document_of("", "9s", []))
    # the contract names another service
    assert with_promises(api.parts.engine, Aliases(), [late]) == [late]
    known = Aliases(services={"the-waiting-one": late.edge.caller})
    (told,) = with_promises(api.parts.engine, known, [late])
    assert told.evidence.time is not None
    assert told.evidence.time.timeout is not None
    assert (
        "the contract waits says that they wait 0.25 s (/x-seamwatch-timing/timeout)"
        in summary(told)
    )
