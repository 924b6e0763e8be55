"""A GraphQL call is called by what it asks for, though an internal span below the server's tells
it, as most instrumentations do: whatever comes first, twice, or is closed apart.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.rig import Rig
from tests.fixtures.spans import S
from tests.pipelines.test_any_order import EMPTIED

POST = {"http.request.method": "POST", "http.route": "/graphql"}


def asks(name: str, kind: str = "query") -> dict[str, str | int]:
    """The attributes of a span that tells what is asked for."""
    told = {"graphql.operation.type": kind, "graphql.operation.name": name}
    return {word: text for word, text in told.items() if text}


def request(n: int, *inner: S, start: float = 1.0, end: float = 2.0, **own: str) -> list[S]:
    """A call of `web` to `shop` in trace n, and what stands below the server (span 2)."""
    client = S("web", "client", n, 1, 99, start, end, attributes=POST)
    server = replace(
        client, service="shop", kind="server", span=2, parent=1, attributes=POST | own
    )
    return [client, server, *(replace(span, trace=n) for span in inner)]


def within(span: int, parent: int, name: str = "", service: str = "shop", **options: object) -> S:
    """An internal span, which may tell what is asked for."""
    attributes = asks(name) if name else {}
    told = S(service, "internal", 0, span, parent, 1.1, 1.9, attributes=attributes)
    return replace(told, **options)  # type: ignore[arg-type]  # fields of S


# What stands below the server, and by what the call is called.
STORIES: Sequence[tuple[list[S], str]] = [
    (request(1, within(3, 2, "GetCart")), "POST /graphql query GetCart"),
    (
        request(2, within(3, 2), within(4, 3), within(5, 4, "GetCart")),
        "POST /graphql query GetCart",
    ),
    (
        request(3, within(3, 2, attributes=asks("Pay", "mutation"))),
        "POST /graphql mutation Pay",
    ),
    (request(4, within(3, 2, attributes=asks("Pay", ""))), "POST /graphql Pay"),
    (request(5, within(3, 2, attributes=asks("", "query"))), "POST /graphql"),
    # of several the first by start, then by span id
    (
        request(6, within(3, 2, "Late", start=1.3), within(4, 2, "Early", start=1.2)),
        "POST /graphql query Early",
    ),
    (request(7, within(4, 2, "Second"), within(3, 2, "First")), "POST /graphql query First"),
    # the server's own word, another service, an own trace, no parent, a circle
    (
        request(8, within(3, 2, "Inner"), **asks("Own")),  # type: ignore[arg-type]  # words
        "POST /graphql query Own",
    ),
    (request(9, within(3, 2, "Other", service="cart")), "POST /graphql"),
    (request(10, within(3, 2, service="cart"), within(4, 3, "Through")), "POST /graphql"),
    (request(11, within(3, 77, "Orphan")), "POST /graphql"),
    (request(12, within(3, 4, "A"), within(4, 3, "B")), "POST /graphql"),
    # client, server and internal span end in three windows; a server of 25 s, its question early
    (
        request(13, within(3, 2, "Edge", start=9.0, end=9.9), start=8, end=10.5),
        "POST /graphql query Edge",
    ),
    (request(14, within(3, 2, "Long"), start=1, end=26), "POST /graphql query Long"),
    # a client between: that of the server it calls is another call
    (
        request(
            15,
            S("shop", "client", 0, 3, 2, 1.1, 1.8, attributes=POST),
            S("users", "server", 0, 4, 3, 1.2, 1.7, attributes=POST),
            within(5, 4, "User", service="users"),
        ),
        "POST /graphql",
    ),
]
SPANS = [span for spans, _ in STORIES for span in spans]
EXPECTED = {
    **{operation: 0 for _, operation in STORIES},
    "POST /graphql query User": 1,
}
for _, told in STORIES:
    EXPECTED[told] += 1


def calls(rig: Rig) -> dict[str | None, int]:
    return {row.operation: row.calls for row in rig.edges("operation")}


def test_the_server_above_is_called_by_what_an_internal_span_tells(rig: Rig) -> None:
    rig.deliver(*SPANS)
    rig.close()
    assert calls(rig) == EXPECTED


@pytest.mark.parametrize("seed", [2])
def test_neither_order_nor_batches_nor_a_second_sending_change_it(rig: Rig, seed: int) -> None:
    chance = random.Random(seed)
    shuffled = chance.sample(SPANS, len(SPANS))
    for at in range(0, len(shuffled), 12):
        rig.deliver(*shuffled[at : at + 12], partition=at % 2)
        rig.close(finish=chance.random() < 0.5)
    rig.deliver(*SPANS[:20])
    rig.close()
    assert calls(rig) == EXPECTED


@pytest.mark.parametrize("end", [2.0, 26.0])
def test_a_question_that_comes_after_the_call_was_closed_is_told(rig: Rig, end: float) -> None:
    client, server, inner = request(1, within(3, 2, "GetCart"), end=end)
    far = replace(client, trace=2, start=11, end=12)
    rig.deliver(client, server, far)
    rig.close()
    assert calls(rig) == {"POST /graphql": 2}
    rig.deliver(inner)
    rig.close()
    assert calls(rig) == {"POST /graphql query GetCart": 1, "POST /graphql": 1}


def test_questions_without_end_are_one_beyond_the_limit_of_a_service(rig: Rig) -> None:
    spans = [
        span
        for n in range(1, 1010)
        for span in request(n, within(3, 2, f"Q{n:04}"), start=1, end=2)
    ]
    rig.deliver(*spans)
    rig.close()
    told = calls(rig)
    # the endpoint itself is a name, too
    assert (len(told), told["__other__"]) == (1000, 10)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(len(SPANS))), seed=st.integers(0, 99))
def test_every_order_and_closing_tells_the_same(rig: Rig, order: list[int], seed: int) -> None:
    for table in EMPTIED:
        rig.store.command(f"TRUNCATE TABLE {table}")
    rig.closer = rig.new_closer()
    chance = random.Random(seed)
    for number in order:
        rig.deliver(SPANS[number], partition=number % 2)
        if chance.random() < 0.1:
            rig.close(finish=chance.random() < 0.5)
    rig.close()
    assert calls(rig) == EXPECTED
