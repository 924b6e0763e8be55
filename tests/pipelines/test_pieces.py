"""Pieces of an exchange that come in several batches are joined, nothing of them is committed
before, and they wait within bounds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.clock import ManualClock
from monitor.joining.pieces import MOST_BYTES, WAIT_SECONDS, Pieces
from monitor.model.records import Fruitless, Offsets, Partition, Records
from monitor.store import Store
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.promises import AT_NS, registry
from tests.decode.api_logs.test_pieces import chunk, headers, payload, segment
from tests.pipelines.test_api_logs import entry
from tests.pipelines.written import Given

MS = 10**6
ASKED = headers(_method="GET", _path="/api/payments/8", _authority="payment")
OK = headers(_status="200", content_type="application/json", content_length="11")
LOG = [
    payload(1, "a", AT_NS, "GET /api/payments/7 HTTP/1.1\r\nHost: payment"),
    segment(1, request_headers=ASKED),
    payload(2, "b", AT_NS + MS, "HTTP/1.1 404 Not Found"),
    entry(path="/other"),
    segment(1, response_headers=OK),
    payload(2, "a", AT_NS + 2 * MS, "HTTP/1.1 200 OK"),
    segment(1, response_body_chunk=chunk('{"ok":true}')),
    payload(1, "b", AT_NS, "GET /api/payments/9 HTTP/1.1\r\nHost: payment"),
    payload(2, "d", AT_NS, "HTTP/1.1 200 OK"),
    payload(1, "c", AT_NS, "GET /alone HTTP/1.1\r\nHost: payment"),
]


class Waited(Given):
    """Batches of which each comes `seconds` after the one before."""

    def __init__(self, clock: ManualClock, seconds: float, *batches: Records) -> None:
        super().__init__(*batches)
        self._clock, self._seconds = clock, seconds

    def poll(self) -> Iterator[Records]:
        for records in super().poll():
            yield records
            self._clock.advance(self._seconds)


def batch(place: Partition, first: int, *values: bytes, **more: Any) -> Records:
    count = len(values)
    offsets = list(range(first, first + count))
    stamps = [AT_NS // 10**6] * count
    return Records(
        list(values), [place] * count, offsets, stamps, [{}] * count, [0] * count, **more
    )


def read(
    store: Store, place: Partition, *batches: Records, seconds: float = 1, stopped: bool = False
) -> list[int]:
    """What is committed after each batch."""
    clock = ManualClock(datetime.fromtimestamp(AT_NS / 1e9, UTC))
    source, known = Waited(clock, seconds, *batches), registry()
    settings = ApiLogSettings()
    committed = []
    for progress in api_logs(source, store, lambda: known, settings, clock, lambda: stopped):
        offsets = progress.offsets if isinstance(progress, Fruitless) else progress
        assert isinstance(offsets, dict)
        assert isinstance(progress, dict) or "wait for their others" in progress.reason
        committed.append(offsets[place])
    return committed


def of(store: Store, place: Partition) -> dict[str, list[dict[str, Any]]]:
    """The rows of a source, but for what names it and for when it was read."""
    found = {}
    for table in ("exchanges", "violations", "rejects", "ledger"):
        more = {"ledger": ", reading", "rejects": ", reading", "exchanges": ", content_hash"}
        left_out = "source_id, ingested" + more.get(table, "")
        with store._readers.borrow() as client:
            found[table] = list(
                client.query(
                    f"SELECT * EXCEPT ({left_out}) FROM {table} FINAL"
                    f" WHERE source_id = '{place.source_id}' ORDER BY ALL"
                ).named_results()
            )
    return found


def at(number: int) -> Partition:
    return Partition(f"{number:016x}", "api_logs", 0)


def test_a_log_that_is_cut_anywhere_gives_the_same_rows(store: Store) -> None:
    whole = at(0)
    read(store, whole, batch(whole, 0, *LOG))
    wanted = of(store, whole)
    told = {(row["path"], row["status"], row["offset"]) for row in paths(wanted["exchanges"])}
    assert told >= {("payments/7", 200, 0), ("payments/8", 200, 1), ("payments/9", 404, 7)}
    assert [(row["offset"], row["reason"]) for row in wanted["rejects"]] == [(8, "answer_apart")]
    for cut in (1, 3, 5, 6, 7):
        place = at(cut)
        committed = read(store, place, batch(place, 0, *LOG[:cut]), batch(place, cut, *LOG[cut:]))
        assert of(store, place) == wanted, cut
        assert committed == [0 if cut < 6 else 1 if cut == 6 else 2, 8, 10], cut
    ones = at(99)
    read(store, ones, *(batch(ones, offset, value) for offset, value in enumerate(LOG)))
    assert of(store, ones) == wanted


def paths(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbers = {0: "payments/7", 1: "payments/8", 7: "payments/9"}
    return [row | {"path": numbers.get(row["offset"], "")} for row in exchanges]


def test_a_reader_that_stops_leaves_what_waits_to_the_next_one(store: Store) -> None:
    place, whole = at(200), at(201)
    (reached,) = read(store, place, batch(place, 0, *LOG[:4]), stopped=True)
    assert reached == 0
    assert [row["offset"] for row in of(store, place)["exchanges"]] == [3]
    read(store, place, batch(place, reached, *LOG[reached:]))
    read(store, whole, batch(whole, 0, *LOG))
    assert of(store, place) == of(store, whole)


def test_a_piece_waits_half_a_minute_and_is_told_alone_by_then(store: Store) -> None:
    place = at(300)
    nothing = batch(place, 0)
    batches = [batch(place, 0, LOG[0]), batch(place, 1, LOG[3]), nothing, nothing, nothing]
    clock = ManualClock(datetime.fromtimestamp(AT_NS / 1e9, UTC))
    source, known = Waited(clock, 0.4 * WAIT_SECONDS, *batches), registry()
    first, *told = api_logs(source, store, lambda: known, ApiLogSettings(), clock)
    assert first == Fruitless(
        "1 records hold pieces of exchanges that wait for their others", {place: 0}
    )
    assert told == [{place: 0}, {}, {place: 2}, {}]
    (asked, _) = of(store, place)["exchanges"]
    assert (asked["offset"], asked["outcome"]) == (0, "")
    assert [row["exchanges"] for row in of(store, place)["ledger"]] == [1, 1]


def test_no_more_waits_than_the_bound_and_what_another_reader_has_is_forgotten() -> None:
    here, there = at(1), at(2)
    value = b"x" * (MOST_BYTES // 4)
    clock = ManualClock(datetime.fromtimestamp(AT_NS / 1e9, UTC))
    coming = [
        batch(here, 0, *[value] * 6),
        batch(there, 3, b"y"),
        batch(here, 2, b"z"),
        batch(there, 4, b"y", drained={there: True}),
    ]
    pieces = Pieces()
    waiting: list[list[bool]] = []
    seen: list[list[tuple[Partition, int]]] = []
    safe: list[Offsets] = []
    for records in pieces.batches(coming, clock, lambda: True):
        seen.append(list(zip(records.partitions, records.offsets, strict=True)))
        waiting.append([pieces.waits([place]) for place in records.places()])
        progress = pieces.settled(records.next_offsets)
        assert isinstance(progress, dict)
        safe.append(progress)
    assert waiting[0] == [True] * 4 + [False] * 2
    assert seen[1] == [*((here, offset) for offset in range(4)), (there, 3)]
    assert seen[2] == [(here, 0), (here, 1), (here, 2)], "read again from 2 on; no room for 3"
    assert seen[3] == [(there, 4)], "another reader has the partition"
    assert safe[0] == {here: 0}
    assert safe[1:] == [{here: 0, there: 4}, {here: 0}, {there: 4}]


@pytest.mark.parametrize("stopped", [True, False])
def test_what_waits_at_the_end_of_a_source_is_told_unless_it_ends_for_a_stop(
    store: Store, stopped: bool
) -> None:
    place = at(400 + stopped)
    committed = read(store, place, batch(place, 0, *LOG[-2:]), stopped=stopped)
    assert committed == ([0] if stopped else [0, 2])
    found = of(store, place)
    assert len(found["exchanges"]) == len(found["rejects"]) == (0 if stopped else 1)
