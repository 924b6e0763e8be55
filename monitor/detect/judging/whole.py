"""What the edges of a service show together: a pass where no edge alone has calls enough, and what
would settle it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.evidence.of_late import failures_of_late
from monitor.detect.evidence.pooling import (
    GROSS,
    ODDS,
    POINTS_OF_FEW,
    PRIOR,
    Pooled,
    pooled,
    without_gross_harm,
)
from monitor.detect.evidence.tested import ALL_FAILURES, LEANING, SIDES, EdgeTests
from monitor.detect.judging.case import Case
from monitor.detect.measure.contrasts import Role, own_codes
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.judging import EdgeJudgement, Finding
from monitor.model.reasons import Reason, reason

ROLES: tuple[Role, ...] = ("callee", "caller")
SHORT_WINDOWS = 12
"""Windows by which the present rate of traffic is measured."""
OPEN = frozenset({"harm_possible", "slowness_possible", "tail_possible", "few_windows"})
"""What more calls would settle: all else that stands against an edge, its neighbours cannot answer
for.
"""
LONG_ENOUGH = 300.0
"""Seconds that the new version must have served: what leaks, or fails only when warm, shows itself
later than the first calls.
"""
WEAKER_AFTER = 300.0
"""Seconds after which a version that does not meet the old one may be called no worse than what
was before.
"""
LEAST_OF_FEW = 0.08
"""Of a smaller share, few calls show nothing of harm to those that call it."""
ODDS_OF_LATE, POINTS_OF_LATE = 2.0 * ODDS, 1.5 * POINTS_OF_FEW
"""What the later half of the calls must show for a weaker pass, beside what all of them do."""
APART = frozenset({"no_overlap", "version_stayed", "zones_in_turn", "callers_explained"})
"""Why versions are not held against each other side by side, or that is not all, as blockers say
it.
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """Each role's kinds over all edges: what the service answers, and what it gets from those it
    calls.

    `missing_seconds`: so much longer must the new version serve; 0 when it did long enough, and
    beside the old one in windows enough. `leans`: on some edge there is evidence of harm, though
    not enough for a finding, and harm of a size that counts is not shut out.
    """

    kinds: Mapping[Role, Sequence[Pooled]]
    missing_seconds: float
    leans: bool


def whole_of(case: Case, settings: JudgeSettings, *, apart: bool = False) -> Whole:
    """Over the edges of the case. `apart`: the versions never met, and what was before is what
    there is to compare with.
    """
    kinds = {role: pooled(case.edges, role, settings, apart=apart) for role in ROLES}
    leans = any(edge.log_e >= LEANING and not _harmless(edge, settings) for edge in case.edges)
    windows = [edge.contrast.windows for edge in case.edges]
    met = np.unique(np.concatenate(windows)) if windows else np.array([], dtype=np.int64)
    if not met.size:
        return Whole(kinds, LONG_ENOUGH, leans)
    served = np.concatenate([edge.table.windows[edge.contrast.since_rows] for edge in case.edges])
    missing = LONG_ENOUGH - float(served.max() - served.min() + WINDOW_SECONDS)
    return Whole(kinds, max(missing, 0.0 if met.size >= settings.min_windows else 1.0), leans)


def _harmless(edge: EdgeTests, settings: JudgeSettings) -> bool:
    """Whether an edge's own calls shut out harm of a size that counts, whatever differs."""
    return (
        edge.contrast.overlap
        and all(
            bound.equivalent(settings.floor_ratio, settings.floor_difference)
            for bound in edge.equivalences.values()
        )
        and all(high < settings.latency_floor_points for high in edge.latency_difference.values())
        and all(high < settings.latency_tail_points for high in edge.tail_difference.values())
    )


def shown_by_whole(edge: EdgeTests, judged: EdgeJudgement, whole: Whole) -> bool:
    """Whether an edge that is open for want of calls passes with the others of its role: together
    they are enough, and it is not grossly worse.

    While any edge of the service leans towards harm, none is carried by the others.
    """
    if judged.outcome != "inconclusive" or any(why.code not in OPEN for why in judged.reasons):
        return False
    kinds = whole.kinds[edge.role]
    return (
        bool(kinds)
        and not whole.missing_seconds
        and all(kind.enough for kind in kinds)
        and not whole.leans
        and without_gross_harm(edge)
        and all(high < GROSS for high in edge.latency_difference.values())
    )


def harm_improbable(case: Case, whole: Whole, share: float) -> Reason:
    """Why the edges together are enough for a pass."""
    kinds = [kind for role in ROLES for kind in whole.kinds[role] if kind.kind not in SIDES]
    calls = max((kind.calls for kind in kinds if kind.kind == ALL_FAILURES), default=0.0)
    return reason(
        "harm_improbable",
        share=share,
        version=case.deploy.version,
        against_version=case.against,
        calls=calls,
        harm=max((kind.harm for kind in kinds if kind.kind != "client_error"), default=0.0),
        prior=PRIOR,
        difference_high=max((kind.difference_high for kind in kinds), default=0.0),
    )


def more_calls(case: Case, whole: Whole) -> Reason | None:
    """How many calls of the new version on all edges of a role would settle it, if nothing is
    wrong; None where calls are not what is missing.
    """
    lacking: list[tuple[float, Role]] = []
    for role in ROLES:
        needs = [
            kind.calls_needed - kind.calls
            for kind in whole.kinds[role]
            if not kind.enough and kind.calls_needed is not None
        ]
        if needs:
            lacking.append((max(1.0, *needs), role))
    if not any(edge.contrast.overlap for edge in case.edges):
        return None
    if not lacking:
        missing = whole.missing_seconds
        return (
            reason("more_time", version=case.deploy.version, eta_seconds=missing)
            if missing
            else None
        )
    more, role = max(lacking)
    rate = sum(rate_per_second(edge) for edge in case.edges if edge.role == role)
    eta = max(more / rate, whole.missing_seconds) if rate else None
    return reason(
        "more_calls_in_all",
        calls=more,
        version=case.deploy.version,
        service=case.deploy.service,
        eta_seconds=eta,
    )


def weaker_pass(
    case: Case,
    findings: Sequence[Finding],
    settings: JudgeSettings,
    whole: Whole,
    *,
    beside: bool,
) -> Reason | None:
    """Why a version is no worse as far as can be told, which is weaker than a pass; None where it
    is not.

    It never met the old one, or no longer does, and is no worse than what was before; or
    (`beside`) its edges would pass, but only totals of it are told. `whole`: what its edges show
    beside the old one.
    """
    codes = {blocker.code for blocker in case.blockers}
    version, against, service = case.deploy.version, case.against, case.deploy.service
    if codes == {"neighbours_untold"}:
        quiet = beside and not findings and _well_of_late(case)
        return (
            reason("weaker_pass_untold", version=version, against_version=against, service=service)
            if quiet
            else None
        )
    if not codes and not findings and _nearly(case, settings, whole):
        return reason("weaker_pass_few", version=version, against_version=against, odds=ODDS)
    apart = codes - {"neighbours_untold"} <= APART and (
        bool(codes & APART) or all(map(_is_past, case.edges))
    )
    return (
        reason("weaker_pass", version=version, against_version=against)
        if apart and _as_before(case, findings, settings)
        else None
    )


def _nearly(case: Case, settings: JudgeSettings, beside: Whole) -> bool:
    """Whether harm is improbable beside the old version, though calls are too few for a pass: what
    is held against what was before as well, and on each edge by itself.
    """
    if any(edge.problems for edge in case.edges) or _share(case) < LEAST_OF_FEW:
        return False
    seen = [edge for edge in case.edges if edge.contrast.after_new[0]]
    return (
        bool(seen)
        and all(edge.contrast.overlap for edge in seen)
        and all(map(without_gross_harm, seen))
        and not any(edge.log_e >= LEANING for edge in case.edges)
        and _well_of_late(case)
        and all(
            not whole.missing_seconds
            and all(kind.nearly for role in ROLES for kind in whole.kinds[role])
            for whole in (beside, whole_of(case, settings, apart=True))
        )
    )


def _share(case: Case) -> float:
    """The new version's share of the calls where it met the old one."""
    new = sum(int(edge.contrast.new[:, 0].sum()) for edge in case.edges)
    old = sum(int(edge.contrast.old[:, 0].sum()) for edge in case.edges)
    return new / max(new + old, 1)


def _is_past(edge: EdgeTests) -> bool:
    """Whether the old version is gone, and the new one has served alone for longer than both met:
    what more is to come tells of time alone.
    """
    served, met = (
        np.unique(windows)
        for windows in (edge.table.windows[edge.contrast.since_rows], edge.contrast.windows)
    )
    if not served.size or not met.size:
        return True
    alone = int(served[-1] - met[-1])
    return alone >= WEAKER_AFTER and int((served > met[-1]).sum()) >= met.size


def _as_before(case: Case, findings: Sequence[Finding], settings: JudgeSettings) -> bool:
    """Whether a version is no worse than what was before, and than the old one where that was
    beside it.
    """
    if findings or not case.edges or case.data_until is None:
        return False
    if case.data_until.timestamp() - case.since < WEAKER_AFTER:
        return False
    in_turn = any(blocker.code == "zones_in_turn" for blocker in case.blockers)
    for edge in case.edges:
        codes = {problem.code for problem in edge.problems} - (
            {"confounded"} if in_turn else set()
        )
        if codes or edge.log_e >= LEANING or not edge.contrast.before.size:
            return False
    whole = whole_of(case, settings, apart=True)
    kinds = [kind for role in ROLES for kind in whole.kinds[role]]
    seen = [edge for edge in case.edges if edge.contrast.after_new[0]]
    return (
        bool(seen)
        and all(kind.nearly for kind in kinds)
        and all(map(without_gross_harm, seen))
        and _well_of_late(case)
    )


def _well_of_late(case: Case) -> bool:
    """Whether harm is improbable in the later half of the calls by themselves: a slow leak has
    just begun when the whole time is still well. Half of the calls show less.
    """
    late = (failures_of_late(case.edges, role, apart=True) for role in ROLES)
    return all(
        kind.harm <= ODDS_OF_LATE and kind.difference_high < POINTS_OF_LATE
        for kind in late
        if kind is not None
    )


def rate_per_second(edge: EdgeTests) -> float:
    """Calls of the new version per second over the last windows; 0 when it has none any more."""
    names, codes = own_codes(edge.table, edge.role)
    newest = int(edge.table.windows[-1])
    recent = (edge.table.windows > newest - SHORT_WINDOWS * WINDOW_SECONDS) & (
        edge.table.windows >= edge.contrast.since
    )
    recent &= codes == (
        names.index(edge.contrast.new_version) if edge.contrast.new_version in names else -1
    )
    if not recent.any():
        return 0.0
    seconds = newest - int(edge.table.windows[recent][0]) + WINDOW_SECONDS
    return float(edge.table.counts[recent, 0].sum()) / seconds
