"""What a capture costs an application: python -m tests.bench.bench_capture [--requests N] [--threads N].

FastAPI, Django (ASGI and WSGI) and Flask answer the same calls in this process, 2 KB of JSON each, without a capture, with
one of every tenth exchange (the default) and with one of all. CPU seconds of the whole process, the capture's thread
included; the records go to a sink that counts them. Calls come from several threads (WSGI) or tasks (ASGI) at once. Each
kind is measured three times in turn, and the least is told.
"""

import argparse
import asyncio
import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from monitor.capture import AsgiCapture, Bounds, Capture, Service, Settings, WsgiCapture
from tests.fixtures import captured_apps

LINES = [
    {"sku": f"AB-{number}", "name": f"Product number {number} of the summer catalogue", "qty": number} for number in range(28)
]
TURNS = 3


class Counted:
    """A sink that only counts."""

    def __init__(self) -> None:
        self.records = self.bytes = 0

    def __call__(self, records: Any) -> None:
        self.records += len(records)
        self.bytes += sum(map(len, records))


def asgi(app: Any, requests: int, width: int) -> None:
    """So many calls, some at once."""

    async def call() -> None:
        asked: list[bool] = []

        async def receive() -> dict[str, Any]:
            if asked:
                await asyncio.Event().wait()  # nobody hangs up
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            assert message.get("status", 200) == 200

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/api/payments/7", "raw_path": b"/api/payments/7",
            "root_path": "", "scheme": "http", "query_string": b"", "headers": [(b"host", b"payment"), (b"x-tenant", b"acme")], "server": ("payment", 80),
        }  # fmt: skip
        await app(scope, receive, send)

    async def some(count: int) -> None:
        for _ in range(count):
            await call()

    async def all_of_them() -> None:
        await asyncio.gather(*(some(requests // width) for _ in range(width)))

    asyncio.run(all_of_them())


def wsgi(app: Any, requests: int, width: int) -> None:
    """The same by threads."""

    def some(count: int) -> None:
        for _ in range(count):
            environ = {
                "REQUEST_METHOD": "GET", "PATH_INFO": "/api/payments/7", "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "payment", "SERVER_PORT": "80",
                "HTTP_HOST": "payment", "HTTP_X_TENANT": "acme", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http",
                "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, "SERVER_PROTOCOL": "HTTP/1.1",
            }  # fmt: skip
            answer = app(environ, lambda *_: lambda _: None)
            for _ in answer:
                pass
            if hasattr(answer, "close"):
                answer.close()

    with ThreadPoolExecutor(width) as pool:
        list(pool.map(some, [requests // width] * width))


APPS: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "FastAPI": (captured_apps.fastapi_app, AsgiCapture, asgi),
    "Django, ASGI": (captured_apps.django_asgi, AsgiCapture, asgi),
    "Django, WSGI": (captured_apps.django_wsgi, WsgiCapture, wsgi),
    "Flask": (captured_apps.flask_app, WsgiCapture, wsgi),
}


def once(make: Callable[[], Any], cover: Any, load: Any, share: float | None, requests: int, width: int) -> tuple[float, str]:
    """CPU microseconds a request, and what became of the records."""
    app, sink, kit = make(), Counted(), None
    if share is not None:
        kit = Capture(Settings(service=Service("payment", "2.0"), share=share, bounds=Bounds(closing_seconds=60)), sink)
        app = cover(app, kit)
    load(app, min(200, requests), width)
    before = time.process_time()
    load(app, requests, width)
    if kit is not None:
        kit.close()
    took = (time.process_time() - before) / requests * 1e6
    dropped = dict(kit.dropped) if kit is not None else {}
    return took, f"{sink.records} records of {sink.bytes // max(1, sink.records)} bytes" + (
        f", dropped {dropped}" if dropped else ""
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--threads", type=int, default=4)
    said = parser.parse_args()
    captured_apps.GOOD["lines"] = LINES
    print(f"body of {len(json.dumps(captured_apps.GOOD))} bytes; CPU us a request: without, share 0.1, share 1")
    for name, (make, cover, load) in APPS.items():
        shares: tuple[float | None, ...] = (None, 0.1, 1.0)
        turns = [[once(make, cover, load, share, said.requests, said.threads) for share in shares] for _ in range(TURNS)]
        plain, tenth, whole = (min(turn[at][0] for turn in turns) for at in range(3))
        more = f"(+{tenth - plain:.0f}, +{whole - plain:.0f})"
        print(f"{name:13} {plain:7.0f} {tenth:7.0f} {whole:7.0f}  {more:14} {turns[-1][2][1]}")


if __name__ == "__main__":
    main()
