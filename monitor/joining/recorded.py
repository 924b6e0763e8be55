"""What recorded exchanges tell of a revision that is not in force yet: which would break it, which
would keep it, and which cannot tell.

Payloads are not kept. An exchange tells by its operation and status, by what checking said under
the revision before, where no clause that it met has changed since, and else by the skeletons of
such payloads.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from monitor.contracts.change import Change
from monitor.contracts.form import Promise
from monitor.joining.recorded_shapes import Group, RecordedShapes, Share

Told = Literal["breaks", "keeps", "untold"]
_CLIENT_LEFT = 499
_NOT_MODIFIED = 304
UNTOLD = {
    "clause_changed": "a clause that it met has changed, and neither its payload nor a skeleton of such is kept",
    "no_revision_before": "nothing was checked under a revision before, and no skeleton of such payloads is kept",
    "another_revision": "it was checked under another revision, and no skeleton of such payloads is kept",
    "values": "its fields and types keep the revision; what that says of values is not told by marks (a pattern, alternatives, a bound within a power of two)",
    "header_changed": "a header, a cookie or a part of the path that it met has changed, and those are not kept",
    "header_unseen": "a header that the revision asks for was not sent with such answers, or is not logged",
    "payload_unseen": "its payload was not logged, was cut off, or is of a form that is not looked into",
    "example_changed": "the example or message that it met has changed, and its payload is not kept",
    "no_exchange_of_examples": "no example was met by it under a revision before, and no skeleton of its answer is kept",
    "example_values": "its fields and types keep the example; what that asks of values is not told by marks",
    "message_values": "its fields and types keep the message; what that says of values is not told by marks",
    "binary_message": "its fields do not contradict the schema; whether its bytes could be read by it is not told by skeletons",
    "other_status": "the examples of its operation are answered with another status, and which request it was is not kept",
    "not_offered": "the contract does not name the operation, and it was not served",
    "undocumented_status": "its status is not listed, and the contract does not say that it lists all",
    "no_response": "no answer was recorded",
}
"""Why an exchange cannot tell, besides the reasons of what is not checked."""


@dataclass(frozen=True, slots=True)
class Said:
    """Alike exchanges of one consumer: how many, what they tell, and why (a rule that breaks, or a
    reason that leaves it open). `looked_at`: so many payloads' skeletons tell it, 0: their own
    verdicts do.
    """

    consumer: str
    operation: str
    status: int
    told: Told
    why: str
    exchanges: int
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class ByConsumer:
    """One consumer's exchanges; of messages those that a service reads, or that it wrote where
    nobody tells who reads them.
    """

    consumer: str
    exchanges: int
    breaks: int
    untold: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """Of `exchanges` in so many hours, how many break the revision, keep it, or cannot tell; by
    consumer, most broken first.
    """

    hours: int
    exchanges: int
    breaks: int
    keeps: int
    untold: int
    consumers: Sequence[ByConsumer]
    said: Sequence[Said]


def recorded(
    rows: Iterable[Mapping[str, Any]],
    promise: Promise,
    *,
    name: str,
    before: int | None,
    changed: Sequence[Change],
    hours: int,
    shapes: RecordedShapes | None = None,
    most: int = 200,
) -> Recorded:
    """Counts over rows of `recorded_exchanges`. `before` is the number of the revision that
    `changed` was compared with. `shapes` are asked where an exchange alone cannot tell.
    """
    by_operation: dict[str, list[Change]] = {}
    for change in changed:
        by_operation.setdefault(change.operation, []).append(change)
    went = [it.operation for it in changed if (it.rule, it.what) == ("operation", "went")]
    counts = Counts()
    for row in rows:
        outcome = _row(row, promise, name, before, by_operation)
        if (
            outcome is not None
            and outcome[0] == "keeps"
            and _is_one_of(str(row["operation"]), went)
        ):
            outcome = (
                "untold",
                "clause_changed",
                outcome[2],
            )  # another operation says now what holds
        if outcome is None:
            continue
        word, why, met = outcome
        group = (str(row["caller"]), str(row["operation"]), int(row["status"]))
        count = int(row["exchanges"])
        shares: Sequence[Share] = ()
        if shapes is not None and why in _ASKED_OF_SHAPES:
            shares = shapes.shares(group, met, broke=row["checked"] == "violated")
        if not shares:
            counts[(*group, word, why, 0)] += count
        else:
            share_out(counts, group, count, shares, _of_values(met))
    return counted(+counts, hours, most)


def share_out(
    counts: "Counts", group: Group, count: int, shares: Sequence[Share], values: str
) -> None:
    """Count the exchanges of a group by what their skeletons tell; `values`: why one that breaks
    nothing cannot say that all is kept.
    """
    for share in shares:
        word, rule = share.told
        last = share is shares[-1]
        part = count if last else min(count, max(round(count * share.share), 1))
        count -= part
        verdict: Told = word if word in ("breaks", "keeps") else "untold"
        reason = {"breaks": rule, "unseen": rule, "values": values}.get(word, "")
        counts[(*group, verdict, reason, share.looked_at)] += part


def _of_values(met: Sequence[Change] | None) -> str:
    """Why a skeleton that breaks nothing cannot say that all is kept."""
    unkept = ("header ", "cookie ", "path ")
    if any(
        change.place.startswith(unkept)
        and change.side == "request"
        and change.direction != "looser"
        for change in met or ()
    ):
        return "header_changed"
    return "values"


Counts = Counter[tuple[str, str, int, Told, str, int]]
_ASKED_OF_SHAPES = frozenset({"clause_changed", "no_revision_before", "another_revision"})


def counted(
    counts: Counts,
    hours: int,
    most: int,
    more_than_once: Mapping[tuple[str, Told], int] = MappingProxyType({}),
) -> Recorded:
    """`more_than_once`: by consumer and what is told, how often exchanges were counted again."""
    answers = [Said(*key[:5], exchanges, key[5]) for key, exchanges in counts.items()]
    order = {"breaks": 0, "untold": 1, "keeps": 2}
    answers.sort(
        key=lambda answer: (
            order[answer.told],
            -answer.exchanges,
            answer.operation,
            answer.status,
            answer.consumer,
            answer.why,
        )
    )

    totals: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        totals[("", answer.told)] += answer.exchanges
        totals[("", "")] += answer.exchanges
        totals[(f"={answer.consumer}", answer.told)] += answer.exchanges
        totals[(f"={answer.consumer}", "")] += answer.exchanges
    for (consumer, told), count in more_than_once.items():
        for key in (("", told), ("", ""), (f"={consumer}", told), (f"={consumer}", "")):
            totals[key] -= max(count, 0)
    consumers = [
        ByConsumer(
            consumer,
            totals[(f"={consumer}", "")],
            totals[(f"={consumer}", "breaks")],
            totals[(f"={consumer}", "untold")],
        )
        for consumer in {answer.consumer for answer in answers}
    ]
    consumers.sort(
        key=lambda consumer: (
            -consumer.breaks,
            -consumer.untold,
            -consumer.exchanges,
            consumer.consumer,
        )
    )
    breaks, keeps, untold = (totals[("", word)] for word in ("breaks", "keeps", "untold"))
    return Recorded(hours, totals[("", "")], breaks, keeps, untold, consumers, answers[:most])


def _row(
    row: Mapping[str, Any],
    promise: Promise,
    name: str,
    before: int | None,
    changed: Mapping[str, list[Change]],
) -> tuple[Told, str, Sequence[Change] | None] | None:
    """What one row tells, and the changes that it met, None where it was checked under no such
    revision. None where the contract is no word of that exchange.
    """
    method, _, route = str(row["operation"]).partition(" ")
    status = int(row["status"])
    served = 200 <= status < 300
    match = promise.router.match(method, route) if route else None
    if match is None or match.target is None:
        if not promise.whole:
            return None
        if served and method != "OPTIONS":
            return (
                "breaks",
                "undocumented_operation" if match is None else "undocumented_method",
                None,
            )
        return "untold", "not_offered", None
    target = match.target
    if status in (0, _CLIENT_LEFT):
        return "untold", "no_response", None
    answer = target.response(status)
    unlisted = answer is None and not target.open and target.responses and status != _NOT_MODIFIED
    if unlisted and (target.whole or (served and not target.partial)):
        return "breaks", "undocumented_status", None
    outcome = _by_what_was_said(row, status, name, before, changed.get(target.name, []))
    # what else it broke it breaks still
    return (
        ("untold", "undocumented_status", None) if unlisted and outcome[0] != "breaks" else outcome
    )


_NOBODYS = frozenset({"no_contract", "observed"})
"""Why an exchange was not checked, where that says nothing of its payload."""


def _by_what_was_said(
    row: Mapping[str, Any], status: int, name: str, before: int | None, changed: Sequence[Change]
) -> tuple[Told, str, Sequence[Change] | None]:
    if row["checked"] == "not_checked" and row["reason"] not in _NOBODYS:
        return "untold", str(row["reason"]), None
    if before is None:
        return "untold", "no_revision_before", None
    broken = [parts for text in row["clauses"] if (parts := str(text).split("\x1f"))[0] == name]
    if str(row["contract"]) != name and not broken:
        return "untold", "no_revision_before", None
    if int(row["revision"]) != before and str(row["contract"]) == name:
        return "untold", "another_revision", None
    refused = 400 <= status < 500
    statuses = (str(status), f"{status // 100}XX", "default", "")
    met = [
        change
        for change in changed
        if (change.side == "response" and change.status in statuses)
        or (change.side != "response" and not refused)
    ]
    for _, side, rule, pointer in broken:
        if not any(
            change.side in (side, "") and _touches(change.place, pointer) for change in met
        ):
            return "breaks", rule, met
    if broken or row["checked"] != "valid":
        return "untold", "clause_changed", met
    if any(change.direction != "looser" for change in met):
        return "untold", "clause_changed", met
    return "keeps", "", met


def _is_one_of(called: str, went: Sequence[str]) -> bool:
    """Whether the operation that an exchange was checked by is no more: its path may fall under
    another one's parameters now. A log tells it with the way before the contract's paths, perhaps.
    """
    method, _, route = called.partition(" ")
    return any(
        method == gone_method and route.endswith(gone_route)
        for gone_method, _, gone_route in (operation.partition(" ") for operation in went)
    )


def _touches(place: str, pointer: str) -> bool:
    """Whether a change may be why a clause at a pointer broke: at the same place, above or below
    it; parameters always may.
    """
    where = place.rpartition(" ")[2]
    if not where.startswith("/"):
        return True
    return f"{where}/".startswith(f"{pointer}/") or f"{pointer}/".startswith(f"{where}/")
