"""Kafka records against messages that pacts and Spring contracts show: by topic, by headers, kept,
broken or not known.
"""

import json
from typing import Any

import orjson
import pytest

from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import Registry
from monitor.model.contracts import Revision
from monitor.model.exchanges import MESSAGING, Checked, Exchange
from tests.contracts.promises import ALWAYS, AT_NS

ORDER = {"id": 7, "total": 12.5}


def pact(*messages: dict[str, Any], consumer: str = "mail") -> str:
    return json.dumps({
        "consumer": {"name": consumer}, "provider": {"name": "till"}, "messages": list(messages),
        "metadata": {"pactSpecification": {"version": "3.0.0"}},
    })  # fmt: skip


def message(described: str = "an order", **changes: Any) -> dict[str, Any]:
    return {
        "description": described,
        "contents": ORDER,
        "metadata": {"contentType": "application/json", "topic": "orders"},
        "matchingRules": {
            "body": {
                "$.id": {"matchers": [{"match": "integer"}]},
                "$.total": {"matchers": [{"match": "number"}]},
            }
        },
        **changes,
    }


def held(
    document: str,
    form: str = "pact",
    *,
    name: str = "a",
    provider: str = "till",
    consumer: str = "",
    **rest: Any,
) -> Revision:
    fields = {
        "provider_version": "",
        "environment": "",
        "effective_from": ALWAYS,
        "effective_to": None,
    } | rest
    return Revision(
        name=name, number=1, format=form, provider=provider, consumer=consumer, document=document,
        content_hash=str(hash(document)), published_at=ALWAYS, **fields,
    )  # fmt: skip


def judged(
    value: Any,
    *revisions: Revision,
    topic: str = "orders",
    producer: str = "till",
    headers: dict[str, str] | None = None,
) -> Checked:
    registry = Registry(revisions)
    assert not registry.broken
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    exchange = Exchange(
        "ab" * 8, 0, 0, 0, AT_NS, None, "", topic, "", "", 0, producer, "", "kafka", "", "", "production", b"", b"",
        protocol=MESSAGING, request_headers=headers or {}, request_body=body,
    )  # fmt: skip
    contracts = registry.find_messages(topic, producer, "production", "", AT_NS)
    return check_payloads(
        exchange, Carried(topic, body, headers or {}), Payload(None, {}), contracts, lambda: topic
    )


def said(checked: Checked) -> tuple[str, str, list[tuple[str, str, str]]]:
    return (
        checked.outcome,
        checked.reason,
        [(violation.side, violation.rule, violation.pointer) for violation in checked.violations],
    )


def test_a_message_that_keeps_its_pact_is_valid_and_one_that_does_not_breaks_the_producers_side() -> (
    None
):
    contract = held(pact(message()))
    assert said(judged(ORDER | {"more": 1}, contract)) == ("valid", "", [])
    checked = judged(ORDER | {"id": "7"}, contract)
    assert said(checked) == ("violated", "", [("request", "integer", "/id")])
    assert (checked.operation, checked.contract) == ("orders", "a")
    assert [(each.interaction, each.shown) for each in checked.evidence] == [
        ("an order", "broken")
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"no json",
        b'{"id": NaN, "total": 1}',
        b'{"id": 7, "total": Infinity}',
        b'{"id": 7',
        b"\x00\x00\x00\x00\x05abc",
        b"\xff\xfe",
    ],
)
def test_a_record_that_is_no_json_breaks_a_contract_of_json(text: bytes) -> None:
    assert said(judged(text, held(pact(message())))) == (
        "violated",
        "",
        [("request", "not_json", "")],
    )


def test_a_record_without_a_value_is_a_tombstone_and_not_checked() -> None:
    assert said(judged(b"", held(pact(message())))) == ("not_checked", "no_body", [])


def test_another_topic_is_not_spoken_of() -> None:
    assert said(judged(ORDER, held(pact(message())), topic="payments")) == (
        "not_checked",
        "no_contract",
        [],
    )


def test_a_message_without_a_topic_may_be_any_of_its_providers_so_that_none_breaks_it() -> None:
    contract = held(pact(message(metadata={"contentType": "application/json"})))
    assert said(judged(ORDER, contract, topic="anything")) == ("valid", "", [])
    assert said(judged({"other": 1}, contract, topic="anything")) == (
        "not_checked",
        "ambiguous_message",
        [],
    )
    assert said(judged(ORDER, contract, topic="anything", producer="")) == (
        "not_checked",
        "no_contract",
        [],
    )
    assert said(judged(ORDER, contract, topic="anything", producer="web")) == (
        "not_checked",
        "no_contract",
        [],
    )


def test_headers_tell_which_message_is_meant() -> None:
    made = message("made", metadata={"topic": "orders", "kind": "made"})
    gone = message(
        "gone",
        metadata={"topic": "orders", "kind": "gone"},
        contents={"why": "x"},
        matchingRules={},
    )
    contract = held(pact(made, gone))
    assert said(judged({"why": "x"}, contract, headers={"kind": "gone"})) == ("valid", "", [])
    assert said(judged({"why": "x"}, contract, headers={"kind": "made"}))[0] == "violated"
    assert said(judged({"why": "x"}, contract, headers={"kind": "else"})) == (
        "not_checked",
        "no_message",
        [],
    )
    assert said(judged({"why": 1}, contract)) == ("not_checked", "ambiguous_message", [])


def test_messages_of_one_topic_are_alternatives_unless_states_tell_them_apart() -> None:
    gone = message("gone", contents={"why": "x"}, matchingRules={})
    assert said(judged({"why": "x"}, held(pact(message(), gone)))) == ("valid", "", [])
    assert said(judged({"why": 1}, held(pact(message(), gone)))) == (
        "violated",
        "",
        [("request", "type", "/why")],
    )
    told = [message(), gone | {"providerStates": [{"name": "no stock"}]}]
    assert said(judged({"why": 1}, held(pact(*told)))) == ("not_checked", "ambiguous_state", [])


def test_pacts_of_every_consumer_bind_the_producer_at_once() -> None:
    mail = held(pact(message()), name="mail", consumer="mail")
    stats = held(
        pact(message(contents={"vat": 1}, matchingRules={}), consumer="stats"),
        name="stats",
        consumer="stats",
    )
    checked = judged(ORDER, mail, stats)
    assert [(violation.contract, violation.rule) for violation in checked.violations] == [
        ("stats", "missing_key")
    ]
    assert [(evidence.contract, evidence.shown) for evidence in checked.evidence] == [
        ("mail", "kept"),
        ("stats", "broken"),
    ]


def test_an_unknown_producer_is_held_against_the_contracts_that_name_the_topic_and_never_guessed() -> (
    None
):
    till = held(pact(message()), name="till")
    shop = held(
        pact(message(contents={"why": "x"}, matchingRules={})), name="shop", provider="shop"
    )
    assert said(judged({"id": "7"}, till, producer=""))[0] == "violated"
    assert said(judged({"why": "x"}, till, shop, producer="")) == ("valid", "", [])
    assert said(judged({}, till, shop, producer="")) == ("not_checked", "unknown_producer", [])
    assert said(judged({"why": "x"}, till, shop))[0] == "violated"
    assert said(judged({"why": "x"}, till, shop, producer="shop"))[0] == "valid"


SPRING = """
label: order_made
input: {triggeredBy: makes()}
outputMessage:
  sentTo: orders
  headers: {BOOK: foo, contentType: application/json}
  body: {id: 7}
  matchers:
    headers: [{key: BOOK, regex: "[a-z]+"}]
    body: [{path: $.id, type: by_type}]
"""


def test_spring_contracts_are_judged_by_their_target_and_headers() -> None:
    contract = held(SPRING, "spring-cloud-contract")
    assert said(judged({"id": 9}, contract, headers={"book": "bar"})) == ("valid", "", [])
    assert said(judged({"id": "x"}, contract, headers={"book": "bar"})) == (
        "violated",
        "",
        [("request", "type", "/id")],
    )
    assert said(judged({"id": 9}, contract, topic="other")) == ("not_checked", "no_contract", [])
    taken = held(
        "label: x\ninput: {messageFrom: orders, messageBody: {id: 7}}\n", "spring-cloud-contract"
    )
    # whoever writes to what it reads
    assert said(judged({"id": "x"}, taken, producer="web"))[0] == "violated"


def test_the_data_of_a_cloudevent_is_what_a_contract_speaks_of() -> None:
    contract = held(pact(message()))
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": ORDER}
    structured = {"content-type": "application/cloudevents+json; charset=UTF-8"}
    assert said(judged(event, contract, headers=structured)) == ("valid", "", [])
    broken = event | {"data": {"id": "x", "total": 1}}
    assert said(judged(broken, contract, headers=structured)) == (
        "violated",
        "",
        [("request", "integer", "/id")],
    )
    packed = {name: value for name, value in event.items() if name != "data"} | {
        "data_base64": "eyJpZCI6IDcsICJ0b3RhbCI6IDF9"
    }
    assert said(judged(packed, contract, headers=structured)) == ("valid", "", [])
    binary = {
        "ce_specversion": "1.0",
        "ce_type": "t",
        "ce_id": "1",
        "ce_source": "/a",
        "content-type": "application/json",
    }
    assert said(judged(ORDER, contract, headers=binary)) == ("valid", "", [])
    assert said(judged(b"[]", contract, headers=structured)) == (
        "violated",
        "",
        [("request", "not_json", "")],
    )


def test_a_pact_of_messages_says_nothing_of_calls() -> None:
    from tests.contracts.promises import exchange

    registry = Registry([held(pact(message()), provider="payment")])
    contracts = registry.find("payment", "production", "", "mail", AT_NS)
    call = exchange()
    checked = check_payloads(
        call, Payload(None, {}), Payload(None, {}), contracts, lambda: "GET /x"
    )
    assert (checked.outcome, checked.reason) == ("not_checked", "no_contract")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
        (b'{"id": "' + b"x" * 50_000_000 + b'"}', "too_large"),
    ],
)
def test_a_record_that_is_too_deep_or_too_large_is_not_checked_and_says_why(
    value: bytes, reason: str
) -> None:
    assert said(judged(value, held(pact(message())))) == ("not_checked", reason, [])
