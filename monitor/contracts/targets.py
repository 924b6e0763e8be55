"""What a promise says of an operation by the name that live exchanges have: of a call by its method
and route, of a message by its topic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.contracts.form import Body, Operation, Promise
from monitor.contracts.schemas import Schema, Schemas
from monitor.contracts.spoken import Spoken, spoken


@dataclass(frozen=True, slots=True)
class Target:
    """`names`: what its changes are told under. A message that its provider sends is looked at like
    an answer, another one like a request.
    """

    operation: Operation
    names: Sequence[str]
    messages: Sequence[Spoken] = ()


class Targets:
    """Asked again and again about the same few operations. Not thread-safe: it remembers them."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._known: dict[str, Target | None] = {}
        self._spoken: Mapping[str, Spoken] | None = None

    def of(self, name: str) -> Target | None:
        """None where the promise has no word for it."""
        if name not in self._known:
            self._known[name] = self._of_call(name) or self._of_topic(name)
        return self._known[name]

    def own(self, topic: str) -> bool | None:
        """Whether the provider sends what stands in a topic; None where the promise has no word for
        it.
        """
        messages = self._promise.of_topic(topic) if " /" not in topic else ()
        return all(message.own for message in messages) if messages else None

    def _of_call(self, name: str) -> Target | None:
        target = target_of(self._promise, name)
        return None if target is None else Target(target, (target.name,))

    def _of_topic(self, topic: str) -> Target | None:
        if not self._promise.messages:
            return None
        if self._spoken is None:
            self._spoken = spoken(self._promise)
        meant = [
            self._spoken[message.name]
            for message in self._promise.of_topic(topic)
            if message.name in self._spoken
        ]
        if not meant:
            return None
        own = all(it.message.own for it in meant)
        media = meant[0].message.media
        body = Body(
            True, {"application/json" if meant[0].made else media or "*/*": _any(meant)}, ""
        )
        asked, answers = (None, {"default": body}) if own else (body, {})
        operation = Operation("", topic, (), asked, answers, meant[0].message.clause)
        return Target(operation, [it.message.name for it in meant], meant)


def target_of(promise: Promise, operation: str) -> Operation | None:
    """What a promise says of an operation by the name that exchanges have, as `GET /orders/{id}`."""
    method, _, route = operation.partition(" ")
    match = promise.router.match(method, route) if route else None
    return None if match is None else match.target


def _any(meant: Sequence[Spoken]) -> Schema:
    """The schema of what keeps one of these; alternatives of different documents: the first."""
    first = meant[0]
    alike = [it for it in meant if it.document is first.document]
    if len(alike) < 2 or not isinstance(first.document, dict):
        return first.schema
    word = "x-any"
    document = {
        **first.document,
        word: {"anyOf": [{"$ref": f"#{it.schema.pointer}"} for it in alike]},
    }
    return Schemas(document, first.schema.draft, where="the messages of a topic").lazily(
        f"/{word}"
    )
