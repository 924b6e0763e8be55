"""What instances say of their builds, kept once for each and told anew some times a day."""

from collections.abc import Sequence

import pyarrow as pa

from monitor.model.builds import Build
from monitor.model.spans import Resource
from monitor.store import Store

RENEWED = 6 * 3600.0
"""Seconds after which what was written is written again, so that it lives as long as its calls."""
MOST = 50_000
"""Instances that are remembered."""
NAMES = ("environment", "namespace", "service", "version", "instance")
Key = tuple[str, ...]


class Builds:
    """Remembers what was written, so that hardly any batch writes anything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[Key, tuple[Build, float]] = {}

    def keep(self, resources: Sequence[Resource], now: float) -> None:
        """Write what is new of these, or was written long ago; `now` in seconds. Of an instance
        that says different things the newest stays.
        """
        rows: list[tuple[str, ...]] = []
        for resource in resources:
            if not resource.build:
                continue
            key = tuple(getattr(resource, name) for name in NAMES)
            build, written = self._written.get(key, ((), 0.0))
            if build == resource.build and written <= now < written + RENEWED:
                continue
            if len(self._written) >= MOST:
                self._written.clear()
            self._written[key] = resource.build, now
            rows += [(*key, name, value) for name, value in resource.build]
        if rows:
            columns = (*NAMES, "attribute", "value")
            texts = (pa.array(list(column), pa.string()) for column in zip(*rows, strict=True))
            self._store.insert("builds", pa.table(dict(zip(columns, texts, strict=True))))
