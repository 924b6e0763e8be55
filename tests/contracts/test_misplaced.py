"""Keys at the wrong place are refused with their place and the nearest known one."""

import json
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.read import examine, read_contract
from monitor.errors import ContractError
from tests.contracts.promises import exchange, registry, revision


def told(paths: dict[str, Any]) -> str:
    with pytest.raises(ContractError) as refused:
        read_contract(
            "openapi", json.dumps({"openapi": "3.1.0", "paths": paths}), where="contract"
        )
    return str(refused.value)


OK = {"description": "x"}


@pytest.mark.parametrize(
    ("item", "place", "hint"),
    [
        ({"GET": {"responses": {"200": OK}}}, "/paths/~1r ", "'get'"),
        ({"get": {"response": {"200": OK}}}, "/paths/~1r/get ", "'responses'"),
        ({"get": {"responses": {"200": {"contents": {}}}}}, "/responses/200 ", "'content'"),
        ({"get": {"responses": {"200": {"schema": {}}}}}, "/responses/200 ", "remove it"),
        ({"get": {"consumes": ["a/b"], "responses": {}}}, "/paths/~1r/get ", "remove it"),
        (
            {"get": {"responses": {}, "parameters": [{"name": "a", "in": "querry"}]}},
            "/parameters/0 ",
            "'querry'",
        ),
        (
            {
                "get": {
                    "responses": {},
                    "parameters": [{"name": "a", "in": "query", "type": "string"}],
                }
            },
            "/parameters/0 ",
            "'type'",
        ),
        (
            {"post": {"responses": {}, "requestBody": {"content": {"a/b": {"scheme": {}}}}}},
            "/content/a~1b ",
            "'schema'",
        ),
    ],
)
def test_a_misplaced_key_is_refused_with_its_place(
    item: dict[str, Any], place: str, hint: str
) -> None:
    refusal = told({"/r": item})
    assert place in refusal
    assert hint in refusal


def test_of_two_paths_that_every_request_fits_alike_the_status_is_judged() -> None:
    """As Xero's own document of attachments has them: by id, and by file name."""
    item = {
        "get": {
            "responses": {
                "200": {**OK, "content": {"application/json": {"schema": {"type": "array"}}}}
            }
        }
    }
    document = json.dumps(
        {
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1"},
            "paths": {"/r/{a}": item, "/r/{b}": item, "/s": item},
        }
    )
    told = [
        (remark.pointer, remark.kind)
        for remark in examine("openapi", document, where="x").remarks
        if "only the status is judged" in remark.said
    ]
    assert told == [("/paths/~1r~1{b}/get", "unjudged")]
    held = registry(revision(document))
    outcomes = [
        check(exchange(path=path, answer={}, status=status), held).outcome
        for path, status in (("/r/7", 200), ("/r/7", 201), ("/s", 200), ("/t", 200))
    ]
    assert outcomes == ["valid", "violated", "violated", "violated"]


def test_two_such_paths_with_methods_of_their_own_are_both_judged() -> None:
    """As GitHub's own document has them."""
    paths = {
        "/r/{a}": {"get": {"responses": {"200": OK}}},
        "/r/{b}": {"delete": {"responses": {"204": OK}}},
    }
    text = json.dumps({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths})
    router = read_contract("openapi", text, where="x").router
    found = [router.match(method, "/r/7") for method in ("GET", "DELETE", "POST")]
    assert [match.target.name if match and match.target else "" for match in found] == [
        "GET /r/{a}",
        "DELETE /r/{b}",
        "",
    ]


def test_extensions_are_known_everywhere() -> None:
    paths = {
        "/r": {"x-a": 1, "get": {"x-b": 1, "responses": {"x-c": 1, "200": {**OK, "x-d": 1}}}},
        "x-e": 1,
    }
    read_contract("openapi", json.dumps({"openapi": "3.1.0", "paths": paths}), where="contract")
