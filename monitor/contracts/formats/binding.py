"""What ties a schema that names no topic to one: `"x-seamwatch": {"topic": "orders", "ids": [7],
"guids": ["…"], "message": "a.B"}`.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.contracts.bundling import TAKEN_IN
from monitor.contracts.framing import SchemaKey
from monitor.errors import ContractError

BINDING = "x-seamwatch"


def bound_in_comment(text: str, mark: str, where: str) -> dict[str, Any]:
    """The binding in a text's line `MARK x-seamwatch: {…}`, MARK being what begins a comment
    there; {} without such a line.
    """
    match = re.search(rf"^\s*{mark}\s*{BINDING}:\s*(\{{.*\}})\s*$", text, re.MULTILINE)
    try:
        binding: dict[str, Any] = json.loads(match[1]) if match is not None else {}
    except (ValueError, RecursionError):
        raise ContractError(f"{where}: the line {BINDING} holds no JSON") from None
    return binding


@dataclass(frozen=True, slots=True)
class Bound:
    """`topic` and `message` "" where they are not told; `keys`: under which a registry knows the
    schema; `text` is the schema alone.
    """

    topic: str
    keys: Sequence[SchemaKey]
    message: str
    text: str


def bound(document: dict[str, Any], where: str) -> Bound:
    """The binding in a document. Raises ContractError for one that cannot be meant."""
    binding = document.get(BINDING, {})
    if not isinstance(binding, dict):
        raise ContractError(f"{where}: {BINDING} is no object", f"/{BINDING}")
    for word in ("topic", "message"):
        if not isinstance(binding.get(word, ""), str):
            raise ContractError(f"{where}: {BINDING}.{word} is no text", f"/{BINDING}/{word}")
    keys: list[SchemaKey] = []
    for word in ("ids", "guids"):
        listed = binding[word] if isinstance(binding.get(word), list) else []
        keys += [_key(entry, where, f"/{BINDING}/{word}") for entry in listed]
    plain: Any = {
        name: value for name, value in document.items() if name not in (BINDING, TAKEN_IN)
    }
    if isinstance(plain.get("contracts"), list):
        plain = plain["contracts"]
    return Bound(
        binding.get("topic", ""), tuple(keys), binding.get("message", ""), json.dumps(plain)
    )


def _key(key: Any, where: str, pointer: str) -> SchemaKey:
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < 2**32:
        return key
    try:
        return str(uuid.UUID(key))
    except (ValueError, TypeError, AttributeError):
        raise ContractError(
            f"{where}: {pointer} holds what is neither an id of a schema nor a GUID", pointer
        ) from None
