"""Logs of gRPC on Kafka, held against a published .proto up to stored verdicts, and as pages and
routes tell them.
"""

import base64
import json
from datetime import timedelta

from monitor.contracts.registry import Registry
from tests.contracts.promises import AT_NS, revision
from tests.contracts.test_grpc import ASKED, GRPC, ORDER, OTHER, SHOP, framed, made
from tests.contracts.test_pact_plugins import ASKED as AREA_ASKED
from tests.contracts.test_pact_plugins import interaction
from tests.contracts.test_pact_plugins import made as area
from tests.contracts.test_pact_plugins import pact as plugin_pact
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.pipelines.test_api_logs import batch, entry, rows, run

CALL = {
    "method": "POST", "path": "/shop.v1.Orders/Get", "callee": "shop", "environment": "production", "request_headers": GRPC,
    "request_body_encoding": "base64", "response_body_encoding": "base64", "request_body": base64.b64encode(ASKED).decode(),
}  # fmt: skip


def answered(data: bytes | None, status: str = "0", **changes: object) -> bytes:
    body = None if data is None else base64.b64encode(data).decode()
    return entry(
        **(
            CALL
            | {"response_headers": GRPC | {"grpc-status": status}, "response_body": body}
            | changes
        )
    )


def test_calls_of_grpc_are_judged_by_their_method_and_end_as_their_status_says(api: Asked) -> None:
    contract = api.post(
        "/v1/contracts", {"document": SHOP, "provider": "shop"}, LOCAL_TOKEN
    ).json()
    assert (
        contract["name"],
        contract["format"],
        contract["judged"]["units"],
        contract["outcome"],
    ) == (
        "shop-protobuf",
        "protobuf",
        4,
        "published",
    )
    known = Registry([revision(SHOP, name="shop-protobuf", format="protobuf", provider="shop")])
    wrong, gone = made(OTHER, id="x"), answered(ORDER, path="/shop.v1.Orders/Gone")
    api.clock.advance(AT_NS / 1e9 - api.clock().timestamp())
    store = api.parts.store
    run(
        store,
        batch(
            answered(framed(ORDER)), answered(wrong), answered(None, "14"), gone, answered(None)
        ),
        known=known,
    )
    told = [
        (row["protocol"], row["operation"], row["checked"], row["reason"], row["outcome"])
        for row in rows(store, "exchanges")
    ]
    assert told == [
        ("grpc", "shop.v1.Orders/Get", "valid", "", "ok"),
        ("grpc", "shop.v1.Orders/Get", "violated", "", "ok"),
        ("grpc", "shop.v1.Orders/Get", "valid", "", "server_error"),
        ("grpc", "shop.v1.Orders/Gone", "violated", "", "ok"),
        ("grpc", "shop.v1.Orders/Get", "not_checked", "no_body", "ok"),
    ]
    assert [
        (row["side"], row["rule"], row["pointer"], row["clause"])
        for row in rows(store, "violations")
    ] == [
        ("response", "wire_type", "/id", "/shop.v1.Order"),
        ("request", "undocumented_operation", "", "/shop.v1.Orders"),
    ]
    since = api.clock() - timedelta(days=1)
    assert [
        row["interaction"]
        for row in api.parts.reader.interactions(
            "shop-protobuf", since, api.clock() + timedelta(hours=1)
        )
    ] == ["shop.v1.Orders/Get"]
    shown = {
        row["interaction"]: row["proof"]
        for row in api.get("/v1/contracts/shop-protobuf/coverage").json()["interactions"]
    }
    assert shown == {
        "shop.v1.Orders/Get": "broken", "shop.v1.Orders/Old": "unproven", "shop.v1.Orders/Watch": "unproven", "shop.v1.Orders/Ping": "unproven"
    }  # fmt: skip
    assert "shop.v1.Orders/Old" in api.get("/contracts/shop-protobuf").text


def test_a_pact_that_the_protobuf_plugin_wrote_is_judged_from_records_to_verdicts(
    api: Asked,
) -> None:
    document = json.dumps(plugin_pact(interaction()))
    contract = api.post("/v1/contracts", {"document": document}, LOCAL_TOKEN).json()
    assert (contract["name"], contract["format"], contract["judged"]["interactions"]) == (
        *("web-areas", "pact"),
        1,
    )
    known = Registry(
        [revision(document, name="web-areas", format="pact", provider="areas", consumer="web")]
    )
    api.clock.advance(AT_NS / 1e9 - api.clock().timestamp())
    call = {
        "path": "/area.Shapes/Area",
        "callee": "areas",
        "caller": "web",
        "request_body": base64.b64encode(framed(AREA_ASKED)).decode(),
    }
    good = area("Answer", total=5, unit="m2", kind=1)
    wrong = area("Answer", total=5, unit="ft", kind=1)
    run(
        api.parts.store,
        batch(
            answered(framed(good), **call),
            answered(framed(wrong), **call),
            answered(None, "5", **call),
            answered(framed(good), **(call | {"path": "/area.Shapes/Each"})),
        ),
        known=known,
    )
    assert [(row["checked"], row["reason"]) for row in rows(api.parts.store, "exchanges")] == [
        ("valid", ""),
        ("violated", ""),
        ("violated", ""),
        ("not_checked", "no_interaction"),
    ]
    assert [
        (row["side"], row["rule"], row["pointer"], row["clause"])
        for row in rows(api.parts.store, "violations")
    ] == [
        ("response", "equality", "/unit", "/interactions/0/response/0/contents/unit"),
        ("response", "status", "/status", "/interactions/0/response/0/metadata/grpc-status"),
    ]
    (shown,) = api.get("/v1/contracts/web-areas/coverage").json()["interactions"]
    assert (shown["interaction"], shown["proof"], shown["kept"], shown["broken"]) == (
        *("an area", "broken"),
        *(1, 2),
    )
    assert "an area" in api.get("/contracts/web-areas").text


def test_a_method_that_goes_breaks_who_calls_it_though_its_payloads_were_not_seen(
    api: Asked,
) -> None:
    api.post("/v1/contracts", {"document": SHOP, "provider": "shop"}, LOCAL_TOKEN)
    known = Registry([revision(SHOP, name="shop-protobuf", format="protobuf", provider="shop")])
    api.clock.advance(AT_NS / 1e9 + 60 - api.clock().timestamp())
    run(api.parts.store, batch(*[answered(framed(ORDER), caller="web")] * 30), known=known)
    method = next(line for line in SHOP.splitlines() if "rpc Get" in line)
    body = {"document": SHOP.replace(method, ""), "provider": "shop", "format": "protobuf"}
    told = api.post("/v1/amendments", body, LOCAL_TOKEN).json()
    assert (told["result"], told["reason"]) == ("breaking", "live_calls")
    (met,) = told["met"]
    assert (met["rule"], met["operation"], met["consumer"], met["affected"]) == (
        "operation", "shop.v1.Orders/Get", "web", 30,
    )  # fmt: skip
