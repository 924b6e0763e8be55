"""Values that stand for what a skeleton tells: of the right types and formats, never what was seen."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from monitor.contracts.made_values import made_text
from monitor.contracts.marks import SEPARATOR
from monitor.contracts.skeleton import MASKED, Node
from monitor.model.pointers import escaped

Formats = Mapping[str, str]
"""What stands at a place, by pointer: a format of texts, or `whole` for numbers."""


def formats_of(marks: Mapping[str, int]) -> dict[str, str]:
    """The formats of places, by marks: what most of them had."""
    counts: dict[str, Counter[str]] = {}
    for text, count in marks.items():
        pointer, _, mark = text.partition(SEPARATOR)
        if mark[:1] == "F":
            counts.setdefault(pointer, Counter())[mark[1:]] += count
        elif mark[:1] in ("i", "f"):
            counts.setdefault(pointer, Counter())["whole" if mark[0] == "i" else "part"] += count
    return {pointer: held.most_common(1)[0][0] for pointer, held in counts.items()}


def placeholder(node: Node, formats: Formats, at: str = "") -> Any:
    """A value of the form that a skeleton tells: all fields that are always there; of several types
    the most telling.
    """
    if "o" in node or node.get("m"):
        seldom = node.get("q", ())
        held = {
            name: placeholder(field, formats, f"{at}/{escaped(name)}")
            for name, field in node.get("o", {}).items()
            if name not in seldom
        }
        if not node.get("o") and node.get("m"):
            held["key"] = placeholder(node["m"], formats, f"{at}/*")
        return held
    if "a" in node:
        return [placeholder(node["a"], formats, f"{at}/*")] if node["a"] else []
    if "s" in node:
        return made_text(formats.get(at, ""))
    if "d" in node:
        return 0.5 if formats.get(at) == "part" else 1
    if "b" in node:
        return True
    return MASKED if "x" in node else None


def fitted(value: Any, node: Node, formats: Formats, at: str = "") -> Any:
    """An example's value as far as the skeleton allows it, and what it lacks by placeholders. A
    field that is never there goes, one that always is comes.
    """
    if "x" in node or not node:
        return value
    if isinstance(value, dict) and ("o" in node or node.get("m")):
        return _object(value, node, formats, at)
    if isinstance(value, list) and "a" in node:
        if not value:
            return (
                []
                if "e" in node or not node["a"]
                else [placeholder(node["a"], formats, f"{at}/*")]
            )
        return [fitted(item, node["a"], formats, f"{at}/*") for item in value]
    if _sign(value) in node:
        return value
    return placeholder(node, formats, at)


def _object(value: dict[str, Any], node: Node, formats: Formats, at: str) -> dict[str, Any]:
    named, data, seldom = node.get("o", {}), node.get("m"), node.get("q", ())
    held: dict[str, Any] = {}
    for name, child in value.items():
        place = f"{at}/{escaped(name)}"
        if name in named:
            held[name] = fitted(child, named[name], formats, place)
        elif data:
            held[name] = fitted(child, data, formats, f"{at}/*")
    for name, field in named.items():
        if name not in held and name not in seldom:
            held[name] = placeholder(field, formats, f"{at}/{escaped(name)}")
    return held


def _sign(value: Any) -> str:
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "b"
    if isinstance(value, int | float):
        return "d"
    return "s" if isinstance(value, str) else "-"
