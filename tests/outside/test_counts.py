"""Calls that are assumed where only rates are told: no more than the rates' own fractions speak
for, and nothing of what comes later.
"""

from pathlib import Path

import pytest

from monitor.outside.cells import Recording
from monitor.outside.counts import FEWEST, MOST, USUAL, counts_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.releases import Releases
from tests.outside.rows import AT, Row, deploy, row, written

NONE: Row = {"count": None, "errors": None, "histogram": None, "p95_ms": 30.0}


def calls_of(folder: Path, rates: list[float], version: str = "1.1", begins: int = 0) -> list[int]:
    """Assumed calls of the version's bins; the old version, of many calls, is told before."""
    old = [row(minute, **NONE, success_rate=0.99712345) for minute in range(-20, 0)]
    new = [
        row(begins + place, **NONE, version=version, success_rate=rate)
        for place, rate in enumerate(rates)
    ]
    rows, _ = edges_of(written(folder, [*old, *new], [])[0])
    counts = counts_of(rows, AT.timestamp())
    return counts.calls[rows.version.is_any(version)].tolist()


def test_a_rate_that_is_a_fraction_of_few_calls_is_of_few_calls(tmp_path: Path) -> None:
    assert calls_of(tmp_path, [1.0, round(8 / 9, 6), 1.0, round(2 / 3, 6)]) == [FEWEST, 9, 9, 6]


def test_what_comes_later_has_no_part_in_it(tmp_path: Path) -> None:
    rates = [1.0, round(8 / 9, 6), 1.0, round(6 / 7, 6), 1.0]
    for size in (1, 2, 3, 4):
        assert calls_of(tmp_path, rates[:size]) == calls_of(tmp_path, rates)[:size]


@pytest.mark.parametrize(
    "rates", [[0.99, 0.98, 0.95], [0.99712345, 0.99634567, 0.99812345]], ids=["rounded", "of many"]
)
def test_rates_of_few_digits_or_of_many_calls_tell_nothing(
    rates: list[float], tmp_path: Path
) -> None:
    assert set(calls_of(tmp_path, rates)) <= {USUAL, MOST}


def test_the_slowest_of_few_calls_is_no_level(tmp_path: Path) -> None:
    """Nine calls a minute, of which the p95 is the slowest one: it leaps when it likes."""
    known = {}
    for few in (True, False):
        rate = round(8 / 9, 6) if few else 0.99712345
        rows = [row(minute, **NONE, success_rate=rate, p50_ms=20.0) for minute in range(-20, 5)]
        edges, lines = written(tmp_path, rows, [deploy()])
        (told,) = deploys_of(lines)
        cells = (
            Recording(edges_of(edges)[0], told, Releases([told]), "production", "edges")
            .until(AT.timestamp() + 600.0)
            .cells
        )
        known[few] = set().union(*(cell.told for cell in cells))
    assert known == {True: {"p50"}, False: {"p50", "p95"}}
