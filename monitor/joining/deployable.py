"""May a version go to an environment? From what was observed of its pairs with the versions that
are live there, and from what contracts declare.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine

from monitor.contracts.amendment import bearing_of, weighed
from monitor.contracts.change import Read
from monitor.contracts.read import document_of
from monitor.control.contracts import listed, whole
from monitor.detect.ramps.cells import RampCell, Side
from monitor.detect.ramps.pairs import PairInputs, pair_states
from monitor.detect.ramps.presence import appearances, live_at
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.matrix import Expected, Live, matrix
from monitor.joining.publishing import promise_of
from monitor.joining.ramp_listing import data_end
from monitor.joining.ramp_meaning import meanings_of
from monitor.joining.ramp_rows import cell_of, paths_of, slots_by_service
from monitor.joining.ramp_times import FINE_SECONDS, LIVE
from monitor.joining.ramps import BEFORE_SECONDS, TRACES_SECONDS, harms_of, step_of
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.deployable import Declared, Deployable, DeployPair, Missing, missing
from monitor.model.edges import apart
from monitor.model.ramps import WORST_FIRST, Age, PairState, PairWord, exit_of, worst
from monitor.model.services import may_be_one
from monitor.store import Store
from monitor.store.ramps import Place, RampReader
from monitor.store.reader import Reader

ENOUGH = 736
"""So many calls without a failure bound failures below half a percent, as the gate's equivalence
wants it.
"""
TRIAL_SHARE = 0.1
"""Of the traffic there: how large a part a first step would give the version."""
MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version of a service that shall go to an environment; evidence of so many days before the
    end of the data counts.
    """

    place: Place
    version: str
    now: datetime
    days: int = 7


def deployable(store: Store, engine: Engine, aliases: Aliases, wanted: Wanted) -> Deployable:
    """Every pair with the versions that are live there, broken ones first. Silence proves nothing.

    Raises StoreError, StoreUnavailable.
    """
    return _Asking(store, engine, aliases, wanted).answer()


@dataclass(frozen=True, slots=True)
class _Partner:
    direction: Literal["backward", "forward"]
    side: Side
    protocol: str


@dataclass(frozen=True, slots=True, order=True)
class _Way:
    direction: Literal["backward", "forward"]
    namespace: str
    service: str
    protocol: str


class _Asking:
    def __init__(self, store: Store, engine: Engine, aliases: Aliases, wanted: Wanted) -> None:
        self.store, self.reader, self.telemetry = store, RampReader(store), Reader(store)
        self.engine, self.aliases, self.wanted = engine, aliases, wanted
        self.data_until = data_end(store, wanted.now + timedelta(hours=1))
        self.at = self.data_until or wanted.now
        self.until = int(self.at.timestamp()) // 10 * 10
        self.since = max(0, self.until - wanted.days * 86400)
        self.place = wanted.place

    def answer(self) -> Deployable:
        wanted = self.wanted
        anywhere = replace(self.place, environment="")
        rows = self.reader.presence_of(anywhere, self.since, self.until, FINE_SECONDS)
        there = [
            cell_of(row) for row in self.reader.cells(self.place, self.since, self.until, 3600)
        ]
        partners = self._partners(there)
        observed = self._observed(rows)
        declared = self._declared()
        pace = self._pace(there)
        pairs = [self._pair(partner, observed, declared, pace) for partner in partners]
        notes, age, old = list[Missing](), None, False
        if self.data_until is not None:
            age = max(0.0, (wanted.now - self.data_until).total_seconds())
            old = age > LIVE.total_seconds()
            if old:
                until = self.data_until.isoformat()
                notes.append(missing("deploy_data_old", seconds=age, until=until))
        last = max((cell.last for cell in there), default=0)
        if last and self.until - last > LIVE.total_seconds():
            notes.append(
                missing(
                    "deploy_place_silent",
                    service=self.place.service,
                    environment=self.place.environment,
                    seconds=float(self.until - last),
                )
            )
        if not pairs:
            notes.append(
                missing(
                    "deploy_nobody_known",
                    service=self.place.service,
                    environment=self.place.environment,
                    days=wanted.days,
                )
            )
        seen = {row["environment"] for row in rows if row["version"] == wanted.version}
        if self.place.environment in seen:
            notes.append(
                missing(
                    "deploy_is_live", version=wanted.version, environment=self.place.environment
                )
            )
        elif seen:
            notes.append(missing("deploy_seen_elsewhere", environments=", ".join(sorted(seen))))
        return Deployable(
            service=self.place.service,
            version=wanted.version,
            environment=self.place.environment,
            at=datetime.fromtimestamp(self.until, UTC),
            data_until=self.data_until,
            data_age_seconds=age,
            # who may be live since the data ended is not known: that proves nothing
            exit_code=exit_of({pair.word for pair in pairs} | ({"unproven"} if old else set())),
            pairs=sorted(
                pairs,
                key=lambda it: (WORST_FIRST.index(it.word), it.direction, it.caller, it.callee, it.caller_version, it.callee_version),
            ),
            notes=notes,
        )  # fmt: skip

    def _partners(self, cells: Iterable[RampCell]) -> list[_Partner]:
        """The other sides there, in the versions that are live, or of a service that is not, the
        version that was seen last.
        """
        last: dict[_Way, dict[str, int]] = {}
        for cell in cells:
            if self.place.holds(cell.callee_namespace, cell.callee):
                way = _Way("backward", cell.caller_namespace, cell.caller, cell.protocol)
                version = cell.caller_version
            else:
                way = _Way("forward", cell.callee_namespace, cell.callee, cell.protocol)
                version = cell.callee_version
            held = last.setdefault(way, {})
            held[version] = max(cell.last, held.get(version, 0))
        names = sorted({way.service for way in last})
        rows = (
            self.reader.presence(
                self.place.environment, names, self.since, self.until, FINE_SECONDS
            )
            if names
            else []
        )
        alive: dict[tuple[str, str], set[str]] = {}
        longest = int(LIVE.total_seconds())
        for service, slots in slots_by_service(rows).items():
            seen = live_at(appearances(slots, longest), self.until)
            alive[service] = {it.version for it in seen}
        partners = []
        for way, versions in sorted(last.items()):
            live = set(versions) & alive.get((way.namespace, way.service), set())
            newest = max(versions.values())
            # who shows no span of its own is known by its calls alone
            kept = live or {version for version, at in versions.items() if newest - at <= longest}
            partners += [
                _Partner(way.direction, (way.namespace, way.service, version), way.protocol)
                for version in sorted(kept)
            ]
        return partners

    def _observed(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[PairState]]:
        """The version's pairs by environment, there first, then where it answered most."""
        mine = [row for row in rows if row["version"] == self.wanted.version]
        spans: dict[str, tuple[int, int]] = {}
        for row in mine:
            first, count = spans.get(row["environment"], (int(row["first"]), 0))
            spans[row["environment"]] = (
                min(first, int(row["first"])),
                count + int(row["spans"]),
            )
        order = sorted(spans, key=lambda it: (it != self.place.environment, -spans[it][1], it))
        return {
            environment: self._states(environment, spans[environment][0]) for environment in order
        }

    def _states(self, environment: str, first: int) -> list[PairState]:
        place = Place(environment, self.place.namespace, self.place.service)
        step = step_of(self.until - first)
        since = max(self.since, first - BEFORE_SECONDS) // step * step
        cells = [cell_of(row) for row in self.reader.cells(place, since, self.until, step)]
        sides = {side for cell in cells for side in (cell.caller_side, cell.callee_side)}
        versioned = {side[:2] for side in sides if side[2]}
        ages: dict[Side, Age] = {}
        for side in sides:
            own = self.place.holds(*side[:2]) and side[2] == self.wanted.version
            # calls that tell no version, of a service that has some, are nobody's evidence
            untold = not side[2] and side[:2] in versioned
            ages[side] = "unknown" if untold else "new" if own else "old"
        lately = max(since, self.until - TRACES_SECONDS)
        paths = paths_of(self.reader, place, lately, self.until)
        harms = harms_of(self.engine, place, self.at, newest=True)
        versions = {
            side[2]: age for side, age in ages.items() if self.place.holds(*side[:2]) and side[2]
        }
        meanings = meanings_of(
            self.store,
            place,
            versions,
            datetime.fromtimestamp(since, UTC),
            datetime.fromtimestamp(self.until, UTC),
            newest=True,
        )
        states = pair_states(
            PairInputs(cells, ages, paths, harms, step, self.until, meanings=meanings)
        )
        return [state for state in states if state.role in ("backward", "forward")]

    def _pace(self, cells: Sequence[RampCell]) -> dict[tuple[str, str], float]:
        """Calls a second of a caller, and to a callee, over the last day there."""
        since = max(self.until - 86400, min((cell.at for cell in cells), default=self.until))
        counts: dict[tuple[str, str], int] = {}
        for cell in cells:
            if cell.at >= since:
                key = (cell.caller, cell.callee)
                counts[key] = counts.get(key, 0) + cell.calls
        return {key: count / max(1, self.until - since) for key, count in counts.items()}

    def _declared(self) -> "_Contracts":
        held = [canonical(it, self.aliases) for it in listed(self.engine, newest=True)]
        binding = [
            it for it in held if it.enforced and it.environment in ("", self.place.environment)
        ]
        return _Contracts(self, binding)

    def _pair(
        self,
        partner: _Partner,
        observed: Mapping[str, Sequence[PairState]],
        contracts: "_Contracts",
        pace: Mapping[tuple[str, str], float],
    ) -> DeployPair:
        _, name, version = partner.side
        own = (self.place.service, self.wanted.version)
        other = (name, version)
        (caller, caller_version), (callee, callee_version) = (
            (other, own) if partner.direction == "backward" else (own, other)
        )
        state, where = _state_of(
            observed, caller, caller_version, callee, callee_version, partner.protocol
        )
        declared = contracts.of_pair(partner.direction, name, callee, callee_version)
        lacks: list[Missing] = []
        words: list[PairWord] = []
        kept_whole = bool(declared) and all(it.word == "keeps" for it in declared)
        if state is not None:
            shown = state.word == "unproven" and kept_whole
            words.append("proven" if shown else state.word)
            lacks += [] if shown else _of_state(state)
        elif kept_whole:
            words.append("proven")
        else:
            words.append("unproven")
            calls = pace.get((caller, callee), 0.0)
            lacks.append(
                missing(
                    "pair_never_seen",
                    calls=ENOUGH,
                    days=self.wanted.days,
                    seconds=ENOUGH / (calls * TRIAL_SHARE) if calls else 0.0,
                    share=TRIAL_SHARE,
                )
            )
        for it in declared:
            word, lack = _of_declared(it, callee_version)
            words += word
            lacks += lack
        return DeployPair(
            partner.direction,
            caller,
            caller_version,
            callee,
            callee_version,
            partner.protocol,
            worst(words),
            state,
            where,
            declared,
            lacks,
        )


def _state_of(
    observed: Mapping[str, Sequence[PairState]],
    caller: str,
    caller_version: str,
    callee: str,
    callee_version: str,
    protocol: str,
) -> tuple[PairState | None, str]:
    """What was seen of the pair, in the first environment that saw it."""
    for environment, states in observed.items():
        for state in states:
            seen = (state.caller, state.caller_version, state.callee, state.callee_version)
            if (
                seen == (caller, caller_version, callee, callee_version)
                and state.protocol == protocol
            ):
                return state, environment
    return None, ""


def _of_state(state: PairState) -> list[Missing]:
    if state.word == "broken":
        signals = sorted(
            {str(it.parameters["signal"]) for it in state.reasons if it.code == "ramp_finding"}
        )
        return [missing("pair_observed_broken", calls=state.calls, signals=", ".join(signals))]
    if state.word in ("accepted", "proven"):
        return []
    if state.needed:
        return [missing("pair_more_calls", calls=state.needed, seconds=state.eta_seconds or 0.0)]
    return [missing("pair_observed_open", calls=state.calls)]


def _of_declared(it: Declared, version: str) -> tuple[list[PairWord], list[Missing]]:
    names = ", ".join(it.names[:MOST_NAMES])
    named: dict[str, str | float] = {"contract": it.contract, "revision": it.revision}
    if it.word == "breaks":
        return ["broken"], [missing("pair_example_broken", **named, version=version, names=names)]
    if it.word in ("incomplete", "unshown"):
        lack = missing(
            "pair_examples_unshown", **named, version=version, names=names, count=len(it.names)
        )
        return ["unproven"], [lack]
    if it.word == "breaking":
        return ["broken"], [missing("pair_declared_breaking", **named)]
    if it.word == "undecided":
        return ["unproven"], [missing("pair_declared_undecided", **named)]
    if it.word == "unreadable":
        return ["unproven"], [missing("pair_declared_unreadable", **named)]
    return [], []


class _Contracts:
    """What contracts say of the pairs, each read once."""

    def __init__(self, asking: _Asking, binding: Sequence[Revision]) -> None:
        self._asking, self._binding = asking, binding
        self._diffs: dict[str, Declared | None] = {}
        self._shown: dict[str, Expected | None] = {}
        self._unreadable: set[str] = set()

    def of_pair(
        self, direction: str, other: str, callee: str, callee_version: str
    ) -> list[Declared]:
        """Examples that bind the pair, and what a new revision of the version's own contracts
        means.
        """
        caller = other if direction == "backward" else self._asking.place.service
        declared: list[Declared] = []
        for revision in self._binding:
            if not may_be_one(revision.provider, callee):
                continue
            if revision.consumer and not may_be_one(revision.consumer, caller):
                continue
            if revision.provider_version not in ("", callee_version):
                continue
            declared += self._of_examples(revision, caller, callee_version)
            if direction == "backward":
                diff = self._of_revision(revision, callee_version)
                declared += [diff] if diff else []
        return declared

    def _of_examples(self, revision: Revision, caller: str, version: str) -> list[Declared]:
        if revision.name not in self._shown:
            self._shown[revision.name] = self._expected(revision)
        expected = self._shown[revision.name]
        if expected is None:
            unreadable = revision.name in self._unreadable
            return [Declared(revision.name, revision.number, "unreadable")] if unreadable else []
        consumer = revision.consumer or expected.promise.consumer
        if consumer and not may_be_one(self._asking.aliases.service(consumer), caller):
            return []
        places = sorted({row["environment"] for row in expected.rows}) or [
            self._asking.place.environment
        ]
        cells = matrix([expected], [Live(place, version) for place in places])
        for word in ("breaks", "keeps", "incomplete", "unshown"):
            for cell in cells:
                if cell.word == word:
                    names = cell.broken if word == "breaks" else [*cell.open, *cell.unshown]
                    return [Declared(revision.name, revision.number, cell.word, list(names))]
        return []

    def _expected(self, revision: Revision) -> Expected | None:
        asking = self._asking
        for full in whole(asking.engine, [revision]):
            try:
                promise = promise_of(full)
            except ContractError:
                self._unreadable.add(revision.name)
                return None
            if promise.by_example:
                since = asking.at - timedelta(days=asking.wanted.days)
                rows = asking.telemetry.interactions(
                    revision.name, since, asking.at + timedelta(hours=1)
                )
                return Expected(canonical(full, asking.aliases), promise, rows)
        return None

    def _of_revision(self, newest: Revision, version: str) -> Declared | None:
        """The newest revision, where it is for the version or not in force yet, against the one that
        the versions there are held to.
        """
        key = f"{newest.name}\x1f{version}"
        if key not in self._diffs:
            self._diffs[key] = self._diff(newest)
        return self._diffs[key]

    def _diff(self, newest: Revision) -> Declared | None:
        at, engine = self._asking.at, self._asking.engine
        ahead = (
            newest.effective_from > at or newest.provider_version == self._asking.wanted.version
        )
        if not ahead:
            return None
        before = [
            it
            for it in listed(engine, name=newest.name)
            if it.number < newest.number and it.enforced and it.effective_from <= at
        ]
        pair = list(whole(engine, [*before[-1:], newest]))
        if len(pair) < 2:
            return None
        try:
            bearing = bearing_of(weighed(*map(_read, pair)))
        except ContractError:
            return Declared(newest.name, newest.number, "unreadable")
        return Declared(newest.name, newest.number, bearing)


def _read(revision: Revision) -> Read:
    where = f"contract {revision.name} revision {revision.number}"
    return Read(document_of(revision.document, where=where), promise_of(revision))


def wanted_place(service: str, environment: str) -> Place:
    """The service as asked for, in the environment."""
    namespace, name = apart(service)
    return Place(environment, namespace, name)
