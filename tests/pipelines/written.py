"""Cells, sightings and violations written to the telemetry store as the closer would, under one
generation.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa

from monitor.model.edges import EdgeCell, Sighting
from monitor.model.records import Offsets, Records
from monitor.store import Store

COUNTED = pa.map_(pa.int16(), pa.uint64())
NAMED = pa.map_(pa.string(), pa.uint64())


class Given:
    """A source of batches already at hand; commits nothing."""

    def __init__(self, *batches: Records) -> None:
        self._batches = batches

    def poll(self) -> Iterator[Records]:
        yield from self._batches

    def commit(self, offsets: Offsets) -> None: ...

    def close(self) -> None: ...


def write_cells(
    store: Store, cells: Sequence[EdgeCell], *, seq: int = 1, sealed: bool = True
) -> None:
    """Rows of edge_windows, then of windows, which publishes them."""
    rows = list(cells)
    columns: dict[str, pa.Array] = {
        "window": pa.array([int(row.window.timestamp()) for row in rows], pa.uint32()),
        "generation": pa.array([seq] * len(rows), pa.uint64()),
    }
    for name in (
        "environment",
        "caller_namespace",
        "caller",
        "callee_namespace",
        "callee",
        "protocol",
        "operation",
    ):
        columns[name] = pa.array([getattr(row.edge, name) for row in rows])
    for name in ("caller_version", "callee_version", "region"):
        columns[name] = pa.array([getattr(row, name) for row in rows])
    columns["weighted_calls"] = pa.array([row.weighted_calls for row in rows], pa.float64())
    for name in ("calls", "failed", "client_calls", "server_calls"):
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.uint64())
    for name in ("ok", "client_error", "server_error", "timeout", "cancelled"):
        columns[name] = pa.array([row.outcomes.get(name, 0) for row in rows], pa.uint64())
    for name in ("valid", "violated"):
        columns[name] = pa.array([row.conformance.get(name, 0) for row in rows], pa.uint64())
    for name in ("both", "client_only", "server_only", "log_only"):
        columns[name] = pa.array([row.coverage.get(name, 0) for row in rows], pa.uint64())
    for side in ("client", "server", "self", "queue"):
        columns[f"{side}_histogram"] = pa.array(
            [list(getattr(row, f"{side}_histogram").items()) for row in rows], COUNTED
        )
    columns["provider_only"] = pa.array([list(row.provider_only.items()) for row in rows], NAMED)
    columns["sampling"] = pa.array(
        [{"none": 0, "head": 1, "biased": 2}[row.sampling] for row in rows], pa.uint8()
    )
    traces = [[bytes.fromhex(trace) for trace in row.exemplars] for row in rows]
    columns["exemplars"] = pa.array(traces, pa.list_(pa.binary(16)))
    store.insert("edge_windows", pa.table(columns))
    publish(store, {row.window for row in rows}, seq=seq, sealed=sealed)


def publish(store: Store, windows: set[datetime], *, seq: int = 1, sealed: bool = True) -> None:
    """Name the generation in `windows`."""
    ordered = sorted(windows)
    store.insert(
        "windows",
        pa.table(
            {
                "seq": pa.array([seq] * len(ordered), pa.uint64()),
                "level": pa.array([0] * len(ordered), pa.uint8()),
                "window": pa.array([int(window.timestamp()) for window in ordered], pa.uint32()),
                "generation": pa.array([seq] * len(ordered), pa.uint64()),
                "sealed": pa.array([int(sealed)] * len(ordered), pa.uint8()),
            }
        ),
    )


def write_sightings(store: Store, sightings: Sequence[Sighting], *, seq: int = 1) -> None:
    """Rows of sightings; visible once their window is published."""
    rows = list(sightings)
    columns: dict[str, pa.Array] = {
        "window": pa.array([int(row.window.timestamp()) for row in rows], pa.uint32()),
        "generation": pa.array([seq] * len(rows), pa.uint64()),
    }
    for name in ("environment", "namespace", "service", "version", "instance"):
        columns[name] = pa.array([getattr(row, name) for row in rows])
    for name in ("spans", "server_calls", "failed"):
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.uint64())
    store.insert("sightings", pa.table(columns))


def write_violations(store: Store, at: datetime, count: int, **columns: object) -> None:
    """`count` rows of one violation at one moment; `columns` override the plain ones."""
    values: dict[str, object] = {
        "fingerprint": "f1",
        "contract": "payments",
        "revision": 3,
        "operation": "POST /pay",
        "side": "response",
        "rule": "type",
        "pointer": "/amount",
        "clause": "/paths/~1pay",
        "environment": "production",
        "caller": "web",
        "caller_version": "1.0.0",
        "callee": "payment",
        "callee_version": "2.0.0",
        "source_id": "test",
        **columns,
    }
    table = {name: pa.array([value] * count) for name, value in values.items()}
    table["window"] = pa.array([int(at.timestamp()) // 10 * 10] * count, pa.uint32())
    table["offset"] = pa.array(range(count), pa.uint64())
    table["at"] = pa.array([at] * count, pa.timestamp("ms", tz="UTC"))
    store.insert("violations", pa.table(table))
