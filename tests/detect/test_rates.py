"""The e-process for rates, its bounds, the exact test, e-BH."""

import math

import numpy as np
import pytest

from monitor.detect.evidence.before_after import (
    dose_over_step,
    dose_rates,
    dose_response,
    seasonal_rates,
    stands_out,
    step_test,
)
from monitor.detect.evidence.ebh import e_bh
from monitor.detect.evidence.equivalence import bounds, minimum_detectable_ratio
from monitor.detect.evidence.rate_tests import Rates, RateTest, rate_tests
from monitor.detect.evidence.rates import (
    EXPECTED,
    PRIOR,
    between_versions,
    dispersion,
    exact_tail,
    log_e_of_rates,
    surely_scattered,
    without_incident,
    without_rare_peaks,
)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def rate_test(
    windows: np.ndarray, new: tuple[np.ndarray, np.ndarray], old: tuple[np.ndarray, np.ndarray]
) -> RateTest:
    (test,) = rate_tests([Rates(windows, new, old)], 1.25)
    return test


def test_no_bad_call_is_no_evidence() -> None:
    test = rate_test(ints(0, 10), (ints(0, 0), ints(20, 20)), (ints(0, 0), ints(180, 180)))
    assert (test.log_e, test.ratio, test.new_calls, test.old_calls) == (0.0, None, 40, 360)


def test_everything_bad_on_the_new_side_is_evidence_from_two_windows() -> None:
    test = rate_test(ints(0, 10), (ints(20, 20), ints(20, 20)), (ints(0, 0), ints(180, 180)))
    assert test.log_e > math.log(1e6)
    assert test.bad_windows == 2
    assert test.ratio_low is not None
    assert test.ratio_low > 10
    assert test.ratio_high is None


def test_equal_rates_shrink_the_e_value_whatever_time_does_to_both() -> None:
    new, old = (ints(2, 20, 40), ints(100, 100, 100)), (ints(2, 20, 40), ints(100, 100, 100))
    test = rate_test(ints(0, 10, 20), new, old)
    assert test.log_e < 0
    assert test.ratio == pytest.approx(1.0)


def test_bounds_hold_the_ratio() -> None:
    test = rate_test(ints(0), (ints(60), ints(1000)), (ints(20), ints(1000)))
    assert test.ratio == pytest.approx(3.0)
    assert test.ratio_low is not None
    assert test.ratio_high is not None
    assert 1.5 < test.ratio_low < 3.0 < test.ratio_high < 6.0


def test_the_exact_test_equals_the_binomial_tail_in_one_stratum() -> None:
    p = 1.25 * 0.1 / (1.25 * 0.1 + 0.9)
    tail = sum(math.comb(20, k) * p**k * (1 - p) ** (20 - k) for k in range(8, 21))
    assert exact_tail((ints(8), ints(100)), (ints(12), ints(900)), 1.25) == pytest.approx(tail)
    assert exact_tail((ints(0), ints(100)), (ints(0), ints(900)), 1.25) == 1.0


def test_one_incident_that_came_and_went_says_nothing_of_how_errors_scatter() -> None:
    rng = np.random.default_rng(3)
    calls = np.full(90, 1000, dtype=np.int64)
    calm = rng.poisson(5.0, 90)
    incident = calm + np.where((np.arange(90) >= 40) & (np.arange(90) < 46), 200, 0)
    assert dispersion(incident, calls) > 20
    bad, left = without_incident(incident, calls)
    assert left.size in (83, 84)
    assert dispersion(bad, left) < 1.5
    assert without_incident(calm, calls)[0].size == 90, "where nothing stands out all of it stays"


def test_what_came_more_than_once_or_goes_on_is_no_incident_that_is_over() -> None:
    rng = np.random.default_rng(4)
    calls = np.full(90, 1000, dtype=np.int64)
    calm, place = rng.poisson(5.0, 90), np.arange(90)
    for again in ((place % 30 < 3), (place >= 84), (place < 30), np.ones(90, dtype=bool)):
        assert without_incident(calm + np.where(again, 200, 0), calls)[0].size == 90
    bursts = rng.poisson(1.0, 90) * rng.geometric(0.2, 90)
    bad, left = without_incident(bursts.astype(np.int64), calls)
    assert dispersion(bad, left) > 3
    few = without_incident(calm[:8] + ints(0, 0, 0, 200, 0, 0, 0, 0), calls[:8])
    assert few[0].size == 8, "of so short a past nobody knows what is usual"


@pytest.mark.parametrize(
    ("peaks", "kept"),
    [
        ({10: 200, 40: 150, 70: 250}, True),
        ({10: 200}, False),
        ({10: 200, 70: 200}, False),
        ({10: 200, 11: 200, 12: 200, 40: 100, 70: 100}, False),
        (dict.fromkeys(range(80, 90), 200), False),
    ],
    ids=["again and again", "once", "twice", "one is most of it", "it goes on"],
)
def test_peaks_that_come_again_and_again_are_how_a_past_is(
    peaks: dict[int, int], kept: bool
) -> None:
    calls, bad = np.full(90, 1000, dtype=np.int64), np.random.default_rng(4).poisson(5.0, 90)
    for place, more in peaks.items():
        bad[place] += more
    assert without_rare_peaks(bad, calls)[0].size == (90 if kept else 90 - len(peaks))


def test_bursts_raise_the_dispersion_and_a_drift_does_not() -> None:
    rng = np.random.default_rng(5)
    calls = np.full(180, 1000, dtype=np.int64)
    bursts = rng.poisson(1.0, 180) * rng.geometric(0.2, 180)
    drift = rng.poisson(np.linspace(2, 20, 180))
    assert dispersion(bursts.astype(np.int64), calls) > 4
    assert dispersion(drift.astype(np.int64), calls) < 1.5
    assert dispersion(ints(0, 0), ints(10, 10)) == 1.0


def test_e_bh_rejects_by_rank() -> None:
    assert e_bh([math.log(250.0), math.log(250.0), 0.0, 0.0], 0.01) == [True, True, False, False]
    assert e_bh([math.log(250.0), 0.0, 0.0, 0.0], 0.01) == [False, False, False, False]
    assert e_bh([], 0.01) == []


def test_equivalence_needs_calls() -> None:
    few = bounds((ints(0), ints(100)), (ints(0), ints(900)), (0, 100), 0.05, 1.0, 0.005)
    many = bounds((ints(0), ints(800)), (ints(0), ints(900)), (0, 800), 0.05, 1.0, 0.005)
    assert not few.equivalent(1.25, 0.005)
    assert many.equivalent(1.25, 0.005)
    assert few.calls_needed == pytest.approx(740, rel=0.1)


def test_equivalence_is_refused_where_the_rate_doubled() -> None:
    doubled = bounds(
        (ints(200), ints(10_000)), (ints(100), ints(10_000)), (200, 10_000), 0.05, 1.0, 0.005
    )
    assert not doubled.equivalent(1.25, 0.005)
    assert doubled.calls_needed is None


def test_the_minimum_detectable_ratio_falls_with_traffic() -> None:
    little = minimum_detectable_ratio(200, 1800, 0.01, 1.25, 0.01, 10)
    much = minimum_detectable_ratio(20_000, 180_000, 0.01, 1.25, 0.01, 10)
    assert little is not None
    assert much is not None
    assert 1.25 < much < 2 < little
    assert minimum_detectable_ratio(0, 100, 0.01, 1.25, 0.01, 10) is None


def test_a_step_must_beat_placebos_of_its_own_length() -> None:
    rng = np.random.default_rng(3)
    calls = np.full(60, 200, dtype=np.int64)
    quiet, after = rng.poisson(1, 60).astype(np.int64), rng.poisson(20, 12).astype(np.int64)
    assert step_test((quiet, calls), (after, calls[:12]), 1.0, 24).stands_out(110.0)
    stormy = quiet.copy()
    stormy[30:50] = 40
    assert not step_test((stormy, calls), (after, calls[:12]), 1.0, 24).stands_out(110.0)


def test_an_earlier_incident_shorter_than_the_harm_does_not_hide_it() -> None:
    rng = np.random.default_rng(3)
    calls = np.full(60, 200, dtype=np.int64)
    before, after = rng.poisson(1, 60).astype(np.int64), rng.poisson(20, 24).astype(np.int64)
    before[20:26] = 40
    assert step_test((before, calls), (after, calls[:24]), 1.0, 24).stands_out(230.0)
    passing = np.concatenate([after[:6], rng.poisson(1, 18)]).astype(np.int64)
    assert not step_test((before, calls), (passing, calls[:24]), 1.0, 24).stands_out(230.0)


def test_a_response_needs_three_doses() -> None:
    calls = np.full(12, 200, dtype=np.int64)
    share = np.repeat([0.1, 0.3, 0.7, 0.9], 3)
    rising = (200 * 0.3 * share).astype(np.int64)
    assert dose_response(rising, calls, share, np.zeros(12, dtype=np.int64), calls) > 4
    assert (
        dose_response(rising, calls, np.full(12, 0.5), np.zeros(12, dtype=np.int64), calls) == 0.0
    )


def test_two_days_of_history_make_a_seasonal_baseline_that_explains_the_evening() -> None:
    windows = np.arange(0, 3 * 86400, 60, dtype=np.int64)
    evening = (windows % 86400) >= 18 * 3600
    rng = np.random.default_rng(4)
    calls = np.full(windows.size, 200, dtype=np.int64)
    bad = rng.binomial(calls, np.where(evening, 0.10, 0.01)).astype(np.int64)
    later = np.arange(3 * 86400 + 18 * 3600, 3 * 86400 + 19 * 3600, 60, dtype=np.int64)
    before, after = seasonal_rates(windows, bad, calls, later)
    assert before[evening].mean() == pytest.approx(0.10, rel=0.1)
    assert after.mean() == pytest.approx(0.10, rel=0.15)


def test_what_hits_both_versions_in_a_window_is_no_scatter_between_them_and_what_hits_one_is() -> (
    None
):
    rng = np.random.default_rng(9)
    calls = np.full(60, 1000, dtype=np.int64)
    both = np.where(rng.random(60) < 0.1, 0.2, 0.005)
    k, s = rng.binomial(calls, both), rng.binomial(calls, both)
    assert dispersion(s, calls) > 20
    alike = between_versions((k, calls), (s, calls))
    assert alike is not None
    assert alike < 2.0
    for factor in (1.0, 3.0):  # harm by itself is no scatter
        harmed = between_versions(
            (rng.binomial(calls, np.minimum(factor * both, 1.0)), calls), (s, calls)
        )
        assert harmed is not None
        assert harmed < 4.0
    alone = between_versions((rng.binomial(calls, rng.permutation(both)), calls), (s, calls))
    assert alone is not None
    assert alone > 10
    assert between_versions((k[:5], calls[:5]), (s[:5], calls[:5])) is None


def test_incidents_of_both_versions_widen_no_bound_of_their_difference_and_harm_stays_in_it() -> (
    None
):
    rng = np.random.default_rng(10)
    calls = np.full(90, 400, dtype=np.int64)
    both = np.where(np.arange(90) % 20 == 7, 0.1, 0.003)
    old = rng.binomial(calls, both)
    phi = dispersion(old, calls)
    for added, within in ((0.0, True), (0.02, False)):
        new = rng.binomial(calls, np.minimum(both + added, 1.0))
        beside = between_versions((new, calls), (old, calls))
        told = bounds(
            (new, calls),
            (old, calls),
            (int(new.sum()), int(calls.sum())),
            0.05,
            phi,
            0.005,
            beside,
        )
        assert told.equivalent(1.25, 0.005) == within
        if within:
            wide = bounds(
                (new, calls), (old, calls), (int(new.sum()), int(calls.sum())), 0.05, phi, 0.005
            )
            assert not wide.equivalent(1.25, 0.005)


def test_rates_that_grow_with_the_share_are_told_from_what_is_there_without_it() -> None:
    share = np.repeat([0.1, 0.3, 0.6, 0.9], 24)
    calls = np.full(96, 400, dtype=np.int64)
    dose = np.random.default_rng(6).binomial(calls, 0.005 + 0.2 * share).astype(np.int64)
    low, added = dose_rates(dose, calls, share)
    assert low == pytest.approx(0.005, abs=0.006)
    assert added == pytest.approx(0.2, abs=0.02)


def test_a_short_past_does_for_what_is_ten_times_as_bad_and_stays_and_for_nothing_less() -> None:
    assert stands_out(4, 4, 20.0, 120.0)
    for less in ((2, 2, 20.0, 120.0), (4, 3, 20.0, 120.0), (4, 4, 5.0, 120.0), (4, 4, 20.0, 30.0)):
        assert not stands_out(*less)


def test_one_window_of_many_makes_no_step() -> None:
    rng = np.random.default_rng(4)
    before = rng.poisson(1.5, 60), np.full(60, 140)
    ones = np.full(11, 170)
    spike = np.array([1, 3, 5, 4, 68, 4, 3, 4, 5, 2, 2])
    harm = rng.poisson(9.0, 11)
    once, always = (step_test(before, (bad, ones), 1.0, 24) for bad in (spike, harm))
    assert once.log_e < 5.0 < always.log_e


def test_what_trebles_at_a_tenth_of_the_calls_weighs_more_than_under_an_even_prior() -> None:
    share = np.full(60, 0.1)
    bad, usual = np.full(60, 0.6), np.full(60, 1.8)
    even, expected = (
        log_e_of_rates(bad, usual, share, 1.25, prior) for prior in (PRIOR, EXPECTED)
    )
    assert expected > even + 0.4
    alike = log_e_of_rates(usual / 9.0, usual, share, 1.25, EXPECTED)
    assert alike < 0.0


def test_a_measured_dispersion_counts_as_far_as_it_is_surely_more_than_chance() -> None:
    assert surely_scattered(1.05, 72) == 1.0
    assert 8.0 < surely_scattered(9.0, 150) < 9.0


def test_a_dose_that_is_surely_no_likelier_than_a_step_need_not_be_fitted() -> None:
    """The bound never hides what the fit would show."""
    rng = np.random.default_rng(11)
    shown = 0
    for draw in range(60):
        share = np.concatenate([np.zeros(30), np.repeat([0.1, 0.3, 0.6, 1.0], 12)])
        calls = rng.poisson(rng.choice([30, 400]), share.size)
        bad = rng.binomial(calls, np.minimum(0.004 + rng.choice([0.0, 0.01, 0.08]) * share, 1.0))
        exact = dose_over_step(bad, calls, share, -math.inf)
        screened = dose_over_step(bad, calls, share, 6.9)
        assert screened == (exact if screened else 0.0), draw
        assert screened or exact < 6.9, draw
        shown += bool(screened)
    assert 0 < shown < 60
