"""Rows of the store's answers as values of the model."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from monitor.model.edges import OUTCOMES, SAMPLINGS, Edge, EdgeCell, EdgeRow, Step, callers_word
from monitor.model.moments import in_utc
from monitor.model.quantiles import quantiles

Row = Mapping[str, Any]
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SHARES = tuple(QUANTILES.values())


def step_of(step: Mapping[str, Any]) -> Step:
    """A step of a trace that is kept as evidence; times in seconds."""
    return Step(
        step["service"],
        step["version"],
        step["operation"],
        "client" if step["side"] % 2 else "server",
        step["outcome"],
        step["error_type"],
        int(step["start_us"]) / 1e6,
        int(step["duration_us"]) / 1e6,
    )


def edge_row(row: Row, by: tuple[str, ...]) -> EdgeRow:
    """An edge; what `by` does not group by is None."""

    def grouped(name: str, group: str) -> str | None:
        return str(row[name]) if group in by else None

    outcomes: dict[str, int] = {name: int(row[name]) for name in OUTCOMES}
    provider_only = {str(name): int(count) for name, count in row["provider_only"].items()}
    return EdgeRow(
        environment=grouped("environment", "environment"),
        caller=grouped("caller", "caller"),
        callee=grouped("callee", "callee"),
        protocol=grouped("protocol", "protocol"),
        operation=grouped("operation", "operation"),
        caller_version=grouped("caller_version", "versions"),
        callee_version=grouped("callee_version", "versions"),
        calls=int(row["calls"]),
        weighted_calls=float(row["weighted_calls"]),
        failed=int(row["failed"]),
        outcomes=outcomes,
        error_types=dict(row["error_types"]),
        conformance=_conformance(row),
        coverage=_coverage(row),
        sampling=SAMPLINGS[int(row["sampling"])],
        client_seconds_sum=_side(row, "client"),
        server_seconds_sum=_side(row, "server"),
        quantiles={
            side: dict(zip(QUANTILES, quantiles(row[f"{side}_histogram"], _SHARES), strict=False))
            for side in ("client", "server", "queue")
        },
        exemplars=tuple(trace.hex() for trace in row["exemplars"]),
        provider_only=provider_only,
        caller_outcomes=callers_word(outcomes, provider_only),
        caller_namespace=grouped("caller_namespace", "caller"),
        callee_namespace=grouped("callee_namespace", "callee"),
    )


def failures_of(counts: Mapping[str, Any]) -> tuple[tuple[str, str, int], ...]:
    """(type, template, calls) of counts by both, which a unit separator parts."""
    parted = ((*key.partition("\x1f"), int(count)) for key, count in sorted(counts.items()))
    return tuple((kind, template, count) for kind, _, template, count in parted)


def edge_of(row: Row) -> Edge:
    """The edge that a row names."""
    return Edge(
        row["environment"],
        row["caller"],
        row["callee"],
        row["protocol"],
        row["operation"],
        row["caller_namespace"],
        row["callee_namespace"],
    )


def cell_of(row: Row) -> EdgeCell:
    """One window of one edge and version pair."""
    return EdgeCell(
        window=in_utc(row["window"]),
        edge=edge_of(row),
        caller_version=row["caller_version"],
        callee_version=row["callee_version"],
        region=row["region"],
        calls=int(row["calls"]),
        weighted_calls=float(row["weighted_calls"]),
        failed=int(row["failed"]),
        outcomes={name: int(row[name]) for name in OUTCOMES},
        error_types=dict(row["error_types"]),
        provider_only=dict(row["provider_only"]),
        conformance=_conformance(row),
        coverage=_coverage(row),
        sampling=SAMPLINGS[int(row["sampling"])],
        client_calls=int(row["client_calls"]),
        server_calls=int(row["server_calls"]),
        client_seconds_sum=_side(row, "client"),
        server_seconds_sum=_side(row, "server"),
        client_histogram=dict(row["client_histogram"]),
        server_histogram=dict(row["server_histogram"]),
        self_histogram=dict(row["self_histogram"]),
        queue_histogram=dict(row["queue_histogram"]),
        exemplars=tuple(trace.hex() for trace in row["exemplars"]),
        sealed=bool(row["sealed"]),
    )


def _side(row: Row, side: str) -> float | None:
    return int(row[f"{side}_ns"]) / 1e9 if row[f"{side}_calls"] else None


def _coverage(row: Row) -> dict[str, int]:
    counts = {
        name: int(row[name])
        for name in ("both", "client_only", "server_only", "log_only", "folded", "failed_attempts")
    }
    return counts | {
        "untold": max(0, int(row["calls"]) - sum(int(row[name]) for name in OUTCOMES))
    }


def _conformance(row: Row) -> dict[str, int]:
    counts = {"valid": int(row["valid"]), "violated": int(row["violated"])}
    return counts | {
        f"not_checked:{reason}": int(count) for reason, count in sorted(row["not_checked"].items())
    }


def rows_in_utc(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with all their times aware, in UTC."""
    return [
        {
            name: in_utc(value) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows
    ]
