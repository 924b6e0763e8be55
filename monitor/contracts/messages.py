"""One Kafka record against the messages of a contract: which may be meant, and whether it keeps one of them."""

from monitor.contracts.carried import Carried
from monitor.contracts.findings import Findings
from monitor.contracts.form import Message, Promise
from monitor.contracts.interactions import decide
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import UNDECIDABLE
from monitor.model.exchanges import Shown

NO_MESSAGE = "no_message"  # the contract knows the topic, or names none, and its headers speak of another message
AMBIGUOUS_MESSAGE = "ambiguous_message"  # it keeps none, but whether one was meant cannot be told
UNKNOWN_PRODUCER = "unknown_producer"  # it breaks the contracts of several that may have sent it
_MOST_TRIED = 500


def check_messages(
    record: Carried, promise: Promise, redacted: bool, findings: Findings, limits: PayloadLimits
) -> list[tuple[str, Shown]] | None:
    """Add to `findings` what a contract says of a record; None when it says nothing of its topic.

    A record that keeps one of the messages that may be meant is valid. One that keeps none is a violation where it is sure
    that one was meant: the contract names the topic, and the headers that tell messages apart are there.
    """
    held = promise.of_topic(record.topic)
    if not held:
        return None
    meant = [(one, unseen) for one in held[:_MOST_TRIED] if one.sides and (unseen := _unsure(one, record)) is not None]
    if not meant:
        findings.leave(NO_MESSAGE, "request", "")
        return []
    if len(held) > _MOST_TRIED:  # it may keep one of those that are not looked at
        meant = [(one, UNDECIDABLE) for one, _ in meant]
    answers = [(one, unseen, _judged(one, record, redacted, limits)) for one, unseen in meant]
    return decide(answers, findings, "request", AMBIGUOUS_MESSAGE)


def _unsure(one: Message, record: Carried) -> str | None:
    """Why it is not sure that a message is meant, "" when it is; None when another one is."""
    told = record.headers
    seen = {name: told[name] for name in one.told_by if name in told and not is_mask(told[name])}
    if any(seen[name] != one.told_by[name] for name in seen):
        return None
    by_schema = one.fits(record) if one.fits is not None else None
    if by_schema is False:
        return None
    return "" if by_schema or (one.topic and len(seen) == len(one.told_by)) else AMBIGUOUS_MESSAGE


def _judged(one: Message, record: Carried, redacted: bool, limits: PayloadLimits) -> Mismatches:
    """What a record breaks of a message; of one with several sides, of the side that it comes nearest to."""
    content = record.content(one.media)
    found: list[Mismatches] = []
    for side in one.sides:
        said = Mismatches(redacted=redacted, most=limits.violations)
        side(content, said)
        found.append(said)
    return min(found, key=lambda said: (len(said.broken), len(said.left)))
