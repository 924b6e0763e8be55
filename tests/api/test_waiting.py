"""Gates that wait: no thread, a shared look, a bound, and a place that is free once its caller is
gone.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import anyio
import httpx
import pytest

from monitor.api import waiting
from monitor.api.app import create_app
from monitor.api.waiting import MOST_FOR_ONE
from monitor.errors import StoreUnavailable
from monitor.model.policy import Override, RuleResult
from monitor.model.reasons import Reason
from tests.fixtures.api import LOCAL_TOKEN, Asked


@dataclass
class Answer:
    """What a gate may say."""

    outcome: str
    exit_code: int
    reasons: tuple[Reason, ...] = ()
    settles: tuple[Reason, ...] = ()
    findings: tuple[str, ...] = ()
    verdict_id: str = ""
    text: str = ""
    knows_service: bool = True
    verdict: str = "inconclusive"
    rules: tuple[RuleResult, ...] = ()
    criticality: Reason | None = None
    override: Override | None = None
    flips: int = 0


@dataclass
class Judge:
    """Inconclusive until told otherwise; remembers every look."""

    looks: list[tuple[str, bool]] = field(default_factory=list)
    outcome: str = "inconclusive"
    away: bool = False

    def __call__(
        self, service: str, _version: str, _environment: str | None, last_look: bool, _policy: str
    ) -> Answer:
        self.looks.append((service, last_look))
        if self.away and not last_look:
            raise StoreUnavailable("the store does not answer")
        return Answer(self.outcome, {"pass": 0, "fail": 1}.get(self.outcome, 2))


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """A judge who is asked again at once."""
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(waiting, "NOTICE_SECONDS", 0.1)
    return Judge()


def judged(api: Asked, judge: Judge) -> Asked:
    """The same parts, with this judge."""
    parts = replace(api.parts, gate=judge)  # type: ignore[arg-type]
    return Asked(parts, create_app(parts), api.clock)


def body(service: str, seconds: float) -> dict[str, object]:
    """What a pipeline says."""
    return {"service": service, "version": "2", "wait_seconds": seconds}


@contextmanager
def crowd(address: str, asking: list[tuple[str, str]]) -> Iterator[list[httpx.Response]]:
    """One waiting gate for each (token, service), until the block ends; then their answers."""
    answers: list[httpx.Response] = []

    async def ask(client: httpx.AsyncClient, token: str, service: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        answers.append(await client.post("/v1/gates", json=body(service, 300), headers=headers))

    async def all_of_them() -> None:
        limits = httpx.Limits(max_connections=None)
        async with (
            httpx.AsyncClient(base_url=address, timeout=300, limits=limits) as client,
            anyio.create_task_group() as group,
        ):
            for token, service in asking:
                group.start_soon(ask, client, token, service)

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(anyio.run, all_of_them)
        yield answers
        done.result(300)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, at most a minute."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_hundreds_of_waiting_gates_cost_no_thread_and_share_their_looks(
    api: Asked, judge: Judge, serve: Callable[..., str]
) -> None:
    asked = judged(api, judge)
    address = serve(asked.app)
    httpx.get(f"{address}/v1/deploys", timeout=60)
    before = threading.active_count()
    tokens = [api.token("gate") for _ in range(1)] + [LOCAL_TOKEN]
    asking = [
        (token, f"service {number % 3}") for token in tokens for number in range(MOST_FOR_ONE)
    ]
    with crowd(address, asking) as answers:
        until(lambda: len(judge.looks) >= 6)
        over = httpx.post(
            f"{address}/v1/gates",
            json=body("s", 1),
            headers={"authorization": f"Bearer {LOCAL_TOKEN}"},
            timeout=60,
        )
        until(lambda: httpx.get(f"{address}/v1/deploys", timeout=60).status_code == 200)
        # the pool of the routes' own short questions may have grown to its 40; the waiting ones
        # have none
        assert threading.active_count() - before <= 50
        asked_so_far = len(judge.looks)
        judge.outcome = "pass"
    assert over.status_code == 429
    assert over.headers["retry-after"]
    assert "100 gates" in over.text
    assert [answer.json()["exit_code"] for answer in answers] == [0] * len(asking)
    assert asked_so_far < len(asking)  # three deploys are looked at, not two hundred pipelines


def test_a_gate_waits_its_time_and_only_its_last_look_is_the_last(
    api: Asked, judge: Judge
) -> None:
    asked = judged(api, judge)
    assert asked.post("/v1/gates", body("s", 1.0), LOCAL_TOKEN).json()["exit_code"] == 2
    assert judge.looks[0] == ("s", False)
    assert [last for _, last in judge.looks].count(True) == 1
    assert judge.looks[-1] == ("s", True)
    judge.looks.clear()
    assert asked.post("/v1/gates", body("s", 0), LOCAL_TOKEN).json()["exit_code"] == 2
    assert judge.looks == [("s", True)]
    judge.outcome = "fail"
    assert asked.post("/v1/gates", body("s", 300), LOCAL_TOKEN).json()["exit_code"] == 1


def test_a_store_that_is_away_for_a_while_ends_no_waiting(
    api: Asked, judge: Judge, serve: Callable[..., str]
) -> None:
    judge.away = True
    with crowd(serve(judged(api, judge).app), [(LOCAL_TOKEN, "s")]) as answers:
        until(lambda: len(judge.looks) >= 2)
        judge.away, judge.outcome = False, "pass"
    assert answers[0].json()["exit_code"] == 0


def test_the_end_of_the_process_ends_the_waiting(
    api: Asked, judge: Judge, serve: Callable[..., str]
) -> None:
    asked = judged(api, judge)
    with crowd(serve(asked.app), [(LOCAL_TOKEN, "s")]) as answers:
        until(lambda: len(judge.looks) >= 1)
        asked.parts.stop.set()
    assert answers[0].json()["exit_code"] == 2
    assert judge.looks[-1] == ("s", True)


def test_who_hangs_up_frees_the_place(
    api: Asked, judge: Judge, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_FOR_ONE", 1)
    address = serve(judged(api, judge).app)
    host, port = address.removeprefix("http://").split(":")
    text = b'{"service":"s","version":"2","wait_seconds":300}'
    request = (
        f"POST /v1/gates HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {LOCAL_TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    headers = {"authorization": f"Bearer {LOCAL_TOKEN}"}

    def status() -> int:
        return httpx.post(
            f"{address}/v1/gates", json=body("s", 0), headers=headers, timeout=60
        ).status_code

    with socket.create_connection((host, int(port)), 60) as line:
        line.sendall(request.encode() + text)
        until(lambda: ("s", False) in judge.looks)
        assert status() == 429
    until(lambda: status() == 200)
