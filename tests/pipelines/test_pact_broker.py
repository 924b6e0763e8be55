"""A Pact Broker is asked by its own links, read only, and its pacts become revisions; what it does
wrong harms nobody.
"""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.alerts.wire import Reply
from monitor.cli.doctor import _pact_broker, _tried
from monitor.clock import ManualClock
from monitor.config import load
from monitor.contracts.registry import Registry
from monitor.control.contracts import listed, publish
from monitor.control.turn import Turn
from monitor.errors import ConfigError, SourceError
from monitor.joining import broker as asking
from monitor.joining.broker import PactBroker, RetryLater, selection_of
from monitor.model.contracts import ContractDraft
from monitor.telemetry import HealthBoard, Report
from pipelines import broker as pipeline
from pipelines.broker import pacts
from tests.contracts.examples import interaction, pact
from tests.fixtures.held_contracts import revisions
from tests.fixtures.pact_broker import StandIn, standing_in

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def held() -> Iterator[StandIn]:
    """A broker with two pacts of one provider, and one whose names need escaping."""
    both = [pact(interaction(), consumer=name) for name in ("web", "billing")]
    odd = pact(interaction(), consumer="über app/1") | {"provider": {"name": "a b"}}
    with standing_in(StandIn(pacts=[*both, odd])) as broker:
        yield broker


def names(broker: PactBroker) -> list[tuple[str, str, str | None]]:
    return [(draft.name, draft.provider, draft.environment) for draft in broker.look().drafts]


@pytest.mark.parametrize("embeds", [False, True])
def test_the_latest_pacts_are_found_by_the_brokers_own_links(
    held: StandIn, *, embeds: bool
) -> None:
    held.embeds = embeds
    assert names(PactBroker(held.address)) == [
        ("web-orders", "orders", None),
        ("billing-orders", "orders", None),
        ("über app/1-a b", "a b", None),
    ]
    assert {method for method, *_ in held.asked} == {"GET"}
    assert "createdAt" not in PactBroker(held.address).look().drafts[0].document


def test_pacts_of_an_environment_are_asked_of_each_provider_over_all_pages(held: StandIn) -> None:
    held.deployed = {"web": "production", "über app/1": "production"}
    drafts = names(PactBroker(held.address, select=["environment:production"]))
    assert sorted(drafts) == [
        ("web-orders@production", "orders", "production"),
        ("über app/1-a b@production", "a b", "production"),
    ]
    assert names(PactBroker(held.address, select=["environment:staging"])) == []
    assert len(names(PactBroker(held.address, select=["main", "latest"]))) == 3


def test_all_versions_of_a_consumer_that_are_live_in_an_environment_are_owed(
    held: StandIn,
) -> None:
    held.deployed = {"web": "production"}
    held.pacts.append(pact(interaction(), interaction("more"), consumer="web"))
    broker = PactBroker(held.address, select=["environment:production"])
    (both,) = broker.look().drafts
    told = [part["description"] for part in json.loads(both.document)["interactions"]]
    assert (both.name, sorted(told)) == ("web-orders@production", ["an order", "more"])
    held.pacts.insert(0, held.pacts.pop())
    assert broker.look().drafts == [both]
    held.pacts.append(held.pacts[0] | {"metadata": {"pactSpecification": {"version": "4.0"}}})
    assert "different specifications" in " ".join(broker.look().refused)


def test_pages_without_end_end_and_what_is_left_out_is_told() -> None:
    links = {
        "pb:pacticipants": {"href": "/p/0"},
        "pb:provider-pacts-for-verification": {"href": "/for/{provider}", "templated": True},
    }

    def endless(method: str, url: str, _headers: object, _body: bytes, _most: int) -> Reply:
        if method == "POST":
            return Reply(404, {}, b"")
        page = url.rpartition("/p/")[2]
        said = (
            {"_links": {"next": {"href": f"/p/{int(page) + 1}"}}, "pacticipants": [{"name": page}]}
            if page.isdecimal()
            else {"_links": links}
        )
        return Reply(200, {}, json.dumps(said).encode())

    found = PactBroker("http://127.0.0.1:9", select=["main"], ask=endless).look()
    assert (found.pacts, [one.partition(" has ")[2] for one in found.refused]) == (
        0, ["more than 200 pages of pacticipants; the others are left out"],
    )  # fmt: skip


def test_what_has_not_changed_is_not_sent_again(held: StandIn) -> None:
    broker = PactBroker(held.address)
    first = broker.look()
    held.asked.clear()
    assert broker.look().drafts == first.drafts
    assert {same for _, _, same, _ in held.asked} == {True}
    held.pacts[0] = pact(interaction(), interaction("more"))
    assert "more" in broker.look().drafts[0].document


def test_it_says_who_we_are_in_either_way_and_never_shows_the_secret(held: StandIn) -> None:
    held.token = "the-secret-token"
    assert len(names(PactBroker(held.address, token="the-secret-token"))) == 3
    held.token, held.login = "", "me:the-secret-word"
    assert len(names(PactBroker(held.address, username="me", password="the-secret-word"))) == 3
    with pytest.raises(
        SourceError, match=r"refuses us \(401\); correct contracts.broker_token"
    ) as refused:
        PactBroker(held.address, token="another-secret").look()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_broker_that_is_down_is_left_alone_as_long_as_it_asks(
    held: StandIn, status: int
) -> None:
    held.failing, held.headers = status, {"Retry-After": "77"}
    with pytest.raises(RetryLater, match=str(status)) as later:
        PactBroker(held.address).look()
    assert later.value.seconds == 77


def test_redirects_and_links_to_other_hosts_are_not_followed(held: StandIn) -> None:
    with standing_in(StandIn(pacts=held.pacts)) as other:
        held.links = {"pb:latest-pact-versions": f"{other.address}/pacts/latest"}
        with pytest.raises(SourceError, match="another host"):
            PactBroker(held.address, token="x").look()
        held.links, held.failing, held.headers = {}, 302, {"Location": f"{other.address}/"}
        with pytest.raises(SourceError, match="redirects are not followed"):
            PactBroker(held.address, token="x").look()
        assert other.asked == []


@pytest.mark.parametrize(
    "href",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//other.example/x",
        "http://[::1",
        "gopher://x",
    ],
)
def test_no_link_leads_elsewhere(held: StandIn, href: str) -> None:
    held.links = {"pb:latest-pact-versions": href}
    with pytest.raises(SourceError):
        PactBroker(held.address).look()


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://metadata.google.internal/"])
def test_a_clouds_metadata_service_is_no_broker(url: str) -> None:
    with pytest.raises(SourceError, match=r"metadata|not a public"):
        PactBroker(url).look()


def test_huge_and_slow_answers_end(held: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LIST_BYTES", 200)
    with pytest.raises(SourceError, match="larger than 200 bytes"):
        PactBroker(held.address).look()
    monkeypatch.undo()
    monkeypatch.setattr(asking, "SECONDS", 0.5)
    held.drips = 0.05
    with pytest.raises(SourceError):
        PactBroker(held.address).look()


def test_one_bad_pact_spoils_no_other(held: StandIn, sqlite_engine: Engine) -> None:
    held.pacts += [{"consumer": {"name": "x"}, "provider": {"name": "y"}, "interactions": "none"}]
    board = run(PactBroker(held.address), sqlite_engine)
    assert sorted(revision.name for revision in revisions(sqlite_engine)) == [
        "billing-orders",
        "web-orders",
        "über app/1-a b",
    ]
    report = told(board)
    assert report.ready
    assert "1 pacts were refused" in report.reason


@pytest.mark.parametrize("text", ["newest", "branch:", "latest:x", "", "environment"])
def test_a_selection_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="broker_select"):
        selection_of(text)


def test_doctor_says_whether_it_answers(held: StandIn) -> None:
    def signs(**settings: object) -> list[tuple[str, str]]:
        config = load(flags={"contracts.broker_url": held.address, **settings})
        return [(sign.state, sign.said) for sign in _tried("pact broker", _pact_broker, config)]

    ((state, text),) = signs()
    assert (state, "answers as a Pact Broker" in text) == ("good", True)
    held.token = "the-secret-token"
    ((state, text),) = signs(**{"contracts.broker_token": "another-secret"})
    assert state == "bad"
    assert "correct contracts.broker_token" in text
    assert "secret" not in text
    held.links = {"pb:latest-pact-versions": "/x"}
    assert signs(**{"contracts.broker_token": "the-secret-token"})[0][0] == "good"
    assert signs(**{"contracts.broker_select": ["newest"]})[0][0] == "bad"


def told(board: HealthBoard) -> Report:
    (report,) = board.reports()
    return report


def run(
    broker: PactBroker,
    engine: Engine,
    looks: int = 1,
    clock: ManualClock | None = None,
    step: float = 60.0,
    every: float = 0.01,
) -> HealthBoard:
    """The pipeline for so many looks, the clock moved on between them."""
    stop, board, time = threading.Event(), HealthBoard(), clock or ManualClock(NOON)
    done = []

    class Counted(HealthBoard):
        def report(self, report: object) -> None:
            board.report(report)  # type: ignore[arg-type]
            done.append(report)
            time.advance(step)
            if len(done) >= looks:
                stop.set()

    pacts(
        broker,
        engine,
        stop=stop,
        turn=Turn(engine, "pact-broker", "test"),
        board=Counted(),
        clock=time,
        tick_seconds=every,
    )
    return board


def test_pacts_become_revisions_once_and_again_when_they_change(
    held: StandIn, sqlite_engine: Engine
) -> None:
    broker = PactBroker(held.address)
    board = run(broker, sqlite_engine, 3)
    assert {(revision.number, revision.published_by) for revision in revisions(sqlite_engine)} == {
        (1, "pact broker")
    }
    assert told(board).details["pacts"] == 3
    held.pacts[0] = pact(interaction(), interaction("more"))
    run(broker, sqlite_engine)
    assert {revision.name: revision.number for revision in revisions(sqlite_engine)}[
        "web-orders"
    ] == 2


def test_it_reports_more_often_than_it_asks(
    held: StandIn, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "REPORT_SECONDS", 0.01)
    board = run(PactBroker(held.address), sqlite_engine, 5, every=3600.0)
    assert sum(path == "/" for _, path, *_ in held.asked) == 1
    assert told(board).details["pacts"] == 3


def test_a_broker_in_trouble_makes_nothing_unready_and_is_asked_less_and_less(
    held: StandIn, sqlite_engine: Engine
) -> None:
    broker = PactBroker(held.address)
    run(broker, sqlite_engine)
    held.failing, held.headers = 503, {"Retry-After": "300"}
    looked = []
    look = broker.look
    broker.look = lambda: (looked.append(1), look())[1]  # type: ignore[method-assign]
    board = run(broker, sqlite_engine, 10)
    assert len(looked) == 2  # at once, and after the five minutes that it asked for
    report = told(board)
    assert report.ready
    assert "503" in report.reason
    assert len(revisions(sqlite_engine)) == 3


def in_force(engine: Engine) -> list[str]:
    """Which contracts bind the provider an hour later."""
    at = int(NOON.timestamp() + 3600) * 10**9
    return sorted(
        contract.name for contract in Registry(revisions(engine)).find("orders", "", "", "web", at)
    )


def test_a_pact_that_is_selected_no_more_is_withdrawn_and_holds_again_when_it_is(
    held: StandIn, sqlite_engine: Engine
) -> None:
    broker = PactBroker(held.address)
    publish(
        sqlite_engine,
        ContractDraft("own", "openapi", "orders", "{}"),
        NOON,
        read=lambda _: None,
        published_by="ann",
    )
    run(broker, sqlite_engine)
    assert in_force(sqlite_engine) == ["own", "web-orders"]
    web, *others = held.pacts
    held.pacts = others
    board = run(broker, sqlite_engine, 2)
    # withdrawn once
    assert (told(board).details["withdrawn"], told(board).details["stale"]) == (0, 0)
    assert in_force(sqlite_engine) == ["own"]
    (ended,) = [
        revision for revision in listed(sqlite_engine, newest=True) if revision.role == "withdrawn"
    ]
    assert (ended.name, ended.number, ended.published_by) == ("web-orders", 2, "pact broker")
    before = Registry(revisions(sqlite_engine)).find(
        "orders", "", "", "web", int(NOON.timestamp() - 3600) * 10**9
    )
    assert "web-orders" in [contract.name for contract in before]  # what was promised then stays
    held.pacts = [web, *others]
    run(broker, sqlite_engine, clock=ManualClock(NOON + timedelta(minutes=30)))
    assert in_force(sqlite_engine) == ["own", "web-orders"]


def test_a_broker_that_selects_nothing_or_refuses_a_pact_withdraws_none_and_says_so(
    held: StandIn, sqlite_engine: Engine
) -> None:
    broker = PactBroker(held.address)
    run(broker, sqlite_engine)
    both, held.pacts = held.pacts, []
    report = told(run(broker, sqlite_engine))
    assert (report.details["withdrawn"], report.details["stale"]) == (0, 3)
    assert (
        "3 pacts are selected no more, and still hold: billing-orders, web-orders" in report.reason
    )
    held.pacts = [*both[1:], {"consumer": {"name": ""}, "provider": {"name": "y"}}]
    report = told(run(broker, sqlite_engine))
    assert (report.details["withdrawn"], report.details["stale"]) == (0, 1)
