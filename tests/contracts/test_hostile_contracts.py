"""Contracts that attack: refused at publishing with what and where, in bounded time, and nothing
is ever fetched.
"""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.cli.contract_files import parse_or_refuse
from monitor.contracts.check import check
from monitor.contracts.formats.reading import Readings
from monitor.contracts.limits import ContractLimits
from monitor.contracts.read import read_contract
from monitor.contracts.registry import Registry
from monitor.errors import ContractError, UsageError
from tests.contracts.promises import AT_NS, exchange, revision
from tests.fixtures.effort import Effort

BOUND = {"x-seamwatch": {"operation": "GET /api/payments/{id}", "side": "response"}}


def openapi(schemas: dict[str, Any], **more: Any) -> str:
    answer = {
        "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    }
    return json.dumps(
        {
            "openapi": "3.1.0",
            "paths": {"/api/payments/{id}": {"get": {"responses": answer}}},
            "components": {"schemas": schemas},
            **more,
        }
    )


def chain(levels: int, link: Any) -> dict[str, Any]:
    """A schema that applies twice the next one, `levels` times: 2^levels at the end."""
    schemas = {
        f"L{level}": {"allOf": [link(f"#/components/schemas/L{level + 1}")] * 2}
        for level in range(levels)
    }
    return {"A": {"$ref": "#/components/schemas/L0"}, **schemas, f"L{levels}": {"type": "integer"}}


@pytest.fixture
def listener() -> Iterator[tuple[str, socket.socket]]:
    """A web address on loopback where somebody counts who calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/schema.json", server


@pytest.mark.parametrize("word", ["$ref", "$dynamicRef", "$recursiveRef"])
def test_a_reference_out_of_the_document_is_refused_and_nobody_is_called(
    listener: tuple[str, socket.socket], word: str
) -> None:
    address, server = listener
    for kind, text in (
        ("openapi", openapi({"A": {"items": {word: address}}})),
        ("jsonschema", json.dumps({**BOUND, "items": {word: address}})),
    ):
        with pytest.raises(ContractError, match=r"leaves the document; bundle it"):
            read_contract(kind, text, where="contract x")
    with pytest.raises(BlockingIOError):
        server.accept()


def test_references_that_are_data_are_no_references(listener: tuple[str, socket.socket]) -> None:
    address, server = listener
    schema = {
        "A": {
            "properties": {"$ref": {"type": "string"}},
            "enum": [{"$ref": address}],
            "example": {"$ref": address},
        }
    }
    read_contract("openapi", openapi(schema), where="contract x").compile()
    with pytest.raises(BlockingIOError):
        server.accept()


def test_files_and_missing_places_are_refused_with_the_place() -> None:
    with pytest.raises(ContractError, match="file:///etc/passwd"):
        read_contract(
            "openapi", openapi({"A": {"$ref": "file:///etc/passwd"}}), where="contract x"
        )
    with pytest.raises(ContractError, match="components/schemas/NOPE"):
        read_contract(
            "openapi", openapi({"A": {"$ref": "#/components/schemas/NOPE"}}), where="contract x"
        ).compile()


HOSTILE: list[tuple[str, str, str]] = [
    (
        "a chain of two",
        openapi(chain(40, lambda ref: {"$ref": ref})),
        "schemas apply to one value",
    ),
    (
        "itself in place",
        openapi({"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}}),
        "lead in a circle",
    ),
    (
        "deep",
        openapi(
            {"A": json.loads("[" * 150 + "]" * 150)}, x=json.loads('{"a":' * 220 + "1" + "}" * 220)
        ),
        "nested deeper",
    ),
    ("a long pattern", openapi({"A": {"pattern": "a" * 5000}}), "longer than 4096"),
    (
        "a path twice in JSON",
        '{"openapi": "3.1.0", "paths": {"/a": {}, "/a": {}}}',
        "'/a' stands twice",
    ),
    ("deep JSON", '{"a":' * 20_000 + "1" + "}" * 20_000, "nested deeper"),
    ("deep YAML", "a: " + "[" * 20_000 + "]" * 20_000, "nested deeper|neither JSON nor YAML"),
    ("very deep YAML", "[" * 1_000_000, "nested deeper"),
    ("very deep YAML in blocks", "- " * 300_000 + "a", "nested deeper"),
    ("no type", openapi({"A": {"type": "float"}}), "cannot be used"),
    ("a list for paths", '{"openapi": "3.0.0", "paths": []}', "no object"),
    (
        "a bad status",
        '{"openapi": "3.0.0", "paths": {"/a": {"get": {"responses": {"2000": {}}}}}}',
        "neither a status",
    ),
    ("swagger", "swagger: '2.0'", "OpenAPI 3.0, 3.1 and 3.2"),
    ("a tag", "openapi: !!python/object/apply:os.system ['true']", "tag"),
    ("no text", "", "empty"),
    ("a list", "- 1", "no object"),
    ("half a surrogate", "a: \ud800", "surrogate"),
    ("bytes", "\x00\x01", "neither JSON nor YAML"),
    ("a key twice", "openapi: 3.0.0\nopenapi: 3.1.0", "stands twice"),
    ("an alias in itself", "a: &a [*a]", "contains itself"),
    (
        "many aliases",
        "a0: &a0 [x]\n"
        + "\n".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(12)),
        "aliases expand",
    ),
    ("more nodes than may be", f"a: [{','.join(['a'] * 1_000_001)}]", "more than 1000000 nodes"),
    ("a key that is no text", "? [a]\n: 1", "a key at line 1 is no text"),
    ("a template", "{{ if }}\nkind: x", "neither JSON nor YAML"),
    ("an alias to nothing", "a: *b", "found undefined alias 'b'"),
]


def test_readings_of_schemas_that_unfold_without_end_cost_little() -> None:
    """Of parameters and forms, before anything is known of the work that the schemas ask for."""
    wide = {
        f"n{at}": {"anyOf": [{"$ref": f"#/components/schemas/n{at + 1}"}] * 50} for at in range(20)
    } | {"n20": {"type": "string"}}
    fields = {
        f"f{at}": {
            "allOf": [
                {
                    "properties": {
                        f"g{two}": {"$ref": "#/components/schemas/n0"} for two in range(50)
                    }
                }
            ]
            * 20
        }
        for at in range(50)
    }
    document = {"components": {"schemas": wide}}
    readings = Readings(document)
    effort = Effort()
    for schema in (wide["n0"], {"properties": fields}, {"anyOf": [{"properties": fields}] * 50}):
        assert readings.of(schema).kinds
        assert readings.form({"schema": schema}).read().kinds
    assert effort.seconds() < 5


@pytest.mark.parametrize(
    ("text", "why"),
    [(text, why) for _, text, why in HOSTILE],
    ids=[name for name, _, _ in HOSTILE],
)
def test_a_hostile_contract_is_refused_quickly_and_says_why(text: str, why: str) -> None:
    effort = Effort()
    with pytest.raises(ContractError, match=why):
        read_contract("openapi", text, where="contract x").compile()
    assert effort.seconds() < 5


def test_a_pattern_over_the_engines_size_refuses_no_contract() -> None:
    made = Registry([revision(openapi({"A": {"type": "string", "pattern": "^(a{1000}){1000}$"}}))])
    assert made.broken == {}
    assert check(exchange(answer="a"), made).outcome == "not_checked"
    assert check(exchange(answer=1), made).outcome == "violated"


def test_a_contract_over_its_size_is_refused() -> None:
    with pytest.raises(ContractError, match="more than the 100"):
        read_contract(
            "openapi",
            openapi({"A": {}}),
            where="contract x",
            limits=ContractLimits(text_bytes=100),
        )


def test_schemas_that_double_at_each_level_make_deep_payloads_unchecked() -> None:
    document = openapi(chain(60, lambda ref: {"properties": {"a": {"$ref": ref}}}))
    made = Registry([revision(document)])
    assert made.broken == {}
    payload: Any = {}
    for _ in range(40):
        payload = {"a": payload}
    effort = Effort()
    assert check(exchange(answer=payload), made).reason == "too_deep"
    assert check(exchange(answer={"a": {"a": {}}}), made).outcome == "valid"
    assert effort.seconds() < 2


def vendor(pattern: str | None = None) -> Registry:
    """A large vendor's way: each resource names others by id or, expanded, as a whole; `peer` may
    be any of six kinds.
    """
    others = [{"$ref": f"#/components/schemas/R{number}"} for number in range(6)]
    schemas: dict[str, Any] = {
        "A": others[0],
        "Gone": {"type": "object", "required": ["gone"], "properties": {"gone": {"const": True}}},
    }
    for number in range(6):
        schemas[f"R{number}"] = {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", **({"pattern": pattern} if pattern else {})},
                "peer": {"anyOf": [{"type": "string"}, *others]},
                "next": {
                    "anyOf": [
                        {"type": "string"},
                        others[(number + 1) % 6],
                        {"$ref": "#/components/schemas/Gone"},
                    ]
                },
                "list": {
                    "type": "object",
                    "properties": {"data": {"type": "array", "items": others[number - 1]}},
                },
            },
        }
    made = Registry([revision(openapi(schemas))])
    assert made.broken == {}
    return made


def nested(levels: int, by: str, innermost: object) -> Any:
    payload = innermost
    for _ in range(levels):
        payload = {"id": "x", by: payload, "list": {"data": [{"id": "y", "peer": "z"}] * 3}}
    return payload


def test_an_ordinary_payload_deeper_than_every_payload_may_be_is_judged() -> None:
    """The contract's own bound is for the worst payload; only one that asks for as much is left
    unchecked.
    """
    made = vendor()
    (held,) = made.find("payment", "production", "", "web", AT_NS)
    assert held.promise is not None
    assert held.promise.depth < 10
    effort = Effort()
    assert check(exchange(answer=nested(14, "next", "id")), made).outcome == "valid"
    (broken,) = check(
        exchange(answer={**nested(14, "next", "id"), "list": {"data": [{"id": 5}]}}), made
    ).violations
    assert (broken.rule, broken.pointer) == ("type", "/list/data/*/id")
    assert check(exchange(answer=nested(14, "next", {"id": 5})), made).outcome == "violated"
    assert check(exchange(answer=nested(14, "peer", "id")), made).reason == "too_deep"
    assert effort.seconds() < 10


def test_what_a_payload_breaks_is_not_named_where_naming_it_costs_too_much() -> None:
    effort = Effort()
    (broken,) = check(exchange(answer=nested(7, "peer", {"id": 1})), vendor()).violations
    assert (broken.rule, broken.actual) == ("schema", "broken")
    assert (
        check(exchange(answer=nested(7, "peer", {"id": "***"})), vendor("^x$")).reason
        == "undecidable"
    )
    assert (
        check(exchange(answer=nested(7, "peer", {"id": 1}), redacted=True), vendor()).reason
        == "too_deep"
    )
    assert (
        check(exchange(answer=nested(2, "peer", {"id": 1})), vendor()).violations[0].rule
        != "schema"
    )
    assert effort.seconds() < 10


def test_a_catastrophic_pattern_neither_hangs_nor_says_valid() -> None:
    made = Registry([revision(openapi({"A": {"type": "string", "pattern": "^(?=(a+)+b)(a+)+$"}}))])
    effort = Effort()
    assert check(exchange(answer="a" * 5_000 + "!"), made).outcome != "valid"
    assert effort.seconds() < 2


def test_recursion_as_real_schemas_use_it_is_no_attack() -> None:
    node = {
        "type": "object",
        "properties": {
            "kids": {"type": "array", "items": {"$ref": "#/components/schemas/A"}},
            "up": {"$ref": "#/components/schemas/A"},
        },
    }
    promise = read_contract("openapi", openapi({"A": node}), where="contract x")
    assert promise.depth == 128


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 20_000 + "1" + "}" * 20_000, "a: " + "[" * 20_000 + "]" * 20_000],
    ids=["JSON", "YAML"],
)
def test_publishing_a_deep_file_is_refused_by_the_command_itself(text: str) -> None:
    with pytest.raises(UsageError, match=r"nested deeper|neither JSON nor YAML"):
        parse_or_refuse(text, "deep.yaml")


FIELDS = {f"h{number}": "x" for number in range(500)}
STUB = {"method": "GET", "urlPath": "/a"}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (
            "wiremock",
            {
                "mappings": [
                    {"request": STUB | {"bodyPatterns": [{"contains": "x"}] * 500}, "response": {}}
                ]
                * 200
            },
        ),
        (
            "wiremock",
            {
                "mappings": [
                    {
                        "request": STUB | {"multipartPatterns": [{"name": "x"}] * 500},
                        "response": {},
                    }
                ]
                * 200
            },
        ),
        (
            "mountebank",
            {
                "imposters": [
                    {
                        "port": 1,
                        "protocol": "http",
                        "stubs": [
                            {
                                "predicates": [{"equals": {"form": FIELDS}}],
                                "responses": [{"is": {}}],
                            }
                        ]
                        * 200,
                    }
                ]
            },
        ),
        (
            "pact",
            {
                "consumer": {"name": "c"},
                "provider": {"name": "p"},
                "interactions": [
                    {
                        "description": "d",
                        "request": {"method": "GET", "path": "/a", "headers": FIELDS},
                        "response": {"status": 200},
                    }
                ]
                * 200,
            },
        ),
    ],
)
def test_examples_with_too_many_matchers_are_refused(kind: str, document: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="ask for too much work"):
        read_contract(kind, json.dumps(document), where="contract x")
