"""Edges with few calls each: together they show a shift that none shows alone; another mix of them
is no shift.
"""

from collections.abc import Callable

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Finding
from tests.detect.traffic import Behaviour, Traffic, cells, deploy, edge, now_after, steady

CALLERS = ("web", "app", "desk", "till", "kiosk", "agent")
USUAL = 0.02


def found(
    slower: float,
    seed: int,
    load: Callable[[int, int], float] = lambda *_: 1.0,
    role: str = "callee",
) -> list[Finding]:
    """Six edges of half a call a window, each with a latency of its own; `load` by edge and
    window.
    """
    traffic = []
    for place, name in enumerate(CALLERS):
        where = edge(name) if role == "callee" else edge("payment", name)
        usual = USUAL * 2.0**place
        changes = {"old": Behaviour(latency=usual), "new": Behaviour(latency=usual * slower)}
        traffic.append(
            Traffic(where, 0.5, load=lambda window, place=place: load(place, window), **changes)
        )
    rows = cells(traffic, 24, share=steady(1.0), before=120, seed=seed, role=role)
    return judge(deploy(), rows, (), (), JudgeSettings(), now_after(24))[1]


@pytest.mark.parametrize("role", [pytest.param("callee", marks=pytest.mark.long), "caller"])
def test_a_shift_on_many_edges_of_few_calls_is_found_together(role: str) -> None:
    hits = [found(2.5, seed, role=role) for seed in range(10)]
    assert sum(bool(findings) for findings in hits) >= 8
    assert {finding.signal for findings in hits for finding in findings} == {"latency"}


@pytest.mark.parametrize("seeds", [5, pytest.param(20, marks=pytest.mark.long)])
def test_equal_edges_of_few_calls_are_not(seeds: int) -> None:
    assert [found(1.0, seed) for seed in range(seeds)] == [[]] * seeds


@pytest.mark.long
def test_more_calls_of_the_slow_edges_are_no_shift() -> None:
    moved = lambda place, window: 3.0 if (place >= 3) == (window >= 0) else 0.3  # noqa: E731
    assert [found(1.0, seed, moved) for seed in range(20)] == [[]] * 20


@pytest.mark.parametrize("role", ["callee", pytest.param("caller", marks=pytest.mark.long)])
def test_a_minute_of_past_on_many_edges_does_for_what_is_ten_times_slower(role: str) -> None:
    for seed in range(6):
        for times, any_found in ((12.0, True), (1.0, False)):
            traffic = []
            for place, name in enumerate(CALLERS):
                where = edge(name) if role == "callee" else edge("payment", name)
                usual = USUAL * 2.0**place
                changes = {
                    "old": Behaviour(latency=usual),
                    "new": Behaviour(latency=usual * times),
                }
                traffic.append(Traffic(where, 4, **changes))
            rows = cells(traffic, 14, share=steady(1.0), before=5, seed=seed, role=role)
            assert (
                bool(judge(deploy(), rows, (), (), JudgeSettings(), now_after(14))[1]) == any_found
            )
