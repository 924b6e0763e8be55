"""A house with its shards: opened together, each known by its place, so that none is mistaken for
another or for one alone.
"""

import uuid
from collections.abc import Sequence
from contextlib import ExitStack

import pyarrow as pa

from monitor.errors import ConfigError, StoreError
from monitor.masking import shown_dsn
from monitor.store.client import Store
from monitor.store.opening import open_store
from monitor.store.shards import OneShard, Shards

Places = dict[int, tuple[int, str]]
"""By number, of how many shards and of which house."""


def open_spread(dsn: str, shard_dsns: Sequence[str]) -> Shards:
    """Open a house and its shards, which are servers; tables are brought up to date in each. With
    no shards the house is a store alone, which holds all.

    Raises ConfigError: a shard that is embedded, or named twice; StoreError: a shard that belongs
    to another house or stands in another's place, another number of shards than before, a house
    that was filled without them; else as `open_store`.
    """
    for number, shard in enumerate(shard_dsns, 1):
        if shard.startswith("chdb:"):
            raise ConfigError(
                f"shard {number} ({shown_dsn(shard)}) is embedded: shards are servers; correct SEAMWATCH_CLICKHOUSE_SHARDS"
            )
        if shard in (dsn, *shard_dsns[: number - 1]):
            raise ConfigError(
                f"shard {number} ({shown_dsn(shard)}) is named twice: each shard, and the house, has a database of its own; correct SEAMWATCH_CLICKHOUSE_SHARDS"
            )
    with ExitStack() as doors:
        house = open_store(dsn)
        doors.callback(house.close)
        stores = []
        for number, shard in enumerate(shard_dsns, 1):
            try:
                store = open_store(shard)
            except StoreError as error:
                raise type(error)(f"shard {number}: {error}") from error
            doors.callback(store.close)
            stores.append(store)
        _take_places(house, stores)
        doors.pop_all()
    shards = Shards(house, stores)
    if stores:
        house.elsewhere = shards
    for store in stores:
        shared = OneShard(stores)
        store.elsewhere, store.together = shared, shared.columns
    return shards


def _take_places(house: Store, stores: Sequence[Store]) -> None:
    """Give each store its place at the first start, and hold it to it later."""
    places = _places(house)
    if not places and not stores:
        return
    if not places:
        (filled,) = house.ask_here("rows_of", {"table": "windows"})
        if filled["rows"]:
            raise StoreError(
                f"the store {shown_dsn(house.dsn)} was filled without shards: its windows would be counted again in part; give the house of shards an empty database, or unset SEAMWATCH_CLICKHOUSE_SHARDS"
            )
        places = {0: (len(stores), uuid.uuid4().hex)}
        _write(house, 0, *places[0])
    if 0 not in places:
        raise StoreError(
            f"the store {shown_dsn(house.dsn)} is a shard of a house: point SEAMWATCH_CLICKHOUSE_DSN to the house"
        )
    count, name = places[0]
    if count != len(stores):
        raise StoreError(
            f"the store {shown_dsn(house.dsn)} has {count} shards, SEAMWATCH_CLICKHOUSE_SHARDS names {len(stores)}: their number stays as it was at the first start; for another number begin with empty databases"
        )
    for number, store in enumerate(stores, 1):
        theirs = _places(store)
        if not theirs and number in places:
            raise StoreError(
                f"shard {number} ({shown_dsn(store.dsn)}) is empty, and was not: correct SEAMWATCH_CLICKHOUSE_SHARDS, or restore it; what it held is in no other shard"
            )
        if theirs and theirs != {number: (count, name)}:
            raise StoreError(
                f"shard {number} ({shown_dsn(store.dsn)}) {_told(theirs, name)}: the order of the shards stays as it was; correct SEAMWATCH_CLICKHOUSE_SHARDS"
            )
        if not theirs:
            (filled,) = store.ask_here("rows_of", {"table": "windows"})
            if filled["rows"]:
                raise StoreError(
                    f"shard {number} ({shown_dsn(store.dsn)}) was filled as a store alone: give shards empty databases"
                )
            _write(store, number, count, name)
        if number not in places:
            _write(house, number, count, name)


def _told(places: Places, house: str) -> str:
    number, (_, name) = next(iter(places.items()))
    if name != house:
        return "belongs to another house"
    return "is the house itself" if number == 0 else f"is shard {number}"


def _places(store: Store) -> Places:
    return {
        int(row["number"]): (int(row["shards"]), str(row["house"]))
        for row in store.ask_here("shard_places")
    }


def _write(store: Store, number: int, count: int, house: str) -> None:
    store.insert_here(
        "shards",
        pa.table(
            {
                "number": pa.array([number], pa.uint32()),
                "shards": pa.array([count], pa.uint32()),
                "house": pa.array([house], pa.string()),
            }
        ),
    )
