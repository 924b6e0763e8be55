"""The same span gives the same rows, in whatever batch it comes."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.decode.spans import decode_spans
from monitor.edges.halves import Namer, half_edges
from monitor.edges.limits import OTHER, NameCap
from tests.fixtures.spans import S, records, request, span_id, trace_id

KINDS = st.sampled_from(["server", "client", "producer", "consumer", "internal"])
SPANS = st.builds(
    S,
    service=st.sampled_from(["web", "cart", "pay"]),
    kind=KINDS,
    trace=st.integers(1, 3),
    span=st.integers(1, 9),
    parent=st.integers(0, 9),
    start=st.floats(0, 5),
    end=st.floats(5, 30),
    error=st.booleans(),
    version=st.sampled_from(["", "1", "2"]),
    links=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=3),
    state=st.sampled_from(["", "ot=th:8"]),
)


def rows(batches: list[list[S]]) -> list[dict[str, object]]:
    namer = Namer()
    halves = []
    for number, spans in enumerate(batches):
        decoded, rejects = decode_spans(records([request(spans)], first=number))
        assert not rejects
        halves += half_edges(decoded, namer).halves.to_pylist()
    return sorted(halves, key=repr)


@given(st.lists(SPANS, min_size=1, max_size=12), st.integers(1, 5))
def test_how_spans_are_batched_changes_no_row(spans: list[S], size: int) -> None:
    assert rows([spans]) == rows([spans[at : at + size] for at in range(0, len(spans), size)])


@given(st.lists(SPANS, min_size=1, max_size=8))
def test_every_edge_making_span_makes_rows_and_one_of_them_is_primary(spans: list[S]) -> None:
    decoded, _ = decode_spans(records([request(spans)]))
    halves = half_edges(decoded, Namer())
    makers = [s for s in spans if s.kind != "internal"]
    assert (
        sum(halves.halves.column("primary").to_pylist())
        == len(makers)
        == int(halves.sources.sum())
    )
    # internal spans touch their windows too
    assert int(halves.window_rows.sum()) == len(halves) + halves.inner_spans.num_rows
    assert len(halves) >= len(makers)


def test_a_clients_key_is_its_own_span_and_a_servers_its_parent() -> None:
    decoded, _ = decode_spans(
        records(
            [
                request(
                    [
                        S("web", "client", 1, 5, 9),
                        S("cart", "server", 1, 6, 5),
                        S("web", "server", 1, 9),
                    ]
                )
            ]
        )
    )
    keys = [
        (row["side"], row["call_span"], row["has_parent"])
        for row in half_edges(decoded, Namer()).halves.to_pylist()
    ]
    assert keys == [(1, span_id(5), 1), (2, span_id(5), 1), (2, span_id(9), 0)]


def test_a_linked_consumer_stands_under_its_links_and_beside_them_its_parent() -> None:
    linked = S("mail", "consumer", 9, 6, 5, links=[(1, 2), (3, 4), (1, 2)])
    parent_too = S("mail", "consumer", 9, 7, 5, links=[(9, 5)])
    decoded, _ = decode_spans(records([request([linked, parent_too])]))
    keys = [
        (row["trace"], row["call_span"], row["side"], row["primary"])
        for row in half_edges(decoded, Namer()).halves.to_pylist()
    ]
    assert keys == [
        (trace_id(1), span_id(2), 2, 1),
        (trace_id(3), span_id(4), 2, 0),
        (trace_id(9), span_id(5), 2, 1),
        (trace_id(9), span_id(5), 3, 0),
    ]


def test_a_flood_of_names_ends_in_other() -> None:
    cap = NameCap(2)
    assert cap.within("web", ["a", "b", "c", "a"]) == ["a", "b", OTHER, "a"]
    assert cap.within("cart", ["c"]) == ["c"]
    assert cap.overflowed == 1
