"""Questions about ramps: who was alive when, and what each pair of versions did, from published
windows that ended before a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.model.edges import qualified
from monitor.store.client import Store

ANY_NAMESPACE = "*"


@dataclass(frozen=True, slots=True)
class Extent:
    """From when to when windows are published, and until when they are sealed: starts of windows
    in s since the epoch, 0 for none.
    """

    first: int
    last: int
    last_sealed: int


@dataclass(frozen=True, slots=True)
class Place:
    """A service in one environment; `namespace` None is any."""

    environment: str
    namespace: str | None
    service: str

    @property
    def name(self) -> str:
        """The service as one asks for it, with its namespace where one is named."""
        return self.service if self.namespace is None else qualified(self.namespace, self.service)

    def holds(self, namespace: str, service: str) -> bool:
        """Whether this service is meant."""
        return service == self.service and self.namespace in (None, namespace)


class RampReader:
    """All answers are as of one publishing: the newest when the reader is made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sequence = int(store.query("newest_seq")[0]["seq"])

    def extent(self, until: datetime) -> Extent:
        """What is published of windows that end at or before `until`."""
        row = self._store.query("ramp_extent", {"until": _at(until)})[0]
        return Extent(int(row["first"]), int(row["last"]), int(row["last_sealed"]))

    def presence(
        self, environment: str, services: Sequence[str], since: int, until: int, step: int
    ) -> list[dict[str, Any]]:
        """Versions of services by step of time; no service named is all, no environment any."""
        parameters = self._times(since, until, step) | {
            "environment": environment,
            "services": list(services),
        }
        return self._store.query("ramp_presence", parameters)

    def presence_of(self, place: Place, since: int, until: int, step: int) -> list[dict[str, Any]]:
        """Versions of this service alone; in any environment where the place names none."""
        rows = self.presence(place.environment, [place.service], since, until, step)
        return [row for row in rows if place.holds(row["namespace"], row["service"])]

    def cells(self, place: Place, since: int, until: int, step: int) -> list[dict[str, Any]]:
        """What the service called and was called, by step, version pair and operation."""
        return self._store.query("ramp_cells", self._times(since, until, step) | _where(place))

    def paths(self, place: Place, since: int, until: int) -> list[dict[str, Any]]:
        """Logged exchanges of the callee by pair, operation and status; so far back as exchanges
        are kept.
        """
        return self._store.query("ramp_paths", {"since": since, "until": until} | _where(place))

    def shapes(self, place: Place, since: int, until: int) -> list[dict[str, Any]]:
        """Shapes of the callee's answers by pair, operation and status, as numbers."""
        return self._store.query("ramp_shapes", {"since": since, "until": until} | _where(place))

    def retries(self, place: Place, since: int, until: int) -> list[dict[str, Any]]:
        """Calls that failed on one version and were made again on another; so far back as half
        edges are kept.
        """
        return self._store.query("ramp_retries", {"since": since, "until": until} | _where(place))

    def _times(self, since: int, until: int, step: int) -> dict[str, object]:
        return {"seq": self._sequence, "since": since, "until": until, "step": step}


def _where(place: Place) -> dict[str, object]:
    namespace = ANY_NAMESPACE if place.namespace is None else place.namespace
    return {"environment": place.environment, "namespace": namespace, "service": place.service}


def _at(moment: datetime) -> int:
    return max(0, int(moment.timestamp()))
