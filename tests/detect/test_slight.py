"""A rise that a pass takes for harmless is no finding, unless very many calls fail by it; and what
surely befell others explains a step, however few their calls; what a cold start does is over after it.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.evidence.equivalence import MANY_CALLS, is_slight
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Verdict
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cell,
    cells,
    deploy,
    edge,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
WINDOWS = 60
OLD, NEW = 0.0003, 0.0014


def judged(rows: list[EdgeCell], around: Around | None = None) -> tuple[Verdict, list[Finding]]:
    return judge(deploy(), rows, (), (), SETTINGS, now_after(WINDOWS), around=around)


def failing(rows: list[EdgeCell], calls: int, rates: dict[str, float]) -> list[EdgeCell]:
    """The rows with so many calls each, of which each version fails at its rate."""
    rng = np.random.default_rng(11)
    out = []
    for row in rows:
        bad = int(rng.binomial(calls, rates[row.callee_version]))
        few = cell(0, row.edge, row.caller_version, row.callee_version, 20, Behaviour(), rng)
        shape = {bucket: count * calls // 20 for bucket, count in few.client_histogram.items()}
        out.append(
            EdgeCell(
                window=row.window,
                edge=row.edge,
                caller_version=row.caller_version,
                callee_version=row.callee_version,
                region="",
                calls=calls,
                weighted_calls=float(calls),
                failed=bad,
                outcomes={"ok": calls - bad, "server_error": bad},
                error_types={},
                conformance={},
                coverage={"both": calls},
                sampling="none",
                client_calls=calls,
                server_calls=calls,
                client_seconds_sum=None,
                server_seconds_sum=None,
                client_histogram=shape,
                server_histogram=shape,
                self_histogram={},
                queue_histogram={},
            )
        )
    return out


@pytest.mark.parametrize("at_once", [False, True], ids=["beside", "instead"])
@pytest.mark.parametrize(("calls", "fails"), [(3000, False), (40_000, True)])
def test_a_rise_below_half_a_point_fails_only_where_very_many_calls_do(
    calls: int, *, fails: bool, at_once: bool
) -> None:
    """From .03 to .14 %: four and a half times as many, and a tenth of a point. What is surely
    more than chance is no finding for that alone.
    """
    share = steady(1.0 if at_once else 0.5)
    plain = cells([Traffic(edge(), 40)], WINDOWS, share=share, before=180, poisson=False)
    rows = failing([row for row in plain if row.calls], calls, {"1.9.0": OLD, "2.0.0": NEW})
    verdict, findings = judged(rows)
    assert bool(findings) == fails
    assert (verdict.outcome == "fail") == fails
    if not at_once and not fails:
        assert verdict.outcome == "pass"
        (told,) = verdict.edges
        assert told.outcome == "pass"


def test_one_point_more_is_a_finding_as_ever() -> None:
    plain = cells([Traffic(edge(), 40)], WINDOWS, share=steady(0.5), before=180, poisson=False)
    rows = failing([row for row in plain if row.calls], 300, {"1.9.0": 0.01, "2.0.0": 0.02})
    assert judged(rows)[0].outcome == "fail"


@pytest.mark.parametrize(
    ("new", "slight"),
    [
        ((40.0, 20_000.0), True),
        ((140.0, 20_000.0), False),  # .7 %
        ((4.0, 800.0), False),  # half a point, or more: who knows
        ((MANY_CALLS + 600.0, 600_000.0), False),
    ],
)
def test_slight_is_what_surely_adds_less_than_half_a_point(
    new: tuple[float, float], *, slight: bool
) -> None:
    assert is_slight(new, (20.0, 20_000.0), SETTINGS) == slight


def test_what_surely_befell_the_few_calls_of_others_explains_a_step() -> None:
    """Half of all calls to the bank fail for two minutes, and others make but 20 in that time."""

    def outage(window: int) -> float:
        return 0.6 if 0 <= window < 12 else 0.0

    flow = Traffic(edge("payment", "bank", "POST /charge"), 3, Behaviour(), outage=outage)
    needs = cells([flow], 12, share=steady(1.0), before=180, role="caller")
    own = cells([Traffic(edge(), 6)], 12, share=steady(1.0), before=180)
    beside = Traffic(edge("orders", "bank", "GET /balance"), 1.5, Behaviour(), outage=outage)
    others = cells([beside], 12, share=steady(0.0), before=180, seed=5)
    assert 10 < sum(row.calls for row in others if row.window >= START) < 30
    rows = [row for row in (*own, *needs) if row.calls]
    now = START + timedelta(seconds=12 * 10 + 65)
    alone, beside_others = (
        judge(deploy(), rows, (), (), SETTINGS, now, around=around)[1]
        for around in (None, Around(others))
    )
    assert [finding.edge.callee for finding in alone] == ["bank"]
    assert beside_others == []


@pytest.mark.parametrize("at_once", [False, True], ids=["beside", "instead"])
@pytest.mark.parametrize(("later", "fails"), [(1, False), (9, True)])
def test_errors_must_go_on_after_a_cold_start_by_more_than_chance(
    later: int, *, fails: bool, at_once: bool
) -> None:
    """Four of a hundred calls fail in the first minute; then one in a window of three hundred, or
    as many as in that minute.
    """
    share = steady(1.0 if at_once else 0.5)
    flow = Traffic(edge(), 300 if at_once else 600)
    rows = [row for row in cells([flow], 9, share=share, before=180) if row.calls]
    bad = {START + timedelta(seconds=10 * window): 12 for window in range(6)}
    bad |= {START + timedelta(seconds=10 * window): later for window in (6, 7)}
    before = START - timedelta(seconds=1000)
    harmed = [
        replace(row, failed=count, outcomes={**row.outcomes, "server_error": count})
        if (count := bad.get(row.window, 0)) and row.callee_version == "2.0.0"
        else replace(row, failed=1, outcomes={**row.outcomes, "server_error": 1})
        if row.window == before
        else row
        for row in rows
    ]
    now = START + timedelta(seconds=9 * 10 + 65)
    assert (judge(deploy(), harmed, (), (), SETTINGS, now)[0].outcome == "fail") == fails
