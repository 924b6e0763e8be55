"""What a capture costs an application: python -m tests.bench.bench_capture [--requests N]
[--slices N] [--threads N].

FastAPI, Django (ASGI and WSGI) and Flask answer the same calls in this process, 2 KB of JSON each,
without a capture, with none of the exchanges, with one of every tenth (the default) and with one
of all. CPU seconds of the whole process, the capture's thread included; the records go to a sink
that counts them. Calls come from several threads (WSGI) or tasks (ASGI) at once. The kinds take
turns, a slice of calls each, and the median of the differences within a turn is told.
"""

import argparse
import asyncio
import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from monitor.capture import AsgiCapture, Bounds, Capture, Service, Settings, WsgiCapture
from tests.fixtures import captured_apps

LINES = [
    {
        "sku": f"AB-{number}",
        "name": f"Product number {number} of the summer catalogue",
        "qty": number,
    }
    for number in range(28)
]


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


class Kind:
    """One application under one share of captured exchanges, asked a slice at a time."""

    def __init__(
        self, make: Callable[[], Any], cover: Any, load: Any, share: float | None
    ) -> None:
        self._load, self.sink, self.slices = load, Counted(), list[float]()
        self.app, self.kit = make(), None
        if share is not None:
            bounds = Bounds(closing_seconds=60)
            self.kit = Capture(
                Settings(service=Service("payment", "2.0"), share=share, bounds=bounds), self.sink
            )
            self.app = cover(self.app, self.kit)

    def ask(self, requests: int, width: int) -> None:
        """So many requests; what their capture costs the other thread counts, too."""
        before = time.process_time()
        self._load(self.app, requests, width)
        if self.kit is not None:
            self.kit._shipper._news.set()  # now, and not in another kind's slice
            while self.kit._shipper._waiting:
                time.sleep(0.002)
        self.slices.append((time.process_time() - before) / requests * 1e6)

    def said(self) -> str:
        """What became of the records."""
        assert self.kit is not None
        self.kit.close()
        dropped = f", dropped {dict(self.kit.dropped)}" if self.kit.dropped else ""
        return f"{self.sink.records} records of {self.sink.bytes // max(1, self.sink.records)} bytes{dropped}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200, help="in a slice")
    parser.add_argument("--slices", type=int, default=25)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    captured_apps.GOOD["lines"] = LINES
    shares = (None, 0.0, 0.1, 1.0)
    print(
        f"body of {len(json.dumps(captured_apps.GOOD))} bytes; CPU us a request: without, and more by share {shares[1:]}"
    )
    for name, (make, cover, load) in APPS.items():
        kinds = [Kind(make, cover, load, share) for share in shares]
        for turn in range(options.slices + 1):
            for kind in kinds if turn % 2 else kinds[::-1]:
                kind.ask(options.requests, options.threads)
        plain, *others = ([*kind.slices[1:]] for kind in kinds)
        more = [
            median(cost - base for cost, base in zip(slices, plain, strict=True))
            for slices in others
        ]
        told = " ".join(f"{cost:+7.0f}" for cost in more)
        print(
            f"{name:13} {median(plain):7.0f} {told}  at {shares[-1]:g}: {kinds[-1].said()}",
            flush=True,
        )
        for kind in kinds[1:]:
            kind.said()


if __name__ == "__main__":
    main()
