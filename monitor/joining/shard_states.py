"""How each shard of a house is: whether it answers, and how far its closer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import StoreError
from monitor.model.moments import in_utc
from monitor.store import Store


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard by its number in the settings. `newest_window`, `sealed_window`: starts of windows
    that its closer published and sealed, None while there is none. `behind_seconds`: how far its
    newest is behind that of the farthest shard.
    """

    number: int
    trouble: str
    newest_window: datetime | None
    sealed_window: datetime | None
    behind_seconds: float | None

    @property
    def answers(self) -> bool:
        """Whether it can be read and, as far as it was tried, written."""
        return not self.trouble


def states_of(stores: Sequence[Store]) -> list[ShardState]:
    """One for each, in their order; each has 2 s to answer."""
    states = [_told(store) for store in stores]
    newest = max((closed for _, closed, _ in states if closed is not None), default=None)
    return [
        ShardState(
            number,
            trouble,
            closed,
            sealed,
            (newest - closed).total_seconds() if newest and closed else None,
        )
        for number, (trouble, closed, sealed) in enumerate(states, 1)
    ]


def _told(store: Store) -> tuple[str, datetime | None, datetime | None]:
    try:
        (row,) = store.glance("panels/windows_state")
    except StoreError as error:
        return str(error), None, None
    closed, sealed = (in_utc(row[name]) for name in ("last_closed", "last_sealed"))
    return (
        store.trouble,
        closed if row["windows"] else None,
        sealed if sealed.timestamp() else None,
    )
