"""Columns of one length with a blank row at the end, words as numbers: so -1 stands for "none" and reads as empty and zero."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import fixed, mix

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Keys = NDArray[np.uint64]
Column = NDArray[Any]

TRACE_BYTES, SPAN_BYTES = 16, 8


class Words:
    """Texts by number, one numbering for all columns, so that words of different columns can be compared. 0 is the empty text."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def numbers(self, texts: Iterable[str]) -> NDArray[np.int32]:
        return np.array([self.number(text) for text in texts], np.int32)

    def texts(self) -> list[str]:
        """All texts, each at its number."""
        return list(self._numbers)

    def column(self, codes: Column) -> pa.DictionaryArray:
        """Numbers as a column of texts, with no more words than it has."""
        used, at = np.unique(codes, return_inverse=True)
        texts = self.texts()
        words = pa.array([texts[number] for number in used], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), words)


class Frame:
    """Columns by name. A trace is a row of two numbers, a span one, a text its number; row -1 is blank."""

    __slots__ = ("columns", "count")

    def __init__(self, columns: Mapping[str, Column], count: int) -> None:
        self.columns = dict(columns)
        self.count = count

    def __getitem__(self, name: str) -> Column:
        """The column without its blank row."""
        return self.columns[name][: self.count]

    def at(self, name: str, rows: Rows) -> Column:
        """What a column holds in these rows; blank where a row is -1."""
        taken: Column = self.columns[name][rows]
        return taken

    def add(self, name: str, values: Column) -> None:
        """One more column."""
        self.columns[name] = _with_blank(values)


def frame_of(tables: Iterable[pa.Table], words: Words) -> Frame:
    """The rows of tables of the same columns, one below the other."""
    tables = list(tables)
    columns = {}
    for name in tables[0].column_names:
        parts = [_numbers(table.column(name), words) for table in tables]
        columns[name] = _with_blank(np.concatenate(parts) if len(parts) > 1 else parts[0])
    return Frame(columns, sum(table.num_rows for table in tables))


def keys_of(trace: Column, *spans: Column) -> Keys:
    """One number for each trace and what stands beside it."""
    return mix(trace[:, 0], trace[:, 1], *(span.astype(np.uint64, copy=False) for span in spans))


def traces_column(trace: Column) -> pa.FixedSizeBinaryArray:
    """Traces as the store holds them."""
    return fixed(trace.astype(np.uint64, copy=False), TRACE_BYTES) if len(trace) else pa.array([], pa.binary(TRACE_BYTES))


def spans_column(span: Column) -> pa.FixedSizeBinaryArray:
    """Spans as the store holds them."""
    return fixed(span.astype(np.uint64, copy=False), SPAN_BYTES) if len(span) else pa.array([], pa.binary(SPAN_BYTES))


def lookup(keys: Keys, wanted: Keys) -> Rows:
    """Of each wanted key the first row that has it, else -1."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    places = np.searchsorted(ordered, wanted)
    places[places == len(ordered)] = 0
    found: Rows = np.where(ordered[places] == wanted, order[places], -1)
    return found


def members(keys: Column, of: Column) -> Mask:
    """Whether each key is one `of` these. By sorting: numpy's own way hashes, and takes ten times as long for random numbers."""
    if not len(of):
        return np.zeros(len(keys), bool)
    ordered = np.sort(of)
    places = np.searchsorted(ordered, keys)
    places[places == len(ordered)] = 0
    found: Mask = ordered[places] == keys
    return found


def distinct(keys: Column) -> Column:
    """Each key once, in order."""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(keys) else ordered


def matches(one: Keys, other: Keys) -> tuple[Rows, Rows]:
    """All pairs of rows whose keys agree: rows of `one`, and beside them rows of `other`."""
    none = np.zeros(0, np.int64)
    if not len(one) or not len(other):
        return none, none
    order = np.argsort(other, kind="stable")
    ordered = other[order]
    first = np.searchsorted(ordered, one)
    inside = np.where(first < len(ordered), first, 0)
    hit = np.flatnonzero(ordered[inside] == one)
    if not len(hit):
        return none, none
    first = first[hit]
    many = np.searchsorted(ordered, one[hit], side="right") - first
    left = np.repeat(hit, many)
    begin = np.repeat(first, many)
    step = np.arange(len(left)) - np.repeat(np.cumsum(many) - many, many)
    return left, order[begin + step]


def groups_of(*columns: Column) -> tuple[Rows, Rows]:
    """The group of each row by these columns of numbers, and of each group its first row."""
    code: Column | None = None
    room = 1
    for column in columns:
        low = int(column.min(initial=0))
        span = int(column.max(initial=0)) - low + 1
        if code is not None and room * span >= 1 << 62:
            code, room = _dense(code)
        shifted = (column - low).astype(np.int64)
        code = shifted if code is None else code * span + shifted
        room *= span
    assert code is not None
    packed = pa.array(code).dictionary_encode()
    group = np.asarray(packed.indices).astype(np.int64)
    first = np.zeros(len(packed.dictionary), np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    return group, first


def _dense(code: Column) -> tuple[Column, int]:
    packed = pa.array(code).dictionary_encode()
    return np.asarray(packed.indices).astype(np.int64), max(1, len(packed.dictionary))


def _with_blank(values: Column) -> Column:
    blank = np.zeros((1, *values.shape[1:]), values.dtype)
    return np.concatenate([values, blank])


def _numbers(column: pa.ChunkedArray, words: Words) -> Column:
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind):
        parts = [_codes(chunk, words) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, np.int32)
    if pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        data = b"".join(
            bytes(chunk.buffers()[1])[chunk.offset * width : (chunk.offset + len(chunk)) * width] for chunk in column.chunks
        )
        numbers = np.frombuffer(data, np.uint64)
        return numbers.reshape(-1, 2) if width == TRACE_BYTES else numbers
    return np.asarray(column.to_numpy())


def _codes(chunk: pa.Array, words: Words) -> NDArray[np.int32]:
    if not isinstance(chunk, pa.DictionaryArray):
        chunk = chunk.dictionary_encode()
    texts = chunk.dictionary.to_pylist()
    numbers = words.numbers(text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in texts)
    places = np.asarray(chunk.indices)
    return numbers[places] if len(numbers) else np.zeros(len(places), np.int32)
