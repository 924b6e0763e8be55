"""What a span costs as its surroundings grow: `python -m tests.bench.bench_scale [--seconds N]
[--only WORD] [--far]`.

One thing grows in each group of rows, the rest stays: spans a window, collectors (threads that
insert, each slice of the rows on its own: many that share a topic bring less each time), edges, versions, days of data that the store holds. Told are
CPU seconds per million spans of writing halves and of closing their windows, and the ratio to the
first row of the group. Decoding knows of none of this. A row that would begin after `--seconds` is
left out, and said to be. `--far` goes to the ends instead: 10 million spans a window, 20,000 edges,
200 versions.
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pyarrow as pa

from monitor.edges.closing import ClosingSettings
from monitor.joining.closing import Closer, Numbers
from monitor.store import Store, open_store
from tests.bench.bench_backlog import Made, made, moved
from tests.bench.estate import Estate, fill

BASE, RATE = 20_000, 2000.0
"""Spans of one copy, in ten seconds: copies lie in the same windows."""
ARRIVALS = """INSERT INTO arrivals (source_id, window, rows, ingested)
SELECT 1, toDateTime({since} + 10 * number), 1000, toDateTime({since} + 10 * number) FROM numbers({count})"""


@dataclass(frozen=True, slots=True)
class Point:
    """What the store holds and gets."""

    group: str
    copies: int = 10
    slices: int = 1
    collectors: int = 1
    names: int = 1
    versions: int = 1
    days: int = 0
    wide: bool = False

    @property
    def spans(self) -> int:
        """In all."""
        return BASE * self.copies


START = Point("start")
POINTS = (
    *(Point("spans a window", copies) for copies in (1, 5, 50, 150)),
    *(Point("collectors", 10, many, min(many, 4)) for many in (1, 4, 8)),
    *(Point("edges", 25, names=names) for names in (1, 25)),
    Point("edges", 100, names=100),
    *(Point("versions", 25, versions=versions) for versions in (1, 5, 25)),
    Point("versions", 100, versions=100),
    *(Point("days of data", days=days) for days in (0, 2, 30)),
)
FAR = (
    *(Point("edges, far", 50, names=names, wide=True) for names in (1, 33)),
    *(Point("versions, far", 200, versions=versions) for versions in (1, 200)),
    *(Point("spans a window, far", copies) for copies in (50, 500)),
)
"""20,000 edges, 200 versions, 10 million spans a window: an hour on a busy machine."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--seconds", type=float, default=600.0)
    words.add_argument("--only", default="", help="groups that hold this word")
    words.add_argument("--far", action="store_true", help="the ends instead, for up to an hour")
    options = words.parse_args()
    begun = time.monotonic()
    rows = {wide: made(BASE, RATE, many_edges=wide) for wide in (False, True)}
    print(
        f"{'what grows':24} {'spans':>9}  rows/insert collectors  edges versions days  insert closing   both  ratio   MB"
    )
    first: dict[str, float] = {}
    left = []
    # the first point of all warms up, and is not told
    for point in (replace(START, copies=2), *(FAR if options.far else POINTS)):
        if options.only not in point.group and point.group != "start":
            continue
        if time.monotonic() - begun > options.seconds:
            left.append(point)
            continue
        told = measured(rows[point.wide], point)
        if point.group == "start":
            continue
        both = told.insert + told.closing
        base = first.setdefault(point.group, both)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{point.group:24} {point.spans:9,} {BASE // point.slices:12,} {point.collectors:10} {told.edges:6,} {told.versions:8} {point.days:4}"
            f"  {told.insert:6.2f} {told.closing:7.2f} {both:6.2f} {both / base:6.2f} {memory:4}",
            flush=True,
        )
    for point in left:
        print(f"left out, no time: {point}")
    print(f"{time.monotonic() - begun:.0f} s; load {os.getloadavg()[0]:.1f}")


@dataclass(frozen=True, slots=True)
class Told:
    """CPU seconds per million spans, and what came of them."""

    insert: float
    closing: float
    edges: int
    versions: int


def measured(rows: Made, point: Point) -> Told:
    """Write and close in a store of its own."""
    with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as folder:
        store = open_store(f"chdb://{Path(folder)}/telemetry")
        if point.days:
            hold(store, point.days, rows.begin)
        numbers = count(10**9)
        closer = Closer(
            store,
            Numbers(lambda: next(numbers), lambda: next(numbers)),
            ClosingSettings(close_again_after=0.0),
        )
        cpu = time.process_time()
        write(store, rows, point)
        insert = time.process_time() - cpu
        cpu = time.process_time()
        closer.finish()
        closing = time.process_time() - cpu
        (seen,) = store.ask_columns("newest_seq").to_pylist()
        assert seen["seq"]
        with store._writers.borrow() as client:
            ((edges, versions),) = client.query(
                "SELECT uniqExact(caller, callee, protocol, operation), uniqExact(callee_version) FROM edge_windows"
                f" WHERE window >= toDateTime({rows.begin})"
            ).result_rows
        store.close()
    millions = point.spans / 1e6
    return Told(insert / millions, closing / millions, edges, versions)


def hold(store: Store, days: int, until: int) -> None:
    """So many days of windows and hours before, of 200 edges, and what once arrived of them."""
    estate = Estate(edges=200, days=days, fine_hours=4, ends=until - 3600)
    fill(store, estate)
    windows = (estate.ends - estate.begins) // 10
    store.command(ARRIVALS.format(since=estate.begins, count=windows))


def write(store: Store, rows: Made, point: Point) -> None:
    """All copies, each thread some of them."""
    waiting = iter(range(point.copies))
    lock = threading.Lock()

    def collect() -> None:
        while True:
            with lock:
                copy = next(waiting, None)
            if copy is None:
                return
            for tables in parts(rows, copy, point):
                for name, table in tables.items():
                    store.insert(name, table)

    threads = [threading.Thread(target=collect) for _ in range(point.collectors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def parts(rows: Made, copy: int, point: Point) -> Iterator[Mapping[str, pa.Table]]:
    """One copy's rows, slice by slice."""
    for batch in rows.tables:
        tables = {
            name: named(moved(table, copy, 0), copy % point.names, copy % point.versions)
            for name, table in batch.items()
        }
        for part in range(point.slices):
            yield {
                name: table.slice(
                    part * table.num_rows // point.slices,
                    (part + 1) * table.num_rows // point.slices
                    - part * table.num_rows // point.slices,
                )
                for name, table in tables.items()
            }


def named(table: pa.Table, group: int, version: int) -> pa.Table:
    """The same rows under other names: services of a group of their own, versions too."""
    endings = {"service": group, "peer": group, "address": group, "version": version}
    for name, number in endings.items():
        if not number or name not in table.column_names:
            continue
        column = table[name].combine_chunks()
        words = column.dictionary if pa.types.is_dictionary(column.type) else column
        other = pa.array(
            [f"{word}-{number}" if word else word for word in words.to_pylist()], words.type
        )
        whole = (
            pa.DictionaryArray.from_arrays(column.indices, other)
            if pa.types.is_dictionary(column.type)
            else other
        )
        table = table.set_column(table.column_names.index(name), name, whole)
    return table


if __name__ == "__main__":
    main()
