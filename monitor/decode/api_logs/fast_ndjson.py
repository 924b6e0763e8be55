"""Records of our own plain form by the native reader: as the readers in Python would read each, or
left to them.
"""

from collections.abc import Callable
from typing import Any

import orjson

from monitor.decode.api_logs.fields import cookies_of, header_name
from monitor.decode.api_logs.ndjson_reader import FEW, NdjsonReader
from monitor.model.exchanges import REDACTED, Exchange
from monitor.native import BUILT

_MOST_KINDS = 16
_PLAIN, _SECRET, _COOKIES = 0, 1, 2

Read = Callable[[bytes, str, int, int, int], Exchange | None]
"""A record, its source, partition and offset, and its time (ms): its exchange, or None when it is
left.
"""


class FastReader:
    """Reads records that are one entry of keys that were met before, in Python, by `NdjsonReader`.
    Remembers what that one remembers.
    """

    def __init__(self) -> None:
        assert BUILT is not None
        self._readers: dict[tuple[str, ...], NdjsonReader] = {}
        self._native = BUILT.Exchanges(Exchange, self._alike, _name, cookies_of, REDACTED, FEW)
        self.read: Read = self._native.read
        """One record; never raises for what it holds."""

    def learn(self, keys: tuple[str, ...], reader: NdjsonReader) -> None:
        """Read entries of these keys from now on."""
        if reader.usual and keys not in self._readers and len(self._readers) < _MOST_KINDS:
            self._readers[keys] = reader
            self._native.learn(keys)

    def _alike(self, value: bytes) -> tuple[Any, ...] | None:
        entry = orjson.loads(value)
        reader = self._readers.get(tuple(entry))
        return None if reader is None else reader.alike(entry)


def fast_reader() -> FastReader | None:
    """One where it is built."""
    return None if BUILT is None else FastReader()


def _name(name: str) -> tuple[str, int]:
    lower, secret = header_name(name)
    return lower, _COOKIES if lower == "cookie" else _SECRET if secret else _PLAIN
