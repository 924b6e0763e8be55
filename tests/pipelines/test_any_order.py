"""Whatever the order of arrival and closing, the edges come out the same."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.model.edges import EdgeRow
from monitor.store import Store
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S

QUEUE = {"messaging.system": "kafka", "messaging.destination.name": "orders"}

# One call of each kind: paired across two windows, fanned out, retried on another version,
# one-sided both ways, a message with its consumer minutes later, a consumer of two messages.
SPANS: Sequence[S] = (
    *call(1, start=8, end=10.5),
    *call(2, start=1, end=2),
    S("cart", "server", 2, 3, 1, 1.5, 1.9, version="3.0", error=True),
    S("web", "client", 3, 1, start=12, end=13),
    S("cart", "server", 4, 2, 77, start=22, end=23),
    S("shop", "producer", 5, 1, start=1, end=1.1, attributes=QUEUE),
    S("mail", "consumer", 5, 2, 1, start=200, end=201, attributes=QUEUE),
    S("shop", "producer", 6, 1, start=31, end=31.1, attributes=QUEUE),
    S("till", "producer", 7, 1, start=32, end=32.1, attributes=QUEUE),
    S("mail", "consumer", 8, 2, start=35, end=36, attributes=QUEUE, links=[(6, 1), (7, 1)]),
    S("shop", "producer", 9, 1, start=33, end=33.1, attributes=QUEUE),
)


def told(rig: Rig) -> list[tuple[object, ...]]:
    def facts(row: EdgeRow) -> tuple[object, ...]:
        names = (row.caller, row.callee, row.operation, row.caller_version, row.callee_version)
        sums = (row.client_seconds_sum, row.server_seconds_sum)
        return (
            *names,
            row.calls,
            row.failed,
            tuple(row.outcomes.items()),
            tuple(row.coverage.items()),
            *sums,
        )

    return sorted(map(facts, rig.edges()), key=repr)


@pytest.fixture
def expected(rig: Rig) -> list[tuple[object, ...]]:
    rig.deliver(*SPANS)
    rig.close()
    return told(rig)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(len(SPANS))),
    closings=st.sets(st.integers(0, len(SPANS) - 1), max_size=4),
    again=st.integers(0, len(SPANS) - 1),
)
def test_every_order_of_arrival_and_closing_gives_the_same_edges(
    store: Store,
    expected: list[tuple[object, ...]],
    order: list[int],
    closings: set[int],
    again: int,
) -> None:
    for table in EMPTIED:
        store.command(f"TRUNCATE TABLE {table}")
    rig = Rig(store)
    for place, number in enumerate(order):
        rig.deliver(SPANS[number], partition=number % 2)
        if place in closings:
            rig.close()
    rig.deliver(SPANS[again])
    rig.close()
    assert told(rig) == expected


EMPTIED = (
    "halves",
    "inner_spans",
    "long_spans",
    "joints",
    "message_ends",
    "arrivals",
    "ledger",
    "watermarks",
    "edge_windows",
    "edge_hours",
    "windows",
    "sightings",
    "addresses",
    "evidence",
)


def test_a_shuffled_stream_of_many_calls_is_counted_whole(rig: Rig) -> None:
    chance = random.Random(5)
    spans = [
        half
        for n in range(1, 120)
        for half in call(n, start=n / 4, end=n / 4 + chance.random() * 3)
    ]
    chance.shuffle(spans)
    for at in range(0, len(spans), 20):
        rig.deliver(*spans[at : at + 20])
        if at % 60 == 0:
            rig.close(finish=False)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["both"]) == (119, 119)
