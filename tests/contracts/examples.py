"""A pact and stubs of an orders service, and live exchanges against them, for the tests of this
folder and its neighbours.
"""

import json
from datetime import UTC, datetime
from typing import Any

from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.exchanges import Checked, Exchange
from tests.contracts.promises import exchange

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
JSON = {"content-type": "application/json"}
ORDER = {"id": 7, "state": "open", "lines": [{"sku": "a", "count": 2}]}


def matchers(*rules: dict[str, Any], combine: str = "AND") -> dict[str, Any]:
    return {"combine": combine, "matchers": list(rules)}


def interaction(description: str = "an order", given: str = "", **changes: Any) -> dict[str, Any]:
    """GET of an order by a pattern of its path; `asks` and `answers` change the sides."""
    asks, answers = changes.pop("asks", {}), changes.pop("answers", {})
    held: dict[str, Any] = {
        "description": description,
        "request": {
            "method": "GET",
            "path": "/orders/7",
            "matchingRules": {"path": matchers({"match": "regex", "regex": r"/orders/\d+"})},
        }
        | asks,
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json"},
            "body": ORDER,
            "matchingRules": {"body": {"$": matchers({"match": "type"})}},
        }
        | answers,
    }
    if given:
        held["providerStates"] = [{"name": given}]
    return held | changes


def pact(
    *interactions: dict[str, Any],
    consumer: str = "web",
    provider: str = "orders",
    version: str = "3.0.0",
    **more: Any,
) -> dict[str, Any]:
    """A pact of these interactions."""
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": version}},
    } | more


def revision(
    document: Any,
    form: ContractFormat = "pact",
    name: str = "",
    consumer: str = "",
    **changes: Any,
) -> Revision:
    text = document if isinstance(document, str) else json.dumps(document)
    return Revision(
        name or form,
        1,
        form,
        "orders",
        "",
        consumer,
        "",
        ALWAYS,
        None,
        text,
        f"{hash(text)}",
        ALWAYS,
        **changes,
    )


def registry(*documents: Any, form: ContractFormat = "pact") -> Registry:
    """A registry of these documents, none of them broken."""
    held = Registry(
        [revision(document, form, f"{form}-{index}") for index, document in enumerate(documents)]
    )
    assert not held.broken, held.broken
    return held


def live(**changes: Any) -> Exchange:
    """GET /orders/7 of `web`, answered with an order; every place of it is told."""
    fields: dict[str, Any] = {
        "path": "/orders/7",
        "callee": "orders",
        "query_known": True,
        "request_headers": {"accept": "application/json"},
        "response_headers": JSON,
    }
    if "response_body" not in changes:
        fields["answer"] = ORDER
    return exchange(**(fields | changes))


def judged(call: Exchange, *documents: Any, form: ContractFormat = "pact") -> Checked:
    return check(call, registry(*documents, form=form), "GET /orders/{id}")


def rules(checked: Checked) -> list[tuple[str, str]]:
    """What is broken, as rule and place."""
    return [(violation.rule, violation.pointer) for violation in checked.violations]
