"""Where time goes, whose timeout is the shorter one, and which failures are refusals: told on the
finding.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding
from monitor.wording.findings import facts, summary
from tests.detect.traffic import (
    Behaviour,
    Share,
    Traffic,
    cells,
    deploy,
    edge,
    histogram,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
HALF, AT_ONCE = steady(0.5), steady(1.0)


def timed(
    rows: list[EdgeCell], own: float, below: float, between: float, seed: int = 5
) -> list[EdgeCell]:
    """The rows with drawn times: own work, calls below and what lies between, of the new version
    so much; of the old one 20, 100 and 5 ms.

    What lies below varies much, so that the whole hides the service's own work.
    """
    rng = np.random.default_rng(seed)
    out = []
    for row in rows:
        new = row.callee_version == "2.0.0"
        work = (own if new else 0.02) * np.exp(0.3 * rng.standard_normal(row.calls))
        needs = (below if new else 0.1) * np.exp(0.8 * rng.standard_normal(row.calls))
        way = (between if new else 0.005) * np.exp(0.3 * rng.standard_normal(row.calls))
        shapes = [histogram(seconds) for seconds in (work + needs + way, work + needs, work)]
        out.append(
            replace(
                row,
                client_histogram=shapes[0],
                server_histogram=shapes[1],
                self_histogram=shapes[2],
            )
        )
    return out


def slower(
    own: float, below: float, between: float, share: Share = HALF, seed: int = 5
) -> list[Finding]:
    rows = timed(
        cells([Traffic(edge(), 300)], 24, share=share, before=60, seed=seed),
        own,
        below,
        between,
        seed,
    )
    return judge(deploy(), rows, (), (), SETTINGS, now_after(24))[1]


def places(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [
        (finding.signal, finding.evidence.time.place if finding.evidence.time else None)
        for finding in findings
    ]


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
@pytest.mark.parametrize(
    ("own", "below", "between", "place"),
    [(0.12, 0.1, 0.005, "own"), (0.02, 0.4, 0.005, "callees"), (0.02, 0.1, 0.2, "between")],
)
def test_where_time_goes_is_told(
    share: Share, own: float, below: float, between: float, place: str
) -> None:
    findings = slower(own, below, between, share)
    assert places(findings) == [("latency", place)]
    words = {
        "own": "in its own time",
        "callees": "in the calls that it makes",
        "between": "network",
    }
    assert words[place] in summary(findings[0])
    assert any(
        label == "ms that the mean call takes longer" for label, _ in facts(findings[0].evidence)
    )


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
@pytest.mark.parametrize("seed", range(4))
def test_as_fast_as_before_on_every_side_is_no_finding(share: Share, seed: int) -> None:
    assert slower(0.02, 0.1, 0.005, share, seed) == []


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
def test_a_service_starved_of_its_processor_is_found_by_its_own_time(share: Share) -> None:
    """Its own work takes twice as long, which is a sixth of what a call takes as a whole."""
    (finding,) = slower(0.045, 0.1, 0.005, share)
    assert (finding.evidence.latency and finding.evidence.latency.side, finding.role) == (
        "own",
        "root",
    )


def test_own_time_makes_a_root_of_what_calls_below_would_explain() -> None:
    """Its calls to others are slower too, since a starved process reads their answers late."""
    rows = timed(cells([Traffic(edge(), 300)], 24, share=AT_ONCE, before=60), 0.2, 0.12, 0.005)
    slow = Behaviour(latency=0.03)
    rows += cells(
        [Traffic(edge("payment", "bank", "POST /charge"), 300, new=slow)],
        24,
        share=AT_ONCE,
        before=60,
        role="caller",
    )
    findings = judge(deploy(), rows, (), (), SETTINGS, now_after(24))[1]
    assert [finding.role for finding in findings if finding.edge.callee == "payment"] == ["root"]


def test_calls_below_that_slow_down_are_passed_on() -> None:
    rows = timed(cells([Traffic(edge(), 300)], 24, share=AT_ONCE, before=60), 0.02, 0.5, 0.005)
    slow = Behaviour(latency=0.4)
    rows += cells(
        [Traffic(edge("payment", "bank", "POST /charge"), 300, new=slow)],
        24,
        share=AT_ONCE,
        before=60,
        role="caller",
    )
    findings = judge(deploy(), rows, (), (), SETTINGS, now_after(24))[1]
    assert {finding.edge.callee: finding.role for finding in findings} == {
        "payment": "propagated",
        "bank": "root",
    }


def calls_given_up(tail: float) -> list[EdgeCell]:
    """Callers give up after 256 ms; a tenth of the new version's calls takes the tail."""
    rows = cells([Traffic(edge(), 300, new=Behaviour(timeout=0.1))], 24, share=HALF, before=60)
    out = []
    for row in rows:
        late = row.outcomes["timeout"]
        server = histogram(np.concatenate([np.full(row.calls - late, 0.02), np.full(late, tail)]))
        client = histogram(np.concatenate([np.full(row.calls - late, 0.022), np.full(late, 0.25)]))
        out.append(
            replace(row, client_histogram=client, server_histogram=server, self_histogram={})
        )
    return out


def given_up(tail: float) -> Finding:
    findings = judge(deploy(), calls_given_up(tail), (), (), SETTINGS, now_after(24))[1]
    (late_ones,) = [finding for finding in findings if finding.signal == "timeouts"]
    return late_ones


def test_callers_who_give_up_before_the_callee_is_done_are_told() -> None:
    assert "callers give up after 0.25" in summary(given_up(1.0))


def test_timeouts_of_calls_that_the_callee_answered_in_time_are_not_its_tail() -> None:
    assert "give up" not in summary(given_up(0.02))


def failing(error_type: str, how: Behaviour, kind: Callable[[EdgeCell], int]) -> list[Finding]:
    rows = cells([Traffic(edge(), 300, new=how)], 24, share=HALF, before=60)
    rows = [replace(row, error_types={error_type: kind(row)}) for row in rows]
    return judge(deploy(), rows, (), (), SETTINGS, now_after(24))[1]


@pytest.mark.parametrize(
    ("error_type", "said"),
    [
        ("503", "refused as unavailable"),
        ("UNAVAILABLE", "refused as unavailable"),
        ("io.github.resilience4j.circuitbreaker.CallNotPermittedException", "open circuit"),
        ("Polly.CircuitBreaker.BrokenCircuitException", "open circuit"),
        ("BulkheadFullException", "load is shed"),
        ("500", ""),
        ("java.lang.NullPointerException", ""),
    ],
)
def test_failures_that_are_refusals_are_named(error_type: str, said: str) -> None:
    (finding,) = failing(
        error_type, Behaviour(server_error=0.2), lambda row: row.outcomes["server_error"]
    )
    assert (said or "Refus") in summary(finding) or not said
    assert (finding.evidence.refusals is not None) == bool(said)


@pytest.mark.parametrize("error_type", ["429", "RESOURCE_EXHAUSTED", "TooManyRequests"])
def test_load_that_is_shed_is_named(error_type: str) -> None:
    (finding,) = failing(
        error_type, Behaviour(client_error=0.2), lambda row: row.outcomes["client_error"]
    )
    assert "are throttled: load is shed" in summary(finding)


def test_some_refusals_among_other_failures_do_not_name_them() -> None:
    (finding,) = failing(
        "503", Behaviour(server_error=0.2), lambda row: row.outcomes["server_error"] // 4
    )
    assert finding.evidence.refusals is None
