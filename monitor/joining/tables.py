"""Rows of the telemetry store's tables, made of values; words are coded."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

WORDS = pa.dictionary(pa.int32(), pa.string())
VIOLATIONS = pa.schema(
    [
        *(
            ("window", pa.uint32()),
            ("source_id", WORDS),
            ("partition", pa.uint32()),
            ("offset", pa.uint64()),
            ("index", pa.uint32()),
        ),
        *(
            ("fingerprint", pa.string()),
            ("contract", WORDS),
            ("revision", pa.uint32()),
            ("operation", WORDS),
            ("side", WORDS),
            ("rule", WORDS),
        ),
        *((name, pa.string()) for name in ("pointer", "clause", "expected", "actual")),
        *(
            (name, WORDS)
            for name in (
                "environment",
                "caller",
                "caller_version",
                "callee",
                "callee_version",
                "callee_namespace",
            )
        ),
        *(
            ("trace", pa.binary(16)),
            ("has_trace", pa.uint8()),
            ("status", pa.uint16()),
            ("at", pa.timestamp("ms", "UTC")),
        ),
    ]
)


def table_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Rows whose values stand in the schema's order."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [_column(values, kind.type) for values, kind in zip(columns, schema, strict=True)],
        schema=schema,
    )


def violations_of(source: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Violations that no record shows, by `source`. What a row does not name is empty, or 0."""
    return table_of(
        [
            [
                {"source_id": source, **row}.get(kind.name, _nothing(kind.type))
                for kind in VIOLATIONS
            ]
            for row in rows
        ],
        VIOLATIONS,
    )


def row_number(*key: object) -> int:
    """32 bits that tell a row from the others of its hour, the same in every process."""
    text = repr(key).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "little")


def _nothing(kind: pa.DataType) -> Any:
    if pa.types.is_fixed_size_binary(kind):
        return bytes(kind.byte_width)
    return 0 if pa.types.is_integer(kind) else ""


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)
