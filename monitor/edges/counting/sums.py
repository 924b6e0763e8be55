"""What calls sum up to, before it is a table of `edge_windows`: the same however it was summed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.edges.counting.frame import Column, Words, traces_column

Map = tuple[Column, Column, Column]
"""Where the entries of each row begin, and one more; their keys, in order; how often each is
there.
"""
_COLUMNS = (
    "calls", "weighted_calls", "failed", "ok", "client_error", "server_error", "timeout", "cancelled", "error_types", "provider_only",
    "valid", "violated", "not_checked", "both", "client_only", "server_only", "log_only", "folded", "failed_attempts", "client_calls",
    "server_calls", "client_ns", "client_histogram", "server_ns", "server_histogram", "self_ns", "self_histogram", "queue_ns",
    "queue_histogram", "sampling", "exemplars", "failed_exemplars",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """By column, a row for each edge, version pair and window; words by number.

    `exemplars`: where the traces of each row begin, and one more; and the traces, two numbers each.
    """

    keys: Mapping[str, Column]
    counts: Mapping[str, Column]
    weighted: Column
    sampling: Column
    maps: Mapping[str, Map]
    exemplars: Mapping[str, tuple[Column, Column]]

    def table(self, words: Words, generation: int) -> pa.Table:
        """Rows of `edge_windows` of this generation."""
        keys, rows = dict(self.keys), len(self.sampling)
        made: dict[str, pa.Array] = {"window": pa.array(keys.pop("window").astype(np.uint32))}
        made["generation"] = pa.array(np.full(rows, generation, np.uint64))
        made |= {name: words.column(numbers) for name, numbers in keys.items()}
        columns: dict[str, pa.Array] = {
            "weighted_calls": pa.array(self.weighted),
            "sampling": pa.array(self.sampling),
        }
        columns |= {name: pa.array(counts) for name, counts in self.counts.items()}
        texts = words.texts()
        for name, (starts, numbers, counts) in self.maps.items():
            entries = (
                pa.array(numbers.astype(np.int16))
                if name.endswith("_histogram")
                else pa.array([texts[number] for number in numbers.tolist()], pa.string())
            )
            columns[name] = pa.MapArray.from_arrays(pa.array(starts), entries, pa.array(counts))
        for name, (starts, traces) in self.exemplars.items():
            columns[name] = pa.ListArray.from_arrays(pa.array(starts), traces_column(traces))
        return pa.table(made | {name: columns[name] for name in _COLUMNS})
