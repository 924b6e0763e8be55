"""A ramp plan held against a ramp: what live traffic breaks of it, and what the next step wants."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from monitor.detect.ramps.bounds import CONFIDENCE, lower_share
from monitor.model.ramp_plans import ANY, AllowedPair, PlanSide, PlanState, PlanStep, RampPlan
from monitor.model.ramps import PairState, Ramp, VersionLive
from monitor.model.reasons import Reason, reason

ABOVE = 1.1
"""Traffic is above a step where its share surely exceeds the step's by a tenth."""
LATELY = 6
"""So many of the newest steps of time tell which step of the plan the ramp is at."""


def entries(plan: RampPlan, ramp: Ramp) -> list[datetime | None]:
    """For each step of the plan, when the ramp first came to it: the first when it began, the others
    when the share was surely above the step before. None for those not reached. A version that is
    gone again began when it was first called.
    """
    began = ramp.since if _seen(plan, ramp) else None
    if began is None:
        began = next((it.time for it in ramp.steps if it.calls.get(plan.version)), None)
    times = [began]
    sure = 1.0 - (1.0 - CONFIDENCE) / max(1, len(ramp.steps))
    for step in plan.steps:
        above = next(
            (
                it.time
                for it in ramp.steps
                if lower_share(it.calls.get(plan.version, 0), sum(it.calls.values()), sure)
                > ABOVE * step.share
            ),
            None,
        )
        times.append(above)
    return times[: max(1, len(plan.steps))]


def judge_plan(
    plan: RampPlan,
    ramp: Ramp,
    then: Sequence[Ramp | None],
    contract: str,
    revision: int,
) -> PlanState:
    """`then` is the ramp as it stood when each step of the plan was come to, as `entries` tells.

    Nothing seen of the version is silence: it breaks nothing, and no step may be taken.
    """
    broken = [
        *_forbidden(plan, ramp),
        *_early(plan, ramp, then),
        *_too_long(plan, ramp),
        *_aborts(plan, ramp),
    ]
    at = _step_now(plan, ramp)
    silent = not _seen(plan, ramp)
    step = plan.steps[at] if plan.steps else None
    later = plan.steps[at + 1].share if at + 1 < len(plan.steps) else None
    waits: list[Reason] = []
    if silent:
        waits.append(reason("plan_silent", version=plan.version, service=ramp.service))
    elif step is not None and later is not None:
        began = entries(plan, ramp)[at] or ramp.since or ramp.at
        waits = _lacking(plan, step, ramp, began, later)
    return PlanState(
        contract,
        revision,
        plan.version,
        None if step is None else step.share,
        later,
        broken,
        waits,
        silent,
    )


def _seen(plan: RampPlan, ramp: Ramp) -> bool:
    return any(version.version == plan.version for version in ramp.live)


def _step_now(plan: RampPlan, ramp: Ramp) -> int:
    lately = ramp.steps[-LATELY:]
    new = sum(it.calls.get(plan.version, 0) for it in lately)
    every = sum(sum(it.calls.values()) for it in lately)
    above = [
        number
        for number, step in enumerate(plan.steps)
        if lower_share(new, every) > ABOVE * step.share
    ]
    return min(above[-1] + 1, len(plan.steps) - 1) if above else 0


def _own_pairs(plan: RampPlan, ramp: Ramp) -> list[PairState]:
    """Pairs that the new version is in, as callee or caller."""
    return [
        pair
        for pair in ramp.pairs
        if (pair.callee, pair.callee_version) == (ramp.service, plan.version)
        or (pair.caller, pair.caller_version) == (ramp.service, plan.version)
    ]


def _is(side: PlanSide, service: str, version: str) -> bool:
    return side.service == service and side.version in (ANY, version)


def _allows(allowed: AllowedPair, pair: PairState) -> bool:
    return _is(allowed.caller, pair.caller, pair.caller_version) and _is(
        allowed.callee, pair.callee, pair.callee_version
    )


def _forbidden(plan: RampPlan, ramp: Ramp) -> Iterable[Reason]:
    """Pairs that met and are not listed. Calls in a direction of which the plan lists none are
    free.
    """
    listed_in = any(allowed.callee.service == ramp.service for allowed in plan.pairs)
    listed_out = any(allowed.caller.service == ramp.service for allowed in plan.pairs)
    for pair in _own_pairs(plan, ramp):
        bound = listed_in if pair.callee == ramp.service else listed_out
        if bound and pair.calls and not any(_allows(allowed, pair) for allowed in plan.pairs):
            yield reason("plan_pair_forbidden", pair=pair_name(pair), calls=pair.calls)


def _early(plan: RampPlan, ramp: Ramp, then: Sequence[Ramp | None]) -> Iterable[Reason]:
    """Steps that were taken before the one before had its time and its evidence."""
    times = entries(plan, ramp)
    for number in range(1, len(times)):
        came, state, before = times[number], then[number], plan.steps[number - 1]
        if came is None or state is None:
            continue
        began = times[number - 1] or ramp.since or came
        stood = (came - began).total_seconds()
        if stood < before.least_seconds - ramp.step_seconds:
            yield reason(
                "plan_step_without_time",
                share=before.share,
                at=came,
                seconds=stood,
                wanted_seconds=before.least_seconds,
            )
        for name, had, _ in evidence(plan, state):
            if had < before.least_calls:
                yield reason(
                    "plan_step_without_evidence",
                    share=before.share,
                    at=came,
                    pair=name,
                    calls=had,
                    wanted=before.least_calls,
                )


def _too_long(plan: RampPlan, ramp: Ramp) -> Iterable[Reason]:
    """An old version that is back after a break does not begin the ramp anew: its end stands."""
    others = _older(plan, ramp)
    if ramp.since is None or not others:
        return
    stood = (ramp.at - ramp.since).total_seconds()
    came = min(ramp.since, *(it.since for it in ramp.live if it.version == plan.version))
    end = plan.end_of_old or (
        came + timedelta(seconds=plan.end_after_seconds)
        if plan.end_after_seconds is not None
        else None
    )
    for version in others:
        # who was last seen before the end was gone by then, as far as windows tell
        if end is not None and version.last_seen >= end:
            yield reason(
                "plan_old_alive", version=version.version, end=end, seen=version.last_seen
            )
    if plan.longest_skew_seconds is not None and stood > plan.longest_skew_seconds:
        last = max(version.last_seen for version in others)
        if (last - ramp.since).total_seconds() > plan.longest_skew_seconds:
            yield reason(
                "plan_skew",
                seconds=stood,
                wanted_seconds=plan.longest_skew_seconds,
                versions=", ".join(version.version for version in ramp.live),
            )


def _older(plan: RampPlan, ramp: Ramp) -> list[VersionLive]:
    """The live versions that were there before the plan's own. A newer one, which may have a plan
    of its own, is no old version of this one; an old one that comes back is.
    """
    own = next((it for it in ramp.live if it.version == plan.version), None)
    if own is None:
        return []
    came = next((it.time for it in ramp.steps if it.calls.get(plan.version)), own.since)
    before = {
        name for it in ramp.steps if it.time < came for name, count in it.calls.items() if count
    }
    return [
        version
        for version in ramp.live
        if version is not own
        and (
            min(version.since, version.first_seen) <= min(own.since, own.first_seen)
            or version.version in before
        )
    ]


def _aborts(plan: RampPlan, ramp: Ramp) -> Iterable[Reason]:
    """Failures of calls are the callee's; messages that break a contract are their producer's."""
    for pair in _own_pairs(plan, ramp):
        if pair.callee != ramp.service and pair.kind != "queue":
            continue
        for share, limit, kind in (
            (pair.failed, plan.abort_failures, "fail"),
            (pair.violated, plan.abort_violations, "violate"),
        ):
            if kind == "fail" and pair.callee != ramp.service:
                continue
            if limit is not None and share.of and lower_share(share.count, share.of) > limit:
                yield reason(
                    "plan_abort",
                    pair=pair_name(pair),
                    kind=kind,
                    count=share.count,
                    calls=share.of,
                    share=limit,
                )


def _lacking(
    plan: RampPlan, step: PlanStep, ramp: Ramp, began: datetime, later: float
) -> list[Reason]:
    waits: list[Reason] = []
    stood = (ramp.at - began).total_seconds()
    if stood < step.least_seconds:
        waits.append(
            reason(
                "plan_step_waits",
                share=later,
                seconds=max(0.0, stood),
                wanted_seconds=step.least_seconds,
            )
        )
    for name, had, pace in evidence(plan, ramp):
        if had < step.least_calls:
            eta = (step.least_calls - had) / pace if pace else None
            waits.append(
                reason(
                    "plan_step_lacks_calls",
                    share=later,
                    pair=name,
                    calls=had,
                    wanted=step.least_calls,
                    eta_seconds=eta,
                )
            )
    return waits


def evidence(plan: RampPlan, ramp: Ramp) -> list[tuple[str, int, float]]:
    """Of each pair that must show itself, its name, its calls and calls a second: those that the plan
    lists and the version is in, seen or not; without a list, every caller's, and of a service that
    nobody calls every consumer's of its messages.
    """
    own = _own_pairs(plan, ramp)
    if not plan.pairs:
        answers = any(pair.callee == ramp.service for pair in ramp.pairs)
        seen = [
            pair
            for pair in own
            if pair.callee == ramp.service or (not answers and pair.kind == "queue")
        ]
        return [(pair_name(pair), pair.calls, pair.calls_a_second) for pair in seen] or [
            (f"any caller → {ramp.service} {plan.version}", 0, 0.0)
        ]
    counts: list[tuple[str, int, float]] = []
    for allowed in plan.pairs:
        if not any(
            side.service == ramp.service and side.version in (ANY, plan.version)
            for side in (allowed.caller, allowed.callee)
        ):
            continue
        seen = [pair for pair in own if _allows(allowed, pair)]
        name = (
            f"{allowed.caller.service} {allowed.caller.version} → "
            f"{allowed.callee.service} {allowed.callee.version}"
        )
        counts += [(pair_name(pair), pair.calls, pair.calls_a_second) for pair in seen] or [
            (name, 0, 0.0)
        ]
    return counts


def pair_name(pair: PairState) -> str:
    """Both sides with their versions."""
    caller = f"{pair.caller} {pair.caller_version}".strip()
    return f"{caller} → {pair.callee} {pair.callee_version}".strip()
