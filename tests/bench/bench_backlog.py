"""How a backlog of closing heals while new data come: `python -m tests.bench.bench_backlog
[--spans N] [--copies N] [--rate N] [--wide]`.

What is ingested and not yet closed is made of `copies` of the same spans, each with trace ids of
its own and later by its length; with `--wide` on 1,500 edges. Then a window of new spans comes
each 10 s, by the clock on the wall, and the closer steps as `up` lets it. Told are how old each
new window is when it is first published, how long a step takes, and CPU seconds until nothing is
left.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitor.decode.spans import decode_spans
from monitor.edges.closing import ClosingSettings
from monitor.edges.halves import Namer, half_edges
from monitor.joining.closing import Closer, Numbers
from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store, open_store
from tests.bench.bench_closing import wide
from tests.bench.bench_spans import PLACE, batches, rows_of
from tests.bench.generate import generated

LATE = 6
Tables = list[Mapping[str, pa.Table]]
TRACES = ("trace", "own_trace")
TIMES = {"window": 1, "start_ns": 10**9, "end_ns": 10**9}


@dataclass
class Made:
    """Rows of all tables by batch, and the seconds (a multiple of a window) between the begins of
    two copies.
    """

    tables: Tables
    seconds: int
    begin: int


def made(spans: int, rate: float, *, many_edges: bool) -> Made:
    """Generate and decode once."""
    timed, _ = generated(spans, spans_per_second=rate)
    namer = Namer()
    tables = []
    for records in batches(wide(timed) if many_edges else timed):
        decoded, _ = decode_spans(records)
        tables.append(rows_of(half_edges(decoded, namer)))
    windows = np.concatenate([batch["arrivals"]["window"].to_numpy() for batch in tables])
    begin, end = int(windows.min()), int(windows.max()) + 2 * WINDOW_SECONDS
    return Made(tables, (end - begin) // WINDOW_SECONDS * WINDOW_SECONDS, begin)


def moved(table: pa.Table, copy: int, seconds: int) -> pa.Table:
    """The same rows as another copy: later, and of other traces."""
    for at, name in enumerate(table.column_names):
        if name in TRACES:
            whole = table[name].combine_chunks()
            ids = (
                np.frombuffer(whole.buffers()[1], np.uint8)[
                    whole.offset * 16 : (whole.offset + len(whole)) * 16
                ]
                .reshape(-1, 16)
                .copy()
            )
            ids[:, 0], ids[:, 1] = copy % 256, copy // 256
            table = table.set_column(
                at,
                name,
                pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(16), len(ids), [None, pa.py_buffer(ids)]
                ),
            )
        elif name in TIMES:
            old = table[name].combine_chunks()
            table = table.set_column(
                at,
                name,
                pa.array(old.to_numpy() + old.type.to_pandas_dtype()(seconds * TIMES[name])),
            )
    return table


def tell(store: Store, watermark: float) -> None:
    """Event time reached, as the pipeline tells it."""
    rows = {
        "source_id": [PLACE.source_id], "topic": [PLACE.topic], "partition": pa.array([PLACE.partition], pa.uint32()),
        "watermark": pa.array([int(watermark * 1e3)], pa.timestamp("ms", "UTC")), "drained": pa.array([0], pa.uint8()),
        "seen_at": pa.array([int(time.time() * 1e3)], pa.timestamp("ms", "UTC")),
    }  # fmt: skip
    store.insert("watermarks", pa.table(rows))


def live(store: Store, rows: Made, first: int, copies: int) -> Iterator[int]:
    """Insert one window of new spans at each step; its begin. The rows are one copy's, a window at
    a time.
    """
    for copy in range(copies, copies + 1000):
        ready = [
            {name: moved(table, copy, copy * rows.seconds) for name, table in batch.items()}
            for batch in rows.tables
        ]
        for window in range(first, first + rows.seconds, WINDOW_SECONDS):
            for batch in ready:
                for name, table in batch.items():
                    if "window" in table.column_names:
                        some = table.filter(pa.compute.equal(table["window"], window))
                        if some.num_rows:
                            store.insert(name, some)
            tell(store, window + WINDOW_SECONDS + LATE)
            yield window
        first += rows.seconds


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--spans", type=int, default=500_000, help="of one copy")
    words.add_argument("--copies", type=int, default=20)
    words.add_argument("--rate", type=float, default=1000.0, help="spans a second of event time")
    words.add_argument("--wide", action="store_true", help="1,500 edges")
    options = words.parse_args()
    rows = made(options.spans, options.rate, many_edges=options.wide)
    with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as folder:
        store = open_store(f"chdb://{Path(folder)}/telemetry")
        for copy in range(options.copies):
            for batch in rows.tables:
                for name, table in batch.items():
                    store.insert(name, moved(table, copy, copy * rows.seconds))
        tell(store, rows.begin + options.copies * rows.seconds)
        hours = options.copies * rows.seconds / 3600
        print(
            f"{options.spans * options.copies} spans over {hours:.1f} h stand unclosed, load {os.getloadavg()[0]:.0f}",
            flush=True,
        )
        heal(
            store,
            live(store, rows, rows.begin + options.copies * rows.seconds, options.copies),
            time.monotonic,
        )
        store.close()


def heal(store: Store, incoming: Iterator[int], now: Callable[[], float]) -> None:
    """Step until nothing is left, and a minute more; print what was seen."""
    numbers = iter(range(1, 10**9))
    closer = Closer(
        store, Numbers(lambda: next(numbers), lambda: next(numbers)), ClosingSettings()
    )
    begun, cpu = now(), time.process_time()
    came: dict[int, float] = {}
    ages: list[float] = []
    steps: list[float] = []
    due, healed = begun, 0.0
    while not healed or now() < begun + healed + 60:
        while due <= now():
            # the end of the window on the wall, by the event time that was told
            came[next(incoming)] = due - LATE
            due += WINDOW_SECONDS
        before = now()
        done = closer.step()
        steps.append(now() - before)
        shown = {
            int(row["window"])
            for row in store.ask("window_states", {"only": list(came)}, given={"only"})
            if row["seen"]
        }
        moment = now()
        ages.extend(moment - came.pop(window) for window in shown & came.keys())
        if not done.left and not healed:
            healed = now() - begun
            print(f"healed after {healed:.0f} s and {time.process_time() - cpu:.0f} CPU s")
        time.sleep(0.0 if done.left else 1.0)
    quantile = {share: np.quantile(ages, share) for share in (0.5, 0.95, 1.0)}
    print(
        f"{len(ages)} new windows published, {len(came)} not yet; seconds after their end: ",
        end="",
    )
    print(
        ", ".join(
            f"{name} {quantile[share]:.1f}"
            for name, share in (("median", 0.5), ("p95", 0.95), ("longest", 1.0))
        )
    )
    print(f"steps: {len(steps)}, median {np.median(steps):.1f} s, longest {max(steps):.1f} s")


if __name__ == "__main__":
    main()
