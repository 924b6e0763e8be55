"""A decision rests on what had ended by then, also of neighbours whose bins are longer than the
service's own.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.detect.settings import JudgeSettings
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.told import apart
from monitor.outside.watching import Decision, decide
from tests.outside.rows import AT, Row, deploy, minutes, replaced, row, written


def stock(minute: int, step: int, seconds: int) -> Row:
    """Calls of a neighbour in longer bins, which begin at any second."""
    return row(
        minute,
        ts=AT + timedelta(minutes=minute, seconds=seconds),
        step_s=step,
        caller="web",
        callee="stock",
        operation="GET /stock",
        version="7",
        count=1000 + minute,
    )


def decided(folder: Path, rows: list[Row], until: float | None = None) -> Decision:
    """The decision on all rows, or on those of which the bins ended by `until`."""
    edges, told = written(folder, rows, [deploy()])
    read, _ = edges_of(edges)
    read = read if until is None else read.take(read.ends <= until)
    (announced,) = deploys_of(told)
    return decide(apart(read), announced, [announced], JudgeSettings(), "edges")


@pytest.mark.parametrize(("step", "seconds"), [(300, 0), (60, 7), (60, 0)])
def test_no_bin_that_ends_later_is_read(step: int, seconds: int, tmp_path: Path) -> None:
    own = [entry for entry in minutes(replaced({"errors": 90})) if entry["callee"] == "pay"]
    beside = [stock(minute, step, seconds) for minute in range(-60, 30, step // 60)]
    whole = decided(tmp_path, own + beside)
    assert whole.outcome == "fail"
    assert whole.decided_at is not None
    cut = decided(tmp_path, own + beside, whole.decided_at.timestamp())
    assert whole.verdict is not None
    assert cut.verdict == whole.verdict
    assert cut.findings == whole.findings
