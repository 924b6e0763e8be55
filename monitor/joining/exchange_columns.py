"""The columns of checked exchanges, laid out by column, and what alike ones share laid out once: a
row each would cost as much as judging it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import fixed, mix, text_hashes, windows_of
from monitor.model.exchanges import Checked, Exchange
from monitor.model.records import Place

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

    def texts(self, name: str, values: Sequence[str], at: NDArray[np.int32]) -> None:
        """Texts that stand once for many rows: `values[at]`."""
        numbers: dict[str, int] = {}
        places = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)
        codes = places[at] if len(places) else np.zeros(0, np.int32)
        words = list(numbers)
        self.arrays[name] = pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int32()), pa.array(words, pa.string())
        )
        hashes = np.array([_hash(word) for word in words], np.uint64)
        self.hashes.append(hashes[codes] if words else np.zeros(0, np.uint64))

    def numbers(
        self, name: str, values: Sequence[int], kind: Any, at: NDArray[np.int32] | None = None
    ) -> NDArray[np.uint64]:
        """One number a row, or `values[at]`."""
        held = np.array(values, np.uint64)
        held = held if at is None else held[at]
        self.arrays[name] = pa.array(held.astype(kind))
        self.hashes.append(held)
        return held

    def bytes(self, name: str, values: Sequence[bytes], width: int) -> None:
        whole = np.frombuffer(b"".join(values), np.dtype((np.void, width)))
        self.arrays[name] = fixed(whole, width)
        self.hashes.extend(
            np.frombuffer(whole.tobytes(), np.uint64).reshape(len(values), width // 8).T
        )


class Kind(NamedTuple):
    """What alike exchanges have in common, their verdict too: it stands once, however many they
    are.
    """

    source_id: str
    partition: int
    side: str
    has_trace: bool
    has_duration: bool
    names: int
    callee_namespace: str
    protocol: str
    status: int
    outcome: tuple[str, str]
    checked: str
    reason: str
    contract: str
    revision: int
    operation: str


class ExchangeColumns:
    """Rows of `exchanges` in the making: of each exchange its kind's number and what is its own;
    nothing else of it is kept.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[Any, ...], int] = {}  # as in Kind
        self._names: dict[int, Named] = {}
        self._of: list[int] = []
        self._offsets: list[int] = []
        self._indices: list[int] = []
        self._traces: list[bytes] = []
        self._spans: list[bytes] = []
        self._ends: list[int] = []
        self._durations: list[int] = []
        self._shapes: list[int] = []

    def add(
        self,
        exchange: Exchange,
        names: Named,
        checked: Checked,
        outcome: tuple[str, str],
        shape: int,
    ) -> None:
        """One exchange. Exchanges of the same names are given the same object."""
        trace, span, duration = exchange.trace_id, exchange.span_id, exchange.duration_ns
        kind = (
            exchange.source_id,
            exchange.partition,
            exchange.side,
            bool(trace and span),
            duration is not None,
            id(names),
            exchange.callee_namespace,
            exchange.protocol,
            exchange.status,
            outcome,
            checked.outcome,
            checked.reason,
            checked.contract,
            checked.revision,
            checked.operation,
        )
        number = self._kinds.get(kind)
        if number is None:
            number = self._kinds[kind] = len(self._kinds)
            self._names[id(names)] = names
        self._of.append(number)
        self._offsets.append(exchange.offset)
        self._indices.append(exchange.index)
        self._traces.append(trace or NO_TRACE)
        self._spans.append(span or NO_SPAN)
        self._ends.append(exchange.end_ns)
        self._durations.append(duration or 0)
        self._shapes.append(shape)

    def places(self) -> Iterator[Place]:
        """Where each exchange's record lies."""
        logs = [(kind.source_id, kind.partition) for kind in map(Kind._make, self._kinds)]
        return (
            (*logs[kind], offset) for kind, offset in zip(self._of, self._offsets, strict=True)
        )

    def outcomes(self) -> dict[str, int]:
        """How many were valid, violated and not checked."""
        counts: dict[str, int] = {}
        for kind, count in zip(
            map(Kind._make, self._kinds),
            np.bincount(self._of, minlength=len(self._kinds)).tolist(),
            strict=True,
        ):
            counts[kind.checked] = counts.get(kind.checked, 0) + count
        return counts

    def table(self) -> tuple[pa.Table, NDArray[np.uint64], NDArray[np.uint32]]:
        """The rows in the order they came; their end times (ns) and windows. The same rows have
        the same content hash in every process and release.
        """
        kinds, at, columns = (
            [Kind(*kind) for kind in self._kinds],
            np.array(self._of, np.int32),
            _Columns(),
        )
        named = [self._names[kind.names] for kind in kinds]
        columns.texts("source_id", [kind.source_id for kind in kinds], at)
        columns.numbers("partition", [kind.partition for kind in kinds], np.uint32, at)
        columns.numbers("offset", self._offsets, np.uint64)
        columns.numbers("index", self._indices, np.uint32)
        columns.bytes("trace", self._traces, 16)
        columns.bytes("span", self._spans, 8)
        columns.numbers("has_trace", [kind.has_trace for kind in kinds], np.uint8, at)
        columns.numbers(
            "side", [1 if kind.side == "client" else 2 for kind in kinds], np.uint8, at
        )
        for name in ("environment", "caller", "caller_version", "callee", "callee_version"):
            columns.texts(name, [getattr(names, name) for names in named], at)
        columns.texts("callee_namespace", [kind.callee_namespace for kind in kinds], at)
        columns.texts("protocol", [kind.protocol for kind in kinds], at)
        columns.texts("operation", [kind.operation for kind in kinds], at)
        columns.numbers("status", [kind.status for kind in kinds], np.uint16, at)
        columns.texts("outcome", [kind.outcome[0] for kind in kinds], at)
        columns.texts("error_type", [kind.outcome[1] for kind in kinds], at)
        ends = columns.numbers("end_ns", self._ends, np.uint64)
        columns.numbers("duration_ns", self._durations, np.uint64)
        columns.numbers("has_duration", [kind.has_duration for kind in kinds], np.uint8, at)
        columns.texts("checked", [kind.checked for kind in kinds], at)
        columns.texts("reason", [kind.reason for kind in kinds], at)
        columns.texts("contract", [kind.contract for kind in kinds], at)
        columns.numbers("revision", [kind.revision for kind in kinds], np.uint32, at)
        columns.numbers("request_shape", self._shapes, np.uint64)
        windows = windows_of(ends)
        content = mix(*columns.hashes) if len(at) else np.zeros(0, np.uint64)
        rest = {"window": pa.array(windows), "content_hash": pa.array(content)}
        return pa.table({**columns.arrays, **rest}), ends, windows


@lru_cache(maxsize=65_536)
def _hash(word: str) -> int:
    return int(text_hashes([word])[0])
