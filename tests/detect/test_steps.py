"""The second leg: what only time speaks for is held against placebos, neighbours and earlier days
before it is believed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding
from monitor.model.reasons import reason
from monitor.wording.findings import summary
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    deploy,
    edge,
    now_after,
    ramp,
    steady,
)
from tests.fixtures.told import sentences

SETTINGS = JudgeSettings()
AT_ONCE = steady(1.0)
BEFORE = 90


def found(
    rows: Sequence[EdgeCell],
    windows: int = 18,
    around: Around | None = None,
    others: Sequence[object] = (),
) -> list[Finding]:
    return judge(deploy(), rows, (), others, SETTINGS, now_after(windows), around=around)[1]  # type: ignore[arg-type]  # deploys


def is_everybodys(findings: Sequence[Finding]) -> bool:
    """Whether the one thing that became worse is told, and blamed on no deploy."""
    (finding,) = findings
    return finding.explained is not None and finding.explained.code == "neighbours_too"


def one_version(rows: Sequence[EdgeCell], version: str = "7.0.0") -> list[EdgeCell]:
    """The same calls, answered by one version throughout."""
    return [replace(row, callee_version=version) for row in rows]


def dinner(window: int) -> float:
    """Errors that come at the hour of the deploy, every day."""
    return 0.06 if window >= 0 else 0.0


def day_before(days: int, rise: float = 0.06) -> list[EdgeCell]:
    """The same hours of an earlier day, when nothing was deployed."""
    rows = cells(
        [
            Traffic(
                edge(), 200, Behaviour(0.005), outage=lambda window: rise if window >= 0 else 0.0
            )
        ],
        18,
        share=steady(0.0),
        before=BEFORE,
        seed=100 + days,
    )
    return [replace(row, window=row.window - timedelta(days=days)) for row in rows]


def test_errors_that_come_at_this_hour_every_day_are_not_blamed_on_a_deploy_at_once() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.005), outage=dinner)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    assert [finding.signal for finding in found(rows)] == ["errors"], (
        "without earlier days nothing tells them from harm"
    )
    former = [row for days in (1, 2, 3) for row in day_before(days)]
    assert found(rows, around=Around(former=former)) == []


def test_a_step_beyond_what_the_hour_does_is_found_against_the_seasonal_baseline() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.35), outage=dinner)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    former = [row for days in (1, 2, 3) for row in day_before(days)]
    (finding,) = found(rows, around=Around(former=former))
    assert (finding.signal, finding.strength) == ("errors", "weaker")
    assert finding.evidence.step is not None
    assert finding.evidence.step.seasonal


def test_a_real_regression_with_calm_days_and_calm_neighbours_is_found() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.06))], 18, share=AT_ONCE, before=BEFORE
    )
    former = [row for days in (1, 2) for row in day_before(days, rise=0.0)]
    calm = one_version(
        cells(
            [Traffic(edge("web", "stock", "GET /stock"), 200, Behaviour(0.005))],
            18,
            share=steady(0.0),
            before=BEFORE,
        )
    )
    (finding,) = found(rows, around=Around(calm, former))
    assert finding.evidence.step is not None
    assert (finding.evidence.step.growth, finding.evidence.step.controls) == (1.0, 1)
    assert not finding.evidence.rests_on_time_alone
    (alone,) = found(rows)
    assert alone.evidence.rests_on_time_alone, (
        "no neighbour, no earlier day: nothing but the moment"
    )


def test_an_incident_that_the_neighbours_share_is_not_blamed_on_the_deploy() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.005), outage=dinner)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    shared = Traffic(edge("web", "stock", "GET /stock"), 200, Behaviour(0.005), outage=dinner)
    neighbours = one_version(cells([shared], 18, share=steady(0.0), before=BEFORE, seed=5))
    assert is_everybodys(found(rows, around=Around(neighbours)))


def test_neighbours_are_asked_of_the_time_in_which_the_version_served_not_of_before() -> None:
    """Told minutes before it answers, in the midst of an outage of everybody."""
    outage = lambda window: 0.4 if window >= 9 else 0.0  # noqa: E731
    switch = lambda window: 1.0 if window >= 9 else 0.0  # noqa: E731
    mine = Traffic(edge("payment", "bank", "POST /charge"), 800, outage=outage)
    rows = cells([mine], 18, share=switch, before=BEFORE, role="caller")
    others = Traffic(edge("orders", "bank", "POST /charge"), 800, Behaviour(0.01), outage=outage)
    neighbours = one_version(cells([others], 18, share=steady(0.0), before=BEFORE, seed=5))
    assert found(rows, around=Around(neighbours)) == []


def test_an_incident_below_is_not_blamed_on_a_service_that_never_failed_before() -> None:
    rows = cells(
        [Traffic(edge(), 200, outage=lambda window: 0.05 if window >= 0 else 0.0)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    needs = cells(
        [Traffic(edge("payment", "bank", "POST /charge"), 100)],
        18,
        share=AT_ONCE,
        before=BEFORE,
        role="caller",
    )
    below = Traffic(
        edge("orders", "bank", "GET /balance"),
        200,
        Behaviour(0.01),
        outage=lambda window: 0.08 if window >= 0 else 0.0,
    )
    neighbours = one_version(cells([below], 18, share=steady(0.0), before=BEFORE, seed=5), "4.0.0")
    assert not is_everybodys(found([*rows, *needs]))
    assert is_everybodys(found([*rows, *needs], around=Around(neighbours)))


def test_harm_that_travels_up_to_the_callers_is_no_excuse() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.1))], 18, share=AT_ONCE, before=BEFORE
    )
    above = Traffic(edge("user", "web", "GET /"), 200, Behaviour(0.005), outage=dinner)
    assert (
        len(
            found(
                rows,
                around=Around(one_version(cells([above], 18, share=steady(0.0), before=BEFORE))),
            )
        )
        == 1
    )


def test_a_deploy_at_once_that_is_twice_as_slow_is_found_by_what_was_before() -> None:
    rows = cells(
        [Traffic(edge(), 200, new=Behaviour(latency=0.045))], 18, share=AT_ONCE, before=BEFORE
    )
    (finding,) = found(rows)
    assert (finding.signal, finding.strength) == ("latency", "weaker")
    assert "20 → 46 ms" in summary(finding) or "ms against 1.9.0" in summary(finding)


def test_a_rolling_restart_in_which_the_versions_hardly_met_is_judged_by_time_too() -> None:
    share = lambda window: 0.5 if window < 2 else 1.0  # noqa: E731
    rows = cells(
        [Traffic(edge(), 100, Behaviour(0.005), Behaviour(0.04))],
        18,
        share=share,
        before=BEFORE,
        seed=2,
    )
    assert [(finding.signal, finding.strength) for finding in found(rows)] == [
        ("errors", "weaker")
    ]
    same = cells(
        [Traffic(edge(), 100, Behaviour(0.005), Behaviour(0.005))],
        18,
        share=share,
        before=BEFORE,
        seed=2,
    )
    assert found(same) == []


def test_a_small_rise_in_a_short_ramp_is_found_when_history_and_versions_agree() -> None:
    hits = 0
    for seed in range(10):
        rows = cells(
            [Traffic(edge(), 200, Behaviour(0.01), Behaviour(0.05))], 9, before=BEFORE, seed=seed
        )
        hits += bool(found(rows, 9))
    assert hits >= 7, "one to five per cent in 90 s"


def test_an_incident_of_both_versions_in_a_ramp_is_not_made_a_finding_by_history() -> None:
    hit = Traffic(
        edge(),
        200,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.1 if window >= 2 else 0.0,
    )
    for seed in range(5):
        assert found(cells([hit], 12, before=BEFORE, seed=seed), 12) == []


def test_errors_of_both_versions_that_follow_the_new_ones_share_are_damage_to_what_they_share() -> (
    None
):
    slowly = lambda window: ramp(window // 3)  # noqa: E731
    both = Traffic(
        edge(),
        200,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda w: 0.3 * slowly(w) if w >= 0 else 0.0,
    )
    outage = replace(both, outage=lambda window: 0.15 if window >= 6 else 0.0)
    calm = replace(both, outage=lambda _: 0.0)
    for seed in range(3):
        harm, shared, none = (
            cells([traffic], 26, share=slowly, before=BEFORE, seed=seed)
            for traffic in (both, outage, calm)
        )
        (finding,) = found(harm, 26)
        assert (finding.signal, finding.strength, finding.role) == ("errors", "weaker", "root")
        assert found(shared, 26) == [], "an outage of both in the midst of a ramp"
        assert found(none, 26) == []


def test_damage_to_what_both_share_is_found_too_where_the_new_version_comes_minutes_later() -> (
    None
):
    later = lambda w: ramp((w - 60) // 3) if w >= 60 else 0.0  # noqa: E731
    both = Traffic(edge(), 200, Behaviour(), Behaviour(), outage=lambda w: 0.3 * later(w))
    rows = cells([both], 90, share=later, before=BEFORE)
    (finding,) = found(rows, 90)
    assert (finding.signal, finding.role) == ("errors", "root")


def test_a_passing_incident_after_a_deploy_at_once_is_no_release() -> None:
    brief = Traffic(
        edge(),
        200,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.3 if 2 <= window < 6 else 0.0,
    )
    assert found(cells([brief], 30, share=AT_ONCE, before=BEFORE), 30) == []


def test_a_shift_towards_a_callee_released_at_the_same_time_is_that_ones() -> None:
    bank = deploy("bank", "5.0.0", previous_version="4.0.0")
    rows = cells(
        [Traffic(edge("payment", "bank", "POST /charge"), 200, Behaviour(0.005), Behaviour(0.1))],
        18,
        share=AT_ONCE,
        before=BEFORE,
        role="caller",
    )
    rows = [
        replace(row, callee_version="5.0.0" if row.window >= START else "4.0.0") for row in rows
    ]
    verdict, (finding,) = judge(deploy(), rows, (), [bank], SETTINGS, now_after(18))
    assert (verdict.outcome, finding.role) == ("inconclusive", "propagated")
    assert finding.explained == reason("callee_released", service="bank", version="5.0.0")
    assert any("not this deploy's: bank 5.0.0" in reason for reason in sentences(verdict.reasons))


def test_that_hardly_anybody_else_calls_a_callee_acquits_nobody() -> None:
    charge = Traffic(
        edge("payment", "bank", "POST /charge"), 200, Behaviour(0.005), Behaviour(0.1)
    )
    rows = cells([charge], 18, share=AT_ONCE, before=BEFORE, role="caller")
    calm = cells(
        [Traffic(edge("web", "stock", "GET /stock"), 200, Behaviour(0.005))],
        18,
        share=steady(0.0),
        before=BEFORE,
    )
    assert (
        judge(deploy(), rows, (), (), SETTINGS, now_after(18), around=Around(one_version(calm)))[
            0
        ].outcome
        == "fail"
    )
    suffering = Traffic(
        edge("orders", "bank", "GET /balance"),
        200,
        Behaviour(0.005),
        outage=lambda window: 0.1 if window >= 0 else 0.0,
    )
    others = one_version(cells([suffering], 18, share=steady(0.0), before=BEFORE), "4.0.0")
    assert (
        judge(deploy(), rows, (), (), SETTINGS, now_after(18), around=Around([*calm, *others]))[1]
        == []
    )


def test_another_name_for_the_same_calls_is_no_neighbour_that_could_acquit() -> None:
    rows = cells([Traffic(edge(), 100, new=Behaviour(0.05))], 12, share=AT_ONCE, before=BEFORE)
    balancer = [replace(row, edge=edge("web", "balancer"), callee_version="") for row in rows]
    (finding,) = found(rows, 12, Around(balancer))
    assert (finding.signal, finding.evidence.old_bad) == ("errors", 0)
    other = Traffic(
        edge("web", "stock", "GET /"), 100, outage=lambda window: 0.05 if window >= 0 else 0.0
    )
    beside = one_version(cells([other], 12, share=steady(0.0), before=BEFORE, seed=7))
    assert is_everybodys(found(rows, 12, Around(beside)))


def test_one_earlier_day_is_enough_to_know_the_hour() -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.005), outage=dinner)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    assert found(rows, around=Around(former=day_before(1))) == []
    worse = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.35), outage=dinner)],
        18,
        share=AT_ONCE,
        before=BEFORE,
    )
    (finding,) = found(worse, around=Around(former=day_before(1)))
    assert finding.evidence.step is not None
    assert finding.evidence.step.seasonal


@pytest.mark.parametrize(
    ("others", "released", "outcome", "pages"),
    [
        ((0.0, 0.0, 0.0, 0.0), False, "fail", True),
        ((0.35, 0.2, 0.35, 0.0), False, "fail", False),  # its callers suffer, and theirs
        ((0.65, 0.2, 0.35, 0.0), False, "inconclusive", False),
        ((0.35, 0.2, 0.65, 0.0), True, "inconclusive", False),
        ((0.35, 0.35, 0.35, 0.2), False, "inconclusive", False),  # it calls all that failed
    ],
)
def test_of_nodes_that_name_no_callers_the_one_that_became_worst_answers_for_itself(
    others: tuple[float, ...], released: bool, outcome: str, pages: bool
) -> None:
    def node(name: str, harm: float) -> Traffic:
        outage = lambda w: harm if w >= 0 else 0.0  # noqa: E731
        return Traffic(edge("<any>", name, ""), 40, Behaviour(0.001), outage=outage)

    names = ("web", "shop", "bank", "stock")
    own = cells([node("payment", 0.7)], 18, share=AT_ONCE, before=60)
    beside = [node(name, harm) for name, harm in zip(names, others, strict=True)]
    around = Around(one_version(cells(beside, 18, share=steady(0.0), before=60, seed=3)))
    bank = [deploy("bank", "5.0.0", previous_version="4.0.0")] if released else []
    verdict, findings = judge(deploy(), own, (), bank, SETTINGS, now_after(18), around=around)
    assert verdict.outcome == outcome
    assert any(not finding.evidence.rests_on_time_alone for finding in findings) == pages


def test_a_callee_released_as_well_that_breaks_its_other_callers_too_is_the_better_suspect() -> (
    None
):
    bank = deploy("bank", "5.0.0", previous_version="4.0.0")
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.1))], 18, share=AT_ONCE, before=BEFORE
    )
    needs = cells(
        [Traffic(edge("payment", "bank", "POST /charge"), 200)],
        18,
        share=AT_ONCE,
        before=BEFORE,
        role="caller",
    )
    others = Traffic(edge("orders", "bank", "POST /charge"), 200)
    for harm, outcome in ((0.1, "inconclusive"), (0.0, "fail")):
        above = Traffic(
            edge("user", "orders", "GET /"),
            200,
            Behaviour(0.005),
            outage=lambda w, harm=harm: harm if w >= 0 else 0.0,
        )
        beside = one_version(cells([others, above], 18, share=steady(0.0), before=BEFORE, seed=5))
        verdict, _ = judge(
            deploy(), [*rows, *needs], (), [bank], SETTINGS, now_after(18), around=Around(beside)
        )
        assert verdict.outcome == outcome


def test_what_befalls_a_rolling_release_once_it_is_alone_may_be_a_callees_of_that_moment() -> None:
    rolling = lambda window: 0.5 if window < 3 else 1.0  # noqa: E731
    bank = deploy("bank", "5.0.0", previous_version="4.0.0")
    bank = replace(bank, started=bank.started + timedelta(seconds=30))
    mine = Traffic(
        edge(), 30, Behaviour(0.003), Behaviour(0.003), outage=lambda w: 0.07 if w >= 4 else 0.0
    )
    rows = cells([mine], 40, share=rolling, before=BEFORE)
    needs = one_version(
        cells([Traffic(edge("payment", "bank", "POST /charge"), 30)], 40, before=BEFORE)
    )
    others = Traffic(edge("orders", "bank", "POST /charge"), 30)
    for harm, outcome in ((0.07, "inconclusive"), (0.0, "fail")):
        above = Traffic(
            edge("user", "orders", "GET /"),
            6,
            Behaviour(0.003),
            outage=lambda w, harm=harm: harm if w >= 4 else 0.0,
        )
        beside = one_version(cells([others, above], 40, share=steady(0.0), before=BEFORE, seed=5))
        verdict, _ = judge(
            deploy(), rows, (), [bank], SETTINGS, now_after(40), around=Around([*beside, *needs])
        )
        assert verdict.outcome == outcome


def test_harm_that_begins_when_the_old_version_is_gone_never_passes() -> None:
    rolling = lambda window: min(1.0, 0.25 * (1 + window // 6))  # noqa: E731
    rest = [Traffic(edge(operation=f"GET /{n}"), 3000) for n in range(3)]
    for harm, outcomes in ((0.0, {"pass"}), (0.05, {"inconclusive", "fail"})):
        late = Traffic(
            edge(),
            3000,
            Behaviour(0.002),
            Behaviour(0.002),
            outage=lambda w, harm=harm: harm if w >= 30 else 0.0,
        )
        rows = cells([late, *rest], 60, share=rolling, before=BEFORE)
        assert judge(deploy(), rows, (), (), SETTINGS, now_after(60))[0].outcome in outcomes


def test_an_incident_that_begins_minutes_after_a_deploy_at_once_is_no_step_of_its_moment() -> None:
    later = Traffic(
        edge(),
        200,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.2 if window >= 20 else 0.0,
    )
    for windows in (30, 45, 60):
        assert found(cells([later], windows, share=AT_ONCE, before=BEFORE), windows) == []


@pytest.mark.parametrize(("until", "is_found"), [(50, False), (60, True)])
def test_what_is_over_while_the_version_stays_is_no_release(until: int, *, is_found: bool) -> None:
    gone = Traffic(
        edge(),
        500,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.4 if 3 <= window < until else 0.0,
    )
    assert bool(found(cells([gone], 60, share=AT_ONCE, before=BEFORE), 60)) == is_found


def test_what_comes_and_goes_again_and_again_is_not_over() -> None:
    pulsing = Traffic(
        edge(),
        500,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.4 if window >= 0 and window % 8 < 2 else 0.0,
    )
    assert found(cells([pulsing], 60, share=AT_ONCE, before=BEFORE), 60)


def test_a_few_errors_of_a_cold_start_at_once_are_none_and_the_same_that_stay_are_found() -> None:
    for minute in (1, 6):
        for until, signals in ((6, []), (10**6, ["errors"])):
            cold = Traffic(
                edge(),
                300,
                Behaviour(0.001),
                Behaviour(0.001),
                outage=lambda w, until=until: 0.02 * (0 <= w < until),
            )
            rows = cells([cold], 24, share=AT_ONCE, before=BEFORE)
            merged = [
                row
                for row in rows
                if round((row.window - START).total_seconds()) // 10 % minute == 0
            ]
            for look in (6, 9, 12, 24):
                part = [row for row in merged if row.window < START + timedelta(seconds=10 * look)]
                raised = [finding.signal for finding in found(part, look)]
                assert raised == signals or (signals and look < 24 and not raised)


def looked_at(rows: Sequence[EdgeCell], looks: Sequence[int]) -> list[Finding]:
    """What is found at the first of these looks that finds something."""
    for look in looks:
        seen = [row for row in rows if row.window < START + timedelta(seconds=10 * look)]
        if raised := found(seen, look):
            return raised
    return []


@pytest.mark.parametrize("seeds", [2, pytest.param(10, marks=pytest.mark.long)])
def test_one_to_three_per_cent_is_found_in_ten_minutes_though_the_ramp_ends_after_90_s(
    seeds: int,
) -> None:
    rest = [Traffic(edge(operation=f"GET /{n}"), 200) for n in range(3)]
    for before, share in ((12, 0.6), (180, 0.7)):
        hits = 0
        for seed in range(seeds):
            harm = Traffic(edge(), 200, Behaviour(0.01), Behaviour(0.03))
            raised = looked_at(
                cells([harm, *rest], 60, before=before, seed=200 + seed), (12, 24, 36, 60)
            )
            assert {finding.signal for finding in raised} <= {"errors"}
            hits += bool(raised)
        assert hits >= int(share * seeds), before


HARMLESS = {
    "nothing": lambda _: 0.0,
    "both worse from within the ramp on": lambda window: 0.03 if window >= 4 else 0.0,
    "begins when the ramp is over": lambda window: 0.03 if window >= 14 else 0.0,
    "comes and goes": lambda window: 0.1 if 2 <= window < 20 else 0.0,
    "came before": lambda window: 0.1 if -60 <= window < -40 else 0.0,
}


@pytest.mark.parametrize("seeds", [1, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "hour",
    [
        "both worse from within the ramp on",
        "comes and goes",
        *(
            pytest.param(hour, marks=pytest.mark.long)
            for hour in ("nothing", "begins when the ramp is over", "came before")
        ),
    ],
)
def test_no_harm_and_no_incident_of_both_versions_is_a_step_after_a_short_ramp(
    hour: str, seeds: int
) -> None:
    rest = [Traffic(edge(operation=f"GET /{n}"), 200) for n in range(3)]
    for seed in range(seeds):
        usual = Traffic(edge(), 200, Behaviour(0.01), Behaviour(0.01), outage=HARMLESS[hour])
        rows = cells([usual, *rest], 60, before=90, seed=300 + seed)
        assert looked_at(rows, (12, 24, 36, 60)) == []


def test_forty_seconds_of_past_do_for_what_is_twenty_times_slower() -> None:
    for seed in range(5):
        for times, signals in ((20.0, ["latency"]), (1.0, []), (2.0, [])):
            rows = cells(
                [Traffic(edge(), 60, new=Behaviour(latency=0.02 * times))],
                14,
                share=AT_ONCE,
                before=4,
                seed=seed,
            )
            assert [finding.signal for finding in found(rows, 14)] == signals
        brief = cells(
            [Traffic(edge(), 60, outage=lambda window: 0.6 if window < 4 else 0.0)],
            14,
            share=AT_ONCE,
            before=4,
            seed=seed,
        )
        calm = [row for row in brief if row.window >= START]
        usual = cells([Traffic(edge(), 60)], 1, share=AT_ONCE, before=4, seed=seed)
        assert found([*[row for row in usual if row.window < START], *calm], 14) == [], (
            "what is over by then is no step"
        )


def slowly(window: int) -> float:
    """A ramp of ten minutes in which most calls come late."""
    return 0.0 if window < 0 else 0.1 if window < 24 else 0.3 if window < 48 else 1.0


@pytest.mark.parametrize(
    ("calls", "usual", "harm", "outage", "seed", "is_told"),
    [
        pytest.param(4, 0.0, 0.06, (0, 0), 2, True, id="its own"),
        pytest.param(4, 0.0, 0.0, (0, 0), 2, False, id="none"),
        pytest.param(8, 0.005, 0.0, (92, 200), 79, False, id="begins once it is alone"),
        pytest.param(4, 0.005, 0.0, (113, 153), 175, False, id="begins later"),
    ],
)
def test_sparse_harm_of_a_ramp_is_told_once_the_old_version_is_gone(
    calls: float, usual: float, harm: float, outage: tuple[int, int], seed: int, *, is_told: bool
) -> None:
    """Few failures beside the old version, which had none, say little; with those that follow
    they do. Not where most came at a later moment, with no version, though the few there were
    before leaned the same way by chance.
    """
    begins, ends = outage
    traffic = Traffic(
        edge(),
        calls,
        Behaviour(usual),
        Behaviour(usual + harm),
        outage=lambda window: 0.1 if begins <= window < ends else 0.0,
    )
    rows = cells([traffic], 150, share=slowly, before=360, seed=seed)
    _, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(150))
    assert bool(findings) == is_told
