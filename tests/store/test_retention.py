"""Rows are kept as long as the settings say, counted from when they were written."""

from monitor.config import load
from monitor.store import Store
from monitor.store.retention import BY_SETTING, keep_for


def engines(store: Store) -> dict[str, str]:
    return {row["name"]: row["engine_full"] for row in store.ask("table_engines")}


def test_every_setting_of_retention_bounds_tables_and_no_other_does() -> None:
    assert set(BY_SETTING) == set(load(environ={}).retention.model_dump())


def test_a_setting_changes_its_tables_once(own_store: Store) -> None:
    kept = load(environ={}).retention.model_dump()
    keep_for(own_store, kept)
    assert keep_for(own_store, kept) == []
    assert sorted(keep_for(own_store, {**kept, "halves_days": 7})) == [
        "arrivals",
        "builds",
        "exchanges",
        "halves",
        "inner_spans",
        "long_spans",
        "windows",  # they outlive arrivals
    ]
    assert "TTL ingested + toIntervalDay(7)" in engines(own_store)["halves"]
    assert "TTL ingested + toIntervalDay(70)" in engines(own_store)["arrivals"]


def test_what_orders_publishing_outlives_what_it_tells_of_and_hours_are_told_of_for_ever(
    own_store: Store,
) -> None:
    keep_for(own_store, {**load(environ={}).retention.model_dump(), "windows_days": 90})
    assert (
        "TTL toDateTime(closed_at) + toIntervalDay(100) WHERE level = 0"
        in engines(own_store)["windows"]
    )
