"""Each shard keeps its place, and none is mistaken for another."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.errors import ConfigError, StoreError, StoreUnavailable
from monitor.store import open_store
from monitor.store.places import open_spread
from monitor.store.shards import Shards
from tests.fixtures.gateway import Gateway

_numbers = itertools.count()
Opening = Callable[..., Shards]


@pytest.fixture
def opening(shard_gateways: list[Gateway]) -> Iterator[Opening]:
    """Opens a house and shards by the names of their databases, all behind one server."""
    test, dsns = next(_numbers), set()

    def open_named(house: str, *shards: str) -> Shards:
        named = [shard_gateways[0].dsn(f"place_{test}_{name}") for name in (house, *shards)]
        dsns.update(named)
        opened = open_spread(named[0], named[1:])
        for store in (opened.house, *opened.stores):
            store.close()
        return opened

    yield open_named
    for dsn in dsns:
        store = open_store(dsn)
        store.command(f"DROP DATABASE IF EXISTS `{store.database}`")
        store.close()


def test_shards_keep_their_number_and_their_order(opening: Opening) -> None:
    opening("house", "a", "b")
    opening("house", "a", "b")
    with pytest.raises(StoreError, match=r"shard 1 .* is shard 2"):
        opening("house", "b", "a")
    with pytest.raises(StoreError, match="has 2 shards, SEAMWATCH_CLICKHOUSE_SHARDS names 1"):
        opening("house", "a")
    with pytest.raises(StoreError, match="has 2 shards, SEAMWATCH_CLICKHOUSE_SHARDS names 0"):
        opening("house")
    with pytest.raises(StoreError, match=r"shard 2 .* is empty, and was not"):
        opening("house", "a", "new")
    with pytest.raises(StoreError, match="is a shard of a house"):
        opening("a")
    with pytest.raises(StoreError, match="belongs to another house"):
        opening("other", "a", "b")


@pytest.mark.parametrize("filled", ["house", "a"])
def test_a_store_that_was_filled_alone_becomes_neither_house_nor_shard(
    opening: Opening, filled: str, shard_gateways: list[Gateway]
) -> None:
    alone = opening(filled).house
    store = open_store(alone.dsn)
    store.command(
        "INSERT INTO windows (seq, level, window, generation, sealed, arrivals, rows, late) VALUES (1, 0, 0, 1, 1, 1, 1, 0)"
    )
    store.close()
    with pytest.raises(StoreError, match="was filled"):
        opening("house", "a")


def test_a_shard_is_a_server_and_named_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"shard 1 .* is embedded"):
        open_spread("http://127.0.0.1:1/h", [f"chdb://{tmp_path}/x"])
    with pytest.raises(ConfigError, match=r"shard 2 .* is named twice"):
        open_spread("http://127.0.0.1:1/h", ["http://127.0.0.1:1/a", "http://127.0.0.1:1/a"])
    with pytest.raises(ConfigError, match=r"shard 1 .* is named twice"):
        open_spread("http://127.0.0.1:1/h", ["http://127.0.0.1:1/h"])


def test_a_shard_that_does_not_answer_is_named_by_its_number(gateway_dsn: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"shard 1: ClickHouse does not answer"):
        open_spread(gateway_dsn, ["http://127.0.0.1:1/a"])
