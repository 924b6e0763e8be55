"""What recorded exchanges tell of a revision that is not in force yet: which would break it, which
would keep it, and which cannot tell.

Payloads are not kept. An exchange tells by its operation and status, and by what checking said
under the revision before, where no clause that it met has changed since.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.changes import Change
from monitor.contracts.form import Promise

Told = Literal["breaks", "keeps", "untold"]
_CLIENT_LEFT = 499
_NOT_MODIFIED = 304
UNTOLD = {
    "clause_changed": "a clause that it met has changed, and its payload is not kept",
    "no_revision_before": "nothing was checked under a revision before",
    "another_revision": "it was checked under another revision",
    "not_offered": "the contract does not name the operation, and it was not served",
    "undocumented_status": "its status is not listed, and the contract does not say that it lists all",
    "no_response": "no answer was recorded",
}
"""Why an exchange cannot tell, besides the reasons of what is not checked."""


@dataclass(frozen=True, slots=True)
class Said:
    """Alike exchanges of one consumer: how many, what they tell, and why (a rule that breaks, or a
    reason that leaves it open).
    """

    consumer: str
    operation: str
    status: int
    told: Told
    why: str
    exchanges: int


@dataclass(frozen=True, slots=True)
class ByConsumer:
    """One consumer's exchanges."""

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
    most: int = 200,
) -> Recorded:
    """Counts over rows of `recorded_exchanges`. `before` is the number of the revision that
    `changed` was compared with.
    """
    by_operation: dict[str, list[Change]] = {}
    for change in changed:
        by_operation.setdefault(change.operation, []).append(change)
    counts: Counter[tuple[str, str, int, Told, str]] = Counter()
    for row in rows:
        outcome = _row(row, promise, name, before, by_operation)
        if outcome is not None:
            told, why = outcome
            counts[(str(row["caller"]), str(row["operation"]), int(row["status"]), told, why)] += (
                int(row["exchanges"])
            )
    return _counted(counts, hours, most)


def recorded_examples(
    rows: Iterable[Mapping[str, Any]],
    promise: Promise,
    changed: Sequence[Change],
    hours: int,
    most: int = 200,
) -> Recorded:
    """The same for a contract of examples, over rows of `interactions_shown`: an unchanged example
    shows again what it showed.
    """
    changed_names = {change.operation for change in changed}
    names = {part.name for part in promise.interactions} | {part.name for part in promise.units}
    counts: Counter[tuple[str, str, int, Told, str]] = Counter()
    for row in rows:
        name, caller = str(row["interaction"]), str(row["caller"])
        if name not in names:
            continue
        if name in changed_names:
            total = sum(int(row[word]) for word in ("kept", "broken", "open"))
            counts[(caller, name, 0, "untold", "clause_changed")] += total
            continue
        counts[(caller, name, 0, "keeps", "")] += int(row["kept"])
        counts[(caller, name, 0, "breaks", "example")] += int(row["broken"])
        counts[(caller, name, 0, "untold", "not_checked")] += int(row["open"])
    return _counted(+counts, hours, most)


def _counted(counts: Counter[tuple[str, str, int, Told, str]], hours: int, most: int) -> Recorded:
    answers = [Said(*key, exchanges) for key, exchanges in counts.items()]
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
    breaks, keeps, untold = (totals[("", told)] for told in ("breaks", "keeps", "untold"))
    return Recorded(hours, totals[("", "")], breaks, keeps, untold, consumers, answers[:most])


def _row(
    row: Mapping[str, Any],
    promise: Promise,
    name: str,
    before: int | None,
    changed: Mapping[str, list[Change]],
) -> tuple[Told, str] | None:
    """What one row tells; None where the contract is no word of that exchange."""
    method, _, route = str(row["operation"]).partition(" ")
    status = int(row["status"])
    served = 200 <= status < 300
    match = promise.router.match(method, route) if route else None
    if match is None or match.target is None:
        if not promise.whole:
            return None
        if served and method != "OPTIONS":
            return "breaks", "undocumented_operation" if match is None else "undocumented_method"
        return "untold", "not_offered"
    target = match.target
    if status in (0, _CLIENT_LEFT):
        return "untold", "no_response"
    answer = target.response(status)
    if answer is None and not target.open and target.responses and status != _NOT_MODIFIED:
        return ("breaks" if target.whole or served else "untold"), "undocumented_status"
    return _by_what_was_said(row, status, name, before, changed.get(target.name, []))


def _by_what_was_said(
    row: Mapping[str, Any], status: int, name: str, before: int | None, changed: Sequence[Change]
) -> tuple[Told, str]:
    if before is None:
        return "untold", "no_revision_before"
    if row["checked"] == "not_checked":
        return "untold", str(row["reason"])
    broken = [parts for text in row["clauses"] if (parts := str(text).split("\x1f"))[0] == name]
    if str(row["contract"]) != name and not broken:
        return "untold", "no_revision_before"
    if int(row["revision"]) != before and str(row["contract"]) == name:
        return "untold", "another_revision"
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
            return "breaks", rule
    if broken or row["checked"] != "valid":
        return "untold", "clause_changed"
    if any(change.direction != "looser" for change in met):
        return "untold", "clause_changed"
    return "keeps", ""


def _touches(place: str, pointer: str) -> bool:
    """Whether a change may be why a clause at a pointer broke: at the same place, above or below
    it; parameters always may.
    """
    where = place.rpartition(" ")[2]
    if not where.startswith("/"):
        return True
    return f"{where}/".startswith(f"{pointer}/") or f"{pointer}/".startswith(f"{where}/")
