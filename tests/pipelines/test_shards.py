"""Spans spread over shards make the same edges as in one store, row for row: whatever is linked
across them, and whoever is killed.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import StoreError, StoreUnavailable
from monitor.joining.closing import Closer, Numbers
from monitor.joining.shard_states import states_of
from monitor.joining.summing import Summer
from monitor.store import Store
from monitor.store import client as store_client
from monitor.store.gathering import MERGES
from monitor.store.places import open_spread
from monitor.store.reader import Provider, Reader
from monitor.store.shards import Shards
from tests.contracts.test_messages import ORDER
from tests.fixtures.gateway import Gateway
from tests.fixtures.meshes import Mesh
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S, span_id, trace_id
from tests.pipelines.test_edges_from_logs import deliver as deliver_logs
from tests.pipelines.test_edges_from_logs import entry
from tests.pipelines.test_topic_records import batch, run, traced

SINCE, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
REFUSED = {"kind": "status", "status": 500, "code": 62, "text": "Code: 62. DB::Exception: no."}
"""What ends a step at once, as a kill would: it is not tried again."""
Spread = Callable[[int], Shards]


class SpreadRig(Rig):
    """As Rig, over shards: one collector, a closer for each shard, one who sums."""

    def __init__(self, shards: Shards) -> None:
        super().__init__(shards.house)
        self.shards = shards
        self.start_again()

    def start_again(self) -> None:
        """Closers and who sums, as after a restart: they know nothing."""
        numbers = Numbers(lambda: next(self._numbers), lambda: next(self._numbers))
        self.closers = [Closer(store, numbers, self.settings) for store in self.shards.stores]
        self.summer = Summer(self.shards, numbers, self.settings)

    def finish(self) -> None:
        """Close all in each shard, and sum it."""
        for closer in self.closers:
            closer.finish()
        self.summer.step(whole=True)


def cells(store: Store) -> list[object]:
    """All edges that are published, with all that is counted of them."""
    return [
        (cell.window, cell.edge, cell.caller_version, cell.callee_version, cell.region, cell.calls,
         cell.weighted_calls, cell.failed, cell.outcomes, cell.error_types, cell.provider_only,
         cell.conformance, cell.coverage, cell.sampling, cell.client_calls, cell.server_calls,
         cell.client_seconds_sum, cell.server_seconds_sum, cell.client_histogram,
         cell.server_histogram, cell.self_histogram, cell.queue_histogram, cell.exemplars,
         cell.sealed)
        for cell in Reader(store).cells("", "", SINCE, UNTIL, sealed_only=False)
    ]  # fmt: skip


def seen(store: Store) -> list[object]:
    return [*Reader(store).sightings(SINCE, UNTIL)]


def deliver(rig: Rig, spans: list[S], size: int = 40) -> None:
    for at in range(0, len(spans), size):
        rig.deliver(*spans[at : at + size], partition=at // size % 2)


def deliver_exchanges(rig: Rig, spans: list[S], seed: int) -> None:
    """API logs of some spans and of calls that no span shows; messages held against a contract."""
    chance = random.Random(seed)
    logged = [
        entry(
            span.end,
            trace_id=trace_id(span.trace).hex(),
            span_id=span_id(span.span).hex(),
            status=chance.choice((200, 200, 503)),
            kind=span.kind,
            callee=chance.choice(("cart", "pay")),
        )
        for span in spans
        if span.kind in ("client", "server") and chance.random() < 0.4
    ]
    deliver_logs(rig, *logged, *(entry(chance.uniform(0, 90)) for _ in range(30)))
    producers = [span for span in spans if span.kind == "producer"]
    for first, span in enumerate(producers):
        value = ORDER if chance.random() < 0.5 else {"id": "x", "total": 1}
        run(
            rig.store,
            batch(value, headers=traced(span.trace, span.span), first=first, at=span.end),
        )


@pytest.mark.parametrize(
    ("count", "seed"),
    [(2, 1), *(pytest.param(*case, marks=pytest.mark.long) for case in ((3, 2), (1, 3)))],
)
def test_shards_publish_what_one_store_does(
    store: Store, spread: Spread, count: int, seed: int
) -> None:
    spans = Mesh(seed).spans(30)
    alone, apart = Rig(store), SpreadRig(spread(count))
    for rig in (alone, apart):
        deliver(rig, spans)
        deliver_exchanges(rig, spans, seed)
    alone.close()
    apart.finish()
    assert len(cells(store)) > 60
    assert cells(apart.store) == cells(store)
    assert seen(apart.store) == seen(store)


def asked(seed: int) -> dict[str, dict[str, Any]]:
    """Parameters of the questions that shards answer together."""
    since, until = T0 - 3600, T0 + 3600
    times = {"since": since, "until": until}
    place = {"service": "cart", "environment": "default", "namespace": "*"}
    provider = Provider(("cart", "pay", "kafka", "mail")).parameters(
        datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
    )
    return {
        "alike": {**times, "environment": "", "service": "cart", "side": 2, "of": 1 + seed % 2},
        "could_have_shown": {
            "since": since,
            "callees": ["cart", "kafka"],
            "limit": 1000,
        },
        "exchange_verdicts": {"sources": ["aaaabbbbccccdddd", "cd" * 8]},
        "ramp_paths": times | place,
        "ramp_retries": times | place,
        "recorded_exchanges": provider,
        "session_exchanges": {"since": since, "since_ns": (T0 + 20) * 10**9},
    }


def test_questions_about_what_stands_in_shards_are_answered_as_by_one_store(
    store: Store, spread: Spread
) -> None:
    spans = Mesh(5).spans(30)
    alone, apart = Rig(store), SpreadRig(spread(2))
    for rig in (alone, apart):
        deliver(rig, spans)
        deliver_exchanges(rig, spans, 5)
    alone.close()
    apart.finish()
    questions = asked(5)
    others = {
        "newest_numbers",
        "panels/size",
        "senders",
    }  # numbers of closing, room on disk; below
    assert questions.keys() | others == MERGES.keys()
    for name, parameters in questions.items():
        answer = store.query(name, parameters)
        assert answer or name == "ramp_retries", name
        assert apart.store.query(name, parameters) == answer, name
    reader, spread_reader = Reader(store), Reader(apart.store)
    assert spread_reader.violations(SINCE, UNTIL) == reader.violations(SINCE, UNTIL) != []
    sent = [(trace_id(s.trace) + span_id(s.span)).hex() for s in spans if s.kind == "producer"]
    assert sent
    wanted = sorted(store.ask("senders", {"messages": sent}), key=str)
    assert sorted(apart.store.ask("senders", {"messages": sent}), key=str) == wanted != []


def test_retries_of_another_version_are_counted_in_whichever_shard_they_are(
    store: Store, spread: Spread
) -> None:
    spans = [
        span
        for trace in range(1, 20)
        for span in (
            S("web", "server", trace, 10 * trace, 0, 1, 3, version="1.0"),
            S("web", "client", trace, 10 * trace + 1, 10 * trace, 1, 1.5, error=True),
            S("cart", "server", trace, 10 * trace + 2, 10 * trace + 1, 1, 1.4, version="1.0", error=True),
            S("web", "client", trace, 10 * trace + 3, 10 * trace, 2, 2.5),
            S("cart", "server", trace, 10 * trace + 4, 10 * trace + 3, 2, 2.4, version="2.0"),
        )
    ]  # fmt: skip
    alone, apart = Rig(store), SpreadRig(spread(3))
    for rig in (alone, apart):
        deliver(rig, spans)
    (row,) = store.query("ramp_retries", asked(1)["ramp_retries"])
    assert (row["retries"], row["recovered"]) == (19, 19)
    assert apart.store.query("ramp_retries", asked(1)["ramp_retries"]) == [row]


QUEUE = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
SENT = S("shop", "producer", 5, 51, start=1, end=1.1, attributes=QUEUE)


def taken(trace: int) -> S:
    """A consumer of a trace of its own, a minute later, that links to what was sent."""
    return S("mail", "consumer", trace, trace * 10, 0, 60, 61, attributes=QUEUE, links=[(5, 51)])


@pytest.mark.parametrize("sent_first", [True, False])
def test_a_consumer_and_its_producer_in_other_shards_find_each_other_whoever_comes_later(
    store: Store, spread: Spread, sent_first: bool
) -> None:
    takers = [taken(trace) for trace in range(20, 26)]  # some of each shard
    steps = ([SENT], takers) if sent_first else (takers, [SENT])
    alone, apart = Rig(store), SpreadRig(spread(2))
    for rig in (alone, apart):
        for spans in steps:
            rig.deliver(*spans)
            rig.finish() if isinstance(rig, SpreadRig) else rig.close()
    assert apart.calls() == {("shop", "mail"): 6}
    assert cells(apart.store) == cells(store)


@pytest.mark.parametrize(
    ("count", "seed"),
    [
        (2, 11),
        (3, 12),
        *(pytest.param(2 + n % 2, n, marks=pytest.mark.long) for n in range(20, 28)),
    ],
)
def test_whoever_is_killed_wherever_the_windows_equal_those_of_one_store(
    store: Store,
    spread: Spread,
    gateway: Gateway,
    shard_gateways: list[Gateway],
    count: int,
    seed: int,
) -> None:
    chance, spans = random.Random(seed), Mesh(seed).spans(24)
    chance.shuffle(spans)
    alone, apart = Rig(store), SpreadRig(spread(count))
    deliver(alone, spans)
    alone.close()
    deaths, share = 0, -(-len(spans) // 5)
    for at in range(0, len(spans), share):
        apart.produce(*spans[at : at + share], partition=at // share % 2)
        table = chance.choice(("halves", "message_ends", "arrivals", "ledger", "watermarks", ""))
        where = gateway if table == "ledger" else chance.choice(shard_gateways[:count])
        where.faults({**REFUSED, "match": f"INSERT INTO `?{table}`? "} if table else {})
        try:
            apart.collect()
        except StoreError:
            deaths += 1
        where.faults()
        apart.collect()  # what was not committed is read again
        if chance.random() < 0.5:
            table = chance.choice(("edge_windows", "sightings", "windows", ""))
            where = chance.choice([gateway, *shard_gateways[:count]])
            where.faults({**REFUSED, "match": f"INSERT INTO `?{table}`? "} if table else {})
            try:
                apart.finish()
            except StoreError:
                deaths += 1
            where.faults()
            apart.start_again()
    apart.finish()
    apart.start_again()
    apart.finish()
    assert deaths
    assert cells(apart.store) == cells(store)
    assert seen(apart.store) == seen(store)


def test_a_shard_that_is_silent_holds_up_what_is_shown_and_nothing_is_shown_without_it(
    spread: Spread, shard_gateways: list[Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_client, "INSERT_PATIENCE_SECONDS", 0.1)
    rig = SpreadRig(spread(2))
    first = [half for n in range(1, 11) for half in call(n)]
    rig.deliver(*first)
    rig.finish()
    assert rig.calls() == {("web", "cart"): 10}
    sequence = rig.reader.newest_sequence()
    shard_gateways[1].stop()
    try:
        rig.produce(*(half for n in range(11, 21) for half in call(n)))
        with pytest.raises(StoreUnavailable):
            rig.collect()
        rig.closers[0].finish()
        with pytest.raises(StoreUnavailable):
            rig.summer.step()
        assert rig.reader.newest_sequence() == sequence
        assert rig.calls() == {("web", "cart"): 10}  # what was whole stays readable
        with pytest.raises(StoreUnavailable):  # and a part is not told as the whole
            rig.reader.alike("", "cart", "callee", SINCE, UNTIL)
        assert [state.answers for state in states_of(rig.shards.stores)] == [True, False]
    finally:
        shard_gateways[1].start()
    rig.collect()
    rig.finish()
    assert rig.calls() == {("web", "cart"): 20}
    assert all(state.answers for state in states_of(rig.shards.stores))


def test_a_window_is_sealed_once_all_shards_have_sealed_it(spread: Spread) -> None:
    rig = SpreadRig(spread(2))
    later = call(99, start=40, end=41)  # moves the watermark past the first window's end
    rig.deliver(*(half for n in range(1, 11) for half in call(n)))
    rig.deliver(*later, at=T0 + 42)
    rig.closers[0].finish()
    rig.summer.step()
    assert rig.calls() == {}
    rig.closers[1].step()
    rig.summer.step()
    health = rig.reader.windows_health()
    assert rig.calls() == {("web", "cart"): 10}
    assert (health["windows"], health["sealed_windows"]) == (1, 0)
    rig.closers[1].finish()
    rig.summer.step()
    health = rig.reader.windows_health()
    assert (health["windows"], health["sealed_windows"]) == (2, 2)
    assert rig.calls() == {("web", "cart"): 11}


def test_hours_of_many_shards_are_those_of_one_store(store: Store, spread: Spread) -> None:
    spans = [half for n in range(1, 40) for half in call(n, start=n / 4, end=n / 4 + 1)]
    alone, apart = Rig(store), SpreadRig(spread(2))
    for rig in (alone, apart):
        deliver(rig, spans)
    alone.close()
    apart.finish()
    until = T0 // 3600 * 3600 + 7200
    assert alone.closer.roll_hours(until) == apart.summer.roll_hours(until) == 1
    late = call(77, start=3, end=4)
    for rig in (alone, apart):
        rig.deliver(*late)
    alone.close()
    apart.finish()  # the hour is summed anew
    assert alone.edges() == apart.edges()
    assert sum(row.calls for row in apart.edges()) == 40
    assert apart.reader.windows_health()["late"] == alone.reader.windows_health()["late"] == 2


def test_the_house_may_be_embedded(
    chdb_path: Path, shard_gateways: list[Gateway], tmp_path: Path
) -> None:
    name = f"house_{abs(hash(tmp_path))}"
    shards = open_spread(
        f"chdb://{chdb_path}?database={name}", [server.dsn(name) for server in shard_gateways[:2]]
    )
    try:
        rig = SpreadRig(shards)
        rig.deliver(*(half for n in range(1, 11) for half in call(n)))
        rig.finish()
        assert rig.calls() == {("web", "cart"): 10}
        rig.deliver(*call(11))
        rig.finish()
        assert rig.calls() == {("web", "cart"): 11}
        assert shards.house.holds_nothing("halves")
    finally:
        for store in (*shards.stores, shards.house):
            store.command(f"DROP DATABASE IF EXISTS `{store.database}`")
            store.close()
