"""Two revisions of a schema of messages by the registries' rules, each way."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.contracts.change import Read
from monitor.contracts.compatibility.changes import Change
from monitor.contracts.compatibility.levels import incompatible
from monitor.contracts.read import kind_of
from monitor.errors import ContractError
from monitor.model.contracts import Level

BINARY = frozenset({"avro", "protobuf"})
_WITH_RULES = BINARY | {"jsonschema"}
_LEVELS: Sequence[Level] = ("FORWARD", "BACKWARD")


@dataclass(frozen=True, slots=True)
class BothWays:
    """What keeps who still has the older revision from reading what the newer one writes
    (`forward`), and who has the newer one from reading what the older one wrote (`backward`).
    `binary`: nobody reads such records but by a schema.
    """

    forward: Sequence[Change]
    backward: Sequence[Change]
    binary: bool


def both_ways(old: Read, new: Read) -> BothWays | None:
    """None for contracts that the registries have no rules for, and for schemas that they cannot
    compare.
    """
    kind = kind_of(dict(new.document))
    messages = old.promise.messages and new.promise.messages
    if not messages or kind not in _WITH_RULES or kind != kind_of(dict(old.document)):
        return None
    try:
        forward, backward = (
            [
                clash.change
                for clash in incompatible(kind, [dict(old.document)], dict(new.document), level)
            ]
            for level in _LEVELS
        )
    except ContractError:
        return None
    return BothWays(forward, backward, kind in BINARY)
