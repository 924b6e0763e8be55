"""Which ramps there are, where and when, and how far what is told of them reaches."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.detect.ramps.presence import appearances, began, live_at, overlaps
from monitor.joining.ramp_rows import slot_of
from monitor.joining.ramp_times import (
    FINE_SECONDS,
    LIVE,
    LOOK_BACK,
    moment,
    seconds_of,
    whole_seconds,
)
from monitor.model.edges import WINDOW_SECONDS, apart
from monitor.store import Store
from monitor.store.ramps import Place, RampReader


@dataclass(frozen=True, slots=True)
class RampListed:
    """A service with more than one live version, and each one's share of its calls."""

    environment: str
    namespace: str
    service: str
    since: datetime
    shares: Mapping[str, float]


def places_of(store: Store, service: str, environment: str, at: datetime) -> list[Place]:
    """Where a service of this name was alive in the days before: each environment and namespace."""
    wanted = Place(environment, *apart(service))
    rows = RampReader(store).presence_of(
        wanted, seconds_of(at - LOOK_BACK), seconds_of(at), whole_seconds(LOOK_BACK)
    )
    return sorted(
        {Place(row["environment"], row["namespace"], wanted.service) for row in rows},
        key=lambda place: (place.environment, place.namespace or ""),
    )


def data_end(store: Store, until: datetime) -> datetime | None:
    """The end of the newest window published before `until`; None while there is none."""
    last = RampReader(store).extent(until).last
    return datetime.fromtimestamp(last + WINDOW_SECONDS, UTC) if last else None


@dataclass(frozen=True, slots=True)
class Unclosed:
    """Windows that telemetry has reached and that are not closed, so that nothing of them is told:
    the first one's end, and the end of the newest that is closed (None: there is none).
    """

    first: datetime
    closed: datetime | None


def unclosed(store: Store, until: datetime) -> Unclosed | None:
    """What is not closed yet of windows before `until`; None where all is."""
    closed = RampReader(store).extent(until).last
    (row,) = store.query("newest_arrival")
    if int(row["window"]) <= closed:
        return None
    first = closed + WINDOW_SECONDS if closed else int(row["oldest"])
    return Unclosed(
        moment(first + WINDOW_SECONDS),
        moment(closed + WINDOW_SECONDS) if closed else None,
    )


def ramps_at(
    store: Store, environment: str, at: datetime, live: timedelta = LIVE
) -> list[RampListed]:
    """Every service of which more than one version is live, by environment and name."""
    reader = RampReader(store)
    until, longest = seconds_of(at), int(live.total_seconds())
    rows = reader.presence(environment, (), seconds_of(at - LOOK_BACK), until, FINE_SECONDS)
    by_service: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["version"]:
            key = (row["environment"], row["namespace"], row["service"])
            by_service.setdefault(key, []).append(row)
    listed: list[RampListed] = []
    for (place, namespace, service), held in by_service.items():
        slots = [slot_of(row) for row in held]
        alive = live_at(appearances(slots, longest), until)
        start = began(alive)
        if start is None:
            continue
        patience = {it.version: it.patience for it in alive}
        counts: Counter[str] = Counter()
        for slot in slots:
            if until - slot.last <= patience.get(slot.version, -1):
                counts[slot.version] += slot.server_calls or slot.spans
        total = max(1, sum(counts.values()))
        shares = {version: counts[version] / total for version in sorted(patience)}
        listed.append(
            RampListed(place, namespace, service, datetime.fromtimestamp(start, UTC), shares)
        )
    return sorted(listed, key=lambda it: (it.environment, it.service, it.namespace))


def ramp_span(
    store: Store, place: Place, at: datetime, end: datetime, live: timedelta = LIVE
) -> tuple[datetime, datetime] | None:
    """When the ramp around a time began, and when only one version was left, `end` at the latest;
    else of the next one after it, or of the one before it. None where there is none.
    """
    longest, until = int(live.total_seconds()), seconds_of(at)
    rows = RampReader(store).presence_of(
        place, seconds_of(at - LOOK_BACK), seconds_of(end), FINE_SECONDS
    )
    slots = [slot_of(row) for row in rows if row["version"]]
    spans = [
        (first, min(last + WINDOW_SECONDS, seconds_of(end)))
        for first, last in overlaps(appearances(slots, longest))
    ]
    if not spans:
        return None
    start, stop = next((span for span in spans if until <= span[1]), spans[-1])
    return moment(start), moment(stop)
