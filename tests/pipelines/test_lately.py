"""What is counted from memory is what the store would have told."""

import random

from monitor.edges.counting.calls import Scene
from monitor.joining import counting
from monitor.store import Store
from monitor.store.message_log import MessageLog
from monitor.store.recent import Recent
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S
from tests.pipelines.test_any_order import SPANS, told

MANY = [
    S("web", "client", 100 + trace, 1, start=start, end=start + length)
    if side == "client"
    else S("cart", "server", 100 + trace, 2, 1, start, start + length / 2, error=trace % 7 == 0)
    for trace in range(500)
    for start in [random.Random(trace).uniform(0, 38)]
    for length in [random.Random(trace).uniform(0.1, 9)]
    for side in ("client", "server")
]
INNER = [S("cart", "internal", 1, 9, 2, start=8.2, end=9)]


def counted(store: Store, *, from_memory: bool) -> tuple[list[tuple[object, ...]], int]:
    """The edges, delivered in three parts with copies, and how often memory told of halves."""
    store.forget()
    asked = 0
    lately, messages = counting.at_hand, counting.message_ends

    def at_hand(recent: Recent, *rest: object, **more: object) -> object:
        nonlocal asked
        rows = lately(recent, *rest, **more) if from_memory else None  # type: ignore[arg-type]  # handed on
        asked += rows is not None
        return rows

    def message_ends(log: MessageLog, scene: Scene) -> object:
        nonlocal asked
        told_of = messages(log, scene) if from_memory else None
        asked += told_of is not None
        return told_of

    counting.at_hand = at_hand  # type: ignore[assignment]  # watched
    counting.message_ends = message_ends  # type: ignore[assignment]  # watched
    try:
        rig = Rig(store)
        spans = [*SPANS, *INNER, *MANY]
        rig.deliver(*spans[::2])
        rig.close(finish=False)
        rig.deliver(*spans[1::2], *spans[::50])
        rig.close()
        rig.deliver(*call(3, start=22, end=23), *spans[::70])
        rig.close()
        return told(rig), asked
    finally:
        counting.at_hand, counting.message_ends = lately, messages


def test_memory_and_store_tell_the_same(store: Store) -> None:
    by_memory, asked = counted(store, from_memory=True)
    assert asked
    for table in ("halves", "message_ends", "inner_spans", "arrivals", "windows", "edge_windows"):
        store.command(f"TRUNCATE TABLE {table}")
    by_store, _ = counted(store, from_memory=False)
    assert by_memory == by_store
    assert sum(int(str(row[5])) for row in by_memory) > 500
