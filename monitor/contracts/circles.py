"""Schemas that apply to one value without end, or too many of them, told by their place."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from monitor.contracts.limits import ContractLimits
from monitor.contracts.refs import resolve
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_LISTS = ("allOf", "anyOf", "oneOf")
_ALONE = ("not", "if", "then", "else")
_MOST_NODES = 200_000


def too_much_work(
    document: dict[str, Any], where: str, limits: ContractLimits, which: str = ""
) -> ContractError:
    """Why a document asks for more than `limits.work` schemas of one value: a circle of references
    where there is one.
    """
    at = circle(document)
    if at:
        return ContractError(
            f"{where}: the references at {at} lead in a circle, so that no value would ever be judged; let one of them say what it means",
            at,
        )
    return ContractError(
        f"{where}: {which}more than {limits.work} schemas apply to one value; break up its allOf/anyOf/$ref chains"
    )


def circle(document: dict[str, Any]) -> str:
    """The pointer of a schema that applies itself to the same value; "" where none was found."""
    done: set[int] = set()
    room = _MOST_NODES
    for start, at in _nodes(document):
        if id(start) in done or "$ref" not in start:
            continue
        way: list[tuple[int, str, Iterator[tuple[Any, str]]]] = []
        on_the_way = {id(start)}
        way.append((id(start), at, _applied(document, start, at)))
        while way:
            number, _, below = way[-1]
            node, pointer = next(below, (None, ""))
            room -= 1
            if room < 0:
                return ""
            if node is None:
                way.pop()
                on_the_way.discard(number)
                done.add(number)
            elif id(node) in on_the_way:
                return pointer
            elif isinstance(node, dict) and id(node) not in done:
                on_the_way.add(id(node))
                way.append((id(node), pointer, _applied(document, node, pointer)))
    return ""


def _applied(document: dict[str, Any], node: dict[str, Any], at: str) -> Iterator[tuple[Any, str]]:
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        try:
            yield resolve(document, reference, ""), unquote(reference[1:])
        except ContractError:
            return
    for word in _LISTS:
        parts = node.get(word)
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            yield part, f"{at}/{word}/{index}"
    for word in _ALONE:
        if isinstance(node.get(word), dict):
            yield node[word], f"{at}/{word}"


def _nodes(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    level: list[tuple[Any, str]] = [(document, "")]
    while level:
        node, at = level.pop()
        if isinstance(node, dict):
            yield node, at
            level += [(value, f"{at}/{escaped(str(key))}") for key, value in node.items()]
        elif isinstance(node, list):
            level += [(value, f"{at}/{index}") for index, value in enumerate(node)]
