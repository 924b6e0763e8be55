"""One Kafka record against the messages of a contract: which may be meant, and whether it keeps
one of them.
"""

from monitor.contracts.carried import Carried
from monitor.contracts.findings import Findings
from monitor.contracts.form import Message, Promise
from monitor.contracts.interactions import decide
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import UNDECIDABLE
from monitor.model.exchanges import Shown

# the contract knows the topic, or names none, and its headers speak of another message
NO_MESSAGE = "no_message"
AMBIGUOUS_MESSAGE = "ambiguous_message"  # it keeps none, but whether one was meant cannot be told
UNKNOWN_PRODUCER = "unknown_producer"  # it breaks the contracts of several that may have sent it
_MOST_TRIED = 500


def check_messages(
    record: Carried, promise: Promise, redacted: bool, findings: Findings, limits: PayloadLimits
) -> list[tuple[str, Shown]] | None:
    """Add to `findings` what a contract says of a record; None when it says nothing of its topic.

    A record that keeps one of the messages that may be meant is valid. One that keeps none is a
    violation where it is sure that one was meant: the contract names the topic, and the headers
    that tell messages apart are there.
    """
    messages = promise.of_topic(record.topic)
    if not messages:
        return None
    meant = [
        (message, unseen)
        for message in messages[:_MOST_TRIED]
        if message.sides and (unseen := _unsure(message, record)) is not None
    ]
    if not meant:
        findings.leave(NO_MESSAGE, "request", "")
        return []
    if len(messages) > _MOST_TRIED:  # it may keep one of those that are not looked at
        meant = [(message, UNDECIDABLE) for message, _ in meant]
    answers = [
        (message, unseen, _judged(message, record, redacted, limits)) for message, unseen in meant
    ]
    return decide(answers, findings, "request", AMBIGUOUS_MESSAGE)


def _unsure(message: Message, record: Carried) -> str | None:
    """Why it is not sure that a message is meant, "" when it is; None when another one is."""
    headers = record.headers
    marks = {
        name: headers[name]
        for name in message.told_by
        if name in headers and not is_mask(headers[name])
    }
    if any(marks[name] != message.told_by[name] for name in marks):
        return None
    by_schema = message.fits(record) if message.fits is not None else None
    if by_schema is False:
        return None
    return (
        ""
        if by_schema or (message.topic and len(marks) == len(message.told_by))
        else AMBIGUOUS_MESSAGE
    )


def _judged(
    message: Message, record: Carried, redacted: bool, limits: PayloadLimits
) -> Mismatches:
    """What a record breaks of a message; of one with several sides, of the side that it comes
    nearest to.
    """
    content = record.content(message.media)
    trials: list[Mismatches] = []
    for side in message.sides:
        mismatches = Mismatches(redacted=redacted, most=limits.violations)
        side(content, mismatches)
        trials.append(mismatches)
    return min(trials, key=lambda trial: (len(trial.broken), len(trial.left)))
