"""Which events tell of one deploy, and what they say together: pure rules over events
and deploys.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model.deploys import VERSION_CHANGES, Deploy, DeployEvent, DeployState
from monitor.model.edges import qualified

SIGHTING = "sighting"
NEAR = timedelta(minutes=30)  # two sources that speak of one deploy seldom lie farther apart
OPEN = timedelta(hours=24)  # a ramp may take a day; until it ends its events belong to it
TERMINAL: frozenset[DeployState] = frozenset({"succeeded", "failed", "aborted"})
VERSION_KINDS = frozenset(VERSION_CHANGES)
REACH = timedelta(days=3)
"""So far before and after a word all others of its service are read again: stories that are
shorter come out the same in any order.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event and the deploy that it is kept under; "" where it is new."""

    event: DeployEvent
    deploy_id: str


@dataclass(slots=True)
class Story:
    """One deploy as its events tell it, with what judging noted of its first traffic."""

    deploy: Deploy
    heard: list[Heard]

    @property
    def last_event(self) -> datetime:
        return max(entry.event.at for entry in self.heard)

    @property
    def events(self) -> list[DeployEvent]:
        return [entry.event for entry in self.heard]


def stories(
    heard: Iterable[Heard], earlier: Sequence[Deploy], noted: Mapping[str, datetime]
) -> list[Story]:
    """Which events of one service and environment tell of one deploy, whatever order they came in:
    sorted, then taken one by one.

    `earlier` are deploys that began before all of these; `noted` is first traffic by deploy, as
    judging saw it. Ids that are known are kept where most of their events are; a deploy has ""
    where it is new.
    """
    story_list: list[Story] = []
    for entry in sorted(heard, key=lambda entry: _order(entry.event)):
        event = entry.event
        candidates = [
            story
            for story in story_list
            if story.deploy.version == event.version and _same_space(event.namespace, story.deploy)
        ]
        around = [
            story.deploy for story in story_list if _same_space(event.namespace, story.deploy)
        ]
        fitting = [
            story
            for story in candidates
            if belongs(event, story.deploy, story.last_event, story.events, around)
        ]
        if fitting:
            story = min(
                fitting,
                key=lambda story: (
                    abs(story.last_event - event.at),
                    -story.deploy.started.timestamp(),
                ),
            )
        else:
            neighbours = [
                *(deploy for deploy in earlier if _same_space(event.namespace, deploy)),
                *around,
            ]
            story = Story(_begun(event, neighbours), [])
            story_list.append(story)
        story.heard.append(entry)
        seen = [noted[entry.deploy_id] for entry in story.heard if entry.deploy_id in noted]
        story.deploy = fold(
            replace(story.deploy, first_traffic=min(seen, default=None)), story.events
        )
    _keep_ids(story_list)
    return story_list


def with_ends(story_list: Sequence[Story], earlier: Sequence[Deploy]) -> list[Deploy]:
    """Their deploys, each rollback pointing to the deploy that it ended and that back to it; then
    those of `earlier` that one ended.
    """
    deploys = {deploy.id: deploy for deploy in (*earlier, *(story.deploy for story in story_list))}
    changed = {story.deploy.id for story in story_list}
    for rollback in sorted(
        (story.deploy for story in story_list if story.deploy.kind == "rollback"), key=_by_time
    ):
        before = [
            other
            for other in deploys.values()
            if other.kind in VERSION_KINDS
            and other.version != rollback.version
            and other.started < rollback.started
            and _same_space(rollback.namespace, other)
        ]
        named = [other for other in before if other.version == rollback.previous_version] or before
        if named:
            ended = max(named, key=_by_time)
            deploys[rollback.id] = replace(deploys[rollback.id], ends=ended.id)
            deploys[ended.id] = replace(
                deploys[ended.id],
                ended_by=rollback.id,
                finished=ended.finished or rollback.started,
            )
            changed.add(ended.id)
    return [deploy for key, deploy in deploys.items() if key in changed]


def _by_time(deploy: Deploy) -> tuple[datetime, str, str, str]:
    """An order that does not hang on ids, for these hang on who spoke first."""
    return deploy.started, deploy.version, deploy.kind, deploy.namespace or ""


def _begun(event: DeployEvent, earlier: Sequence[Deploy]) -> Deploy:
    """A new deploy of this one event. The version that is there is deployed anew; one that was
    there before has been rolled back to.
    """
    before = sorted(
        (deploy for deploy in earlier if deploy.kind in VERSION_KINDS), key=_by_time, reverse=True
    )
    kind = event.kind
    if kind == "deploy" and before:
        came_back = (
            any(deploy.version == event.version for deploy in before)
            or before[0].previous_version == event.version
        )
        kind = (
            "redeploy"
            if before[0].version == event.version
            else "rollback"
            if came_back and event.version
            else kind
        )
    previous = event.previous_version or next(
        (deploy.version for deploy in before if deploy.version != event.version), ""
    )
    return Deploy(
        id="",
        kind=kind,
        environment=event.environment,
        service=event.service,
        version=event.version,
        previous_version=previous,
        state=event.state,
        started=event.at,
        finished=None,
        first_traffic=None,
        sources=(event.source,),
        namespace=event.namespace,
    )


def _keep_ids(story_list: Sequence[Story]) -> None:
    """Each known id goes to the story with most of its events, the earlier of two; a story keeps
    the id with most events in it.
    """
    owner: dict[str, tuple[int, int]] = {}
    for place, story in enumerate(story_list):
        for name, count in Counter(
            entry.deploy_id for entry in story.heard if entry.deploy_id
        ).items():
            owner[name] = min(owner.get(name, (0, 0)), (-count, place))
    for place, story in enumerate(story_list):
        mine = sorted((count, name) for name, (count, at) in owner.items() if at == place)
        story.deploy = replace(
            story.deploy, id=mine[0][1] if mine else _new_id(story.heard[0].event, owner.keys())
        )


def _new_id(event: DeployEvent, taken: Collection[str]) -> str:
    """Of the event that a deploy began with; another where that is kept by a deploy which the
    event was once part of.
    """
    name = event.service if event.namespace is None else qualified(event.namespace, event.service)
    parts = [
        event.environment,
        name,
        event.version,
        event.kind,
        event.at.isoformat(),
        event.source,
        event.external_id,
    ]
    while (
        made := hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
    ) in taken:
        parts.append(made)
    return made


_STATES: Sequence[DeployState] = ("started", "progressing", "succeeded", "failed", "aborted")


def _order(event: DeployEvent) -> tuple[datetime, int, str, str]:
    return event.at, _STATES.index(event.state), event.source, event.external_id


def _same_space(namespace: str | None, deploy: Deploy) -> bool:
    """Of the same service, as far as both tell."""
    return None in (namespace, deploy.namespace) or namespace == deploy.namespace


def belongs(
    event: DeployEvent,
    deploy: Deploy,
    last_event: datetime,
    events: Sequence[DeployEvent],
    others: Sequence[Deploy],
) -> bool:
    """Whether the event tells more of this deploy, which is of the same environment, service and
    version.

    `others` are the service's deploys near in time. A start after the end, or after another
    version came, is a new deploy.
    """
    if (event.kind in VERSION_KINDS) != (deploy.kind in VERSION_KINDS):
        return False
    announced = event.source != SIGHTING
    begins = event.state == "started"
    if event.kind not in VERSION_KINDS:  # two flips of one flag are two changes
        return event.kind == deploy.kind and not begins and deploy.state not in TERMINAL
    if begins and announced and _began_again(event, deploy, events):
        return False
    is_its_traffic = not announced and (
        deploy.first_traffic is None or abs(event.at - deploy.first_traffic) <= NEAR
    )
    ended = deploy.finished is not None and not _is_next_step(event, events)
    comes_back = event.kind == "rollback" and deploy.kind != "rollback"
    appears = begins or not announced or comes_back
    reach = OPEN if is_its_traffic or not (ended or appears) else NEAR
    if not deploy.started - _before(event, deploy, events) <= event.at <= last_event + reach:
        return False
    replaced = any(
        other.version != deploy.version
        and other.kind in VERSION_KINDS
        and last_event < other.started < event.at
        for other in others
    )
    return not replaced or (is_its_traffic and not comes_back) or not (appears or ended)


def fold(deploy: Deploy, events: Sequence[DeployEvent]) -> Deploy:
    """The deploy as its events tell it, whatever order they came in; `id` and an inferred previous
    version stay.
    """
    ordered = sorted(events, key=_order)
    ends = [event for event in ordered if event.state in TERMINAL]
    state: DeployState = (
        ends[-1].state
        if ends
        else (
            "progressing" if any(event.state == "progressing" for event in ordered) else "started"
        )
    )
    sightings = [event.at for event in ordered if event.source == SIGHTING]
    return replace(
        deploy,
        kind="rollback" if any(event.kind == "rollback" for event in ordered) else deploy.kind,
        previous_version=_first(event.previous_version for event in ordered)
        or deploy.previous_version,
        state=state,
        started=ordered[0].at,
        finished=ends[-1].at if ends else None,
        first_traffic=min(
            [*sightings, *([deploy.first_traffic] if deploy.first_traffic else [])], default=None
        ),
        sources=tuple(dict.fromkeys(event.source for event in ordered)),
        actor=_first(event.actor for event in ordered),
        url=_first(event.url for event in ordered),
        commit=_first(event.commit for event in ordered),
        namespace=_namespace(ordered),
        planned_share=next(
            (
                event.traffic_share
                for event in reversed(ordered)
                if event.traffic_share is not None
            ),
            None,
        ),
    )


def _before(event: DeployEvent, deploy: Deploy, events: Sequence[DeployEvent]) -> timedelta:
    """How far before the deploy's first word an event may lie: when nobody told of its start yet,
    as long as a ramp may take.
    """
    tells_of_start = event.state in {"started", "progressing"} and event.source != SIGHTING
    start_known = any(past_event.state == "started" for past_event in events)
    return OPEN if tells_of_start and deploy.state in TERMINAL and not start_known else NEAR


def _began_again(event: DeployEvent, deploy: Deploy, events: Sequence[DeployEvent]) -> bool:
    """The source that now says "started" had seen this deploy begin and it ended before: the
    version is deployed anew.
    """
    spoke = any(
        past_event.source == event.source and past_event.state == "started"
        for past_event in events
    )
    return spoke and deploy.finished is not None and deploy.finished < event.at


def _is_next_step(event: DeployEvent, events: Sequence[DeployEvent]) -> bool:
    """A ramp told in steps, each of which "succeeded": it goes on until all traffic is on the
    version.
    """
    shares = [
        (past_event.at, past_event.traffic_share)
        for past_event in events
        if past_event.traffic_share is not None
    ]
    return event.traffic_share is not None and bool(shares) and max(shares)[1] < 1


def _namespace(events: Sequence[DeployEvent]) -> str | None:
    """What a source that announced the deploy told. Traffic tells it only where nobody announced
    anything.

    An announcement without a namespace may be of another service of the name than the one that
    traffic shows.
    """
    announced = [event for event in events if event.source != SIGHTING]
    return next(
        (event.namespace for event in announced or events if event.namespace is not None), None
    )


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
