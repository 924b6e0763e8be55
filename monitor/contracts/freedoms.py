"""Places of a payload that may hold more than the one value that an example shows there: what a test
made of it must not demand.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from monitor.contracts.skeleton import TYPES, Node, places
from monitor.model.pointers import escaped

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


def bound(value: Any, free: Freedoms, kept: str | None = None, at: str = "") -> Any:
    """A value without the places that may hold anything. What stands on the way to the pointer
    `kept` stays.
    """
    if isinstance(value, dict):
        keys = free.get(at) == "keys"
        held = {}
        for name, child in value.items():
            place = f"{at}/*" if keys else f"{at}/{escaped(name)}"
            if _stays(place, free, kept):
                held[name] = bound(child, free, kept, place)
        return held
    if isinstance(value, list):
        place = f"{at}/*"
        return [bound(item, free, kept, place) for item in value if _stays(place, free, kept)]
    return value


def _stays(at: str, free: Freedoms, kept: str | None) -> bool:
    on_the_way = kept is not None and (kept == at or kept.startswith(f"{at}/"))
    return on_the_way or free.get(at) != "any"


def rules_of(
    value: Any,
    free: Freedoms,
    either: Mapping[str, Sequence[str]],
    at: str = "",
    path: str = "$",
) -> dict[str, Any]:
    """Matching rules of a pact, by path, for the places of a value that may hold null or other
    keys too, or `either` of several types. A rule has no word for a text that is not in the
    example, nor for objects and arrays. https://github.com/pact-foundation/pact-specification/tree/version-3
    """
    rules: dict[str, Any] = {}
    freedom = free.get(at)
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
    return "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"
