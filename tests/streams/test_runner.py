"""The runner commits what is yielded, starts again after faults and stops when it must."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from monitor.clock import ManualClock
from monitor.errors import RejectLimit, SourceUnavailable, StoreUnavailable, TopicMissing
from monitor.model.records import Offsets
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.runner import Ran, RunnerSettings, run
from monitor.streams.source import Source
from monitor.telemetry import HealthBoard, Report

SETTINGS = RunnerSettings(first_wait_seconds=0.001, longest_wait_seconds=0.002)


class Stage:
    """A log, a board and what the pipeline stored."""

    def __init__(self, records: int) -> None:
        self.log, self.board, self.stop = ListLog(partitions=2), HealthBoard(), threading.Event()
        self.stored: list[bytes] = []
        self.faults: list[Exception] = []
        for number in range(records):
            self.log.append(b"%d" % number, number % 2)

    def pipeline(self, source: Source) -> Iterator[Offsets]:
        for records in source.poll():
            self.stored.extend(records.values)
            if self.faults:
                raise self.faults.pop(0)
            yield records.next_offsets

    def run(self, *, until_caught_up: bool = True, settings: RunnerSettings = SETTINGS) -> Ran:
        def make() -> Source:
            return ListSource(
                self.log, "g", batch_records=10, poll_seconds=0.01, until_caught_up=until_caught_up
            )

        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        return run(
            self.pipeline,
            make,
            name="traces",
            stop=self.stop,
            board=self.board,
            clock=clock,
            settings=settings,
        )

    @property
    def report(self) -> Report:
        return self.board.reports()[0]

    @property
    def committed(self) -> list[int | None]:
        return [self.log.committed("g", partition) for partition in self.log.partitions]


def test_everything_is_stored_and_committed_once() -> None:
    stage = Stage(25)
    assert stage.run() == Ran("finished", records=25, lost=0, restarts=0)
    assert sorted(map(int, stage.stored)) == list(range(25))
    assert stage.committed == [13, 12]
    assert stage.report.ready


def test_after_a_fault_the_uncommitted_batch_is_read_again() -> None:
    stage = Stage(25)
    stage.faults = [StoreUnavailable("down"), ValueError("a fault of our own")]
    ran = stage.run()
    assert (ran.ended, ran.restarts) == ("finished", 2)
    assert set(map(int, stage.stored)) == set(range(25))
    assert len(stage.stored) == 45
    assert stage.committed == [13, 12]


def test_too_many_rejects_stop_it_loudly_and_offsets_stand() -> None:
    stage = Stage(25)
    stage.faults = [RejectLimit("traces: 900 of the last 1000 records cannot be read")]
    with pytest.raises(RejectLimit):
        stage.run()
    assert not stage.report.ready
    assert "900 of the last 1000" in stage.report.reason
    assert stage.committed == [None, None]


def test_restarts_may_be_bounded() -> None:
    stage = Stage(5)
    stage.faults = [SourceUnavailable("Kafka at x does not answer")] * 9
    with pytest.raises(SourceUnavailable):
        stage.run(
            settings=RunnerSettings(
                first_wait_seconds=0.001, longest_wait_seconds=0.001, restarts=2
            )
        )
    assert stage.report.reason == "SourceUnavailable: Kafka at x does not answer"
    assert len(stage.faults) == 6


@pytest.mark.parametrize("optional", [True, False])
def test_an_optional_topic_that_is_not_there_is_a_note_and_is_read_once_it_is(
    optional: bool,
) -> None:
    stage = Stage(25)
    told: list[Report] = []

    class Watched(HealthBoard):
        def report(self, report: Report) -> None:
            told.append(report)
            super().report(report)

    stage.board = Watched()
    stage.faults = [TopicMissing("Kafka topic api_logs at x: it does not exist")] * 3
    stage.run(
        settings=RunnerSettings(
            first_wait_seconds=0.001, longest_wait_seconds=0.002, optional=optional
        )
    )
    missing = [report for report in told if "does not exist" in report.reason]
    assert missing
    assert {report.ready for report in missing} == {optional}
    assert stage.report.ready
    assert sorted(set(map(int, stage.stored))) == list(range(25))


def test_an_optional_topic_whose_broker_is_away_is_not_ready() -> None:
    stage = Stage(5)
    stage.faults = [SourceUnavailable("Kafka at x does not answer")] * 9
    with pytest.raises(SourceUnavailable):
        stage.run(
            settings=RunnerSettings(
                first_wait_seconds=0.001, longest_wait_seconds=0.001, restarts=2, optional=True
            )
        )
    assert not stage.report.ready


def test_a_stop_ends_it_between_batches_with_what_was_stored_committed() -> None:
    stage = Stage(25)
    worker = threading.Thread(target=lambda: stage.run(until_caught_up=False))
    worker.start()
    while stage.committed != [13, 12]:
        assert worker.is_alive()
    stage.stop.set()
    worker.join(10)
    assert not worker.is_alive()
    assert (stage.report.ready, stage.report.reason) == (False, "stopped")
    assert stage.committed == [13, 12]


def test_a_pipeline_that_began_again_is_unready_until_something_was_committed() -> None:
    stage = Stage(25)
    stage.faults = [StoreUnavailable("the disk is full")]
    seen: list[tuple[bool, str]] = []

    def watched(source: Source) -> Iterator[Offsets]:
        for offsets in stage.pipeline(source):
            seen.append((stage.report.ready, stage.report.reason))
            yield offsets

    run(
        watched,
        lambda: ListSource(stage.log, "g", batch_records=10),
        name="traces",
        stop=stage.stop,
        board=stage.board,
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        settings=SETTINGS,
    )
    assert seen[0] == (False, "StoreUnavailable: the disk is full")
    assert seen[-1] == (True, "")
