"""What is kept of sealed windows answers as the store does, whatever was sealed, or came late,
since.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from monitor.detect.measure.stirs import RunningSums
from monitor.joining import kept as kept_module
from monitor.joining.kept import KeptCells
from monitor.store import Store
from monitor.store.reader import Reader
from tests.fixtures.shop_day import NOON, edge_row, publish, write

BEGIN = NOON.replace(second=0, microsecond=0) - timedelta(hours=2)
EDGES = [("shop", f"pay-{number}", "http", "POST /pay") for number in range(3)]


def seal(store: Store, seq: int, places: list[int], rng: np.random.Generator) -> None:
    """Windows of some edges, published anew where they were before."""
    windows = [BEGIN + timedelta(seconds=10 * place) for place in places]
    rows = [
        edge_row(window, seq, edge, ("1", version), int(rng.integers(1, 99)))
        for window in windows
        for edge in EDGES
        for version in ("1", f"2.{seq}")
        if rng.random() < 0.7
    ]
    write(store, "edge_windows", rows)
    write(store, "sightings", [seen(window, seq, rng) for window in windows for _ in range(2)])
    publish(store, seq, windows, NOON)


def seen(window: datetime, seq: int, rng: np.random.Generator) -> dict[str, Any]:
    """An instance that was alive."""
    name = f"pay-{int(rng.integers(2))}"
    return {
        "window": window,
        "generation": seq,
        "environment": "production",
        "namespace": "",
        "service": name,
        "version": f"2.{seq}",
        "instance": f"{name}-{int(rng.integers(3))}",
        "spans": 7,
        "server_calls": int(rng.integers(1, 99)),
        "failed": 0,
    }


@pytest.mark.parametrize("most_rows", [40, 150, pytest.param(10_000, marks=pytest.mark.long)])
def test_what_is_kept_answers_as_the_store_does(store: Store, most_rows: int) -> None:
    rng = np.random.default_rng(most_rows)
    reader = Reader(store)
    kept = KeptCells(reader, most_rows)
    ends = datetime.fromtimestamp(4e9, UTC)
    assert kept.refresh() == (None, [])
    assert not kept.sealed_cells("", [], BEGIN, ends)
    seal(store, 1, list(range(20)), rng)
    marks = [BEGIN + timedelta(seconds=10 * place) for place in (0, 7, 15, 30)]
    newest = 20
    for seq in range(2, 7):
        kept.refresh()
        for since, until, names in (
            (marks[0], ends, ["pay-0", "pay-2", "nobody"]),
            (marks[1], marks[3], []),
            (marks[2], marks[1], []),
            (marks[2], BEGIN + timedelta(seconds=10 * newest), ["pay-1"]),
        ):
            ours = kept.sealed_cells("production", names, since, until)
            theirs = reader.sealed_cells("production", names, since, until)
            assert list(ours) == list(theirs)
            assert ours.columns.edges == theirs.columns.edges
            for name in ("pay-0", ""):
                asked = since, until, "production", name
                assert kept.sightings(*asked) == reader.sightings(*asked)
        assert kept.rows <= most_rows
        late = [3] if seq % 3 == 0 else []
        seal(store, seq, [*late, *range(newest, newest + 4)], rng)
        newest += 4
    fresh, late_windows = kept.refresh()
    assert fresh is not None
    assert {cell.window for cell in fresh} >= {BEGIN + timedelta(seconds=10 * (newest - 1))}
    assert late_windows == [int(BEGIN.timestamp()) + 30]


@pytest.mark.parametrize("most_bytes", [1, 1_000_000])
def test_what_is_packed_is_not_read_again_and_stays_within_bounds(
    store: Store, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(kept_module, "MOST_BYTES", most_bytes)
    rng, reader = np.random.default_rng(1), Reader(store)
    seal(store, 1, list(range(180)), rng)
    kept = KeptCells(reader, 600)  # what is read at once are some 250
    ends = BEGIN + timedelta(hours=1)
    for seq in range(2, 6):
        kept.refresh()
        kept.sealed_cells("", ["shop"], BEGIN, ends)
        seal(store, seq, [10 * seq, 170 + 10 * seq], rng)  # one comes late
    kept.refresh()
    theirs = [reader.sealed_cells("", names, BEGIN, ends) for names in (["shop"], ["pay-1"], [])]
    store.command("TRUNCATE TABLE edge_windows")
    ours = [kept.sealed_cells("", names, BEGIN, ends) for names in (["shop"], ["pay-1"], [])]
    if most_bytes > 1:
        assert list(map(list, ours)) == list(map(list, theirs))
    else:
        assert all(0 < len(mine) < len(all_) for mine, all_ in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("worse", "moved"), [({}, False), ({"failed": 40}, True), ({"bucket": -8}, True)]
)
def test_an_edge_that_turns_bad_or_slow_moves(
    store: Store, worse: dict[str, int], moved: bool
) -> None:
    windows = [BEGIN + timedelta(seconds=10 * place) for place in range(30)]
    rows = [
        edge_row(window, 1, edge, ("1", "1"), 60, **(worse if edge == EDGES[0] else {}))
        if window >= windows[28]
        else edge_row(window, 1, edge, ("1", "1"), 60)
        for window in windows
        for edge in EDGES
    ]
    write(store, "edge_windows", rows)
    publish(store, 1, windows, NOON)
    reader, sums = Reader(store), RunningSums()
    between, ends = BEGIN + timedelta(seconds=280), BEGIN + timedelta(seconds=300)
    sums.learn(reader.sealed_cells("", [], BEGIN, between))
    mine, others = (sums.of("production", name) for name in ("pay-0", "pay-1"))
    sums.learn(reader.sealed_cells("", [], between, ends))
    assert sums.moved(mine) == moved
    assert not sums.moved(others)
    assert not sums.moved(sums.of("production", "nobody"))


def test_what_was_slow_from_the_first_does_not_move(store: Store) -> None:
    windows = [BEGIN + timedelta(seconds=10 * place) for place in range(90)]
    rows = [
        edge_row(window, 1, EDGES[0], ("1", "1"), 60, **({} if place % 15 else {"bucket": -8}))
        for place, window in enumerate(windows)
    ]
    write(store, "edge_windows", rows)
    publish(store, 1, windows, NOON)
    reader, sums = Reader(store), RunningSums()
    sums.learn(reader.sealed_cells("", [], BEGIN, windows[30]))
    mark = sums.of("production", "pay-0")
    sums.learn(reader.sealed_cells("", [], windows[30], windows[-1]))
    assert not sums.moved(mark)
