"""The lines of a contract's text at which given places stand, in JSON and in YAML."""

import json
import re
from collections.abc import Collection
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from monitor.contracts.comments import is_object, uncommented
from monitor.contracts.selections.written import lines_of_sdl, looks_like_sdl
from monitor.model.pointers import escaped
from monitor.native import BUILT

_DEEPEST = 128
_BEGINS = frozenset({MappingStartEvent, SequenceStartEvent})
_ENDS = frozenset({MappingEndEvent, SequenceEndEvent})
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|\n|[^\s{}\[\],:"]+')


def lines_of(text: str, pointers: Collection[str]) -> dict[str, int]:
    """The line, from 1, of each JSON pointer: that of its key, else of what comes nearest above
    it. Reads the text once.

    The text has been parsed before, so that it is sound and not too deep. What came by an alias or
    a merge key has the line of the place that it came to.
    """
    begins, ends = _extent(text)
    if text.find("\n", begins, ends) < 0:  # as tools write it, and large: nothing to look for
        return dict.fromkeys(pointers, text.count("\n", 0, begins) + 1)
    if looks_like_sdl(text):
        return lines_of_sdl(text, pointers)
    ancestors = {ancestor for pointer in pointers for ancestor in _ancestors(pointer)}
    text = text.removeprefix("\ufeff")
    try:
        lines = _natively(text, ancestors)
        if lines is None:
            lines = _in_text(text, ancestors)
    except yaml.YAMLError:
        lines = {}  # a text of another kind
    return {
        pointer: next(
            (lines[ancestor] for ancestor in _ancestors(pointer) if ancestor in lines), 1
        )
        for pointer in pointers
    }


def _extent(text: str) -> tuple[int, int]:
    """Where a text begins and ends but for space. A copy of a large one costs more than a look."""
    begins, ends = 0, len(text)
    while begins < ends and text[begins].isspace():
        begins += 1
    while ends > begins and text[ends - 1].isspace():
        ends -= 1
    return begins, ends


def _natively(text: str, wanted: Collection[str]) -> dict[str, int] | None:
    """Those that the native look finds; None where it leaves the text to the reference. It costs
    some 5 ms a MB of JSON, the reference 100 to 300.
    """
    pointers = list(wanted)
    if BUILT is None or text.lstrip()[:1] != "{":
        return None
    lines = BUILT.lines_of(text, pointers, _DEEPEST)
    if lines is None:
        return None
    return {pointer: line for pointer, line in zip(pointers, lines, strict=True) if line}


def _in_text(text: str, wanted: Collection[str]) -> dict[str, int]:
    """The reference of `_natively`."""
    if is_object(text):
        for plain in (text, uncommented(text)):
            if _is_json(plain):
                return _in_json(plain, wanted)
    return _in_yaml(text, wanted)


def _ancestors(pointer: str) -> list[str]:
    """The pointer itself, its parent and so on up to the root."""
    parts = pointer.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


class _Walk:
    """Where one is in a document, and the lines of the wanted places passed so far."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self._path: list[str] = [""]
        # an index in a list; in an object the key that waits for its value
        self._open: list[int | str | None] = []
        self.found: dict[str, int] = {}
        self._most = sum(map(bool, wanted))  # the root has no line of its own

    @property
    def is_over(self) -> bool:
        """Whether every wanted place was passed."""
        return len(self.found) >= self._most

    @property
    def wants_below(self) -> bool:
        """Whether this place, or one below it, is wanted: ancestors of the wanted are, too."""
        return self._here() in self._wanted

    @property
    def wants_key(self) -> bool:
        return bool(self._open) and self._open[-1] is None

    def key(self, name: str, line: int) -> None:
        self._open[-1] = name
        self._note(line)

    def value(self, line: int) -> None:
        """A value begins."""
        if self._open and isinstance(self._open[-1], int):
            self._note(line)

    def opened(self, *, listed: bool) -> None:
        self._path.append(self._here())
        self._open.append(0 if listed else None)

    def closed(self) -> None:
        self._path.pop()
        self._open.pop()
        self.ended()

    def ended(self) -> None:
        """A value is over."""
        if self._open:
            at = self._open[-1]
            self._open[-1] = at + 1 if isinstance(at, int) else None

    def _here(self) -> str:
        if not self._open:
            return ""
        return f"{self._path[-1]}/{escaped(str(self._open[-1]))}"

    def _note(self, line: int) -> None:
        here = self._here()
        if here in self._wanted:
            self.found.setdefault(here, line)


def _in_json(text: str, wanted: Collection[str]) -> dict[str, int]:
    walk, line = _Walk(wanted), 1
    for sign in _TOKEN.findall(text):
        if sign == "\n":
            line += 1
        elif sign in "{[":
            walk.value(line)
            walk.opened(listed=sign == "[")
        elif sign in "}]":
            walk.closed()
        elif sign in ",:":
            continue
        elif walk.wants_key:
            walk.key(json.loads(sign), line)
        else:
            walk.value(line)
            walk.ended()
    return walk.found


def _in_yaml(text: str, wanted: Collection[str]) -> dict[str, int]:
    walk, loader, passed = _Walk(wanted), yaml.CSafeLoader(text), 0
    try:
        while loader.check_event() and not walk.is_over:
            event: Any = loader.get_event()
            kind = type(event)
            if passed:  # below a place that nobody wants
                passed += (kind in _BEGINS) - (kind in _ENDS)
                if not passed:
                    walk.ended()
                continue
            line = event.start_mark.line + 1
            if kind in _BEGINS:
                walk.value(line)
                if walk.wants_below:
                    walk.opened(listed=kind is SequenceStartEvent)
                else:
                    passed = 1
            elif kind in _ENDS:
                walk.closed()
            elif kind not in (ScalarEvent, AliasEvent):
                continue
            elif walk.wants_key:
                walk.key(event.value if kind is ScalarEvent else "", line)
            else:
                walk.value(line)
                walk.ended()
    finally:
        loader.dispose()
    return walk.found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
