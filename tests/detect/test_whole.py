"""What the edges of a service show together: a pass within a quarter of an hour, and none for
harm.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.evidence.pooling import IMPROBABLE, _harm, _Law
from monitor.detect.judging.ruling import WEAKER
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Verdict
from monitor.wording.reasons import sentence
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    chilled,
    deploy,
    edge,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
QUARTER = 90
"""Windows of a quarter of an hour."""
OPERATIONS = [
    ("POST /pay", 14.0),
    ("GET /status", 10.0),
    ("GET /methods", 6.0),
    ("POST /refund", 3.5),
]
"""Together 200 calls a minute."""
LEAKING = [START + timedelta(seconds=10 * window) for window in (38, 41, 45, 49, 52, 55)]


def small_shop(
    new: Behaviour | None = None, old: Behaviour | None = None, **apart: Behaviour
) -> list[Traffic]:
    usual = old or Behaviour(latency=0.03, spread=0.5)
    return [
        Traffic(
            edge(operation=operation),
            calls,
            usual,
            apart.get(operation.split("/")[1], new or usual),
        )
        for operation, calls in OPERATIONS
    ]


def verdict(
    traffic: list[Traffic],
    windows: int = QUARTER,
    share: float = 0.1,
    seed: int = 1,
    before: int = 180,
) -> Verdict:
    rows = cells(traffic, windows, share=steady(share), before=before, seed=seed)
    return judge(deploy(), rows, (), (), SETTINGS, now_after(windows))[0]


def passed_after(traffic: list[Traffic], share: float, seed: int) -> int | None:
    """Windows after which it passes for the first time, looked at every minute; None within 15
    minutes.
    """
    rows = cells(traffic, QUARTER + 6, share=steady(share), before=180, seed=seed)
    for windows in range(12, QUARTER + 7, 6):
        seen = [row for row in rows if (row.window - START).total_seconds() < 10 * windows]
        if judge(deploy(), seen, (), (), SETTINGS, now_after(windows))[0].outcome == "pass":
            return windows
    return None


@pytest.mark.parametrize("seeds", [1, pytest.param(9, marks=pytest.mark.long)])
def test_a_tenth_of_200_calls_a_minute_passes_within_a_quarter_of_an_hour_or_so(
    seeds: int,
) -> None:
    after = [passed_after(small_shop(), 0.11, seed) for seed in range(seeds)]
    assert sum(minute is not None for minute in after) >= seeds - seeds // 3, after
    told = verdict(small_shop(), share=0.12)
    assert (told.outcome, told.reasons[0].code) == ("pass", "harm_improbable")
    assert told.reasons[0].parameters["prior"] == 0.05
    assert float(told.reasons[0].parameters["harm"] or 0.0) <= IMPROBABLE
    assert "relevant harm is improbable" in sentence(told.reasons[0])


def test_before_it_says_how_many_calls_of_the_whole_service_would_settle_it() -> None:
    early = verdict(small_shop(), 30)
    assert early.outcome == "inconclusive"
    assert early.settles[0].code == "more_calls_in_all"
    assert 100 < float(early.settles[0].parameters["calls"] or 0.0) < 400
    assert early.eta_seconds is not None
    assert 200 < early.eta_seconds < 1500


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "new",
    [
        Behaviour(server_error=0.03, latency=0.03, spread=0.5),
        pytest.param(Behaviour(timeout=0.04, latency=0.03, spread=0.5), marks=pytest.mark.long),
        Behaviour(told=0.04, latency=0.03, spread=0.5),
        Behaviour(latency=0.06, spread=0.5),
    ],
    ids=["errors", "timeouts", "told by the provider", "twice as slow"],
)
def test_harm_never_passes_however_often_it_is_looked_at(new: Behaviour, seed: int) -> None:
    assert passed_after(small_shop(new), 0.1, seed) is None


def test_one_operation_that_always_fails_is_not_carried_by_the_others() -> None:
    told = verdict(small_shop(refund=Behaviour(server_error=1.0)), share=0.3)
    assert told.outcome != "pass"


def test_an_edge_that_leans_towards_harm_is_not_carried_by_the_others() -> None:
    told = verdict(
        small_shop(refund=Behaviour(server_error=0.2, latency=0.03, spread=0.5)), share=0.5
    )
    assert told.outcome != "pass"


def test_a_service_whose_old_version_fails_now_and_then_needs_more_calls_and_is_judged_against_that() -> (
    None
):
    usual = Behaviour(server_error=0.01, latency=0.03, spread=0.5)
    busy = [
        replace(flow, calls_per_window=flow.calls_per_window * 10)
        for flow in small_shop(old=usual)
    ]
    assert (
        sum(verdict(busy, 90, share=0.2, seed=seed).outcome == "pass" for seed in (2, 3, 4)) >= 2
    )
    assert (
        verdict(
            [
                replace(flow, new=Behaviour(server_error=0.04, latency=0.03, spread=0.5))
                for flow in busy
            ],
            90,
        ).outcome
        != "pass"
    )


def test_harm_is_improbable_only_after_300_calls_without_a_failure() -> None:
    """By hand: 0.05/0.95 x the mean of exp(-300 r) over r log-uniform from 0.5 % to all."""
    sizes = 0.005 ** (1.0 - (np.arange(100_000) + 0.5) / 100_000)
    for calls in (200, 300, 400):
        odds = 0.05 / 0.95 * float(np.exp(-calls * sizes).mean())
        harm, high = _harm(0.0, 0.0, calls, _Law())
        assert harm == pytest.approx(odds / (1 + odds), rel=0.1)
        assert (harm <= IMPROBABLE) == (calls >= 300)
        assert high == pytest.approx(4.605 / calls, rel=0.01)


def test_a_past_of_bursts_hides_no_harm_that_lasts_and_keeps_nothing_open_that_few_calls_show() -> (
    None
):
    """Ten of 20,000 fail where bursts let expect 200: harm that counts would have failed a hundred
    more.
    """
    bursts = _Law(phi=60.0, shape=2.0)
    harm, high = _harm(10.0, 200.0, 20_000.0, bursts)
    assert harm <= IMPROBABLE
    assert high < 0.0011
    harm, _ = _harm(400.0, 200.0, 20_000.0, bursts)
    assert harm > 10 * IMPROBABLE


def test_a_rise_that_is_surely_below_the_floor_is_no_harm() -> None:
    """A quarter of a point more, in 20,000 calls of which next to none failed before, and in
    2,000, where it may be a whole one.
    """
    assert (
        _harm(50.0, 2.0, 20_000.0, _Law(shape=20.0))[0]
        <= IMPROBABLE
        < _harm(5.0, 0.2, 2_000.0, _Law(shape=20.0))[0]
    )


def test_where_less_is_bad_than_was_usual_and_hardly_any_call_there_is_no_harm() -> None:
    """Two of 2,500 where an incident of before lets expect 23, no two alike: harm would have been
    twelve more.
    """
    ragged = _Law(phi=60.0, shape=0.5)
    assert _harm(2.0, 23.0, 2_500.0, ragged)[0] <= IMPROBABLE
    assert _harm(8.0, 23.0, 1_000.0, ragged)[0] > IMPROBABLE, "five more would count"


def test_the_bound_of_what_was_added_holds_in_99_of_100_and_is_no_wider_than_it_must() -> None:
    """New and old version each with 2,000 calls of which 60 are usual; what is added by the one or
    the other is chance. By hand: 2.33 times the root of twice 60, and a little for small numbers.
    """
    rng = np.random.default_rng(5)
    law = _Law(shape=60.0)
    held = [
        _harm(float(bad), float(expected), 2000.0, _Law(shape=expected + 0.5))[1] >= 20 / 2000
        for bad, expected in zip(rng.poisson(80, 800), rng.poisson(60, 800), strict=True)
    ]
    assert np.mean(held) >= 0.98
    by_hand = 2.326 * (2 * 60.0) ** 0.5 / 2000.0
    assert by_hand <= _harm(60.0, 60.0, 2000.0, law)[1] <= 1.1 * by_hand


def at_once(traffic: list[Traffic], windows: int = 60) -> list[EdgeCell]:
    rows = cells(traffic, windows, share=steady(1.0), before=180)
    return [
        row for row in rows if row.callee_version == ("2.0.0" if row.window >= START else "1.9.0")
    ]


def test_a_version_that_never_met_the_old_one_gets_a_weaker_pass_and_no_more() -> None:
    told = judge(deploy(), at_once(small_shop()), (), (), SETTINGS, now_after(60))[0]
    assert told.outcome == "inconclusive"
    assert told.reasons[0].code == "weaker_pass"


@pytest.mark.parametrize(("harm", "weaker"), [(0.0, True), (0.03, False)])
def test_a_version_whose_predecessor_is_gone_after_a_minute_gets_a_weaker_pass_unless_it_is_worse(
    harm: float, *, weaker: bool
) -> None:
    """Ten per cent of the calls fail in half a minute before: a past like that keeps nothing open
    that the new version's calls show.
    """
    usual = Behaviour(latency=0.03, spread=0.5)
    shop = [
        replace(flow, outage=lambda window: 0.1 if -60 <= window < -57 else 0.0)
        for flow in small_shop(replace(usual, server_error=harm))
    ]
    rows = cells(shop, 60, share=lambda window: 0.5 if window < 6 else 1.0, before=180)
    rows = [row for row in rows if row.calls]
    told = judge(deploy(), rows, (), (), SETTINGS, now_after(60))[0]
    assert ("weaker_pass" in {reason.code for reason in told.reasons}) == weaker
    assert told.outcome == "inconclusive" or not weaker


@pytest.mark.parametrize(
    "new",
    [Behaviour(server_error=0.03, latency=0.03, spread=0.5), Behaviour(latency=0.06, spread=0.5)],
    ids=["errors", "twice as slow"],
)
def test_no_weaker_pass_for_harm(new: Behaviour) -> None:
    told = judge(deploy(), at_once(small_shop(new)), (), (), SETTINGS, now_after(60))[0]
    assert "weaker_pass" not in {reason.code for reason in told.reasons}


@pytest.mark.parametrize(("calls", "weaker"), [(3.0, False), (12.0, True)])
def test_the_later_half_of_few_calls_must_shut_out_harm_by_itself(
    calls: float, *, weaker: bool
) -> None:
    """Not one call of 180 fails in ten minutes: what began to leak after half of them may be there
    all the same.
    """
    quiet = [Traffic(edge(), calls, Behaviour(), Behaviour())]
    told = judge(deploy(), at_once(quiet), (), (), SETTINGS, now_after(60))[0]
    assert ("weaker_pass" in {reason.code for reason in told.reasons}) == weaker


@pytest.mark.parametrize("share", [1.0, 0.3], ids=["instead", "beside"])
def test_no_weaker_pass_for_what_begins_to_leak(share: float) -> None:
    """Half of one per cent of all its calls fail, all of them in the later half."""
    flow = Traffic(edge(), 20.0 / share, Behaviour(), Behaviour())
    rows = cells([flow], 60, share=steady(share), before=180)
    rows = [
        replace(row, failed=1, outcomes={**row.outcomes, "ok": row.calls - 1, "server_error": 1})
        if row.callee_version == "2.0.0" and row.window in LEAKING
        else row
        for row in rows
        if row.calls and (share < 1.0 or row.callee_version == "2.0.0" or row.window < START)
    ]
    told = judge(deploy(), rows, (), (), SETTINGS, now_after(60))[0]
    assert told.outcome != "pass"
    assert not {reason.code for reason in told.reasons} & set(WEAKER)


def test_an_incident_of_before_is_nothing_to_expect_and_hides_no_harm_that_lasts() -> None:
    for harm, weaker in ((0.035, False), (0.0, True)):
        hit = Traffic(
            edge(),
            200,
            Behaviour(0.001),
            outage=lambda w, harm=harm: 0.5 if -120 <= w < -100 else harm if w >= 0 else 0.0,
        )
        told = judge(deploy(), at_once([hit]), (), (), SETTINGS, now_after(60))[0]
        assert ("weaker_pass" in {reason.code for reason in told.reasons}) == weaker


def test_no_weaker_pass_in_the_first_minutes_nor_without_a_past() -> None:
    for rows, windows in (
        (at_once(small_shop(), 20), 20),
        ([row for row in at_once(small_shop()) if row.window >= START], 60),
    ):
        told = judge(deploy(), rows, (), (), SETTINGS, now_after(windows))[0]
        assert "weaker_pass" not in {reason.code for reason in told.reasons}


@pytest.mark.parametrize("seed", range(3))
def test_one_call_in_25_far_slower_is_no_pass_though_p90_stays(seed: int) -> None:
    rows = cells(small_shop(old=Behaviour()), QUARTER, share=steady(0.12), before=180, seed=seed)
    slow = chilled(rows, lambda window: 0.04 if window >= 0 else 0.0, Behaviour(latency=0.6), seed)
    usual, harmed = (
        judge(deploy(), some, (), (), SETTINGS, now_after(QUARTER))[0] for some in (rows, slow)
    )
    assert usual.outcome == "pass"
    assert harmed.outcome != "pass"
    codes = {why.code for judgement in harmed.edges for why in judgement.reasons}
    assert harmed.outcome == "fail" or "tail_possible" in codes


def eventful(new: Behaviour | None, seed: int, shape: str) -> list[EdgeCell]:
    """A canary of a third on busy edges, after an incident that was over, through a cold minute,
    or through an outage of both versions.
    """
    usual = Behaviour(server_error=0.001, latency=0.03, spread=0.5)
    hit = {
        "earlier": lambda window: 0.3 if -80 <= window < -66 else 0.0,
        "cold": lambda _: 0.0,
        "outage": lambda window: 0.2 if 24 <= window < 36 else 0.0,
    }[shape]
    traffic = [
        replace(flow, calls_per_window=4 * flow.calls_per_window, outage=hit)
        for flow in small_shop(new or usual, usual)
    ]
    rows = cells(traffic, QUARTER, share=steady(0.34), before=180, seed=seed)
    if shape != "cold":
        return rows
    return chilled(
        rows,
        lambda window: 1.0 if 0 <= window < 6 else 0.0,
        Behaviour(latency=0.12, spread=0.5),
        seed,
    )


@pytest.mark.parametrize("shape", [pytest.param("earlier", marks=pytest.mark.long), "cold"])
def test_an_earlier_incident_or_a_cold_minute_holds_back_no_pass(shape: str) -> None:
    told = [
        judge(deploy(), eventful(None, seed, shape), (), (), SETTINGS, now_after(QUARTER))[0]
        for seed in range(4)
    ]
    assert sum(result.outcome == "pass" for result in told) >= 3, [
        result.reasons[0] for result in told
    ]


@pytest.mark.parametrize(
    "shape",
    ["outage", *(pytest.param(shape, marks=pytest.mark.long) for shape in ("earlier", "cold"))],
)
@pytest.mark.parametrize(
    "new",
    [
        Behaviour(server_error=0.02, latency=0.03, spread=0.5),
        Behaviour(server_error=0.001, latency=0.06, spread=0.5),
    ],
    ids=["errors", "twice as slow"],
)
@pytest.mark.parametrize("seeds", [1, pytest.param(3, marks=pytest.mark.long)])
def test_and_no_harm_passes_for_them(new: Behaviour, shape: str, seeds: int) -> None:
    for seed in range(seeds):
        rows = eventful(new, seed, shape)
        for windows in (45, 60, QUARTER):
            seen = [row for row in rows if (row.window - START).total_seconds() < 10 * windows]
            assert judge(deploy(), seen, (), (), SETTINGS, now_after(windows))[0].outcome != "pass"


def test_a_few_bad_calls_that_shut_out_harm_of_a_size_that_counts_hold_back_no_other_edge() -> (
    None
):
    rows = cells(small_shop(), QUARTER, share=steady(0.12), before=180, seed=3)
    busy = edge(operation="GET /busy")
    more = cells(
        [Traffic(busy, 2000, Behaviour(0.0003), Behaviour(0.001))],
        QUARTER,
        share=steady(0.12),
        before=180,
        seed=3,
    )
    told = judge(deploy(), [*rows, *more], (), (), SETTINGS, now_after(QUARTER))[0]
    assert told.outcome == "pass"


def both_versions(window_harm: Callable[[int], float], seed: int) -> Verdict:
    """A ramp of four levels of three minutes each, in which calls of either version fail alike."""
    slowly = lambda window: (0.1, 0.3, 0.6, 0.9)[min(max(window, 0) // 18, 3)]  # noqa: E731
    traffic = [Traffic(edge(), 400, Behaviour(0.002), Behaviour(0.002), outage=window_harm)]
    rows = cells(traffic, 84, share=slowly, before=180, seed=seed)
    return judge(deploy(), rows, (), (), SETTINGS, now_after(84))[0]


@pytest.mark.parametrize("seeds", [1, pytest.param(3, marks=pytest.mark.long)])
def test_damage_to_what_both_share_never_passes_not_beside_an_outage_either(seeds: int) -> None:
    slowly = lambda window: (  # noqa: E731
        (0.1, 0.3, 0.6, 0.9)[min(max(window, 0) // 18, 3)] if window >= 0 else 0.0
    )
    for seed in range(seeds):
        for size in (0.03, 0.1, 0.2):
            for outage in (0.0, 0.2, 0.5):
                hit = lambda window, size=size, outage=outage: (  # noqa: E731
                    size * slowly(window) + outage * (20 <= window < 50)
                )
                assert both_versions(hit, seed).outcome != "pass"
    assert both_versions(lambda _: 0.0, 1).outcome == "pass"


@pytest.mark.parametrize(
    "incident",
    [range(-40, -25), range(-12, 0), range(-12, 18)],
    ids=["earlier", "up to it", "into it"],
)
def test_nor_does_it_hide_behind_an_incident_that_was_there_before(incident: range) -> None:
    slowly = lambda window: (  # noqa: E731
        (0.1, 0.3, 0.6, 0.9)[min(max(window, 0) // 18, 3)] if window >= 0 else 0.0
    )
    for size in (0.03, 0.2):
        hit = lambda window, size=size: size * slowly(window) + 0.45 * (window in incident)  # noqa: E731
        assert both_versions(hit, 2).outcome != "pass"
    assert both_versions(lambda window: 0.45 * (window in incident), 2).outcome == "pass"


@pytest.mark.parametrize("times", [5 * 10**7, 5 * 10**10])
@pytest.mark.parametrize(("share", "outcome"), [(0.3, "pass"), (1.0, "inconclusive")])
def test_calls_of_any_number_are_reckoned_with(times: int, share: float, outcome: str) -> None:
    """A window of 10^10 or 10^13 calls: neither whole numbers nor likelihoods run over."""
    rows = [
        replace(
            row,
            calls=row.calls * times,
            weighted_calls=row.weighted_calls * times,
            failed=row.failed * times,
            outcomes={name: count * times for name, count in row.outcomes.items()},
            conformance={},
            coverage={"both": row.calls * times},
            client_calls=row.calls * times,
            server_calls=row.calls * times,
            client_histogram={},
            server_histogram={place: n * times for place, n in row.server_histogram.items()},
            self_histogram={},
        )
        for row in cells(
            [Traffic(edge(), 200, Behaviour(0.1), Behaviour(0.1))],
            60,
            share=steady(share),
            before=60,
        )
    ]
    assert judge(deploy(), rows, (), (), JudgeSettings(), now_after(60))[0].outcome == outcome
