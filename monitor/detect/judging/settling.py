"""What would settle an open verdict: calls and time, of all edges together and of each, and probes
where traffic is too low.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.case import Case
from monitor.detect.judging.whole import rate_per_second
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.judging import EdgeJudgement
from monitor.model.reasons import Reason, reason

LONG_SECONDS = 1800.0
"""What takes longer at the present rate is not waited for: probes are named as a way."""


@dataclass(frozen=True, slots=True)
class Need:
    """An open edge, and the calls of the new version that would settle it from here on; None where
    only time is missing.
    """

    edge: EdgeTests
    calls: float | None

    @property
    def eta_seconds(self) -> float | None:
        """At the rate of the last windows; None without traffic."""
        rate = rate_per_second(self.edge)
        if self.calls is None:
            return float(WINDOW_SECONDS) if rate else None
        return self.calls / rate if rate else None


def need_of(edge: EdgeTests, judged: EdgeJudgement, needed: float | None) -> Need | None:
    """What an open edge lacks; None where neither calls nor time would settle it. `needed`: calls
    in all that would.
    """
    calls = float(edge.contrast.after_new[0])
    codes = {why.code for why in judged.reasons}
    if needed is None and codes == {"edge_without_version"}:
        needed = (
            max((bound.calls_needed or 0.0 for bound in edge.equivalences.values()), default=0.0)
            or None
        )
    if needed is not None:
        return Need(edge, max(needed - calls, 1.0))
    return Need(edge, None) if codes == {"few_windows"} else None


def settling(case: Case, more: Reason | None, needs: Sequence[Need]) -> list[Reason]:
    """`more` is what the edges lack together: first; then probes, where that or an edge would take
    too long; then edge by edge.
    """
    on_edges = [_of_edge(case, need) for need in needs]
    probes = _probes(case, more, needs)
    return [*([more] if more else []), *([probes] if probes else []), *on_edges]


def _of_edge(case: Case, need: Need) -> Reason:
    edge, version, eta = need.edge.table.edge, case.deploy.version, need.eta_seconds
    if need.calls is None:
        return reason(
            "more_windows", edge, version=version, against_version=case.against, eta_seconds=eta
        )
    return reason("more_calls", edge, calls=need.calls, version=version, eta_seconds=eta)


def _probes(case: Case, more: Reason | None, needs: Sequence[Need]) -> Reason | None:
    """Probes to the operation that is answered most often, where waiting for traffic takes too
    long.
    """
    by_calls = sorted(
        (need for need in needs if need.calls is not None),
        key=lambda need: (-(need.calls or 0.0), need.edge.table.edge),
    )
    own = [need for need in by_calls if need.edge.role == "callee"] or by_calls
    if not own:
        return None
    if more is not None and more.code == "more_calls_in_all":
        calls, eta = float(more.parameters["calls"] or 0.0), more.parameters["eta_seconds"]
        rate = sum(rate_per_second(edge) for edge in case.edges if edge.role == own[0].edge.role)
        target = max(own, key=lambda need: (rate_per_second(need.edge), need.edge.table.edge)).edge
    elif more is None:
        calls, eta, rate, target = (
            own[0].calls or 0.0,
            own[0].eta_seconds,
            rate_per_second(own[0].edge),
            own[0].edge,
        )
    else:
        return None
    if eta is not None and float(eta) <= LONG_SECONDS:
        unasked = next((need for need in own if need.eta_seconds is None), None)
        if unasked is None:
            return None
        # what others answer settles nothing here
        calls, eta, rate, target = unasked.calls or 0.0, None, 0.0, unasked.edge
    edge = target.table.edge
    return reason(
        "send_probes",
        calls=calls,
        version=case.deploy.version,
        callee=edge.callee,
        operation=edge.operation,
        per_minute=60.0 * rate,
        eta_seconds=eta,
        through="" if target.role == "callee" else case.deploy.service,
    )
