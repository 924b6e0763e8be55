"""Every panel asks one question in words, answers over an empty store, and reads only what is
published.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from monitor.model.edges import ZERO_BUCKET
from monitor.model.quantiles import quantile
from monitor.store import Store
from monitor.store.texts import statement
from tests.fixtures.shop_day import (
    NOON,
    ShopDay,
    edge_row,
    panel_names,
    publish,
    write,
    write_shop_day,
)

ANY = {
    "environment": "",
    "caller": "",
    "callee": "",
    "protocol": "",
    "operation": "",
    "contract": "",
    "service": "",
    "limit": 100,
    "offset": 0,
    "bucket_seconds": 60,
}


def asked(store: Store, panel: str, **more: object) -> list[dict[str, object]]:
    """The panel's rows, with sane values for the parameters it has."""
    values = {**ANY, "since": NOON - timedelta(hours=1), "until": NOON, **more}
    if panel == "rejects_by_reason":
        values |= {
            "since": datetime(2000, 1, 1, tzinfo=UTC),
            "until": datetime(2100, 1, 1, tzinfo=UTC),
        }
    return store.query(
        f"panels/{panel}",
        {
            name: values[name]
            for name in re.findall(r"\{(\w+):\w+\}", statement(f"panels/{panel}"))
        },
    )


@pytest.mark.parametrize("panel", panel_names())
def test_a_panel_begins_with_its_question(panel: str) -> None:
    first = statement(f"panels/{panel}").splitlines()[0]
    assert first.startswith("-- ")
    assert first.rstrip().endswith("?") or "?" in first


def test_panels_answer_over_an_empty_store_and_over_a_day(store: Store) -> None:
    for panel in panel_names():
        asked(store, panel)
    write_shop_day(store, minutes=4)
    for panel in panel_names():
        assert asked(store, panel) or "FROM deploys" in statement(f"panels/{panel}"), panel


def test_a_window_closed_again_is_counted_once(
    store: Store, shop_day: Callable[..., ShopDay]
) -> None:
    shop_day(minutes=1)
    before = asked(store, "edges_overview")
    publish(store, 2, [NOON - timedelta(seconds=10)], NOON)
    after = asked(store, "edges_overview")
    assert sum(int(str(row["calls"])) for row in after) < sum(
        int(str(row["calls"])) for row in before
    )


def test_shares_of_versions_sum_to_one(store: Store, shop_day: Callable[..., ShopDay]) -> None:
    shop_day(minutes=4)
    sums: dict[object, float] = {}
    for row in asked(store, "version_share", service="payment"):
        sums[row["time"]] = sums.get(row["time"], 0.0) + float(str(row["share"]))
    assert len(sums) == 4
    assert all(abs(total - 1) < 1e-9 for total in sums.values())


def test_latency_over_time_is_reckoned_as_everywhere_else(store: Store) -> None:
    client, server = {-40: 7, -33: 2, ZERO_BUCKET: 1}, {-44: 1}
    edge = ("web", "pay", "http", "POST /pay")
    write(
        store,
        "edge_windows",
        [
            edge_row(
                NOON - timedelta(seconds=10),
                1,
                edge,
                ("1", "2"),
                10,
                client_histogram=[*client.items()],
                server_histogram=[*server.items()],
            )
        ],
    )
    publish(store, 1, [NOON - timedelta(seconds=10)], NOON)
    (row,) = asked(store, "edge_latency")
    for side, histogram in (("client", client), ("server", server)):
        for percent in (50, 95, 99):
            assert row[f"{side}_p{percent}"] == pytest.approx(quantile(histogram, percent / 100))


def test_latency_is_null_for_a_side_that_was_not_seen(store: Store) -> None:
    edge = ("web", "pay", "http", "POST /pay")
    write(
        store,
        "edge_windows",
        [edge_row(NOON - timedelta(seconds=10), 1, edge, ("1", "2"), 10, server_histogram=[])],
    )
    publish(store, 1, [NOON - timedelta(seconds=10)], NOON)
    (row,) = asked(store, "edge_latency")
    assert row["client_p50"] is not None
    assert row["server_p50"] is None
