"""Two services share a name: lists, filters and pages tell them apart, and say where nobody told
which is meant.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.control.deploys import record
from monitor.control.findings import list_findings, save_findings
from monitor.model.deploys import DeployEvent
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, edge_row, publish, trace, write, write_judgement

WINDOW = NOON - timedelta(seconds=20)


def alive(space: str, service: str = "pay") -> dict[str, Any]:
    return {
        "window": WINDOW, "generation": 1, "environment": "production", "namespace": space, "service": service, "version": "2",
        "instance": f"{space}-{service}", "spans": 9, "server_calls": 9, "failed": 0,
    }  # fmt: skip


def broken(space: str, number: int) -> dict[str, Any]:
    return {
        "window": WINDOW, "source_id": "log", "partition": 0, "offset": number, "index": 0, "fingerprint": "f", "contract": "pay",
        "revision": 1, "operation": "POST /pay", "side": "response", "rule": "type", "pointer": "/amount", "clause": "/c",
        "expected": "integer", "actual": "string", "environment": "production", "caller": "web", "caller_version": "1", "callee": "pay",
        "callee_version": "2", "callee_namespace": space, "caller_namespace": "", "trace": trace("v", number), "has_trace": 1,
        "status": 200, "at": WINDOW,
    }  # fmt: skip


@pytest.fixture
def shared(api: Asked) -> Asked:
    """A `pay` in team-a and one in team-b, and a `cart` that is alone."""
    write(
        api.parts.store, "sightings", [alive("team-a"), alive("team-b"), alive("team-a", "cart")]
    )
    write(
        api.parts.store,
        "violations",
        [broken("team-a", 1), broken("team-a", 2), broken("team-b", 3), broken("", 4)],
    )
    publish(api.parts.store, 1, [WINDOW], NOON)
    return api


def test_violations_of_services_with_one_name_are_counted_apart_and_asked_for_apart(
    shared: Asked,
) -> None:
    def counted(query: str) -> dict[str, int]:
        return {
            row["callee_namespace"]: row["exchanges"]
            for row in shared.get(f"/v1/violations?{query}").json()
        }

    assert counted("callee=pay") == {"team-a": 2, "team-b": 1, "": 1}
    # of one that nobody told it may be this one
    assert counted("callee=team-a/pay") == {"team-a": 2, "": 1}
    assert counted("callee=/pay") == {"": 1}
    page = shared.get("/violations").text
    assert "team-a/pay" in page
    assert "team-b/pay" in page
    assert "team-b/pay" not in shared.get("/violations?callee=team-a/pay").text
    groups = shared.parts.reader.violations(WINDOW, NOON, "", "team-b/pay")
    assert [row["count"] for row in groups] == [2]


def test_versions_that_are_alive_are_asked_for_with_their_namespace(shared: Asked) -> None:
    def seen(service: str) -> list[tuple[str, str]]:
        return [
            (row["namespace"], row["service"])
            for row in shared.get(f"/v1/services?service={service}").json()
        ]

    assert seen("pay") == [("team-a", "pay"), ("team-b", "pay")]
    assert seen("team-b/pay") == [("team-b", "pay")]


def test_a_deploy_says_in_which_namespaces_its_service_may_be_meant(shared: Asked) -> None:
    for service in ("pay", "cart"):
        told = DeployEvent(
            "ci",
            service,
            "deploy",
            "production",
            service,
            "2",
            "1",
            "succeeded",
            NOON - timedelta(minutes=1),
        )
        record(shared.parts.engine, told, NOON)
    listed = {row["service"]: row["namespaces"] for row in shared.get("/v1/deploys").json()}
    assert listed == {"pay": ["team-a", "team-b"], "cart": ["team-a"]}
    assert [row["service"] for row in shared.get("/v1/deploys?service=team-a/pay").json()] == [
        "pay"
    ]
    page = shared.get("/deploys").text
    assert page.count("namespace not told, seen in") == 1
    ids = {row["service"]: row["id"] for row in shared.get("/v1/deploys").json()}
    assert "The deploy does not tell which is meant" in shared.get(f"/deploys/{ids['pay']}").text
    assert (
        "The deploy does not tell which is meant" not in shared.get(f"/deploys/{ids['cart']}").text
    )


def test_findings_name_the_namespace_where_two_services_share_a_name(shared: Asked) -> None:
    engine = shared.parts.engine
    write_judgement(engine)
    (root,) = [finding for finding in list_findings(engine) if finding.role == "root"]
    for space in ("team-a", "team-b"):
        there = replace(root.edge, caller="web", callee="pay", callee_namespace=space)
        save_findings(engine, [replace(root, id=f"of-{space}", edge=there)], NOON)
    page = shared.get("/findings").text
    assert "team-a/pay" in page
    assert "team-b/pay" in page
    detail = shared.get("/findings/of-team-b").text
    assert "team-b/pay" in detail
    assert "callee=team-b%2Fpay" in detail


def test_a_deploy_that_tells_its_namespace_is_shown_and_found_by_it(shared: Asked) -> None:
    secret = shared.token("ingest")
    for number, told in enumerate(
        ({"service": "pay", "namespace": "team-a"}, {"service": "team-b/pay"})
    ):
        answer = shared.post(
            "/v1/deploys",
            told | {"version": "2", "environment": "production", "external_id": str(number)},
            secret,
        )
        assert answer.status_code == 201, answer.text
        assert (answer.json()["namespace"], answer.json()["service"]) == (
            f"team-{'ab'[number]}",
            "pay",
        )
    for service, namespaces in {
        "pay": {"team-a", "team-b"},
        "team-a/pay": {"team-a"},
        "team-c/pay": set(),
        "/pay": set(),
    }.items():
        assert {
            row["namespace"] for row in shared.get(f"/v1/deploys?service={service}").json()
        } == namespaces
    page = shared.get("/deploys").text
    assert "namespace not told" not in page
    assert "team-a/</bdi><bdi>pay" in page
    (deploy,) = shared.get("/v1/deploys?service=team-b/pay").json()
    page = shared.get(f"/deploys/{deploy['id']}").text
    assert "seamwatch gate --service team-b/pay" in page
    assert "The deploy does not tell which is meant" not in page


def test_findings_are_asked_for_by_service_with_or_without_namespace(shared: Asked) -> None:
    engine = shared.parts.engine
    write_judgement(engine)
    (root,) = [finding for finding in list_findings(engine) if finding.role == "root"]
    for space in ("team-a", "team-b"):
        there = replace(root.edge, caller="web", callee="pay", callee_namespace=space)
        save_findings(engine, [replace(root, id=f"of-{space}", edge=there, deploy_id=space)], NOON)

    def found(service: str) -> set[str]:
        answer = shared.get(f"/v1/findings?service={service}")
        assert int(answer.headers["x-total-count"]) == len(answer.json())
        return {row["id"] for row in answer.json()}

    assert found("pay") == {"of-team-a", "of-team-b"}
    assert found("team-b/pay") == {"of-team-b"}
    assert found("web") == {"of-team-a", "of-team-b"}
    assert found("payment") == {"f-root", "f-slow"}
    assert found("nobody") == set()


def test_edges_are_asked_for_with_their_namespace(shared: Asked) -> None:
    calls = {"team-a": 3, "team-b": 5}
    rows = [
        edge_row(
            WINDOW,
            1,
            ("web", "pay", "http", "POST /pay"),
            ("1", "2"),
            count,
            callee_namespace=space,
        )
        for space, count in calls.items()
    ]
    write(shared.parts.store, "edge_windows", rows)

    def counted(callee: str) -> dict[str, int]:
        return {
            row["callee_namespace"]: row["calls"]
            for row in shared.get(f"/v1/edges?callee={callee}").json()
        }

    assert counted("pay") == calls
    assert counted("team-b/pay") == {"team-b": 5}
    assert counted("team-c/pay") == {}
