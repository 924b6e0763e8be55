"""A consumer that has had nothing for long: is there nothing, or is it stuck?"""

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

Place = TypeVar("Place", bound=Hashable)


class Idleness(Generic[Place]):
    """How long a consumer has polled for nothing. Of its partitions it knows only what it is told;
    it asks nobody by itself.
    """

    def __init__(self, patience_seconds: float, again_seconds: float) -> None:
        """After `patience_seconds` of nothing a consumer is looked at; one that seems well, again
        after `again_seconds`.
        """
        self._patience, self._again = patience_seconds, again_seconds
        self._waited_for: dict[Place, int] = {}
        self.seconds = 0.0

    def polled(self, seconds: float, *, found: bool) -> None:
        """A poll took so long, and found something or nothing."""
        self.seconds = 0.0 if found else self.seconds + seconds
        if found:
            self._waited_for = {}

    def trouble(
        self,
        *,
        assigned: bool,
        unread: Callable[[], int],
        ends: Callable[[], Mapping[Place, int] | None],
        reached: Callable[[Place], int],
    ) -> str:
        """Why the consumer is stuck, "" while it is not. The rest is asked for only when it has
        been idle for long.

        Without partitions it is stuck when some are `unread` by anybody: in a group with more
        members than partitions it just has nothing to do. With partitions it is when their `ends`
        (None: nobody answers), as of the look before, are not `reached`.
        """
        seconds = self.seconds
        if seconds < self._patience:
            return ""
        self.seconds = 0.0
        if not assigned:
            lonely = unread()
            return f"no partition was assigned, and {lonely} have no reader," if lonely else ""
        there = ends()
        if there is None:
            return ""  # a broker that stays silent is noticed elsewhere
        waiting = sum(max(0, self._waited_for.get(place, 0) - reached(place)) for place in there)
        if waiting:
            return f"nothing was read though {waiting} records wait"
        self._waited_for = dict(there)  # what came only now is given a while
        self.seconds = seconds - self._again
        return ""
