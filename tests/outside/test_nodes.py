"""Nodes whose callers nobody names: what happens to other nodes since a release may be its doing,
and is never passed over.

Nor is what their totals cannot show: a canary's harm to others drowns in them, so the most they
give is a weaker pass.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.outside.rows import Row, endless_deploy, row
from tests.outside.test_judge import told

SHARE = (0.1, 0.3, 0.6, 0.9)


def node(name: str, minute: int, calls: int, version: str | None = None, **changes: object) -> Row:
    return (
        row(minute, caller="<any>", callee=name, operation="", version=version, count=calls)
        | changes
    )


def shop(errors: float = 0.0, slower: float = 1.0, kept: float = 1.0) -> list[Row]:
    """An hour of `pay`, then 35 minutes of a ramp of its version 1.1; what happens to `front` and
    `bank` grows with the ramp.
    """
    rng = np.random.default_rng(5)
    rows: list[Row] = []
    for minute in range(-60, 35):
        share = 0.0 if minute < 0 else SHARE[min(minute // 4, 3)]
        new = round(2000 * share)
        for version, calls in (("1.0", 2000 - new), ("1.1", new)):
            if calls:
                rows.append(
                    node(
                        "pay",
                        minute,
                        calls,
                        version,
                        errors=int(rng.poisson(0.001 * calls)),
                        histogram=f"120:{calls}",
                    )
                )
        late = round(3000 * share) if slower > 1.0 else 0
        times = f"128:{3000 - late}" + (
            f" {128 + round(8 * np.log2(slower))}:{late}" if late else ""
        )
        failed = int(rng.poisson(3000 * (0.001 + errors * share)))
        rows.append(node("front", minute, 3000, "7", errors=failed, histogram=times))
        calls = int(rng.poisson(1500 * (1.0 - (1.0 - kept) * share)))
        rows.append(node("bank", minute, calls, "3", errors=0, histogram=f"110:{calls}"))
    return rows


@pytest.mark.parametrize(
    "harm",
    [{"errors": 0.03}, {"slower": 6.0}, {"kept": 0.2}],
    ids=["failing", "slower", "called less"],
)
def test_a_node_that_becomes_worse_with_the_ramp_of_another_holds_its_pass_back(
    harm: dict[str, float], tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(capsys, tmp_path, shop(**harm), endless_deploy(version_to="1.1"))
    assert answer["verdict"] == "inconclusive"
    assert "nobody tells who calls pay" in answer["reason"]


def test_and_where_nothing_happens_elsewhere_it_is_a_weaker_pass(
    tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(capsys, tmp_path, shop(), endless_deploy(version_to="1.1"))
    assert answer["verdict"] == "inconclusive"
    assert answer["reason"].startswith(
        "weaker pass: 1.1 answers no worse than 1.0, but only totals of pay are told"
    )
    alone = [entry for entry in shop() if entry["callee"] == "pay"]
    (answer,) = told(capsys, tmp_path, alone, endless_deploy(version_to="1.1"))
    assert answer["verdict"] == "pass"  # nobody else is told of at all: there is nobody to harm


@pytest.mark.parametrize(("kept", "weaker"), [(1.0, True), (0.5, False)])
def test_a_node_that_is_called_more_itself_harms_nobody_by_that(
    kept: float, *, weaker: bool, tmp_path: Path, capsys: Any
) -> None:
    """Half as many calls again of `pay` since its release; the others are called as ever, or one
    of them half as much.
    """
    rows = []
    for entry in shop(kept=kept):
        if entry["callee"] == "pay" and entry["version"] == "1.1":
            calls = round(entry["count"] * 1.5)
            entry = entry | {"count": calls, "histogram": f"120:{calls}"}  # noqa: PLW2901
        rows.append(entry)
    (answer,) = told(capsys, tmp_path, rows, endless_deploy(version_to="1.1"))
    assert answer["reason"].startswith("weaker pass") == weaker, answer["reason"]


@pytest.mark.parametrize(("kept", "verdict"), [(0.2, "inconclusive"), (1.0, "pass")])
def test_calls_that_a_version_makes_no_more_hold_its_pass_back_though_nobody_tells_which_version_calls(
    kept: float, verdict: str, tmp_path: Path, capsys: Any
) -> None:
    rows = [
        entry | {"caller": "web" if entry["callee"] == "pay" else "pay"}
        for entry in shop(kept=kept)
        if entry["callee"] != "front"
    ]
    (answer,) = told(capsys, tmp_path, rows, endless_deploy(version_to="1.1"))
    assert answer["verdict"] == verdict
    assert ("of these calls for each call it answers" in answer["reason"]) == (kept < 1.0)


def test_calls_to_where_none_went_before_hold_a_pass_back_too_though_nobody_tells_which_version_calls(
    tmp_path: Path, capsys: Any
) -> None:
    rows = [
        entry | {"caller": "web" if entry["callee"] == "pay" else "pay"}
        for entry in shop()
        if entry["callee"] != "front"
    ]
    strange = [node("archive", minute, 12, "2", caller="pay", errors=6) for minute in range(8, 35)]
    (answer,) = told(capsys, tmp_path, [*rows, *strange], endless_deploy(version_to="1.1"))
    assert (answer["verdict"], "of these calls for each call it answers" in answer["reason"]) == (
        "inconclusive",
        True,
    )


@pytest.mark.parametrize(
    "harm",
    [{}, {"errors": 0.3}, {"slower": 6.0}, {"kept": 0.2}],
    ids=["quiet", "failing", "slower", "called less"],
)
def test_nor_is_it_a_weaker_pass_where_the_versions_never_met(
    harm: dict[str, float], tmp_path: Path, capsys: Any
) -> None:
    rows = [entry for entry in shop(**harm) if entry["callee"] != "pay"]
    for minute in range(-60, 35):
        calls = {"errors": minute % 3, "histogram": "120:2000"}
        rows.append(node("pay", minute, 2000, "1.0" if minute < 0 else "1.1", **calls))
    (answer,) = told(capsys, tmp_path, rows, endless_deploy(version_to="1.1"))
    assert answer["verdict"] == "inconclusive"
    assert answer["reason"].startswith("weaker pass") == (not harm), answer["reason"]
