"""A contract is looked at as a whole before it is published: what would not be judged is refused,
or said, with its line.
"""

import json
from typing import Any

import pytest

from monitor.contracts.lines import lines_of
from monitor.contracts.read import Examined, examine
from monitor.contracts.text import parse
from monitor.errors import ContractError

OK: dict[str, Any] = {"description": "x"}
GOOD: dict[str, Any] = {"responses": {"200": OK}}
IN_PATH: dict[str, Any] = {
    "name": "b",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
}
LINES = """openapi: {version}
info: {{title: Pay, version: "1"}}
paths:
  /pay:
    get:
      parameters:
        - name: page
          in: query
          schema:
            {parameter}
      responses:
        "200":
          description: one
          content:
            application/json:
              schema:
                type: object
                {schema}
"""


def text(
    version: str = "3.0.3", parameter: str = "type: integer", schema: str = "properties: {}"
) -> str:
    return LINES.format(version=version, parameter=parameter, schema=schema)


def document(version: str = "3.1.0", **more: Any) -> str:
    base: dict[str, Any] = {
        "openapi": version,
        "info": {"title": "x", "version": "1"},
        "paths": {},
    }
    return json.dumps(
        {name: value for name, value in (base | more).items() if value is not None}, indent=1
    )


def examined(contract: str) -> Examined:
    return examine("", contract, where="contract pay")


def refusal(contract: str) -> str:
    with pytest.raises(ContractError) as refused:
        examined(contract)
    return str(refused.value)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (text(schema="propertes: {}"), "line 18, /paths/~1pay/get/responses/200/content/application~1json/schema/propertes: "),
        (text(schema="propertes: {}"), "did you mean 'properties'?"),
        (text(schema="const: 1"), "line 18, "),
        (text(parameter="exclusiveMinimum: 3"), "line 10, /paths/~1pay/get/parameters/0/schema/exclusiveMinimum: must be boolean"),
        (text(parameter="type: intger"), 'line 10, /paths/~1pay/get/parameters/0/schema/type: is "intger"'),
        (text("3.1.0", parameter="type: intger"), 'line 10, /paths/~1pay/get/parameters/0/schema/type: is "intger"'),
        (text("3.1.0", schema="minimum: low"), "line 18, "),
        (text("3.1.0", schema="required: id"), "must be array"),
        (text().replace("get:", "get:\n      response: {}"), "(line 6)"),
        (text().replace("name: page", "name: page\n          type: string"), "(line 8)"),
    ],
)  # fmt: skip
def test_what_would_not_be_judged_is_refused_with_its_place_and_line(
    contract: str, said: str
) -> None:
    assert said in refusal(contract)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (document("3.0.0", paths=None), "line 1, /: 'paths' is missing"),
        (document("3.1.0", paths=None), "line 1, /: 'paths' is missing"),
        (document(componets={}), "line 8, /componets: OpenAPI 3.1 does not know this key here; did you mean 'components'?"),
        (document(basePath="/v1"), "line 8, /basePath: "),
        (document(definitions={}), "line 8, /definitions: "),
        (document(components={"schema": {}}), "line 9, /components/schema: "),
        (document(components={"parameters": {"a": {"name": "a", "in": "header", "schema": {}, "scheme": {}}}}), "/scheme: "),
        (document(components={"headers": {"A": {"type": "string"}}}), "/components/headers/A"),
        (document(components={"parameters": {"a": {"name": "a b", "in": "header", "schema": {}}}}), 'a/name: is "a b"'),
        (document("3.0.0", components={"parameters": {"a": {"name": "a b", "in": "header", "schema": {}}}}), 'a/name: is "a b"'),
        (document(components={"schemas": {"A": {"discriminator": "kind"}}}), "A/discriminator: must be object"),
        (document(components={"responses": {"A": {**OK, "headers": {"a b": {"schema": {}}}}}}), "`propertyNames`"),
        (
            document(components={"parameters": {"a": {"name": "a", "in": "query", "schema": {}, "example": 1, "examples": {}}}}),
            "both `example` and `examples`",
        ),
        (document(components={"links": {"a": {"operationId": "x", "body": {"url": "/"}}}}), "/components/links/a/body: "),
        (document(servers={"url": "/v1"}), "line 8, /servers: must be array"),
        (document("3.2.0", components={"schemas": {"A": {"xml": {"attribute": True, "nodeType": "attribute"}}}}), "/xml/attribute: "),
    ],
)  # fmt: skip
def test_what_openapis_own_schema_refuses_is_refused(contract: str, said: str) -> None:
    assert said in refusal(contract)


def test_a_choice_is_told_by_what_was_meant_and_not_by_the_whole_object() -> None:
    """OpenAPI 3.0 says "a schema or a reference" everywhere: the place is where the schema went
    wrong, deep inside.
    """
    deep = "properties: {a: {allOf: [{items: {minimun: 1}}]}}"
    message = refusal(text(schema=deep))
    assert "/schema/properties/a/allOf/0/items/minimun: " in message
    assert "did you mean 'minimum'?" in message
    assert "$ref" not in message


def test_at_most_five_reasons_are_told_and_the_others_counted() -> None:
    message = refusal(
        document(
            "3.0.0", components={"schemas": {"A": {f"wrong{number}": 1 for number in range(8)}}}
        )
    )
    assert message.count("line ") == 5
    assert message.endswith("; and 3 more")


@pytest.mark.parametrize(
    ("contract", "line", "pointer", "said"),
    [
        (document(overlays={}), 8, "/overlays", "would not be judged"),
        (document(info=None), 1, "", "'info' is missing"),
        (document(info={"title": "x", "version": 1}), 5, "/info/version", "must be string"),
        (document(tags=[{"name": "a", "colour": "red"}]), 11, "/tags/0/colour", "would not be judged"),
        (document("3.0.0", components={"schemas": {"A": {"examples": [1]}}}), 11, "/components/schemas/A/examples", "would not"),
        (document(components={"schemas": {"A<B>": {}}}), 9, "/components/schemas", "propertyNames"),
        (document(components={"schemas": {"A": {"propertes": {}}}}), 11, "/components/schemas/A/propertes", "'properties'"),
        (document(components={"schemas": {"A": {"faker": 1}}}), 11, "/components/schemas/A/faker", "write it as x-"),
        (text("3.1.0", schema="items: {maxLenght: 3}"), 18, "/items/maxLenght", "'maxLength'"),
        (document(paths={"/a/{b}": {"get": {"responses": {"200": {}}}}}), 11, "/paths/~1a~1{b}/get/responses/200", "'description'"),
        (document(webhooks={"a": {"post": {}}}), 8, "/webhooks", "calls of the provider's own are not judged"),
        (document(), 7, "/paths", "nothing will be judged"),
        (document(paths={"/a?b=1": {"get": GOOD}}), 8, "/~1a?b=1", "no path of a request holds"),
        (document(paths={"/a/{b": {"get": GOOD}}), 8, "/~1a~1{b", "a brace stands alone"),
        (document(paths={"/a/{b}": {"get": GOOD}}), 9, "/get", "what 'b' in the path may be"),
        (document(paths={"/a": {"parameters": [IN_PATH], "get": GOOD}}), 10, "/~1a/parameters/0", "the path has no {b}"),
        (document(paths={"/a/{b}": {"parameters": [IN_PATH, IN_PATH], "get": GOOD}}), 18, "/parameters/1", "stands twice"),
    ],
)  # fmt: skip
def test_what_is_harmless_is_said_with_its_line(
    contract: str, line: int, pointer: str, said: str
) -> None:
    told = [
        remark
        for remark in examined(contract).remarks
        if remark.pointer.endswith(pointer) and said in remark.said
    ]
    assert [remark.line for remark in told] == [line]
    assert not told[0].grave


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1", "3.2.0"])
def test_a_sound_contract_has_no_remarks(version: str) -> None:
    assert examined(text(version, schema="x-own: 1")).remarks == ()


def test_names_that_an_author_chose_are_no_keywords() -> None:
    """A property may be called `schema`, a response `propertes`, an example anything."""
    components = {
        "schemas": {
            "schema": {
                "properties": {"schema": {"type": "string"}, "propertes": {}},
                "example": {"faker": 1},
            }
        },
        "responses": {"schema": {**OK, "headers": {"schema": {"schema": {}, "description": "x"}}}},
        "examples": {"schema": {"value": {"propertes": 1}}},
    }
    operation = {"operationId": "a", "responses": {"200": OK}}
    assert (
        examined(document(components=components, paths={"/a": {"get": operation}})).remarks == ()
    )


def test_a_json_schema_has_its_unknown_keywords_said() -> None:
    bound = {
        "x-seamwatch": {"operation": "POST /pay", "side": "request"},
        "properties": {"a": {"maxLenght": 3}},
    }
    (remark,) = examined(json.dumps(bound, indent=1)).remarks
    assert (remark.pointer, remark.line) == ("/properties/a/maxLenght", 8)


@pytest.mark.parametrize("pattern", ["(", "a{99999999}", "[z-a]"])
def test_a_pattern_that_cannot_be_compiled_refuses_nothing_and_is_said(pattern: str) -> None:
    remarks = examined(
        text(schema=f"properties: {{a: {{pattern: {json.dumps(pattern)}}}}}")
    ).remarks
    assert [(remark.line, remark.pointer.rsplit("/", 1)[-1]) for remark in remarks] == [
        (18, "pattern")
    ]


def test_bodies_and_parameters_that_are_never_judged_are_said() -> None:
    contract = (
        text()
        .replace("application/json:", "application/xml:")
        .replace("in: query", "in: query\n          style: simple")
    )
    assert 'line 9, /paths/~1pay/get/parameters/0/style: is "simple"' in refusal(contract)
    remarks = [
        str(remark)
        for remark in examined(text().replace("application/json:", "application/xml:")).remarks
    ]
    assert remarks == [
        "line 15, /paths/~1pay/get/responses/200/content/application~1xml: bodies of application/xml are not judged (answer 200)"
    ]


def test_what_is_judged_is_counted() -> None:
    promise = examined(text()).promise
    assert (len(promise.operations), promise.parameters, len(promise.schemas)) == (1, 1, 2)


YAML = """# a comment
a:
  - b: 1
    "c/d": {e: [1, 2,
      3]}
  - &x
    f: |
      text
      more
    g: [*x2, 4]
? h
: {i: j}
""".replace("[*x2, 4]", "[5, 4]")


@pytest.mark.parametrize(
    ("pointer", "line"),
    [("", 1), ("/a", 2), ("/a/0", 3), ("/a/0/b", 3), ("/a/0/c~1d", 4), ("/a/0/c~1d/e/1", 4), ("/a/0/c~1d/e/2", 5),
     ("/a/1/f", 7), ("/a/1/g", 10), ("/a/1/g/1", 10), ("/h", 11), ("/h/i", 12), ("/h/nowhere", 11), ("/a/0/c~1d/e/9", 4)],
)  # fmt: skip
def test_lines_of_yaml(pointer: str, line: int) -> None:
    assert lines_of(YAML, [pointer]) == {pointer: line}


JSON = '{\n"a": [\n {"b\\n\\"": "[{,\\"",\n "": [[], {},\n 3]}, true],\n\n "c":\n {"d": -1.5e3}}\n'


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/a", 2),
        ("/a/0", 3),
        ('/a/0/b\n"', 3),
        ("/a/0/", 4),
        ("/a/0//1", 4),
        ("/a/0//2", 5),
        ("/a/1", 5),
        ("/c", 7),
        ("/c/d", 8),
    ],
)
def test_lines_of_json(pointer: str, line: int) -> None:
    assert lines_of(JSON, [pointer]) == {pointer: line}
    assert lines_of("\ufeff" + JSON, [pointer]) == {pointer: line}


COMMENTED = """// Stubs of the shop /* not yet
/* { "request": */
{
  "request": { "method": "GET", "url": "/a//b" }, // "url": "/c"
  "response": {
    /* two
       lines */
    "status": 200, "jsonBody": {"link": "http://shop/*", "more": "\\"//"}
  }
}
"""


def test_json_with_comments_is_read_without_them_and_its_lines_are_its_own() -> None:
    document = parse(COMMENTED, where="here")
    assert document["request"]["url"] == "/a//b"
    assert document["response"]["jsonBody"] == {"link": "http://shop/*", "more": '"//'}
    assert lines_of(COMMENTED, ["/request/url", "/response/status"]) == {
        "/request/url": 4,
        "/response/status": 8,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6: Expecting ':' delimiter"),
        ('{"a": 1, // one\n "b": [1 2]}', "line 2, column 10: Expecting ',' delimiter"),
        ("a:\n  - b: [c\n", "line 3, column 1"),
        ("{a: 1,\n b: 2: 3}", "line 2, column 6"),
    ],
)
def test_a_broken_text_is_refused_with_its_line_and_column(text: str, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        parse(text, where="here")


@pytest.mark.parametrize("piece", ["/* ", '"\\', "// ", '"a": "/'])
def test_a_text_of_open_comments_and_texts_is_refused_soon(piece: str) -> None:
    with pytest.raises(ContractError, match="neither JSON nor YAML"):
        parse("{" + piece * 300_000, where="here")


def test_lines_of_what_came_by_an_alias_are_those_of_the_place_it_came_to() -> None:
    contract = "a: &a\n  b: 1\nc: *a\nd:\n  <<: *a\n  e: 1\n"
    assert lines_of(contract, ["/c/b", "/d/b", "/d/e"]) == {"/c/b": 3, "/d/b": 4, "/d/e": 6}
