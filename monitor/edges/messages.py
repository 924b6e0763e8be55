"""What a messaging span does, with messages of which destination, by semantic conventions old and
new.
"""

import re
from collections.abc import Mapping
from typing import Any

from monitor.model.operations import MAX_OPERATION, capped

TELLS, RECEIVES, DELIVERS_NOTHING, RECEIVES_LINKED = 0, 1, 2, 3
SAYS_QUESTION = 4
"""Not of messages: a span that tells itself what it is asked for by GraphQL."""
_RECEIVING = frozenset({"receive", "recv", "poll", "fetch", "pull"})
_SENDING = frozenset({"send", "publish"})
_SETTLING = frozenset({"settle", "ack", "nack", "acknowledge", "commit"})
_VERBS = (
    frozenset({"send", "publish", "create", "process", "deliver", "consume"})
    | _RECEIVING
    | _SETTLING
)
_TEMPORARY = (
    "messaging.destination.temporary",
    "messaging.destination.anonymous",
    "messaging.temp_destination",
)
_DESTINATION = "messaging.destination.template messaging.destination.name messaging.destination message_bus.destination".split()
_GENERATED = re.compile(
    r"""
    (?<=amq\.gen-).+                                                            # RabbitMQ names the queue
    | (?<=amq\.rabbitmq\.reply-to\.).+
    | (?<=spring\.gen-).+                                                         # Spring does
    | (?<=\.anonymous\.).{20,}
    | (?<=_INBOX\.).+                                                            # NATS names where an answer goes
    | (?<=temp-queue://).+ | (?<=temp-topic://).+                                # ActiveMQ
    | (?<![0-9A-Za-z])[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}(?![0-9A-Za-z])
    | (?<![0-9A-Za-z])(?=[a-f]*[0-9])[0-9a-f]{12,}(?![0-9A-Za-z])               # a hash
    | (?<![0-9A-Za-z])[0-9]{6,}(?![0-9A-Za-z])                                  # a number or a time
    | (?<![0-9A-Za-z])(?=(?:[A-Za-z]*[0-9]){2})(?=[^A-Z]*[A-Z])[A-Za-z0-9]{20,}(?![0-9A-Za-z])   # a random text
    """,
    re.VERBOSE,
)
_OPERATION = ("messaging.operation.type", "messaging.operation", "messaging.operation.name")


def destination(given: Mapping[str, Any], span_name: str) -> str:
    """Where the messages go: named, else the span's name without its verb; "unknown" when neither
    tells.

    What a program generates for one connection or one answer (`amq.gen-…`, `reply.<uuid>`) is
    `{id}` in its name.
    """
    if any(given.get(word) in (True, 1, "true") for word in _TEMPORARY):
        return "(temporary)"
    named = next((str(given[word]) for word in _DESTINATION if given.get(word)), "")
    named = named or " ".join(word for word in span_name.split() if word.lower() not in _VERBS)
    return capped(_GENERATED.sub("{id}", named[:MAX_OPERATION])) or "unknown"


def step(given: Mapping[str, Any], span_name: str, *, links_to_messages: bool = False) -> int:
    """TELLS of a delivery or a sending, only RECEIVES (what else the application does with the
    messages may be told by other spans), or DELIVERS_NOTHING: settling, polls that name no
    destination, and sending messages that have spans of their own, to which the sending one links.

    Receive spans are CONSUMER in conventions up to 1.24, CLIENT since; without an attribute the
    span's name tells, which is `<destination> <verb>` in the old ones and `<verb> <destination>`
    in the new.
    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#operation-types
    """
    verb = next((str(given[word]).lower() for word in _OPERATION if given.get(word)), "")
    if not verb:
        words = span_name.lower().split()
        verb = next((word for word in (words[-1:] + words[:1]) if word in _VERBS), "")
    if verb in _SETTLING or (verb in _SENDING and links_to_messages):
        return DELIVERS_NOTHING
    if verb in _RECEIVING:
        return RECEIVES if destination(given, span_name) != "unknown" else DELIVERS_NOTHING
    return TELLS
