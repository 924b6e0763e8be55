"""The columns of checked exchanges, laid out one column at a time: a row object for each would cost as much as judging it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import fixed, mix, text_hashes, windows_of
from monitor.model.exchanges import Checked, Exchange

NO_TRACE, NO_SPAN = bytes(16), bytes(8)
Hashes = list[NDArray[np.uint64]]


class Named(Protocol):
    """The canonical names of one kind of exchange; alike exchanges share one object."""

    @property
    def environment(self) -> str: ...
    @property
    def caller(self) -> str: ...
    @property
    def caller_version(self) -> str: ...
    @property
    def callee(self) -> str: ...
    @property
    def callee_version(self) -> str: ...


class _Columns:
    """Named columns of one length, and what each adds to the rows' hashes."""

    def __init__(self) -> None:
        self.arrays: dict[str, pa.Array] = {}
        self.hashes: Hashes = []

    def texts(self, name: str, values: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(value, len(numbers)) for value in values]
        self._coded(name, list(numbers), np.array(codes, np.int32))

    def shared(self, name: str, values: Sequence[str], at: NDArray[np.int32]) -> None:
        """Texts that stand once for many rows: `values[at]`."""
        numbers: dict[str, int] = {}
        places = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)
        self._coded(name, list(numbers), places[at] if len(places) else np.zeros(0, np.int32))

    def _coded(self, name: str, words: list[str], codes: NDArray[np.int32]) -> None:
        self.arrays[name] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))
        hashes = np.array([_hash(word) for word in words], np.uint64)
        self.hashes.append(hashes[codes] if len(words) else np.zeros(0, np.uint64))

    def numbers(self, name: str, values: Sequence[int], kind: Any) -> NDArray[np.uint64]:
        held = np.array(values, np.uint64)
        self.arrays[name] = pa.array(held.astype(kind))
        self.hashes.append(held)
        return held

    def bytes(self, name: str, values: Sequence[bytes], width: int) -> None:
        whole = np.frombuffer(b"".join(values), np.dtype((np.void, width)))
        self.arrays[name] = fixed(whole, width)
        self.hashes.extend(np.frombuffer(whole.tobytes(), np.uint64).reshape(len(values), width // 8).T)


def exchange_table(
    exchanges: Sequence[Exchange],
    names: Sequence[Named],
    checks: Sequence[Checked],
    outcomes: Sequence[tuple[str, str]],
    shapes: Sequence[int],
) -> tuple[pa.Table, NDArray[np.uint64], NDArray[np.uint32]]:
    """Rows of `exchanges` from parallel sequences, in their order; their end times (ns) and windows. The same rows have the same
    content hash in every process and release.
    """
    held = _Columns()
    held.texts("source_id", [one.source_id for one in exchanges])
    held.numbers("partition", [one.partition for one in exchanges], np.uint32)
    held.numbers("offset", [one.offset for one in exchanges], np.uint64)
    held.numbers("index", [one.index for one in exchanges], np.uint32)
    held.bytes("trace", [one.trace_id or NO_TRACE for one in exchanges], 16)
    held.bytes("span", [one.span_id or NO_SPAN for one in exchanges], 8)
    held.numbers("has_trace", [1 if one.trace_id and one.span_id else 0 for one in exchanges], np.uint8)
    held.numbers("side", [1 if one.side == "client" else 2 for one in exchanges], np.uint8)
    distinct = {id(one): one for one in names}
    number = {key: at for at, key in enumerate(distinct)}
    at = np.array([number[id(one)] for one in names], np.int32)
    for name in ("environment", "caller", "caller_version", "callee", "callee_version"):
        held.shared(name, [getattr(one, name) for one in distinct.values()], at)
    held.texts("callee_namespace", [one.callee_namespace for one in exchanges])
    held.texts("protocol", [one.protocol for one in exchanges])
    held.texts("operation", [one.operation for one in checks])
    held.numbers("status", [one.status for one in exchanges], np.uint16)
    held.texts("outcome", [one[0] for one in outcomes])
    held.texts("error_type", [one[1] for one in outcomes])
    ends = held.numbers("end_ns", [one.end_ns for one in exchanges], np.uint64)
    held.numbers("duration_ns", [one.duration_ns or 0 for one in exchanges], np.uint64)
    held.numbers("has_duration", [0 if one.duration_ns is None else 1 for one in exchanges], np.uint8)
    held.texts("checked", [one.outcome for one in checks])
    held.texts("reason", [one.reason for one in checks])
    held.texts("contract", [one.contract for one in checks])
    held.numbers("revision", [one.revision for one in checks], np.uint32)
    held.numbers("request_shape", shapes, np.uint64)
    windows = windows_of(ends)
    content = mix(*held.hashes) if len(exchanges) else np.zeros(0, np.uint64)
    rest = {"window": pa.array(windows), "content_hash": pa.array(content)}
    return pa.table({**held.arrays, **rest}), ends, windows


@lru_cache(maxsize=65_536)
def _hash(word: str) -> int:
    return int(text_hashes([word])[0])
