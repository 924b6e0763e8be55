"""A window with more rows than are counted at once is counted trace by trace, and tells the same."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from monitor.edges.closing import Batch
from monitor.joining.counting import FEW_ROWS, LAST_TRACE, Counter, ranges_of
from monitor.store import Store
from tests.fixtures.rig import Rig
from tests.fixtures.spans import S
from tests.pipelines.test_any_order import QUEUE, told

CALLS = 400
WRITTEN = ("halves", "message_ends", "arrivals", "windows", "edge_windows", "sightings")


def traffic() -> list[S]:
    """Calls of four windows, some of them retried or across a border; and consumers that each take
    two messages of other traces, some in a later window.
    """
    chance = random.Random(7)
    spans = []
    for n in range(1, CALLS + 1):
        start = chance.uniform(0, 36)
        end = start + chance.uniform(0.1, 3)
        spans += [
            S("web", "client", n, 1, start=start, end=end),
            S("cart", "server", n, 2, 1, start, end - 0.05, error=n % 7 == 0),
            S("shop", "producer", n, 3, 2, start, start + 0.1, attributes=QUEUE),
        ]
        if n % 9 == 0:
            spans.append(S("cart", "server", n, 4, 1, start, end, version="3.0"))
        if n % 2 == 0:
            taken = min(start + chance.uniform(0.2, 12), 38)
            links = [(n, 3), (n - 1, 3)]
            spans.append(
                S("mail", "consumer", 5000 + n, 1, start=taken, end=taken + 1, attributes=QUEUE, links=links)
            )  # fmt: skip
    return spans


def closed(store: Store, part_rows: int) -> tuple[list[tuple[object, ...]], object]:
    """Edges and sightings of the traffic, a part of which comes after the first closing."""
    for table in WRITTEN:
        store.command(f"TRUNCATE TABLE {table}")
    store.forget()
    rig = Rig(store)
    rig.settings = replace(rig.settings, part_rows=part_rows)
    rig.closer = rig.new_closer()
    spans = traffic()
    rig.deliver(*spans[::3], *spans[1::3])
    rig.close()
    rig.deliver(*spans[2::3], *spans[::20])
    rig.close()
    with store._writers.borrow() as client:
        seen = client.query(
            "SELECT window, service, version, sum(spans), sum(server_calls), sum(failed) FROM sightings"
            " WHERE (window, generation) IN (SELECT window, argMax(generation, seq) FROM windows GROUP BY window)"
            " GROUP BY ALL ORDER BY ALL"
        ).result_rows
    return told(rig), seen


@pytest.mark.parametrize(
    "traces", [[], [0] * 9, [5], [LAST_TRACE] * 4, [7 << 96 | n for n in range(1000)]]
)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_ranges_hold_each_trace_once(traces: list[int], count: int) -> None:
    parts = [(int(low, 16), int(high, 16)) for low, high in ranges_of(traces, count)]
    assert len(parts) == count
    whole = [(low, high) for low, high in parts if low <= high]
    assert whole[0][0] == 0
    assert whole[-1][1] == LAST_TRACE
    assert all(after[0] == before[1] + 1 for before, after in pairwise(whole))


def test_a_range_holds_about_as_many_traces_as_another_whatever_they_begin_with() -> None:
    traces = [7 << 96 | n for n in range(1000)]
    held = [
        sum(int(low, 16) <= trace <= int(high, 16) for trace in traces)
        for low, high in ranges_of(traces, 4)
    ]
    assert held == [250, 250, 250, 250]


def test_parts_of_a_window_tell_what_the_whole_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Batch] = []
    hand = Counter.hand

    def watched(counter: Counter, batch: Batch, *rest: object) -> object:
        read.append(batch)
        return hand(counter, batch, *rest)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(Counter, "hand", watched)
    whole = closed(store, 1_000_000)
    assert {batch.parts for batch in read} == {1}
    read.clear()
    assert closed(store, 100) == whole
    assert max(batch.parts for batch in read) > 5
    # windows whose neighbours are read by trace are among them
    assert any(batch.parts > 5 and batch.rows > FEW_ROWS and len(batch.due) <= 4 for batch in read)
    assert sum(int(str(row[5])) for row in whole[0]) > CALLS
