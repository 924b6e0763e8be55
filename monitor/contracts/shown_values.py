"""What an example of a contract's document shows: its body, and the value at a place of it."""

from collections.abc import Mapping
from typing import Any

import orjson

from monitor.contracts.refs import resolve
from monitor.errors import ContractError
from monitor.model.pointers import unescaped


def clause_of(document: Mapping[str, Any], pointer: str) -> Any:
    """The part at a pointer; None where it leads nowhere."""
    try:
        return resolve(dict(document), f"#{pointer}", "")
    except ContractError:
        return None


def body_at(document: Mapping[str, Any], pointer: str, *, as_text: bool) -> Any:
    """The body at a pointer; `as_text`: it stands there as JSON in a text."""
    held = clause_of(document, pointer)
    if not as_text or not isinstance(held, str):
        return held
    try:
        return orjson.loads(held)
    except orjson.JSONDecodeError:
        return held


def contents(document: Mapping[str, Any], clause: str) -> Any:
    """What a message of a Pact shows; since version 4 it is wrapped."""
    held = clause_of(document, f"{clause}/contents")
    return held["content"] if isinstance(held, dict) and "content" in held else held


def shown_at(value: Any, pointer: str) -> Any:
    """The value at a place of an example, `*` its first item; None where it shows none."""
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict) and unescaped(step) in value:
            value = value[unescaped(step)]
        elif isinstance(value, list) and value and (step == "*" or step.isdecimal()):
            value = value[0 if step == "*" else min(int(step), len(value) - 1)]
        else:
            return None
    return value
