"""Applications, callers and servers that do what nobody expects: they are let do it, and nothing
untrue is told of it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx
import orjson
import pytest

from monitor.capture import AsgiCapture, Bounds, WsgiCapture, watch_httpx
from monitor.capture.seen import Held, Room
from tests.capture.served import Collected, capture
from tests.capture.test_apps import Sent, nothing_more, scope
from tests.capture.test_kit import JSON_TYPE, ROOT, passed

JSON_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json")],
}


def test_an_answer_or_a_request_that_breaks_off_is_told_as_truncated_and_never_as_no_json() -> (
    None
):
    """Else who hangs up would break the provider's contract."""
    collected = Collected()
    kit = capture(collected)

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(JSON_START)
        await send({"type": "http.response.body", "body": b'{"a": ', "more_body": True})
        raise asyncio.CancelledError

    async def half() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"b": ', "more_body": True}

    async def go() -> None:
        asked = scope("/api/long", method="POST", headers=[(b"content-type", b"application/json")])
        with pytest.raises(asyncio.CancelledError):
            await AsgiCapture(breaks, kit)(asked, half, Sent())

    asyncio.run(go())

    def parts() -> Iterator[bytes]:
        yield b'{"a": '
        yield b"1}"

    def old_app(environ: Any, start_response: Any) -> Iterator[bytes]:
        next(environ["wsgi.input"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return parts()

    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/long", "QUERY_STRING": "", "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": iter([b'{"b": ', b"1}"]),
    }  # fmt: skip
    answer = WsgiCapture(old_app, kit)(environ, lambda *_: None)
    next(iter(answer))
    answer.close()  # type: ignore[attr-defined] - the server's word that its caller hung up

    def streamed(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=Streamed())

    class Streamed(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from parts()

    with (
        watch_httpx(httpx.Client(transport=httpx.MockTransport(streamed)), kit) as client,
        client.stream("GET", "http://shop/api/long") as got,
    ):
        next(got.iter_raw(1))
    kit.close()
    assert [exchange["response_truncated"] for exchange in collected.said] == [True] * 3
    assert [exchange.get("request_truncated", False) for exchange in collected.said] == [
        True,
        True,
        False,
    ]
    assert not any(
        "response_body" in exchange or "request_body" in exchange for exchange in collected.said
    )


def test_bodies_that_are_no_bytes_reach_the_server_as_they_are_and_are_told_as_far_as_they_can_be() -> (
    None
):
    """A server may take text, or views of arrays; whether it does is its own affair."""
    held = [Held(8) for _ in range(5)]
    for holder, part in zip(
        held,
        ["text-of-it", memoryview(array("H", [1, 2])), bytearray(b"ab"), 7, None],
        strict=True,
    ):
        holder.add(part)
    assert [(holder.whole(), holder.cut) for holder in held] == [
        (b"", True),
        (array("H", [1, 2]).tobytes(), False),
        (b"ab", False),
        (b"", True),
        (b"", True),
    ]
    collected = Collected()
    kit = capture(collected)
    odd: list[Any] = ['{"a": ', bytearray(b"1}"), 7, None, object()]
    for answers in (odd[:2], odd):
        start = [("Content-Type", "application/json")]
        app = WsgiCapture(
            lambda _, begin, held=answers, head=start: begin("200 OK", head) or iter(held), kit
        )
        answer = app(
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/api",
                "QUERY_STRING": "",
                "wsgi.input": iter([]),
            },
            lambda *_: None,
        )
        assert list(answer) == answers
        answer.close()  # type: ignore[attr-defined] - as a server does

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send(JSON_START)
        for part in odd:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"no type": 1})
        await send({"type": "http.response.body"})

    sent = Sent()
    asyncio.run(AsgiCapture(asgi, kit)(scope("/api/odd"), nothing_more, sent))
    assert len(sent.messages) == len(odd) + 3
    kit.close()
    assert [exchange.get("response_truncated", False) for exchange in collected.said] == [
        False,
        True,
        True,
    ]
    assert collected.said[0]["response_body"] == '{"a":0}'
    assert not kit.dropped


def test_whatever_ends_a_request_is_raised_on_and_told() -> None:
    class Timeout(BaseException):
        """As gevent's, and a server's own way out."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise Timeout

    collected = Collected()
    kit = capture(collected)
    with pytest.raises(Timeout):
        WsgiCapture(app, kit)(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "QUERY_STRING": ""}, lambda *_: None
        )
    odd = {"REQUEST_METHOD": "GET", "PATH_INFO": "/\ud800", "QUERY_STRING": ""}
    assert WsgiCapture(lambda *_: [b"{}"], kit)(odd, lambda *_: None) == [b"{}"]  # type: ignore[list-item,return-value] - no list of ours
    kit.close()
    assert (collected.said[0]["status"], kit.dropped) == (0, {"unreadable": 1})


def test_what_an_application_does_behind_its_answer_is_no_part_of_the_exchange() -> None:
    ended: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(JSON_START)
        await send({"type": "http.response.body", "body": b"{}"})
        ended.append(time.time_ns())

    collected = Collected()
    kit = capture(collected)
    anyio.run(AsgiCapture(app, kit), scope("/api/later"), nothing_more, Sent())
    kit.close()
    assert collected.said[0]["time"] <= ended[0]


@pytest.mark.parametrize("values", [False, True])
def test_no_secret_of_a_header_a_query_or_an_address_leaves(values: bool) -> None:
    collected = Collected()
    kit = capture(collected, values=values, redact=("iban",))
    address = "https://jane:s3cr3t@shop.example/a?token=s3cr3t&page=2#access_token=s3cr3t"
    asked = [
        ("Authorization", "Bearer s3cr3t"), ("Cookie", "session=s3cr3t; theme=s3cr3t"), ("X-Api-Key", "s3cr3t"), ("Referer", address),
        ("X-Amz-Security-Token", "s3cr3t"), ("Proxy-Authorization", "s3cr3t"), ("X-Original-URI", "/a?api_key=s3cr3t"),
        ("X-My-IBAN", "s3cr3t"),
    ]  # fmt: skip
    answered = [
        ("Set-Cookie", "a=s3cr3t"),
        ("Location", address),
        ("Content-Location", address),
        *JSON_TYPE,
    ]
    body = {"password": "s3cr3t", "deep": [{"iban": {"of": "s3cr3t"}}], "x" * 300: "s3cr3t"}
    query = "password=s3cr3t&iban=s3cr3t&" + "q" * 300 + "=s3cr3t"
    passed(
        kit, body, asked=body, query=query, headers=[*asked, *JSON_TYPE], answered_headers=answered
    )
    kit.close()
    assert b"s3cr3t" not in collected.records[0]
    assert b"jane" not in collected.records[0]
    assert ("page=2" in collected.said[0]["response_headers"]["location"]) == values


def test_headers_of_megabytes_are_within_the_bounds() -> None:
    free = threading.Event()
    kit = capture(
        lambda _: free.wait(250) and None,
        bounds=Bounds(queue_bytes=3_000_000, batch_records=1, cpu_share=1, closing_seconds=250),
    )
    for _ in range(10):
        passed(kit, {"a": 1}, answered_headers=[*JSON_TYPE, ("x-large", "v" * 1_000_000)])
    assert kit.dropped["queue_full"] >= 6
    free.set()
    kit.close()


def test_a_sink_that_ends_its_thread_does_not_and_records_go_in_batches_of_bytes() -> None:
    sizes: list[int] = []

    def leaving(records: Sequence[bytes]) -> None:
        sizes.append(len(records))
        if len(sizes) == 1:
            raise SystemExit

    kit = capture(
        leaving, bounds=Bounds(batch_bytes=500, batch_seconds=60, cpu_share=1, closing_seconds=250)
    )
    for _ in range(5):
        passed(kit, {"a": 1})
    kit.flush()
    assert (kit.shipped, kit.dropped["sink_failed"]) == (5 - sizes[0], sizes[0])
    assert max(sizes) < 5
    passed(kit, {"a": 1})
    kit.close()
    assert kit.shipped == 6 - sizes[0]


def test_a_hook_within_a_hook_does_not_wait_for_itself() -> None:
    """A collector of garbage, or a signal, runs the application's code wherever it likes."""
    collected = Collected()
    kit = capture(collected)

    def within() -> None:
        with kit._shipper._lock:
            passed(kit, {"a": 1})

    thread = threading.Thread(target=within, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    kit.close()
    assert len(collected.said) == 1


def test_bodies_of_all_exchanges_at_once_hold_no_more_than_their_room() -> None:
    """Thousands may be under way, each with bodies below the bound of one."""
    collected = Collected()
    bounds = Bounds(cpu_share=1.0, batch_seconds=0.05, closing_seconds=60, held_bytes=20_000)
    kit = capture(collected, bounds=bounds)
    begun = [kit.begun("server", "POST", "/api", "", JSON_TYPE) for _ in range(100)]
    exchanges = [seen for seen in begun if seen is not None]
    for seen in exchanges:
        seen.status, seen.answered_headers = 200, JSON_TYPE
        for _ in range(9):
            seen.asked.add(b" " * 99)
        seen.asked.add(b"7")
    assert sum(seen.asked.size for seen in exchanges) <= 20_000
    while exchanges:
        kit.over(exchanges.pop())
    begun.clear()
    del seen
    kit.close()
    whole = [exchange for exchange in collected.said if exchange.get("request_body") == "0"]
    cut = [exchange for exchange in collected.said if exchange.get("request_truncated")]
    assert (len(whole) + len(cut), 10 <= len(whole) <= 20_000 // 892) == (100, True)
    assert kit._room.take(20_000)  # all of it is free again


def test_a_body_that_is_cut_gives_back_what_was_held_of_it() -> None:
    room = Room(10)
    body, other = Held(4, room), Held(100, room)
    body.add(b"abcd")
    assert not room.take(7)
    body.add(b"e")
    other.add(b"0123456789")
    other.add(b"x")
    assert [(held.whole(), held.size, held.passed, held.cut) for held in (body, other)] == [
        (b"", 0, 5, True),
        (b"", 0, 11, True),
    ]
    assert room.take(10)


def test_an_application_within_an_application_is_told_once() -> None:
    collected = Collected()
    kit = capture(collected)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(JSON_START)
        await send({"type": "http.response.body", "body": b"{}"})

    twice = AsgiCapture(AsgiCapture(asgi, kit), kit)
    asyncio.run(twice(scope("/api/mounted"), nothing_more, Sent()))
    wsgi = WsgiCapture(
        WsgiCapture(
            lambda _, begin: begin("200 OK", [("Content-Type", "application/json")]) or [b"{}"],
            kit,
        ),
        kit,
    )
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/inner", "wsgi.input": iter([])}
    assert wsgi(environ, lambda *_: None) == [b"{}"]
    kit.close()
    assert [exchange["path"] for exchange in collected.said] == ["/api/mounted", "/api/inner"]


def test_a_worker_that_was_forked_while_its_parent_shipped_ends() -> None:
    code = (
        "import os, sys, threading; sys.path.insert(0, sys.argv[1])\n"
        "from tests.capture.test_kit import capture\n"
        "kit = capture(lambda *_: None)\n"
        "held = threading.Event()\n"
        "def hold():\n"
        "    with kit._shipper._lock: held.set(); threading.Event().wait(250)\n"
        "threading.Thread(target=hold, daemon=True).start(); held.wait()\n"
        "child = os.fork()\n"
        "if not child: kit.lose('queue_full'); kit.flush(); kit.close(); os._exit(7)\n"
        "sys.stdout.write(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))); sys.stdout.flush(); os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    assert done.stdout == "7"


def test_a_server_that_is_told_to_end_ships_what_waits_first(tmp_path: Path) -> None:
    """Uvicorn ends by the signal that it got, so that nothing runs at the process's end."""
    (tmp_path / "served.py").write_text(
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import uvicorn\n"
        "from monitor.capture import AsgiCapture, Bounds, Capture, Settings\n"
        "from tests.fixtures.captured_apps import fastapi_app\n"
        "def sink(records):\n"
        "    with open(sys.argv[2], 'ab') as file: file.writelines(one + b'\\n' for one in records)\n"
        "kit = Capture(Settings(share=1, bounds=Bounds(batch_seconds=600, closing_seconds=60)), sink)\n"
        "uvicorn.run(AsgiCapture(fastapi_app(), kit), fd=int(sys.argv[3]), log_level='critical')\n"
    )
    written = tmp_path / "records"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = subprocess.Popen(
            [
                sys.executable,
                str(tmp_path / "served.py"),
                str(ROOT),
                str(written),
                str(listening.fileno()),
            ],
            pass_fds=[listening.fileno()],
        )
        try:
            port = listening.getsockname()[1]
            assert (
                httpx.get(f"http://127.0.0.1:{port}/api/payments/7", timeout=200).status_code
                == 200
            )
            os.kill(served.pid, signal.SIGTERM)
            served.wait(200)
        finally:
            served.kill()
            served.wait()
    (exchange,) = map(orjson.loads, written.read_bytes().splitlines())
    assert (exchange["route"], exchange["status"]) == ("/api/payments/{number}", 200)
