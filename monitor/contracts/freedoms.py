"""Places of a payload that may hold more than the one value that an example shows there: what a test
made of it must not demand.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from monitor.contracts.skeleton import TYPES, Node, places
from monitor.model.pointers import escaped, unescaped

Freedom = Literal["any", "null", "keys"]
"""`any`: null alone was seen, or several types, or it was masked. `null`: null besides one type.
`keys`: the keys of the object are data.
"""
Freedoms = Mapping[str, Freedom]
"""By pointer, `*` for every item or key."""
_MATCHED = frozenset({"number", "integer", "boolean", "null"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def freedoms_of(node: Node) -> dict[str, Freedom]:
    """The free places of a skeleton."""
    held = {}
    for at, there, _ in places(node):
        freedom = _freedom(there)
        if freedom is not None:
            held[at] = freedom
    return held


def as_wanted(free: Freedoms, pointer: str, expected: str) -> dict[str, Freedom]:
    """The same, where a clause says what stands at a place: types joined by `|`. Of anything else
    the places stay as they were seen.
    """
    words = expected.split("|")
    if not set(words) <= {*TYPES.values(), "integer"}:
        return dict(free)
    held = {at: freedom for at, freedom in free.items() if at != pointer}
    types = set(words) - {"null"}
    if len(types) > 1:
        held[pointer] = "any"
    elif "null" in words and types:
        held[pointer] = "null"
    return held


def _freedom(node: Node) -> Freedom | None:
    types = {word for word in TYPES if word in node} | ({"o"} if "m" in node else set())
    others = types - {"n"}
    if "x" in node or len(others) != 1:
        return "any"
    if "n" in types:
        return "null" if "m" not in node else "any"
    return "keys" if node.get("m") and not node.get("o") else None


def assumed_of(node: Node, pointer: str, *, presence: bool) -> list[str]:
    """The places on the way to one, and itself, that some payloads lack, and those on the way that
    hold null or another type in some: a test that looks below assumes that they are there.
    `presence`: that the place is there is what is tested.
    """
    held, at = [], ""
    steps = pointer.split("/")[1:]
    for left, step in zip(range(len(steps) - 1, -1, -1), steps, strict=True):
        at += f"/{step}"
        seldom = unescaped(step) in node.get("q", ())
        there = node.get("o", {}).get(unescaped(step)) or (
            (node.get("a") or node.get("m")) if step == "*" else None
        )
        if not there or (presence and not left):
            break
        mixed = bool(left) and sum(word in there for word in TYPES) > 1
        if seldom or mixed:
            held.append(at)
        node = there
    return held


def bound(value: Any, free: Freedoms, kept: str | None = None, at: str = "") -> Any:
    """A value without the places of which a pact's rules cannot say what else they may hold:
    anything; null instead of an object or array; null or other keys below a name that no path can
    spell. What stands on the way to the pointer `kept` stays.
    """
    if isinstance(value, dict):
        keys = free.get(at) == "keys"
        held = {}
        for name, child in value.items():
            place = f"{at}/*" if keys else f"{at}/{escaped(name)}"
            if _stays(child, place, free, kept):
                held[name] = bound(child, free, kept, place)
        return held
    if isinstance(value, list):
        place = f"{at}/*"
        return [
            bound(item, free, kept, place) for item in value if _stays(item, place, free, kept)
        ]
    return value


def _stays(value: Any, at: str, free: Freedoms, kept: str | None) -> bool:
    if kept is not None and (kept == at or kept.startswith(f"{at}/")):
        return True
    freedom = free.get(at)
    if "'" in at and any(place == at or place.startswith(f"{at}/") for place in free):
        return False
    return freedom != "any" and not (freedom == "null" and isinstance(value, dict | list))


def rules_of(
    value: Any,
    free: Freedoms,
    either: Mapping[str, Sequence[str]],
    at: str = "",
    path: str = "$",
) -> dict[str, Any]:
    """Matching rules of a pact, by path, for the places of a value that may hold null or other
    keys too, or `either` of several types. A rule has no word for a text that is not in the
    example, nor for objects and arrays: Pact's verifier refuses each of them where null may stand
    instead. Its paths have no word for an apostrophe. https://github.com/pact-foundation/pact-specification/tree/version-3
    """
    rules: dict[str, Any] = {}
    freedom = free.get(at)
    if "'" in at:
        return rules
    if freedom == "null" and isinstance(value, dict | list):
        freedom = None
    if freedom == "null":
        rules[path] = {"combine": "OR", "matchers": [{"match": "null"}, {"match": "type"}]}
    elif at in either:
        others = [word for word in either[at] if word in _MATCHED]
        rules[path] = {
            "combine": "OR",
            "matchers": [{"match": word} for word in ("type", *others)],
        }
    elif freedom == "keys":
        rules[path] = {"matchers": [{"match": "values"}]}
    if isinstance(value, dict):
        for name, child in value.items():
            step = ".*" if freedom == "keys" else _step(name)
            place = f"{at}/*" if freedom == "keys" else f"{at}/{escaped(name)}"
            rules |= rules_of(child, free, either, place, path + step)
            if freedom == "keys":
                rules.setdefault(path + step, {"matchers": [{"match": "type"}]})
    elif isinstance(value, list) and value:
        rules |= rules_of(value[0], free, either, f"{at}/*", f"{path}[*]")
    return rules


def _step(name: str) -> str:
    if _NAME.fullmatch(name):
        return f".{name}"
    return f"['{name}']"
