"""A few calls of each edge, version pair, outcome and hour with the skeleton of their trace: those
with the smallest hashes.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import Rows, keys_of
from monitor.edges.counting.joins import members
from monitor.edges.counting.rows import trace_rank

HOUR = 3600
MOST_SPANS = 64
RESERVOIR = 3
_KEYS = ("environment", "caller", "callee", "operation", "caller_version", "callee_version")

Reservoir = tuple[int, str, str, str, str, str, str, str]
"""Hour, environment, caller, callee, operation, both versions, and "bad" or "any"."""


@dataclass(frozen=True, slots=True, order=True)
class Drawn:
    """A trace drawn for a reservoir."""

    rank: int
    trace: bytes


def draw(edges: pa.Table, held: Mapping[Reservoir, Iterable[int]]) -> dict[Reservoir, list[Drawn]]:
    """Of rows of `edge_windows` the exemplars that belong into their reservoirs, which hold these
    ranks.
    """
    columns = {name: edges.column(name).to_pylist() for name in ("window", *_KEYS)}
    drawn_of = {
        word: _drawn(edges.column(name))
        for word, name in (("bad", "failed_exemplars"), ("any", "exemplars"))
    }
    by_reservoir: dict[Reservoir, set[Drawn]] = {}
    for at, window in enumerate(columns["window"]):
        key = (window // HOUR * HOUR, *(columns[name][at] for name in _KEYS))
        for word, of_row in drawn_of.items():
            if of_row[at]:
                by_reservoir.setdefault((*key, word), set()).update(of_row[at])
    chosen = {}
    for reservoir, drawn in by_reservoir.items():
        ranks = set(held.get(reservoir, ()))
        limit = sorted(ranks)[RESERVOIR - 1] if len(ranks) >= RESERVOIR else None
        new = [
            exemplar
            for exemplar in sorted(drawn)[:RESERVOIR]
            if exemplar.rank not in ranks and (limit is None or exemplar.rank < limit)
        ]
        if new:
            chosen[reservoir] = new
    return chosen


def evidence_rows(scene: Scene, chosen: Mapping[Reservoir, Iterable[Drawn]]) -> pa.Table:
    """Rows of `evidence`: what the halves at hand show of each trace."""
    traces = {exemplar.trace for drawn in chosen.values() for exemplar in drawn}
    if not traces:
        return pa.table({})
    halves = scene.halves
    rows = np.flatnonzero(scene.once & scene.near)
    wanted = np.frombuffer(b"".join(sorted(traces)), np.uint64).reshape(-1, 2)
    rows = rows[members(halves.keys("own_trace")[rows], keys_of(wanted))]
    skeletons = _skeletons(scene, rows)
    made = [
        (*reservoir, exemplar.rank, exemplar.trace, *skeletons[exemplar.trace])
        for reservoir, drawn in sorted(chosen.items())
        for exemplar in drawn
        if exemplar.trace in skeletons
    ]
    if not made:
        return pa.table({})
    names = ("hour", *_KEYS, "outcome", "rank", "trace", "error_type", "duration_ns", "skeleton")
    types = {
        "hour": pa.uint32(),
        "rank": pa.uint64(),
        "trace": pa.binary(16),
        "duration_ns": pa.uint64(),
    }
    columns = zip(*made, strict=True)
    return pa.table(
        {
            name: pa.array(column, types.get(name, pa.string()))
            for name, column in zip(names, columns, strict=True)
        }
    )


def _skeletons(scene: Scene, rows: Rows) -> dict[bytes, tuple[str, int, str]]:
    """By trace an error type, how long it all took, and its spans as JSON."""
    halves, texts = scene.halves, scene.words.texts()
    spans: dict[bytes, list[tuple[int, int, str, str, str, int, str, str]]] = {}
    ends: dict[bytes, tuple[int, int]] = {}
    traces = [one.tobytes() for one in halves["own_trace"][rows]]
    times = [halves[name][rows].tolist() for name in ("start_ns", "end_ns")]
    words = [
        [texts[number] for number in halves[name][rows].tolist()]
        for name in ("service", "version", "operation")
    ]
    said = [
        [texts[number] for number in halves[name][rows].tolist()]
        for name in ("outcome", "error_type")
    ]
    for trace, start, end, *told in zip(
        traces, *times, *words, halves["side"][rows].tolist(), *said, strict=True
    ):
        spans.setdefault(trace, []).append((start // 1000, (end - start) // 1000, *told))
        least, most = ends.get(trace, (start, end))
        ends[trace] = (min(least, start), max(most, end))
    names = (
        "start_us",
        "duration_us",
        "service",
        "version",
        "operation",
        "side",
        "outcome",
        "error_type",
    )
    return {
        trace: (
            next((span[7] for span in sorted(of_trace) if span[7]), ""),
            ends[trace][1] - ends[trace][0],
            json.dumps(
                [dict(zip(names, span, strict=True)) for span in sorted(of_trace)[:MOST_SPANS]],
                separators=(",", ":"),
            ),
        )
        for trace, of_trace in spans.items()
    }


def _drawn(lists: pa.ChunkedArray) -> list[list[Drawn]]:
    """Of each row its traces with their hashes."""
    found: list[list[Drawn]] = []
    for chunk in lists.chunks:
        traces = chunk.flatten().to_pylist()
        ranks = trace_rank(np.frombuffer(b"".join(traces), np.uint64).reshape(-1, 2)).tolist()
        drawn = [Drawn(rank, trace) for rank, trace in zip(ranks, traces, strict=True)]
        ends = np.cumsum(chunk.value_lengths().to_numpy()).tolist()
        found.extend(drawn[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True))
    return found
