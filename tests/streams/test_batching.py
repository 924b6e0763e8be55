"""When a batch is handed on."""

from collections.abc import Iterator

from monitor.model.records import Partition
from monitor.streams.batching import LATER_SECONDS, Bounds, Gathering, batches

PLACE = Partition("a" * 16, "otlp_spans", 0)


class Topic:
    """Records that come at these seconds; waiting for them moves the time on."""

    def __init__(self, *times: float) -> None:
        self.now, self.waiting, self.gathering = 0.0, list(times), Gathering()

    def gather(self, wait_seconds: float) -> None:
        until = min([self.now + wait_seconds, *self.waiting[:1]])
        self.now = max(self.now, until)
        while self.waiting and self.waiting[0] <= self.now:
            number = len(self.gathering)
            self.gathering.add(str(self.waiting.pop(0)).encode(), PLACE, number, 0, {})

    def batches(self, bounds: Bounds, wall_ahead: float) -> Iterator[tuple[float, int]]:
        """When each batch was handed on by the wall clock, and how many records it holds."""
        for records in batches(
            self.gathering,
            bounds,
            self.gather,
            lambda: {PLACE: True},
            lambda: not self.waiting and not self.gathering,
            lambda: self.now,
            lambda: self.now + wall_ahead,
        ):
            yield round(self.now + wall_ahead, 3), len(records)


def test_a_batch_is_handed_on_as_long_after_each_multiple_of_its_seconds() -> None:
    """So that what came until 4 s after a window's end is there to be shown at once."""
    topic = Topic(2.0, 3.0, 3.9, 4.4, 8.5, 12.0)
    told = [
        batch for batch in topic.batches(Bounds(seconds=5.0, poll_seconds=9.0), 1001.0) if batch[1]
    ]
    assert told == [
        (1000 + LATER_SECONDS, 2),
        (1005 + LATER_SECONDS, 2),
        (1010 + LATER_SECONDS, 2),
    ]


def test_a_full_batch_waits_for_no_clock() -> None:
    topic = Topic(2.0, 2.1, 2.2)
    told = [batch for batch in topic.batches(Bounds(records=2), 1000.0) if batch[1]]
    assert told == [(1002.1, 2), (1000 + LATER_SECONDS, 1)]


def test_records_that_are_added_together_are_as_if_added_one_by_one() -> None:
    """Gaps, the next offset and what has begun, also where the log was cut off and read again."""
    rows = [(b"a", 5, 1, {}), (b"bcd", 6, 2, {"name": b"x"}), (b"", 9, 3, {}), (b"e", 2, 4, {})]
    singly, together, empty = Gathering(), Gathering(), Gathering()
    for gathering in (singly, together, empty):
        gathering.expect(PLACE, 3)
    for value, offset, timestamp_ms, headers in rows:
        singly.add(value, PLACE, offset, timestamp_ms, headers)
    together.add_all(PLACE, iter(rows))
    empty.add_all(PLACE, iter(()))
    assert (together.expected(PLACE), together.payload_bytes, len(together)) == (3, 5, 4)
    batch, reference = together.take({}), singly.take({})
    assert list(batch.gaps) == list(reference.gaps) == [2, 0, 2, 0]
    assert [
        getattr(batch, name) for name in ("values", "offsets", "timestamps_ms", "headers")
    ] == [getattr(reference, name) for name in ("values", "offsets", "timestamps_ms", "headers")]
    assert together.has_begun(PLACE)
    assert (empty.expected(PLACE), empty.has_begun(PLACE)) == (3, False)
