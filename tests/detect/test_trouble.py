"""An outage beside a release: what a release cannot reach tells when nothing tells of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Verdict
from tests.detect.traffic import START, Behaviour, Traffic, cells, deploy, edge, now_after, steady

QUIET = Behaviour(0.002)
BEFORE, WINDOWS = 90, 60
SERVICES = {
    "web": edge("user", "web", "GET /"),
    "stock": edge("web", "stock", "GET /stock"),
    "admin": edge("user", "admin", "GET /"),
    "help": edge("user", "help", "GET /"),
}
USUAL = {"stock": Behaviour(0.05)}
Outage = Callable[[int], float]


def outage(begins: int, ends: int, share: float = 0.2) -> Outage:
    return lambda window: share if begins <= window < ends else 0.0


def around(ill: dict[str, Outage], windows: int) -> list[EdgeCell]:
    traffic = [
        Traffic(where, 300, USUAL.get(name, QUIET), outage=ill.get(name, lambda _: 0.0))
        for name, where in SERVICES.items()
    ]
    rows = cells(traffic, windows, share=steady(0.0), before=BEFORE, seed=11)
    return [replace(row, caller_version="", callee_version="3.0.0") for row in rows]


def judged(
    ill: dict[str, Outage],
    *,
    own: Outage = lambda _: 0.0,
    new: Behaviour = QUIET,
    share: float = 0.3,
    windows: int = WINDOWS,
    calls: float = 300.0,
) -> tuple[Verdict, Sequence[Finding]]:
    traffic = [Traffic(edge(), calls, QUIET, new, outage=own)]
    rows = cells(traffic, windows, share=steady(share), before=BEFORE)
    return judge(
        deploy(),
        rows,
        (),
        (),
        JudgeSettings(),
        now_after(windows),
        around=Around(around(ill, windows)),
    )


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize(
    ("begins", "ends", "strangers", "outcome"),
    [
        pytest.param(5, 20, ("stock", "admin"), "pass", id="strangers see it, and it is over"),
        pytest.param(-6, 12, ("admin",), "pass", id="it began before the release"),
        pytest.param(5, 20, (), "inconclusive", id="nobody else sees it"),
        pytest.param(30, 60, ("stock", "admin"), "inconclusive", id="it goes on"),
    ],
)
def test_what_strangers_suffer_too_holds_no_pass_back_once_it_is_over(
    begins: int, ends: int, strangers: tuple[str, ...], outcome: str
) -> None:
    """All that the release and its callers answer fails as well; one version stands beside the
    other, and both fail alike, so that only time tells.
    """
    ill = outage(begins, ends)
    verdict, findings = judged(dict.fromkeys(("web", *strangers), ill), own=ill)
    assert (verdict.outcome, list(findings)) == (outcome, []), codes(verdict)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_harm_is_found_beside_an_outage(share: float) -> None:
    ill = outage(5, 20)
    names = ("web", "stock", "admin")
    verdict, findings = judged(
        dict.fromkeys(names, ill), own=ill, new=Behaviour(0.06), share=share
    )
    assert verdict.outcome == "fail"
    assert {finding.edge for finding in findings} == {edge()}


def test_what_a_release_calls_by_whatever_way_is_no_stranger_to_it() -> None:
    ill = outage(5, 20)
    rows = around({"web": ill, "stock": ill}, WINDOWS)
    below = cells(
        [Traffic(edge("payment", "stock", "GET /stock"), 300, QUIET, QUIET, outage=ill)],
        WINDOWS,
        share=steady(0.3),
        before=BEFORE,
        role="caller",
    )
    own = cells(
        [Traffic(edge(), 300, QUIET, QUIET, outage=ill)],
        WINDOWS,
        share=steady(0.3),
        before=BEFORE,
    )
    verdict, _ = judge(
        deploy(),
        [*own, *below],
        (),
        (),
        JudgeSettings(),
        now_after(WINDOWS),
        around=Around(rows),
    )
    assert verdict.outcome != "pass"


@pytest.mark.parametrize(
    ("begins", "ends", "windows", "passes"),
    [
        pytest.param(14, 31, 50, True, id="over for three minutes"),
        pytest.param(14, 31, 43, False, id="over for two"),
        pytest.param(5, 45, 75, True, id="calm for two fifths of the time"),
        pytest.param(3, 58, 90, False, id="calm for a third of it"),
    ],
)
def test_an_outage_is_set_aside_once_it_is_over_and_as_long_as_enough_of_the_time_was_calm(
    begins: int, ends: int, windows: int, *, passes: bool
) -> None:
    """The versions never met: only time tells, and it is well but for the outage."""
    ill = outage(begins, ends)
    verdict, findings = judged(
        dict.fromkeys(("web", "stock", "admin"), ill), own=ill, windows=windows, share=1.0
    )
    assert findings == [] or not passes
    assert ("weaker_pass" in codes(verdict)) == passes, codes(verdict)


def test_callers_that_recover_while_the_version_serves_on_hold_no_pass_back() -> None:
    assert judged({"web": outage(3, 25, 0.05)})[0].outcome == "pass"
    verdict, _ = judged({"web": outage(3, 60, 0.005)})
    assert (verdict.outcome, codes(verdict)) == ("inconclusive", ["callers_fail"])


def test_callers_that_fail_by_what_strangers_hand_on_allow_a_weaker_pass() -> None:
    verdict, findings = judged(
        {"web": outage(0, WINDOWS, 0.015), "stock": outage(0, WINDOWS, 0.03)}, share=1.0
    )
    assert findings == []
    assert (codes(verdict)[0], "callers_explained" in codes(verdict)) == ("weaker_pass", True)
    verdict, findings = judged(
        {"web": outage(0, WINDOWS, 0.03), "stock": outage(0, WINDOWS, 0.015)}, share=1.0
    )
    assert "callers_explained" not in codes(verdict), "more fail than it hands on"
    assert codes(verdict)[0] != "weaker_pass"


def test_few_calls_without_harm_are_a_weaker_pass_before_they_are_a_pass() -> None:
    outcomes = [
        (verdict.outcome, codes(verdict)[0])
        for verdict, _ in (
            judged({}, calls=calls, share=0.1, new=Behaviour(), windows=31)
            for calls in (20.0, 110.0, 300.0)
        )
    ]
    assert outcomes == [
        ("inconclusive", "thin"),
        ("inconclusive", "weaker_pass_few"),
        ("pass", "no_relevant_harm"),
    ]


def plain(*traffic: Traffic) -> list[EdgeCell]:
    rows = cells(traffic, WINDOWS, share=steady(0.0), before=BEFORE, seed=17)
    return [replace(row, caller_version="", callee_version="3.0.0") for row in rows]


@pytest.mark.parametrize(("others", "holds"), [(0.0, True), (0.1, False)])
def test_calls_that_fail_since_a_release_hold_its_pass_back_where_others_do_not(
    others: float, holds: bool
) -> None:
    """Its calls to the bank do not tell its version."""
    rows = plain(
        Traffic(edge("payment", "bank", "POST /charge"), 300, QUIET, outage=outage(0, 60, 0.1)),
        Traffic(edge("shop", "bank", "POST /charge"), 300, QUIET, outage=outage(0, 60, others)),
    )
    own = cells([Traffic(edge(), 300, QUIET, QUIET)], WINDOWS, share=steady(0.3), before=BEFORE)
    around_it = Around([*rows, *around({}, WINDOWS)])
    now = now_after(WINDOWS)
    verdict, _ = judge(deploy(), own, (), (), JudgeSettings(), now, around=around_it)
    assert (verdict.outcome != "pass", "calls_fail" in codes(verdict)) == (holds, holds)


def bursts(*, before: bool, steadily: float = 0.0) -> Outage:
    """Two windows of each fifteen fail, since the release at least."""
    return lambda window: (
        (0.1 if window % 15 < 2 and (before or window >= 0) else 0.0)
        + (steadily if window >= 0 else 0.0)
    )


@pytest.mark.parametrize(
    ("failing", "holds"),
    [
        pytest.param(bursts(before=True), False, id="as ever"),
        pytest.param(bursts(before=False), True, id="since the release"),
        pytest.param(bursts(before=True, steadily=0.04), True, id="more beside them"),
        pytest.param(outage(4, 8, 0.1), False, id="it came and went"),
        pytest.param(outage(44, 48, 0.1), True, id="it has just gone"),
    ],
)
def test_calls_that_fail_in_bursts_are_held_against_a_past_of_bursts(
    failing: Outage, holds: bool
) -> None:
    rows = plain(
        Traffic(edge("payment", "bank", "POST /charge"), 300, QUIET, outage=failing),
        Traffic(edge("shop", "bank", "POST /charge"), 300, QUIET),
    )
    own = cells([Traffic(edge(), 300, QUIET, QUIET)], WINDOWS, share=steady(0.3), before=BEFORE)
    around_it = Around([*rows, *around({}, WINDOWS)])
    now = now_after(WINDOWS)
    verdict, _ = judge(deploy(), own, (), (), JudgeSettings(), now, around=around_it)
    assert ("calls_fail" in codes(verdict)) == holds
    assert (verdict.outcome == "pass") != holds


@pytest.mark.parametrize(
    ("minutes", "failing", "outcome"),
    [(None, 0.2, "fail"), (0, 0.2, "inconclusive"), (2, 0.2, "fail"), (2, 0.0, "inconclusive")],
)
def test_what_one_caller_alone_sees_may_be_its_own_releases_doing(
    minutes: int | None, failing: float, outcome: str
) -> None:
    """`minutes`: so much later that caller was released; `failing`: how many of its calls failed
    until then. What was there already it has not begun.
    """
    later = 6 * (minutes or 0)
    own = cells(
        [
            Traffic(edge(), 300, QUIET, QUIET, outage=lambda w: _rise(w, failing, later)),
            Traffic(edge("shop"), 300, QUIET, QUIET),
        ],
        WINDOWS,
        share=steady(1.0),
        before=BEFORE,
    )
    web = [
        deploy("web", "5.0.0", started=START + timedelta(minutes=after), first_traffic=None)
        for after in ([] if minutes is None else [minutes])
    ]
    verdict, findings = judge(deploy(), own, (), web, JudgeSettings(), now_after(WINDOWS))
    explained = [finding.explained.code for finding in findings if finding.explained]
    assert (verdict.outcome, explained) == (
        outcome,
        ["caller_released"] if outcome == "inconclusive" else [],
    )


def _rise(window: int, first: float, later: int) -> float:
    return 0.0 if window < 0 else first if window < later else 0.2
