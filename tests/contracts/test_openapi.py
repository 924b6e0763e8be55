"""OpenAPI 3.0, 3.1 and 3.2 as written: versions, dialects, references, servers, statuses, media
types.
"""

import json
from typing import Any

import pytest

from monitor.contracts.form import Promise
from monitor.contracts.read import examine, read_contract
from monitor.contracts.text import parse


def promise(schema: Any, *, version: str = "3.0.3", lenient: bool = True, **more: Any) -> Promise:
    body = {"content": {"application/json": {"schema": schema}}}
    paths = {"/a": {"post": {"requestBody": body, "responses": {"200": body}}}}
    text = json.dumps({"openapi": version, "paths": paths, **more})
    return read_contract("openapi", text, where="contract x", lenient_nullable=lenient)


def fits(schema: Any, payload: Any, *, side: str = "response", **more: Any) -> bool:
    match = promise(schema, **more).router.match("POST", "/a")
    assert match is not None
    assert match.target is not None
    body = match.target.request if side == "request" else match.target.response(200)
    assert body is not None
    compiled = body.media["application/json"]
    assert compiled is not None
    return compiled.fits(payload)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
def test_each_version_is_read(version: str) -> None:
    assert fits({"type": "integer"}, 1, version=version)
    assert not fits({"type": "integer"}, "1", version=version)


@pytest.mark.parametrize(
    ("schema", "lenient", "strict"),
    [
        ({"type": "string", "nullable": True}, True, True),
        ({"type": "string", "nullable": True, "enum": ["a"]}, True, False),
        ({"nullable": True, "allOf": [{"type": "string"}]}, True, False),
        ({"nullable": True, "$ref": "#/components/schemas/S"}, True, False),
        ({"nullable": True, "anyOf": [{"type": "string"}]}, True, False),
        ({"type": "string"}, False, False),
    ],
)
def test_null_is_allowed_leniently_by_default_and_strictly_by_option(
    schema: Any, lenient: bool, strict: bool
) -> None:
    components = {"schemas": {"S": {"type": "string"}}}
    assert fits(schema, None, components=components) is lenient
    assert fits(schema, None, components=components, lenient=False) is strict


OLD = "http://json-schema.org/draft-{}/schema#"


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"$schema": OLD.format("04"), "minimum": 5, "exclusiveMinimum": True}, 6, 5),
        ({"$schema": OLD.format("07"), "items": [{}], "additionalItems": False}, [1], [1, 2]),
        ({"$schema": OLD.format("06"), "dependencies": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
        ({"$schema": OLD.format("04"), "id": "u:x", "allOf": [{"maximum": 1}]}, 1, 2),
        (
            {
                "$schema": "https://json-schema.org/draft/2019-09/schema",
                "$ref": "#/components/schemas/S",
                "items": [{"type": "string"}],
            },
            ["a"],
            [1],
        ),
    ],
)
def test_a_schema_that_names_an_older_draft_is_read_by_it(
    schema: Any, good: Any, bad: Any
) -> None:
    components = {"schemas": {"S": {"maxItems": 2}}}
    assert fits(schema, good, version="3.1.0", components=components)
    assert not fits(schema, bad, version="3.1.0", components=components)


def test_a_draft_that_a_document_names_for_all_of_its_schemas_is_theirs() -> None:
    more: dict[str, Any] = {
        "version": "3.1.0",
        "jsonSchemaDialect": OLD.format("07"),
        "components": {
            "schemas": {"S": {"items": [{"type": "string"}], "additionalItems": False}}
        },
    }
    for schema in ({"$ref": "#/components/schemas/S"}, {"items": [{"type": "string"}]}):
        assert fits(schema, ["a"], **more)
        assert not fits(schema, [1], **more)
    assert not fits({"$ref": "#/components/schemas/S"}, ["a", 1], **more)


def test_words_that_an_older_draft_does_not_know_say_nothing_in_it() -> None:
    old = {"$schema": OLD.format("04"), "const": 1, "not": {"$ref": "#/components/schemas/S"}}
    components = {"schemas": {"S": {"const": 2}}}
    assert fits(old, 3, version="3.1.0", components=components)
    assert not fits(old, 2, version="3.1.0", components=components), "S is of the document's draft"


def test_an_older_draft_passes_the_documents_own_check_and_an_unknown_one_is_named() -> None:
    def remarks(dialect: str) -> list[str]:
        schema = {"$schema": dialect, "type": "number", "minimum": 1}
        if "04" in dialect:
            schema["exclusiveMinimum"] = True
        body = {"description": "x", "content": {"application/json": {"schema": schema}}}
        paths = {"/a": {"get": {"responses": {"200": body}}}}
        document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}
        examined = examine("", json.dumps(document), where="contract x")
        return [remark.said for remark in examined.remarks]

    assert remarks(OLD.format("04")) == []
    assert remarks("https://spec.openapis.org/oas/3.1/dialect/base") == []
    (said,) = remarks("https://example.com/mine")
    assert "the dialect 'https://example.com/mine' is not read" in said


def test_exclusive_bounds_are_booleans_in_3_0_and_numbers_later() -> None:
    assert not fits({"minimum": 5, "exclusiveMinimum": True}, 5)
    assert not fits({"exclusiveMinimum": 5}, 5, version="3.1.0")


def test_siblings_of_a_reference_count_since_3_1() -> None:
    schema, components = (
        {"$ref": "#/components/schemas/S", "maxLength": 1},
        {"schemas": {"S": {"type": "string"}}},
    )
    assert fits(schema, "ab", components=components)
    assert not fits(schema, "ab", version="3.1.0", components=components)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_what_travels_one_way_is_required_that_way_only(version: str) -> None:
    schema = {
        "required": ["id", "secret"],
        "allOf": [{"$ref": "#/components/schemas/S"}],
        "properties": {"secret": {"type": "string", "writeOnly": True}},
    }
    components = {"schemas": {"S": {"properties": {"id": {"type": "integer", "readOnly": True}}}}}
    assert fits(schema, {"secret": "s"}, side="request", version=version, components=components)
    assert not fits(schema, {"secret": "s"}, version=version, components=components)
    assert fits(schema, {"id": 1}, version=version, components=components)
    assert not fits(schema, {"id": 1}, side="request", version=version, components=components)


@pytest.mark.parametrize("text", ["0af76519-16cd-43dd-8448-eb211c80319c", "P1DT2H"])
def test_formats_that_3_0_names_are_asserted(text: str) -> None:
    kind = "uuid" if "-" in text else "duration"
    assert fits({"type": "string", "format": kind}, text)
    assert not fits({"type": "string", "format": kind}, "nonsense")
    assert fits({"type": "string", "format": "made-up"}, "nonsense")


def test_a_discriminator_is_tolerated_and_the_meant_branch_speaks() -> None:
    schema = {
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"a": "#/components/schemas/A", "b": "https://elsewhere/b"},
        },
        "oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
    }
    components = {"schemas": {
        "A": {"type": "object", "required": ["kind", "x"], "properties": {"kind": {"enum": ["a"]}, "x": {"type": "integer"}}},
        "B": {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["b"]}}},
    }}  # fmt: skip
    match = promise(schema, components=components).router.match("POST", "/a")
    assert match is not None
    assert match.target is not None
    body = match.target.response(200)
    assert body is not None
    compiled = body.media["application/json"]
    assert compiled is not None
    assert [
        (mismatch.rule, mismatch.pointer)
        for mismatch in compiled.broken({"kind": "a", "x": "1"}, 9)
    ] == [("type", "/x")]


def test_references_to_parts_of_the_document_are_followed() -> None:
    text = json.dumps({
        "openapi": "3.0.3",
        "paths": {"/a": {"$ref": "#/components/pathItems/P"}},
        "components": {
            "pathItems": {"P": {"get": {"parameters": [{"$ref": "#/components/parameters/Q"}], "responses": {"200": {"$ref": "#/components/responses/R"}}}}},
            "parameters": {"Q": {"name": "q", "in": "query", "required": True, "schema": {"$ref": "#/components/schemas/I"}}},
            "responses": {"R": {"content": {"application/vnd.x+json; v=1": {"schema": {"$ref": "#/components/schemas/I"}}}}},
            "schemas": {"I": {"type": "integer"}},
        },
    })  # fmt: skip
    read = read_contract("openapi", text, where="contract x")
    read.compile()
    operation = read.operations[0]
    assert [
        (parameter.name, parameter.required, parameter.reading.kinds)
        for parameter in operation.parameters
    ] == [("q", True, frozenset({"integer"}))]
    body = operation.response(200)
    assert body is not None
    assert list(body.media) == ["application/vnd.x+json; v=1"]


def test_all_server_paths_are_bases_and_hosts_do_not_matter() -> None:
    servers = [
        {
            "url": "https://{region}.x.example/{stage}/v1",
            "variables": {
                "region": {"default": "eu"},
                "stage": {"default": "live", "enum": ["live", "test"]},
            },
        },
        {"url": "/internal"},
    ]
    router = promise({}, servers=servers).router
    matches = [
        router.match("POST", path)
        for path in ("/live/v1/a", "/test/v1/a", "/internal/a/", "/a", "/other/a")
    ]
    assert [match and match.base for match in matches] == [
        "/live/v1",
        "/test/v1",
        "/internal",
        "",
        None,
    ]


def test_yaml_keeps_json_types() -> None:
    read = parse(
        "a: 2026-01-31\nb: NO\nc: on\nd: 1e3\n200: x\ne: &x {q: 1}\nf: {<<: *x, r: ~}\ng: 'true'\nh: !!str 12\n"
        "i: [*x, *x]\nj: 014931\nk: ! true\n&y l: {m: &z []}\np: {*y : *z}\n'<<': {n: 1}\no: -.5",
        where="x",
    )
    assert read == {
        "a": "2026-01-31",
        "b": "NO",
        "c": "on",
        "d": 1000.0,
        "200": "x",
        "e": {"q": 1},
        "f": {"q": 1, "r": None},
        "g": "true",
        "h": "12",
        "i": [{"q": 1}, {"q": 1}],
        "j": "014931",  # to tools of YAML 1.1 it is text, and no octal number
        "k": "true",
        "l": {"m": []},
        "p": {"l": []},
        "<<": {"n": 1},
        "o": -0.5,
    }
    assert read["i"][0] is not read["i"][1]


@pytest.mark.parametrize(
    "bound",
    [
        None,
        {"operation": "POST"},
        {"operation": "POST /a", "side": "both"},
        {"operation": "POST /a", "side": "response", "status": "2"},
    ],
)
def test_a_schema_must_say_what_it_is_bound_to(bound: Any) -> None:
    from monitor.errors import ContractError

    with pytest.raises(ContractError, match="x-seamwatch"):
        read_contract("jsonschema", json.dumps({"x-seamwatch": bound}), where="contract x")


def test_swagger_2_is_refused_with_what_to_do() -> None:
    from monitor.errors import ContractError

    text = json.dumps({"swagger": "2.0", "paths": {}})
    with pytest.raises(ContractError, match="convert it to OpenAPI 3"):
        read_contract("openapi", text, where="contract x")
