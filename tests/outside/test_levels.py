"""Single numbers by the minute, without counts and callers: judged by their own past, in whatever
unit they are.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.outside.rows import AT, Row, deploy
from tests.outside.test_judge import told

HOURS = 26


def minutes(name: str, values: np.ndarray, column: str = "mean_ms") -> list[Row]:
    return [
        {
            "case": "c",
            "ts": AT + timedelta(minutes=minute - HOURS * 60),
            "step_s": 60,
            "caller": "<any>",
            "callee": name,
        }
        | {column: float(value)}
        for minute, value in enumerate(values)
    ]


def series(factor: float = 1.0, *, usual: float = 0.8, seed: int = 1) -> np.ndarray:
    """26 hours before the deploy and half an hour since, of which ten minutes are so many times
    higher.
    """
    rng = np.random.default_rng(seed)
    values = usual * (1.0 + 0.03 * rng.standard_normal(HOURS * 60 + 30))
    values[HOURS * 60 + 6 : HOURS * 60 + 16] *= factor
    return values


def judged(capsys: Any, folder: Path, rows: list[Row]) -> dict[str, Any]:
    (answer,) = told(capsys, folder, rows, deploy(version_from=None, version_to=None))
    return answer


@pytest.mark.parametrize("column", ["mean_ms", "p50_ms", "p99_ms"])
def test_a_number_that_leaves_its_past_fails_the_deploy(
    column: str, tmp_path: Path, capsys: Any
) -> None:
    answer = judged(capsys, tmp_path, minutes("pay", series(1.4), column))
    assert (answer["verdict"], answer["culprit_edges"][0]["caller"]) == ("fail", "<any>")


def test_a_number_as_ever_is_inconclusive_and_never_passes(tmp_path: Path, capsys: Any) -> None:
    answer = judged(capsys, tmp_path, minutes("pay", series()))
    assert answer["verdict"] == "inconclusive"
    assert "calls per bin are assumed" in answer["reason"]


@pytest.mark.parametrize(
    ("begins", "verdict"), [(6, "fail"), (20, "inconclusive"), (45, "inconclusive")]
)
def test_what_begins_much_later_is_of_another_moment(
    begins: int, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    values = 0.8 * (1.0 + 0.03 * np.random.default_rng(7).standard_normal(HOURS * 60 + 60))
    values[HOURS * 60 + begins : HOURS * 60 + begins + 10] *= 1.4
    assert judged(capsys, tmp_path, minutes("pay", values))["verdict"] == verdict


@pytest.mark.parametrize(("lasts", "verdict"), [(2, "inconclusive"), (12, "fail")])
def test_a_cold_start_that_a_minute_cuts_in_two_is_no_run_and_what_stays_is(
    lasts: int, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    values = 0.8 * (1.0 + 0.03 * np.random.default_rng(8).standard_normal(HOURS * 60 + 30))
    values[HOURS * 60 : HOURS * 60 + lasts] *= 3.0
    assert judged(capsys, tmp_path, minutes("pay", values))["verdict"] == verdict


def test_the_same_rise_twenty_hours_ago_explains_it(tmp_path: Path, capsys: Any) -> None:
    values = series(1.4)
    values[6 * 60 : 6 * 60 + 10] *= 1.4
    assert judged(capsys, tmp_path, minutes("pay", values))["verdict"] == "inconclusive"


@pytest.mark.parametrize(("stretches", "verdict"), [(7, "inconclusive"), (0, "fail")])
def test_what_a_number_does_every_few_hours_is_no_step_however_gross(
    stretches: int, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    """Forty minutes at twenty times the level, none of them in the last hours before."""
    values = series(seed=3)
    values[HOURS * 60 + 3 :] *= 20.0
    for stretch in range(stretches):
        values[30 + stretch * 180 : 70 + stretch * 180] *= 20.0
    answer = judged(capsys, tmp_path, minutes("pay", values))
    assert answer["verdict"] == verdict
    assert ("time and again" in answer["reason"]) == (stretches > 0)


def test_a_rise_of_all_nodes_is_not_this_deploys(tmp_path: Path, capsys: Any) -> None:
    later = series(1.0)
    later[HOURS * 60 :] *= 1.4
    others = [entry for place in range(3) for entry in minutes(f"node-{place}", later)]
    assert judged(capsys, tmp_path, minutes("pay", later) + others)["verdict"] == "inconclusive"
    assert judged(capsys, tmp_path, minutes("pay", later))["verdict"] == "fail"


@pytest.mark.parametrize(("factor", "verdict"), [(8.0, "fail"), (1.0, "inconclusive")])
def test_a_tail_told_as_a_number_beside_counts_is_judged_by_its_past(
    factor: float, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    rng = np.random.default_rng(5)
    rows: list[Row] = []
    for place in range(-72, 4):
        quantiles = {
            "p50_ms": 8.0,
            "p90_ms": 20.0,
            "p99_ms": 33.0 * (factor if place >= 0 else 1.0),
        }
        rows.append(
            {
                "case": "c",
                "ts": AT + timedelta(minutes=5 * place),
                "step_s": 300,
                "caller": "<any>",
                "callee": "pay",
            }
            | {"count": 1200, "errors": 0}
            | {
                name: value * (1.0 + 0.02 * rng.standard_normal())
                for name, value in quantiles.items()
            }
        )
    assert judged(capsys, tmp_path, rows)["verdict"] == verdict
