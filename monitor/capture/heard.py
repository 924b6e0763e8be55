"""Values as they travel, overheard where clients serialise them: nothing is serialised twice, and
nothing is guessed from objects.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

UNKNOWN = object()
"""A value of which nobody heard how it travels."""


_WATCHED = "_seamwatch_capture"


def marked(hook: Any, capture: object) -> Any:
    """A hook that bears the capture which it tells."""
    setattr(hook, _WATCHED, capture)
    return hook


def is_watched(hook: object, capture: object) -> bool:
    """Whether it is a hook of this capture already: what it sees is told once."""
    return getattr(hook, _WATCHED, None) is capture


class Unheard:
    """A value of which only its length is known."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class Overhearing:
    """Stands for a (de)serialiser: answers as it does, and tells `hear` what went in and what came
    out, headers too where it is told them.
    """

    def __init__(self, inner: Any, hear: Callable[[Any, Any, Any], None]) -> None:
        self._inner, self._hear = inner, hear

    @property  # type: ignore[misc]  # typeshed lets it be set
    def __class__(self) -> type:  # clients ask what it is
        return type(self._inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def serialize(self, *given: Any) -> Any:
        """As kafka-python's: topic, perhaps headers, data."""
        return self._told(self._inner.serialize(*given), given)

    def deserialize(self, *given: Any) -> Any:
        """The same."""
        return self._told(self._inner.deserialize(*given), given)

    def __call__(self, *given: Any) -> Any:
        """As a function of data, or as confluent-kafka's of data and a context."""
        made = self._inner(*given)
        with suppress(Exception):
            self._hear(
                given[0], made, getattr(given[1], "headers", None) if len(given) > 1 else None
            )
        return made

    def _told(self, made: Any, given: tuple[Any, ...]) -> Any:
        with suppress(Exception):
            self._hear(given[-1], made, given[1] if len(given) > 2 else None)
        return made


class Last:
    """What was heard last in this thread, or in this task."""

    def __init__(self) -> None:
        self._value: ContextVar[Any] = ContextVar("value", default=UNKNOWN)

    @property
    def value(self) -> Any:
        """The value; UNKNOWN where nothing was heard."""
        return self._value.get()

    def sent(self, _given: Any, made: Any, _headers: Any) -> None:
        """A value became bytes."""
        self._value.set(made)

    def taken(self, given: Any, _made: Any, _headers: Any) -> None:
        """Bytes became a value."""
        self._value.set(given)

    def forget(self) -> None:
        """Nothing was heard."""
        self._value.set(UNKNOWN)


class Batch:
    """What was heard of the records of one poll, by the values that they became; at most so many
    bytes of it.

    One value that several records became, of other bytes each, tells of none of them.
    """

    def __init__(self, most_bytes: int, longest: int) -> None:
        self._most, self._longest = most_bytes, longest
        self.forget()

    def forget(self) -> None:
        """The poll is over."""
        self._held: dict[int, tuple[Any, Any]] = {}
        self._room = self._most

    def taken(self, given: Any, made: Any, _headers: Any) -> None:
        """Bytes became a value."""
        if given is None or len(given) > self._longest or len(given) > self._room:
            return
        before = self._held.get(id(made))
        self._held[id(made)] = (made, given if before is None or before[1] == given else UNKNOWN)
        self._room -= len(given)

    def of(self, value: Any) -> Any:
        """The bytes that became this value; UNKNOWN where they are not known."""
        return self._held.get(id(value), (None, UNKNOWN))[1]
