"""A loss that was counted stays counted, also when a group's offsets are reset and the log is read
again without the gap.
"""

from datetime import UTC, datetime

from monitor.edges.bookkeeping import ledger_rows, loss_rows
from monitor.model.records import Partition, Records
from monitor.store import Store

PLACE = Partition("source", "spans", 0)


def reading(offsets: list[int], gaps: list[int]) -> Records:
    """A batch of empty records."""
    many = len(offsets)
    return Records(
        (b"",) * many, (PLACE,) * many, tuple(offsets), (0,) * many, ({},) * many, tuple(gaps), {}
    )


def keep(store: Store, records: Records) -> None:
    """As pipelines do."""
    store.insert("losses", loss_rows(records))
    store.insert("ledger", ledger_rows(records, reading=int(datetime.now(UTC).timestamp() * 1000)))


def lost(store: Store) -> tuple[int, int, int, int]:
    """Records, lost and missing offsets as the panel and the command say."""
    (panel,) = store.query("panels/ledger_totals", {"limit": 10, "offset": 0})
    (told,) = store.query("ledger_totals")
    assert (told["records"], told["lost"]) == (panel["records"], panel["lost"])
    return panel["records"], panel["lost"], panel["missing"], panel["last_offset"]


def test_a_loss_stays_counted_after_an_offset_reset(store: Store) -> None:
    keep(store, reading([0, 1], [0, 0]))
    keep(store, reading([7, 8, 12], [5, 0, 3]))
    assert lost(store) == (5, 8, 0, 12)
    # read again from what the log begins with now
    keep(store, reading([7, 8, 12, 13], [0, 0, 3, 0]))
    assert lost(store) == (6, 8, 0, 13)


def test_a_loss_before_the_first_record_stays_counted_too(store: Store) -> None:
    keep(store, reading([100, 101], [40, 0]))
    assert lost(store) == (2, 40, 0, 101)
    keep(store, reading([100, 101], [0, 0]))
    keep(store, reading([100, 101], [0, 0]))
    store.command("OPTIMIZE TABLE ledger FINAL")
    store.command("OPTIMIZE TABLE losses FINAL")
    assert lost(store) == (2, 40, 0, 101)


def test_nothing_lost_writes_nothing(store: Store) -> None:
    assert loss_rows(reading([0, 1], [0, 0])).num_rows == 0
    keep(store, reading([0, 1], [0, 0]))
    assert lost(store) == (2, 0, 0, 1)
