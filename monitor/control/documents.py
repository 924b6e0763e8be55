"""Our dataclasses to JSON values and back, for the documents kept whole in a column."""

from dataclasses import fields, is_dataclass
from functools import cache
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
    """Msgspec makes lists of what we call sequences. What it made is ours: dataclasses are changed
    in place, where making each anew took nine tenths of the reading of a finding.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        return tuple(map(_with_tuples, value))
    if kind is dict:
        return {key: _with_tuples(item) for key, item in value.items()}
    for name in _names_of(kind):  # type: ignore[arg-type]  # a class can be hashed
        held = getattr(value, name)
        made = _with_tuples(held)
        if made is not held:
            object.__setattr__(value, name, made)
    return value


@cache
def _names_of(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; of another kind none."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
