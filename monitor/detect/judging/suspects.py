"""Who did it: root against propagated, and deploys ranked by odds, with "none of these" among
them.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from monitor.detect.evidence.distributions import log_mean_exp
from monitor.detect.evidence.edge_tests import tests_of_edges
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import Role, own_codes, role_on
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.judging import Signal, Suspect
from monitor.model.reasons import Reason, reason

PROPAGATES: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts", "latency")
"""A violation is its provider's own; these travel up from callee to caller."""
LOG_CAP = 9.0
HOURS_TO_HALVE = 24.0


@dataclass(frozen=True, slots=True)
class Rival:
    """Another deploy near in time, with the evidence of its own version split on edges next to the
    finding's.
    """

    deploy: Deploy
    log_e: float
    is_callee: bool
    reason: Reason


def rivals(
    deploy: Deploy,
    others: Sequence[Deploy],
    tables: Sequence[EdgeTable],
    called: Collection[str],
    settings: JudgeSettings,
) -> dict[str, list[Rival]]:
    """Per signal: deploys of neighbours within `concurrent_seconds`, each judged by its own
    version split on the edges shared with the deployed service; and its own other ones, of which
    nothing can tell. `called`: whom that calls in
    calls that do not tell its version.
    """
    by_signal: dict[str, list[Rival]] = {}
    for other in sorted(others, key=lambda other: other.id):
        if other.id == deploy.id or other.environment != deploy.environment or not other.version:
            continue
        if abs((other.started - deploy.started).total_seconds()) > settings.concurrent_seconds:
            continue
        if other.service == deploy.service:
            # its own versions are what is compared: nothing tells the two releases apart
            for signal in get_args(Signal):
                untold = Rival(other, 0.0, False, reason("nothing_to_judge_by"))
                by_signal.setdefault(signal, []).append(untold)
            continue
        since = (
            min(other.started, other.first_traffic or other.started).timestamp()
            // WINDOW_SECONDS
            * WINDOW_SECONDS
        )
        # with what fresh instances did: a cold start may explain, too
        split: dict[str, list[float]] = {}
        is_callee = other.service in called
        for table in tables:
            role = role_on(table, other.service)
            if role is None:
                continue
            is_callee |= role == "callee" and table.edge.caller == deploy.service
            names, _ = own_codes(table, role)
            old = (
                other.previous_version
                if other.previous_version in names
                else _most_called(table, role, other.version)
            )
            if other.version in names and old:
                versions, edge = (other.version, old), [(table, role)]
                (tests,) = tests_of_edges(
                    edge, *versions, since, settings, 1.0, {}, WINDOW_SECONDS, {}
                )
                for test in tests.tests:
                    split.setdefault(test.signal, []).append(test.log_e)
        for signal in get_args(Signal):
            logs = split.get(signal, [])
            log_e = log_mean_exp(np.array(logs)) if logs else 0.0
            why = (
                reason("own_versions_differ", e_value=_shown(log_e))
                if logs
                else reason("nothing_to_judge_by")
            )
            by_signal.setdefault(signal, []).append(Rival(other, log_e, is_callee, why))
    return by_signal


def ranked(deploy: Deploy, log_e: float, others: Sequence[Rival]) -> tuple[Suspect, ...]:
    """Odds by evidence (capped, so that one test never makes certainty), best first, with "none of
    these" as deploy_id "".
    """
    entries: list[tuple[float, Suspect]] = [
        (
            min(log_e, LOG_CAP),
            Suspect(
                deploy.id,
                deploy.service,
                deploy.version,
                0.0,
                (reason("versions_differ", e_value=_shown(log_e)),),
            ),
        ),
        (0.0, Suspect("", "none of these", "", 0.0, (reason("another_cause"),))),
    ]
    for rival in others:
        age = abs((rival.deploy.started - deploy.started).total_seconds()) / 3600.0
        weight = min(max(rival.log_e, -LOG_CAP), LOG_CAP) - 0.7 - age / HOURS_TO_HALVE
        entries.append(
            (
                weight,
                Suspect(
                    rival.deploy.id,
                    rival.deploy.service,
                    rival.deploy.version,
                    0.0,
                    (rival.reason,),
                ),
            )
        )
    total = sum(math.exp(weight) for weight, _ in entries)
    suspects = [
        Suspect(s.deploy_id, s.service, s.version, round(math.exp(weight) / total, 6), s.reasons)
        for weight, s in entries
    ]
    return tuple(sorted(suspects, key=lambda suspect: (-suspect.odds, suspect.deploy_id)))


def _shown(log_e: float) -> float:
    return math.exp(min(log_e, 50.0))


def stronger_callee(signal: Signal, log_e: float, others: Sequence[Rival]) -> Rival | None:
    """A callee released in the same window whose evidence is stronger: then the service itself is
    innocent of what propagates.
    """
    if signal not in PROPAGATES:
        return None
    better = [rival for rival in others if rival.is_callee and rival.log_e > log_e]
    return max(better, key=lambda rival: rival.log_e) if better else None


def is_propagated(
    edge: EdgeTests, signal: Signal, bad_below: Sequence[tuple[EdgeTests, Signal]], bar: float
) -> bool:
    """Whether an edge into the service only passes on what the service's own calls to others
    suffer.

    True when a call *by* the new version is worse too, unless the callee's own time grew
    (latency), or most different callees slowed down together (then the service itself is the
    cause).
    """
    if edge.role != "callee" or signal not in PROPAGATES or not bad_below:
        return False
    if signal == "latency":
        if edge.own_time_log_e >= bar:
            return False
        slowed = {below.table.edge.callee for below, what in bad_below if what == "latency"}
        return len(slowed) == 1
    return any(what != "latency" for _, what in bad_below)


def _most_called(table: EdgeTable, role: Role, but: str) -> str:
    names, codes = own_codes(table, role)
    calls = np.bincount(codes, weights=table.counts[:, 0], minlength=len(names))
    best = [
        (-float(count), name)
        for count, name in zip(calls, names, strict=True)
        if name not in (but, "")
    ]
    return min(best)[1] if best else ""
