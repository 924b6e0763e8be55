"""The telemetry store: ClickHouse in process (chDB) or a server, by one SQL dialect."""

from monitor.store.client import Store
from monitor.store.opening import open_store

__all__ = ["Store", "open_store"]
