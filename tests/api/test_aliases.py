"""Aliases: suggested by tools, confirmed by people, applied to what is asked; and the log of who
changed what.
"""

from tests.fixtures.api import LOCAL_TOKEN, Asked

SAID = {"kind": "service", "name": "shop-web", "canonical": "frontend"}


def test_a_suggestion_applies_once_it_is_confirmed(api: Asked) -> None:
    ingest = api.token("ingest")
    assert api.post("/v1/aliases/suggest", SAID, ingest).json()["state"] == "suggested"
    deploy = {"service": "shop-web", "version": "1", "environment": "production"}
    assert api.post("/v1/deploys", deploy, ingest).json()["service"] == "shop-web"
    confirmed = api.post(
        "/v1/aliases/confirm", {"kind": "service", "name": "shop-web"}, LOCAL_TOKEN
    )
    assert (confirmed.status_code, confirmed.json()["canonical"]) == (200, "frontend")
    assert (
        api.post("/v1/deploys", {**deploy, "version": "2"}, ingest).json()["service"] == "frontend"
    )
    assert [alias["state"] for alias in api.get("/v1/aliases?kind=service").json()] == [
        "confirmed"
    ]


def test_what_was_rejected_is_not_suggested_again(api: Asked) -> None:
    api.post("/v1/aliases/suggest", SAID, LOCAL_TOKEN)
    assert (
        api.post(
            "/v1/aliases/reject", {"kind": "service", "name": "shop-web"}, LOCAL_TOKEN
        ).json()["state"]
        == "rejected"
    )
    assert api.post("/v1/aliases/suggest", SAID, LOCAL_TOKEN).json()["state"] == "rejected"
    assert (
        api.post(
            "/v1/aliases/confirm", {"kind": "service", "name": "shop-web"}, LOCAL_TOKEN
        ).status_code
        == 404
    )


def test_a_rule_can_be_made_without_a_suggestion_and_never_of_a_name_itself(api: Asked) -> None:
    rule = {"kind": "environment", "name": "p\u0000rd", "canonical": "production"}
    assert api.post("/v1/aliases/confirm", rule, LOCAL_TOKEN).json()["state"] == "confirmed"
    assert (
        api.post("/v1/aliases/confirm", {**SAID, "canonical": "shop-web"}, LOCAL_TOKEN).status_code
        == 422
    )
    assert (
        api.post("/v1/aliases/confirm", {**SAID, "kind": "planet"}, LOCAL_TOKEN).status_code == 422
    )


def test_the_audit_log_says_who_changed_what_and_no_secret(api: Asked) -> None:
    made = api.post("/v1/tokens", {"name": "ci", "scopes": ["read"]}, LOCAL_TOKEN).json()
    api.post("/v1/aliases/confirm", SAID, LOCAL_TOKEN)
    answer = api.get("/v1/audit", LOCAL_TOKEN)
    assert [(entry["actor"], entry["action"]) for entry in answer.json()] == [
        ("local command", "confirm alias"),
        ("local command", "create token"),
    ]
    assert answer.json()[0]["details"] == {"kind": "service", "canonical": "frontend"}
    assert made["secret"] not in answer.text
    assert api.get("/v1/audit?since=2030-01-01", LOCAL_TOKEN).json() == []
