"""Harm that shows only in the callers: they fail their own requests since a release whose own
edges look equal.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import Finding, Verdict
from monitor.wording.findings import summary
from tests.detect.traffic import (
    START,
    Behaviour,
    Share,
    Traffic,
    cells,
    deploy,
    edge,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
WINDOWS, BEFORE = 30, 90
QUIET = Behaviour(0.002)
AT_ONCE = steady(1.0)
USERS = edge("user", "web", "GET /")


def since(harm: float, begins: int = 0) -> Traffic:
    """What web answers to its users: worse by `harm` from a window on."""
    return Traffic(
        edge("user", "web", "GET /"),
        300,
        QUIET,
        outage=lambda window: harm if window >= begins else 0.0,
    )


def of_nobody(
    traffic: Sequence[Traffic], seed: int = 11, windows: int = WINDOWS
) -> list[EdgeCell]:
    """Traffic that no version of the released service touches."""
    rows = cells(traffic, windows, share=steady(0.0), before=BEFORE, seed=seed)
    return [replace(row, caller_version="", callee_version="3.0.0") for row in rows]


def judged(
    around: Sequence[Traffic],
    *,
    share: Share = AT_ONCE,
    others: Sequence[Deploy] = (),
    windows: int = WINDOWS,
) -> tuple[Verdict, list[Finding]]:
    own = cells([Traffic(edge(), 300, QUIET, QUIET)], windows, share=share, before=BEFORE)
    now = now_after(windows)
    return judge(
        deploy(), own, (), others, SETTINGS, now, around=Around(of_nobody(around, windows=windows))
    )


STOCK = Traffic(edge("web", "stock", "GET /stock"), 300, QUIET)
STRANGER = Traffic(edge("user", "admin", "GET /"), 300, QUIET)


def test_callers_that_fail_their_own_requests_since_a_release_are_its_finding() -> None:
    for share in (AT_ONCE, steady(0.3)):
        verdict, (finding,) = judged([since(0.1), STOCK, STRANGER], share=share)
        assert verdict.outcome == "fail"
        assert (finding.edge.caller, finding.edge.callee, finding.signal, finding.strength) == (
            "user",
            "web",
            "errors",
            "weaker",
        )
        assert (finding.caller_version, finding.callee_version) == ("", "")


def test_more_failing_requests_than_met_the_new_version_are_not_its_alone() -> None:
    a_tenth = steady(0.1)
    assert len(judged([since(0.1), STOCK, STRANGER], share=a_tenth)[1]) == 1, (
        "each may have met it"
    )
    verdict, findings = judged([since(0.4), STOCK, STRANGER], share=a_tenth)
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert "callers_fail" in [reason.code for reason in verdict.reasons]


def test_callers_that_are_well_are_no_finding() -> None:
    for share in (AT_ONCE, steady(0.3)):
        assert judged([since(0.0), STOCK, STRANGER], share=share)[1] == []


def test_what_began_at_another_moment_is_not_the_releases() -> None:
    assert judged([since(0.1, begins=18), STOCK, STRANGER])[1] == []
    assert judged([since(0.1, begins=-12), STOCK, STRANGER])[1] == []
    verdict, found = judged([since(0.3, begins=14), STOCK, STRANGER], windows=90)
    assert (verdict.outcome, found) == ("inconclusive", []), (
        "two minutes in which it was well, as a quarter of an hour has them"
    )


def test_what_callers_failed_by_and_no_longer_do_though_the_version_serves_on_is_not_its() -> None:
    usual = replace(since(0.0), calls_per_window=30)
    for ends, found in ((35, 0), (10**6, 1)):
        outage = lambda w, ends=ends: 0.0 if w < 3 else 0.4 if w < ends else 0.01  # noqa: E731
        verdict, findings = judged([replace(usual, outage=outage), STOCK, STRANGER], windows=70)
        assert (len(findings), verdict.outcome == "fail") == (found, bool(found))


def test_callers_that_fail_a_little_more_hold_a_pass_back() -> None:
    for harm, outcome in ((0.0, "pass"), (0.005, "inconclusive")):
        verdict, found = judged([since(harm), STOCK, STRANGER], share=steady(0.3))
        assert (verdict.outcome, found) == (outcome, [])


def failing_as(level: Callable[[int], float]) -> list[str]:
    """Why nothing passes where web fails so much, window by window, and the release is well."""
    usual = Traffic(USERS, 300, Behaviour(0.02), outage=level)
    verdict, found = judged([usual, STOCK, STRANGER], share=steady(0.3))
    assert found == []
    return [reason.code for reason in verdict.reasons]


def test_what_callers_failed_by_before_and_go_on_to_as_they_did_holds_no_pass_back() -> None:
    """Two minutes and more before the release web began to fail, as it is an hour later."""
    assert "callers_fail" not in failing_as(lambda window: 0.3 if window >= -20 else 0.0)
    for ends, then in ((6, 0.1), (0, 0.1), (10, 0.6)):
        assert "callers_fail" in failing_as(
            lambda window, ends=ends, then=then: (
                (0.3 if window < ends else then) if window >= -20 else 0.0
            )
        ), "it is not as it was"


def test_callers_that_fail_no_more_than_in_some_span_before_hold_no_pass_back() -> None:
    """Half as much again, as for six minutes of the quarter of an hour before."""
    swings = range(-75, -39)
    assert "callers_fail" not in failing_as(
        lambda window: 0.012 if window >= 0 or window in swings else 0.0
    )
    assert "callers_fail" in failing_as(lambda window: 0.012 if window >= 0 else 0.0)
    assert "callers_fail" in failing_as(
        lambda window: 0.025 if window >= 0 else 0.012 if window in swings else 0.0
    )


def test_when_something_else_that_the_caller_calls_fails_it_is_that() -> None:
    failing = replace(STOCK, outage=lambda window: 0.2 if window >= 0 else 0.0)
    verdict, findings = judged([since(0.1), failing, STRANGER])
    assert findings == []
    assert verdict.outcome != "fail"


def test_when_those_who_do_not_call_it_fail_as_well_it_is_something_else() -> None:
    also = replace(STRANGER, outage=lambda window: 0.1 if window >= 0 else 0.0)
    assert judged([since(0.1), STOCK, also])[1] == []
    others = [
        replace(STRANGER, edge=edge("user", name, "GET /")) for name in ("blog", "help", "jobs")
    ]
    assert len(judged([since(0.1), STOCK, *others])[1]) == 1
    verdict, findings = judged([since(0.1), STOCK, also, *others])
    assert (verdict.outcome, findings) == ("inconclusive", []), (
        "one of four that fails as much tells of something else"
    )


@pytest.mark.parametrize(
    ("calls", "harm", "share", "whose"),
    [
        (300, 0.0, AT_ONCE, set()),
        (300, 0.1, AT_ONCE, {"web", "app"}),
        (5, 0.0, AT_ONCE, set()),
        (3, 0.0, AT_ONCE, {"web"}),
        (300, 0.0, steady(0.3), {"web"}),
        (300, 0.0, lambda window: min(1.0, 0.1 * (window + 1)), set()),
    ],
    ids=[
        "is well",
        "fails too",
        "calls it seldom",
        "hardly calls it",
        "versions met",
        "all harm at a tenth's share",
    ],
)
def test_where_only_the_moment_tells_a_caller_that_is_well_leaves_another_undecided(
    calls: int, harm: float, share: Share, whose: set[str]
) -> None:
    """Web fails since payment was released; app answers so many requests a window, and calls
    payment for each.
    """
    own = cells(
        [Traffic(edge(name), size, QUIET, QUIET) for name, size in (("web", 300), ("app", calls))],
        WINDOWS,
        share=share,
        before=BEFORE,
    )
    app = replace(since(harm), edge=edge("user", "app", "GET /"), calls_per_window=calls)
    around = Around(of_nobody([since(0.1), app, STRANGER]))
    verdict, found = judge(deploy(), own, (), (), SETTINGS, now_after(WINDOWS), around=around)
    assert {finding.edge.callee for finding in found} == whose
    assert verdict.outcome == ("fail" if whose else "inconclusive")
    doubts = [item.parameters for item in verdict.reasons if item.code == "callers_fail"]
    assert doubts == ([] if whose else [{"service": "web"}])


def test_two_releases_that_explain_it_alike_leave_it_undecided_and_nothing_passes() -> None:
    stock = deploy("stock", "5.0.0", previous_version="4.0.0")
    verdict, findings = judged([since(0.1), STOCK, STRANGER], share=steady(0.3), others=[stock])
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert [reason.parameters for reason in verdict.reasons if reason.code == "callers_fail"] == [
        {"service": "web"}
    ]


def test_a_caller_that_was_released_itself_answers_for_itself() -> None:
    web = deploy("web", "5.0.0", previous_version="4.0.0", started=START + timedelta(seconds=20))
    verdict, findings = judged([since(0.1), STOCK, STRANGER], share=steady(0.3), others=[web])
    assert findings == []
    assert verdict.outcome == "inconclusive"
    assert "callers_fail" in [reason.code for reason in verdict.reasons], (
        "it may be this release's all the same: no pass"
    )


def test_a_release_that_nobody_calls_the_failing_service_of_is_left_alone() -> None:
    elsewhere = deploy("search", "5.0.0", previous_version="4.0.0")
    assert len(judged([since(0.1), STOCK, STRANGER], others=[elsewhere])[1]) == 1


DEEP = edge("payment", "ledger", "POST /book")
LEDGER = deploy("ledger", "8.0.0", previous_version="7.0.0", started=START)


def of_the_group(
    harm: float, beside: float, *, others: Sequence[Deploy] = (LEDGER,)
) -> tuple[Verdict, list[Finding]]:
    """Payment was replaced at once and fails by `harm`; ledger, which it calls, was released then;
    so does `audit`, by `beside`.
    """
    step = lambda size: lambda window: size if window >= 0 else 0.0  # noqa: E731
    own = cells(
        [Traffic(edge(), 300, QUIET, QUIET, outage=step(harm))],
        WINDOWS,
        share=AT_ONCE,
        before=BEFORE,
    )
    around = [
        Traffic(DEEP, 300, QUIET), Traffic(edge("audit", "ledger", "POST /book"), 60, QUIET), STRANGER,
        Traffic(edge("admin", "audit", "GET /"), 20, QUIET, outage=step(beside)),
    ]  # fmt: skip
    return judge(
        deploy(), own, (), others, SETTINGS, now_after(WINDOWS), around=Around(of_nobody(around))
    )


def test_a_callee_whose_other_caller_fails_as_well_explains_both_though_it_has_few_calls() -> None:
    verdict, findings = of_the_group(0.1, 0.1)
    assert verdict.outcome == "inconclusive"
    assert findings
    assert all(
        finding.explained is not None and finding.explained.parameters["service"] == "ledger"
        for finding in findings
    )


def test_a_callee_whose_other_caller_is_well_or_that_was_not_released_explains_nothing() -> None:
    for verdict, findings in (of_the_group(0.1, 0.0), of_the_group(0.1, 0.1, others=())):
        assert verdict.outcome == "fail"
        assert all(finding.explained is None for finding in findings)


def of_the_slow_group(audit: float, *, gap: int = 0, mine: int = 0) -> list[Finding]:
    """Payment, replaced at once, is three times slower from window `mine` on; ledger, which it
    calls, was released `gap` windows later; audit calls that too, and is so many times slower.
    """
    began = START + timedelta(seconds=10 * gap)
    ledger = replace(LEDGER, started=began, first_traffic=began)

    def own(latency: float) -> list[EdgeCell]:
        new = replace(QUIET, latency=latency)
        return cells([Traffic(edge(), 40, QUIET, new)], WINDOWS, share=AT_ONCE, before=60)

    rows = own(0.06)
    if mine:
        rows = [row for row in own(0.02) if row.window < began] + [
            row for row in rows if row.window >= began
        ]
    calls = [Traffic(DEEP, 40, QUIET), Traffic(edge("audit", "ledger", "POST /book"), 10, QUIET)]
    above = slower(audit, begins=gap, who=edge("admin", "audit", "GET /"), seed=7)
    around = Around([*of_nobody(calls), *above])
    return judge(deploy(), rows, (), [ledger], SETTINGS, now_after(WINDOWS), around=around)[1]


@pytest.mark.parametrize(
    ("audit", "gap", "mine", "whose"),
    [
        (2.0, 0, 0, "ledger"),
        (3.0, 12, 12, "ledger"),
        (1.3, 0, 0, ""),
        (3.0, 12, 0, ""),  # payment was slow before ledger was released
    ],
)
def test_a_callee_whose_other_caller_became_as_slow_explains_both_and_one_that_did_not_neither(
    audit: float, gap: int, mine: int, whose: str
) -> None:
    findings = of_the_slow_group(audit, gap=gap, mine=mine)
    assert {finding.signal for finding in findings} == {"latency"}
    assert {
        finding.explained.parameters["service"] if finding.explained else ""
        for finding in findings
    } == {whose}


def test_a_release_further_below_leaves_it_undecided_only_where_those_that_call_it_fail_as_well() -> (
    None
):
    below = [
        Traffic(edge("payment", "ledger", "POST /book"), 100, QUIET),
        Traffic(edge("stock", "ledger", "POST /book"), 100, QUIET),
    ]
    for size, outcome in ((0.1, "inconclusive"), (0.0, "fail")):
        stock = Traffic(
            edge("shop", "stock", "GET /stock"),
            15,
            QUIET,
            outage=lambda window, size=size: size if window >= 0 else 0.0,
        )
        verdict, findings = judged([since(0.1), STOCK, STRANGER, *below, stock], others=[LEDGER])
        assert verdict.outcome == outcome
        assert bool(findings) == (outcome == "fail")


def slower(
    times: float, begins: int = 0, who: Edge = USERS, seed: int = 31, ends: int = WINDOWS
) -> list[EdgeCell]:
    """What web answers to its users: so many times slower from a window on, until another."""
    rows = of_nobody([Traffic(who, 300, QUIET)], seed)
    late = of_nobody([Traffic(who, 300, replace(QUIET, latency=0.02 * times))], seed)
    return [
        slow if begins <= (quiet.window - START).total_seconds() / 10 < ends else quiet
        for quiet, slow in zip(rows, late, strict=True)
    ]


def of_slow(
    rows: Sequence[EdgeCell],
    *,
    share: Share = AT_ONCE,
    others: Sequence[Deploy] = (),
    beside: Sequence[Traffic] = (STOCK, STRANGER),
    windows: int = WINDOWS,
) -> tuple[Verdict, list[Finding]]:
    own = cells([Traffic(edge(), 300, QUIET, QUIET)], windows, share=share, before=BEFORE)
    until = START + timedelta(seconds=10 * windows)
    around = Around([row for row in (*of_nobody(beside), *rows) if row.window < until])
    return judge(deploy(), own, (), others, SETTINGS, now_after(windows), around=around)


def test_callers_that_answer_slower_since_a_release_are_its_finding() -> None:
    for share in (AT_ONCE, steady(0.3)):
        verdict, findings = of_slow(slower(3.0), share=share)
        assert verdict.outcome == "fail"
        assert [
            (finding.edge.callee, finding.signal, finding.strength) for finding in findings
        ] == [("web", "latency", "weaker")]
        assert "against the time before" in summary(findings[0])


@pytest.mark.parametrize("seed", range(5))
def test_callers_that_are_as_fast_as_before_are_no_finding(seed: int) -> None:
    assert of_slow(slower(1.0, seed=seed))[1] == []


@pytest.mark.parametrize("begins", [-12, 18])
def test_callers_that_became_slower_at_another_moment_are_not_the_releases(begins: int) -> None:
    assert of_slow(slower(3.0, begins))[1] == []


def test_callers_that_wait_for_a_cold_start_are_no_finding() -> None:
    assert of_slow(slower(3.0, ends=6), windows=9)[1] == []
    assert len(of_slow(slower(3.0), windows=14)[1]) == 1


def test_callers_slowed_by_something_else_that_they_call_are_that_things() -> None:
    stock = slower(3.0, who=STOCK.edge, seed=5)
    assert of_slow([*slower(3.0), *stock], beside=(STRANGER,))[1] == []


def test_when_those_who_do_not_call_it_are_slower_as_well_it_is_something_else() -> None:
    assert (
        of_slow([*slower(3.0), *slower(3.0, who=STRANGER.edge, seed=6)], beside=(STOCK,))[1] == []
    )


@pytest.mark.parametrize("later", [0, 600])
def test_another_release_below_slower_callers_leaves_it_undecided(later: int) -> None:
    started = START + timedelta(seconds=later)
    stock = deploy("stock", "5.0.0", previous_version="4.0.0", started=started)
    verdict, findings = of_slow(slower(3.0), share=steady(0.3), others=[stock])
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert "callers_fail" in [reason.code for reason in verdict.reasons]


def test_a_caller_that_was_released_itself_is_slower_by_its_own_doing() -> None:
    web = deploy("web", "5.0.0", previous_version="4.0.0", started=START + timedelta(seconds=20))
    assert of_slow(slower(3.0), share=steady(0.3), others=[web])[1] == []


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def test_callers_are_held_against_the_time_before_the_new_version_first_answered_not_before_it_was_told() -> (
    None
):
    late = lambda window: 0.3 if window >= 15 else 0.0  # noqa: E731
    assert [finding.edge.callee for finding in of_slow(slower(3.0, 15), share=late)[1]] == ["web"]


@pytest.mark.parametrize(
    ("times", "share", "holds"),
    [(1.25, 0.05, True), (1.25, 0.9, True), (1.0, 0.3, False), (1.0, 0.9, False)],
)
def test_callers_a_little_slower_than_ever_hold_a_pass_back(
    times: float, share: float, holds: bool
) -> None:
    verdict, findings = of_slow(slower(times), share=steady(share))
    assert (findings, "callers_fail" in codes(verdict)) == ([], holds)


def test_slowness_that_one_of_two_sees_who_call_the_caller_holds_no_pass_back() -> None:
    partner = edge("partner", "web", "GET /")
    for both, outcome in ((False, "pass"), (True, "inconclusive")):
        seen = slower(1.2 if both else 1.0, who=partner, seed=8)
        verdict, _ = of_slow([*slower(1.2), *seen], share=steady(0.3))
        assert verdict.outcome == outcome
