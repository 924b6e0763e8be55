"""What cannot work is a wrong setting before anything connects."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitor.api.parts import ApiConfig
from monitor.cli.api_parts import api_config
from monitor.cli.assembly import DETECTOR, House, house
from monitor.cli.detector import watching
from monitor.cli.names import written_aliases
from monitor.cli.opened import opened
from monitor.cli.opening import open_stores
from monitor.cli.receivers import notifying
from monitor.cli.up import work_of
from monitor.config import load
from monitor.control.deploys import record
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.edges.closing import ClosingSettings
from monitor.errors import ConfigError
from monitor.joining.alerting import NotifySettings
from monitor.joining.detecting import DetectionSettings
from monitor.joining.registry import RegistryWatch
from monitor.model.deploys import DeployEvent
from monitor.store import Store
from monitor.streams.batching import Bounds
from monitor.streams.confluent import ConfluentSource
from monitor.streams.files import FileSource
from monitor.streams.kafka import KafkaSource
from monitor.streams.limit import RejectLimits
from pipelines.api_logs import ApiLogSettings
from pipelines.deploys import DeploySettings
from pipelines.detection import detection
from pipelines.traces import TraceSettings
from tests.detect.traffic import START, Behaviour, Traffic, cells, edge
from tests.fixtures.gateway import Gateway
from tests.pipelines.written import write_cells


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({}, "no Kafka brokers are set"),
        (
            {"kafka.brokers": "h:1", "topics.spans": ""},
            "no topic is set for traces: set SEAMWATCH_TOPICS_SPANS",
        ),
        (
            {"kafka.brokers": "h:1", "kafka.ssl_cafile": "/nowhere/ca.pem"},
            r"kafka\.ssl_cafile names /nowhere/ca\.pem",
        ),
    ],
)
def test_a_source_that_cannot_be_made_names_the_setting(
    store: Store, sqlite_engine: Engine, flags: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        House(load(flags=flags), store, sqlite_engine).source("traces")


def test_the_reject_settings_bound_a_run_of_bad_records_too(
    store: Store, sqlite_engine: Engine
) -> None:
    limits = House(
        load(flags={"rejects.limit_ratio": 0.2, "rejects.limit_records": 7}), store, sqlite_engine
    ).limits
    assert (limits.max_share, limits.window_records, limits.max_run) == (0.2, 7, 7)


def test_a_part_made_without_settings_behaves_as_the_settings_defaults_say(
    store: Store, sqlite_engine: Engine
) -> None:
    """One set of defaults: whatever opens the product, and a part that a test makes by hand,
    agree.
    """
    parts = House(load(environ={}), store, sqlite_engine)
    assert parts.settings.detection.judging() == JudgeSettings()
    assert watching(parts.settings) == DetectionSettings()
    assert parts.closing() == ClosingSettings()
    assert parts.limits == RejectLimits()
    assert parts.written == Aliases()
    assert parts.spans_read() == TraceSettings(aliases=parts.aliases)
    assert parts.api_logs_read() == ApiLogSettings(aliases=parts.aliases)
    assert parts.deploys_read() == DeploySettings(aliases=parts.aliases)
    assert notifying(parts.settings, "") == NotifySettings()
    assert api_config(parts, "") == ApiConfig()
    assert (
        inspect.signature(detection).parameters["tick_seconds"].default
        == parts.settings.detection.every_seconds
    )
    watch = inspect.signature(RegistryWatch).parameters
    settings = parts.settings.contracts
    assert (watch["refresh_seconds"].default, watch["lenient_nullable"].default) == (
        settings.refresh_seconds,
        settings.lenient_nullable,
    )


@pytest.mark.parametrize("source", [KafkaSource, ConfluentSource, FileSource])
def test_every_source_gathers_batches_of_one_size(source: type) -> None:
    settings, parameters = load(environ={}).kafka, inspect.signature(source).parameters
    assert parameters["max_batch_bytes"].default == settings.max_batch_bytes
    assert parameters["max_batch_records"].default == Bounds().records
    if "max_batch_seconds" in parameters:
        assert parameters["max_batch_seconds"].default == settings.max_batch_seconds


def test_every_short_name_of_an_environment_is_shown_and_may_be_overruled() -> None:
    shown = load(environ={}).aliases.environments
    assert shown == Aliases().environments
    settings = load(flags={"aliases.environments": {"qa": "test", "live": "live"}}, environ={})
    assert written_aliases(settings).environments == {**shown, "qa": "test", "live": "live"}


def test_the_detector_looks_as_often_as_it_is_told(store: Store, sqlite_engine: Engine) -> None:
    waits: list[float | None] = []

    class Once(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            self.set()
            return True

    parts = House(
        load(flags={"detection.every_seconds": 12}, environ={}), store, sqlite_engine, stop=Once()
    )
    work_of(parts, DETECTOR, "")()
    assert waits == [12.0]


@pytest.mark.parametrize(("ratio", "outcome"), [("1.25", "fail"), ("1000", "inconclusive")])
def test_a_gate_without_up_judges_by_the_settings(
    store: Store, tmp_path: Path, ratio: str, outcome: str
) -> None:
    bad = Traffic(edge(), old=Behaviour(server_error=0.01), new=Behaviour(server_error=0.3))
    write_cells(store, cells([bad], 12))
    flags = {
        "clickhouse_dsn": store.dsn,
        "control_dsn": f"sqlite:///{tmp_path}/control.db",
        "data_dir": str(tmp_path),
        "detection.effect_ratio": ratio,
    }
    with opened(load(flags=flags, environ={})) as parts:
        told = DeployEvent(
            source="cdevents", external_id="1", kind="deploy", environment="production", service="payment",
            version="2.0.0", previous_version="1.9.0", state="progressing", at=START, traffic_share=0.1,
        )  # fmt: skip
        record(parts.engine, told, START)
        assert parts.gate is not None
        assert parts.gate("payment", "2.0.0", "production", True, "").outcome == outcome


def test_who_only_asks_leaves_how_long_rows_are_kept(own_store: Store, tmp_path: Path) -> None:
    flags = {
        "clickhouse_dsn": own_store.dsn,
        "control_dsn": f"sqlite:///{tmp_path}/control.db",
        "data_dir": str(tmp_path),
    }
    with (
        house(load(flags={**flags, "retention.halves_days": 7}, environ={})),
        opened(load(flags=flags, environ={})) as parts,
    ):
        kept = {row["name"]: row["engine_full"] for row in parts.store.ask("table_engines")}
    assert "toIntervalDay(7)" in kept["halves"]


def test_processes_that_start_together_bring_servers_up_to_date_one_after_the_other(
    gateway: Gateway, shard_gateways: list[Gateway], tmp_path: Path
) -> None:
    name = f"together_{tmp_path.name}"
    settings = load(
        flags={
            "clickhouse_dsn": gateway.dsn(name),
            "clickhouse_shards": shard_gateways[0].dsn(name),
            "control_dsn": f"sqlite:///{tmp_path}/control.db",
        },
        environ={},
    )

    def opened(_: int) -> list[tuple[str, ...]]:
        shards, engine = open_stores(settings)
        stores = (shards.house, *shards.stores)
        with ExitStack() as doors:
            doors.callback(engine.dispose)
            for store in stores:
                doors.callback(store.close)
            return [
                tuple(row["house"] for row in store.ask_here("shard_places")) for store in stores
            ]

    with ThreadPoolExecutor(4) as starts:
        places = list(starts.map(opened, range(4)))
    house, shard = places[0]
    assert places == [places[0]] * 4
    assert len({*house, *shard}) == 1
    assert (len(house), len(shard)) == (2, 1)
