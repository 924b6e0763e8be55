"""Fresh instances: what they do in their first minute is no evidence, and harm that outlasts it is
found soon after.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.columns import tables
from monitor.detect.measure.contrasts import contrast
from monitor.detect.measure.series import Around
from monitor.detect.measure.warmup import fresh_calls, fresh_shares, settled_windows
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell, Sighting
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    chilled,
    deploy,
    edge,
    instances,
    now_after,
    sighting,
    steady,
)

SETTINGS = JudgeSettings()
OPERATIONS = [Traffic(edge(operation=f"GET /{n}")) for n in range(4)]
COLD = Behaviour(latency=0.06, timeout=0.2)
AT = int(START.timestamp())


def first_found(
    rows: Sequence[EdgeCell], windows: int, sightings: Sequence[Sighting] = ()
) -> int | None:
    """The first look, window by window, at which something is found."""
    for look in range(1, windows + 1):
        until = START + timedelta(seconds=10 * look)
        part, seen = (
            [row for row in rows if row.window < until],
            [row for row in sightings if row.window < until],
        )
        if judge(deploy(), part, seen, (), SETTINGS, now_after(look))[1]:
            return look
    return None


def twenty_seconds(window: int) -> float:
    return float(window < 2)


def a_minute_from_mid_window(window: int) -> float:
    return 1.0 if window < 6 else 0.5 if window == 6 else 0.0


@pytest.mark.parametrize(
    "cold", [a_minute_from_mid_window, pytest.param(twenty_seconds, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("share", [steady(0.3), pytest.param(steady(1.0), marks=pytest.mark.long)])
@pytest.mark.parametrize("seeds", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_cold_start_raises_nothing_at_any_look(
    cold: Callable[[int], float], share: Callable[[int], float], seeds: int
) -> None:
    for seed in range(seeds):
        rows = chilled(cells(OPERATIONS, 24, share=share, before=60, seed=seed), cold, COLD, seed)
        assert first_found(rows, 24) is None


@pytest.mark.parametrize(
    "how", [pytest.param(Behaviour(latency=0.06), marks=pytest.mark.long), Behaviour(timeout=0.2)]
)
def test_what_outlasts_the_first_minute_is_found_twenty_seconds_later(how: Behaviour) -> None:
    for seed in range(3):
        assert first_found(cells([Traffic(edge(), new=how), *OPERATIONS], 9, seed=seed), 9) == 8


def test_errors_and_violations_wait_for_nobody() -> None:
    for how in (Behaviour(server_error=0.5), Behaviour(violated=1.0)):
        look = first_found(cells([Traffic(edge(), new=how), *OPERATIONS], 4), 4)
        assert look is not None
        assert look <= 3


@pytest.mark.long
def test_instances_that_begin_one_by_one_are_cold_one_by_one_and_raise_nothing() -> None:
    begins = (0, 3, 6)

    def cold(window: int) -> float:
        alive = [start for start in begins if start <= window]
        return sum(window < start + 6 for start in alive) / len(alive) if alive else 0.0

    seen = [*instances((0,), 18, version="1.9.0"), *instances(begins, 18)]
    for seed in range(3):
        rows = chilled(
            cells(OPERATIONS, 18, share=steady(0.5), before=60, seed=seed), cold, COLD, seed
        )
        assert first_found(rows, 18, seen) is None


def test_a_slow_version_is_found_by_its_warm_instances_while_others_are_fresh() -> None:
    seen = [*instances((0,), 12, version="1.9.0"), *instances((0, 4, 8), 12)]
    rows = cells(
        [Traffic(edge(), new=Behaviour(latency=0.06)), *OPERATIONS],
        12,
        share=steady(0.5),
        before=60,
    )
    look = first_found(rows, 12, seen)
    assert look is not None
    assert look <= 9, "the second instance is fresh until window 10"


def test_a_rollout_of_a_minute_whose_versions_met_only_while_fresh_is_judged_by_time() -> None:
    rows = cells(
        [Traffic(edge(), new=Behaviour(latency=0.06))],
        18,
        share=lambda window: 0.5 if window < 6 else 1.0,
        before=90,
    )
    (finding,) = judge(deploy(), rows, (), (), SETTINGS, now_after(18))[1]
    assert (finding.signal, finding.strength) == ("latency", "weaker")


def test_an_instance_is_fresh_for_a_minute_from_its_first_call() -> None:
    idle = [sighting(window, "2.0.0", "b", 0) for window in range(4)]
    seen = [sighting(window, "2.0.0", "a", 30) for window in range(8)]
    seen += idle + [sighting(window, "2.0.0", "b", 10) for window in range(4, 8)]
    shares = fresh_shares(seen, (), "payment", "2.0.0", AT, 60.0, stayed=False)
    assert shares == {AT + 10 * window: 1.0 if window < 6 else 0.25 for window in range(8)}


def test_instances_of_before_and_those_without_a_name_that_stayed_are_not_fresh() -> None:
    named = [sighting(window, "2.0.0", "a", 30) for window in range(-12, 4)]
    assert fresh_shares(named, (), "payment", "2.0.0", AT, 60.0, stayed=True) == {}
    nameless = [sighting(window, "2.0.0", "", 30) for window in range(-12, 4)]
    assert fresh_shares(nameless, (), "payment", "2.0.0", AT, 60.0, stayed=True) == {}
    assert set(
        fresh_shares(nameless, (), "payment", "2.0.0", AT, 60.0, stayed=False).values()
    ) == {1.0}


def test_who_answers_nothing_is_fresh_from_its_first_spans() -> None:
    worker = [sighting(window, "2.0.0", "a", 0) for window in range(8)]
    shares = fresh_shares(worker, (), "payment", "2.0.0", AT, 60.0, stayed=False)
    assert shares == {AT + 10 * window: 1.0 for window in range(6)}


def test_a_version_no_sighting_knows_is_fresh_from_its_first_call_on_any_edge() -> None:
    table = tables(
        cells([Traffic(edge())], 12, share=lambda window: 0.3 if window >= 2 else 0.0),
        AT - 600,
        AT + 600,
    )
    shares = fresh_shares((), table, "payment", "2.0.0", AT, 60.0, stayed=False)
    assert sorted(shares) == [AT + 10 * window for window in range(2, 8)]
    assert fresh_shares((), table, "payment", "3.0.0", AT, 60.0, stayed=False) == {}


def test_fresh_instances_may_have_had_their_share_and_what_chance_adds_and_never_more_than_all() -> (
    None
):
    windows, calls = np.array([0, 10, 20]), np.array([100, 100, 3])
    assert fresh_calls({0: 0.5, 10: 1.0}, windows, calls).tolist() == [55.0, 100.0, 0.0]


@pytest.mark.parametrize(
    ("errors", "until", "windows", "outcome"),
    [
        pytest.param(0.03, 6, 9, "inconclusive", id="a cold start so far"),
        pytest.param(0.03, 6, 30, "inconclusive", id="a cold start that was"),
        pytest.param(0.03, 30, 30, "fail", id="it stays"),
        pytest.param(0.3, 6, 6, "fail", id="gross"),
    ],
)
def test_few_errors_of_the_first_minute_are_a_cold_start_until_they_outlast_it(
    errors: float, until: int, windows: int, outcome: str
) -> None:
    rows = cells([Traffic(edge(), 600)], windows, share=steady(0.3), before=60)
    cold = chilled(rows, lambda window: float(window < until), Behaviour(errors))
    verdict, _ = judge(deploy(), cold, (), (), JudgeSettings(), now_after(windows))
    assert verdict.outcome == outcome


@pytest.mark.parametrize(("of_both", "failed"), [(False, True), (True, False)])
def test_what_slows_both_versions_of_a_short_rollout_is_not_the_new_ones(
    of_both: bool, failed: bool
) -> None:
    def share(window: int) -> float:
        return min(1.0, 0.34 * (window + 1))

    usual, slow = Behaviour(latency=0.02), Behaviour(latency=0.08)
    quiet, ill = (
        cells([Traffic(edge(), 300, old, slow)], 30, share=share, before=90)
        for old in (usual, slow)
    )
    rows = [
        *(row for row in quiet if not of_both or row.window < START),
        *(row for row in ill if of_both and row.window >= START),
    ]
    verdict, _ = judge(deploy(), rows, (), (), JudgeSettings(), now_after(30))
    assert (verdict.outcome == "fail") == failed


@pytest.mark.parametrize("released", [False, True])
def test_totals_that_slow_with_those_of_another_release_that_slowed_by_more_are_undecided(
    released: bool,
) -> None:
    """Nobody tells whom the service calls."""

    def node(name: str, times: float) -> list[EdgeCell]:
        where = edge("<any>", name, "")
        traffic = Traffic(where, 300, Behaviour(), Behaviour(latency=0.02 * times))
        return cells([traffic], 30, share=steady(1.0), before=90)

    others = [*node("ledger", 5.0), *node("mail", 1.0), *node("search", 1.0), *node("blog", 1.0)]
    plain = [replace(row, caller_version="", callee_version="") for row in others]
    ledger = deploy("ledger", "5.0.0", previous_version="4.0.0")
    verdict, findings = judge(
        deploy(),
        node("payment", 2.0),
        (),
        [ledger] if released else [],
        JudgeSettings(),
        now_after(30),
        around=Around(plain),
    )
    explained = [finding.explained.code for finding in findings if finding.explained]
    assert (verdict.outcome, explained) == (
        ("inconclusive", ["callee_released"]) if released else ("fail", [])
    )


@pytest.mark.parametrize(("part", "settles"), [(0.0, 600), (0.1, 600), (0.25, 300), (1.0, 300)])
def test_in_long_windows_a_version_is_settled_once_it_served_for_a_minute_of_the_first(
    part: float, settles: int
) -> None:
    """Windows of five minutes; of the first the version served a `part`."""
    rows = cells([Traffic(edge(), 400, COLD, COLD)], 4, share=steady(1.0), before=4, poisson=False)
    rows = [
        replace(
            row,
            window=START + (row.window - START) * 30,
            calls=round(row.calls * part) if row.window == START else row.calls,
        )
        for row in rows
        if row.calls and (part or row.window != START)
    ]
    (table,) = tables(rows, -np.inf, np.inf)
    held = contrast(table, "callee", "2.0.0", "1.9.0", float(AT))
    windows = np.arange(4, dtype=np.int64) * 300 + AT
    warm = settled_windows(held, windows, {}, 300, 1)
    assert windows[warm][0] - AT == settles


@pytest.mark.parametrize(("served", "second"), [(100, 0.0), (70, 0.3), (10, 0.9)])
def test_in_windows_of_a_minute_an_instance_that_began_late_in_one_is_fresh_in_the_next(
    served: int, second: float
) -> None:
    calls = (served, 100, 100)
    seen = [sighting(6 * minute, "2.0.0", "a", calls[minute]) for minute in range(3)]
    shares = fresh_shares(seen, (), "payment", "2.0.0", AT, 60.0, stayed=False, grain=60)
    assert shares.pop(AT) == 1.0
    assert sum(shares.values()) == pytest.approx(second)
    assert AT + 120 not in shares


@pytest.mark.parametrize(("served", "first"), [(500, 0.2), (250, 0.4), (50, 1.0)])
def test_of_a_first_long_window_as_much_is_fresh_as_an_instance_served_of_it(
    served: int, first: float
) -> None:
    calls = (served, 500, 500)
    seen = [sighting(30 * place, "2.0.0", "a", calls[place]) for place in range(3)]
    shares = fresh_shares(seen, (), "payment", "2.0.0", AT, 60.0, stayed=False, grain=300)
    assert shares[AT] == pytest.approx(first)
    assert shares.get(AT + 300, 0.0) == pytest.approx(0.1 if first == 1.0 else 0.0)


@pytest.mark.parametrize(("stays", "failed"), [(False, False), (True, True)])
def test_a_cold_start_that_a_minute_cuts_in_two_raises_nothing_and_what_stays_does(
    stays: bool, failed: bool
) -> None:
    def load(minute: int) -> float:
        return 0.7 if minute == 0 else 1.0

    def cold(minute: int) -> float:
        return 1.0 if stays or minute == 0 else 0.3 if minute == 1 else 0.0

    traffic = [Traffic(edge(), 100, load=load)]
    slow = Behaviour(latency=0.08)
    outcomes = set()
    for seed in range(3):
        short = cells(traffic, 4, share=steady(1.0), before=60, seed=seed)
        short = chilled(short, cold, slow, seed)
        rows = [replace(row, window=START + (row.window - START) * 6) for row in short]
        for minutes in (2, 3, 4):
            until = START + timedelta(minutes=minutes)
            seen = [
                sighting(6 * minute, "2.0.0", "", round(100 * load(minute)))
                for minute in range(minutes)
            ]
            part = [row for row in rows if row.window < until]
            now = until + timedelta(seconds=65)
            outcomes.add(judge(deploy(), part, seen, (), SETTINGS, now)[0].outcome)
    assert ("fail" in outcomes) == failed
