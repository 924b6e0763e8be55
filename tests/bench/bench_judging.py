"""CPU seconds of judging one deploy of a service that many edges lead to: `python -m
tests.bench.bench_judging [edges] [callers' versions]`.

Each edge is called by four versions and answered by two: eight version pairs, ten minutes before
the deploy and five after it, a window each ten seconds; both versions are well. Cells stand in
columns, as the store gives them, and cycles are collected as seldom as in the commands that judge.
"""

import sys
import time

import numpy as np

from monitor.cli.long_work import calm_collector
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.cells import BY_WORD, COUNTED, PLACE, CellColumns, Columns, Lists
from monitor.model.edges import SAMPLINGS, WINDOW_SECONDS, Edge, Sighting
from tests.detect.traffic import START, deploy, now_after, sighting

BEFORE, AFTER = 60, 30
BUCKETS = 12
OLD, NEW = "1.9.0", "2.0.0"


def made(edges: int, callers: int, seed: int = 1) -> tuple[CellColumns, list[Sighting]]:
    """Cells of so many edges of the service `payment`, and who was alive; 21 calls a cell, 3 of
    1,000 bad.
    """
    rng = np.random.default_rng(seed)
    named = tuple(
        sorted(
            Edge("production", f"web{number % 40:03}", "payment", "http", f"GET /{number}")
            for number in range(edges)
        )
    )
    words = tuple(sorted(["", OLD, NEW, *(f"c{number}" for number in range(callers))]))
    turns = [
        (window, version)
        for window in range(-BEFORE, AFTER)
        for version in ((OLD, NEW) if window >= 0 else (OLD,))
    ]
    turn, edge, caller = np.indices((len(turns), edges, callers)).reshape(3, -1)
    at = int(START.timestamp()) + WINDOW_SECONDS * np.array([window for window, _ in turns])
    callee = np.array([words.index(version) for _, version in turns])
    calling = np.array([words.index(f"c{number}") for number in range(callers)])
    calls = rng.poisson(20.0, turn.size) + 1
    bad = rng.binomial(calls, 0.003)
    counts = np.zeros((turn.size, len(COUNTED)), dtype=np.int64)
    for name in ("calls", "both", "client_calls", "server_calls", "valid"):
        counts[:, PLACE[name]] = calls
    counts[:, PLACE["ok"]] = calls - bad
    counts[:, PLACE["failed"]] = counts[:, PLACE["server_error"]] = bad
    told = rng.poisson(calls[:, None] / BUCKETS, (turn.size, BUCKETS))
    told[:, BUCKETS // 2] += 1
    rows, buckets = np.nonzero(told)
    starts = np.concatenate([[0], np.cumsum((told > 0).sum(axis=1))]).astype(np.int64)
    measured = Lists(starts, buckets - 48, told[rows, buckets])
    nothing = np.zeros(0, dtype=np.int64)
    none = Lists(np.zeros(turn.size + 1, dtype=np.int64), nothing, nothing)
    traces = rng.integers(0, 256, (turn.size, 16)).astype(np.uint8)
    cells = CellColumns(
        Columns(
            edges=named,
            words=words,
            windows=at[turn],
            edge=edge,
            caller_version=calling[caller],
            callee_version=callee[turn],
            region=np.zeros(turn.size, dtype=np.int64),
            counts=counts,
            nanoseconds=np.zeros((turn.size, 2), dtype=np.int64),
            weighted=calls.astype(np.float64),
            sampling=np.full(turn.size, SAMPLINGS.index("none")),
            lists={
                **dict.fromkeys(BY_WORD, none),
                **dict.fromkeys(("client_histogram", "server_histogram"), measured),
                **dict.fromkeys(("self_histogram", "queue_histogram"), none),
            },
            exemplars=Lists(np.arange(turn.size + 1), traces, nothing),
        )
    )
    alive = [
        sighting(window, version, f"{version}-{copy}", edges * 10)
        for window, version in turns
        for copy in range(6)
    ]
    return cells, alive


def main() -> None:
    """Judge it, print what it cost."""
    edges, callers = (int(word) for word in (*sys.argv[1:], *("2000", "4")[len(sys.argv) - 1 :]))
    now, settings = now_after(AFTER), JudgeSettings()
    judge(deploy(), *made(2, callers), [], settings, now)  # what is loaded once
    cells, alive = made(edges, callers)
    calm_collector()
    started = time.process_time()
    verdict, findings = judge(deploy(), cells, alive, [], settings, now)
    took = time.process_time() - started
    print(
        f"{edges} edges x {2 * callers} version pairs, {len(cells)} cells: {took:.2f} CPU s, "
        f"{1000 * took / edges:.2f} ms an edge; {verdict.outcome}, {len(findings)} findings"
    )


if __name__ == "__main__":
    main()
