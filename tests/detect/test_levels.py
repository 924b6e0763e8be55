"""A number told without counts: a level that leaves all of its past is harm, what the past shows
too, or all nodes, is not.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.evidence.levels import LevelTest, Line, level_test, run_of
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around, Past
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Edge, EdgeCell
from monitor.model.reasons import reason
from tests.detect.traffic import START, Traffic, cells, deploy, edge, now_after, steady

DAY = 1440
MINUTE = 60.0


def past(
    days: int = 2, *, usual: float = 0.03, season: float = 0.2, noise: float = 0.02, seed: int = 1
) -> np.ndarray:
    """Minutes of days that end at noon, with their hours' rise and fall."""
    rng = np.random.default_rng(seed)
    minutes = np.arange(-days * DAY, 0)
    return usual * (
        1.0
        + season * np.sin(2 * np.pi * minutes / DAY)
        + noise * rng.standard_normal(minutes.size)
    )


def after(minutes: int, factor: float, first: int, last: int, **how: float) -> np.ndarray:
    """Minutes since the deploy, from `first` to `last` of them so many times higher."""
    values = past(1, seed=2, **how)[:minutes]
    values[first:last] *= factor
    return values


def held_against(
    earlier: np.ndarray, now: np.ndarray, grain: float = MINUTE, **more: float
) -> LevelTest | None:
    """In a row, the first window since at 0."""
    before = Line(grain * np.arange(-earlier.size, 0.0), earlier)
    return level_test(before, Line(grain * np.arange(float(now.size)), now), grain, **more)


def worse(earlier: np.ndarray, now: np.ndarray, grain: float = MINUTE, **more: float) -> bool:
    test = held_against(earlier, now, grain, **more)
    return test is not None and test.stands_out() and test.log_e >= np.log(30.0)


@pytest.mark.parametrize("usual", [0.0003, 0.03, 200.0])
def test_a_level_that_its_past_never_had_is_worse_whatever_its_unit(usual: float) -> None:
    assert worse(past(usual=usual), after(12, 1.5, 5, 12, usual=usual))
    assert not worse(past(usual=usual), after(12, 1.0, 5, 12, usual=usual))


def test_one_window_is_no_run() -> None:
    assert not worse(past(), after(7, 3.0, 5, 6))
    assert worse(past(), after(7, 3.0, 5, 7))


def test_a_run_that_is_over_is_no_harm_of_a_version_that_serves_on() -> None:
    assert worse(past(), after(12, 3.0, 5, 12))
    assert not worse(past(), after(20, 3.0, 5, 8))
    settles = after(20, 1.5, 5, 20)
    settles[5:8] *= 4.0
    assert worse(past(), settles), "a cold start before the harm that stays hides none of it"


def test_two_windows_in_a_row_are_no_run_where_single_ones_are_as_high_by_chance() -> None:
    earlier = np.full(60, 30.0) + np.random.default_rng(3).standard_normal(60)
    now = earlier[:20].copy()
    now[18:] = 90.0
    assert worse(earlier, now)
    earlier[[5, 17, 26, 38, 49]] = 100.0
    assert not worse(earlier, now)


@pytest.mark.parametrize(
    ("p90", "outcome"), [(0.4, "inconclusive"), (0.6, "fail"), (None, "fail")]
)
def test_a_middle_that_rises_alone_is_another_mix_of_calls(
    p90: float | None, outcome: str
) -> None:
    rng = np.random.default_rng(5)
    usual, since = {"p50": 0.03, "p90": 0.4}, {"p50": 0.05, "p90": p90}
    rows = []
    for row in cells([Traffic(edge(), 20)], 40, share=steady(1.0), before=180):
        levels = since if row.window >= START else usual
        told = {name: value * rng.normal(1, 0.02) for name, value in levels.items() if value}
        nothing: dict[int, int] = {}
        rows.append(
            replace(
                row,
                told={name: told[name] for name in told if p90 or name == "p50"},
                client_histogram=nothing,
                server_histogram=nothing,
                self_histogram=nothing,
            )
        )
    verdict, (finding,) = judge(deploy(), rows, (), (), JudgeSettings(), now_after(40))
    assert (verdict.outcome, finding.signal) == (outcome, "latency")
    assert finding.explained == (
        None if outcome == "fail" else reason("other_mix", statistic="p50")
    )


@pytest.mark.parametrize(("calls", "outcome"), [(1, "inconclusive"), (20, "fail")])
def test_a_number_of_a_window_with_a_call_or_two_is_no_level(calls: int, outcome: str) -> None:
    """A few slow calls in a row: of twenty calls a window their median is one, of one it is none."""
    rng = np.random.default_rng(5)
    rows = []
    for row in cells([Traffic(edge(), 20)], 60, share=steady(1.0), before=180):
        level = (0.03 if row.window < START else 0.06) * rng.normal(1, 0.02)
        nothing: dict[int, int] = {}
        rows.append(
            replace(
                row,
                calls=calls,
                client_calls=calls,
                told={"p50": level},
                client_histogram=nothing,
                server_histogram=nothing,
                self_histogram=nothing,
            )
        )
    verdict, _ = judge(deploy(), rows, (), (), JudgeSettings(), now_after(60))
    assert verdict.outcome == outcome


def test_what_happened_before_as_well_is_no_step() -> None:
    earlier = past()
    earlier[700:707] *= 1.5
    assert not worse(earlier, after(20, 1.5, 5, 12))


def test_gross_harm_is_found_beside_an_earlier_incident() -> None:
    earlier = past()
    earlier[700:707] *= 1.5
    assert worse(earlier, after(12, 3.0, 5, 12))


def test_an_hour_that_rises_every_day_is_no_step() -> None:
    earlier = past(3)
    for day in range(3):
        earlier[day * DAY : day * DAY + 60] *= np.linspace(1.0, 2.0, 60)
    now = after(60, 1.0, 0, 0)
    assert not worse(earlier, now * np.linspace(1.0, 2.0, 60))
    assert worse(past(3), now * np.linspace(1.0, 2.0, 60))


def test_a_short_past_wants_a_higher_run() -> None:
    noisy = past(1, noise=0.1)
    assert held_against(noisy[-11:], after(20, 1.5, 5, 12)) is None
    assert not worse(noisy[-20:], after(20, 1.5, 5, 20))
    factors = (1.15, 1.2, 1.25, 1.3, 1.35, 1.4, 1.5, 2.0)
    rises, longer = (
        [factor for factor in factors if worse(earlier, after(12, factor, 5, 12))]
        for earlier in (noisy[-120:], noisy)
    )
    assert len(rises) < len(longer)


@pytest.mark.parametrize(
    ("factor", "spikes", "is_worse"),
    [(3.0, 1, True), (3.0, 4, False), (1.9, 0, True), (1.35, 0, False)],
)
def test_of_five_minutes_of_past_a_rise_by_half_stands_out_and_of_rare_spikes(
    factor: float, spikes: int, *, is_worse: bool
) -> None:
    """Twenty windows of 15 s that wander by half, as mean latencies of few calls do."""
    rng = np.random.default_rng(3)
    earlier = 0.01 * np.exp(0.3 * rng.standard_normal(20))
    earlier[3 : 3 + 2 * spikes : 2] = 0.2
    now = factor * 0.01 * np.exp(0.1 * rng.standard_normal(20))
    assert worse(earlier, now, grain=15.0) == is_worse


def test_a_harmless_time_after_five_minutes_of_past_is_not_worse() -> None:
    rng = np.random.default_rng(4)
    drawn = 0.01 * np.exp(0.6 * rng.standard_normal((400, 40)))
    assert sum(worse(line[:20], line[20:], grain=15.0) for line in drawn) <= 1


def test_a_short_past_whose_windows_follow_each_other_shows_less() -> None:
    """The same spread and the same rise: of a slow wander it is chance, of quick noise it is not."""
    rng = np.random.default_rng(6)

    def found(sticky: float) -> int:
        count = 0
        for _ in range(200):
            noise = rng.standard_normal(60) * 0.5
            for place in range(1, 60):
                noise[place] = sticky * noise[place - 1] + (1 - sticky**2) ** 0.5 * noise[place]
            count += worse(np.exp(noise[:20]), np.exp(noise[20:40]), grain=15.0)
        return count

    assert found(0.0) <= 2
    assert found(0.7) <= 10


def test_bins_of_fifteen_seconds_are_in_a_row_though_their_windows_are_ten_and_twenty_apart() -> (
    None
):
    """As a scrape every 15 s tells them: windows of the judge begin at 0, 10, 30, 40, 60."""
    rng = np.random.default_rng(8)
    values = 0.01 * np.exp(0.1 * rng.standard_normal(40))
    values[20:] *= 4.0
    windows = np.arange(40.0) * 15.0 // 10.0 * 10.0
    test = level_test(Line(windows[:20], values[:20]), Line(windows[20:], values[20:]), grain=10.0)
    assert test is not None
    assert test.stands_out()
    assert Line(windows, values).step(10.0) == 15.0
    gap = np.delete(windows, [28, 29]), np.delete(values, [28, 29])
    assert np.isneginf(Line(*gap).lows(run_of(15.0), 15.0)).any(), "a missing bin ends a run"


def test_one_quiet_window_of_a_run_of_eight_hides_no_harm() -> None:
    rng = np.random.default_rng(9)
    values = 0.01 * np.exp(0.1 * rng.standard_normal(40))
    values[20:] *= 4.0
    values[23::5] = 0.01
    assert worse(values[:20], values[20:], grain=15.0)


def test_what_grows_from_the_deploy_on_began_with_it_however_late_it_is_highest() -> None:
    earlier = np.full(60, 60.0) + np.random.default_rng(3).standard_normal(60)
    slowly = 60.0 * np.exp(0.02 * np.arange(40)) + np.random.default_rng(4).standard_normal(40)
    test = held_against(earlier, slowly)
    assert test is not None
    assert test.stands_out()
    assert test.grows <= 3
    assert test.begins > 30
    late = np.full(40, 60.0)
    late[25:] = 120.0
    test = held_against(earlier, late)
    assert test is not None
    assert test.grows >= 24


def test_less_than_a_tenth_is_no_harm_however_steady_the_past() -> None:
    steady = np.full(2 * DAY, 5.0)
    assert not worse(steady, np.full(10, 5.4))
    assert worse(steady, np.full(10, 5.6))


def test_what_neighbours_rose_by_is_not_the_deploys() -> None:
    assert not worse(past(), after(20, 1.5, 0, 20), grown=0.5)
    assert worse(past(), after(20, 2.5, 0, 20), grown=0.5)


def test_a_fall_is_no_harm() -> None:
    assert not worse(past(), after(20, 0.1, 0, 20))


def test_two_windows_of_five_minutes_are_a_run() -> None:
    assert run_of(300.0) == 2
    assert run_of(10.0) == 12
    assert worse(past()[::5], after(15, 2.0, 5, 15)[::5], 300.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_harmless_hour_is_not_worse(seed: int) -> None:
    whole = past(3, noise=0.1, seed=seed + 10)
    assert not worse(whole[:-60], whole[-60:])


@pytest.mark.parametrize(
    ("days", "rise", "stands_out"), [(0.25, 1.15, False), (0.25, 1.5, True), (3.0, 1.15, True)]
)
def test_a_past_of_some_hours_wants_a_rise_that_matters_by_itself(
    days: float, rise: float, stands_out: bool
) -> None:
    earlier = 40.0 + 0.2 * np.random.default_rng(4).standard_normal(int(days * 1440))
    result = held_against(earlier, np.full(8, 40.0 * rise))
    assert result is not None
    assert result.stands_out() == stands_out


def test_a_missing_window_ends_a_run() -> None:
    """Two high windows with an hour of silence between are none in a row."""
    before = Line(MINUTE * np.arange(-120.0, 0.0), past()[-120:])
    values = after(6, 3.0, 2, 4)
    together = Line(MINUTE * np.arange(6.0), values)
    apart = Line(together.windows + np.array([0, 0, 0, 3600, 3600, 3600]), values)
    (one_row, two_rows) = (level_test(before, since, MINUTE) for since in (together, apart))
    assert one_row is not None
    assert two_rows is not None
    assert one_row.run > 0.05
    assert two_rows.run < 0.01


def test_a_number_told_in_longer_windows_than_the_others_has_runs_of_its_own() -> None:
    before = Line(300.0 * np.arange(-100.0, 0.0), past()[-100:])
    since = Line(300.0 * np.arange(3.0), after(3, 3.0, 1, 3))
    test = level_test(before, since, 10.0)
    assert test is not None
    assert test.stands_out()


@pytest.mark.parametrize(("minutes", "is_worse"), [(0, True), (1, False), (3, False)])
def test_a_level_that_left_before_the_deploy_is_no_step_of_it(
    minutes: int, is_worse: bool
) -> None:
    earlier = past()
    earlier[earlier.size - minutes :] *= 3.0
    assert worse(earlier, after(12, 3.0, 0, 12)) == is_worse


def numbers_of(factors: dict[int, float], calls: dict[int, int]) -> list[EdgeCell]:
    """Minutes of one edge that tell a p99 and calls: both by the minute from which they hold."""
    rng = np.random.default_rng(5)
    rows = []
    for row in cells([Traffic(edge(), 20)], 180, share=steady(1.0), before=180):
        minute = int((row.window - START).total_seconds() // 60)
        if row.window.second:
            continue
        level, count = (held[max(at for at in held if at <= minute)] for held in (factors, calls))
        nothing: dict[int, int] = {}
        rows.append(
            replace(
                row,
                calls=count,
                client_calls=count,
                outcomes={"ok": count},
                failed=0,
                told={"p99": 0.2 * level * rng.normal(1, 0.02)},
                client_histogram=nothing,
                server_histogram=nothing,
                self_histogram=nothing,
            )
        )
    return rows


@pytest.mark.parametrize(
    ("factors", "calls", "outcome", "code"),
    [
        ({-30: 1.0, 1: 2.0}, {-30: 900}, "fail", None),
        ({-30: 1.0, 18: 20.0}, {-30: 900}, "inconclusive", "began_later"),
        ({-30: 1.0, 1: 1.5}, {-30: 900, -3: 1500, 0: 2400}, "inconclusive", "busier"),
        ({-30: 1.0, 1: 1.5}, {-30: 900, 1: 2400}, "fail", None),
        ({-30: 1.0, 1: 5.0}, {-30: 900, -3: 1500, 0: 2400}, "fail", None),
    ],
)
def test_what_began_much_later_or_with_more_load_is_not_the_deploys(
    factors: dict[int, float], calls: dict[int, int], outcome: str, code: str | None
) -> None:
    """An incident a quarter of an hour later is as likely anybody's; a rush that had begun before
    the deploy slows what nobody changed, though not by more than it is.
    """
    rows = numbers_of(factors, calls)
    verdict, findings = judge(deploy(), rows, (), (), JudgeSettings(), now_after(180))
    assert verdict.outcome == outcome
    assert [finding.explained.code if finding.explained else None for finding in findings] == [
        code
    ]


@pytest.mark.parametrize(
    ("days", "incident", "hours", "is_worse"),
    [
        (3, 1.25, 72, True),
        (0, 1.25, 72, False),
        (2, 1.3, 72, False),
        (3, 1.3, 72, True),
        (3, 9.0, 72, True),
        (3, 1.3, 30, False),
        (3, 1.3, 24, False),
    ],
)
def test_a_long_past_shows_how_seldom_incidents_as_high_are(
    days: int, incident: float, hours: int, *, is_worse: bool
) -> None:
    """A rise by three tenths beside one earlier incident of a quarter, one as high in two days and
    in three, a higher one, several, and one at this hour of each day.
    """
    minutes = days * DAY or 180
    earlier = np.full(minutes, 50.0) + 0.1 * np.sin(np.arange(minutes))
    for begin in range(5 if hours == 24 else 60, minutes, hours * 60):
        earlier[begin : begin + 20] *= incident
    assert worse(earlier, np.full(12, 65.0)) == is_worse


@pytest.mark.parametrize(
    ("days", "other", "code"),
    [(0, None, "began_later"), (3, None, None), (3, 8.0, "began_later"), (3, -60.0, None)],
)
def test_what_began_later_is_the_deploys_where_its_past_never_did_it(
    days: int, other: float | None, code: str | None
) -> None:
    """Twice as slow from the twelfth minute on; `other`: so many minutes after the deploy another
    service was released.
    """
    rows = numbers_of({-30: 1.0, 12: 2.0}, {-30: 900})
    begins, rng = START.timestamp(), np.random.default_rng(8)
    windows = (begins - 60.0 * np.arange(days * DAY, 31, -1)).astype(np.int64)
    earlier = Past(rows[0].edge, "p99", windows, 0.2 * rng.normal(1, 0.02, windows.size))
    others = (
        [deploy("stock", started=START + timedelta(minutes=other), first_traffic=None)]
        if other is not None
        else []
    )
    (finding,) = judge(
        deploy(), rows, (), others, JudgeSettings(), now_after(180), around=Around(past=[earlier])
    )[1]
    assert (finding.explained and finding.explained.code) == code


def numbers_on(where: Edge, seconds: float, factor: float, since: int) -> list[EdgeCell]:
    """Minutes of an edge, `seconds` long, so many times longer from a minute on; all of the old
    version where the service itself calls.
    """
    factors = {-30: 1.0, since: factor}
    rows = numbers_of(factors, {-30: 900})
    return [
        replace(
            row,
            edge=where,
            told={"p99": row.told["p99"] * seconds / 0.2},
            caller_version=row.callee_version if where.caller == "payment" else "1.0.0",
            callee_version=row.callee_version if where.callee == "payment" else "",
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("waits", "since", "elsewhere", "beside", "code"),
    [
        (2.0, 4, 1.0, 2.0, "callee_released"),
        (2.0, 4, 1.0, None, "callee_released"),
        (1.0, 4, 1.0, 2.0, None),
        (1.2, 4, 1.0, 2.0, None),
        (2.0, 1, 1.0, 2.0, None),
        (2.0, 4, 1.0, 1.0, None),
        (2.0, 4, 2.0, 2.0, None),
    ],
)
def test_a_callee_released_as_well_that_takes_as_much_longer_is_the_better_suspect(
    waits: float, since: int, elsewhere: float, beside: float | None, code: str | None
) -> None:
    """A callee released three minutes later, and its caller takes half as long again: not the
    callee's doing where that waits no longer, or hardly, where it began before, where the callee's
    other caller waits no longer, and where the service waits longer for others, too.
    """
    bank, mail = edge("payment", "bank"), edge("payment", "mail")
    rows = [
        *numbers_on(edge(), 0.2, 1.5, since),
        *numbers_on(bank, 0.15, waits, since),
        *numbers_on(mail, 0.1, elsewhere, since),
    ]
    around = numbers_on(edge("shop", "bank"), 0.15, beside, since) if beside else []
    later = deploy("bank", started=START + timedelta(minutes=3), first_traffic=None)
    _, findings = judge(
        deploy(),
        rows,
        (),
        [later],
        JudgeSettings(),
        now_after(180),
        around=Around(neighbours=around),
    )
    of_answers = [finding for finding in findings if finding.edge.callee == "payment"]
    assert [finding.explained and finding.explained.code for finding in of_answers] == [code]
