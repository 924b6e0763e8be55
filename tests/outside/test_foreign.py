"""Files that others wrote: what cannot be is refused with its place, what is told twice counts
once, no failure is rounded away, and nothing of it ever passes or crashes.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from monitor.cli import main
from monitor.outside.counts import counts_of
from monitor.outside.files import edges_of
from tests.outside.rows import AT, Row, beside, deploy, minutes, replaced, row, written
from tests.outside.test_judge import refused, told

QUANTILES = {"histogram": None, "p50_ms": 20.0, "p90_ms": 26.0, "p99_ms": 40.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", float("inf")),
        ("count", 1e18),
        ("p50_ms", float("inf")),
        ("p99_ms", 1e300),
        ("step_s", float("inf")),
        ("histogram", "112:99999999999999999999"),
        ("histogram", "112:" + "9" * 5000),
        ("histogram", "112:\u00b2"),
        ("histogram", "9" * 30 + ":1"),
        ("ts", float("inf")),
        ("ts", 1e30),
    ],
)
def test_what_no_call_can_be_is_refused_with_row_and_column(
    name: str, value: object, tmp_path: Path, capsys: Any
) -> None:
    rows = minutes(beside({}))
    if name == "ts":
        rows = [{**entry, "ts": entry["ts"].timestamp()} for entry in rows]
    rows[7] = {**rows[7], name: value}
    error = refused(capsys, *written(tmp_path, rows, [deploy()]))
    assert "row 7" in error
    assert name in error
    assert "write" in error


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path, capsys: Any) -> None:
    edges, deploys = written(tmp_path, minutes(beside({})), [deploy()])
    table = pq.read_table(edges)
    pq.write_table(table.append_column("count", table.column("count")), edges)
    assert "column count stands there twice" in refused(capsys, edges, deploys)


@pytest.mark.parametrize("name", ["at", "evaluate_until", "data_from"])
def test_a_moment_beyond_all_calendars_is_refused(name: str, tmp_path: Path, capsys: Any) -> None:
    files = written(tmp_path, minutes(beside({})), [deploy(**{name: 1e300})])
    assert f"line 1: {name} is 1e+300" in refused(capsys, *files)


def test_rows_that_stand_there_twice_count_once_and_this_is_told(
    tmp_path: Path, capsys: Any
) -> None:
    rows = minutes(beside({}))
    few = [row(0, count=1, errors=0, histogram="112:1")] * 2
    read, aside = edges_of(written(tmp_path, [*rows, *rows, *few], [])[0])
    assert (aside.twice, aside.nowhere) == (len(rows), 0)
    assert len(read) == len(rows) + len(few), "single calls may be alike by chance"
    edges, deploys = written(tmp_path, rows * 2, [deploy()])
    with pytest.raises(SystemExit):
        main(["judge", "--edges", str(edges), "--deploys", str(deploys)])
    assert f"{len(rows)} rows stand there twice and count once" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["errors", "success_rate"])
def test_no_failure_is_rounded_away(how: str, tmp_path: Path, capsys: Any) -> None:
    """Forty-five of a hundred bins fail once, each told as .45 of a call."""
    part = {"errors": 0.45} if how == "errors" else {"errors": None, "success_rate": 1 - 0.45 / 20}
    rows = minutes(replaced(part, count=20, errors=0, histogram="112:20"))
    read, _ = edges_of(written(tmp_path, rows, [])[0])
    errors = counts_of(read, AT.timestamp()).errors
    assert abs(int(errors.sum()) - 30 * 0.45) <= 0.5
    assert int(errors.max()) == 1
    (answer,) = told(capsys, tmp_path, rows)
    assert answer["verdict"] == "fail"


def test_quantiles_that_fall_are_of_other_calls_and_never_pass(
    tmp_path: Path, capsys: Any
) -> None:
    rising, falling = (
        told(capsys, tmp_path, minutes(beside({}, **{**QUANTILES, "p99_ms": value})))[0]
        for value in (40.0, 4.0)
    )
    assert (rising["verdict"], falling["verdict"]) == ("pass", "inconclusive")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_version_that_is_said_to_have_stayed_is_held_against_no_other(
    version: str, tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(
        capsys,
        tmp_path,
        minutes(beside({})),
        deploy(version_from=version, version_to=version),
    )
    assert answer["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"case": "z"}, "no row is of case 'z'"),
        ({"service": "nobody"}, "no row of the time before evaluate_until tells of nobody"),
        ({"at": "2026-03-21T12:00:00Z", "evaluate_until": None}, "no bin of pay was over"),
    ],
)
def test_what_is_missing_where_there_is_nothing_to_judge_is_told(
    changes: Row, reason: str, tmp_path: Path, capsys: Any
) -> None:
    (answer,) = told(capsys, tmp_path, minutes(beside({})), deploy(**changes))
    assert (answer["verdict"], answer["reason"].startswith(reason)) == ("inconclusive", True)
