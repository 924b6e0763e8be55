"""What began in a batch and waits for its end, by id."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from monitor.model.records import Place

T = TypeVar("T")
Waits = Callable[[Sequence[Place]], bool]
"""Whether what stands in these records may wait for a part that another batch brings."""


def nobody_waits(_: Sequence[Place]) -> bool:
    """For who reads one batch alone."""
    return False


class Waiting(Generic[T]):
    """Of one id the newest waits; the one before it is left alone."""

    def __init__(self) -> None:
        self._open: dict[str, T] = {}
        self._alone: list[T] = []

    def begin(self, key: str, item: T) -> None:
        """It waits from now on."""
        if key in self._open:
            self._alone.append(self._open.pop(key))
        self._open[key] = item

    def get(self, key: str) -> T | None:
        """What waits under this id."""
        return self._open.get(key)

    def end(self, key: str) -> T | None:
        """What waited under this id; it does no longer."""
        return self._open.pop(key, None)

    def drain(
        self, places: Callable[[T], Sequence[Place]], waits: Waits, *, stay: bool = False
    ) -> list[T]:
        """All that no end came for and that may not wait for it in another batch, those left alone
        first; `places` are the records that one stands in. What may wait stays here or, without
        `stay`, comes again with its records.
        """
        waiting = {key: item for key, item in self._open.items() if waits(places(item))}
        left = [*self._alone, *(self._open[key] for key in self._open if key not in waiting)]
        self._open, self._alone = waiting if stay else {}, []
        return left
