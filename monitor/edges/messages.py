"""What a messaging span does, with messages of which destination, by semantic conventions old and new."""

from collections.abc import Mapping
from typing import Any

from monitor.model.operations import capped

TELLS, RECEIVES, DELIVERS_NOTHING, RECEIVES_LINKED = 0, 1, 2, 3
_RECEIVING = frozenset({"receive", "recv", "poll", "fetch", "pull"})
_SETTLING = frozenset({"settle", "ack", "nack", "acknowledge", "commit"})
_VERBS = frozenset({"send", "publish", "create", "process", "deliver", "consume"}) | _RECEIVING | _SETTLING
_TEMPORARY = ("messaging.destination.temporary", "messaging.destination.anonymous")
_DESTINATION = ("messaging.destination.template", "messaging.destination.name", "messaging.destination")
_OPERATION = ("messaging.operation.type", "messaging.operation", "messaging.operation.name")


def destination(given: Mapping[str, Any], span_name: str) -> str:
    """Where the messages go: named, else the span's name without its verb; "unknown" when neither tells."""
    if any(given.get(word) in (True, 1, "true") for word in _TEMPORARY):
        return "(temporary)"
    named = next((str(given[word]) for word in _DESTINATION if given.get(word)), "")
    if named:
        return capped(named)
    return capped(" ".join(word for word in span_name.split() if word.lower() not in _VERBS)) or "unknown"


def step(given: Mapping[str, Any], span_name: str) -> int:
    """TELLS of a delivery or a sending, only RECEIVES (what else the application does with the messages may be told by other
    spans), or DELIVERS_NOTHING: settling, and polls that name no destination.

    Receive spans are CONSUMER in conventions up to 1.24, CLIENT since; without an attribute the span's name tells, which is
    `<destination> <verb>` in the old ones and `<verb> <destination>` in the new.
    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#operation-types
    """
    said = next((str(given[word]).lower() for word in _OPERATION if given.get(word)), "")
    if not said:
        words = span_name.lower().split()
        said = next((word for word in (words[-1:] + words[:1]) if word in _VERBS), "")
    if said in _SETTLING:
        return DELIVERS_NOTHING
    if said in _RECEIVING:
        return RECEIVES if destination(given, span_name) != "unknown" else DELIVERS_NOTHING
    return TELLS
