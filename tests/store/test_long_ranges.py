"""Edges over long ranges are what one question tells, however they are put together."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.model.edges import EdgeCell, EdgeQuery
from monitor.store import Store
from monitor.store.long_ranges import LongRanges
from monitor.store.reader import Reader
from tests.detect.traffic import Behaviour, Traffic, cells, edge
from tests.pipelines.written import write_cells

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GROUPS = ("environment", "caller", "callee", "protocol", "operation", "versions")


def made(chance: random.Random, days: Sequence[float]) -> list[EdgeCell]:
    """Cells of two edges in windows of so many days before noon."""
    traffic = [Traffic(edge(), old=Behaviour(0.1)), Traffic(edge("shop", operation="GET /x"))]
    drawn = cells(traffic, windows=len(days), seed=chance.randrange(1000))
    first = min(cell.window for cell in drawn)
    return [
        replace(
            cell,
            window=NOON
            - timedelta(days=days[(cell.window - first) // timedelta(seconds=10) % len(days)]),
        )
        for cell in drawn
    ]


def parameters(store: Store, since: datetime | None, by: Sequence[str]) -> dict[str, Any]:
    named = {"environment": "", "caller": "", "callee": "", "operation": "", "sealed_only": 0}
    grouped = {f"by_{group}": int(group in by) for group in GROUPS}
    times = {"since": int(since.timestamp()) if since else 0, "until": 4_102_444_800}
    return {**named, **grouped, **times, "seq": Reader(store).newest_sequence()}


def told(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but which traces stand for them."""
    return [{name: value for name, value in row.items() if name != "exemplars"} for row in rows]


@pytest.mark.parametrize("since", [None, NOON - timedelta(days=6.4)])
def test_long_ranges_tell_what_one_question_does_whatever_is_published_later(
    store: Store, since: datetime | None
) -> None:
    chance, ranges = random.Random(7), LongRanges(store)
    write_cells(store, made(chance, (9.2, 6.1, 5.0, 3.7, 2.2, 1.1, 0.4, 0.1)), seq=1)
    later = ((0.01,), (4.3, 0.02), (6.1,), (0.03, 0.04))  # today, late ones, one that is replaced
    for seq, days in enumerate((None, *later), 2):
        if days is not None:
            write_cells(store, made(chance, days), seq=seq)
        for by in (GROUPS, ("caller", "callee"), ()):
            asked = parameters(store, since, by)
            for _ in range(2):
                answer = ranges.edges(asked)
                assert told(answer) == told(store.query("edges", asked))
                assert all(len(row["exemplars"]) <= 5 for row in answer)


def test_an_answer_of_a_sequence_before_stays_what_it_was(store: Store) -> None:
    chance, reader = random.Random(8), Reader(store)
    write_cells(store, made(chance, (9.0, 5.0, 0.1)), seq=1)
    before = reader.edges(EdgeQuery(), 1)
    write_cells(store, made(chance, (5.0, 0.05)), seq=2)
    assert reader.edges(EdgeQuery(), 1) == before
    assert sum(row.calls for row in reader.edges(EdgeQuery())) != sum(row.calls for row in before)
