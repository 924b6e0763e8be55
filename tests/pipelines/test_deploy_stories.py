"""Stories of deploys as they happen: rolled back, superseded, deployed again, told twice, told
wrongly.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.senders.listed import ListSender
from monitor.control import lease
from monitor.control.deploys import list_deploys, record
from monitor.control.findings import list_findings
from monitor.joining.alerting import NotifySettings, refresh
from monitor.joining.delivering import deliver_once
from monitor.joining.detecting import DetectionSettings, Detector, detect_once
from monitor.joining.gate import GateAnswer, GateRequest, evaluate_gate
from monitor.model.deploys import DeployEvent
from monitor.model.edges import EdgeCell
from monitor.store import Store
from monitor.store.reader import Reader
from pipelines.deploys import DeploySettings, VersionWatch
from tests.detect.traffic import START, Behaviour, Traffic, cells, edge, now_after, sighting
from tests.fixtures.told import sentences
from tests.pipelines.written import publish, write_cells, write_sightings

SETTINGS = DetectionSettings()
ALERTS = NotifySettings(
    enabled=True, lifecycle=LifecycleSettings(hold_seconds=0, quiet_seconds=60)
)


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def tell(engine: Engine, version: str = "2.0.0", at: datetime = START, **changes: object) -> str:
    values: dict[str, object] = {
        "source": "cdevents",
        "external_id": f"{version}-{at.isoformat()}-{changes.get('environment', '')}",
        "kind": "deploy",
        "environment": "production",
        "service": "payment",
        "version": version,
        "previous_version": "",
        "state": "succeeded",
        "at": at,
    }
    return record(engine, DeployEvent(**{**values, **changes}), START).id  # type: ignore[arg-type]  # a test's shorthand


def at(window: int) -> datetime:
    return START + timedelta(seconds=10 * window)


def between(rows: Sequence[EdgeCell], first: int, end: int) -> list[EdgeCell]:
    return [row for row in rows if at(first) <= row.window < at(end)]


def test_a_rollback_resolves_the_finding_and_its_alert_and_says_why(
    store: Store, engine: Engine
) -> None:
    pager = ListSender("pager")
    held = lease.acquire(engine, "notify", "a", 3600)
    assert held is not None

    def tick(now: datetime) -> None:
        refresh(engine, now, senders={"pager": pager}, settings=ALERTS, held=held)
        deliver_once(engine, {"pager": pager}, held, now, ALERTS.delivery, random.Random(1))

    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5))],
        60,
        share=lambda window: 0.3 if window < 12 else 0.0,
    )
    tell(engine)
    write_cells(store, between(rows, -12, 12))
    detector = Detector(Reader(store), engine, store, SETTINGS)
    detector.step(now_after(12))
    tick(now_after(12))
    tell(engine, "1.9.0", at(12), kind="rollback")
    write_cells(store, between(rows, 12, 60), seq=2)
    detector.step(now_after(60))
    for seconds in (0, 30, 61):
        tick(now_after(60) + timedelta(seconds=seconds))
    assert [alert.state for alert in pager.taken] == ["firing", "resolved"]
    assert pager.taken[1].annotations["resolved_because"] == "2.0.0 has no calls any more"
    assert {finding.state for finding in list_findings(engine)} == {"resolved"}


def test_the_rollback_itself_is_judged_and_not_blamed(store: Store, engine: Engine) -> None:
    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5))],
        60,
        share=lambda window: 0.5 if window < 30 else 0.0,
    )
    write_cells(store, rows)
    tell(engine)
    back = tell(engine, "1.9.0", at(30), kind="rollback")
    detect_once(Reader(store), engine, store, SETTINGS, now_after(60))
    assert list_findings(engine, deploy_id=back) == []


def test_the_next_version_clears_the_last_ones_findings_and_answers_for_its_own(
    store: Store, engine: Engine
) -> None:
    first = tell(engine)
    bad = cells([Traffic(edge(), new=Behaviour(server_error=0.5))], 30, share=lambda _: 0.5)
    fixed = [
        replace(
            row, callee_version="2.0.1" if row.callee_version == "2.0.0" else row.callee_version
        )
        for row in between(cells([Traffic(edge())], 70, share=lambda _: 0.5), 30, 70)
    ]
    write_cells(store, bad)
    detector = Detector(Reader(store), engine, store, SETTINGS)
    detector.step(now_after(30))
    assert [finding.state for finding in list_findings(engine, deploy_id=first)] == ["open"]
    second = tell(engine, "2.0.1", at(30))
    write_cells(store, fixed, seq=2)
    detector.step(now_after(70))
    assert [finding.state for finding in list_findings(engine, deploy_id=first)] == ["resolved"]
    assert list_findings(engine, deploy_id=second) == []


def test_one_version_in_two_environments_is_judged_in_each(store: Store, engine: Engine) -> None:
    bad = cells(
        [Traffic(replace(edge(), environment="staging"), new=Behaviour(server_error=0.5))], 12
    )
    write_cells(store, [*bad, *cells([Traffic(edge())], 12)])
    tell(engine, environment="staging")
    tell(engine)
    detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert {finding.edge.environment for finding in list_findings(engine)} == {"staging"}
    exits = {
        place: evaluate_gate(
            Reader(store), engine, GateRequest("payment", "2.0.0", place), now_after(12)
        ).exit_code
        for place in ("staging", "production", None)
    }
    assert exits == {"staging": 1, "production": 0, None: 2}


def test_a_deploy_without_a_version_or_of_a_service_never_seen_raises_nothing(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge())], 12))
    tell(engine, "")
    tell(engine, service="ghost")
    detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert list_findings(engine) == []
    answer = evaluate_gate(Reader(store), engine, GateRequest("ghost", "2.0.0"), now_after(12))
    assert (
        answer.exit_code,
        sentences(answer.reasons)[0].startswith("unmatched: ghost was never seen"),
    ) == (2, True)


def write_two_payments(store: Store) -> None:
    """`team-a/payment` 2.0.0 fails half its calls, `team-b/payment` 2.0.0 none."""

    def of(space: str, new: Behaviour | None = None) -> list[EdgeCell]:
        there = replace(edge(), caller_namespace=space, callee_namespace=space)
        return cells([Traffic(there, new=new or Behaviour())], 12)

    write_cells(store, [*of("team-a", Behaviour(server_error=0.5)), *of("team-b")])
    alive = [
        replace(sighting(window, version, f"{space}-{version}", 100), namespace=space)
        for window in range(12)
        for version in ("1.9.0", "2.0.0")
        for space in ("team-a", "team-b")
    ]
    write_sightings(store, alive)


def test_two_services_of_one_name_are_judged_apart_and_never_together(
    store: Store, engine: Engine
) -> None:
    write_two_payments(store)
    tell(engine)

    def gate(service: str) -> GateAnswer:
        return evaluate_gate(Reader(store), engine, GateRequest(service, "2.0.0"), now_after(12))

    both = gate("payment")
    assert both.exit_code == 2
    assert sentences(both.reasons) == (
        "unmatched: payment names 2 services in production, one in each namespace: team-a/payment, team-b/payment",
    )
    assert sentences(both.settles) == ("name one of team-a/payment, team-b/payment",)
    assert (gate("team-a/payment").exit_code, gate("team-b/payment").exit_code) == (1, 0)
    assert (
        "unmatched: team-c/payment was never seen" in sentences(gate("team-c/payment").reasons)[0]
    )


def test_the_detector_says_nothing_of_a_deploy_that_may_be_of_either_service(
    store: Store, engine: Engine
) -> None:
    write_two_payments(store)
    tell(engine)
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert judged.verdict.outcome == "inconclusive"
    assert "team-a/payment, team-b/payment" in sentences(judged.verdict.reasons)[0]
    assert list_findings(engine) == []


@pytest.mark.parametrize("how", ["as a field", "in the name"])
def test_a_deploy_that_tells_its_namespace_is_judged_by_that_service_alone(
    store: Store, engine: Engine, how: str
) -> None:
    write_two_payments(store)
    for space in ("team-a", "team-b", "team-c"):
        told = {"namespace": space} if how == "as a field" else {"service": f"{space}/payment"}
        tell(engine, external_id=space, **told)
    outcomes = {
        result.verdict.service: result.verdict
        for result in detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    }
    assert {name: verdict.outcome for name, verdict in outcomes.items()} == {
        "team-a/payment": "fail", "team-b/payment": "pass", "team-c/payment": "inconclusive",
    }  # fmt: skip
    assert {finding.edge.callee_namespace for finding in list_findings(engine)} == {"team-a"}
    assert "never seen" in sentences(outcomes["team-c/payment"].reasons)[0]
    asked = GateRequest("payment", "2.0.0")
    answer = evaluate_gate(Reader(store), engine, asked, now_after(12))
    assert (
        answer.exit_code,
        "team-a/payment, team-b/payment, team-c/payment" in sentences(answer.reasons)[0],
    ) == (2, True)
    rows = store.query(
        "panels/deploy_markers", {"since": at(-60), "until": at(60), "environment": "", "limit": 9}
    )
    assert {(row["namespace"], row["service"]) for row in rows} == {
        (f"team-{letter}", "payment") for letter in "abc"
    }


def test_a_namespace_is_no_hindrance_where_telemetry_tells_none(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge(), new=Behaviour(server_error=0.5))], 12))
    write_sightings(
        store,
        [
            sighting(window, version, version, 100)
            for window in range(12)
            for version in ("1.9.0", "2.0.0")
        ],
    )
    tell(engine, namespace="kube-shop")
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert judged.verdict.outcome == "fail"


def test_versions_of_two_services_of_one_name_are_no_deploys_of_each_other(
    store: Store, engine: Engine
) -> None:
    seen = [
        ("team-a", "1", 0),
        ("team-b", "2", 3),
        ("team-a", "1", 9),
        ("team-b", "2", 9),
        ("team-b", "3", 9),
    ]
    alive = [
        replace(sighting(window, version, version, 100), namespace=space)
        for space, version, window in seen
    ]
    write_cells(store, cells([Traffic(edge())], 12))
    write_sightings(store, alive)
    VersionWatch(Reader(store), engine, DeploySettings()).step(now_after(12))
    assert [
        (deploy.called, deploy.version, deploy.previous_version) for deploy in list_deploys(engine)
    ] == [("team-b/payment", "3", "2")]


def test_a_gate_in_an_environment_nobody_knows_names_those_where_the_service_is(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge())], 12))
    tell(engine)
    asked = GateRequest("payment", "2.0.0", "prodution")
    answer = evaluate_gate(Reader(store), engine, asked, now_after(12))
    assert answer.exit_code == 2
    assert sentences(answer.reasons) == (
        "unmatched: payment is not known in the environment 'prodution'; it is known in: production; did you mean production?",
    )


@pytest.mark.parametrize("asked", ["prodution", None])
def test_the_same_wrong_environment_in_deploy_and_gate_names_those_where_the_service_has_traffic(
    store: Store, engine: Engine, asked: str | None
) -> None:
    write_cells(store, cells([Traffic(edge())], 12))
    tell(engine, environment="prodution")
    answer = evaluate_gate(
        Reader(store), engine, GateRequest("payment", "2.0.0", asked), now_after(12)
    )
    assert answer.exit_code == 2
    assert sentences(answer.reasons)[-1] == (
        "unmatched: payment has no traffic in the environment 'prodution'; it has some in: production; did you mean production?"
    )
    assert any("deployment.environment.name" in sentence for sentence in sentences(answer.settles))


def test_a_deploy_told_for_the_future_is_not_judged_by_the_past(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge())], 12, share=lambda _: 0.0))
    tell(engine, at=START + timedelta(hours=5))
    detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert list_findings(engine) == []
    assert (
        evaluate_gate(
            Reader(store), engine, GateRequest("payment", "2.0.0"), now_after(12)
        ).exit_code
        == 2
    )


def test_a_deploy_told_by_kafka_api_and_telemetry_is_one_and_has_one_finding(
    store: Store, engine: Engine
) -> None:
    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5))],
        40,
        share=lambda window: 0.3 if window >= 20 else 0.0,
    )
    write_sightings(
        store,
        [sighting(w, "1.9.0", "old", 20) for w in range(40)]
        + [sighting(w, "2.0.0", "new", 20) for w in range(20, 40)],
    )
    write_cells(store, rows)
    publish(store, {at(window) for window in range(40)})
    for source, seconds, state in (
        ("cdevents", 195, "started"),
        ("api", 200, "succeeded"),
        ("cdevents", 201, "succeeded"),
    ):
        moment = START + timedelta(seconds=seconds)
        for _ in range(2):
            tell(engine, at=moment, source=source, external_id=f"{source}-{state}", state=state)
    VersionWatch(Reader(store), engine, DeploySettings()).step(now_after(40))
    (deploy,) = list_deploys(engine)
    assert set(deploy.sources) == {"cdevents", "api", "sighting"}
    detect_once(Reader(store), engine, store, SETTINGS, now_after(40))
    assert len(list_findings(engine)) == 1


def test_the_same_version_deployed_again_keeps_an_open_finding_while_its_harm_lasts(
    store: Store, engine: Engine
) -> None:
    first = tell(engine)
    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5))],
        120,
        share=lambda window: 0.5 if window < 30 else 1.0,
    )
    write_cells(store, between(rows, -12, 30))
    detector = Detector(Reader(store), engine, store, SETTINGS)
    detector.step(now_after(30))
    tell(engine, at=START + timedelta(minutes=16), state="started", external_id="again")
    write_cells(store, between(rows, 30, 120), seq=2)
    detector.step(now_after(120))
    assert [finding.state for finding in list_findings(engine, deploy_id=first)] == ["open"]
