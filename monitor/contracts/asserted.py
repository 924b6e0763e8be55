"""Checks of an answer in JavaScript, as files of HTTP requests hold them: what a broken place must
be, by presence and type.
"""

import json
from collections.abc import Sequence
from typing import Any

from monitor.model.pointers import unescaped

_NOTHING = object()
_BODY = "response.body"
_SEEN_BY_TYPE = frozenset({"type", "required", "additionalProperties", "unevaluatedProperties"})
_TYPEOF = {
    "string": 'typeof IT === "string"',
    "number": 'typeof IT === "number"',
    "integer": "Number.isInteger(IT)",
    "boolean": 'typeof IT === "boolean"',
    "object": '(typeof IT === "object" && IT !== null && !Array.isArray(IT))',
    "array": "Array.isArray(IT)",
    "null": "IT === null",
}


def asserted(answer: Any, rule: str, pointer: str, expected: str) -> list[str]:
    """Lines that fail while a rule is broken at a place of an answer; `answer` is one that keeps it.
    Where it hangs on more than presence and type, a line that says so.
    """
    if rule not in _SEEN_BY_TYPE:
        place = " ".join(pointer.split())
        return [f"  // {rule} at {place} is not asserted here"] if pointer else []
    steps = [unescaped(part) for part in pointer.split("/")[1:]]
    holds = _holds(_BODY, answer, steps, _Kinds(rule, expected))
    if holds is None:
        return [f"  // {rule} at {' '.join(pointer.split())} is not asserted here"]
    return [f"  client.assert({holds});"]


class _Kinds:
    """What must stand at the end of a way."""

    def __init__(self, rule: str, expected: str) -> None:
        words = expected.split("|")
        self.told = words if rule == "type" and _TYPEOF.keys() >= set(words) else []

    def of(self, where: str, value: Any) -> str:
        """An expression of it. A type says nothing of what is not there."""
        if self.told:
            kinds = (_TYPEOF[word].replace("IT", where) for word in self.told)
            return f"{where} === undefined || {' || '.join(kinds)}"
        return f"{where} {'=' if value is _NOTHING else '!'}== undefined"


def _holds(where: str, value: Any, steps: Sequence[str], kinds: _Kinds) -> str | None:
    """An expression that is true of a good answer; None where the place cannot be told. Below the
    top, what is missing, null or of another type breaks no rule of what it would hold.
    """
    if not steps:
        return kinds.of(where, value)
    step, rest = steps[0], steps[1:]
    if step == "*":
        held = list(value.values()) if isinstance(value, dict) else value
        item = f"item{len(rest)}"
        inner = _holds(item, held[0], rest, kinds) if isinstance(held, list) and held else None
        if inner is None:
            return None
        each = f"Object.values({where})" if isinstance(value, dict) else where
        holds = f"{each}.every(({item}) => {inner})"
    elif isinstance(value, dict):
        below = _holds(f"{where}[{json.dumps(step)}]", value.get(step, _NOTHING), rest, kinds)
        if below is None:
            return None
        holds = below
    else:
        return None
    if where == _BODY:
        return holds
    kind = "object" if isinstance(value, dict) else "array"
    return f"(!{_TYPEOF[kind].replace('IT', where)} || {holds})"
