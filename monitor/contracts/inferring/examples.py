"""Example payloads that stand for what was seen: of each field that is surely there, and of one type
alone, a value that nobody sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.contracts.inferring.gathered import JSON, Media, Seen, as_told
from monitor.contracts.inferring.held import Held, Marks, at_most, enough
from monitor.contracts.made_values import made_text
from monitor.contracts.marks import FIRST
from monitor.contracts.payloads import is_json_type
from monitor.model.exchanges import BODILESS
from monitor.model.pointers import escaped

NOTHING = object()
"""Where no example can be given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of answer. `body` is NOTHING where none is told; `calls` were answered so."""

    status: int
    media: str
    body: Any
    calls: int


def answers(method: str, seen: Seen, sure: float) -> Iterator[Answer]:
    """The kinds of answers of an operation, seldom ones first; of each media type one."""
    all_answers = [
        answer for status in seen.statuses for answer in _of(method, status, seen, sure)
    ]
    yield from sorted(all_answers, key=lambda answer: (answer.calls, answer.status))


def pending(seen: Seen, sure: float) -> bool:
    """Whether too few calls were seen to hold an operation's examples against anybody."""
    return not seen.answers_known(sure)


def _of(method: str, status: int, seen: Seen, sure: float) -> Iterator[Answer]:
    media: Media = {} if method == "HEAD" or status in BODILESS else seen.responses.get(status, {})
    sides = list(as_told(media))
    calls = seen.calls[status]
    few = calls < enough(sure) and not pending(seen, sure)
    if few or not sides or any(side.empty or side.unseen for side in media.values()):
        # a body that was missing or could not be looked at, at times, or seldom came: only the
        # status is sure
        yield Answer(status, "", NOTHING, calls)
        return
    total = sum(side.held.payloads for _, side in sides) or 1
    # what is pending is held against nobody, and a mock that answers {} is of no use
    told = 1.0 if pending(seen, sure) else sure
    for name, side in sides:
        body = example_of(side.held, side.marks, told) if is_json_type(name) else NOTHING
        media_shown = "" if "" in media else name
        yield Answer(status, media_shown, body, calls * side.held.payloads // total)


def example_of(held: Held, marks: Marks, sure: float) -> Any:
    """A payload that each of those seen is like: it has all of its fields, with their types."""
    return _example(held, marks, sure, [""])


def _example(held: Held, marks: Marks, sure: float, places: Sequence[str]) -> Any:
    kinds = +held.kinds
    if len(kinds) != 1 or "x" in kinds or "n" in kinds or "z" in kinds:
        return NOTHING
    (word,) = kinds
    if word == "s":
        formats = marks.at(places, "F")
        return made_text(next(iter(formats))[1:] if len(formats) == 1 else "")
    if word == "a":
        return _items(held, marks, sure, places)
    if word == "o":
        return _object(held, marks, sure, places)
    return True if word == "b" else 1.5 if marks.at(places, "f") else 1


def _items(held: Held, marks: Marks, sure: float, places: Sequence[str]) -> list[Any]:
    if held.items is None or held.cut:
        return []
    item = _example(held.items, marks, sure, [f"{place}/{FIRST}" for place in places])
    return [] if item is NOTHING else [item]


def _object(held: Held, marks: Marks, sure: float, places: Sequence[str]) -> dict[str, Any]:
    if held.is_map or at_most(held.kinds["o"]) > sure:
        return {}
    examples = {
        name: _example(below, marks, sure, [f"{place}/{escaped(name)}" for place in places])
        for name, below in held.fields.items()
        if held.always(name)
    }
    return {name: example for name, example in examples.items() if example is not NOTHING}


def content_type(answer: Answer) -> dict[str, str]:
    """The headers of an answer of which a type is told, or that has an example."""
    media = answer.media or (JSON if answer.body is not NOTHING else "")
    return {"Content-Type": media} if media else {}
