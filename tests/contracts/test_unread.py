"""What a document says and nothing is held against is named: each format's members, by a document
of it that uses them.
"""

import json
from typing import Any

import pytest

from monitor.contracts.formats.members import GRAMMARS, Kind
from monitor.contracts.read import examine
from tests.contracts.examples import interaction, pact

STUB: dict[str, Any] = {
    "request": {"method": "GET", "urlPath": "/a"},
    "response": {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": "x"},
}
IMPOSTER: dict[str, Any] = {
    "protocol": "http",
    "port": 4545,
    "stubs": [
        {
            "predicates": [{"equals": {"path": "/a"}}],
            "responses": [{"is": {"statusCode": 200}, "behaviors": [{"wait": 5}]}],
        }
    ],
}
SPRING: dict[str, Any] = {
    "name": "n",
    "request": {"method": "GET", "url": "/a", "matchers": {"url": {"regex": "/a"}}},
    "response": {"status": 200, "body": {"a": 1}, "matchers": {"body": []}},
}
SPRING_MESSAGE: dict[str, Any] = {
    "label": "l",
    "input": {"triggeredBy": "x()"},
    "outputMessage": {"sentTo": "t", "body": {"a": 1}, "headers": {"k": "v"}},
}
ASYNCAPI: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "info": {"title": "t", "version": "1"},
    "channels": {
        "a": {
            "address": "a",
            "bindings": {"kafka": {"topic": "a"}},
            "messages": {
                "m": {"payload": {"type": "object"}, "bindings": {"kafka": {}}, "traits": [{}]}
            },
        }
    },
    "operations": {"o": {"action": "send", "channel": {"$ref": "#/channels/a"}}},
}
MESSAGE = {
    "description": "m",
    "contents": {"a": 1},
    "metadata": {"topic": "t", "key": "k", "x-a": "1"},
    "matchingRules": {"metadata": {"x-a": {"matchers": [{"match": "type"}]}}},
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "pact": pact(interaction()),
    "wiremock": {"mappings": [STUB]},
    "mountebank": {"imposters": [IMPOSTER]},
    "spring-cloud-contract": SPRING,
    "asyncapi": ASYNCAPI,
}


def named(document: Any) -> dict[str, str]:
    """What is said of each place that is not judged."""
    text = document if isinstance(document, str) else json.dumps(document)
    remarks = examine("", text, where="x").remarks
    return {remark.pointer: remark.said for remark in remarks if remark.kind == "unjudged"}


def objects(node: Any, kind: str, grammar: dict[str, Kind], pointer: str = "") -> Any:
    """Each object of a document that has members of its format, with its place."""
    if isinstance(node, dict) and "$ref" not in node:
        if not grammar[kind].open:
            yield node, pointer
        for member, below in grammar[kind].inner.items():
            held = node.get(member)
            entries = (
                held.items()
                if below[0] == "{" and isinstance(held, dict)
                else enumerate(held)
                if isinstance(held, list)
                else [("", held)]
            )
            for at, entry in entries:
                place = f"{pointer}/{member}" + (f"/{at}" if at != "" else "")
                yield from objects(entry, below.strip("[]{}"), grammar, place)


@pytest.mark.parametrize("kind", sorted(GRAMMARS))
def test_a_member_that_no_format_knows_is_named_wherever_it_stands(kind: str) -> None:
    document = DOCUMENTS[kind]
    assert named(document) == {}
    places = [place for _, place in objects(document, "document", dict(GRAMMARS[kind]))]
    assert len(places) > 3
    for place in places:
        changed = json.loads(json.dumps(document))
        node = next(
            held
            for held, where in objects(changed, "document", dict(GRAMMARS[kind]))
            if where == place
        )
        node["oddWord"] = {"asks": 1}
        assert f"{place}/oddWord" in named(changed), place
        node["x-oddWord"] = node.pop("oddWord")
        assert named(changed) == {}, "a word of one's own asks for nothing"


def test_the_same_member_in_many_places_is_said_once() -> None:
    stubs = [
        STUB | {"request": {"method": "GET", "urlPath": f"/{at}"}, "odd": at + 1}
        for at in range(500)
    ]
    (said,) = named({"mappings": stubs}).values()
    assert said.endswith("(499 more places have it)")


@pytest.mark.parametrize("kind", ["wiremock", "mountebank", "spring-cloud-contract"])
def test_headers_of_stubs_that_are_passed_over_are_named(kind: str) -> None:
    document = json.loads(json.dumps(DOCUMENTS[kind]))
    answers = {
        "wiremock": lambda: document["mappings"][0]["response"],
        "mountebank": lambda: document["imposters"][0]["stubs"][0]["responses"][0]["is"],
        "spring-cloud-contract": lambda: document["response"],
    }
    answer = answers[kind]()
    answer["headers"] = {"X-Kind": "a", "Date": "today", "RateLimit-Limit": "9"}
    places = {pointer.rpartition("/")[2] for pointer in named(document)}
    assert places == {"Date", "RateLimit-Limit"}


def test_a_header_that_a_matcher_speaks_of_is_not_passed_over() -> None:
    answer = SPRING["response"] | {
        "headers": {"Date": "x"},
        "matchers": {"headers": [{"key": "date", "regex": ".+"}]},
    }
    assert named(SPRING | {"response": answer}) == {}


def test_metadata_of_pacts_that_is_not_judged_is_named() -> None:
    told = named(pact() | {"interactions": [], "messages": [MESSAGE]})
    assert set(told) == {"/messages/0/metadata/key", "/messages/0/matchingRules/metadata/x-a"}
    both = {
        "type": "Synchronous/Messages",
        "description": "s",
        "request": {"contents": {"content": {"a": 1}}, "metadata": {"x": "1"}},
        "response": [{"contents": {"content": {"a": 1}}, "metadata": {"y": "1"}}],
    }
    told = named(pact(both, version="4.0"))
    assert set(told) == {"/interactions/0/request/metadata", "/interactions/0/response/0/metadata"}


def test_what_only_a_stub_server_sees_leaves_it_open_whether_a_request_is_meant() -> None:
    request = STUB["request"] | {"scheme": "https", "port": 8443, "clientIp": {"equalTo": "::1"}}
    told = named(STUB | {"request": request})
    assert set(told) == {"/request/scheme", "/request/port", "/request/clientIp"}
    request = STUB["request"] | {"queryParameters": {"q": {"equalsTo": "1"}}}
    assert set(named(STUB | {"request": request})) == {"/request/queryParameters/q/equalsTo"}


def test_matchers_of_spring_contracts_that_meet_nothing_are_named() -> None:
    answer = SPRING["response"] | {
        "cookies": {"a": "b"},
        "matchers": {"body": [{"path": "$.b", "type": "by_regex", "value": "x"}]},
    }
    request = SPRING["request"] | {"matchers": {"cookies": [{"key": "c", "regex": "d"}]}}
    told = named(SPRING | {"request": request, "response": answer})
    assert set(told) == {
        "/response/cookies",
        "/response/matchers/body",
        "/request/matchers/cookies",
    }
    message = SPRING_MESSAGE["outputMessage"] | {
        "matchers": {"headers": [{"key": "k", "regex": "v"}]},
        "assertThat": "x()",
    }
    told = named(SPRING_MESSAGE | {"outputMessage": message})
    assert set(told) == {"/outputMessage/matchers/headers", "/outputMessage/assertThat"}


def test_what_is_in_no_record_is_named_of_asyncapi() -> None:
    document = json.loads(json.dumps(ASYNCAPI))
    channel = document["channels"]["a"]
    channel["parameters"] = {"id": {"enum": ["a"]}}
    channel["bindings"]["kafka"]["partitions"] = 3
    message = channel["messages"]["m"]
    message["bindings"]["kafka"]["key"] = {"type": "string"}
    message["payload"] = {"$ref": "#/components/schemas/P"}
    document["components"] = {
        "schemas": {"P": {"discriminator": "k", "properties": {"a": {"format": "datetime"}}}}
    }
    document["operations"]["o"] |= {"security": [{"$ref": "#/x"}], "bindings": {"kafka": {"a": 1}}}
    assert set(named(document)) == {
        "/channels/a/parameters",
        "/channels/a/bindings/kafka/partitions",
        "/channels/a/messages/m/bindings/kafka/key",
        "/operations/o/security",
        "/operations/o/bindings",
        "/components/schemas/P/discriminator",
        "/components/schemas/P/properties/a/format",
    }


def test_what_openapi_says_beside_calls_is_named() -> None:
    answer = {
        "description": "d",
        "links": {"next": {"operationId": "o"}},
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    form = {
        "schema": {"type": "object"},
        "encoding": {"f": {"headers": {"X-A": {"schema": {"type": "string"}}}}},
    }
    operation = {
        "operationId": "o",
        "parameters": [{"name": "Accept", "in": "header", "schema": {"type": "string"}}],
        "requestBody": {"content": {"multipart/form-data": form}},
        "responses": {"200": answer},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"post": operation}},
    }
    assert set(named(document)) == {
        "/paths/~1a/post/parameters/0",
        "/paths/~1a/post/requestBody/content/multipart~1form-data/encoding/f/headers",
        "/paths/~1a/post/responses/200/links",
    }


def test_what_avro_and_protobuf_let_others_say_is_named() -> None:
    fields = [
        {"name": "a", "type": {"type": "string", "logicalType": "mine"}, "pattern": "^a"},
        {"name": "c", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "b", "type": {"type": "string", "avro.java.string": "String"}},
    ]
    schema = {"type": "record", "name": "R", "fields": fields, "x-seamwatch": {"topic": "t"}}
    assert set(named(schema)) == {"/fields/0/type/logicalType", "/fields/0/pattern"}
    text = """// x-seamwatch: {"topic": "t"}
    syntax = "proto3";
    message R { int64 id = 1 [deprecated = true, (buf.validate.field).int64.gt = 0]; }"""
    assert list(named(text).values()) == ["the option (buf.validate.field) is not judged"]
