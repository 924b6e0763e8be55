"""What OpenAPI adds to JSON Schema: sides, discriminators, integer formats, exact numbers,
ECMA-262's patterns.
"""

import json
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.patterns import ecma
from monitor.contracts.payloads import Payload
from monitor.contracts.read import examine, read_contract
from tests.contracts.promises import exchange, registry, revision


def document(schema: dict[str, Any], version: str = "3.0.3", **components: Any) -> str:
    content = {"application/json": {"schema": schema}}
    post = {
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "x", "content": content}},
    }
    return json.dumps(
        {
            "openapi": version,
            "info": {"title": "t", "version": "1"},
            "paths": {"/r": {"post": post}},
            "components": {"schemas": components},
        }
    )


def outcomes(
    text: str, *, asked: str | None = None, answer: str | None = None
) -> tuple[str, list[str]]:
    """The verdict and the broken rules of one exchange with these bodies; the other side keeps
    silent.
    """
    checked = check(
        exchange(
            method="POST",
            path="/r",
            request_body=asked,
            response_body=answer,
            request_headers={"content-type": "application/json"} if asked is not None else {},
            status=200,
        ),
        registry(revision(text)),
    )
    return checked.outcome, [violation.rule for violation in checked.violations]


def fits(schema: dict[str, Any], body: str, version: str = "3.1.0", **components: Any) -> bool:
    promise = read_contract("openapi", document(schema, version, **components), where="contract")
    clause = promise.operations[0].responses["200"].media["application/json"]
    assert clause is not None
    payload = Payload(body, {"content-type": "application/json"})
    assert payload.problem == ""
    return clause.fits(payload.value)


@pytest.mark.parametrize(
    ("schema", "fitting", "other"),
    [
        ({"type": "integer", "format": "int32"}, "2147483647", "2147483648"),
        ({"type": "integer", "format": "int32"}, "-2147483648", "-2147483649"),
        ({"type": "integer", "format": "int64"}, "9223372036854775807", "9223372036854775808"),
        ({"type": "integer", "format": "int64"}, "-9223372036854775808", "-9223372036854775809"),
        ({"type": "integer", "format": "uint8"}, "255", "256"),
        ({"type": ["integer", "null"], "format": "int32"}, "null", "99999999999"),
        ({"type": "integer"}, "123456789012345678901234567890", "1.5"),
        ({"type": "integer", "maximum": 2**64}, "18446744073709551616", "18446744073709551617"),
        ({"type": "integer", "minimum": 10**30}, f"{10**30}", f"{10**30 - 1}"),
        ({"enum": [2**64]}, "18446744073709551616", "18446744073709551617"),
        ({"const": 10**40 + 1}, f"{10**40 + 1}", f"{10**40}"),
        ({"type": "integer", "multipleOf": 7}, f"{7 * 2**70}", f"{7 * 2**70 + 1}"),
        ({"type": "number", "multipleOf": 0.01}, "1.15", "1.155"),
        ({"type": "number", "multipleOf": 0.1}, "0.3", "0.35"),
        ({"uniqueItems": True}, f"[{2**70}, {2**70 + 1}]", f"[{2**70}, {2**70}]"),
    ],
)
def test_numbers_are_exact_however_long(schema: dict[str, Any], fitting: str, other: str) -> None:
    assert fits(schema, fitting)
    assert not fits(schema, other)


def test_an_integer_format_says_nothing_of_texts() -> None:
    assert fits({"type": "string", "format": "int64"}, '"99999999999999999999"')


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_a_float_without_a_fraction_is_an_integer(version: str) -> None:
    """JSON Schema says so since draft 6; of the draft that 3.0 took over readers differ."""
    assert fits({"type": "integer"}, "1.0", version)
    assert not fits({"type": "integer"}, "1.5", version)


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        (r"^\w+$", "ab_1", "é"),
        (r"^\d$", "1", "٣"),
        (r"\bfoo\b", "éfoo", "xfoo"),
        (r"a\Bb", "ab", "a"),
        (r"^.$", "😀", "\u2028"),
        (r"^[^]$", "\n", ""),
        (r"^[[:a]+$", "[:a", "b"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[\w-.]+$", "a-.", "!"),
        (r"^[\b]$", "\x08", "b"),
        (r"^\0\cA$", "\x00\x01", "0"),
        (r"^\uD83D\uDE00$", "😀", "x"),
        (r"^a{,3}$", "a{,3}", "aa"),
        (r"^(?<n>a|b)\k<n>$", "aa", "ab"),
        (r"^[^\W_]+$", "ab1", "é"),
        (r"^\p{L}+$", "é", "1"),
        (r"^[\w\-\.]+\/x$", "a-b.c/x", "a/y"),
        (r"^(?=.*\d)(?!.*x).{3,}$", "ab1", "abx1"),
    ],
)
def test_patterns_mean_what_ecma_262_says(pattern: str, fitting: str, other: str) -> None:
    assert fits({"type": "string", "pattern": pattern}, json.dumps(fitting))
    assert not fits({"type": "string", "pattern": pattern}, json.dumps(other))


def test_an_empty_class_matches_nothing_and_a_trailing_backslash_stays() -> None:
    assert not fits({"pattern": "[]"}, '"a"')
    assert ecma("a\\") == "a\\"


@pytest.mark.parametrize(
    "pattern", ["a{1,9999999}b{1,9999999}", "(?<x", r"\p{Nothing}", "(?#note)"]
)
def test_a_pattern_that_does_not_compile_leaves_its_clause_unjudged_and_is_named(
    pattern: str,
) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": pattern}, "n": {"type": "integer"}},
    }
    text = document(schema)
    assert outcomes(text, answer='{"a": "x"}')[0] == "not_checked"
    assert outcomes(text, asked="{}", answer='{"n": 1}') == ("valid", [])
    assert outcomes(text, answer='{"a": "x", "n": "1"}') == ("violated", ["type"])
    clause = (
        read_contract("openapi", text, where="contract")
        .operations[0]
        .responses["200"]
        .media["application/json"]
    )
    assert clause is not None
    assert {pointer.rpartition("/schema")[2] for pointer in clause.unjudged} == {
        "/properties/a/pattern"
    }


def test_a_pattern_of_keys_that_does_not_compile_judges_no_key_that_is_left() -> None:
    schema = {
        "type": "object",
        "patternProperties": {"(?<x": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert outcomes(document(schema), answer='{"a": "x"}')[0] == "not_checked"
    assert outcomes(document(schema), asked="{}", answer="{}") == ("valid", [])


ONLY_READ = {"type": "string", "readOnly": True}


@pytest.mark.parametrize(
    "schema",
    [
        {"required": ["id", "n"], "properties": {"id": ONLY_READ}},
        {
            "required": ["id"],
            "oneOf": [{"properties": {"id": ONLY_READ}, "required": ["n"]}, {"required": ["k"]}],
        },
        {"required": ["id"], "anyOf": [{"properties": {"id": ONLY_READ}}]},
        {"allOf": [{"properties": {"id": ONLY_READ}}, {"required": ["id", "n"]}]},
        {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["id", "n"]}]},
        {
            "required": ["id"],
            "properties": {
                "id": {"allOf": [{"$ref": "#/components/schemas/Id"}], "readOnly": True}
            },
        },
        {"required": ["id"], "properties": {"id": {"$ref": "#/components/schemas/OnlyRead"}}},
    ],
)
def test_what_is_only_read_is_not_asked_of_a_request_wherever_it_is_declared(
    schema: dict[str, Any],
) -> None:
    text = document(
        schema,
        Base={"type": "object", "properties": {"id": ONLY_READ}},
        Id={"type": "string"},
        OnlyRead=ONLY_READ,
    )
    assert outcomes(text, asked='{"n": "a"}', answer='{"id": "1", "n": "a"}') == ("valid", [])
    assert outcomes(text, asked='{"n": "a"}', answer='{"n": "a"}')[0] == "violated"


def test_a_reference_beside_required_in_3_1_is_looked_behind() -> None:
    text = document(
        {"$ref": "#/components/schemas/Base", "required": ["id"]},
        "3.1.0",
        Base={"type": "object", "properties": {"id": ONLY_READ}},
    )
    assert outcomes(text, asked="{}", answer='{"id": "1"}') == ("valid", [])


def test_what_is_only_written_must_not_be_in_a_response() -> None:
    text = document(
        {
            "type": "object",
            "required": ["pw"],
            "properties": {"pw": {"type": "string", "writeOnly": True}},
        }
    )
    assert outcomes(text, asked='{"pw": "x"}', answer="{}") == ("valid", [])
    assert outcomes(text, asked='{"pw": "x"}', answer='{"pw": "x"}')[0] == "violated"


CAT = {
    "type": "object",
    "required": ["t"],
    "properties": {"t": {"type": "string"}, "m": {"type": "integer"}},
}
DOG = {
    "type": "object",
    "required": ["t"],
    "properties": {"t": {"type": "string"}, "b": {"type": "integer"}},
}
BRANCHES = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
@pytest.mark.parametrize(
    ("mapping", "cat", "dog"),
    [
        (None, "Cat", "Dog"),
        ({"c": "#/components/schemas/Cat", "d": "Dog"}, "c", "d"),
        ({"d": "./Dog.json"}, "Cat", "d"),
    ],
)
def test_a_discriminator_picks_the_branch_that_is_judged(
    version: str, word: str, mapping: Any, cat: str, dog: str
) -> None:
    discriminator = {"propertyName": "t"} | ({"mapping": mapping} if mapping else {})
    schema = {word: BRANCHES, "discriminator": discriminator}

    def held(**body: Any) -> bool:
        return fits(schema, json.dumps(body), version, Cat=CAT, Dog=DOG)

    assert held(t=cat, m=1)
    assert held(t=dog, b=1, m="x")
    assert not held(t=cat, m="x", b=1)
    assert not held(t=dog, b="x", m=1)
    assert not held(t="other", m=1)
    assert not held(m=1)


def test_a_branch_with_a_discriminator_of_its_own_takes_the_values_of_its_branches() -> None:
    pet = {"oneOf": BRANCHES, "discriminator": {"propertyName": "t"}}
    schema = {
        "oneOf": [{"$ref": "#/components/schemas/Pet"}, {"$ref": "#/components/schemas/Car"}],
        "discriminator": {"propertyName": "t"},
    }
    known = {
        "Pet": pet,
        "Cat": CAT,
        "Dog": DOG,
        "Car": {"type": "object", "required": ["t", "wheels"]},
    }
    assert fits(schema, '{"t": "Dog", "b": 1}', **known)
    assert not fits(schema, '{"t": "Dog", "b": "x"}', **known)
    assert fits(schema, '{"t": "Car", "wheels": 4}', **known)


def test_without_the_value_the_default_mapping_of_3_2_is_judged() -> None:
    discriminator = {"propertyName": "t", "defaultMapping": "Other"}
    schema = {
        "oneOf": [*BRANCHES, {"$ref": "#/components/schemas/Other"}],
        "discriminator": discriminator,
    }
    known = {"Cat": CAT, "Dog": DOG, "Other": {"type": "object", "required": ["z"]}}
    assert fits(schema, '{"z": 1}', "3.2.0", **known)
    assert fits(schema, '{"t": "new", "z": 1}', "3.2.0", **known)
    assert not fits(schema, '{"t": "new"}', "3.2.0", **known)
    assert fits(schema, '{"t": "Cat", "m": 1}', "3.2.0", **known)


def test_a_default_response_is_read_like_every_other() -> None:
    text = json.loads(document({"type": "string", "nullable": True}))
    responses = text["paths"]["/r"]["post"]["responses"]
    responses["default"] = responses.pop("200")
    assert outcomes(json.dumps(text), asked="null", answer="null") == ("valid", [])


PARENT: dict[str, Any] = {
    "Pet": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}, "discriminator": {"type": "string"}},
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": "Cat", "cow": "#/components/schemas/Cow"},
        },
    },
    "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["lives"]}]},
    "Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["bark"]}]},
}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1", "3.2.0"])
def test_a_parents_discriminator_picks_nothing_and_that_is_said(version: str) -> None:
    """OpenAPI 3.0.4 and 3.1.1, discriminator object: validation with the parent does not search
    for its children.
    """
    notes = remarks(version, {"$ref": "#/components/schemas/Pet"}, PARENT)
    assert notes == {
        "/components/schemas/Pet/discriminator": "picks nothing, since no `oneOf` or `anyOf` stands beside it: "
        "payloads are not held against the schemas that extend this one: Cat, Dog",
        "/components/schemas/Pet/discriminator/mapping/cow": "names the schema 'Cow', which the document does not hold",
    }


@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
def test_a_branch_without_a_name_is_judged_without_the_discriminator_and_that_is_said(
    word: str,
) -> None:
    pet = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    schema = {
        word: [{"$ref": "#/components/schemas/Pet"}, {"type": "array"}],
        "discriminator": {"propertyName": "kind"},
    }
    (pointer,) = remarks("3.1.0", schema, {"Pet": pet})
    assert pointer.endswith(f"/schema/{word}/1")


def test_a_discriminator_that_picks_among_names_is_not_remarked_on() -> None:
    pet = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    schema = {
        "oneOf": [{"$ref": "#/components/schemas/Pet"}],
        "discriminator": {"propertyName": "kind", "mapping": {"p": "Pet"}},
    }
    assert remarks("3.1.0", schema, {"Pet": pet}) == {}


def remarks(version: str, schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, str]:
    answer = {"description": "x", "content": {"application/json": {"schema": schema}}}
    document = {
        "openapi": version,
        "info": {"title": "x", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": answer}}}},
        "components": {"schemas": schemas},
    }
    return {
        remark.pointer: remark.said
        for remark in examine("openapi", json.dumps(document), where="contract").remarks
    }
