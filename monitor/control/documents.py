"""Our dataclasses to JSON values and back, for the documents kept whole in a column."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


def to_document(value: object) -> Any:
    """A JSON value holding all of a dataclass of `monitor.model`; times as ISO text."""
    return msgspec.to_builtins(value, str_keys=True)


def from_document(document: Any, kind: type[T]) -> T:
    """A value equal to what was written, sequences as tuples. Unknown fields, which a newer
    program wrote, are ignored.
    """
    return cast("T", _with_tuples(msgspec.convert(document, kind, str_keys=True, strict=False)))


def _with_tuples(value: Any) -> Any:
    """Msgspec makes lists of what we call sequences."""
    if isinstance(value, list | tuple):
        return tuple(map(_with_tuples, value))
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value,
            **{field.name: _with_tuples(getattr(value, field.name)) for field in fields(value)},
        )
    return value
