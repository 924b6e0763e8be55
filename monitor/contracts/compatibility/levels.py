"""Revisions of one schema against each other, by the levels that registries name.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html#compatibility-types
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.compatibility.avro import avro_changes
from monitor.contracts.compatibility.changes import Change
from monitor.contracts.compatibility.jsonschema import schema_changes
from monitor.contracts.compatibility.protobuf import proto_changes
from monitor.contracts.formats.avro_documents import avro_document
from monitor.contracts.formats.binding import BINDING, bound
from monitor.contracts.formats.protobuf_schema import from_set, from_text
from monitor.errors import ContractError
from monitor.model.contracts import Level

Direction = Literal["backward", "forward"]
"""Backward: who has the new revision reads what the old one wrote. Forward: who still has the old
one reads what the new one writes.
"""


@dataclass(frozen=True, slots=True)
class Incompatible:
    """A change that breaks a level: between the new revision and an earlier one (its number, from
    0), in a direction.
    """

    earlier: int
    direction: Direction
    change: Change


def incompatible(
    kind: str, earlier: Sequence[dict[str, Any]], new: dict[str, Any], level: Level
) -> list[Incompatible]:
    """What breaks `level` between documents of one kind (avro, protobuf, jsonschema), `earlier`
    oldest first. None: it is kept.

    Raises ContractError for a kind without such rules, and for a document that cannot be used.
    """
    if level == "NONE" or not earlier:
        return []
    compare = _compared(kind)
    every = level.endswith("_TRANSITIVE")
    numbers = range(len(earlier)) if every else [len(earlier) - 1]
    breaks = []
    for number in numbers:
        for direction in _directions(level):
            old, fresh = (
                (earlier[number], new) if direction == "backward" else (new, earlier[number])
            )
            breaks += [Incompatible(number, direction, change) for change in compare(old, fresh)]
    return breaks


def _directions(level: Level) -> Iterator[Direction]:
    if level.startswith(("BACKWARD", "FULL")):
        yield "backward"
    if level.startswith(("FORWARD", "FULL")):
        yield "forward"


def _compared(kind: str) -> Callable[[dict[str, Any], dict[str, Any]], list[Change]]:
    """How two documents are compared: what the second cannot read of what the first wrote."""
    if kind == "avro":
        return lambda old, new: avro_changes(
            avro_document(old, "the writer's"), avro_document(new, "the reader's")
        )
    if kind == "protobuf":
        return lambda old, new: proto_changes(_proto(old), _proto(new))
    if kind == "jsonschema":
        return lambda old, new: schema_changes(_bare(old), _bare(new))
    raise ContractError(
        f"revisions of {kind[:40]} have no compatibility levels; Avro, Protobuf and JSON Schema do"
    )


def _bare(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != BINDING}


def _proto(document: dict[str, Any]) -> Any:
    if isinstance(document.get("proto"), str):
        imports = document.get("imports")
        return from_text(
            document["proto"], "the .proto", dict(imports) if isinstance(imports, dict) else None
        )
    return from_set(
        str(document.get("descriptor_set", "")),
        "the descriptor set",
        bound(document, "the descriptor set").message,
    )
