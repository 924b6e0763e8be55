"""The page and the API over a large estate: `python -m tests.bench.bench_growth [--edges N]
[--days N] [--fine-hours N] [--folder PATH] [--only PATH]`.

Fills a store (`tests.bench.estate`) unless the folder holds one, and asks every page and list in
this process, without a socket. Told are the median and p95 of the waits, CPU seconds an answer, bytes as
sent (gzip where the answer is), and questions that reached the store. The clock stands still, so
what is asked again is of one publication; `--moving` publishes a window before each request.
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa

from monitor.api.app import create_app
from monitor.api.parts import ApiConfig, Parts
from monitor.clock import ManualClock
from monitor.control.store import open_control
from monitor.store import Store, client, open_store
from monitor.store.reader import Reader
from monitor.telemetry import HealthBoard
from tests.bench.estate import Estate, fill

EDGE = "caller=service-8&callee=service-57"
PATHS = (
    "/",
    "/?since=24h",
    "/?since=7d",
    "/edges",
    "/edges?since=24h",
    "/edges?since=7d",
    "/edges?service=service-8",
    f"/edges/view?{EDGE}",
    f"/edges/view?{EDGE}&since=24h",
    f"/edges/view?{EDGE}&since=7d",
    f"/charts/edge?what=latency&{EDGE}",
    f"/charts/edge?what=latency&{EDGE}&since=24h",
    f"/charts/edge?what=latency&{EDGE}&since=7d",
    f"/charts/edge?what=rate&{EDGE}&since=7d",
    "/deploys",
    "/findings",
    "/violations",
    "/alerts",
    "/contracts",
    "/matrix",
    "/health",
    "/healthz",
    "/v1/edges?since=1h",
    "/v1/edges?since=24h",
    "/v1/edges",
    "/v1/edges?by=caller,callee",
    f"/v1/edges?{EDGE}",
    "/v1/services",
    "/v1/services?since=24h",
    "/v1/services?since=7d",
    "/v1/violations",
    "/v1/deploys",
    "/v1/findings",
    "/v1/alerts",
    "/v1/contracts",
    "/v1/health",
    "/v1/coverage",
    "/v1/ledger",
    "/v1/size",
    "/v1/timing",
    "/v1/rejects",
    "/v1/verdicts",
    "/metrics",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--fine-hours", type=int, default=26)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="kept, and filled where it holds nothing")
    parser.add_argument("--only", help="paths that begin so")
    parser.add_argument("--moving", action="store_true", help="a publication before each request")
    parser.add_argument("--tabs", type=int, default=0, help="so many open pages, and nothing else")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        store = open_store(f"chdb://{folder}/telemetry")
        begun, cpu = time.monotonic(), time.process_time()
        if not store.query("newest_seq")[0]["seq"]:
            ends = int(time.time()) // 10 * 10 - 10
            fill(store, Estate(options.edges, options.days, options.fine_hours, ends))
            print(
                f"filled in {time.monotonic() - begun:.0f} s, {time.process_time() - cpu:.0f} CPU s"
            )
        for row in store.query("panels/size"):
            if row["rows"] > 1000:
                print(f"  {row['table']}: {row['rows']:,} rows, {row['bytes'] / 1e6:,.0f} MB")
        newest = store.query("panels/windows_state")[0]["last_closed"].replace(tzinfo=UTC)
        app_parts = parts_of(store, folder, newest.timestamp() + 15)
        moving = Publishing(store, int(newest.timestamp())) if options.moving else None
        if options.tabs:
            asyncio.run(tabs(app_parts, options.tabs, Publishing(store, int(newest.timestamp()))))
        else:
            asyncio.run(each(app_parts, options, moving))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{memory} MB at most; load {os.getloadavg()[0]:.1f}")
        store.close()


def parts_of(store: Store, folder: Path, now: float) -> Parts:
    """What the app needs, at a time that stands still."""
    clock = ManualClock(datetime.fromtimestamp(now, UTC))
    config = ApiConfig(local_token="x", requests_per_second=1e6, burst=10**6)
    engine = open_control(f"sqlite:///{folder}/control.db")
    return Parts(Reader(store), store, engine, HealthBoard(), clock, config)


class Publishing:
    """Publishes one more window, empty, each time it is called."""

    def __init__(self, store: Store, newest: int) -> None:
        self._store = store
        self._window = newest
        self._seq = int(store.query("newest_seq")[0]["seq"])

    def __call__(self) -> None:
        self._window += 10
        self._seq += 1
        row = {
            "seq": [self._seq],
            "level": pa.array([0], pa.uint8()),
            "window": pa.array([self._window], pa.uint32()),
            "generation": [self._seq],
            "sealed": pa.array([0], pa.uint8()),
            "arrivals": [1],
            "rows": [1],
            "late": [0],
        }
        self._store.insert("windows", pa.table(row))


class Counted:
    """Questions that reach the engine."""

    def __init__(self) -> None:
        self.names: list[str] = []
        ask = client._rows

        def counting(pool: Any, name: str, *more: Any) -> list[dict[str, Any]]:
            self.names.append(name)
            return ask(pool, name, *more)

        client._rows = counting


async def each(
    parts: Parts, options: argparse.Namespace, publish: Callable[[], None] | None
) -> None:
    """Every path, first once and then some times."""
    counted = Counted()
    transport = httpx.ASGITransport(app=create_app(parts), client=("127.0.0.1", 5))
    slow = 0
    print(f"{'path':55} first   p50   p95 CPU ms/answer questions  sent kB  body kB")
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as asking:
        for path in PATHS:
            if options.only and not path.startswith(options.only):
                continue
            waits, cpu, asked = [], 0.0, 0
            for number in range(options.times + 1):
                if publish:
                    publish()
                counted.names.clear()
                at, before = time.perf_counter(), time.process_time()
                async with asking.stream(
                    "GET",
                    path,
                    headers={
                        "accept": "text/html" if path[:4] != "/v1/" else "*/*",
                        "accept-encoding": "gzip",
                    },
                ) as answer:
                    sent = b"".join([part async for part in answer.aiter_raw()])
                waits.append(time.perf_counter() - at)
                if number:
                    cpu += time.process_time() - before
                    asked += len(counted.names)
            body = len(httpx.Response(200, headers=answer.headers, content=sent).content)
            first, *rest = (1000 * wait for wait in waits)
            rest.sort()
            p95 = rest[-1] if len(rest) < 20 else rest[int(0.95 * len(rest))]
            slow += max(first if publish else 0, p95) > 300
            print(
                f"{path:55} {first:5.0f} {rest[len(rest) // 2]:5.0f} {p95:5.0f}"
                f" {1000 * cpu / len(rest):13.0f} {asked / len(rest):9.1f} {len(sent) / 1e3:8.1f} {body / 1e3:8.1f}"
                + ("" if answer.status_code == 200 else f"  {answer.status_code}"),
                flush=True,
            )
    print(f"{slow} above 300 ms")


async def tabs(parts: Parts, many: int, publish: Callable[[], None]) -> None:
    """So many open pages, which all renew at each of five publications."""
    counted = Counted()
    transport = httpx.ASGITransport(app=create_app(parts), client=("127.0.0.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as asking:
        for path in ("/", "/edges", f"/edges/view?{EDGE}"):
            await asking.get(path)
            for _ in range(5):
                publish()
                parts.clock.advance(10)  # type: ignore[attr-defined]
                counted.names.clear()
                at, cpu = time.perf_counter(), time.process_time()

                async def renewed(number: int, path: str = path) -> None:
                    await asyncio.sleep(0.4 + number % 10 * 0.1)  # as browsers do
                    parts.clock.advance(1 / many)  # type: ignore[attr-defined]
                    (await asking.get(path)).raise_for_status()

                await asyncio.gather(*(renewed(number) for number in range(many)))
                often = {name: counted.names.count(name) for name in sorted(set(counted.names))}
                print(
                    f"{path[:20]:20} {many} tabs: {len(counted.names)} questions, {time.process_time() - cpu:.2f} CPU s,"
                    f" {time.perf_counter() - at:.1f} s; {often}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
