"""Latency by size: few calls, tails and means count, one slow window or a bimodal edge does not,
and gross harm is never hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.evidence.sizes import blocks, size_test
from monitor.detect.evidence.steps import by_time, latency_steps
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.columns import tables
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import Finding
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cell,
    cells,
    deploy,
    edge,
    histogram,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
BEFORE = 180
Law = Callable[[int, int, np.random.Generator], np.ndarray]
"""Seconds of so many calls in a window."""


def drawn(
    law: Law,
    calls: float,
    windows: int,
    *,
    where: Edge | None = None,
    seed: int = 1,
    grain: int = 1,
) -> list[EdgeCell]:
    """Calls before (of 1.9.0) and since (of 2.0.0), `grain` windows in one."""
    rng = np.random.default_rng(seed)
    out: list[EdgeCell] = []
    for window in range(-BEFORE, windows, grain):
        count = int(rng.poisson(calls * grain))
        if not count:
            continue
        version = "2.0.0" if window >= 0 else "1.9.0"
        shape = histogram(law(window, count, rng))
        row = cell(window, where or edge(), "1.0.0", version, count, Behaviour(), rng)
        out.append(
            replace(row, client_histogram=shape, server_histogram=shape, self_histogram=shape)
        )
    return out


def slow(
    factor: float, *, share: float = 1.0, since: int = 0, until: int = 10**6, usual: float = 0.02
) -> Law:
    """Lognormal calls, of which a share is so many times slower from a window on."""

    def law(window: int, count: int, rng: np.random.Generator) -> np.ndarray:
        seconds = usual * np.exp(0.3 * rng.standard_normal(count))
        hit = (rng.random(count) < share) & (since <= window < until)
        return np.where(hit, seconds * factor, seconds)

    return law


def found(rows: Sequence[EdgeCell], windows: int, around: Around | None = None) -> list[Finding]:
    return judge(deploy(), rows, (), (), SETTINGS, now_after(windows), around=around)[1]


def signals(rows: Sequence[EdgeCell], windows: int) -> list[str]:
    return [finding.signal for finding in found(rows, windows)]


def test_blocks_hold_as_many_calls_as_each_other() -> None:
    told = np.ones((10, 1)) * np.array([[3.0], [5], [1], [1], [1], [9], [2], [2], [2], [1]])
    assert blocks(told, 8.0).sum(axis=1).tolist() == [8.0, 19.0], (
        "what is left at the end joins the last"
    )
    assert blocks(told, 100.0).shape[0] == 0


def test_the_larger_the_step_the_more_it_weighs_and_few_calls_are_no_evidence() -> None:
    rng = np.random.default_rng(2)

    def shapes(windows: int, calls: int, seconds: float) -> np.ndarray:
        out = np.zeros((windows, 160))
        for row in range(windows):
            for bucket, count in histogram(
                seconds * np.exp(0.3 * rng.standard_normal(calls))
            ).items():
                out[row, bucket + 100] += count
        return out

    before = shapes(60, 4, 0.02)
    weights = []
    for factor in (1.0, 2.0, 5.0, 50.0):
        test = size_test(before, shapes(6, 4, 0.02 * factor), -100, "p50")
        assert test is not None
        weights.append(test.log_e)
    assert weights == sorted(weights)
    assert weights[0] < 3 < weights[2] < weights[3]
    assert size_test(before, shapes(1, 3, 1.0), -100, "p50") is None, "three calls"
    assert size_test(before[:5], shapes(6, 4, 1.0), -100, "p50") is None, "twenty calls before"


@pytest.mark.parametrize("seed", range(3))
def test_twice_as_slow_is_found_on_an_edge_of_a_few_calls_a_minute_and_the_same_without_harm_is_not(
    seed: int,
) -> None:
    assert "latency" in signals(drawn(slow(4.0), 0.8, 30, seed=seed), 30)
    assert signals(drawn(slow(1.0), 0.8, 30, seed=seed), 30) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_change_of_the_tail_alone_is_found(seed: int) -> None:
    tail = drawn(slow(40.0, share=0.03), 60, 30, seed=seed)
    assert "latency" in signals(tail, 30)
    always = drawn(slow(40.0, share=0.03, since=-BEFORE), 60, 30, seed=seed)
    assert signals(always, 30) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_bimodal_edge_of_few_calls_raises_nothing_at_any_look(seed: int) -> None:
    two_humps = slow(15.0, share=0.4, since=-BEFORE, usual=0.004)
    rows = drawn(two_humps, 0.6, 36, seed=seed)
    for look in (4, 8, 12, 18, 24, 36):
        until = START + timedelta(seconds=10 * look)
        assert found([row for row in rows if row.window < until], look) == []


def test_an_earlier_incident_and_two_slow_old_calls_hide_no_gross_harm() -> None:
    incident = slow(10.0, since=-90, until=-72)
    gross = slow(50.0)

    def both(window: int, count: int, rng: np.random.Generator) -> np.ndarray:
        return (gross if window >= 0 else incident)(window, count, rng)

    assert "latency" in signals(drawn(both, 10, 24), 24)
    again = slow(10.0, since=2, until=8)

    def twice(window: int, count: int, rng: np.random.Generator) -> np.ndarray:
        return (again if window >= 0 else incident)(window, count, rng)

    assert signals(drawn(twice, 10, 24), 24) == [], "an incident that passes again"

    def two_old(window: int, count: int, rng: np.random.Generator) -> np.ndarray:
        return np.full(count, 2.0) if window in (-50, -20) else gross(window, count, rng)

    assert "latency" in signals(drawn(two_old, 0.7, 30), 30)


def test_one_slow_window_is_none() -> None:
    assert signals(drawn(slow(10.0, since=8, until=9), 10, 24), 24) == []


@pytest.mark.parametrize("grain", [6, 30])
def test_minutes_are_judged_from_two_on_and_a_cold_start_in_the_first_is_none(grain: int) -> None:
    windows = 3 * grain
    assert "latency" in signals(drawn(slow(4.0), 10, windows, grain=grain), windows)
    assert signals(drawn(slow(1.0), 10, windows, grain=grain), windows) == []
    cold = drawn(slow(4.0, share=0.45, since=0, until=grain), 10, windows, grain=grain)
    assert signals(cold, windows) == []


def test_half_of_the_callers_must_see_it() -> None:
    from_web = drawn(slow(3.0), 10, 24)
    others = [edge(caller) for caller in ("app", "shop", "batch")]
    fine = [
        row
        for place, where in enumerate(others)
        for row in drawn(slow(1.0), 10, 24, where=where, seed=5 + place)
    ]
    ill = [
        row
        for place, where in enumerate(others)
        for row in drawn(slow(3.0), 10, 24, where=where, seed=5 + place)
    ]
    assert signals([*from_web, *fine], 24) == []
    assert "latency" in signals([*from_web, *ill], 24)
    unknown = drawn(slow(3.0), 10, 24, where=edge("unknown"))
    assert "latency" in signals(unknown, 24), "a caller of whom nobody knows the name counts"


def test_neighbours_acquit_by_their_median_and_another_name_for_the_same_calls_is_none() -> None:
    rows = drawn(slow(4.0), 10, 24)
    beside = [Traffic(edge("web", f"other{n}", "GET /")) for n in range(3)]
    calm = [
        replace(row, callee_version="7.0.0")
        for row in cells(beside, 24, share=steady(0.0), before=BEFORE)
    ]
    balancer = edge("web", "balancer")
    same = [replace(row, edge=balancer, callee_version="") for row in rows]
    one_bad = drawn(slow(4.0), 10, 24, where=edge("web", "sick", "GET /"), seed=9)
    ill = [
        row
        for n in range(4)
        for row in drawn(slow(4.0), 10, 24, where=edge("web", f"ill{n}", "GET /"), seed=20 + n)
    ]
    for neighbours in ([*calm, *same], [*calm, *one_bad], same):
        assert [finding.signal for finding in found(rows, 24, Around(neighbours))] == ["latency"]
    (slow_too,) = found(rows, 24, Around([*calm, *ill]))
    assert slow_too.explained is not None
    assert slow_too.explained.code == "neighbours_too", "most neighbours became as slow"


def test_a_callee_released_as_well_acquits_only_when_its_own_clock_shows_it() -> None:
    bank = deploy("bank", "5.0.0", previous_version="4.0.0")
    rows = drawn(slow(4.0), 10, 24, where=edge("payment", "bank", "POST /charge"))
    rows = [
        replace(
            row,
            caller_version=row.callee_version,
            callee_version="5.0.0" if row.window >= START else "4.0.0",
        )
        for row in rows
    ]
    usual = drawn(slow(1.0), 10, 24, where=edge("payment", "bank", "POST /charge"))
    theirs = {row.window: row.server_histogram for row in usual}
    verdict = judge(deploy(), rows, (), [bank], SETTINGS, now_after(24))[0]
    assert verdict.outcome == "inconclusive", "slower by the callee's own clock"
    network = [replace(row, server_histogram=theirs.get(row.window, {})) for row in rows]
    verdict = judge(deploy(), network, (), [bank], SETTINGS, now_after(24))[0]
    assert verdict.outcome == "fail", "only the caller's clock shows it"


@pytest.mark.parametrize(("minutes", "outcome"), [(5, "inconclusive"), (20, "fail")])
def test_what_a_service_waits_for_since_a_later_release_of_its_callee_is_not_its_own(
    minutes: int, outcome: str
) -> None:
    began = START + timedelta(minutes=minutes)
    bank = deploy("bank", "5.0.0", previous_version="4.0.0", started=began, first_traffic=began)
    rows = drawn(slow(4.0, since=30 if minutes == 5 else 0), 40, 120)
    calls = drawn(slow(1.0), 10, 120, where=edge("payment", "bank", "POST /charge"), seed=3)
    around = Around([replace(row, caller_version="", callee_version="") for row in calls])
    verdict = judge(deploy(), rows, (), [bank], SETTINGS, now_after(120), around=around)[0]
    assert verdict.outcome == outcome


def test_of_two_that_slowed_alike_and_tell_only_totals_neither_is_blamed() -> None:
    others = deploy("stock", "5.0.0", previous_version="4.0.0", started=START)
    rows = drawn(slow(4.0), 40, 40, where=edge("<any>", "payment", ""))
    for factor, outcome in ((3.8, "inconclusive"), (1.5, "fail")):
        beside = drawn(slow(factor), 40, 40, where=edge("<any>", "stock", ""), seed=3)
        around = Around([replace(row, caller_version="", callee_version="") for row in beside])
        verdict = judge(deploy(), rows, (), [others], SETTINGS, now_after(40), around=around)[0]
        assert verdict.outcome == outcome


@pytest.mark.parametrize("told", [{}, {"p99": 0.1}], ids=["counted", "quantiles of bins"])
def test_a_tail_that_is_drawn_from_quantiles_is_no_tail(told: dict[str, float]) -> None:
    """Of bins of few calls the p99 is the slowest call, of bins of many it is not."""
    rows = [replace(row, told=told) for row in drawn(slow(3.0), 60, 30)]
    (table,) = tables(rows, START.timestamp() - 1800.0, START.timestamp() + 300.0)
    steps = latency_steps(by_time(table, START.timestamp(), 10), SETTINGS)
    assert ("p99" in {step.statistic for step in steps}) == (not told)
