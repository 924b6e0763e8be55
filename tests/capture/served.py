"""Captured applications that are asked in this process, and what their records came to in the
monitor.
"""

import threading
from collections.abc import Sequence
from typing import Any

import orjson

from monitor.capture import Bounds, Capture, Service, Settings

SERVICE = Service("payment", "2.0", "payment-1", "", "production")


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.batches = threading.Event()

    def __call__(self, records: Sequence[bytes]) -> None:
        self.records.extend(records)
        self.batches.set()

    @property
    def said(self) -> list[dict[str, Any]]:
        return [orjson.loads(record) for record in self.records]


def capture(sink: Any, **changes: Any) -> Capture:
    """A capture of everything, with room for it."""
    bounds = changes.pop("bounds", Bounds(cpu_share=1.0, batch_seconds=0.05, closing_seconds=60))
    return Capture(
        Settings(**({"service": SERVICE, "share": 1.0, "bounds": bounds} | changes)), sink
    )
