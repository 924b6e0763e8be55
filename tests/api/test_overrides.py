"""Overrides and policies over HTTP: who may, what is refused, what the audit log keeps."""

from dataclasses import replace

import pytest

from monitor.api.app import create_app
from monitor.control.deploys import record
from monitor.control.gate_answers import keep_answer
from monitor.model.deploys import DeployEvent
from monitor.model.judging import Verdict
from monitor.model.policy import Override
from tests.api.test_routes import _Answer
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON

BODY = {
    "service": "payment",
    "version": "2.0.0",
    "person": "kim",
    "reason": "known",
    "expires": "2026-11-21T14:00:00Z",
}


def audit(api: Asked) -> list[tuple[str, str]]:
    return [
        (entry["actor"], entry["action"]) for entry in api.get("/v1/audit", LOCAL_TOKEN).json()
    ]


def test_an_override_is_noted_listed_and_revoked_and_the_audit_log_keeps_it(api: Asked) -> None:
    made = api.post("/v1/overrides", BODY, api.token("admin"))
    assert made.status_code == 201
    assert (made.json()["person"], made.json()["noted_by"], made.json()["environment"]) == (
        "kim",
        "token test",
        "",
    )
    assert [override["id"] for override in api.get("/v1/overrides").json()] == [made.json()["id"]]
    there = f"/v1/overrides/{made.json()['id']}"
    assert api.request("DELETE", there, api.token("gate", "ingest", "read")).status_code == 403
    assert api.request("DELETE", there, LOCAL_TOKEN).status_code == 200
    assert api.request("DELETE", there, LOCAL_TOKEN).status_code == 404
    assert api.get("/v1/overrides").json() == []
    (over,) = api.get("/v1/overrides?over=true").json()
    assert over["revoked_by"] == "local command"
    assert audit(api) == [("local command", "revoke override"), ("token test", "override gate")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"version": ""}, 422), ({"deploy_id": "nobody"}, 404), ({"expires": "2026-11-20T14:00:00Z"}, 422), ({"reason": ""}, 422),
        ({"expires": "2026-11-25T14:00:00Z"}, 422), ({"person": "  "}, 422), ({"for_ever": True}, 422),
    ],
)  # fmt: skip
def test_what_would_be_a_standing_bypass_is_refused(
    api: Asked, change: dict[str, object], status: int
) -> None:
    refused = api.post("/v1/overrides", {**BODY, **change}, LOCAL_TOKEN)
    assert refused.status_code == status, refused.text
    assert api.get("/v1/overrides?over=true").json() == []


def test_a_policy_may_forbid_overrides_and_a_deploy_is_named_by_its_id(api: Asked) -> None:
    assert (
        api.over(longest_override_hours=0.0).post("/v1/overrides", BODY, LOCAL_TOKEN).status_code
        == 422
    )
    event = DeployEvent(
        "api", "1", "deploy", "production", "payment", "2.0.0", "", "succeeded", NOON
    )
    deploy = record(api.parts.engine, event, NOON)
    about = {name: BODY[name] for name in ("person", "reason", "expires")}
    made = api.post("/v1/overrides", {**about, "deploy_id": deploy.id}, LOCAL_TOKEN).json()
    assert (made["deploy_id"], made["service"]) == (deploy.id, "")


def test_a_policy_that_is_sent_is_read_first_and_an_override_that_was_used_is_in_the_audit_log(
    api: Asked,
) -> None:
    used = Override("o1", "", "payment", "2.0.0", "", "kim", "known", "token ops", NOON, NOON)
    asked: list[tuple[object, ...]] = []

    def gate(*question: object) -> _Answer:
        asked.append(question)
        return replace(_Answer(), exit_code=0, override=used)

    parts = replace(api.parts, gate=gate)  # type: ignore[arg-type]
    there = Asked(parts, create_app(parts), api.clock)
    question = {"service": "payment", "version": "2.0.0"}
    wrong = there.post("/v1/gates", {**question, "policy": "version: 1\nrulez: []"}, LOCAL_TOKEN)
    assert (wrong.status_code, asked) == (422, [])
    assert "2: unknown name 'rulez', did you mean rules?" in wrong.json()["error"]["what"]
    answer = there.post("/v1/gates", {**question, "policy": "version: 1"}, LOCAL_TOKEN).json()
    assert (answer["exit_code"], answer["outcome"], answer["override"]["person"]) == (
        0,
        "fail",
        "kim",
    )
    assert asked == [("payment", "2.0.0", None, True, "version: 1")]
    (entry,) = there.get("/v1/audit", LOCAL_TOKEN).json()
    assert entry["details"] == {"outcome": "fail", "override": "o1"}


def test_flips_are_listed_and_shown_on_the_pages_of_health_and_deploy(api: Asked) -> None:
    event = DeployEvent(
        "api", "1", "deploy", "production", "payment", "2.0.0", "", "succeeded", NOON
    )
    deploy = record(api.parts.engine, event, NOON)
    for number, outcome in enumerate(("fail", "fail", "pass")):
        verdict = Verdict(
            f"v{number}",
            deploy.id,
            "production",
            "payment",
            "2.0.0",
            "1.9.0",
            outcome,
            (),
            (),
            NOON,
            None,
            (),
            (),
            "",  # type: ignore[arg-type]
        )
        keep_answer(api.parts.engine, deploy, verdict, verdict.outcome, "mark", NOON)
    assert [(answer["outcome"], answer["flip"]) for answer in api.get("/v1/gates").json()] == [
        ("pass", True),
        ("fail", False),
    ]
    assert [answer["verdict_id"] for answer in api.get("/v1/gates?flips=true").json()] == ["v2"]
    api.post("/v1/overrides", BODY, LOCAL_TOKEN)
    gates = api.get("/v1/health").json()["gates"]
    assert (gates["answers"], gates["flips"], gates["overrides"]) == (2, 1, 1)
    detail = api.get(f"/v1/deploys/{deploy.id}").json()
    assert (
        [answer["flip"] for answer in detail["answers"]],
        detail["overrides"][0]["person"],
    ) == ([True, False], "kim")
    page = api.get(f"/deploys/{deploy.id}").text
    assert "What the gate answered" in page
    assert "Overridden by <bdi>kim</bdi> until" in page
    assert "flips on unchanged code" in api.get("/health").text
