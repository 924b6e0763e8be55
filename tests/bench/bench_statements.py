"""What one closing costs, statement by statement: `python -m tests.bench.bench_statements [--spans
N] [--rounds N]`.

First the closing of one window of a few rows, as often as said: its fixed cost, CPU and wall
milliseconds of the whole process, the store's threads included. Then all windows of so many
generated spans.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from monitor.decode.spans import decode_spans
from monitor.edges.closing import ClosingSettings
from monitor.edges.halves import Namer, half_edges
from monitor.joining.closing import Closer, Numbers
from monitor.store import Store, open_store
from tests.bench.bench_spans import batches, rows_of
from tests.bench.generate import generated

WAYS = ("insert", "ask", "ask_columns", "execute")


class Watched:
    """A store of which each statement is timed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        return self._timed(name, attribute) if name in WAYS else attribute

    def _timed(self, way: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(name: str, *rest: Any, **more: Any) -> Any:
            cpu, wall = time.process_time(), time.monotonic()
            try:
                return run(name, *rest, **more)
            finally:
                totals = self.spent[f"{way} {name}"]
                totals[0], totals[1], totals[2] = (
                    totals[0] + 1,
                    totals[1] + time.process_time() - cpu,
                    totals[2] + time.monotonic() - wall,
                )

        return timed

    def shown(self, title: str, closings: int, seconds: float) -> None:
        """Print the statements, the dearest first."""
        print(f"{title}: {seconds / closings * 1e3:.1f} CPU ms a closing, {closings} closings")
        for name, (times, cpu, wall) in sorted(self.spent.items(), key=lambda entry: -entry[1][1]):
            print(
                f"    {name:34} {times / closings:5.1f} x  {cpu / closings * 1e3:8.1f} CPU ms  {wall / closings * 1e3:8.1f} ms"
            )
        rest = seconds - sum(cpu for _, cpu, _ in self.spent.values())
        print(f"    {'counting':43}{rest / closings * 1e3:8.1f} CPU ms", flush=True)
        self.spent.clear()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--spans", type=int, default=400_000)
    words.add_argument("--rounds", type=int, default=20)
    options = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as folder:
        store = open_store(f"chdb://{Path(folder)}/telemetry")
        watched, numbers = Watched(store), count(1)
        draw = Numbers(lambda: next(numbers), lambda: next(numbers))
        closer = Closer(watched, draw, ClosingSettings(close_again_after=0.0))  # type: ignore[arg-type]  # a store, watched
        spent, closings = 0.0, 0
        for number in range(options.rounds + 1):
            write(store, 14, 1_767_325_600 + 600 * number)
            begun = time.process_time()
            closed = closer.finish().published
            if number:  # the first one is to get warm
                spent, closings = spent + time.process_time() - begun, closings + 1
                assert closed
            else:
                watched.spent.clear()
        watched.shown("a few rows", closings, spent)
        write(store, options.spans, None)
        begun = time.process_time()
        closer.finish()
        seconds = time.process_time() - begun
        watched.shown(f"{options.spans} spans", 1, seconds)
        print(f"{seconds / options.spans * 1e6:.2f} CPU seconds per million spans")
        store.close()


def write(store: Store, spans: int, start: int | None) -> None:
    """So many spans as halves in the store, from `start` on (s since the epoch) or from where they
    are generated.
    """
    timed, _ = generated(spans)
    namer = Namer()
    for records in batches(timed):
        decoded, _ = decode_spans(records)
        if start is not None:
            shift = np.uint64((start - 1_767_225_600) % 2**34 * 10**9)
            decoded = replace(
                decoded, start_ns=decoded.start_ns + shift, end_ns=decoded.end_ns + shift
            )
        for table, rows in rows_of(half_edges(decoded, namer)).items():
            store.insert(table, rows)


if __name__ == "__main__":
    main()
