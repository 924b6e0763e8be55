"""A revision that is approved from a deploy on begins with it: not before, and with no gap after."""

from datetime import timedelta

from monitor.control.contracts import listed
from monitor.control.deploys import record
from monitor.edges.aliases import Aliases
from monitor.joining.awaited import AwaitedRevisions
from monitor.model.deploys import DeployEvent
from tests.api.test_publishing import publish
from tests.cli.test_contract_amend import OPEN, There
from tests.contracts.promises import PAYMENTS
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON

BODY = {"document": OPEN, "name": "payments", "provider": "payment", "format": "openapi"}


def deployed(api: Asked, version: str, environment: str, minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    event = DeployEvent(
        "api", f"{version} {environment}", "deploy", environment, "pay", version, "", "started", at
    )
    record(api.parts.engine, event, at)


def test_a_revision_begins_with_the_deploy_that_it_was_approved_from(api: Asked) -> None:
    engine = api.parts.engine
    publish(api, PAYMENTS)
    waits = AwaitedRevisions(engine, Aliases(services={"payment": "pay"}))
    approved = There(api).post(
        "/v1/contracts", BODY | {"from_deploy": "2.0", "environment": "production"}
    )
    assert (approved["outcome"], approved["from_deploy"]) == ("awaits", "2.0")
    (line,) = api.get("/v1/awaited", LOCAL_TOKEN).json()
    assert (line["name"], line["version"], line["environment"]) == (
        "payments",
        "2.0",
        "production",
    )
    assert "the next revision begins with the deploy of" in api.get("/contracts/payments").text
    assert waits.step(NOON) == []
    deployed(api, "1.9", "production", 5)
    deployed(api, "2.0", "staging", 6)
    assert waits.step(NOON + timedelta(minutes=7)) == []
    assert len(listed(engine, name="payments")) == 1

    deployed(api, "2.0", "production", 8)
    (begun,) = waits.step(NOON + timedelta(minutes=9))
    assert (begun.number, begun.environment) == (2, "production")
    assert begun.effective_from == NOON + timedelta(minutes=8)
    assert begun.document == OPEN
    assert waits.step(NOON + timedelta(minutes=10)) == []
    assert api.get("/v1/awaited", LOCAL_TOKEN).json() == []

    # a deploy that is there already is not waited for; a time beside it makes no sense
    deployed(api, "3.0", "production", 12)
    again = BODY | {"document": PAYMENTS, "environment": "production"}
    api.parts.config.aliases.services["payment"] = "pay"  # type: ignore[index]  # as settings say
    known = There(api).post("/v1/contracts", again | {"from_deploy": "3.0"})
    assert known["outcome"] == "published"
    assert known["effective_from"] == "2026-11-21T12:12:00Z"
    again |= {"from_deploy": "4.0"}
    both = api.post(
        "/v1/contracts", again | {"effective_from": "2027-01-01T00:00:00Z"}, LOCAL_TOKEN
    )
    assert both.status_code == 422


def test_what_waits_is_replaced_by_what_is_approved_later_and_let_go_with_its_contract(
    api: Asked,
) -> None:
    publish(api, PAYMENTS)
    for version in ("2.0", "2.1"):
        There(api).post("/v1/contracts", BODY | {"from_deploy": version})
    (line,) = api.get("/v1/awaited", LOCAL_TOKEN).json()
    assert line["version"] == "2.1"
    There(api).post("/v1/contracts/payments/withdraw", {"reason": "gone"})
    assert api.get("/v1/awaited", LOCAL_TOKEN).json() == []
