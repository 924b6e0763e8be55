"""Zones in rows of an outsider: a version that comes to them one after the other is judged zone by
zone.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.outside.rows import Row, endless_deploy, row
from tests.outside.test_judge import told

TURN = {"a": 0, "b": 8, "c": 16}


def shop(errors: float, *, clients: bool = False) -> list[Row]:
    rng = np.random.default_rng(7)
    rows: list[Row] = []
    for minute in range(-40, 30):
        for zone, begins in TURN.items():
            new = minute >= begins
            bad = int(rng.poisson(400 * (0.002 + errors * new)))
            version = "1.1" if new else "1.0"
            rows.append(
                row(
                    minute,
                    caller="web",
                    callee="pay",
                    side="server",
                    version=version,
                    count=400,
                    errors=bad,
                    zone=zone,
                )
            )
        if clients:
            rows.append(
                row(
                    minute,
                    caller="web",
                    callee="pay",
                    side="client",
                    version="7",
                    count=1200,
                    errors=0,
                )
            )
    return rows


@pytest.mark.parametrize(("errors", "verdict"), [(0.05, "fail"), (0.0, "inconclusive")])
def test_harm_that_comes_to_zones_in_turn_fails(
    errors: float, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(capsys, tmp_path, shop(errors), endless_deploy(version_to="1.1"))
    assert answer["verdict"] == verdict, answer["reason"]
    assert answer["reason"].startswith("weaker pass") == (verdict != "fail")


def test_on_edges_that_clients_tell_of_too_no_call_counts_twice_for_its_zone(
    tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(capsys, tmp_path, shop(0.0, clients=True), endless_deploy(version_to="1.1"))
    assert answer["verdict"] != "fail", answer["reason"]
    assert "one after the other" not in answer["reason"]


def test_calls_that_only_their_callee_tells_of_are_not_missed_of_a_version_in_some_zones(
    tmp_path: Path, capsys: Any
) -> None:
    """Before the deploy they were all the old version's; since then nobody tells whose
    they are.
    """
    below = [
        row(minute, caller="pay", callee="bank", version="7", count=1200)
        for minute in range(-40, 30)
    ]
    (said,) = told(capsys, tmp_path, [*shop(0.0), *below], endless_deploy(version_to="1.1"))
    assert (said["verdict"], said["culprit_edges"]) == ("inconclusive", []), said["reason"]
