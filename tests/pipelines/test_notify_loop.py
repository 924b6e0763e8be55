"""The loop that tells receivers: each in a thread of its own, one holder at a time, and it stops
when told to.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine, event

from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.sender import Sender
from monitor.alerts.senders.listed import ListSender
from monitor.control import findings
from monitor.control.turn import Turn
from monitor.joining.alerting import NotifySettings
from monitor.model.alerts import Alert
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding
from monitor.telemetry import HealthBoard, Report
from pipelines.notify import run_notify

SETTINGS = NotifySettings(
    enabled=True, lifecycle=LifecycleSettings(hold_seconds=0), tick_seconds=0.02
)


def a_finding() -> Finding:
    now = datetime.now(UTC)
    edge = Edge("production", "checkout", "payment", "http", "POST /pay")
    evidence = Evidence(6, 100, 90, 100, 0, 9.0, 3.0, None, 1e9, now, now)
    return Finding(
        "f1", "d1", edge, "errors", "", "1", "2", "1", "root", "concurrent", evidence, (), now, now
    )


@contextmanager
def running(
    engine: Engine,
    senders: Mapping[str, Sender],
    settings: NotifySettings = SETTINGS,
    holder: str = "a",
) -> Iterator[HealthBoard]:
    stop, board = threading.Event(), HealthBoard()
    turn = Turn(engine, "notify", holder)
    loop = threading.Thread(
        target=run_notify,
        args=(engine, senders, settings),
        kwargs={"turn": turn, "stop": stop, "board": board},
    )
    loop.start()
    try:
        yield board
    finally:
        stop.set()
        loop.join(30)
        assert not loop.is_alive()


def until(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not fact():
        assert time.monotonic() < deadline, f"waited 30 s until {what}"
        time.sleep(0.01)


def report(board: HealthBoard, component: str) -> Report | None:
    return next((entry for entry in board.reports() if entry.component == component), None)


def test_a_receiver_that_hangs_delays_no_other(control_engine: Engine) -> None:
    free = threading.Event()

    def hang(_alert: Alert) -> None:
        free.wait(20)

    slow, quick = ListSender("slow", hang), ListSender("quick")
    findings.save_findings(control_engine, [a_finding()], datetime.now(UTC))
    with running(control_engine, {"slow": slow, "quick": quick}):
        until(lambda: len(quick.taken) == 1, "the quick one was told")
        assert slow.taken == []
        findings.save_findings(
            control_engine,
            [replace(a_finding(), id="f2", edge=replace(a_finding().edge, operation="x"))],
            datetime.now(UTC),
        )
        until(lambda: len(quick.taken) == 2, "the quick one was told again")
        free.set()
        until(lambda: len(slow.taken) == 2, "the slow one caught up")


def test_at_rest_nothing_is_written_but_the_lease_and_what_begins_is_told(
    control_engine: Engine,
) -> None:
    pager, asked = ListSender("pager"), []
    with running(control_engine, {"pager": pager}) as board:
        until(lambda: report(board, "notify") is not None, "a first tick")

        def ask(*details: object) -> None:
            asked.append(str(details[2]))

        event.listen(control_engine, "before_cursor_execute", ask)
        until(lambda: sum("EXISTS" in text for text in asked) >= 4, "three ticks more")
        event.remove(control_engine, "before_cursor_execute", ask)
        written = {
            text for text in asked if not text.startswith(("BEGIN", "SELECT", "UPDATE leases"))
        }
        assert written == set()
        findings.save_findings(control_engine, [a_finding()], datetime.now(UTC))
        until(lambda: len(pager.taken) == 1, "it was told")


def test_a_receiver_whose_sender_has_a_fault_is_shown_and_tried_again(
    control_engine: Engine,
) -> None:
    faults = [ValueError("ours"), ValueError("ours")]

    def fail(_alert: Alert) -> None:
        if faults:
            raise faults.pop()

    pager = ListSender("pager", fail)
    findings.save_findings(control_engine, [a_finding()], datetime.now(UTC))
    with running(control_engine, {"pager": pager}) as board:
        until(lambda: len(pager.taken) == 1, "it was told after two faults")
        until(
            lambda: (
                (status := report(board, "notify")) is not None
                and status.details["receiver pager"] == "well"
            ),
            "it is well again",
        )


def test_while_only_observing_the_board_says_so(control_engine: Engine) -> None:
    pager = ListSender("pager")
    findings.save_findings(control_engine, [a_finding()], datetime.now(UTC))
    with running(control_engine, {"pager": pager}, replace(SETTINGS, enabled=False)) as board:
        until(
            lambda: (
                (status := report(board, "notify")) is not None
                and "observing only" in status.reason
            ),
            "the board says so",
        )
    assert pager.taken == []


def test_the_second_waits_and_takes_over_when_the_first_stops(control_engine: Engine) -> None:
    pager, other_pager = ListSender("pager"), ListSender("pager")
    with running(control_engine, {"pager": pager}, holder="one") as first:
        until(lambda: report(first, "notify") is not None, "the first holds the lease")
        with running(control_engine, {"pager": other_pager}, holder="two") as board:
            until(
                lambda: (
                    (status := report(board, "notify")) is not None
                    and "another process" in status.reason
                ),
                "the second waits",
            )
    with running(control_engine, {"pager": other_pager}, holder="three"):
        findings.save_findings(control_engine, [a_finding()], datetime.now(UTC))
        until(lambda: len(other_pager.taken) == 1, "the lease was let go at once")
    assert pager.taken == []
