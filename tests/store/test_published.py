"""What is published is looked up once a publication, however many look."""

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from monitor.store import Store, client
from tests.fixtures.shop_day import NOON, write_shop_day

PANEL = "panels/edges_overview"


def test_what_is_published_is_looked_up_once_a_publication(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shop_day(store)
    looks: list[str] = []
    real = client._rows

    def counted(pool: Any, name: str, *more: Any) -> list[dict[str, Any]]:
        looks.append(name)
        return real(pool, name, *more)

    monkeypatch.setattr(client, "_rows", counted)

    def shown(since: datetime, until: datetime) -> list[dict[str, Any]]:
        where = {"since": since, "until": until, "environment": "", "limit": 9, "offset": 0}
        return store.query(PANEL, where)

    since = (NOON - timedelta(hours=1)).replace(microsecond=0)
    rows = shown(since, NOON + timedelta(seconds=1))
    assert rows
    assert shown(since, NOON + timedelta(seconds=9)) == rows
    assert shown(since, NOON + timedelta(days=9)) == rows  # nothing is published there
    rows[0]["calls"] = -1  # what one does with an answer is nobody else's
    assert shown(since, NOON)[0]["calls"] > 0
    assert looks.count(PANEL) == 1
    shown(since + timedelta(seconds=10), NOON)
    assert looks.count(PANEL) == 2
    _publish_again(store)
    shown(since, NOON)
    assert looks.count(PANEL) == 3


def _publish_again(store: Store) -> None:
    """An empty window after the newest."""
    (newest,) = store.ask("newest_seq")
    row: dict[str, object] = {name: [1] for name in ("generation", "arrivals", "rows", "late")}
    row |= {"seq": [newest["seq"] + 1], "window": pa.array([newest["end"]], pa.uint32())}
    row |= {name: pa.array([0], pa.uint8()) for name in ("level", "sealed")}
    store.insert("windows", pa.table(row))
