"""What closing costs where input is thin, long, resent or late: `python -m
tests.bench.bench_closing [--spans N] [--rounds N] [CASE …]`.

Cases: `dense` (5,000 spans/s, what all others are held against), `hours` (23 spans/s, 12 hours of
them per million), `resent` (2 % of the records sent twice), `changed` (2 % of the records sent
again with spans that end elsewhere), `edges` (1,500 edges), `nested` (every server span has a
second one of its process under it, as frameworks write it). CPU seconds of the whole process per
million spans by step, the store's threads included; the published rows are held against the truth.
Of several rounds, in which the cases take turns, the least of each step counts: what else runs on
the machine only adds.
"""

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.store import open_store
from tests.bench.bench_spans import check, steps
from tests.bench.generate import SERVICES, generated

Timed = list[tuple[int, bytes]]
SERVER = 2  # the kind in OTLP
RATES = {"hours": 23.0}
CASES = ("dense", "hours", "resent", "changed", "edges", "nested")


def resent(timed: Sequence[tuple[int, bytes]]) -> Timed:
    """Every fiftieth record again, some records later, as an exporter that retries sends it."""
    again = [(number + 40, entry) for number, entry in enumerate(timed) if number % 50 == 0]
    numbered = [*enumerate(timed), *again]
    return [entry for _, entry in sorted(numbered, key=lambda pair: pair[0])]


def changed(timed: Sequence[tuple[int, bytes]]) -> Timed:
    """As `resent`, but each span ends 1 ms later the second time: the later word counts."""
    done: Timed = []
    for number, (at, record) in enumerate(timed):
        done.append((at, record))
        if number % 50 == 0:
            request = ExportTraceServiceRequest.FromString(record)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        span.end_time_unix_nano += 1_000_000
            done.append((at, request.SerializeToString()))
    return done


def wide(timed: Sequence[tuple[int, bytes]], copies: int = 38, seed: int = 3) -> Timed:
    """Each record as one of many shops: some 40 edges a shop."""
    chance = random.Random(seed)
    names = {name: name.encode() for name in SERVICES}
    done: Timed = []
    for at, record in timed:
        shop = chance.randrange(copies)
        request = ExportTraceServiceRequest.FromString(record)
        for resource in request.resource_spans:
            for attribute in resource.resource.attributes:
                if attribute.key == "service.namespace" or (
                    attribute.key == "service.name"
                    and attribute.value.string_value.encode() in names.values()
                ):
                    attribute.value.string_value = f"{attribute.value.string_value}-{shop}"
        done.append((at, request.SerializeToString()))
    return done


def nested(timed: Sequence[tuple[int, bytes]]) -> Timed:
    """Under each server span a second one of the same process: both are part of one call."""
    done: Timed = []
    for at, record in timed:
        request = ExportTraceServiceRequest.FromString(record)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in [span for span in scope.spans if span.kind == SERVER]:
                    inner = scope.spans.add()
                    inner.CopyFrom(span)
                    inner.parent_span_id, inner.span_id = (
                        span.span_id,
                        bytes(255 - byte for byte in span.span_id),
                    )
        done.append((at, request.SerializeToString()))
    return done


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("cases", nargs="*", choices=CASES, default=[])
    words.add_argument("--spans", type=int, default=1_000_000)
    words.add_argument("--rounds", type=int, default=1)
    options = words.parse_args()
    least: dict[str, dict[str, float]] = {}
    for case in (options.cases or CASES) * options.rounds:
        timed, truth = generated(options.spans, spans_per_second=RATES.get(case, 5000.0))
        given = {"resent": resent, "changed": changed, "edges": wide, "nested": nested}.get(
            case, list
        )(timed)
        with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as folder:
            store = open_store(f"chdb://{Path(folder)}/telemetry")
            spent = steps(given, store)
            figures = {name: seconds / truth.spans * 1e6 for name, seconds in spent.items()}
            verdict = (
                check(store, truth)
                if case in {"dense", "hours", "resent"}
                else "not held against the truth"
            )
            store.close()
        print(
            f"{case:8}", *(f"{name} {value:.2f}" for name, value in figures.items()), f"in all {sum(figures.values()):.2f}; {verdict}",
            flush=True,
        )  # fmt: skip
        known = least.setdefault(case, figures)
        least[case] = {name: min(value, known[name]) for name, value in figures.items()}
    for case, figures in least.items():
        ratio = figures["close"] / least["dense"]["close"] if "dense" in least else float("nan")
        print(
            f"least of {options.rounds}: {case:8} close {figures['close']:.2f}, {ratio:.2f} times that of dense"
        )


if __name__ == "__main__":
    main()
