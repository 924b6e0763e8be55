"""Releases told beside each other where versions go by time alone: whose a step is that follows
two of them.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.outside.rows import AT, Row, deploy, row
from tests.outside.test_judge import told

UNTOLD = {"version_from": None, "version_to": None}


def node(minute: int, errors: int, name: str = "pay", **changes: object) -> Row:
    """A minute of 2,000 calls of which only the callee's total is told."""
    return (
        row(
            minute,
            caller="<any>",
            callee=name,
            operation="",
            version=None,
            histogram=None,
            count=2000,
            errors=errors,
        )
        | changes
    )


def failing_from(minute: int) -> list[Row]:
    """An hour that is well, then a third of all calls fail."""
    rng = np.random.default_rng(3)
    rows = []
    for place in range(-60, 30):
        bad = 700 if place >= minute else int(rng.poisson(10))
        rows += [node(place, bad), node(place, int(rng.poisson(10)), "stock")]
    return rows


@pytest.mark.parametrize(
    ("apart", "verdicts"),
    [
        (0, ("fail", "fail")),
        (40, ("fail", "inconclusive")),
        (110, ("fail", "inconclusive")),
        (600, ("inconclusive", "fail")),
    ],
)
def test_of_two_releases_of_a_service_the_second_is_judged_only_if_the_first_is_known(
    apart: int, verdicts: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two at one moment are one change; after ten quiet minutes of the first it is the second's."""
    later = AT + timedelta(seconds=apart)
    begins = max(2, apart // 60 + 1)
    first, second = told(
        capsys,
        tmp_path,
        failing_from(begins),
        deploy(version_from="1", version_to="2"),
        deploy(deploy_id="d2", at=later.isoformat(), version_from="2", version_to="3"),
    )
    assert (first["verdict"], second["verdict"]) == verdicts
    if verdicts[1] == "inconclusive":
        assert "pay 2 was released" in second["reason"]
        assert {"d1", "d2"} <= set(second["suspects"])


def test_a_release_that_is_told_without_its_version_is_a_suspect_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = (AT + timedelta(seconds=40)).isoformat()
    first, second = told(
        capsys,
        tmp_path,
        failing_from(2),
        deploy(**UNTOLD),
        deploy(deploy_id="d2", at=later, **UNTOLD),
    )
    assert (first["verdict"], second["verdict"]) == ("fail", "inconclusive")
    assert set(first["suspects"]) == {"d1", "d2"}
