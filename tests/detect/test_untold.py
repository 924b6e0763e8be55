"""Calls whose rows do not tell which version made them: retries and calls gone astray are found by
the new version's share, what befalls everybody or is sampled otherwise is not.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import Finding, Verdict
from tests.detect.traffic import Behaviour, Traffic, cells, deploy, edge, now_after, steady

BEFORE, WINDOWS = 120, 72
QUIET = Behaviour(0.002)
TO_BANK, TO_MAIL = edge("payment", "bank", "POST /charge"), edge("payment", "mail", "POST /send")
TO_STOCK = edge("payment", "stock", "POST /charge")
Rate = Callable[[int], float]


def rising(window: int) -> float:
    """The new version's share: to all in four steps."""
    return min(1.0, 0.25 * (1 + max(window, 0) // 12)) if window >= 0 else 0.0


def always(_: int) -> float:
    return 0.0


def by_share(size: float) -> Rate:
    return lambda window: size * rising(window)


def from_once(size: float) -> Rate:
    return lambda window: size if window >= 20 else 0.0


def untold(where: Edge, load: Rate, failing: Rate = always) -> list[EdgeCell]:
    """So many times the usual calls, of which so many fail; no row names a version."""
    rows = cells(
        [Traffic(where, 200, QUIET, QUIET, outage=failing, load=load)],
        WINDOWS,
        share=steady(0.0),
        before=BEFORE,
        seed=len(where.callee + where.caller),
    )
    return [replace(row, caller_version="", callee_version="") for row in rows]


def judged(*around: list[EdgeCell]) -> tuple[Verdict, list[Finding]]:
    own = cells([Traffic(edge(), 200, QUIET, QUIET)], WINDOWS, share=rising, before=BEFORE)
    neighbours = [row for rows in around for row in rows]
    return judge(
        deploy(), own, (), (), JudgeSettings(), now_after(WINDOWS), around=Around(neighbours)
    )


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [
        (finding.evidence.fanout.kind, finding.edge.callee)
        for finding in findings
        if finding.evidence.fanout
    ]


@pytest.mark.parametrize(
    ("more", "failing", "others", "is_told"),
    [
        pytest.param(by_share(2.0), by_share(0.4), always, True, id="others are well"),
        pytest.param(by_share(2.0), by_share(0.4), None, True, id="follows the share"),
        pytest.param(from_once(2.0), from_once(0.4), None, False, id="at some moment"),
        pytest.param(by_share(2.0), by_share(0.4), by_share(0.4), False, id="all who call it"),
        pytest.param(by_share(2.0), always, always, False, id="none of them fails"),
        pytest.param(always, by_share(0.4), always, False, id="no more of them"),
    ],
)
def test_calls_made_again_as_the_share_grows_are_the_releases(
    more: Rate, failing: Rate, others: Rate | None, is_told: bool
) -> None:
    mine = untold(TO_BANK, lambda window: 1.0 + more(window), failing)
    beside = untold(edge("shop", "bank", "POST /charge"), lambda _: 1.0, others) if others else []
    verdict, findings = judged(mine, beside, untold(TO_MAIL, lambda _: 1.0))
    assert kinds(findings) == ([("repeated", "bank")] if is_told else [])
    assert (verdict.outcome == "fail") == is_told
    if is_told:
        assert findings[0].strength == "weaker"


@pytest.mark.parametrize(
    ("gone", "came", "is_told"),
    [
        pytest.param(by_share(0.7), by_share(0.7), True, id="the same elsewhere"),
        pytest.param(by_share(0.7), by_share(0.1), False, id="hardly any elsewhere"),
        pytest.param(always, by_share(0.7), False, id="none is gone"),
        pytest.param(by_share(0.7), lambda _: 0.7, False, id="called before"),
    ],
)
def test_calls_gone_astray_as_the_share_grows_are_the_releases(
    gone: Rate, came: Rate, is_told: bool
) -> None:
    mine = untold(TO_BANK, lambda window: 1.0 - gone(window))
    astray = untold(TO_STOCK, came)
    verdict, findings = judged(
        mine, [row for row in astray if row.calls], untold(TO_MAIL, lambda _: 1.0)
    )
    assert kinds(findings) == ([("misrouted", "stock")] if is_told else [])
    assert (verdict.outcome == "fail") == is_told


@pytest.mark.parametrize(("operation", "is_told"), [("POST /charge", True), ("PUT /log", False)])
def test_a_new_dependency_that_answers_is_no_strange_place(operation: str, is_told: bool) -> None:
    mine = untold(TO_BANK, lambda window: 1.0 - by_share(0.7)(window))
    came = untold(replace(TO_STOCK, operation=operation), by_share(0.7))
    _, findings = judged(mine, [row for row in came if row.calls], untold(TO_MAIL, lambda _: 1.0))
    assert bool(kinds(findings)) == is_told
