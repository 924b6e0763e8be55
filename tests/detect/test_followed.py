"""Of releases of the same minutes the one is blamed whose share of the calls the harm follows; what
nobody can tell apart stays undecided.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.detect.evidence.exposure import CERTAIN, curves, likelier
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.columns import tables
from monitor.detect.measure.series import Around, Series
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Verdict
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

QUIET = Behaviour(0.002)
WINDOWS, BEFORE = 60, 90
BY_STEPS = (0.1, 0.3, 0.6, 1.0)


def by_steps(window: int) -> float:
    return BY_STEPS[min(max(window, 0) // 15, 3)]


def of_nobody(traffic: Sequence[Traffic], seed: int) -> list[EdgeCell]:
    rows = cells(traffic, WINDOWS, share=steady(0.0), before=BEFORE, seed=seed)
    return [replace(row, caller_version="", callee_version="3.0.0") for row in rows]


def beside(service: str, share: Share, later: int, seed: int) -> tuple[Deploy, list[EdgeCell]]:
    """Another service that web calls, whose release began so many windows later than payment's."""
    at = START + timedelta(seconds=10 * later)
    rows = cells(
        [Traffic(edge("web", service, "GET /"), 300, QUIET)],
        WINDOWS,
        share=lambda window: share(window - later) if window >= later else 0.0,
        before=BEFORE,
        seed=seed,
    )
    return deploy(service, "2.0.0", previous_version="1.9.0", started=at), rows


def judged(
    harm: Share, other: Share, later: int = 0, mine: Share = by_steps
) -> tuple[Verdict, list[Finding]]:
    """Payment's release, of which web fails by `harm` in each window, beside that of stock."""
    own = cells([Traffic(edge(), 300, QUIET, QUIET)], WINDOWS, share=mine, before=BEFORE)
    stock, calls = beside("stock", other, later, 5)
    answers = Traffic(
        edge("user", "web", "GET /"), 300, QUIET, outage=lambda w: harm(w) if w >= 0 else 0.0
    )
    stranger = Traffic(edge("user", "admin", "GET /"), 300, QUIET)
    around = [*of_nobody([answers, stranger], 11), *calls]
    settings = JudgeSettings()
    return judge(deploy(), own, (), [stock], settings, now_after(WINDOWS), around=Around(around))


def test_harm_that_follows_this_releases_share_is_its_own_whatever_was_released_beside_it() -> (
    None
):
    verdict, findings = judged(lambda window: 0.1 * by_steps(window), steady(0.5))
    assert verdict.outcome == "fail"
    assert {finding.edge.callee for finding in findings} == {"web"}


def test_harm_that_follows_the_others_share_is_that_ones_and_says_so() -> None:
    verdict, findings = judged(lambda window: 0.1 * by_steps(window), by_steps, mine=steady(0.5))
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert "callers_explained" in {reason.code for reason in verdict.reasons}


def test_two_that_took_over_alike_stay_undecided() -> None:
    verdict, findings = judged(lambda window: 0.1 * by_steps(window), by_steps)
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert "callers_fail" in {reason.code for reason in verdict.reasons}


def test_what_callers_fail_by_level_by_level_is_the_releases_though_few_calls_met_it() -> None:
    few = cells([Traffic(edge(), 30, QUIET, QUIET)], WINDOWS, share=by_steps, before=BEFORE)
    for harm, outcome in (
        (lambda window: 0.5 * by_steps(window), "fail"),
        (lambda window: 0.5 if window >= 0 else 0.0, "inconclusive"),
    ):
        answers = Traffic(
            edge("user", "web", "GET /"), 300, QUIET, outage=lambda w, h=harm: h(w) * (w >= 0)
        )
        stranger = Traffic(edge("user", "admin", "GET /"), 300, QUIET)
        around = Around(of_nobody([answers, stranger], 11))
        verdict, _ = judge(
            deploy(), few, (), (), JudgeSettings(), now_after(WINDOWS), around=around
        )
        assert verdict.outcome == outcome


def answers(harm: np.ndarray, seed: int) -> Series:
    rng = np.random.default_rng(seed)
    calls = rng.poisson(300, harm.size)
    return Series(
        np.arange(harm.size, dtype=np.int64) * 10, rng.binomial(calls, 0.01 + harm), calls
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_release_whose_share_nobody_tells_is_given_the_curve_that_suits_it_best(
    seed: int,
) -> None:
    windows = np.arange(120, dtype=np.int64) * 10
    (told,) = curves(
        tables(
            cells([Traffic(edge(), 300)], 60, share=by_steps, before=60, seed=seed),
            -np.inf,
            np.inf,
        ),
        "2.0.0",
        0.0,
        np.arange(-60, 60, dtype=np.int64) * 10 + int(START.timestamp()),
    )
    at_once = 0.1 * (windows >= 700)
    untold = curves((), "", 600.0, windows)
    assert abs(likelier(answers(at_once, seed), untold, untold, 600.0)) < CERTAIN
    follows = answers(0.1 * told, seed)
    assert likelier(follows, [told], untold, 600.0) > CERTAIN


@pytest.mark.parametrize("seed", range(20))
def test_harm_that_comes_and_goes_tells_no_release_from_another(seed: int) -> None:
    """Of an outage neither share explains more than the scatter that is left."""
    windows = np.arange(120)
    outage = np.where((windows >= 70) & (windows < 80), 0.3, 0.0)
    told = np.where(windows >= 60, 0.1, 0.0) + np.where(windows >= 90, 0.4, 0.0)
    later = np.where(windows >= 60, 0.3, 0.0)
    assert abs(likelier(answers(outage, seed), [told], [later], 600.0)) < CERTAIN


@pytest.mark.parametrize("seed", range(20))
def test_an_incident_that_was_over_before_tells_nothing_against_what_follows(seed: int) -> None:
    windows = np.arange(120)
    told = np.where(windows >= 60, 0.1, 0.0) + np.where(windows >= 90, 0.4, 0.0)
    later = np.where(windows >= 60, 0.3, 0.0)
    harm = 0.1 * told + np.where((windows >= 20) & (windows < 30), 0.5, 0.0)
    assert likelier(answers(harm, seed), [told], [later], 600.0) > CERTAIN
