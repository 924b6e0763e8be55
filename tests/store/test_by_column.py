"""Cells by column are the cells one by one, and are judged and kept as these are."""

import math
from datetime import UTC, datetime, timedelta

from monitor.detect.measure.columns import part_of, tables
from monitor.model.cells import concatenated, once, packed, unpacked
from monitor.store import Store
from monitor.store.reader import Reader
from tests.fixtures.shop_day import NOON, edge_row, publish, write

SINCE = NOON.replace(microsecond=0) - timedelta(minutes=2)
WINDOWS = [SINCE + timedelta(seconds=10 * place) for place in range(6)]
PAY = ("shop", "payment", "http", "POST /pay")
MAIL = ("payment", "mail", "http", "POST /mail")


def written(store: Store) -> Reader:
    """Two edges in six windows, the last not sealed, with something of all that a cell holds."""
    rows = []
    for place, window in enumerate(WINDOWS):
        hidden = {"provider_only": [("server_error", 2), ("timeout", 1)]} if place == 2 else {}
        told = {"error_types": [("503", 3), ("TooManyRequests", 1)]}
        rows += [
            edge_row(window, 1, PAY, ("1", "1"), 90 + place, **told),
            edge_row(window, 1, PAY, ("1", "2"), 40, bucket=-300, sampling=2, **hidden),
            edge_row(
                window, 1, MAIL, ("2", ""), 7, caller_namespace="eu", queue_histogram=[(3, 1)]
            ),
        ]
        rows.append(edge_row(window, 9, MAIL, ("2", ""), 1000))  # of no published generation
    numbered = [row | {"failed_attempts": place % 3} for place, row in enumerate(rows)]
    write(store, "edge_windows", numbered)
    publish(store, 1, WINDOWS, WINDOWS[-1])
    return Reader(store)


def test_cells_by_column_are_the_cells_one_by_one(store: Store) -> None:
    reader = written(store)
    until = NOON + timedelta(hours=1)
    for name in ("", "payment", "mail", "eu/payment", "nobody"):
        cells = reader.cells("production", name, SINCE, until)
        columns = reader.sealed_cells("production", [name] if name else [], SINCE, until)
        assert list(columns) == cells
        assert columns[1:3] and list(columns[1:3]) == cells[1:3] if cells else not columns
        assert list(unpacked(packed(columns))) == cells
        assert columns.edges() == sorted({cell.edge for cell in cells})
    cells = reader.cells("production", "", SINCE, until)
    assert len(cells) == 15
    columns = reader.sealed_cells("production", [], SINCE, until)
    assert tables(columns, 0, 1) == []
    for begin, end in ((-math.inf, math.inf), (WINDOWS[1].timestamp(), WINDOWS[4].timestamp())):
        ours, theirs = tables(columns, begin, end), tables(cells, begin, end)
        assert [table.digest for table in ours] == [table.digest for table in theirs]
        for mine, their in zip(ours, theirs, strict=True):
            assert mine.edge == their.edge
            assert mine.beside.keys() == their.beside.keys()
            assert list(mine.exemplars) == list(their.exemplars)
            late = part_of(mine, mine.windows > WINDOWS[2].timestamp())
            assert list(late.exemplars) == list(mine.exemplars)[-len(late.windows) :]


def test_pieces_of_cells_put_together_are_the_whole(store: Store) -> None:
    reader, until = written(store), NOON + timedelta(hours=1)
    whole = reader.sealed_cells("", [], SINCE, until)
    pieces = [
        reader.sealed_cells("", [name], since, until)
        for name in ("mail", "shop")
        for since in (SINCE, WINDOWS[2])
    ]
    both = concatenated(pieces)
    assert len(both) == sum(map(len, pieces)) > len(whole)
    assert list(once(both)) == list(whole)
    assert list(concatenated([whole[:0], whole])) == list(whole)
    begun = datetime.fromtimestamp(WINDOWS[3].timestamp(), UTC)
    assert [cell.window for cell in whole.where(whole.since(begun) & whole.of_edge(whole[0].edge))]
    assert whole.calls_by_edge(whole.touching("mail")) == {whole[0].edge: 35}


def test_rows_of_one_cell_are_summed(store: Store) -> None:
    rows = [
        edge_row(window, 1, PAY, ("1", "1"), 50, cluster=cluster)
        for window in WINDOWS
        for cluster in ("a", "b")
    ]
    write(store, "edge_windows", rows)
    publish(store, 1, WINDOWS, WINDOWS[-1])
    reader, until = Reader(store), NOON + timedelta(hours=1)
    columns = reader.sealed_cells("", ["shop"], SINCE, until)
    assert [cell.calls for cell in columns] == [100] * 5
    assert list(columns) == reader.cells("", "shop", SINCE, until)
