"""YAML 1.2 to plain JSON values, event by event: no node is built, and a text that is deep, large
or expands to much is refused where that shows.
"""

import re
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from monitor.contracts.limits import ContractLimits
from monitor.errors import ContractError

_TAG = "tag:yaml.org,2002:"
_KINDS = "null bool int float str timestamp value seq map binary omap set".split()
_TAGS = frozenset({None, "!", *(_TAG + kind for kind in _KINDS)})
_TEXT = frozenset({"!", f"{_TAG}str"})
_DIGITS = re.compile(r"[-+]?[0-9]+")
# `0149` is text to tools of YAML 1.1, which takes a zero before it for octal, and is meant so
_INT = re.compile(r"[-+]?(?:0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-.0123456789")
_MOST_DIGITS = 400
_FEW = 1_000
_NO_KEY, _MERGE, _OPEN = object(), object(), object()


def read_yaml(text: str, where: str, limits: ContractLimits) -> Any:
    """The document's values; of several documents, a list.

    JSON's types: a date stays text, `NO` is Norway. Each use of an alias is a copy, and counts.
    Raises ContractError for what is over a budget or uses tags, and for a text without a document;
    YAMLError for a text that is no YAML.
    """
    loader = yaml.CSafeLoader(text)
    try:
        reader = _Reader(where, limits)
        while loader.check_event():
            reader.take(loader.get_event())
    except _NoText:
        # `{{` of a template is such a key, and the text is no YAML a few signs on
        for _ in range(_FEW):
            if loader.check_event():
                loader.get_event()
        raise
    finally:
        loader.dispose()
    if not reader.roots:
        raise ContractError(f"{where}: the document is empty")
    return reader.roots[0] if len(reader.roots) == 1 else reader.roots


class _NoText(ContractError):
    """A key is no text."""


class _Reader:
    def __init__(self, where: str, limits: ContractLimits) -> None:
        self._where, self._limits = where, limits
        self.roots: list[Any] = []
        self._documents = self._nodes = 0
        self._aliased = False
        # the collection that is being filled, the key that waits for its value in a map, and what
        # `<<` merges into it; then those around it, with the anchors that they close
        self._held: Any = None
        self._key: Any = None
        self._merged: dict[str, Any] = {}
        self._around: list[tuple[Any, Any, dict[str, Any], str | None, int]] = []
        # by anchor: the value, how many nodes it has, and its text where it may be a key
        self._anchors: dict[str, tuple[Any, int, str | None]] = {}

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind is MappingStartEvent:
            self._begin(event, {}, _NO_KEY)
        elif kind is SequenceStartEvent:
            self._begin(event, [], None)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._end()
        elif kind is AliasEvent:
            self._alias(event)
        elif kind is DocumentStartEvent:
            self._anchors.clear()
            self._documents += 1
            if self._documents > self._limits.operations:
                raise ContractError(
                    f"{self._where}: more than {self._limits.operations} YAML documents; split the file"
                )

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        is_key = self._key is _NO_KEY
        if is_key and text == "<<" and not event.style:
            self._key = _MERGE
            return
        value = text if is_key or event.style else self._plain(text, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1, text)
        if is_key:
            self._name(text, event)
            return
        if event.tag is not None:
            self._refuse_tag(event)
        self._count(1)
        self._put(value)

    def _name(self, text: str, event: Any) -> None:
        if text in self._held:
            raise ContractError(
                f"{self._where}: the key {text[:80]!r} stands twice in one object, again at line {event.start_mark.line + 1}, column {event.start_mark.column + 1}; only one of the two can be meant"
            )
        self._key = text

    def _plain(self, text: str, event: Any) -> Any:
        if text in _WORDS:
            return text if event.tag in _TEXT else _WORDS[text]
        if text[0] not in _NUMERIC or event.tag in _TEXT:
            return text
        if _DIGITS.fullmatch(text):
            return int(text) if len(text) <= _MOST_DIGITS and _INT.fullmatch(text) else text
        return float(text) if _FLOAT.fullmatch(text) else text

    def _begin(self, event: Any, held: Any, key: Any) -> None:
        if self._key is _NO_KEY:
            raise _NoText(f"{self._where}: a key at line {_line(event)} is no text")
        if event.tag is not None:
            self._refuse_tag(event)
        if len(self._around) >= self._limits.depth:
            raise ContractError(
                f"{self._where}: nested deeper than {self._limits.depth} levels at line {_line(event)}"
            )
        self._count(1)
        if event.anchor is not None:
            self._anchors[event.anchor] = (_OPEN, 0, None)
        self._around.append((self._held, self._key, self._merged, event.anchor, self._nodes))
        self._held, self._key, self._merged = held, key, {}

    def _end(self) -> None:
        value = self._merged | self._held if self._merged else self._held
        self._held, self._key, self._merged, anchor, before = self._around.pop()
        if anchor is not None:
            self._anchors[anchor] = (value, self._nodes - before + 1, None)
        self._put(value)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise yaml.MarkedYAMLError(None, None, f"found undefined alias {name!r}", event.start_mark)  # fmt: skip
        value, nodes, text = self._anchors[name]
        if value is _OPEN:
            raise ContractError(f"{self._where}: an alias at line {_line(event)} contains itself")
        if self._key is _NO_KEY:
            if text is None:
                raise ContractError(f"{self._where}: a key at line {_line(event)} is no text")
            self._name(text, event)
            return
        self._aliased = True
        self._count(nodes)
        self._put(_copied(value))

    def _put(self, value: Any) -> None:
        key, held = self._key, self._held
        if key is None:
            (self.roots if held is None else held).append(value)
            return
        if key is _MERGE:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    self._merged = part | self._merged
        else:
            held[key] = value
        self._key = _NO_KEY

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise ContractError(
                f"{self._where}: its aliases expand to more than {self._limits.nodes} nodes; write it without so many aliases"
                if self._aliased
                else f"{self._where}: more than {self._limits.nodes} nodes; split the contract"
            )

    def _refuse_tag(self, event: Any) -> None:
        if event.tag not in _TAGS:
            raise ContractError(
                f"{self._where}: the tag {event.tag[:60]!r} at line {_line(event)} is not allowed; remove it"
            )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _copied(value: Any) -> Any:
    """A copy of what an alias stands for: nobody who changes the one shall change the other."""
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value
