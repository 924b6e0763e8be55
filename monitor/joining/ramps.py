"""The state of a ramp at any time, from what is published of the windows before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.detect.ramps.cells import Harm, PathSeen, RampCell, ShapesSeen, Side
from monitor.detect.ramps.pairs import PairInputs, pair_states
from monitor.detect.ramps.presence import (
    Appearance,
    Slot,
    ages,
    appearances,
    began,
    live_at,
    overlaps,
)
from monitor.detect.ramps.traffic import doses, mixed, moved_back, newest_shares, share_steps
from monitor.joining.ramp_meaning import meanings_of
from monitor.joining.ramp_rows import cell_of, paths_of, slot_of, slots_by_service
from monitor.joining.ramp_times import (
    FINE_SECONDS,
    LIVE,
    LOOK_BACK,
    moment,
    seconds_of,
    whole_seconds,
)
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.ramps import (
    Age,
    Ramp,
    RampReason,
    Retried,
    ShareStep,
    VersionLive,
    ramp_reason,
)
from monitor.store import Store
from monitor.store.ramps import Extent, Place, RampReader

BEFORE_SECONDS = 1800
"""So much of the time before a ramp is read, to know how things were."""
STEPS = (10, 30, 60, 300, 900, 3600)
POINTS = 180
TRACES_SECONDS = 3600
"""Exchanges and half edges are read for the newest so much of a ramp."""
MOST_PAIRS = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: a service of one environment, at a time, and how long a version counts as
    live. `newest` tells that the time is the end of the data: what a person accepted since counts.
    """

    place: Place
    at: datetime
    live: timedelta = LIVE
    newest: bool = False


def ramp_at(store: Store, engine: Engine, asked: Asked) -> Ramp:
    """The ramp as it stood: shares, pairs, callers between versions, traffic that moves back, and
    doses. Nothing that came after the time asked for is read.

    Raises StoreError, StoreUnavailable.
    """
    return _Reading(store, engine, asked).ramp()


class _Reading:
    def __init__(self, store: Store, engine: Engine, asked: Asked) -> None:
        self.store, self.reader, self.engine = store, RampReader(store), engine
        self.place, self.at, self.newest = asked.place, asked.at, asked.newest
        self.until = seconds_of(asked.at) // WINDOW_SECONDS * WINDOW_SECONDS
        self.longest = int(asked.live.total_seconds())
        self.extent: Extent = self.reader.extent(asked.at)

    def ramp(self) -> Ramp:
        first = self.until - whole_seconds(LOOK_BACK)
        rows = self.reader.presence_of(self.place, first, self.until, FINE_SECONDS)
        slots = [slot_of(row) for row in rows if row["version"]]
        seen = appearances(slots, self.longest)
        alive = live_at(seen, self.until)
        start = began(alive)
        if start is None:
            return self._without(rows, seen, alive)
        step = step_of(self.until - start)
        since = (start // step) * step
        deploys = _told_deploys(self.engine, self.place, self.at)
        own = ages(
            alive, {name: began_at for name, (began_at, _) in deploys.items()}, self.extent.first
        )
        # versions that came and went meanwhile have an age too
        for it in seen:
            if it.last >= since:
                own.setdefault(it.version, "new" if it.came >= since else "old")
        every = [
            cell_of(row)
            for row in self.reader.cells(self.place, since - BEFORE_SECONDS, self.until, step)
        ]
        cells = [cell for cell in every if cell.at >= since]
        before = [cell for cell in every if cell.at < since]
        answered = [cell for cell in cells if self._is_callee(cell)]
        new = frozenset(version for version, age in own.items() if age == "new")
        paths, retried, unread = self._traces(since)
        pairs = pair_states(
            PairInputs(
                cells,
                self._ages(own, every, since),
                paths,
                harms_of(self.engine, self.place, self.at, newest=self.newest),
                step,
                self.until,
                meanings=meanings_of(
                    self.store,
                    self.place,
                    own,
                    moment(since),
                    moment(self.until),
                    newest=self.newest,
                ),
            )
        )
        steps = self._steps(since, step)
        reasons = [*self._reasons(cells, own, since), *unread]
        if not any(slot.spans for slot in slots if slot.last >= since):  # logs alone tell of it
            reasons.append(ramp_reason("ramp_retries_untold"))
        if len(pairs) > MOST_PAIRS:
            reasons.append(ramp_reason("ramp_pairs_cut", shown=MOST_PAIRS, count=len(pairs)))
        return Ramp(
            service=self.place.service,
            namespace=self.place.namespace or "",
            environment=self.place.environment,
            at=moment(self.until),
            since=moment(start),
            sealed_until=_sealed(self.extent),
            step_seconds=step,
            live=_live(alive, own, steps, slots, deploys, self.until),
            steps=steps,
            pairs=pairs[:MOST_PAIRS],
            mixed=mixed(answered, self._shapes(since)),
            moved_back=moved_back(answered, new) if new else [],
            retried=retried,
            doses=doses([cell for cell in before if self._is_callee(cell)], answered, new)
            if new
            else [],
            reasons=reasons,
        )

    def _without(
        self,
        rows: Sequence[Mapping[str, Any]],
        seen: Sequence[Appearance],
        alive: Sequence[Appearance],
    ) -> Ramp:
        """One version, or none, is live: no ramp, and when the last one was."""
        reason = (
            ramp_reason("ramp_one_version", version=alive[0].version)
            if alive
            else ramp_reason("ramp_nothing_seen", minutes=self.longest // 60)
        )
        past = overlaps(seen)
        slots = [slot_of(row) for row in rows]
        steps = self._steps(max(self.until - 3600, self.until - whole_seconds(LOOK_BACK)), 60)
        return Ramp(
            service=self.place.service,
            namespace=self.place.namespace or "",
            environment=self.place.environment,
            at=moment(self.until),
            since=None,
            sealed_until=_sealed(self.extent),
            step_seconds=60,
            live=_live(alive, {it.version: "old" for it in alive}, steps, slots, {}, self.until),
            steps=steps,
            pairs=(),
            mixed=(),
            moved_back=(),
            retried=(),
            doses=(),
            reasons=[reason],
            last_ramp=(moment(past[-1][0]), moment(past[-1][1] + WINDOW_SECONDS))
            if past
            else None,
        )  # fmt: skip

    def _is_callee(self, cell: RampCell) -> bool:
        return self.place.holds(cell.callee_namespace, cell.callee)

    def _steps(self, since: int, step: int) -> list[ShareStep]:
        rows = self.reader.presence_of(self.place, since, self.until, step)
        # who answers calls is counted by them; who answers none, by spans
        word = "server_calls" if any(row["server_calls"] for row in rows) else "spans"
        counts: dict[int, dict[str, int]] = {}
        for row in rows:
            held = counts.setdefault(int(row["at"]), {})
            held[row["version"]] = held.get(row["version"], 0) + int(row[word])
        return share_steps(counts)

    def _ages(
        self, own: Mapping[str, Age], cells: Iterable[RampCell], since: int
    ) -> dict[Side, Age]:
        """How old each version is that takes part. A service that tells no version was there; a
        version that shows no span of its own is as old as its calls.
        """
        parties: dict[Side, int] = {}
        for cell in cells:
            for side in (cell.caller_side, cell.callee_side):
                parties[side] = min(cell.at, parties.get(side, cell.at))
        versioned = {side[:2] for side in parties if side[2]}
        by_side: dict[Side, Age] = {}
        for side, first in parties.items():
            if side[2]:
                by_side[side] = "new" if first >= since > self.extent.first else "old"
            elif side[:2] not in versioned:
                by_side[side] = "old"
        partners = sorted({name for _, name, version in parties if version})
        rows = self.reader.presence(
            self.place.environment,
            partners,
            self.until - whole_seconds(LOOK_BACK),
            self.until,
            FINE_SECONDS,
        )
        for key, held in slots_by_service(rows).items():
            for it in appearances(held, self.longest):
                if it.version:
                    came = it.came >= since and it.came > self.extent.first
                    by_side[*key, it.version] = "new" if came else "old"
        for side in parties:
            if self.place.holds(*side[:2]):
                by_side[side] = own.get(side[2], "unknown")
        return by_side

    def _shapes(self, since: int) -> list[ShapesSeen]:
        return [
            ShapesSeen(
                row["caller"],
                row["caller_version"],
                row["callee_version"],
                row["operation"],
                int(row["status"]),
                frozenset(row["shapes"]),
            )
            for row in self.reader.shapes(self.place, since, self.until)
        ]

    def _traces(self, since: int) -> tuple[list[PathSeen], list[Retried], list[RampReason]]:
        lately = max(since, self.until - TRACES_SECONDS)
        paths = paths_of(self.reader, self.place, lately, self.until)
        retried = [
            Retried(
                row["caller"], row["caller_version"], row["operation"], row["from_version"],
                row["to_version"], int(row["retries"]), int(row["recovered"]),
            )
            for row in self.reader.retries(self.place, lately, self.until)
        ]  # fmt: skip
        cut = (
            [ramp_reason("ramp_paths_cut", minutes=TRACES_SECONDS // 60)] if lately > since else []
        )
        return paths, retried, cut

    def _reasons(
        self, cells: Sequence[RampCell], own: Mapping[str, Age], since: int
    ) -> list[RampReason]:
        reasons: list[RampReason] = []
        untold = sum(
            cell.calls for cell in cells if (self._is_callee(cell) and not cell.callee_version)
        )
        if untold:
            reasons.append(ramp_reason("ramp_version_untold", count=untold))
        if "unknown" in own.values():
            reasons.append(ramp_reason("ramp_order_unknown"))
        open_since = max(since, (self.extent.last_sealed or 0) + WINDOW_SECONDS)
        if self.extent.last_sealed < self.extent.last:
            seconds = self.extent.last + WINDOW_SECONDS - open_since
            reasons.append(ramp_reason("ramp_provisional", seconds=seconds))
        return reasons


def harms_of(engine: Engine, place: Place, at: datetime, *, newest: bool) -> list[Harm]:
    """Findings that were open or accepted there at that time, and that nothing explains better.
    `newest`: what was accepted after `at` counts as accepted.
    """
    accepted = {it.fingerprint for it in kept_findings.accepted(engine, at)}
    return [
        Harm(
            finding.id,
            finding.edge.caller,
            finding.edge.callee,
            finding.callee_version,
            finding.caller_version,
            finding.signal,
            finding.fingerprint in accepted or (newest and finding.state == "accepted"),
        )
        for finding in kept_findings.list_findings(engine, service=place.name)
        if finding.edge.environment == place.environment
        and finding.role == "root"
        and finding.explained is None
        and finding.first_seen <= at
        and (finding.state != "resolved" or finding.last_seen >= at)
    ]


def _told_deploys(
    engine: Engine, place: Place, at: datetime
) -> dict[str, tuple[int, float | None]]:
    """By version, when its newest deploy before `at` began, and which share was told last."""
    by_version: dict[str, tuple[int, float | None]] = {}
    deploys = kept_deploys.list_deploys(
        engine, environment=place.environment, service=place.name, until=at
    )
    for deploy in deploys:
        if set(deploy.sources) - {"sighting"}:
            shares = [
                event.traffic_share
                for event in sorted(
                    kept_deploys.events(engine, deploy.id), key=lambda event: event.at
                )
                if event.traffic_share is not None and event.at <= at
            ]
            by_version.setdefault(
                deploy.version, (seconds_of(deploy.started), shares[-1] if shares else None)
            )
    return by_version


def _live(
    alive: Sequence[Appearance],
    own: Mapping[str, Age],
    steps: Sequence[ShareStep],
    slots: Sequence[Slot],
    deploys: Mapping[str, tuple[int, float | None]],
    until: int,
) -> list[VersionLive]:
    newest = newest_shares(steps)
    lines = []
    for it in alive:
        held = [
            slot
            for slot in slots
            if slot.version == it.version and slot.last >= until - it.patience
        ]
        lines.append(
            VersionLive(
                version=it.version,
                age=own.get(it.version, "unknown"),
                since=moment(it.first),
                last_seen=moment(it.last),
                server_calls=sum(slot.server_calls for slot in held),
                spans=sum(slot.spans for slot in held),
                instances=max((slot.instances for slot in held), default=0),
                share=newest.get(it.version, 0.0) if newest else None,
                planned_share=deploys.get(it.version, (0, None))[1],
                first_seen=moment(it.came),
            )
        )
    return lines


def step_of(seconds: int) -> int:
    """The shortest step of time that gives no more than 180 of them."""
    return next((step for step in STEPS if seconds / step <= POINTS), STEPS[-1])


def _sealed(extent: Extent) -> datetime | None:
    return moment(extent.last_sealed + WINDOW_SECONDS) if extent.last_sealed else None
