"""A service that is hardly called: gross slowness shows, and nothing less does; slowness that a cold
start's end leaves is none of a cold start.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy

from monitor.detect.evidence.few_calls import few_calls_test
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding
from tests.detect.traffic import Behaviour, cell, deploy, edge, histogram, now_after

LOWEST, BUCKETS = 100, 200
SETTINGS = JudgeSettings()
Law = Callable[[int, np.random.Generator], float]
"""Seconds of a call in a window (of 10 s; the deploy is at 0)."""


def windows(*seconds: float) -> np.ndarray:
    """A histogram of one call for each, in a window of its own."""
    places = np.floor(8.0 * np.log2(np.array(seconds) * 1e6)).astype(int) - LOWEST
    return np.eye(BUCKETS)[places]


def test_a_dozen_calls_tell_of_what_is_a_hundred_times_slower() -> None:
    usual = (0.009, 0.011, 0.013, 0.01, 0.012, 0.012, 0.009, 0.01, 0.011, 0.012)
    test = few_calls_test(windows(*usual), windows(1.0, 1.1, 2.0, 0.9, 1.0, 1.1), LOWEST)
    assert test is not None
    assert test.lasting
    assert test.beaten == test.placebos
    assert np.log(50) < test.step < test.middle < np.log(150)
    assert test.log_e == pytest.approx(np.log(8008 / 2))  # six of sixteen windows, the last ones
    assert few_calls_test(windows(*usual), windows(1.0, 1.1, 2.0), LOWEST) is None
    assert few_calls_test(windows(*usual[:4]), windows(*[1.0] * 6), LOWEST) is None


@pytest.mark.parametrize(
    ("before", "since"),
    [
        ((0.01,) * 10, (0.025,) * 6),
        ((0.01,) * 10, (1.0, 1.0, 1.0, 0.01, 0.01, 0.01)),
    ],
    ids=["not gross", "half of the calls"],
)
def test_less_than_gross_is_nothing_here(
    before: tuple[float, ...], since: tuple[float, ...]
) -> None:
    assert few_calls_test(windows(*before), windows(*since), LOWEST) is None


def test_what_is_usual_for_some_calls_is_no_evidence() -> None:
    for before in ((0.01, 1.0) * 5, (0.01, 0.01, 1.0) * 5):
        test = few_calls_test(windows(*before), windows(*[1.0] * 6), LOWEST)
        assert test is None or test.log_e < np.log(40.0)


def test_the_evidence_is_that_of_the_exact_rank_test() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        before = 0.01 * np.exp(rng.normal(size=rng.integers(8, 30)))
        since = 0.08 * np.exp(rng.normal(size=rng.integers(5, 30)))
        test = few_calls_test(windows(*before), windows(*since), LOWEST)
        if test is not None:
            places = [np.argmax(windows(*part), axis=1) for part in (before, since)]
            ranks = scipy.stats.mannwhitneyu(
                places[0] + 0.5 * np.isin(places[0], places[1]),  # ties count against the deploy
                places[1],
                alternative="less",
                method="exact",
            )
            assert test.log_e == pytest.approx(-np.log(2.0 * ranks.pvalue), rel=1e-6)


def test_an_earlier_run_as_slow_and_neighbours_that_are_count_against_it() -> None:
    usual, since = (0.01,) * 12, windows(*[0.2] * 6)
    alone = few_calls_test(windows(*usual), since, LOWEST)
    once_before = few_calls_test(windows(*usual[:6], *[0.2] * 5, *usual), since, LOWEST)
    just_before = few_calls_test(windows(*usual, 0.2, 0.2), since, LOWEST)
    assert alone is not None
    assert once_before is not None
    assert once_before.beaten < once_before.placebos
    assert just_before is not None
    assert not just_before.lasting
    assert few_calls_test(windows(*usual), since, LOWEST, grown=np.log(10.0)) is None


def test_where_there_are_calls_enough_blocks_tell() -> None:
    assert few_calls_test(windows(*[0.01] * 100), windows(*[1.0] * 50), LOWEST) is None


def test_what_is_the_same_is_hardly_ever_called_slower() -> None:
    """By laws with long tails, several calls a window, and slow spells of three windows."""
    rng, false, drawn = np.random.default_rng(5), 0, 3_000
    for _ in range(drawn):
        spread, spell = rng.choice([0.3, 1.0, 2.0]), rng.random() < 0.5
        counts = rng.poisson(rng.choice([0.5, 1.0, 2.0]), 40)
        slow = np.repeat(rng.random(14) < 0.2, 3)[:40] if spell else np.zeros(40, dtype=bool)
        parts = [
            windows(
                *np.clip(0.02 * np.exp(spread * rng.normal(size=n)) * (20 if s else 1), 1e-3, 100)
            ).sum(axis=0)
            for n, s in zip(counts, slow, strict=True)
            if n
        ]
        held, cut = np.array(parts), int(len(parts) * 0.6)
        test = few_calls_test(held[:cut], held[cut:], LOWEST)
        false += (
            test is not None
            and test.lasting
            and test.beaten == test.placebos
            and test.log_e >= np.log(20.0)
        )
    assert false <= drawn / 200


def found(law: Law, windows: int, every: int = 3, seed: int = 3) -> list[Finding]:
    """A service called once in so many windows, replaced at once by one instance."""
    rng = np.random.default_rng(seed)
    rows: list[EdgeCell] = []
    for window in range(-120, windows):
        if window % every:
            continue
        version = "2.0.0" if window >= 0 else "1.9.0"
        shape = histogram(np.array([law(window, rng)]))
        row = cell(window, edge(), "1.0.0", version, 1, Behaviour(), rng)
        rows.append(
            replace(row, client_histogram=shape, server_histogram=shape, self_histogram=shape)
        )
    return judge(deploy(), rows, (), (), SETTINGS, now_after(windows))[1]


def usually(rng: np.random.Generator) -> float:
    return 0.02 * float(np.exp(0.3 * rng.normal()))


@pytest.mark.parametrize("seed", range(5))
def test_a_call_in_half_a_minute_is_judged(seed: int) -> None:
    slow: Law = lambda window, rng: usually(rng) * (80.0 if window >= 0 else 1.0)  # noqa: E731
    same: Law = lambda _, rng: usually(rng)  # noqa: E731
    (finding,) = found(slow, 36, seed=seed)
    assert (finding.signal, finding.role) == ("latency", "root")
    assert found(same, 36, seed=seed) == []


@pytest.mark.parametrize("seed", range(5))
def test_slowness_that_stays_is_told_of_from_the_first_call(seed: int) -> None:
    """Two minutes after it began there is one minute of warm calls; a cold start gets better."""
    stays: Law = lambda window, rng: usually(rng) * (60.0 if window >= 0 else 1.0)  # noqa: E731
    cold: Law = lambda window, rng: (  # noqa: E731
        usually(rng) * (60.0 if 0 <= window < 6 else 2.0 if window >= 6 else 1.0)
    )
    assert found(stays, 12, every=1, seed=seed)
    assert found(cold, 12, every=1, seed=seed) == []
