"""What a contract says of its messages as schemas, whatever language it says it in: JSON Schema as
it stands, Avro and Protobuf by what they say of a value written as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.contracts.compatibility.said import KINDS, Said
from monitor.contracts.form import Message, Promise
from monitor.contracts.schemas import Schema, Schemas
from monitor.model.pointers import escaped

_DEEPEST, _MOST_NODES = 12, 20_000
_WHERE = "the messages"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message, its schema, and whether the schema was made from another language's."""

    message: Message
    schema: Schema
    made: bool

    @property
    def document(self) -> Any:
        """What the schema stands in."""
        return self.schema.written[0]


def spoken(promise: Promise) -> dict[str, Spoken]:
    """The messages of a contract that have a schema, by name."""
    by_name: dict[str, Spoken] = {}
    made: dict[str, Any] = {}
    for message in promise.messages:
        if message.schema is not None:
            by_name[message.name] = Spoken(message, message.schema, made=False)
        elif message.says is not None:
            made[message.name] = _Writing().schema(message.says())
    schemas = Schemas(made, "2020-12", where=_WHERE)
    for message in promise.messages:
        if message.name in made:
            schema = schemas.lazily(f"/{escaped(message.name)}")
            by_name[message.name] = Spoken(message, schema, made=True)
    return by_name


class _Writing:
    """One statement as a JSON Schema; what is too deep or too much allows anything."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def schema(self, spoken: Said, deep: int = _DEEPEST) -> Mapping[str, Any]:
        self._left -= 1
        if not deep or self._left < 0:
            return {}
        written: dict[str, Any] = {}
        if spoken.kinds != KINDS:
            written["type"] = sorted(
                spoken.kinds - ({"integer"} if "number" in spoken.kinds else set())
            )
        if spoken.words is not None and spoken.kinds <= {"string"}:
            written["enum"] = sorted(spoken.words)
        if spoken.low != float("-inf"):
            written["minimum"] = spoken.low
        if spoken.high != float("inf"):
            written["maximum"] = spoken.high
        if spoken.fields:
            written["properties"] = {
                name: self.schema(field(), deep - 1) for name, field in spoken.fields.items()
            }
        if spoken.required:
            written["required"] = sorted(spoken.required)
        # what a binary reader does not know it steps over, so that nothing is closed
        if spoken.items is not None:
            written["items"] = self.schema(spoken.items(), deep - 1)
        return written
