"""CPU seconds per million spans, step by step: `python -m tests.bench.bench_spans [--spans N]
[--kafka] [--freshness SECONDS] [--steady SECONDS]`.

Generated input (some 500 bytes a span, flushed every 5 s per service), chDB in a temporary folder;
CPU seconds are of the whole process, chDB's threads included, so that a busy machine matters
little. `--kafka` also reads the same spans from a real Apache Kafka with both clients by
`seamwatch run traces --until-caught-up`, and, where `otelcol` is on the PATH, with the Collector's
service graph, and compares what both counted. `--freshness` runs `seamwatch up` on live spans for
so long, and tells how old a span's end is when its window is first published. `--steady` does that
at 5,000 and at 20,000 spans/s (or at `--rate`), without the steps, and tells CPU seconds per
million spans of the whole process, closings per window and memory.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from monitor import native
from monitor.clock import system_clock
from monitor.decode.spans import decode_by_reference, decode_spans
from monitor.edges.bookkeeping import Watermarks, arrival_rows, ledger_rows
from monitor.edges.closing import ClosingSettings
from monitor.edges.halves import HalfBatch, Namer, half_edges
from monitor.joining.behind import Behind
from monitor.joining.closing import Closer, Numbers
from monitor.model.edges import EdgeQuery
from monitor.model.records import Partition, Records
from monitor.store import Store, open_store
from monitor.store.reader import Reader
from monitor.streams.batching import BOUNDS
from tests.bench import collector
from tests.bench.generate import Truth, generated, stream
from tests.fixtures.broker import KafkaBroker, missing_part

STARTED_SECONDS = 15.0  # what is imported and drawn once after a start is none of the steady state
BATCH_BYTES = BOUNDS.payload_bytes
PLACE = Partition("be" * 8, "otlp_spans", 0)


def batches(
    timed: Sequence[tuple[int, bytes]], batch_bytes: int = BATCH_BYTES
) -> Iterator[Records]:
    """Requests as records of one partition, cut as a collector cuts them."""
    begin = size = 0
    for at, (_, request) in enumerate(timed):
        size += len(request)
        if size >= batch_bytes or at == len(timed) - 1:
            values = [value for _, value in timed[begin : at + 1]]
            flushed_ms = [flushed // 10**6 for flushed, _ in timed[begin : at + 1]]
            count = len(values)
            yield Records(
                values,
                [PLACE] * count,
                range(begin, at + 1),
                flushed_ms,
                [{}] * count,
                [0] * count,
                {PLACE: at == len(timed) - 1},
            )
            begin, size = at + 1, 0


def steps(timed: Sequence[tuple[int, bytes]], store: Store) -> Counter[str]:
    """CPU seconds of each step over everything."""
    spent: Counter[str] = Counter()
    namer, watermarks, numbers = Namer(), Watermarks(), iter(range(1, 10**9))
    closer = Closer(
        store, Numbers(lambda: next(numbers), lambda: next(numbers)), ClosingSettings()
    )
    behind = Behind(store, closer)
    for records in batches(timed):
        begun = time.process_time()
        spans, rejects = decode_spans(records)
        assert not rejects
        decoded = time.process_time()
        halves = half_edges(spans, namer)
        made = time.process_time()
        for table, rows in rows_of(halves).items():
            store.insert(table, rows)
        none = np.zeros(len(records), np.int64)
        store.insert(
            "ledger",
            ledger_rows(
                records,
                spans=spans.seen,
                halves=halves.sources,
                filtered=spans.filtered,
                rejected=spans.refused,
                exchanges=none,
            ),
        )
        now = system_clock()
        marks = watermarks.update(records, spans.record, spans.end_ns, now)
        if watermarks.due(records, now):
            store.insert("watermarks", marks)
        assert store.recent is not None
        store.recent.marked(marks)
        inserted = time.process_time()
        behind.close(behind.left())
        spent += Counter(
            decode=decoded - begun,
            columns=made - decoded,
            insert=inserted - made,
            close=time.process_time() - inserted,
        )  # type: ignore[arg-type]  # a Counter of seconds
    begun = time.process_time()
    closer.finish()
    spent["close"] += time.process_time() - begun  # type: ignore[assignment]  # a Counter of seconds
    return spent


def by_reference(timed: Sequence[tuple[int, bytes]]) -> float:
    """CPU seconds of decoding everything by nothing but Python."""
    begun = time.process_time()
    for records in batches(timed):
        decode_by_reference(records)
    return time.process_time() - begun


def rows_of(halves: HalfBatch) -> dict[str, pa.Table]:
    """The rows that closing reads, by table."""
    named = {
        table: getattr(halves, table)
        for table in ("halves", "message_ends", "inner_spans", "long_spans")
    }
    return {**named, "arrivals": arrival_rows(PLACE.source_id, halves.windows, halves.window_rows)}


def check(store: Store, truth: Truth) -> str:
    """Whether what is published equals the truth in calls, failures, outcomes and both sums."""
    rows = Reader(store).edges(EdgeQuery())
    by_key = {
        (r.caller, r.callee, r.protocol, r.operation, r.caller_version, r.callee_version): r
        for r in rows
    }
    wrong = [
        key
        for key, count in truth.edges.items()
        if key not in by_key or not _equal(by_key[key], count)
    ]
    extra = set(by_key) - set(truth.edges)
    if wrong or extra:
        return f"NOT equal to the truth: {len(wrong)} of {len(truth.edges)} edges differ ({wrong[:2]}), {len(extra)} are not in it ({sorted(map(str, extra))[:2]})"
    return f"equal to the truth: {len(by_key)} edges and version pairs, {sum(row.calls for row in rows)} calls"


def _equal(row: Any, count: Any) -> bool:
    sums = ((row.client_seconds_sum, count.client_ns), (row.server_seconds_sum, count.server_ns))
    near = all(
        (a is None) == (b is None) and (a is None or abs(a - b / 1e9) < 1e-6 * max(1.0, a))
        for a, b in sums
    )
    outcomes = {name: value for name, value in row.outcomes.items() if value}
    return near and (row.calls, row.failed, outcomes) == (
        count.calls,
        count.failed,
        count.outcomes,
    )


def whole_path(requests: Sequence[bytes], spans: int, folder: Path) -> Iterator[str]:
    """`run traces --until-caught-up` over a real Kafka, with both clients; the Collector's service
    graph beside them.
    """
    broker = KafkaBroker(folder / "kafka")
    broker.start()
    try:
        topic = broker.make_topic(partitions=4)
        broker.produce(topic, requests, compression_type="lz4", max_request_size=8_000_000)
        for client in ("kafka-python", "confluent"):
            words = [
                *_seamwatch(folder / client),
                "--set",
                f"kafka.brokers={broker.bootstrap}",
                "--set",
                f"topics.spans={topic}",
            ]
            words += [
                "--set",
                f"kafka.group=bench-{client}",
                "--set",
                f"kafka.client={client}",
                "run",
                "traces",
                "--until-caught-up",
            ]
            ran = subprocess.run(words, capture_output=True, text=True, check=False)
            match = re.search(r"([\d.]+) CPU seconds, ([\d.]+) s, at most (\d+) MB", ran.stdout)
            assert match, ran.stdout + ran.stderr
            yield f"{'Kafka to published, ' + client:34}{float(match[1]) / spans * 1e6:8.2f}    {match[3]} MB resident, {match[2]} s"
        if collector.found() is None:
            yield "no Collector: put one with the service graph connector on the PATH as otelcol to see it beside"
            return
        theirs, seconds = collector.by_collector(broker.bootstrap, topic, folder)
        yield f"{'Collector with service graph':34}{seconds / spans * 1e6:8.2f}"
        yield collector.compared(
            collector.by_seamwatch(folder / "confluent" / "telemetry"), theirs
        )
    finally:
        broker.stop()


def freshness(seconds: float, rate: float, folder: Path) -> str:
    """How old a span's end is when its window is first published, with `seamwatch up` on live
    spans.
    """
    broker = KafkaBroker(folder / "kafka-live")
    broker.start()
    running = subprocess.Popen(
        [*_seamwatch(folder / "live"), "--set", f"kafka.brokers={broker.bootstrap}", "--set", "api.port=0", "up"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        for topic in ("otlp_spans", "api_logs", "deploys"):
            broker.make_topic(topic)
        assert running.stdout
        address = running.stdout.readline().removeprefix("page: ").strip()
        time.sleep(STARTED_SECONDS)
        before, start = _cpu_seconds(running.pid), time.time_ns()
        feeder = threading.Thread(target=_feed, args=(broker, int(seconds * rate), rate, start))
        feeder.start()
        published: dict[int, float] = {}
        with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            resident = closings = asked = 0
            while time.time_ns() < start + (seconds + 30) * 1e9:
                if time.time_ns() < start + seconds * 1e9:
                    spent = _cpu_seconds(running.pid) - before
                    resident = max(resident, _megabytes(running.pid))
                    if time.time_ns() > asked + 10e9:  # as Prometheus asks
                        asked = time.time_ns()
                        told = re.search(
                            r"^seamwatch_windows_closed_total (\S+)",
                            client.get("/metrics").text,
                            re.MULTILINE,
                        )
                        closings = int(float(told[1])) if told else 0
                newest = client.get("/v1/health").json()["windows"]["last_closed"]
                at = int(system_clock().fromisoformat(newest).timestamp()) if newest else 0
                for window in range(int(start / 1e10) * 10 + 10, at + 1, 10):
                    published.setdefault(window, time.time())
                time.sleep(1.0)
        feeder.join()
        whole = [window for window in published if window + 10 <= start / 1e9 + seconds]
        ages = np.array(
            [published[window] - window - part for window in whole for part in range(10)]
        )
        return (
            f"{len(whole)} windows at {rate:g} spans/s: p50 {np.percentile(ages, 50):.1f} s, p95 {np.percentile(ages, 95):.1f} s, worst {ages.max():.1f} s; "
            f"{spent / seconds / rate * 1e6:.1f} CPU seconds per million spans, {closings / (seconds / 10):.1f} closings a window, at most {resident} MB resident"
        )
    finally:
        running.terminate()
        running.wait(60)
        broker.stop()


def _feed(broker: KafkaBroker, spans: int, rate: float, start: int) -> None:
    """Send each flush when its time has come."""
    with broker.producer(compression_type="lz4", max_request_size=8_000_000) as producer:
        for flush in stream(spans, 7, rate, start):
            if isinstance(flush, Truth):
                break
            time.sleep(max(0.0, (flush[0] - time.time_ns()) / 1e9))
            producer.send("otlp_spans", flush[1])


def _cpu_seconds(process: int) -> float:
    """User and system CPU seconds of a process: proc(5), fields 14 and 15 of stat."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(process: int) -> int:
    """Resident memory of a process."""
    return (
        int(
            re.findall(
                r"^VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE
            )[0]
        )
        // 1024
    )


def _seamwatch(folder: Path) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from monitor.cli import main; main()",
        "--data-dir",
        str(folder),
    ]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--spans", type=int, default=1_000_000)
    words.add_argument("--kafka", action="store_true")
    words.add_argument("--freshness", type=float, default=0.0, metavar="SECONDS")
    words.add_argument("--steady", type=float, default=0.0, metavar="SECONDS")
    words.add_argument(
        "--rate", type=float, help="spans a second; by default 5,000, and for --steady 20,000 too"
    )
    words.add_argument("--json", type=Path, help="also write the figures here")
    options = words.parse_args()
    if options.steady:
        if missing_part():
            print(f"no Kafka: {missing_part()}")
            return
        for rate in [options.rate] if options.rate else [5000.0, 20_000.0]:
            with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as place:
                print(f"steady, {freshness(options.steady, rate, Path(place))}", flush=True)
        return
    timed, truth = generated(options.spans)
    requests = [request for _, request in timed]
    size = sum(map(len, requests))
    print(
        f"{truth.spans} spans, {truth.halves} halves, {len(requests)} records, {size / truth.spans:.0f} bytes a span, load {os.getloadavg()[0]:.0f}"
    )
    with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as place:
        folder = Path(place)
        store = open_store(f"chdb://{folder}/steps/telemetry")
        spent = steps(timed, store)
        figures = {name: seconds / truth.spans * 1e6 for name, seconds in spent.items()}
        figures["all but Kafka"] = sum(figures.values())
        figures["without decode"] = figures["all but Kafka"] - figures["decode"]
        for name, value in figures.items():
            print(f"{name:34}{value:8.2f}    CPU seconds per million spans")
        if native.BUILT is not None:
            figures["decode by reference"] = by_reference(timed) / truth.spans * 1e6
            print(f"{'decode by reference':34}{figures['decode by reference']:8.2f}    beside it")
        print(f"decoder: {native.decoder_in_use()}")
        print(check(store, truth))
        print(
            f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB resident, the generated input included"
        )
        store.close()
        if (options.kafka or options.freshness) and missing_part():
            print(f"no Kafka: {missing_part()}")
            return
        if options.kafka:
            for line in whole_path(requests, truth.spans, folder):
                print(line, flush=True)
        if options.freshness:
            print(f"freshness, {freshness(options.freshness, options.rate or 5000.0, folder)}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
