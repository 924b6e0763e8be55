"""Broken clauses become events: new, again, gone; each once, told to the receivers of its owner
and to nobody else.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.senders.listed import ListSender
from monitor.alerts.wording import LABELS
from monitor.cli import main
from monitor.control import breaks, lease, outbox, silences
from monitor.control.contracts import publish
from monitor.control.deploys import record
from monitor.edges.aliases import Aliases
from monitor.joining import breaking
from monitor.joining.alerting import NotifySettings, refresh
from monitor.joining.breaking import GONE_AFTER, BreakWatch, alert_of, receivers_of
from monitor.joining.unseen import UnseenWatch
from monitor.model.contracts import ContractDraft
from monitor.model.deploys import DeployEvent
from monitor.store import Store
from monitor.store.reader import Reader
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON, edge_row, write
from tests.fixtures.shop_day import publish as publish_windows

TEAMS = {"slack-pay": ("Payments",), "slack-rest": ("*",)}
SETTINGS = NotifySettings(enabled=True, lifecycle=LifecycleSettings(hold_seconds=0), teams=TEAMS)


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def violation(at: datetime, offset: int, **changes: Any) -> dict[str, Any]:
    window = at.replace(second=at.second // 10 * 10, microsecond=0)
    return {
        "window": window, "source_id": "ab" * 8, "partition": 0, "offset": offset, "index": 0, "fingerprint": "f" * 16, "contract": "payments",
        "revision": 1, "operation": "POST /pay", "side": "response", "rule": "type", "pointer": "/amount", "clause": "/c", "expected": "number",
        "actual": "string", "environment": "production", "caller": "web", "caller_version": "1", "callee": "payment", "callee_version": "2.0",
        "callee_namespace": "", "trace": bytes(16), "has_trace": 0, "status": 200, "at": at,
    } | changes  # fmt: skip


def broke(store: Store, *rows: dict[str, Any]) -> None:
    write(store, "violations", list(rows))


def called(store: Store, at: datetime, **changes: Any) -> None:
    """An exchange of the operation that was judged."""
    row = {
        "window": at.replace(second=at.second // 10 * 10, microsecond=0), "source_id": "ab" * 8, "partition": 0, "offset": 99, "index": 0,
        "trace": bytes(16), "span": bytes(8), "has_trace": 0, "side": 2, "environment": "production", "caller": "web", "caller_version": "1",
        "callee": "payment", "callee_version": "2.0", "callee_namespace": "", "protocol": "http", "operation": "POST /pay", "status": 200,
        "outcome": "ok", "error_type": "", "end_ns": int(at.timestamp()) * 10**9, "duration_ns": 0, "has_duration": 0, "checked": "valid",
        "reason": "", "contract": "payments", "revision": 1, "request_shape": 0, "content_hash": 1,
    } | changes  # fmt: skip
    write(store, "exchanges", [row])


def owned(engine: Engine, owner: str = "payments") -> None:
    draft = ContractDraft("payments", "openapi", "payment", "{}", owner=owner, contact="#pay")
    publish(engine, draft, NOON - timedelta(days=2), read=lambda _: None)


def tell(
    engine: Engine, now: datetime, settings: NotifySettings = SETTINGS
) -> dict[str, list[tuple[str, int]]]:
    """What is written for each receiver by one tick: state and revision."""
    senders = {name: ListSender(name) for name in ("slack-pay", "slack-rest", "pager")}
    held = lease.acquire(engine, "notify", "a", 60)
    assert held is not None
    refresh(engine, now, senders=senders, settings=settings, held=held)
    letters: dict[str, list[tuple[str, int]]] = {}
    for letter in reversed(outbox.list_letters(engine)):
        letters.setdefault(letter.receiver, []).append(
            (letter.alert.state if letter.alert else "", letter.revision)
        )
    return letters


def events(engine: Engine) -> list[tuple[str, int]]:
    return [(event.state, event.count) for event in breaks.list_breaks(engine)]


def test_one_clause_is_one_event_whatever_callers_and_versions_break_it(
    store: Store, engine: Engine
) -> None:
    owned(engine)
    deploy = record(
        engine,
        DeployEvent(
            "ci",
            "1",
            "deploy",
            "production",
            "payment",
            "2.0",
            "1.9",
            "succeeded",
            NOON - minutes(12),
        ),
        NOON,
    )
    broke(
        store,
        violation(NOON - minutes(10), 1),
        violation(NOON - minutes(5), 2, caller="shop", caller_version="7"),
        violation(NOON - minutes(4), 3),
        violation(NOON - minutes(4), 3),
    )
    watch = BreakWatch(store, engine)
    (new,) = watch.step(NOON)
    assert (new.state, new.count, new.first_seen, new.last_seen) == (
        "new",
        3,
        NOON - minutes(10),
        NOON - minutes(4),
    )
    assert {
        (pair.caller, pair.caller_version, pair.callee_version, pair.exchanges)
        for pair in new.pairs
    } == {
        ("web", "1", "2.0", 2),
        ("shop", "7", "2.0", 1),
    }
    assert (new.deploy_id, new.deploy, new.owner, new.contact) == (
        deploy.id,
        "payment 2.0",
        "payments",
        "#pay",
    )
    assert watch.step(NOON + minutes(1)) == []
    # another process says nothing new either
    assert BreakWatch(store, engine).step(NOON + minutes(1)) == []
    broke(store, violation(NOON, 9))
    assert watch.step(NOON + minutes(2)) == []
    assert events(engine) == [("new", 4)]


def test_gone_and_again(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    called(store, NOON + timedelta(hours=9))
    assert watch.step(NOON + GONE_AFTER - minutes(1)) == []
    (gone,) = watch.step(NOON + GONE_AFTER + minutes(1))
    assert (gone.state, gone.revision) == ("gone", 2)
    later = NOON + timedelta(days=2)
    broke(store, violation(later, 2))
    (again,) = watch.step(later + minutes(1))
    assert (again.state, again.began, again.first_seen, again.count) == ("again", later, NOON, 2)
    assert (
        again.flips == 1
    )  # by the versions of before, and the contract is the same: a flaky check
    called(store, later + timedelta(hours=40), offset=98)
    watch.step(later + timedelta(days=2))
    assert events(engine) == [("gone", 2)]
    newer = later + timedelta(days=3)
    broke(store, violation(newer, 3, callee_version="9.9"))
    (again,) = watch.step(newer + minutes(1))
    assert (again.state, again.flips) == ("again", 1)  # a version that did not break it before
    called(store, newer + timedelta(hours=40), offset=99)
    watch.step(newer + timedelta(days=2))
    watch.step(newer + timedelta(days=91))
    assert events(engine) == []


def test_what_was_not_called_since_is_not_gone_but_untested(store: Store, engine: Engine) -> None:
    late = NOON + GONE_AFTER + minutes(1)
    undocumented = {
        "fingerprint": "e" * 16,
        "rule": "undocumented_operation",
        "operation": "GET /gone",
        "side": "request",
    }
    broke(
        store,
        violation(NOON, 1),
        violation(NOON, 2, **undocumented),
        violation(NOON, 3, fingerprint="d" * 16, side="request"),
    )
    called(store, NOON + timedelta(hours=9), operation="GET /other")
    called(store, NOON + timedelta(hours=9), offset=98, checked="not_checked")
    called(store, NOON + timedelta(hours=9), offset=97, environment="staging")
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    # the provider was called, and not there
    assert [event.rule for event in watch.step(late)] == ["undocumented_operation"]
    assert {(event.rule, event.state, event.untested) for event in breaks.list_breaks(engine)} == {
        ("type", "new", True),
        ("undocumented_operation", "gone", False),
    }
    called(store, late, offset=96, caller="shop")
    assert watch.step(late + minutes(1)) == []  # nothing new: not asked again for a while
    (gone,) = watch.step(late + minutes(12))
    # what the caller breaks shows in that caller's calls alone
    assert (gone.side, gone.untested) == ("response", False)


def test_an_event_goes_to_the_receivers_of_its_owner_once_and_its_end_too(
    store: Store, engine: Engine
) -> None:
    owned(engine)
    broke(store, violation(NOON, 1))
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    assert tell(engine, NOON) == {"slack-pay": [("firing", 1)]}
    assert tell(engine, NOON + minutes(1)) == {"slack-pay": [("firing", 1)]}
    called(store, NOON + timedelta(hours=9))
    watch.step(NOON + GONE_AFTER + minutes(1))
    assert tell(engine, NOON + GONE_AFTER + minutes(1)) == {
        "slack-pay": [("firing", 1), ("resolved", 2)]
    }
    (letter, *_) = outbox.list_letters(engine)
    assert letter.alert is not None
    assert letter.alert.labels["owner"] == "payments"
    assert letter.alert.summary == "payments: the response of POST /pay breaks type at /amount"
    later = NOON + timedelta(days=2)
    broke(store, violation(later, 2))
    watch.step(later + minutes(1))
    assert tell(engine, later + minutes(1))["slack-pay"][-1] == ("firing", 3)


def test_a_new_owner_takes_over_what_is_still_broken(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    assert tell(engine, NOON) == {"slack-rest": [("firing", 1)]}
    owned(engine)
    watch.step(NOON + minutes(1))
    handed = {"slack-rest": [("firing", 1), ("resolved", 3)], "slack-pay": [("firing", 3)]}
    assert tell(engine, NOON + minutes(1)) == handed
    assert tell(engine, NOON + minutes(2)) == handed
    called(store, NOON + timedelta(hours=9))
    late = NOON + GONE_AFTER + minutes(1)
    watch.step(late)
    handed["slack-pay"].append(("resolved", 4))
    assert tell(engine, late) == handed


def test_what_could_not_be_read_for_there_is_too_much_is_not_gone(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    broke(store, violation(NOON, 1))
    watch = BreakWatch(store, engine)
    watch.step(NOON)
    late = NOON + GONE_AFTER + minutes(30)
    busy = [
        violation(late - minutes(at), 10 + at, fingerprint=f"{at:016x}", pointer=f"/{at}")
        for at in range(4)
    ]
    broke(store, *busy, violation(late - minutes(20), 3))
    called(store, NOON + timedelta(hours=9))
    monkeypatch.setattr(breaking, "MOST", 4)
    assert all(event.state == "new" for event in watch.step(late))
    monkeypatch.setattr(breaking, "MOST", 5)
    assert watch.step(late + minutes(1)) == []


def test_what_nobody_owns_goes_to_those_who_take_the_rest(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    BreakWatch(store, engine).step(NOON)
    assert tell(engine, NOON) == {"slack-rest": [("firing", 1)]}
    assert receivers_of("payments", TEAMS) == ["slack-pay"]
    assert receivers_of("stock", TEAMS) == receivers_of("", TEAMS) == ["slack-rest"]
    assert receivers_of("stock", {"a": ("b",)}) == []


def test_nobody_is_told_before_it_is_asked_for(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    BreakWatch(store, engine).step(NOON)
    assert tell(engine, NOON, NotifySettings(enabled=True)) == {}
    assert tell(engine, NOON, NotifySettings(teams=TEAMS)) == {}
    # what still is broken when it is asked for is told then
    assert tell(engine, NOON) == {"slack-rest": [("firing", 1)]}


def test_what_is_accepted_is_quiet_until_that_expires(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    watch = BreakWatch(store, engine)
    (new,) = watch.step(NOON)
    tell(engine, NOON)
    assert (
        breaks.accept_break(engine, new.id, "ann", "known", NOON + minutes(60), NOON + minutes(1))
        is not None
    )
    watch.step(NOON + minutes(2))
    # looking again forgets no word of people
    assert breaks.list_breaks(engine)[0].accepted_by == "ann"
    assert tell(engine, NOON + minutes(2))["slack-rest"] == [("firing", 1), ("resolved", 2)]
    assert tell(engine, NOON + minutes(61))["slack-rest"] == [
        ("firing", 1),
        ("resolved", 2),
        ("firing", 3),
    ]
    assert breaks.accept_break(engine, "nobody", "ann", "known", NOON + minutes(99), NOON) is None
    (kept,) = breaks.list_breaks(engine)
    quiet, loud = (
        alert_of(kept, 2, over=over, now=NOON + minutes(at), link_base="")
        for at, over in ((2, True), (61, False))
    )
    until = f"{NOON + minutes(60):%Y-%m-%d %H:%M} UTC"
    assert quiet.summary.endswith("(accepted as known)")
    assert f"accepted as known by ann until {until} (known)" in quiet.annotations["description"]
    assert f"still broken: ann accepted it until {until}" in loud.annotations["description"]
    assert loud.labels.keys() <= LABELS
    assert "No deploy in production is known before" in loud.annotations["description"]


def test_a_silence_holds_for_contract_events_too(store: Store, engine: Engine) -> None:
    broke(store, violation(NOON, 1))
    BreakWatch(store, engine).step(NOON)
    silences.create_silence(
        engine, {"contract": "payments"}, "ann", "maintenance", NOON + minutes(5), NOON
    )
    assert tell(engine, NOON) == {}
    assert tell(engine, NOON + minutes(6)) == {"slack-rest": [("firing", 1)]}


def test_events_are_told_by_api_and_page_and_accepted_there(api: Asked) -> None:
    parts = api.parts
    broke(parts.store, violation(NOON - minutes(1), 1))
    BreakWatch(parts.store, parts.engine).step(NOON)
    (row,) = api.get("/v1/violations/events").json()
    assert (row["state"], row["rule"], row["pairs"][0]["caller"]) == ("new", "type", "web")
    body: Mapping[str, str] = {
        "owner": "ann",
        "reason": "known",
        "expires": (NOON + minutes(60)).isoformat(),
    }
    answer = api.post(f"/v1/violations/events/{row['id']}/accept", body, LOCAL_TOKEN)
    assert (answer.status_code, answer.json()["accepted_by"]) == (200, "ann")
    page = api.get("/violations").text
    assert "New, again, gone" in page
    assert "accepted by" in page
    past = {**body, "expires": (NOON - minutes(1)).isoformat()}
    assert (
        api.post(f"/v1/violations/events/{row['id']}/accept", past, LOCAL_TOKEN).status_code == 422
    )
    assert api.post("/v1/violations/events/nobody/accept", body, LOCAL_TOKEN).status_code == 404
    mixed = api.post(f"/v1/findings/{row['id']}/accept", body, LOCAL_TOKEN)
    assert mixed.status_code == 404
    assert "--violation" in mixed.text


def test_what_is_documented_and_not_seen_for_days_is_one_event_a_contract_and_gone_when_seen(
    own_store: Store, engine: Engine
) -> None:
    paths = {
        f"/{name}": {"get": {"responses": {"200": {"description": "ok"}}}}
        for name in ("a", "b", "c")
    }
    document = json.dumps(
        {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}
    )
    draft = ContractDraft("shop", "openapi", "shop", document, owner="payments")
    publish(engine, draft, NOON - timedelta(days=40), read=lambda _: None)
    publish(
        engine,
        replace(draft, name="fresh", provider="shop"),
        NOON - timedelta(days=2),
        read=lambda _: None,
    )
    publish(
        engine,
        replace(draft, name="dark", provider="nobody"),
        NOON - timedelta(days=40),
        read=lambda _: None,
    )
    generations = iter(range(1, 9))

    def saw(path: str, window: datetime) -> None:
        generation = next(generations)
        row = edge_row(window, generation, ("web", "shop", "http", f"GET {path}"), ("1", "2"), 10)
        write(own_store, "edge_windows", [row])
        publish_windows(own_store, generation, [window], NOON + minutes(1))

    unseen, watch = (
        UnseenWatch(Reader(own_store), engine, Aliases(), 30),
        BreakWatch(own_store, engine),
    )

    def looked(now: datetime) -> list[tuple[str, str, str]]:
        for _ in range(4):
            unseen.step(now)
        return [
            (event.contract, event.state, event.actual)
            for event in watch.step(now, unseen=unseen.events)
        ]

    saw("/a", NOON)
    assert looked(NOON) == []  # nobody watched thirty days ago
    saw("/a", NOON - timedelta(days=30) + minutes(60))
    at = NOON + timedelta(hours=2)
    assert looked(at) == [("shop", "new", "2 of 3 were not: GET /b, GET /c")]
    assert tell(engine, at) == {"slack-pay": [("firing", 1)]}
    (alert,) = [letter.alert for letter in outbox.list_letters(engine) if letter.alert]
    assert (alert.severity, alert.labels["alertname"]) == ("info", "SeamwatchContractUnseen")
    assert "not seen within 30 days: 2 of 3 were not: GET /b, GET /c" in alert.summary
    saw("/b", NOON + timedelta(seconds=10))
    at += timedelta(hours=2)
    assert looked(at) == []  # the same event, with less in it
    assert [event.actual for event in breaks.list_breaks(engine)] == ["1 of 3 were not: GET /c"]
    # another process has not looked yet
    assert BreakWatch(own_store, engine).step(at + timedelta(days=2)) == []
    saw("/c", NOON + timedelta(seconds=20))
    at += timedelta(hours=2)
    assert [(name, state) for name, state, _ in looked(at)] == [("shop", "gone")]
    assert tell(engine, at)["slack-pay"][-1][0] == "resolved"
    # watched no more: nothing is said
    for later in (at + timedelta(hours=2), at + timedelta(days=40)):
        saw("/a", later)
        assert looked(later) == []
    silent = UnseenWatch(Reader(own_store), engine, Aliases(), 0)
    assert (silent.step(at), silent.events) == (0, {})


def test_a_flaky_check_is_counted_in_the_api_on_the_page_and_on_the_command_line(
    api: Asked, serve: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone and back on unchanged code: each time is counted, and told as one check's."""
    store, engine = api.parts.store, api.parts.engine
    watch, at = BreakWatch(store, engine), NOON - timedelta(days=8)
    broke(store, violation(at, 1))
    watch.step(at)
    monkeypatch.setenv("SEAMWATCH_API_URL", serve(api.app))
    monkeypatch.setenv("SEAMWATCH_API_TOKEN", api.token("read"))
    for flips, sentence in ((1, "back 1 time on unchanged"), (2, "back 2 times on unchanged")):
        called(store, at + timedelta(hours=20), offset=100 + flips)
        (gone,) = watch.step(at + GONE_AFTER + minutes(1))
        assert (gone.state, gone.flips) == ("gone", flips - 1)
        at += timedelta(days=2)
        broke(store, violation(at, 1 + flips))
        watch.step(at + minutes(1))
        (event,) = api.get("/v1/violations/events").json()
        assert (event["state"], event["flips"]) == ("again", flips)
        assert f"flaky check: gone and {sentence} code" in api.get("/violations").text
        with pytest.raises(SystemExit):
            main(["broken"])
        assert f"flaky: {sentence} code" in capsys.readouterr().out
