"""Parameters' texts taken apart by style: https://spec.openapis.org/oas/v3.1.1.html#style-values,
RFC 6570.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote, unquote_plus

from monitor.contracts.form import Parameter
from monitor.contracts.queries import MOST_CHARS, Pairs
from monitor.contracts.readings import SCALARS, Structure

_COMMA = re.compile("%2c", re.IGNORECASE)
"""Encoded as most clients do, though only what stands for itself should be."""
_MOST_WORDS = 8
_LISTED = re.compile(r"\[[0-9]{0,4}\]")
Occurrence = list[Structure]
"""What one occurrence of a parameter may stand for, each a way to take its text apart."""

_SEPARATORS = {
    "form": (",",),
    "cookie": (",",),
    "spaceDelimited": ("%20", "+", " "),
    "pipeDelimited": ("|", "%7C", "%7c"),
}


def cookie_pairs(text: str) -> Pairs:
    """Names and values of a Cookie header."""
    parts = (part.strip().partition("=") for part in text[:MOST_CHARS].split(";") if part.strip())
    return [(name.strip(), value.strip().strip('"')) for name, _, value in parts]


def of_pairs(parameter: Parameter, pairs: Pairs, others: frozenset[str]) -> list[Occurrence]:
    """A query or cookie parameter's occurrences; empty when it is absent. `others` are the names
    of its neighbours.
    """
    own = [value for name, value in pairs if name == parameter.name]
    if parameter.style == "deepObject":
        tree = _deep(parameter.name, pairs)
        return [[tree, *_numbered(tree)]] if tree else [[decoded(text)] for text in own]
    kinds = parameter.reading.kinds
    lists = "array" in kinds
    if lists and not own:
        # as PHP, Rails and qs write arrays
        own = [
            value
            for name, value in pairs
            if _LISTED.fullmatch(name, len(parameter.name)) and name.startswith(parameter.name)
        ]
    parts = parameter.reading.parts
    if "object" in parts and parameter.explode:
        fields = _fields(parameter, pairs, others)
        if fields:
            return [[fields]]
    if own and parameter.explode and ("array" in parts or (lists and len(own) > 1)):
        alternatives: Occurrence = [[decoded(text) for text in own]]
        if not kinds.isdisjoint(SCALARS):
            alternatives.extend(map(decoded, own))
        return [alternatives]
    return [list(_one(parameter, text)) for text in own]


def _one(parameter: Parameter, text: str) -> Iterator[Structure]:
    kinds, meant = parameter.reading.kinds, parameter.reading.parts
    if not parameter.explode and meant:
        separators = _SEPARATORS.get(parameter.style, (",",))
        parts = _split(text, separators)
        if "array" in meant:
            yield [decoded(part) for part in parts]
            for separator in separators if len(separators) > 1 else ():
                if separator in text:
                    yield [decoded(part) for part in text.split(separator)]
            items = parameter.reading.items
            if parameter.style == "spaceDelimited" and (items is None or "string" in items.kinds):
                yield from _joined([decoded(part) for part in parts])
            if not text:
                yield []
            if parameter.style in ("form", "cookie") and _COMMA.search(text):
                yield list(map(decoded, _COMMA.sub(",", text).split(",")))
        if "object" in meant and len(parts) % 2 == 0:
            yield _alternating(map(decoded, parts))
    if not kinds.isdisjoint(SCALARS) or parameter.explode or "array" not in kinds:
        yield decoded(text)
        if "+" in text:
            yield unquote(text)  # a client of URLs, not of forms: an offset of a time, a number


def _joined(words: list[str]) -> Iterator[Structure]:
    """Every way in which words may be items of one or more words: a space inside an item looks
    like one between two.
    """
    if len(words) > _MOST_WORDS:
        return
    for ends in itertools.product((False, True), repeat=len(words) - 1):
        items = [words[0]]
        for word, is_start in zip(words[1:], ends, strict=True):
            if is_start:
                items.append(word)
            else:
                items[-1] += f" {word}"
        yield list[Structure](items)


def of_path(parameter: Parameter, text: str) -> Occurrence | None:
    """What a path parameter's undecoded text may stand for; None when it is not written in the
    parameter's style.
    """
    mark = {"label": ".", "matrix": ";"}.get(parameter.style, "")
    if mark and not text.startswith(mark):
        text = unquote(text)  # a client that encodes the mark too
        if not text.startswith(mark):
            return None
    text = text.removeprefix(mark)
    kinds, meant, name = parameter.reading.kinds, parameter.reading.parts, parameter.name
    structures: Occurrence = []
    if parameter.style == "matrix":
        pairs = [
            (unquote(key), value)
            for key, _, value in (part.partition("=") for part in text.split(";"))
        ]
        values = [value for key, value in pairs if key == name]
        if "object" in meant and parameter.explode:
            structures.append({key: unquote(value) for key, value in pairs})
        if not values:
            return structures or None
        if "array" in meant:
            structures.append(
                [
                    unquote(part)
                    for value in values
                    for part in ([value] if parameter.explode else value.split(","))
                ]
            )
        if "object" in meant and not parameter.explode:
            structures.extend(_alternated(values[0].split(",")))
        return [
            *structures,
            *([unquote(values[0])] if len(values) == 1 and _may_be_scalar(kinds) else []),
        ]
    separators = (".", ",") if parameter.style == "label" else (",",)
    for separator in (
        separators if parameter.explode or parameter.style == "simple" else reversed(separators)
    ):
        parts = text.split(separator)
        if "array" in meant:
            structures.append([unquote(part) for part in parts])
            if _COMMA.search(text):
                structures.append(
                    [unquote(part) for part in _COMMA.sub(",", text).split(separator)]
                )
        if "object" in meant:
            structures.extend(_equated(parts) if parameter.explode else _alternated(parts))
    return [*structures, *([unquote(text)] if _may_be_scalar(kinds) else [])]


def of_header(parameter: Parameter, text: str) -> Occurrence:
    """What a header's text may stand for; headers are always `simple`, and nothing in them is
    percent-encoded.
    """
    kinds, meant = parameter.reading.kinds, parameter.reading.parts
    parts = [part.strip() for part in text.split(",")]
    structures: Occurrence = []
    if "array" in meant:
        structures.append(list(parts))
    if "object" in meant:
        structures.extend(_equated(parts) if parameter.explode else _alternated(parts))
    return [*structures, *([text.strip()] if _may_be_scalar(kinds) else [])]


def _may_be_scalar(kinds: frozenset[str]) -> bool:
    return not kinds.isdisjoint(SCALARS) or "array" not in kinds


def _deep(name: str, pairs: Pairs) -> dict[str, Structure]:
    """`name[a][b]=1` as nested objects; a field that comes again, or ends in `[]`, is a list."""
    tree: dict[str, Structure] = {}
    for key, value in pairs:
        if not key.startswith(name + "[") or not key.endswith("]"):
            continue
        steps = key[len(name) + 1 : -1].split("][")
        many = len(steps) > 1 and not steps[-1]
        steps = steps[:-1] if many else steps
        node = tree
        for step in steps[:-1]:
            below = node.setdefault(step, {})
            if not isinstance(below, dict):
                break
            node = below
        else:
            held, text = node.get(steps[-1]), decoded(value)
            if isinstance(held, list):
                held.append(text)
            elif isinstance(held, str):
                node[steps[-1]] = [held, text]
            elif held is None:
                node[steps[-1]] = [text] if many else text
    return tree


def _numbered(tree: dict[str, Structure]) -> Iterator[Structure]:
    """The same where fields named 0, 1, … are the items of a list, as PHP and qs write them; nothing
    where there is none.
    """
    listed = _with_lists(tree)
    if listed != tree:
        yield listed


def _with_lists(node: Structure) -> Structure:
    if not isinstance(node, dict):
        return node
    held = {name: _with_lists(child) for name, child in node.items()}
    if list(held) == [""]:
        return held[""] if isinstance(held[""], list) else [held[""]]
    numbered = held and all(name == str(place) for place, name in enumerate(held))
    return list(held.values()) if numbered else held


def _fields(parameter: Parameter, pairs: Pairs, others: frozenset[str]) -> dict[str, Structure]:
    """The fields of an object that is spread over the query: the declared ones, others only where
    its schema names their type.
    """
    reading = parameter.reading
    fields: dict[str, Structure] = {}
    for name, value in pairs:
        if name not in reading.fields and (reading.rest is None or name in others):
            continue
        earlier, text = fields.get(name), decoded(value)
        if isinstance(earlier, list):
            earlier.append(text)
        elif earlier is not None:
            fields[name] = [earlier, text]
        else:
            fields[name] = [text] if reading.of(name).kinds == {"array"} else text
    return fields


def decoded(text: str) -> str:
    return unquote_plus(text)


def _split(text: str, separators: Iterable[str]) -> list[str]:
    separators = tuple(separators)
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return text.split(separators[0])


def _alternating(parts: Iterable[str]) -> dict[str, Structure]:
    steps = iter(parts)
    return dict(zip(steps, steps, strict=True))


def _alternated(parts: Sequence[str]) -> Iterator[Structure]:
    if len(parts) % 2 == 0:
        yield _alternating(map(unquote, parts))


def _equated(parts: Sequence[str]) -> Iterator[Structure]:
    pairs = [part.partition("=") for part in parts]
    if all(equals for _, equals, _ in pairs):
        yield {unquote(name): unquote(value) for name, _, value in pairs}


def names_of(parameters: Iterable[Parameter]) -> Mapping[str, frozenset[str]]:
    """Names of all parameters by place."""
    by_place: dict[str, set[str]] = {}
    for parameter in parameters:
        by_place.setdefault(parameter.place, set()).add(parameter.name)
    return {place: frozenset(names) for place, names in by_place.items()}
