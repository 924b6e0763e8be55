"""The detector over an estate: `python -m tests.bench.bench_estate [--edges N] [--deploys N]
[--rounds N] [--minutes N]`.

300 services, 1,500 edges and 900 deploys in a day by default, all watched for 24 hours; one of 45
is bad. The store holds the windows of the last hours, which is all that judging reads: deploys older
than the judge looks back are taken for settled, as they are in a process that has run for a day.
Then a start: all others are judged, for some minutes at most. Rounds follow as in a process that
has run for long: when each deploy was judged last is spread over its pause, and a window is sealed
before each round. Told are CPU seconds and wall of a round, judgements in it, and where the time
went.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from monitor.control.deploys import list_deploys, note_traffic, record
from monitor.control.store import open_control
from monitor.joining.detecting import DetectionSettings, Detector
from monitor.model.deploys import DeployEvent
from monitor.store import Store, client, open_store
from monitor.store.reader import Reader

WINDOW = 10
WORK = 1.5
"""Seconds that a step goes on taking deploys."""
NOON = 1_790_000_000 // 3600 * 3600
BEFORE, AFTER = 1800, 1200
"""A version meets the one before it from its deploy on, for so long; then it is alone."""
GOLDEN = 0.6180339887
"""Multiples of it spread evenly over what they are taken of."""

_CELLS = """INSERT INTO edge_windows
(window, generation, environment, region, caller, caller_version, callee, callee_version, protocol,
 operation, calls, weighted_calls, failed, ok, server_error, both, client_calls, server_calls,
 client_ns, server_ns, client_histogram, server_histogram)
SELECT toDateTime({since} + 10 * at) AS window, 1, 'production', 'eu', concat('service-', toString(edge % {services})), '',
    concat('service-', toString(callee)), concat('1.', toString(version), '.0'), 'http', concat('GET /', toString(edge % 9)),
    10 + edge % 17 + cityHash64(edge, at, version) % 9 AS counted, counted,
    if(version % 45 = 1 AND callee % 15 = 0, intDiv(counted, 3), if(cityHash64(at, edge) % 50 = 0, 1, 0)) AS bad, counted - bad, bad,
    counted, counted, counted, counted * 30000000, counted * 20000000,
    mapFromArrays(arrayMap(i -> toInt16(-48 + i), range(9)), arrayMap(i -> toUInt64(1 + intDiv(counted, 9)), range(9))) AS told, told
FROM (
    SELECT intDiv(number, {edges} * 2) AS at, intDiv(number % ({edges} * 2), 2) AS edge, number % 2 AS older,
        (edge * 7 + intDiv(edge, {services}) + 1) % {services} AS callee,
        -- each service is deployed every so often, one after the other
        {since} + 10 * at - {begin} + {every} - callee * {apart} AS lived,
        intDiv(lived, {every}) - older AS version
    FROM numbers({first}, {count})
    WHERE version >= 0 AND (older = 0 OR lived % {every} < {after})
)"""
_SIGHTINGS = """INSERT INTO sightings
(window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
SELECT window, 1, environment, '', callee, callee_version, concat(callee, '-', callee_version, '-', toString(copy)), sum(calls), sum(calls), 0
FROM edge_windows ARRAY JOIN [0, 1] AS copy GROUP BY window, environment, callee, callee_version, copy"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, default=1500)
    parser.add_argument("--services", type=int, default=300)
    parser.add_argument("--deploys", type=int, default=900)
    parser.add_argument("--hours", type=int, default=7, help="of windows in the store")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="to judge all for the first time"
    )
    options = parser.parse_args()
    every = 86400 * options.services // options.deploys
    apart = every // options.services
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/telemetry")
        engine = open_control(f"sqlite:///{Path(folder) / 'control.db'}")
        begin, ends = NOON - options.hours * 3600, NOON + 3600
        since = begin - BEFORE
        cpu = time.process_time()
        windows = (ends - since) // WINDOW
        for first in range(0, windows, 360):
            store.command(
                _CELLS.format(
                    since=since,
                    begin=begin,
                    edges=options.edges,
                    services=options.services,
                    every=every,
                    apart=apart,
                    after=AFTER,
                    first=first * options.edges * 2,
                    count=min(360, windows - first) * options.edges * 2,
                )
            )
        store.command(_SIGHTINGS)
        publish(store, since, NOON, seq=1)
        moments: list[tuple[int, int, int]] = []
        for service in range(options.services):
            for back in range(-2, 86400 // every + 1):
                # as the windows are numbered: the newest version of each moment
                number = options.hours * 3600 // every + 1 - back
                at = begin + number * every - every + service * apart
                if NOON - 86400 <= at < ends:
                    moments.append((at, service, number))
        moments.sort()
        rows = next(
            row["rows"] for row in store.query("panels/size") if row["table"] == "edge_windows"
        )
        print(f"{rows:,} rows written in {time.process_time() - cpu:.0f} CPU s", flush=True)
        rounds(store, engine, moments, options.rounds, options.minutes * 60)
        store.close()


def event(service: int, number: int, at: int) -> DeployEvent:
    """A deploy of the next version."""
    moment, name = datetime.fromtimestamp(at, UTC), f"service-{service}"
    before, version = (
        # before the store's windows begin
        f"1.{which}.0" if which >= 0 else f"0.{100 + which}.0"
        for which in (number - 1, number)
    )
    return DeployEvent(
        "bench",
        f"{name}-{number}",
        "deploy",
        "production",
        name,
        version,
        before,
        "succeeded",
        moment,
    )


def publish(store: Store, since: int, until: int, seq: int) -> None:
    """Windows of this time, sealed."""
    windows = list(range(since, until, WINDOW))
    row: dict[str, Any] = {
        name: pa.array([1] * len(windows), pa.uint64())
        for name in ("generation", "arrivals", "rows")
    }
    row |= {"late": pa.array([0] * len(windows), pa.uint64())}
    row |= {"seq": pa.array([seq] * len(windows), pa.uint64())}
    row |= {"level": pa.array([0] * len(windows), pa.uint8())}
    row |= {"sealed": pa.array([1] * len(windows), pa.uint8())}
    row |= {"window": pa.array(windows, pa.uint32())}
    store.insert("windows", pa.table(row))


def timed_answers(spent: Counter[str], asked: Counter[str]) -> None:
    """From now on count what the store is asked, and what it costs."""

    def timed(ask: Any) -> Any:
        def answer(first: Any, name: str, *more: Any, **others: Any) -> Any:
            cpu = time.process_time()
            try:
                return ask(first, name, *more, **others)
            finally:
                spent[name] += time.process_time() - cpu
                asked[name] += 1

        return answer

    client._rows = timed(client._rows)
    Store.ask_columns = timed(Store.ask_columns)  # type: ignore[method-assign]


def tell(engine: Any, moments: list[tuple[int, int, int]], until: float) -> None:
    """Record the deploys up to then, and when each met its first calls."""
    while moments and moments[0][0] <= until:
        begun, service, number = moments.pop(0)
        at = datetime.fromtimestamp(begun, UTC)
        recorded = record(engine, event(service, number, begun), at)
        note_traffic(engine, recorded.id, datetime.fromtimestamp(begun // WINDOW * WINDOW, UTC))


def rounds(
    store: Store, engine: Any, moments: list[tuple[int, int, int]], many: int, seconds: float
) -> None:
    """Judge all, and then again and again. `moments`: when which service gets which version."""
    tell(engine, moments, NOON)
    spent: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    timed_answers(spent, asked)
    settings = DetectionSettings(work=timedelta(seconds=WORK))
    # by CPU seconds, so that a busy machine judges as many
    detector = Detector(Reader(store), engine, store, settings, time.process_time)
    now = datetime.fromtimestamp(NOON + 65, UTC)
    judging = settings.judging
    old = timedelta(seconds=judging.after_seconds + judging.late_seconds + 60)
    recent = list_deploys(engine, since=now - settings.watch)
    detector._projected = {deploy.id: deploy for deploy in recent}
    for deploy in recent:
        if deploy.started < now - old:
            detector._judged[deploy.id] = (now - timedelta(seconds=75), now)
            detector._settled.add(deploy.id)
    settled = len(detector._settled)
    begun, cpu, steps, many_first = time.monotonic(), time.process_time(), 0, 0
    detector.waiting = 1
    while detector.waiting and time.monotonic() - begun < seconds:
        many_first += len(detector.step(now, work=settings.work))
        steps += 1
    cpu = time.process_time() - cpu
    print(
        f"a start: {settled} deploys are settled; {many_first} judged in {steps} steps, {cpu:.0f} CPU s"
        f" ({cpu / max(1, many_first):.2f} each); {detector.waiting} wait",
        flush=True,
    )
    for place, deploy in enumerate(recent):
        if deploy.id in detector._judged:
            ago = place * GOLDEN % 1.0 * detector._pause(deploy, now - deploy.started)
            detector._judged[deploy.id] = (now - ago - timedelta(seconds=75), now - ago)
    spent.clear()
    asked.clear()
    walls, cpus, judgements, outcomes = [], [], 0, Counter[str]()
    for number in range(1, many + 1):
        until = NOON + number * WINDOW
        publish(store, until - WINDOW, until, seq=number + 1)
        tell(engine, moments, until)
        wall, cpu = time.perf_counter(), time.process_time()
        judged = detector.step(datetime.fromtimestamp(until + 65, UTC), work=settings.work)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        judgements += len(judged)
        outcomes.update(judgement.verdict.outcome for judgement in judged)
        ages = sorted(
            int((until + 65 - judgement.deploy.started.timestamp()) / 60) for judgement in judged
        )
        print(
            f"round {number}: {len(judged)} judged, {cpus[-1]:.2f} CPU s, {walls[-1]:.2f} s,"
            f" {detector.waiting} wait; minutes old: {ages}",
            flush=True,
        )
    print(
        f"a round: median {statistics.median(walls):.2f} s, most {max(walls):.2f}; mean"
        f" {statistics.mean(cpus):.2f} CPU s, most {max(cpus):.2f}; of a core"
        f" {100 * statistics.mean(cpus) / WINDOW:.0f} % where one is made each {WINDOW} s;"
        f" {judgements / many:.1f} judged a round, {statistics.fsum(cpus) / max(1, judgements):.2f}"
        f" CPU s each; {dict(outcomes)}"
    )
    for name, taken in spent.most_common(9):
        print(f"  {name}: {asked[name] / many:.1f} times a round, {taken / many:.2f} CPU s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{memory} MB at most; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
