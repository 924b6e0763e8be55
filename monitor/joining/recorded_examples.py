"""What recorded exchanges tell of a revision of examples (pacts, stubs, messages) that is not in force yet."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from monitor.contracts.change import Change
from monitor.contracts.form import Promise
from monitor.contracts.routes import Router
from monitor.joining.recorded import Counts, Recorded, Told, counted, share_out
from monitor.joining.recorded_firsts import FirstExamples
from monitor.joining.recorded_messages import MessageSkeletons
from monitor.joining.recorded_shapes import Group


def recorded_examples(
    rows: Sequence[Mapping[str, Any]],
    promise: Promise,
    changed: Sequence[Change],
    hours: int,
    exchanges: Iterable[Mapping[str, Any]] = (),
    firsts: FirstExamples | None = None,
    messages: MessageSkeletons | None = None,
    *,
    reads_on: bool = False,
    once: Callable[[Sequence[str]], Iterable[Mapping[str, Any]]] | None = None,
    most: int = 200,
) -> Recorded:
    """The same for a contract of examples, over rows of `interactions_shown`: an unchanged example
    shows again what it showed. Where none was ever shown, those `exchanges` (rows of
    `recorded_exchanges`) that ask for one tell by the skeletons of their answers. Messages that
    changed, or that were never shown, tell by their own (`messages`). `reads_on`: what the revision
    before could read of a binary message this one can, so that what was kept is kept. `once`: rows of
    `exchanges_shown` for examples by name, since an exchange may show several.
    """
    changed_names = {change.operation for change in changed}
    names = {example.name for example in promise.examples}
    counts = Counts()
    shown_of = {message.name: message for message in promise.messages}
    fresh = _fresh_topics(promise, changed) if rows else None
    by_skeletons = set() if messages is None else _of_skeletons(counts, messages, fresh, reads_on)
    if not rows:
        _asked_first(counts, promise, exchanges, firsts)
    again: dict[str, None] = {}
    for row in rows:
        name, caller = str(row["interaction"]), str(row["caller"])
        if name not in names or (name in shown_of and shown_of[name].topic in by_skeletons):
            continue
        if name in changed_names and not (reads_on and name in shown_of):
            total = sum(int(row[word]) for word in ("kept", "broken", "open"))
            counts[(caller, name, 0, "untold", "example_changed", 0)] += total
            continue
        counts[(caller, name, 0, "keeps", "", 0)] += int(row["kept"])
        broken, left = int(row["broken"]), int(row["open"])
        if name in changed_names:  # what it could not read before it may read now
            broken, left = 0, broken + left
        else:
            again[name] = None
        counts[(caller, name, 0, "breaks", "example", 0)] += broken
        counts[(caller, name, 0, "untold", "not_checked", 0)] += left
    more_than_once = {} if once is None or len(again) < 2 else _again(counts, again, once)
    return counted(+counts, hours, most, more_than_once)


def _of_skeletons(
    counts: "Counts", messages: MessageSkeletons, fresh: Sequence[str] | None, reads_on: bool
) -> set[str]:
    """Count what the skeletons of messages tell of these topics; those that they tell of."""
    if fresh is not None and reads_on:
        fresh = [topic for topic in fresh if messages.broken(topic)]
    stands_for, looked_at = messages.told(fresh)
    for key, count in stands_for.items():
        whom, topic, state, why = key
        counts[(whom, topic, 0, state, why, looked_at[key])] += count
    return {key[1] for key in stands_for}


def _asked_first(
    counts: "Counts",
    promise: Promise,
    exchanges: Iterable[Mapping[str, Any]],
    firsts: FirstExamples | None,
) -> None:
    """Count the exchanges that ask for an example which was never shown."""
    asked: Counter[Group] = Counter()
    for row in exchanges:
        if _asks_for_one(promise, str(row["operation"])):
            group = (str(row["caller"]), str(row["operation"]), int(row["status"]))
            asked[group] += int(row["exchanges"])
    for group, count in asked.items():
        shares = () if firsts is None else firsts.shares(group)
        if shares:
            share_out(counts, group, count, shares, "example_values")
        else:
            counts[(*group, "untold", "no_exchange_of_examples", 0)] += count


def _again(
    counts: "Counts",
    names: Mapping[str, None],
    once: Callable[[Sequence[str]], Iterable[Mapping[str, Any]]],
) -> Mapping[tuple[str, Told], int]:
    """How often exchanges were counted again, since they showed several of these examples."""
    more = Counter[tuple[str, Told]]()
    for (caller, name, _, word, _, _), count in counts.items():
        if name in names:
            more[caller, word] += count
    for row in once(list(names)):
        for column, word in _SHOWN.items():
            more[str(row["caller"]), word] -= int(row[column])
    return more


_SHOWN: Mapping[str, Told] = {"kept": "keeps", "broken": "breaks", "open": "untold"}


def _fresh_topics(promise: Promise, changed: Sequence[Change]) -> list[str]:
    """The topics of messages of which a revision says otherwise than the one before."""
    words = {change.operation for change in changed}
    return [message.topic for message in promise.messages if {message.name, message.topic} & words]


def _asks_for_one(promise: Promise, operation: str) -> bool:
    """Whether calls of this name may be meant by an example, as far as its method and path say."""
    method, _, path = operation.partition(" ")
    if promise.judge is not None:
        return any(unit.name == operation for unit in promise.units) or "graphql" in path.lower()
    of_operation: Router[bool] = Router()
    if path.startswith("/"):
        of_operation.add("GET", path, True)
    return any(
        (part.methods is None or method in part.methods)
        and (
            of_operation.match("GET", part.path) is not None
            if part.path is not None
            else path.lower().startswith(part.prefix)
        )
        for part in promise.interactions
    )
