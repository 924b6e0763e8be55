"""A few calls of each edge, version pair, outcome and hour with the skeleton of their trace: those
with the smallest hashes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import Rows, groups_of, keys_of
from monitor.edges.counting.joins import members
from monitor.edges.counting.rows import trace_rank

HOUR = 3600
MOST_SPANS = 64
RESERVOIR = 3
_NARROW = json.JSONEncoder(separators=(",", ":"))
_KEYS = ("environment", "caller", "callee", "operation", "caller_version", "callee_version")

Reservoir = tuple[int, str, str, str, str, str, str, str]
"""Hour, environment, caller, callee, operation, both versions, and "bad" or "any"."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A trace drawn for a reservoir."""

    rank: int
    trace: bytes


def draw(edges: pa.Table, held: Mapping[Reservoir, Iterable[int]]) -> dict[Reservoir, list[Drawn]]:
    """Of rows of `edge_windows` the exemplars that belong into their reservoirs, which hold these
    ranks.
    """
    hours = edges.column("window").to_numpy().astype(np.int64) // HOUR * HOUR
    coded = [_coded(edges.column(name)) for name in _KEYS]
    group, first = groups_of(hours, *(codes for codes, _ in coded))
    chosen: dict[Reservoir, list[Drawn]] = {}
    for word, name in (("bad", "failed_exemplars"), ("any", "exemplars")):
        for place, drawn in _smallest(edges.column(name), group):
            row = first[place]
            reservoir = (
                int(hours[row]),
                *(texts[codes[row]] for codes, texts in coded),
                word,
            )
            ranks = set(held.get(reservoir, ()))
            limit = sorted(ranks)[RESERVOIR - 1] if len(ranks) >= RESERVOIR else None
            new = [
                exemplar
                for exemplar in drawn
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
    traces = [trace_id.tobytes() for trace_id in halves["own_trace"][rows]]
    times = [halves[name][rows].tolist() for name in ("start_ns", "end_ns")]
    words = [
        [texts[number] for number in halves[name][rows].tolist()]
        for name in ("service", "version", "operation")
    ]
    errors = [
        [texts[number] for number in halves[name][rows].tolist()]
        for name in ("outcome", "error_type")
    ]
    for trace, start, end, *fields in zip(
        traces, *times, *words, halves["side"][rows].tolist(), *errors, strict=True
    ):
        spans.setdefault(trace, []).append((start // 1000, (end - start) // 1000, *fields))
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
    skeletons = {}
    for trace, of_trace in spans.items():
        of_trace.sort()
        error = next((span[7] for span in of_trace if span[7]), "")
        shown = [dict(zip(names, span, strict=True)) for span in of_trace[:MOST_SPANS]]
        skeletons[trace] = (error, ends[trace][1] - ends[trace][0], _NARROW.encode(shown))
    return skeletons


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """Of each row the place of its text among these."""
    whole = pa.concat_arrays(column.unify_dictionaries().chunks)
    return np.asarray(whole.indices).astype(np.int64), whole.dictionary.to_pylist()


def _smallest(lists: pa.ChunkedArray, group: Rows) -> Iterator[tuple[int, list[Drawn]]]:
    """Of each group of rows that has any the traces with the smallest hashes, each once."""
    whole = pa.concat_arrays(lists.chunks)
    packed = b"".join(whole.flatten().to_pylist())
    traces = np.frombuffer(packed, np.uint64).reshape(-1, 2)
    ranks = trace_rank(traces)
    of_group = np.repeat(group, whole.value_lengths().to_numpy())
    first, second = np.frombuffer(packed, ">u8").reshape(-1, 2).astype(np.uint64).T
    order = np.lexsort((second, first, ranks, of_group))
    of_group, ranks, traces = of_group[order], ranks[order], traces[order]
    begins = np.append(True, of_group[1:] != of_group[:-1])[: len(order)]
    again = np.append(False, (traces[1:] == traces[:-1]).all(axis=1))[: len(order)] & ~begins
    of_group, ranks, traces, begins = (
        column[~again] for column in (of_group, ranks, traces, begins)
    )
    begin = np.flatnonzero(begins)
    ends = np.minimum(np.append(begin[1:], len(of_group))[: len(begin)], begin + RESERVOIR)
    for start, end in zip(begin.tolist(), ends.tolist(), strict=True):
        yield (
            int(of_group[start]),
            [Drawn(int(ranks[at]), traces[at].tobytes()) for at in range(start, end)],
        )
