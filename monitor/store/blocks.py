"""Columns as blocks of the engine's own format: half of what an insert of Arrow costs, since the
engine takes them as they are.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FORMAT = "Native"
"""https://clickhouse.com/docs/interfaces/formats/Native, as the engine's
SerializationLowCardinality.cpp writes columns of few words.
"""
_NUMBERS = {
    pa.int16(): "Int16",
    pa.uint8(): "UInt8",
    pa.uint16(): "UInt16",
    pa.uint32(): "UInt32",
    pa.uint64(): "UInt64",
    pa.int64(): "Int64",
    pa.float64(): "Float64",
    pa.timestamp("ms", "UTC"): "DateTime64(3, 'UTC')",
}
_WORDS = "LowCardinality(String)"
_WORDS_VERSION = 1
_OWN_WORDS, _NEW_WORDS = 1 << 9, 1 << 10
_PLACES = (np.uint8, np.uint16, np.uint32)
_FEW_ROWS = 5000
_BLANK_PLACE = 10
"""Rows that stand one below the other with this place in a byte would be a blank line, at which a
statement ends that holds its rows itself.
"""


def blocks_of(rows: pa.Table) -> bytes | None:
    """These rows, a block for each of their pieces; None where a column holds anything but numbers,
    times, fixed bytes, texts, and lists and maps of these, or where a value is missing.
    """
    parts = parts_of(rows)
    return None if parts is None else b"".join(parts)


def parts_of(rows: pa.Table) -> list[bytes | memoryview] | None:
    """The same in parts, one after the other: of a large insert the whole is a copy that takes new
    pages of memory each time.
    """
    heads = _heads(rows.schema)
    if heads is None or any(column.null_count or _lacks_inside(column) for column in rows.columns):
        return None
    return [part for piece in rows.to_batches() if piece.num_rows for part in _block(piece, heads)]


@lru_cache(maxsize=200)
def _heads(schema: pa.Schema) -> list[bytes] | None:
    """What stands before the values of each column; None where one is none of ours."""
    kinds = [_kind(field.type) for field in schema]
    if not all(kinds):
        return None
    return [_text(name) + _text(kind) for name, kind in zip(schema.names, kinds, strict=True)]


def _kind(kind: pa.DataType, *, inside: bool = False) -> str:
    """The engine's name of a column's type; empty where it is none of ours."""
    if pa.types.is_fixed_size_binary(kind):
        return f"FixedString({kind.byte_width})"
    if pa.types.is_string(kind):
        return "String"
    if inside or kind in _NUMBERS:
        return _NUMBERS.get(kind, "")
    if pa.types.is_dictionary(kind):
        return _WORDS if pa.types.is_string(kind.value_type) else ""
    if pa.types.is_map(kind):
        key, item = (_kind(of, inside=True) for of in (kind.key_type, kind.item_type))
        return f"Map({key}, {item})" if key and item else ""
    if pa.types.is_list(kind):
        value = _kind(kind.value_type, inside=True)
        return f"Array({value})" if value else ""
    return ""


def _lacks_inside(column: pa.ChunkedArray) -> bool:
    """Whether a value inside of a list is missing."""
    return pa.types.is_list(column.type) and any(
        chunk.flatten().null_count for chunk in column.chunks
    )


def _block(piece: pa.RecordBatch, heads: list[bytes]) -> Iterator[bytes | memoryview]:
    yield _length(piece.num_columns) + _length(piece.num_rows)
    for head, column in zip(heads, piece.columns, strict=True):
        yield head
        yield from _values(column)


def _values(column: pa.Array) -> Iterator[bytes | memoryview]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _words(column)
    elif pa.types.is_string(kind):
        yield _texts(column)
    elif pa.types.is_map(kind) or pa.types.is_list(kind):
        starts: NDArray[np.int64] = np.asarray(column.offsets).astype(np.int64)
        yield (starts[1:] - starts[0]).astype("<u8").tobytes()
        inner = (column.keys, column.items) if pa.types.is_map(kind) else (column.values,)
        for values in inner:
            yield from _values(values.slice(int(starts[0]), int(starts[-1] - starts[0])))
    elif len(column):
        width = kind.bit_width // 8
        yield memoryview(column.buffers()[1])[
            column.offset * width : (column.offset + len(column)) * width
        ]


def _texts(column: pa.StringArray) -> bytes:
    words = column.cast(pa.binary()).to_pylist()
    return b"".join(
        (_LENGTHS[len(word)] if len(word) < len(_LENGTHS) else _length(len(word))) + word
        for word in words
    )


def _words(column: pa.DictionaryArray) -> Iterator[bytes]:
    """The words, and of each row the number of its word in as few bytes as hold it; in two where
    one would make blank lines of few rows.
    """
    count = len(column.dictionary)
    width = 0 if count <= 1 << 8 else 1 if count <= 1 << 16 else 2
    if count > _BLANK_PLACE and len(column) <= _FEW_ROWS:
        width = max(width, 1)
    yield _numbers(_WORDS_VERSION, width | _OWN_WORDS | _NEW_WORDS, count)
    yield _texts(column.dictionary)
    yield _numbers(len(column))
    places: NDArray[np.int32] = np.asarray(column.indices)
    yield places.astype(_PLACES[width]).tobytes()


def _numbers(*numbers: int) -> bytes:
    return np.array(numbers, "<u8").tobytes()


def _text(text: str) -> bytes:
    coded = text.encode()
    return _length(len(coded)) + coded


def _length(length: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while length > 0x7F:
        groups.append(length & 0x7F | 0x80)
        length >>= 7
    groups.append(length)
    return bytes(groups)


_LENGTHS = [_length(length) for length in range(128)]
