"""How one `seamwatch up` bears time and people: `python -m tests.bench.bench_up {soak,pages}
[--seconds N] [--rate N] [--clients N]`.

`soak`: steady calls; a line each half minute with threads, file descriptors, memory and CPU.
`pages`: as many people as said, each from an address of its own, load page after page without rest
while calls come; the quantiles of their waits and of probes between them. CPU seconds are of the
process; the machine's load stands beside them, since others may work on it.
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from tests.fixtures.running import Feed, Running, up

LOOK_SECONDS = 30.0
EDGE = "/edges/view?caller=web&callee=cart"
PAGES = (
    "/",
    "/",
    "/?since=15m",
    "/deploys",
    "/findings",
    "/violations",
    "/alerts",
    "/contracts",
    "/health",
    "/edges",
    EDGE,
)
PROBES = ("/healthz", "/readyz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=("soak", "pages"))
    parser.add_argument("--seconds", type=float, help="by default 600 for soak, 45 for pages")
    parser.add_argument("--rate", type=float, default=10.0, help="calls a second")
    parser.add_argument("--clients", type=int, default=200)
    options = parser.parse_args()
    seconds = options.seconds or {"soak": 600.0, "pages": 45.0}[options.case]
    with tempfile.TemporaryDirectory() as folder, up(Path(folder)) as (running, feed):
        stop = threading.Event()
        feeding = threading.Thread(target=feed_until, args=(feed, options.rate, stop))
        feeding.start()
        try:
            if options.case == "soak":
                soak(running, seconds)
            else:
                asyncio.run(pages(running, options.clients, seconds))
        finally:
            stop.set()
            feeding.join()
        print(f"{running.records()} of {feed.written} records were read")


def feed_until(feed: Feed, rate: float, stop: threading.Event) -> None:
    """Calls at this rate, ten times a second at most."""
    begun, done = time.monotonic(), 0
    while not stop.wait(max(0.1, 1 / rate)):
        due = int((time.monotonic() - begun) * rate)
        feed.write(due - done)
        done = due


def soak(running: Running, seconds: float) -> None:
    """Print what the process holds, each half minute."""
    begun = time.monotonic()
    print("seconds threads files MB CPU-s load")
    while (passed := time.monotonic() - begun) < seconds:
        load = os.getloadavg()[0]
        print(
            f"{passed:7.0f} {running.threads():7} {running.files():5} {running.megabytes():4} {running.cpu_seconds():6.1f} {load:.1f}",
            flush=True,
        )
        time.sleep(min(LOOK_SECONDS, max(0.0, seconds - passed)))


async def pages(running: Running, clients: int, seconds: float) -> None:
    """Print how long people and probes wait."""
    loop = asyncio.get_running_loop()
    ends, cpu, seen = loop.time() + seconds, running.cpu_seconds(), Counter[str]()
    waits: dict[str, list[float]] = {"pages": [], **{path: [] for path in PROBES}}

    async def person(number: int) -> None:
        transport = httpx.AsyncHTTPTransport(
            local_address=f"127.0.{1 + number // 250}.{1 + number % 250}", verify=False
        )
        async with httpx.AsyncClient(
            base_url=running.address, transport=transport, timeout=300
        ) as client:
            for path in itertools.islice(itertools.cycle(PAGES), number % len(PAGES), None):
                if loop.time() >= ends:
                    return
                await load(client, path, waits["pages"], seen, loop.time)

    stop = threading.Event()
    probers = [
        threading.Thread(target=probe, args=(running, path, waits[path], stop)) for path in PROBES
    ]
    for each in probers:
        each.start()
    try:
        await asyncio.gather(*(person(number) for number in range(clients)))
    finally:  # a fault of one person must not leave the probes behind, which would go on for ever
        stop.set()
        for each in probers:
            each.join()
    for name, times in waits.items():
        print(f"{name}: {len(times)} answers, {quantiles(times)}")
    print(
        f"answers by status: {dict(seen)}; {running.cpu_seconds() - cpu:.1f} CPU s in {loop.time() - ends + seconds:.0f} s; load {os.getloadavg()[0]:.1f}"
    )


def probe(running: Running, path: str, waits: list[float], stop: threading.Event) -> None:
    """A probe a second, each on a connection of its own."""
    while not stop.wait(1.0):
        begun = time.monotonic()
        running.get(path)
        waits.append(time.monotonic() - begun)


async def load(
    client: httpx.AsyncClient,
    path: str,
    waits: list[float],
    seen: Counter[str],
    now: Callable[[], float],
) -> None:
    """One request, its wait and its status noted. A connection that the server ended for being
    idle is opened anew, as a browser does.
    """
    begun = now()
    while True:
        try:
            answer = await client.get(path, headers={"accept": "text/html"})
        except httpx.RemoteProtocolError:
            seen["closed"] += 1
        else:
            break
    waits.append(now() - begun)
    seen[str(answer.status_code)] += 1


def quantiles(waits: Sequence[float]) -> str:
    """Median, p95 and longest, in seconds."""
    ordered = sorted(waits) or [float("nan")]
    return ", ".join(
        f"{name} {ordered[int(share * (len(ordered) - 1))]:.2f} s"
        for name, share in (("median", 0.5), ("p95", 0.95), ("longest", 1.0))
    )


if __name__ == "__main__":
    main()
