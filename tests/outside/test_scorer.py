"""The scorer of the bench: what is counted as found, false, too late, rightly blamed."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.detection.peers import _split
from tests.bench.detection.score import FIGURES, Scored, interval


def one(
    case: str,
    *,
    bad: bool,
    verdict: str,
    minutes: float | None = 5.0,
    suspects: tuple[str, ...] = (),
    **more: object,
) -> Scored:
    truth = {
        "bad": bad,
        "harm_from": 60.0 if bad else None,
        "cause": "",
        "group": 1,
        "calls_per_minute": 20.0,
        "share": 1.0,
    } | more
    return Scored(
        case,
        truth,
        0.0,
        verdict,
        None if minutes is None else 60.0 * minutes,
        suspects,
        verdict == "fail",
    )


ROWS = [
    one("a", bad=True, verdict="fail"),
    one("b", bad=True, verdict="inconclusive", minutes=None),
    *(one(f"fine{place}", bad=False, verdict="pass") for place in range(9)),
    one("c", bad=False, verdict="fail", minutes=30.0),
]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("recall", 0.5),
        ("false", 0.1),
        ("F1", 0.5),
        ("prec@2%", 0.02 * 0.5 / (0.02 * 0.5 + 0.98 * 0.1)),
        ("pages/week", 0.1 * 6300 * 0.98),
        ("delay min", 4.0),
        ("false passes", 0.0),
        ("decided 15", 10 / 12),
    ],
)
def test_each_figure_counts_what_it_says(figure: str, value: float) -> None:
    assert FIGURES[figure](ROWS) == pytest.approx(value)


def test_a_pass_of_a_harmful_deploy_is_false_once_its_harm_began() -> None:
    soon, late = (one("a", bad=True, verdict="pass", minutes=minutes) for minutes in (0.5, 5.0))
    assert (FIGURES["false passes"]([soon]), FIGURES["false passes"]([late])) == (0.0, 1.0)


def test_a_weaker_pass_is_false_as_a_pass_is_and_is_a_decision_only_where_it_counts() -> None:
    busy = {"calls_per_minute": 300.0, "share": 0.5}
    harmless, harmful, quiet = (
        replace(
            one(name, bad=name == "bad", verdict="inconclusive", minutes=None, **busy | told),
            weaker_at=660.0,
        )
        for name, told in (("fine", {}), ("bad", {}), ("quiet", {"share": 0.05}))
    )
    caught = replace(one("caught", bad=True, verdict="fail", **busy), weaker_at=660.0)
    rows = [harmless, harmful, quiet, caught]
    assert [
        FIGURES[name](rows)
        for name in ("false passes", "weaker passes", "asked 15", "with weaker")
    ] == [0.0, 1.0, 0.0, 1.0]


def test_a_decision_is_waited_for_from_when_the_first_instance_is_there() -> None:
    late = one("late", bad=False, verdict="pass", minutes=22.0, calls_per_minute=300.0)
    ready = one(
        "late", bad=False, verdict="pass", minutes=22.0, calls_per_minute=300.0, ready_after=480.0
    )
    assert (FIGURES["asked 15"]([late]), FIGURES["asked 15"]([ready])) == (0.0, 1.0)


def test_blame_is_right_when_all_who_fail_name_the_harmful_one() -> None:
    group = {"cause": "x", "group": 2}
    guilty = one("a", bad=True, verdict="fail", suspects=("x",), **group)
    innocent, accused = (
        one("a", bad=False, verdict=verdict, suspects=("y",), **group)
        for verdict in ("pass", "fail")
    )
    assert FIGURES["attribution"]([guilty, innocent]) == 1.0
    assert FIGURES["attribution"]([guilty, accused]) == 0.0


def test_bounds_hold_the_figure_and_are_the_same_each_time() -> None:
    value, low, high = interval(ROWS, FIGURES["recall"])
    assert low <= value <= high
    assert interval(ROWS, FIGURES["recall"]) == (value, low, high)


def test_the_energy_split_finds_the_planted_change() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0.0, 1.0, 40), rng.normal(4.0, 1.0, 20)])
    place, size = _split(values)
    assert abs(place - 40) <= 1
    assert size > _split(rng.permutation(values))[1]
