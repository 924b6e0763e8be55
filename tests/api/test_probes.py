"""Probes answer while the store does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.api.app import create_app
from monitor.api.parts import Parts
from monitor.clock import ManualClock
from monitor.control.store import open_control
from monitor.errors import StoreUnavailable
from monitor.store import open_store
from monitor.store.client import SILENT_SECONDS
from monitor.store.reader import Reader
from monitor.store.shards import Shards
from monitor.telemetry import HealthBoard, Report
from tests.fixtures.api import Asked
from tests.fixtures.gateway import ADDRESS, Gateway
from tests.fixtures.shop_day import NOON

SILENCE = {"kind": "slow", "seconds": 5, "times": 4}


@pytest.fixture
def asked(gateway_dsn: str, tmp_path: Path) -> Iterator[Asked]:
    """The app over a ClickHouse server."""
    store, engine = open_store(gateway_dsn), open_control(f"sqlite:///{tmp_path}/control.db")
    clock = ManualClock(NOON)
    parts = Parts(Reader(store), store, engine, HealthBoard(), clock=clock)
    yield Asked(parts, create_app(parts), clock)
    store.close()
    engine.dispose()


def test_a_silent_store_makes_unready_and_leaves_alive_and_measured(
    asked: Asked, gateway: Gateway
) -> None:
    asked.parts.board.report(Report("traces", ready=False, reason="no broker", at=NOON))
    gateway.faults(SILENCE)
    readiness = asked.get("/readyz")
    assert readiness.status_code == 503
    assert "ClickHouse does not answer" in readiness.text
    assert asked.get("/healthz").status_code == 200
    assert 'seamwatch_component_ready{component="traces"} 0.0' in asked.get("/metrics").text


def test_a_ping_waits_two_seconds_and_no_longer(asked: Asked, gateway: Gateway) -> None:
    gateway.faults({**SILENCE, "seconds": SILENT_SECONDS["ping"] + 2})
    with pytest.raises(StoreUnavailable, match=r"timed out|read timeout=2"):
        asked.parts.store.ping()
    gateway.faults()
    asked.parts.store.ping()


def test_a_store_that_takes_no_rows_is_unready_until_it_takes_some(
    asked: Asked, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.client.INSERT_PATIENCE_SECONDS", 0.0)
    full = (
        "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)"
    )
    gateway.faults(
        {"kind": "status", "status": 500, "code": 243, "text": full, "match": "INSERT", "times": 9}
    )
    with pytest.raises(StoreUnavailable, match="disk is full"):
        asked.parts.store.insert("addresses", ADDRESS)
    assert "disk is full" in asked.get("/readyz").text
    gateway.faults()
    asked.parts.store.insert("addresses", ADDRESS)
    assert asked.get("/readyz").status_code == 200


def test_a_shard_that_does_not_answer_is_named_and_makes_unready(
    spread: Callable[[int], Shards], shard_gateways: list[Gateway], tmp_path: Path
) -> None:
    shards = spread(2)
    engine = open_control(f"sqlite:///{tmp_path}/control.db")
    clock = ManualClock(NOON)
    parts = Parts(
        Reader(shards.house), shards.house, engine, HealthBoard(), clock, shards=shards.stores
    )
    asked = Asked(parts, create_app(parts), clock)
    assert asked.get("/readyz").status_code == 200
    told = asked.get("/v1/health").json()["shards"]
    assert [(one["number"], one["answers"], one["newest_window"]) for one in told] == [
        (1, True, None),
        (2, True, None),
    ]
    shard_gateways[1].faults({"kind": "status", "status": 503, "times": 100})
    readiness = asked.get("/readyz")
    assert readiness.status_code == 503
    assert "store: shard 2: ClickHouse does not answer" in readiness.text
    assert [one["answers"] for one in asked.get("/v1/health").json()["shards"]] == [True, False]
    page = asked.get("/health")
    assert page.status_code == 200
    assert "no answer" in page.text
    assert "not known: a shard does not answer" in page.text
    shard_gateways[1].faults()
    engine.dispose()
