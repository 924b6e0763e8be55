"""What recorded skeletons of messages tell of a revision that is not in force yet: which would
break it, which would keep it, and which cannot tell.

A record is held against all messages of its topic, as checking does; one that it keeps is enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import orjson

from monitor.contracts.affected import Kind
from monitor.contracts.form import Message, Promise
from monitor.contracts.formats.overlooked import reached
from monitor.contracts.shown_replay import carried
from monitor.decode.topic_records import KAFKA
from monitor.model.exchanges import MESSAGING

Key = tuple[str, str, Literal["breaks", "keeps", "untold"], str]
"""By whom, the topic, what is told, and why."""


def told_by_skeletons(
    rows: Iterable[Mapping[str, Any]], promise: Promise, topics: Sequence[str] | None = None
) -> tuple[Counter[Key], Counter[Key]]:
    """Counts over rows of `shapes_seen_of`: for how many messages the skeletons stand, and how
    many payloads were looked at. `topics` None: all that the contract speaks of.

    By whom: the service that reads the topic where one is known, else the one that wrote.
    """
    stands_for, looked_at = Counter[Key](), Counter[Key]()
    outcomes: dict[tuple[str, str, Any], tuple[Literal["breaks", "keeps", "untold"], str]] = {}
    for row in rows:
        topic = str(row["operation"])
        spoken = promise.of_topic(topic) if row["protocol"] == MESSAGING else ()
        if not spoken or (topics is not None and topic not in topics):
            continue
        kind = (topic, str(row["media"]), row["shape"])
        if kind not in outcomes:
            outcomes[kind] = _told(row, spoken)
        reader = str(row["callee"])
        whom = reader if reader not in ("", KAFKA) else str(row["caller"])
        key = (whom, topic, *outcomes[kind])
        stands_for[key] += int(row["stands_for"])
        looked_at[key] += int(row["looked_at"])
    return stands_for, looked_at


def _told(
    row: Mapping[str, Any], spoken: Sequence[Message]
) -> tuple[Literal["breaks", "keeps", "untold"], str]:
    """What one skeleton tells of the messages that may stand in its topic."""
    if not row["text"]:
        return "untold", "payload_unseen"
    kind = Kind(
        str(row["operation"]),
        int(row["status"]),
        "request",
        row["media"],
        orjson.loads(row["text"]),
    )
    held = [carried(message, kind) for message in spoken]
    words = {it.word for it in held}
    keeping = [message for message, it in zip(spoken, held, strict=True) if it.word == "keeps"]
    if any(message.example is None and not _asks_of_values(message) for message in keeping):
        return "keeps", ""
    if keeping or "values" in words:
        binary = all(message.example is not None for message in keeping or spoken)
        return "untold", "binary_message" if binary else "message_values"
    nearest = min(held, key=lambda it: len(it.broken))
    return "breaks", nearest.broken[0].rule


_OF_VALUES = frozenset(
    (
        "enum const pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
        "minLength maxLength minItems maxItems minProperties maxProperties uniqueItems contains "
        "propertyNames patternProperties not if anyOf oneOf"
    ).split()
)


def _asks_of_values(message: Message) -> bool:
    """Whether its schema says more than presence and types, of which a skeleton tells nothing."""
    schemas = [] if message.schema is None else [message.schema]
    return any(not _OF_VALUES.isdisjoint(node) for node, _ in reached(schemas))
