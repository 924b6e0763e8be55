"""Small outside files for tests: a deploy at noon, minute bins of one service and a neighbour, in
any of the forms that are taken.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

AT = datetime(2026, 3, 24, 12, 0, tzinfo=UTC)
Row = dict[str, Any]


def bucket(milliseconds: float) -> int:
    """The bucket of microseconds that holds it, by its own definition."""
    index = 0
    while 2.0 ** ((index + 1) / 8.0) < milliseconds * 1000.0:
        index += 1
    return index


def row(minute: int, **changes: object) -> Row:
    """A minute of 200 calls from web to pay, 20 ms each."""
    usual: Row = {
        "case": "c",
        "ts": AT + timedelta(minutes=minute),
        "step_s": 60,
        "environment": "production",
        "caller": "web",
        "callee": "pay",
        "operation": "POST /pay",
        "side": "server",
        "version": "1.0",
        "count": 200,
        "errors": minute % 2,
        "histogram": f"{bucket(20)}:100 {bucket(24)}:100",
    }
    return usual | changes


def minutes(of: Callable[[int], Sequence[Row]], before: int = 60, after: int = 30) -> list[Row]:
    """Rows of every minute around the deploy."""
    return [entry for minute in range(-before, after) for entry in of(minute)]


def replaced(new: Mapping[str, object], **both: object) -> Callable[[int], list[Row]]:
    """Version 1.0 before the deploy, 2.0 with these changes since; a healthy neighbour
    beside it.
    """

    def rows(minute: int) -> list[Row]:
        mine = {**both, "version": "1.0"} if minute < 0 else {**both, "version": "2.0", **new}
        return [
            row(minute, **mine),
            row(minute, callee="stock", operation="GET /stock", version="7", **both),
        ]

    return rows


def beside(new: Mapping[str, object], **both: object) -> Callable[[int], list[Row]]:
    """Version 2.0 with these changes takes half of the calls from the deploy on."""

    def rows(minute: int) -> list[Row]:
        old = row(minute, **both)
        return [old] if minute < 0 else [old, row(minute, **{**both, "version": "2.0", **new})]

    return rows


def deploy(**changes: object) -> Row:
    """The deploy at noon, watched for half an hour."""
    return endless_deploy(
        **{"evaluate_until": (AT + timedelta(minutes=30)).isoformat(), **changes}
    )


def endless_deploy(**changes: object) -> Row:
    """The deploy at noon, of which nobody said how long to watch it."""
    usual: Row = {
        "deploy_id": "d1",
        "case": "c",
        "service": "pay",
        "at": AT.isoformat(),
        "version_from": "1.0",
        "version_to": "2.0",
    }
    return usual | changes


def written(folder: Path, rows: Sequence[Row], deploys: Sequence[Row]) -> tuple[Path, Path]:
    """The two files."""
    edges, told = folder / "edges.parquet", folder / "deploys.jsonl"
    names = dict.fromkeys(name for entry in rows for name in entry)
    pq.write_table(pa.table({name: [entry.get(name) for entry in rows] for name in names}), edges)
    told.write_text("".join(json.dumps(announcement) + "\n" for announcement in deploys))
    return edges, told
