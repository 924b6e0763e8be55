"""Two processes send over one PostgreSQL, one is killed in the middle: nothing is lost, no
incident is doubled.
"""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook

from monitor.control import findings, lease, outbox
from monitor.control.store import open_control, reading
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding
from tests.fixtures.receiver import HttpReceiver, answering

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
COUNT = 6


def a_finding(number: int, now: datetime) -> Finding:
    edge = Edge("production", "checkout", "payment", "http", f"POST /pay/{number}")
    evidence = Evidence(6, 100, 90, 100, 0, 9.0, 3.0, None, 1e9, now, now)
    return Finding(
        f"f{number}",
        f"d{number}",
        edge,
        "errors",
        "",
        "1",
        "2",
        "1",
        "root",
        "concurrent",
        evidence,
        (),
        now,
        now,
    )


@contextmanager
def a_sender(dsn: str, url: str, holder: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable,
        str(ROOT / "tests/fixtures/sender_process.py"),
        dsn,
        url,
        holder,
        SECRET,
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(fact: Callable[[], bool], what: str, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not fact():
        assert time.monotonic() < deadline, f"waited {limit} s until {what}"
        time.sleep(0.05)


class Incidents:
    """What PagerDuty makes of the events: a key opens when nothing is open under it, and closes by
    resolve.
    """

    def __init__(self, receiver: HttpReceiver) -> None:
        self._receiver = receiver

    def states(self) -> dict[str, list[str]]:
        seen: dict[str, list[str]] = {}
        for taken in list(self._receiver.taken):
            if taken.path == "/v2/enqueue":
                states = seen.setdefault(taken.body["dedup_key"], [])
                action = taken.body["event_action"]
                if not states or states[-1] != action:
                    states.append(action)
        return seen


def holder(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return lease.holder_of(connection, "notify")


@pytest.mark.postgres
@pytest.mark.slow
def test_a_sender_killed_in_the_middle_of_a_delivery_loses_and_doubles_nothing(
    migrated_postgres: str, http_receiver: HttpReceiver
) -> None:
    engine = open_control(migrated_postgres)
    incidents = Incidents(http_receiver)
    held, killed = threading.Event(), threading.Event()

    def hold_the_third(handler: BaseHTTPRequestHandler) -> None:
        """The third request was taken, but its reply never comes."""
        if len(http_receiver.taken) >= 3 and not killed.is_set():
            held.set()
            killed.wait(30)
            return
        answering(202)(handler)

    http_receiver.answer = hold_the_third
    with (
        a_sender(migrated_postgres, http_receiver.url, "one") as sender,
        a_sender(migrated_postgres, http_receiver.url, "two") as other_sender,
    ):
        processes = {"one": sender, "two": other_sender}
        until(lambda: holder(engine) is not None, "one of them holds the lease")
        all_findings = [a_finding(number, datetime.now(UTC)) for number in range(COUNT)]
        findings.save_findings(engine, all_findings, datetime.now(UTC))
        assert held.wait(60), "a delivery is under way"
        first = holder(engine)
        assert first is not None
        processes[first].send_signal(signal.SIGKILL)
        processes[first].wait(10)
        killed.set()
        until(
            lambda: len(incidents.states()) == COUNT and not outbox.list_letters(engine),
            "all alerts were told",
        )
        assert holder(engine) not in {None, first}, "the other took over"
        ended = [replace(finding, state="resolved") for finding in all_findings]
        findings.save_findings(engine, ended, datetime.now(UTC))
        until(
            lambda: all(states[-1] == "resolve" for states in incidents.states().values()),
            "all ends were told",
        )
        until(lambda: not outbox.list_letters(engine), "nothing waits")
    assert incidents.states() == {
        tracked.alert.key: ["trigger", "resolve"] for tracked in outbox.list_alerts(engine)
    }
    hooks = [taken for taken in http_receiver.taken if taken.path == "/hook"]
    assert len({taken.headers["webhook-id"] for taken in hooks}) == 2 * COUNT, (
        "a repeat has the id of what it repeats"
    )
    for taken in hooks:
        Webhook(SECRET).verify(taken.text, dict(taken.headers))
    assert len(http_receiver.taken) > 4 * COUNT, "what was under way was said again"
    engine.dispose()
