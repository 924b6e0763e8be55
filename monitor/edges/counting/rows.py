"""Calls, one row each, to rows of `edge_windows`: counts, exact sums, histograms and exemplars by
edge, versions and window.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import mix
from monitor.edges.counting.frame import Column, Mask, Rows, Words, groups_of, traces_column
from monitor.edges.counting.joins import in_order
from monitor.model.edges import HISTOGRAM_SCALE, OUTCOMES, ZERO_BUCKET

GROUP = (
    "window", "environment", "cluster", "region", "caller_namespace", "caller", "caller_version", "callee_namespace", "callee",
    "callee_version", "protocol", "operation",
)  # fmt: skip
"""What tells rows of `edge_windows` apart; all but the window are words."""
FAILING = ("server_error", "timeout", "cancelled")
_BUCKETS = 1 << 16


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
    whole = {name: np.concatenate([part[name] for part in calls]) for name in _READ}
    group, first = groups_of(*(whole[name] for name in GROUP))
    return _Summed(whole, group, first, words).table(generation)


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

    def table(self, generation: int) -> pa.Table:
        made: dict[str, pa.Array] = {"window": pa.array(self.keys["window"].astype(np.uint32))}
        made["generation"] = pa.array(np.full(len(self.starts), generation, np.uint64))
        for name in GROUP[1:]:
            made[name] = self.words.column(self.keys[name])
        made |= self._counts()
        made |= self._times()
        made["sampling"] = pa.array(
            np.maximum.reduceat(self.calls["sampling"], self.starts).astype(np.uint8)
        )
        made |= self._exemplars()
        return pa.table(made)

    def _counts(self) -> dict[str, pa.Array]:
        calls, number = self.calls, self.words.number
        outcome, verdict = calls["outcome"], calls["verdict"]
        counts, failed, paired = calls["counts"], calls["is_failed"], calls["paired"]
        failing = np.isin(outcome, [number(word) for word in FAILING])
        alone = counts & ~paired & ~calls["from_log"]
        client, server = calls["has_client"], calls["has_server"]
        made = {
            "calls": self._sum(counts),
            "weighted_calls": pa.array(
                np.add.reduceat(np.where(counts, calls["weight"], 0.0), self.starts)
            ),
        }
        made["failed"] = self._sum(counts & failed)
        for name in OUTCOMES:
            made[name] = self._sum(counts & (outcome == number(name)))
        made["error_types"] = self._by_word(
            calls["error_type"], counts & (calls["error_type"] != 0)
        )
        made["provider_only"] = self._by_word(outcome, counts & calls["told"])
        made["valid"] = self._sum(verdict == number("valid"))
        made["violated"] = self._sum(verdict == number("violated"))
        made["not_checked"] = self._by_word(calls["why"], verdict == number("not_checked"))
        made["both"] = self._sum(counts & paired)
        made["client_only"], made["server_only"] = (
            self._sum(alone & client),
            self._sum(alone & ~client),
        )
        made["log_only"], made["folded"] = self._sum(calls["from_log"]), self._sum(calls["folds"])
        made["failed_attempts"] = self._sum(~counts & (failed | failing))
        made["client_calls"], made["server_calls"] = self._sum(client), self._sum(server)
        return made

    def _times(self) -> dict[str, pa.Array]:
        sides = {
            "client": "has_client",
            "server": "has_server",
            "self": "has_server",
            "queue": "has_queue",
        }
        made = {}
        for name, seen in sides.items():
            times, has = self.calls[f"{name}_time"], self.calls[seen]
            made[f"{name}_ns"] = self._sum(np.where(has, times, 0))
            made[f"{name}_histogram"] = self._histogram(times[has], self.group[has])
        return made

    def _exemplars(self) -> dict[str, pa.Array]:
        calls, number = self.calls, self.words.number
        bad = (
            ~np.isin(calls["outcome"], [0, number("ok")])
            | calls["is_failed"]
            | (calls["verdict"] == number("violated"))
        )
        every = np.ones(len(bad), bool)
        return {"exemplars": self._two_traces(every), "failed_exemplars": self._two_traces(bad)}

    def _sum(self, values: Column) -> pa.Array:
        return pa.array(np.add.reduceat(values.astype(np.int64), self.starts).astype(np.uint64))

    def _by_word(self, numbers: Column, wanted: Mask) -> pa.MapArray:
        pairs, counts = np.unique(
            self.group[wanted] << 32 | numbers[wanted].astype(np.int64), return_counts=True
        )
        texts = self.words.texts()
        return self._map(
            pairs >> 32,
            pa.array([texts[number] for number in (pairs & 0xFFFFFFFF).tolist()], pa.string()),
            counts,
        )

    def _histogram(self, times: NDArray[np.int64], group: Rows) -> pa.MapArray:
        buckets = bucket_of(times)
        least = int(buckets.min(initial=0))
        width = int(buckets.max(initial=0)) - least + 1
        pairs, counts = _counted(group * width + (buckets - least), len(self.starts) * width)
        return self._map(
            pairs // width, pa.array((pairs % width + least).astype(np.int16)), counts
        )

    def _map(self, group: Rows, keys: pa.Array, counts: Column) -> pa.MapArray:
        offsets = np.searchsorted(group, np.arange(len(self.starts) + 1)).astype(np.int32)
        return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(counts.astype(np.uint64)))

    def _two_traces(self, wanted: Mask) -> pa.ListArray:
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
            return pa.ListArray.from_arrays(
                pa.array(np.zeros(len(self.starts) + 1, np.int32)),
                traces_column(self.calls["trace"][:0]),
            )
        least, most = (one_of_each(of.reduceat(ranks, first)) for of in (np.minimum, np.maximum))
        differ = (self.calls["trace"][least] != self.calls["trace"][most]).any(axis=1)
        sizes = np.zeros(len(self.starts), np.int64)
        sizes[group[first]] = 1 + differ
        both = np.stack([least, most], axis=1).reshape(-1)[
            np.stack([np.ones(len(differ), bool), differ], axis=1).reshape(-1)
        ]
        offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
        return pa.ListArray.from_arrays(
            pa.array(offsets), traces_column(self.calls["trace"][both])
        )


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
