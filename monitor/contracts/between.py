"""Where two contracts of one provider cannot both be kept, whichever of the two shows the examples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.contradictions import (
    MOST,
    Contradiction,
    contradictions,
    message_contradictions,
    schema_contradictions,
)
from monitor.contracts.form import Promise
from monitor.contracts.shown import FORMATS, OF_MESSAGES

_OF_TOPICS = frozenset({"asyncapi", "jsonschema", "avro", "protobuf"})
_OF_CALLS = frozenset({"openapi", "jsonschema"})


@dataclass(frozen=True, slots=True)
class Held:
    """A contract that is read, by its own name."""

    name: str
    kind: str
    document: Mapping[str, Any]
    promise: Promise


def may_contradict(kind: str, other: str) -> bool:
    """Whether one of two contracts of these formats may show, or describe, what the other
    forbids.
    """
    return bool(_shown_to(kind, other) or _shown_to(other, kind)) or _described_alike(kind, other)


def between(first: Held, second: Held) -> list[Contradiction]:
    """At most 100; those of the examples of the first, of those of the second, and of schemas."""
    return list(_between(first, second))[:MOST]


def _between(first: Held, second: Held) -> Iterator[Contradiction]:
    for shows, held in ((first, second), (second, first)):
        what = _shown_to(shows.kind, held.kind)
        if what == "calls":
            yield from contradictions(
                shows.name, shows.document, held.name, held.promise, shows.kind
            )
        elif what == "messages":
            yield from message_contradictions(
                shows.name, shows.kind, shows.document, shows.promise, held.name, held.promise
            )
    if _described_alike(first.kind, second.kind):
        yield from schema_contradictions(first.name, first.promise, second.name, second.promise)


def _described_alike(kind: str, other: str) -> bool:
    """Whether two contracts of different formats may describe one operation or topic by schemas."""
    both = {kind, other}
    return kind != other and (both <= _OF_TOPICS or both == _OF_CALLS)


def _shown_to(shows: str, other: str) -> Literal["calls", "messages", ""]:
    """What the examples of a format may show that the other forbids."""
    if shows in FORMATS and other in ("openapi", "graphql"):
        return "calls"
    of_topics = shows in OF_MESSAGES and other in _OF_TOPICS and shows != other
    return "messages" if of_topics else ""
