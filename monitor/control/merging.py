"""Which events tell of one deploy, and what they say together: pure rules over events and deploys."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model.deploys import Deploy, DeployEvent, DeployState

SIGHTING = "sighting"
NEAR = timedelta(minutes=30)  # two sources that speak of one deploy seldom lie farther apart
OPEN = timedelta(hours=24)  # a ramp may take a day; until it ends its events belong to it
TERMINAL: frozenset[DeployState] = frozenset({"succeeded", "failed", "aborted"})
VERSION_KINDS = frozenset({"deploy", "rollback"})


def mergeable_span(event: DeployEvent) -> tuple[datetime, datetime]:
    """Deploys whose last event is before the first time, or that began after the second, cannot be this event's."""
    return event.at - OPEN, event.at + OPEN


def belongs(
    event: DeployEvent, deploy: Deploy, last_event: datetime, events: Sequence[DeployEvent], others: Sequence[Deploy]
) -> bool:
    """Whether the event tells more of this deploy, which is of the same environment, service and version.

    `others` are the service's deploys near in time. A start after the end, or after another version came, is a new deploy.
    """
    if (event.kind in VERSION_KINDS) != (deploy.kind in VERSION_KINDS):
        return False
    announced = event.source != SIGHTING
    begins = event.state == "started"
    if event.kind not in VERSION_KINDS:  # two flips of one flag are two changes
        return event.kind == deploy.kind and not begins and deploy.state not in TERMINAL
    if begins and announced and _began_again(event, deploy, events):
        return False
    is_its_traffic = not announced and (deploy.first_traffic is None or abs(event.at - deploy.first_traffic) <= NEAR)
    ended = deploy.finished is not None and not _is_next_step(event, events)
    comes_back = event.kind == "rollback" and deploy.kind != "rollback"
    appears = begins or not announced or comes_back
    reach = OPEN if is_its_traffic or not (ended or appears) else NEAR
    if not deploy.started - _before(event, deploy, events) <= event.at <= last_event + reach:
        return False
    replaced = any(
        other.version != deploy.version and other.kind in VERSION_KINDS and last_event < other.started < event.at
        for other in others
    )
    return not replaced or (is_its_traffic and not comes_back) or not (appears or ended)


def fold(deploy: Deploy, events: Sequence[DeployEvent]) -> Deploy:
    """The deploy as its events tell it, whatever order they came in; `id` and an inferred previous version stay."""
    ordered = sorted(events, key=lambda event: (event.at, event.source, event.external_id))
    ends = [event for event in ordered if event.state in TERMINAL]
    state: DeployState = (
        ends[-1].state if ends else ("progressing" if any(event.state == "progressing" for event in ordered) else "started")
    )
    sightings = [event.at for event in ordered if event.source == SIGHTING]
    return replace(
        deploy,
        kind="rollback" if any(event.kind == "rollback" for event in ordered) else deploy.kind,
        previous_version=_first(event.previous_version for event in ordered) or deploy.previous_version,
        state=state,
        started=ordered[0].at,
        finished=ends[-1].at if ends else None,
        first_traffic=min([*sightings, *([deploy.first_traffic] if deploy.first_traffic else [])], default=None),
        sources=tuple(dict.fromkeys(event.source for event in ordered)),
        actor=_first(event.actor for event in ordered),
        url=_first(event.url for event in ordered),
        commit=_first(event.commit for event in ordered),
        namespace=_namespace(ordered),
    )


def _before(event: DeployEvent, deploy: Deploy, events: Sequence[DeployEvent]) -> timedelta:
    """How far before the deploy's first word an event may lie: when nobody told of its start yet, as long as a ramp may take."""
    tells_of_start = event.state in {"started", "progressing"} and event.source != SIGHTING
    start_known = any(one.state == "started" for one in events)
    return OPEN if tells_of_start and deploy.state in TERMINAL and not start_known else NEAR


def _began_again(event: DeployEvent, deploy: Deploy, events: Sequence[DeployEvent]) -> bool:
    """The source that now says "started" had seen this deploy begin and it ended before: the version is deployed anew."""
    spoke = any(one.source == event.source and one.state == "started" for one in events)
    return spoke and deploy.finished is not None and deploy.finished < event.at


def _is_next_step(event: DeployEvent, events: Sequence[DeployEvent]) -> bool:
    """A ramp told in steps, each of which "succeeded": it goes on until all traffic is on the version."""
    shares = [(one.at, one.traffic_share) for one in events if one.traffic_share is not None]
    return event.traffic_share is not None and bool(shares) and max(shares)[1] < 1


def _namespace(events: Sequence[DeployEvent]) -> str | None:
    """What a source that announced the deploy told. Traffic tells it only where nobody announced anything.

    An announcement without a namespace may be of another service of the name than the one that traffic shows.
    """
    announced = [event for event in events if event.source != SIGHTING]
    return next((event.namespace for event in announced or events if event.namespace is not None), None)


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
