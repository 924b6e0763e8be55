"""What began in a batch and waits for its end, by id."""

from typing import Generic, TypeVar

T = TypeVar("T")


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

    def drain(self) -> list[T]:
        """All that no end came for, those left alone first; nothing waits any more."""
        left = [*self._alone, *self._open.values()]
        self._open, self._alone = {}, []
        return left
