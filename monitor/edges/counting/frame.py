"""Columns of one length with a blank row at the end, words as numbers: so -1 stands for "none" and
reads as empty and zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import fixed, gather, mix

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Keys = NDArray[np.uint64]
Column = NDArray[Any]

TRACE_BYTES, SPAN_BYTES = 16, 8


class Words:
    """Texts by number, one numbering for all columns, so that words of different columns can be
    compared. 0 is the empty text.
    """

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
    """Columns by name. A trace is a row of two numbers, a span one, a text its number; row -1 is
    blank.
    """

    __slots__ = ("_keys", "columns", "count")

    def __init__(self, columns: Mapping[str, Column], count: int) -> None:
        self.columns = dict(columns)
        self.count = count
        self._keys: dict[tuple[str, ...], Keys] = {}

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
        self._keys = {names: keys for names, keys in self._keys.items() if name not in names}

    def keys(self, trace: str, *spans: str) -> Keys:
        """One number for each trace and what stands beside it, by the names of their columns; made
        once.
        """
        names = (trace, *spans)
        if names not in self._keys:
            self._keys[names] = keys_of(*(self[name] for name in names))
        return self._keys[names]


def frame_of(tables: Iterable[pa.Table], words: Words) -> Frame:
    """The rows of tables of the same columns, one below the other."""
    tables = list(tables)
    count = sum(table.num_rows for table in tables)
    columns = {}
    for name in tables[0].column_names:
        chunks = [chunk for table in tables for chunk in table.column(name).chunks]
        columns[name] = _numbers(tables[0].schema.field(name).type, chunks, count, words)
    return Frame(columns, count)


def keys_of(trace: Column, *spans: Column) -> Keys:
    """One number for each trace and what stands beside it."""
    return mix(trace, *(span.astype(np.uint64, copy=False) for span in spans))


def traces_column(trace: Column) -> pa.FixedSizeBinaryArray:
    """Traces as the store holds them."""
    return (
        fixed(trace.astype(np.uint64, copy=False), TRACE_BYTES)
        if len(trace)
        else pa.array([], pa.binary(TRACE_BYTES))
    )


def spans_column(span: Column) -> pa.FixedSizeBinaryArray:
    """Spans as the store holds them."""
    return (
        fixed(span.astype(np.uint64, copy=False), SPAN_BYTES)
        if len(span)
        else pa.array([], pa.binary(SPAN_BYTES))
    )


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


def _numbers(kind: pa.DataType, chunks: Sequence[pa.Array], count: int, words: Words) -> Column:
    """All chunks of a column as numbers, with a blank row."""
    if pa.types.is_fixed_size_binary(kind):
        whole = np.zeros(
            (count + 1, 2) if kind.byte_width == TRACE_BYTES else count + 1, np.uint64
        )
        parts: Iterable[Column] = (raw_numbers(chunk, kind.byte_width // 8) for chunk in chunks)
    elif pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _codes(chunks, count, words)
    else:
        whole = np.zeros(count + 1, kind.to_pandas_dtype())
        parts = (np.asarray(chunk) for chunk in chunks)
    at = 0
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def raw_numbers(chunk: pa.FixedSizeBinaryArray, width: int) -> Column:
    """Fixed bytes as so many numbers a row."""
    begin = chunk.offset * width
    numbers = np.frombuffer(chunk.buffers()[1], np.uint64)[begin : begin + len(chunk) * width]
    return numbers.reshape(-1, width) if width > 1 else numbers


def _codes(chunks: Sequence[pa.Array], count: int, words: Words) -> NDArray[np.int32]:
    """All chunks of a column of texts as their numbers, with a blank row."""
    whole = np.zeros(count + 1, np.int32)
    at = 0
    for chunk in chunks:
        coded = chunk if isinstance(chunk, pa.DictionaryArray) else chunk.dictionary_encode()
        numbers = words.numbers(
            text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            for text in coded.dictionary.to_pylist()
        )
        places = np.asarray(coded.indices)
        if len(numbers):
            gather(numbers, places, whole[at : at + len(places)])
        at += len(places)
    return whole
