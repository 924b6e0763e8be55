"""One exchange against a contract of examples: which of them its request fits, and whether the
answer keeps one of them.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Interaction, Promise
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.call import Call, plain_path
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.statuses import AMBIGUOUS_STATE, outside
from monitor.contracts.routes import PLACEHOLDER
from monitor.model.exchanges import CLIENT_LEFT, GRPC, Shown

NO_INTERACTION = "no_interaction"
# it is broken, but whether its request was meant cannot be seen
AMBIGUOUS_REQUEST = "ambiguous_request"
NO_RESPONSE = "no_response"
PENDING = "pending"
# as a reason: nobody said that the contract lists all statuses
UNDOCUMENTED_STATUS = "undocumented_status"
_NOT_MODIFIED = 304
_MOST_TRIED = 2_000


def check_interactions(
    call: Call, promise: Promise, findings: Findings, limits: PayloadLimits
) -> list[tuple[str, Shown]]:
    """Add to `findings` what the examples say of an exchange; returns those that it showed, by
    name.

    An answer that keeps one example whose request fits is valid. One that keeps none is a
    violation only where it is sure that one of them was meant: the whole request was seen, and
    their states are the same.
    """
    exchange = call.exchange
    examples = fitting(call, promise)
    if not examples:
        findings.leave(NO_INTERACTION, "request", "")
        return []
    # spans of gRPC tell no status of HTTP: what their call ended with stands in its own code
    if exchange.status in (0, CLIENT_LEFT) and (exchange.status_told or exchange.protocol != GRPC):
        findings.leave(NO_RESPONSE, "response", examples[0][0].clause)
        return [(example.name, "open") for example, _ in examples]
    answers = [(example, unseen, answered(example, call, limits)) for example, unseen in examples]
    if len(answers) == 1:  # as most are
        example, _, mismatches = answers[0]
        if not mismatches.found and not mismatches.left:
            findings.shape_only = mismatches.shape_only
            return [(example.name, "kept")]
    why = _beside(exchange.status, answers)
    if why:
        findings.leave(why, "response", examples[0][0].clause)
        return [(example.name, "open") for example, _ in examples]
    return decide(answers, findings, "response")


def _beside(status: int, answers: Sequence[tuple[Interaction, str, Mismatches]]) -> str:
    """Why an answer of a status that no example shows breaks none of them; "" where it does, or
    where one shows it.
    """
    wrong = [entry[2].status for entry in answers]
    if any(broken is None for broken in wrong):
        return ""
    if status == _NOT_MODIFIED:
        # asked for on a condition that no example shows; it holds no body of its own
        return UNDOCUMENTED_STATUS
    actual = next(broken.actual for broken in wrong if broken is not None)
    return outside(actual, [state for example, _, _ in answers for state in example.states])


class Shaped(Protocol):
    """What an example is told by: of a call, or a message."""

    @property
    def name(self) -> str: ...
    @property
    def clause(self) -> str: ...
    @property
    def states(self) -> Sequence[str]: ...
    @property
    def pending(self) -> bool: ...


Answers = Sequence[tuple[Shaped, str, Mismatches]]
"""Examples that may be meant, each with why that is not sure ("" when it is), and what it found
broken.
"""


def decide(
    answers: Answers, findings: Findings, side: Side, unsure: str = AMBIGUOUS_REQUEST
) -> list[tuple[str, Shown]]:
    """Add to `findings` what follows from several examples; returns those that were shown, by
    name.

    `unsure` is the reason where something is broken, but whether any of the examples was meant
    cannot be told.
    """
    matches = [
        (example, mismatches)
        for example, _, mismatches in answers
        if not mismatches and not mismatches.open
    ]
    if matches:
        findings.shape_only = all(mismatches.shape_only for _, mismatches in matches)
        return [(example.name, "kept") for example, _ in matches]
    half = [(example, mismatches) for example, _, mismatches in answers if not mismatches]
    if half:
        for reason, clause in half[0][1].left:
            findings.leave(reason, side, clause)
        return [(example.name, "open") for example, _ in half]
    if len({tuple(example.states) for example, _, _ in answers}) > 1:
        findings.leave(AMBIGUOUS_STATE, side, answers[0][0].clause)
    elif any(unseen for _, unseen, _ in answers):
        findings.leave(unsure, "request", answers[0][0].clause)
    else:
        return _broken(answers, findings, side)
    return [(example.name, "open") for example, _, _ in answers]


def _broken(answers: Answers, findings: Findings, side: Side) -> list[tuple[str, Shown]]:
    """The example that the answer comes nearest to is the one that it breaks: none of which a
    constant at the top says that another one was meant, if there is such a one.
    """
    example, _, mismatches = min(
        answers,
        key=lambda answer: (
            any(
                broken.rule == "const" and broken.pointer.count("/") == 1
                for broken in answer[2].broken
            ),
            len(answer[2].broken),
            answer[0].pending,
        ),
    )
    if all(answer[0].pending for answer in answers):
        findings.leave(PENDING, side, example.clause)
        return [(candidate.name, "open") for candidate, _, _ in answers]
    findings.broken.extend((side, broken) for broken in mismatches.broken)
    for reason, clause in mismatches.left:
        findings.leave(reason, side, clause)
    return [(candidate.name, "broken") for candidate, _, _ in answers]


def fitting(call: Call, promise: Promise) -> list[tuple[Interaction, str]]:
    """The examples whose request this one satisfies, each with why that is not sure, of the lowest
    priority only.
    """
    fitting: list[tuple[Interaction, str]] = []
    sure: int | None = None
    exchange = call.exchange
    plain = plain_path(exchange.path)
    path = plain.lower()
    for tried, example in enumerate(_candidates(exchange.method.upper(), plain, path, promise)):
        if tried >= _MOST_TRIED:  # it may have meant one of those that are not looked at
            fitting = [(earlier, "undecidable") for earlier, _ in fitting]
            break
        if (sure is not None and example.priority > sure) or not path.startswith(example.prefix):
            continue
        mismatches = Mismatches(redacted=exchange.redacted, most=1)
        for part in example.request:
            part(call, mismatches)
            if mismatches.found:
                break
        if mismatches.found:
            continue
        unseen = mismatches.open
        if not unseen and (sure is None or example.priority < sure):
            sure = example.priority
        fitting.append((example, unseen))
    if len(fitting) < 2:
        return fitting
    return [
        (example, unseen)
        for example, unseen in fitting
        if sure is None or example.priority <= sure
    ]


def _candidates(method: str, path: str, lower: str, promise: Promise) -> Iterable[Interaction]:
    """Those that a path, as it is and in lower case, may mean: of most paths a short list."""
    index = promise.index
    listed: list[Interaction] = []
    for word in (method, ""):
        literal = index.get((word, path))
        if literal is not None:
            listed += literal
        listed += promise.patterned(word, lower)
    # perhaps logged as its template: any literal path may have been meant
    if "{" in path or ":" in path or "<" in path:
        parts = path.split("/")
        if any(PLACEHOLDER.fullmatch(part) for part in parts):
            return itertools.chain(listed, _meant(method, parts, promise))
    return listed


def _meant(method: str, parts: Sequence[str], promise: Promise) -> Iterator[Interaction]:
    """Those whose literal path a template may stand for."""
    for (word, literal), held in promise.index.items():
        if word in (method, "") and literal and _may_be(literal.split("/"), parts):
            yield from held


def _may_be(literal: Sequence[str], parts: Sequence[str]) -> bool:
    return len(literal) == len(parts) and all(
        segment == part or PLACEHOLDER.fullmatch(part) is not None
        for segment, part in zip(literal, parts, strict=True)
    )


def answered(example: Interaction, call: Call, limits: PayloadLimits) -> Mismatches:
    """All that the answer breaks; of a wrong status nothing more, since another answer
    was given.
    """
    mismatches = Mismatches(redacted=call.exchange.redacted, most=limits.violations)
    for part in example.response:
        part(call, mismatches)
        if mismatches.found and mismatches.wrong_status:
            break
    return mismatches
