"""Deploy events from a topic to merged deploys, a ledger that tiles and rejects with reasons."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from monitor.clock import ManualClock
from monitor.control.deploys import list_deploys
from monitor.edges.aliases import Aliases
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.streams.listed import ListLog, ListSource
from pipelines.deploys import DeploySettings, deploys

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MILLISECONDS = int(NOW.timestamp() * 1000)


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def cdevent(number: int, share: float, state: str, environment: str = "production") -> bytes:
    body: dict[str, Any] = {
        "context": {
            "id": f"e{number}",
            "source": "/ci",
            "type": "dev.cdevents.service.upgraded.0.3.0",
            "timestamp": f"2026-01-05T11:5{number}:00Z",
        },
        "subject": {
            "id": "shop-payment",
            "content": {"environment": {"id": environment}, "artifactId": "pkg:oci/payment@2.0.0"},
        },
        "customData": {"previousVersion": "1.9.0", "trafficShare": share, "state": state},
    }
    return json.dumps(body).encode()


def run(log: ListLog, engine: Engine, store: Store, settings: DeploySettings) -> None:
    source = ListSource(log)
    for offsets in deploys(source, engine, store, settings, ManualClock(NOW)):
        source.commit(offsets)


def test_the_events_of_a_ramp_are_one_deploy_in_telemetrys_names(
    store: Store, engine: Engine
) -> None:
    log = ListLog("deploys")
    for number, (share, state) in enumerate(
        ((0.1, "started"), (0.3, "progressing"), (1.0, "succeeded"))
    ):
        log.append(cdevent(number, share, state, "prod"), timestamp_ms=MILLISECONDS)
    settings = DeploySettings(aliases=Aliases(services={"shop-payment": "payment"}))
    run(log, engine, store, settings)
    (deploy,) = list_deploys(engine)
    assert (deploy.environment, deploy.service, deploy.version, deploy.previous_version) == (
        "production",
        "payment",
        "2.0.0",
        "1.9.0",
    )
    assert (deploy.state, deploy.sources) == ("succeeded", ("cdevents",))
    assert log.committed("list", log.partitions[0]) == 3


def test_reading_the_topic_again_changes_nothing(store: Store, engine: Engine) -> None:
    log = ListLog("deploys")
    log.append(cdevent(1, 0.1, "started"), timestamp_ms=MILLISECONDS)
    run(log, engine, store, DeploySettings())
    before = list_deploys(engine)
    log.commit("list", {log.partitions[0]: 0})
    run(log, engine, store, DeploySettings())
    assert list_deploys(engine) == before


def test_poison_is_a_counted_reject_and_its_neighbours_are_kept(
    store: Store, engine: Engine
) -> None:
    log = ListLog("deploys")
    for value in (
        b"\xff",
        cdevent(1, 0.1, "started"),
        b'{"context": {"type": "dev.cdevents.build.queued.0.1.0"}, "subject": {}}',
    ):
        log.append(value, timestamp_ms=MILLISECONDS)
    run(log, engine, store, DeploySettings())
    assert len(list_deploys(engine)) == 1
    reader = Reader(store)
    (total,) = reader.ledger()
    assert int(total["rejected"]) == 1
    assert int(total["filtered"]) == 1
    (group,) = reader.rejects(datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
    assert group["reason"] == "not_json"
