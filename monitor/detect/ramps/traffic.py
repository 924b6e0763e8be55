"""What a ramp does to its surroundings: callers that several versions answer, traffic that moves
back, and failures of the old version that rise with the new one's share.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.before_after import dose_rates, dose_response
from monitor.detect.evidence.rates import dispersion
from monitor.detect.evidence.shared import DOSE_Z
from monitor.detect.ramps.bounds import CONFIDENCE, lower_share, upper_share
from monitor.detect.ramps.cells import RampCell, ShapesSeen
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import qualified
from monitor.model.ramps import DOSE_LEVELS, Dose, Mixed, MovedBack, ShareStep

FELL = 0.05
"""Traffic that went back by less is not told."""


def mixed(cells: Iterable[RampCell], shapes: Iterable[ShapesSeen] = ()) -> list[Mixed]:
    """Callers that several versions answered on one operation in one step of time; those whose
    answers differ first, then the busiest.
    """
    cells = list(cells)
    names = _callers(cells)
    groups: dict[tuple[str, ...], dict[int, list[RampCell]]] = {}
    for cell in cells:
        if cell.callee_version and cell.calls:
            key = (
                *cell.caller_side,
                *(cell.callee_namespace, cell.callee, cell.operation, cell.protocol),
            )
            groups.setdefault(key, {}).setdefault(cell.at, []).append(cell)
    seen: dict[tuple[str, ...], dict[int, dict[str, frozenset[int]]]] = {}
    for it in shapes:
        by_status = seen.setdefault((it.caller, it.caller_version, it.operation), {})
        by_status.setdefault(it.status, {})[it.callee_version] = it.shapes
    callers: list[Mixed] = []
    for (space, caller, version, _, callee, operation, _), steps in groups.items():
        both = [held for held in steps.values() if len({it.callee_version for it in held}) > 1]
        if not both:
            continue
        calls: dict[str, int] = {}
        checked: dict[str, tuple[int, int]] = {}
        for cell in (cell for held in both for cell in held):
            calls[cell.callee_version] = calls.get(cell.callee_version, 0) + cell.calls
            valid, violated = checked.get(cell.callee_version, (0, 0))
            checked[cell.callee_version] = (valid + cell.valid, violated + cell.violated)
        broke = {
            version: violated > 0
            for version, (valid, violated) in checked.items()
            if valid + violated
        }
        callers.append(
            Mixed(
                names[space, caller], version, callee, operation, sorted(calls), len(both), calls,
                differ=len(set(broke.values())) > 1,
                shapes_differ=_apart(seen.get((caller, version, operation), {}), calls),
            )
        )  # fmt: skip
    return sorted(
        callers,
        key=lambda it: (
            not it.differ and not it.shapes_differ,
            -sum(it.calls.values()),
            it.caller,
            it.caller_version,
            it.operation,
        ),
    )


def _callers(cells: Iterable[RampCell]) -> dict[tuple[str, str], str]:
    """What each caller is called: with its namespace where several have its name."""
    spaces: dict[str, set[str]] = {}
    for cell in cells:
        spaces.setdefault(cell.caller, set()).add(cell.caller_namespace)
    return {
        (space, name): qualified(space, name) if len(held) > 1 else name
        for name, held in spaces.items()
        for space in held
    }


def _apart(
    by_status: Mapping[int, Mapping[str, frozenset[int]]], versions: Iterable[str]
) -> list[int]:
    """Statuses that several of these versions gave, in shapes of which none is common to them."""
    return [
        status
        for status, shapes in sorted(by_status.items())
        if len(held := [shapes[version] for version in versions if version in shapes]) > 1
        and not frozenset.intersection(*held)
    ]


def moved_back(cells: Sequence[RampCell], new: frozenset[str]) -> list[MovedBack]:
    """Whose calls went to the new versions in a larger share than they do now, surely: the peak's
    lower limit is above the newest step's upper one, at 95 % over all steps together.
    """
    moves: list[MovedBack] = []
    names = _callers(cells)
    for caller in ("", *sorted(names.values())):
        steps: dict[int, tuple[int, int]] = {}
        for cell in cells:
            if caller in ("", names[cell.caller_namespace, cell.caller]):
                of_new, of_all = steps.get(cell.at, (0, 0))
                more = cell.calls if cell.callee_version in new else 0
                steps[cell.at] = (of_new + more, of_all + cell.calls)
        if len(steps) < 2:
            continue
        sure = 1.0 - (1.0 - CONFIDENCE) / len(steps)
        last = max(steps)
        peak = max(steps, key=lambda at: lower_share(*steps[at], sure))
        now_new, now_all = steps[last]
        low, high = lower_share(*steps[peak], sure), upper_share(now_new, now_all, sure)
        if low - high >= FELL:
            moves.append(
                MovedBack(
                    caller,
                    steps[peak][0] / steps[peak][1],
                    datetime.fromtimestamp(peak, UTC),
                    now_new / now_all,
                    now_all,
                )
            )
    return moves


def doses(
    before: Sequence[RampCell], cells: Sequence[RampCell], new: frozenset[str]
) -> list[Dose]:
    """For each pair of services, whether the old versions' failures rise with the new ones' share
    of calls: what damage to shared state looks like. An outage at one moment is no dose.
    """
    settings = JudgeSettings()
    edges: dict[tuple[str, ...], list[RampCell]] = {}
    for cell in cells:
        edges.setdefault(cell.edge, []).append(cell)
    measured: list[Dose] = []
    for edge, held in sorted(edges.items()):
        steps = sorted({cell.at for cell in held})
        places = {at: place for place, at in enumerate(steps)}
        old = np.zeros((len(steps), 2), np.int64)
        all_calls = np.zeros(len(steps), np.int64)
        new_calls = np.zeros(len(steps), np.int64)
        for cell in held:
            place = places[cell.at]
            all_calls[place] += cell.calls
            if cell.callee_version in new:
                new_calls[place] += cell.calls
            else:
                old[place] += (cell.bad, cell.calls)
        share = new_calls / np.maximum(all_calls, 1)
        past = _by_step(cell for cell in before if cell.edge == edge)
        served = old[:, 1] > 0
        levels = int(np.unique(np.round(share[served], 1)).size)
        doses_seen = (old[served, 0], old[served, 1], share[served])
        z = (
            dose_response(*doses_seen, *past) / math.sqrt(dispersion(*past))
            if levels >= DOSE_LEVELS
            else 0.0
        )
        base, added = dose_rates(
            np.concatenate([past[0], doses_seen[0]]),
            np.concatenate([past[1], doses_seen[1]]),
            np.concatenate([np.zeros(past[0].size), doses_seen[2]]),
        )
        relevant = (
            added >= settings.floor_difference and base + added >= settings.floor_ratio * base
        )
        measured.append(
            Dose(edge[1], edge[3], levels, z, base, added, rises=z >= DOSE_Z and relevant)
        )
    return sorted(measured, key=lambda dose: (not dose.rises, -dose.z, dose.caller, dose.callee))


def _by_step(cells: Iterable[RampCell]) -> tuple[Ints, Ints]:
    steps: dict[int, tuple[int, int]] = {}
    for cell in cells:
        bad, calls = steps.get(cell.at, (0, 0))
        steps[cell.at] = (bad + cell.bad, calls + cell.calls)
    rows = np.array([steps[at] for at in sorted(steps)], np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


BEGUN = 0.5
"""A step with so small a part of the calls of the one before has only begun."""
ENOUGH_CALLS, MOST_STEPS = 100, 10
"""So many calls tell a share to some 10 points; steps that are older than so many tell another."""


def share_steps(counts: Mapping[int, Mapping[str, int]]) -> list[ShareStep]:
    """Shares of what each version did, by step."""
    return [
        ShareStep(
            datetime.fromtimestamp(at, UTC),
            dict(versions),
            {version: count / total for version, count in versions.items()}
            if (total := sum(versions.values()))
            else {},
        )
        for at, versions in sorted(counts.items())
    ]


def newest_shares(steps: Sequence[ShareStep]) -> Mapping[str, float]:
    """Shares of the newest step. One that has only begun is counted with the one before: of its
    first calls all may be of one version. Where calls are few it is so many steps that ENOUGH_CALLS
    are told of, MOST_STEPS at most: of 18 calls half may be of a version that has three in ten.
    """
    totals = [sum(step.calls.values()) for step in steps]
    taken = 2 if totals[1:] and totals[-1] < BEGUN * totals[-2] else 1
    while taken < min(len(steps), MOST_STEPS) and sum(totals[-taken:]) < ENOUGH_CALLS:
        taken += 1
    return shares_of(steps[-taken:])


def shares_of(steps: Sequence[ShareStep]) -> Mapping[str, float]:
    """Each version's share of the calls of some steps; where nobody called, the last one's, which
    are of spans.
    """
    calls = Counter[str]()
    for step in steps:
        calls.update(step.calls)
    whole = calls.total()
    if not whole:
        return steps[-1].shares if steps else {}
    return {version: count / whole for version, count in calls.items()}
