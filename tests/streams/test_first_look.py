"""Of a source that shows nothing readable, nothing is committed."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from monitor.clock import ManualClock
from monitor.errors import RejectLimit
from monitor.model.records import Fruitless, Offsets, Partition, Records, Reject, Unread, reject
from monitor.streams.limit import FIRST_RECORDS, RejectBudget, RejectLimits
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.runner import RunnerSettings, run
from monitor.streams.source import Source
from monitor.telemetry import HealthBoard


def batch(text: str, *, first: int = 0, source: str = "a") -> tuple[Records, list[Reject]]:
    """A record a letter: `b` cannot be read."""
    place, count = Partition(source, "topic", 0), len(text)
    values = [letter.encode() for letter in text]
    records = Records(
        values,
        [place] * count,
        list(range(first, first + count)),
        [0] * count,
        [{}] * count,
        [0] * count,
    )
    return records, [
        reject(records, index, "otlp_metrics")
        for index, letter in enumerate(text)
        if letter == "b"
    ]


def budget(**limits: float) -> RejectBudget:
    return RejectBudget(RejectLimits(**limits), "traces", "it is {}".format)  # type: ignore[arg-type]  # words of the tests


def test_what_cannot_be_read_at_first_is_not_committed_and_says_why() -> None:
    result = budget().account(*batch("bbb"))
    assert isinstance(result, Unread)
    assert not result.offsets
    assert (
        result.reason
        == "traces, topic: none of its first 3 records can be read; nothing of it was committed. it is otlp_metrics"
    )


@pytest.mark.parametrize("text", ["gb", "bg", "bbbbg"])
def test_bad_records_among_good_ones_are_counted_and_passed_over(text: str) -> None:
    assert budget().account(*batch(text)) == {Partition("a", "topic", 0): len(text)}


def test_one_poison_record_at_the_start_waits_for_the_first_good_one() -> None:
    looked = budget()
    assert isinstance(looked.account(*batch("b")), Unread)
    assert isinstance(looked.account(*batch("")), Unread)
    assert looked.account(*batch("g", first=1)) == {Partition("a", "topic", 0): 2}
    assert looked.account(*batch("bbb", first=2)) == {Partition("a", "topic", 0): 5}


def test_too_many_at_first_end_the_reading() -> None:
    looked = budget()
    looked.account(*batch("b" * (FIRST_RECORDS - 1)))
    with pytest.raises(
        RejectLimit,
        match=f"none of its first {FIRST_RECORDS} records can be read; nothing of it was committed",
    ):
        looked.account(*batch("b", first=FIRST_RECORDS - 1))


def test_partitions_of_one_topic_vouch_for_each_other_and_files_do_not() -> None:
    looked = budget()
    bad, rejects = batch("bb")
    other = Partition("a", "topic", 1)
    assert isinstance(looked.account(bad, rejects), Unread)
    good = Records([b"g"], [other], [7], [0], [{}], [0])
    assert looked.account(good, []) == {Partition("a", "topic", 0): 2, other: 8}
    result = looked.account(*batch("b", source="b"))
    assert isinstance(result, Unread)
    again = looked.account(*batch("g", first=2))
    assert isinstance(again, Unread)
    assert again.offsets == {Partition("a", "topic", 0): 3}


def test_who_bears_everything_reads_on() -> None:
    looked = budget(max_share=1.0)
    result = looked.account(*batch("b" * 500))
    assert isinstance(result, Fruitless)
    assert result.offsets == {Partition("a", "topic", 0): 500}
    assert looked.account(*batch("g", first=500)) == {Partition("a", "topic", 0): 501}


def test_a_restart_among_bad_records_of_a_source_that_was_read_before_counts_them_and_goes_on() -> (
    None
):
    asked: list[str] = []

    def read_before(source: str) -> bool:
        asked.append(source)
        return source == "a"

    looked = RejectBudget(RejectLimits(), "traces", read_before=read_before)
    for first in range(0, 500, 100):
        result = looked.account(*batch("b" * 100, first=first))
        assert isinstance(result, Fruitless)
        assert result.offsets == {Partition("a", "topic", 0): first + 100}
    assert asked == ["a"]
    with pytest.raises(RejectLimit, match="none of its first"):
        looked.account(*batch("b" * FIRST_RECORDS, source="b"))
    with pytest.raises(RejectLimit, match="records in a row cannot be read"):
        RejectBudget(RejectLimits(), "traces", read_before=read_before).account(*batch("b" * 1001))


def test_sound_records_of_no_use_are_committed_and_told_until_one_is_of_use() -> None:
    looked = budget()
    records, _ = batch("ggg")
    result = looked.account(records, [], used=0, passed=7)
    assert isinstance(result, Fruitless)
    assert result.offsets == {Partition("a", "topic", 0): 3}
    assert result.reason == (
        "traces, topic: nothing came of its 3 records. 7 entries are sound and tell of none of what is read here"
    )
    records, _ = batch("g", first=3)
    assert looked.account(records, [], used=1, passed=0) == {Partition("a", "topic", 0): 4}
    assert looked.account(*batch(""), used=0) == {}


def test_what_is_refused_for_what_it_says_is_told_by_reason() -> None:
    records, _ = batch("gg")
    refused = [
        reject(records, index, "time_before_2000", count=3, whole=False) for index in (0, 1)
    ]
    result = budget().account(records, refused, used=0)
    assert isinstance(result, Fruitless)
    assert (
        result.reason
        == "traces, topic: nothing came of its 2 records. refused: time_before_2000 6"
    )


class Stage:
    """A log read by a pipeline that cannot read `b`."""

    def __init__(self, text: str) -> None:
        self.log, self.board, self.stop = ListLog(), HealthBoard(), threading.Event()
        self.told: list[tuple[bool, str]] = []
        for letter in text:
            self.log.append(letter.encode())

    def pipeline(self, source: Source) -> Iterator[Offsets | Unread]:
        looked = budget()
        for records in source.poll():
            if self.board.reports():
                self.told.append((self.board.reports()[0].ready, self.board.reports()[0].reason))
            if len(self.told) == 4:
                self.log.append(b"g")
            if len(self.told) > 8:
                self.stop.set()
            yield looked.account(
                records,
                [
                    reject(records, index, "not_json")
                    for index, value in enumerate(records.values)
                    if value == b"b"
                ],
            )

    def run(self, *, until_caught_up: bool) -> None:
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        run(
            self.pipeline,
            lambda: ListSource(self.log, "g", poll_seconds=0.001, until_caught_up=until_caught_up),
            name="traces",
            stop=self.stop,
            board=self.board,
            clock=clock,
            settings=RunnerSettings(
                first_wait_seconds=0.001, longest_wait_seconds=0.002, restarts=3
            ),
        )

    @property
    def committed(self) -> int | None:
        return self.log.committed("g", self.log.partitions[0])


def test_a_source_that_ends_so_fails_and_a_corrected_start_reads_it_all() -> None:
    stage = Stage("bbb")
    with pytest.raises(RejectLimit, match="none of its first 3 records"):
        stage.run(until_caught_up=True)
    assert stage.committed is None
    assert not stage.board.reports()[0].ready


def test_a_part_that_goes_on_is_not_ready_for_that_reason_until_something_can_be_read() -> None:
    stage = Stage("b")
    stage.run(until_caught_up=False)
    assert (False, "its first record cannot be read") in [
        (ready, why.partition(": ")[2][:31]) for ready, why in stage.told
    ]
    assert stage.told[-1] == (True, "")
    assert stage.committed == 2
