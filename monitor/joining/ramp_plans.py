"""Ramp plans in force, held against live traffic: for the gate, for people, and as violations."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from monitor.contracts.read import read_contract
from monitor.contracts.verdicts import fingerprint
from monitor.control import contracts as registry
from monitor.detect.ramps.plans import entries, judge_plan
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.ramp_listing import places_of
from monitor.joining.ramps import Asked, ramp_at
from monitor.joining.registry import canonical
from monitor.joining.tables import row_number, violations_of
from monitor.model.contracts import Revision
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.ramp_plans import PlanState, RampPlan
from monitor.model.ramps import Ramp
from monitor.model.reasons import Reason, reason
from monitor.model.services import may_be_one
from monitor.store import Store
from monitor.store.ramps import Place
from monitor.wording.reasons import sentence

FORMAT = "ramp-plan"
SOURCE = "ramp-plan"
"""What stands for a source of records in the rows of violations."""
EVERY = timedelta(seconds=60)
_HOUR = 3600


def plans_of(
    engine: Engine, aliases: Aliases, service: str, environment: str, at: datetime
) -> list[Revision]:
    """The revisions of ramp plans that are in force for the service there at that time, without
    their documents. A plan may have several names; each counts.
    """
    newest: dict[str, Revision] = {}
    for held in registry.listed(engine):
        if held.format != FORMAT or held.effective_from > at:
            continue
        revision = canonical(held, aliases)
        if may_be_one(revision.provider, service) and revision.environment in ("", environment):
            newest[revision.name] = revision
    return [revision for revision in newest.values() if revision.binds]


def plan_states(
    store: Store,
    engine: Engine,
    aliases: Aliases,
    place: Place,
    at: datetime,
    ramp: Ramp | None = None,
) -> list[PlanState]:
    """Each plan in force there, held against the ramp as it stood then. Raises StoreError."""
    states: list[PlanState] = []
    for held in plans_of(engine, aliases, place.service, place.environment, at):
        plan = _read(engine, held)
        if plan is None:
            states.append(
                PlanState(
                    held.name, held.number, "", None, None, (),
                    [reason("plan_unreadable", contract=held.name)],
                )
            )  # fmt: skip
            continue
        ramp = ramp or ramp_at(store, engine, Asked(place, at))
        times = entries(plan, ramp)
        then = [
            ramp_at(store, engine, Asked(place, time)) if number and time else None
            for number, time in enumerate(times)
        ]
        states.append(judge_plan(plan, ramp, then, held.name, held.number))
    return states


def _read(engine: Engine, held: Revision) -> RampPlan | None:
    for full in registry.whole(engine, [held]):
        try:
            return read_contract(full.format, full.document, where=f"contract {full.name}").plan
        except ContractError:
            return None
    return None


class RampPlanWatch:
    """Writes what live traffic breaks of ramp plans as violations, at most once a minute; again
    changes nothing.
    """

    def __init__(self, engine: Engine, store: Store, aliases: Aliases) -> None:
        self._engine, self._store, self._aliases = engine, store, aliases
        self._until: datetime | None = None

    def step(self, sealed: datetime | None) -> int:
        """How many clauses of plans are broken as of the newest sealed window."""
        if sealed is None or (self._until is not None and sealed - self._until < EVERY):
            return 0
        self._until = sealed
        at = sealed + timedelta(seconds=WINDOW_SECONDS)
        providers = {
            canonical(held, self._aliases).provider
            for held in registry.listed(self._engine, newest=True)
            if held.format == FORMAT and held.binds
        }
        rows: list[dict[str, object]] = []
        for provider in sorted(providers):
            for place in places_of(self._store, provider, "", at):
                states = plan_states(self._store, self._engine, self._aliases, place, at)
                rows += [
                    _row(state, broken, place, sealed)
                    for state in states
                    for broken in state.broken
                ]
        if rows:
            self._store.insert("violations", violations_of(SOURCE, rows))
        return len(rows)


def _row(state: PlanState, broken: Reason, place: Place, sealed: datetime) -> dict[str, object]:
    hour = int(sealed.timestamp()) // _HOUR
    rule = broken.code.removeprefix("plan_")
    pair = str(broken.parameters.get("pair", ""))
    caller, _, callee = pair.partition(" → ")
    name, _, version = caller.partition(" ")
    return {
        "window": hour * _HOUR,
        "offset": hour,
        "index": row_number(
            state.contract, rule, pair, place.environment, place.namespace, place.service
        ),
        "fingerprint": fingerprint(state.contract, pair, "ramp", rule, ""),
        "contract": state.contract,
        "revision": state.revision,
        "operation": pair,
        "side": "ramp",
        "rule": rule,
        "clause": f"/x-seamwatch-ramp-plan/{_CLAUSES.get(rule, '')}",
        "expected": "the ramp plan is kept",
        "actual": sentence(broken)[:400],
        "environment": place.environment,
        "caller": name,
        "caller_version": version,
        "callee": callee.partition(" ")[0] or place.service,
        "callee_version": callee.partition(" ")[2] or state.version,
        "callee_namespace": place.namespace or "",
        "at": sealed.astimezone(UTC),
    }


_CLAUSES = {
    "pair_forbidden": "pairs",
    "step_without_time": "steps",
    "step_without_evidence": "steps",
    "old_alive": "end_of_old",
    "skew": "longest_skew",
    "abort": "abort",
}
