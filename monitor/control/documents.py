"""Our dataclasses to JSON values and back, for the documents kept whole in a column."""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_document(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value holding all of a dataclass of `monitor.model`; times as ISO text."""
    return msgspec.to_builtins(value, str_keys=True)


def from_document(document: Any, kind: type[T]) -> T:  # noqa: ANN401 - any JSON value
    """The dataclass again. Unknown fields, which a newer program wrote, are ignored; missing ones take their default."""
    return msgspec.convert(document, kind, str_keys=True, strict=False)
