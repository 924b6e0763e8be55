"""References by `$id`, `$anchor` and `$dynamicRef`, and references that nothing judged
depends on.
"""

import json
from typing import Any

import pytest

from monitor.contracts.read import read_contract
from monitor.errors import ContractError
from tests.contracts.test_dialect import document, fits

LIST = {
    "$id": "list",
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"$dynamicRef": "#item"}}},
    "$defs": {"i": {"$dynamicAnchor": "item"}},
}
INT_LIST = {
    "$id": "intlist",
    "$ref": "list",
    "$defs": {"i": {"$dynamicAnchor": "item", "type": "integer"}},
}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#number"},
        {"$id": "https://e.io/s", "$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}},
        {
            "$id": "https://e.io/s",
            "$ref": "#x",
            "$defs": {"x": {"$anchor": "x", "type": "integer"}},
        },
        {
            "$id": "https://e.io/root",
            "allOf": [{"$ref": "pet"}],
            "$defs": {"p": {"$id": "pet", "type": "integer"}},
        },
        {"$ref": "https://e.io/bundled/number"},
        {"$ref": "https://e.io/bundled/number#/$defs/inner"},
        {"$ref": "#/components/schemas/Bundled/$defs/inner"},
    ],
)
def test_what_the_document_holds_by_name_is_found(schema: dict[str, Any]) -> None:
    known = {
        "Number": {"$anchor": "number", "type": "integer"},
        "Bundled": {
            "$id": "https://e.io/bundled/number",
            "type": "integer",
            "$defs": {"inner": {"type": "integer"}},
        },
    }
    assert fits(schema, "1", **known)
    assert not fits(schema, '"a"', **known)


def test_a_dynamic_reference_goes_by_who_asks() -> None:
    known = {"List": LIST, "IntList": INT_LIST}
    ints, anything = (
        {"$ref": "#/components/schemas/IntList"},
        {"$ref": "#/components/schemas/List"},
    )
    assert fits(ints, '{"items": [1]}', **known)
    assert not fits(ints, '{"items": ["a"]}', **known)
    assert fits(anything, '{"items": ["a"]}', **known)


def test_the_documents_dialect_is_kept() -> None:
    contract = json.loads(
        document(
            {"$ref": "#/components/schemas/A", "type": "string"}, "3.1.0", A={"type": "integer"}
        )
    )
    contract["jsonSchemaDialect"] = "http://json-schema.org/draft-07/schema#"
    clause = (
        read_contract("openapi", json.dumps(contract), where="contract")
        .operations[0]
        .responses["200"]
        .media["application/json"]
    )
    assert clause is not None
    assert clause.fits(1)  # in draft 7 nothing beside $ref counts


@pytest.mark.parametrize("place", ["x-note", "links", "callbacks", "securitySchemes", "examples"])
def test_a_reference_that_nothing_judged_depends_on_refuses_no_contract(place: str) -> None:
    contract = json.loads(document({"type": "integer"}, "3.1.0"))
    contract["components"][place] = {"A": {"$ref": "https://example.org/a.yaml"}}
    read_contract("openapi", json.dumps(contract), where="contract").compile()
    contract["components"]["schemas"]["B"] = {"$ref": "https://example.org/a.yaml"}
    with pytest.raises(ContractError, match="leaves the document"):
        read_contract("openapi", json.dumps(contract), where="contract")


def test_a_reference_in_links_and_callbacks_of_an_operation_refuses_no_contract() -> None:
    contract = json.loads(document({"type": "integer"}))
    operation = contract["paths"]["/r"]["post"]
    operation["callbacks"] = {"done": {"$ref": "other.yaml#/a"}}
    operation["responses"]["200"]["links"] = {"next": {"$ref": "other.yaml#/b"}}
    operation["responses"]["200"]["x-docs"] = {"$ref": "other.yaml#/c"}
    read_contract("openapi", json.dumps(contract), where="contract").compile()
