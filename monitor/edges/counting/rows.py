"""Calls, one row each, to rows of `edge_windows`: counts, exact sums, histograms and exemplars by
edge, versions and window.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import mix
from monitor.edges.counting.frame import Column, Mask, Rows, Words, groups_of
from monitor.edges.counting.joins import in_order
from monitor.edges.counting.sums import Map, Sums
from monitor.model.edges import HISTOGRAM_SCALE, OUTCOMES, ZERO_BUCKET
from monitor.native import BUILT

GROUP = (
    "window", "environment", "cluster", "region", "caller_namespace", "caller", "caller_version", "callee_namespace", "callee",
    "callee_version", "protocol", "operation",
)  # fmt: skip
"""What tells rows of `edge_windows` apart; all but the window are words."""
FAILING = ("server_error", "timeout", "cancelled")
TIMES = {
    "client": "has_client",
    "server": "has_server",
    "self": "has_server",
    "queue": "has_queue",
}
"""Times of a call, and which calls have them."""
COUNTS = (
    "calls", "failed", "valid", "violated", "both", "client_only", "server_only", "log_only", "failed_attempts", "client_calls",
    "server_calls", "folded", *(f"{name}_ns" for name in TIMES),
)  # fmt: skip
BY_WORD = ("error_types", "provider_only", "not_checked")
_WORDS = ("outcome", "error_type", "verdict", "why")
_FLAGS = (
    "counts", "has_client", "has_server", "has_queue", "paired", "from_log", "told", "is_failed",
)  # fmt: skip


class Calls:
    """Columns of calls, one row each. Texts are numbers of the scene's words."""

    __slots__ = ("columns",)

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = dict(columns)
        for name in ("verdict", "why"):
            self.columns.setdefault(name, np.zeros(len(self.columns["window"]), np.int32))

    def __len__(self) -> int:
        return len(self.columns["window"])

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


def edge_rows(calls: Sequence[Calls], words: Words, generation: int) -> pa.Table:
    """The rows of a generation. A call that does not count (a further attempt) adds to the sums of
    its server's side all the same.
    """
    calls = [part for part in calls if len(part)]
    if not calls:
        return pa.table({})
    return (summed if BUILT is None else natively)(calls, words).table(words, generation)


def natively(calls: Sequence[Calls], words: Words) -> Sums:
    """What `summed` tells, counted natively; sums of weights in the order of the calls."""
    assert BUILT is not None
    number = words.number
    parts = [
        (
            [_as(part["window"], np.uint32).view(np.int32)]
            + [_as(part[name], np.int32) for name in (*GROUP[1:], *_WORDS)],
            [_as(part[name], bool).view(np.uint8) for name in _FLAGS]
            + [_as(part["sampling"], np.uint8)],
            [_as(part[name], np.int64) for name in ("folds", *(f"{at}_time" for at in TIMES))],
            _as(part["weight"], np.float64),
            _as(part["trace"], np.uint64).reshape(-1),
        )
        for part in calls
    ]
    outcomes = [number(name) for name in OUTCOMES]
    failing = [number(name) for name in FAILING]
    verdicts = [number(name) for name in ("valid", "violated", "not_checked")]
    keys, counts, weights, sampling, by_word, histograms, every, failed = BUILT.sums(
        parts, (outcomes, failing, number("ok"), verdicts)
    )
    rows = len(sampling)
    keys = np.frombuffer(keys, np.int32).reshape(len(GROUP), rows)
    counts = np.frombuffer(counts, np.uint64).reshape(-1, rows)
    maps = dict(zip(BY_WORD, map(_map, by_word), strict=True))
    maps |= zip((f"{name}_histogram" for name in TIMES), map(_map, histograms), strict=True)
    return Sums(
        {"window": keys[0].view(np.uint32), **dict(zip(GROUP[1:], keys[1:], strict=True))},
        dict(zip((*OUTCOMES, *COUNTS), counts, strict=True)),
        np.frombuffer(weights, np.float64),
        np.frombuffer(sampling, np.uint8),
        maps,
        {"exemplars": _two(every), "failed_exemplars": _two(failed)},
    )


def _as(values: Column, kind: type[Any]) -> Column:
    return np.ascontiguousarray(values, kind)


def _map(columns: tuple[bytes, bytes, bytes]) -> Map:
    starts, keys, counts = columns
    kinds = (np.int32, np.int32, np.uint64)
    return tuple(map(np.frombuffer, (starts, keys, counts), kinds))  # type: ignore[return-value]  # three


def _two(columns: tuple[bytes, bytes]) -> tuple[Column, Column]:
    starts, traces = columns
    return np.frombuffer(starts, np.int32), np.frombuffer(traces, np.uint64).reshape(-1, 2)


def summed(calls: Sequence[Calls], words: Words) -> Sums:
    """Calls summed by nothing but Python."""
    whole = {name: np.concatenate([part[name] for part in calls]) for name in _READ}
    group, first = groups_of(*(whole[name] for name in GROUP))
    return _Summed(whole, group, first, words).sums()


class _Summed:
    """Calls in the order of their groups."""

    def __init__(
        self, calls: Mapping[str, Column], group: Rows, first: Rows, words: Words
    ) -> None:
        order = in_order(group)
        self.calls = {name: values[order] for name, values in calls.items()}
        self.keys = {name: calls[name][first] for name in GROUP}
        self.group = group[order]
        self.starts = np.searchsorted(self.group, np.arange(len(first)))
        self.words = words
        self.traced = (self.calls["trace"] != 0).any(axis=1)
        self.ranks = trace_rank(self.calls["trace"])

    def sums(self) -> Sums:
        calls = self.calls
        weights = np.where(calls["counts"], calls["weight"], 0.0)
        return Sums(
            self.keys,
            self._counts() | self._times(),
            np.add.reduceat(weights, self.starts),
            np.maximum.reduceat(calls["sampling"], self.starts).astype(np.uint8),
            self._words() | self._histograms(),
            self._exemplars(),
        )

    def _counts(self) -> dict[str, Column]:
        calls, number = self.calls, self.words.number
        outcome, verdict = calls["outcome"], calls["verdict"]
        counts, failed, paired = calls["counts"], calls["is_failed"], calls["paired"]
        failing = np.isin(outcome, [number(word) for word in FAILING])
        alone = counts & ~paired & ~calls["from_log"]
        client, server = calls["has_client"], calls["has_server"]
        made: dict[str, Column] = {name: counts & (outcome == number(name)) for name in OUTCOMES}
        made |= {
            "calls": counts,
            "failed": counts & failed,
            "valid": verdict == number("valid"),
            "violated": verdict == number("violated"),
            "both": counts & paired,
            "client_only": alone & client,
            "server_only": alone & ~client,
            "log_only": calls["from_log"],
            "failed_attempts": ~counts & (failed | failing),
            "client_calls": client,
            "server_calls": server,
            "folded": calls["folds"],
        }
        return {name: self._sum(values) for name, values in made.items()}

    def _words(self) -> dict[str, Map]:
        calls = self.calls
        counts, error, why = calls["counts"], calls["error_type"], calls["why"]
        unchecked = calls["verdict"] == self.words.number("not_checked")
        return {
            "error_types": self._by_word(error, counts & (error != 0)),
            "provider_only": self._by_word(calls["outcome"], counts & calls["told"]),
            "not_checked": self._by_word(why, unchecked),
        }

    def _times(self) -> dict[str, Column]:
        return {
            f"{name}_ns": self._sum(np.where(self.calls[seen], self.calls[f"{name}_time"], 0))
            for name, seen in TIMES.items()
        }

    def _histograms(self) -> dict[str, Map]:
        return {
            f"{name}_histogram": self._histogram(
                self.calls[f"{name}_time"][self.calls[seen]], self.group[self.calls[seen]]
            )
            for name, seen in TIMES.items()
        }

    def _exemplars(self) -> dict[str, tuple[Column, Column]]:
        calls, number = self.calls, self.words.number
        bad = (
            ~np.isin(calls["outcome"], [0, number("ok")])
            | calls["is_failed"]
            | (calls["verdict"] == number("violated"))
        )
        every = np.ones(len(bad), bool)
        return {"exemplars": self._two_traces(every), "failed_exemplars": self._two_traces(bad)}

    def _sum(self, values: Column) -> Column:
        sums: Column = np.add.reduceat(values.astype(np.int64), self.starts).astype(np.uint64)
        return sums

    def _by_word(self, numbers: Column, wanted: Mask) -> Map:
        pairs, counts = np.unique(
            self.group[wanted] << 32 | numbers[wanted].astype(np.int64), return_counts=True
        )
        return self._map(pairs >> 32, pairs & 0xFFFFFFFF, counts)

    def _histogram(self, times: NDArray[np.int64], group: Rows) -> Map:
        buckets = bucket_of(times)
        least = int(buckets.min(initial=0))
        width = int(buckets.max(initial=0)) - least + 1
        pairs, counts = _counted(group * width + (buckets - least), len(self.starts) * width)
        return self._map(pairs // width, pairs % width + least, counts)

    def _map(self, group: Rows, keys: Column, counts: Column) -> Map:
        offsets = np.searchsorted(group, np.arange(len(self.starts) + 1)).astype(np.int32)
        return offsets, keys.astype(np.int32), counts.astype(np.uint64)

    def _two_traces(self, wanted: Mask) -> tuple[Column, Column]:
        """Of each group the traces with the smallest and the largest hash; one where they are the
        same, none of calls without a trace.
        """
        rows = np.flatnonzero(wanted & self.traced)
        group, ranks = self.group[rows], self.ranks[rows]
        first = (
            np.flatnonzero(np.append(True, group[1:] != group[:-1]))
            if len(rows)
            else np.zeros(0, np.int64)
        )
        sizes = np.diff(np.append(first, len(rows)))

        def one_of_each(chosen: NDArray[np.uint64]) -> Rows:
            """Of each group the first row with the chosen hash."""
            hits = np.flatnonzero(ranks == np.repeat(chosen, sizes))
            groups = group[hits]
            hit_rows: Rows = rows[hits[np.append(True, groups[1:] != groups[:-1])]]
            return hit_rows

        if not len(rows):
            return np.zeros(len(self.starts) + 1, np.int32), self.calls["trace"][:0]
        least, most = (one_of_each(of.reduceat(ranks, first)) for of in (np.minimum, np.maximum))
        differ = (self.calls["trace"][least] != self.calls["trace"][most]).any(axis=1)
        sizes = np.zeros(len(self.starts), np.int64)
        sizes[group[first]] = 1 + differ
        both = np.stack([least, most], axis=1).reshape(-1)[
            np.stack([np.ones(len(differ), bool), differ], axis=1).reshape(-1)
        ]
        return np.append(0, np.cumsum(sizes)).astype(np.int32), self.calls["trace"][both]


def _counted(numbers: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which numbers there are below `most`, in order, and how often: by a count of all where they
    lie close together.
    """
    if most > 4 * len(numbers) + 1024:
        unique: tuple[NDArray[np.int64], NDArray[np.int64]] = np.unique(
            numbers, return_counts=True
        )
        return unique
    counts = np.bincount(numbers, minlength=most)
    kept = np.flatnonzero(counts)
    return kept, counts[kept]


def bucket_of(nanoseconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bucket of each time in an exponential histogram of seconds."""
    seconds = np.maximum(nanoseconds, 1) / 1e9
    buckets = np.ceil(np.log2(seconds) * (1 << HISTOGRAM_SCALE)).astype(np.int64) - 1
    return np.where(nanoseconds == 0, ZERO_BUCKET, buckets)


def trace_rank(trace: Column) -> NDArray[np.uint64]:
    """A number by which traces are drawn: the same for a trace in every closing."""
    return mix(trace)


_READ = (
    *GROUP, "counts", "has_client", "has_server", "paired", "from_log", "has_queue", "outcome", "error_type", "told", "is_failed", "folds",
    "client_time", "server_time", "self_time", "queue_time", "weight", "sampling", "trace", "verdict", "why",
)  # fmt: skip
