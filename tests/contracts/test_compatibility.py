"""Revisions of Avro, Protobuf and JSON Schema against each other, by the levels and the words of
schema registries.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.contracts.compatibility.avro import avro_changes
from monitor.contracts.compatibility.jsonschema import schema_changes
from monitor.contracts.compatibility.levels import incompatible
from monitor.contracts.compatibility.protobuf import proto_changes
from monitor.contracts.formats.avro_schema import avro_of
from monitor.contracts.formats.protobuf_schema import from_text
from monitor.errors import ContractError
from monitor.model.contracts import LEVELS


def record(*fields: Any, name: str = "R", **rest: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "fields": [
            {"name": field[0], "type": field[1], **(field[2] if len(field) > 2 else {})}
            for field in fields
        ],
        **rest,
    }


ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


@pytest.mark.parametrize(
    ("writer", "reader", "told"),
    [
        ("int", "long", []),
        ("int", "double", []),
        ("long", "int", [("TYPE_MISMATCH", "")]),
        ("string", "bytes", []),
        ("bytes", "string", []),
        ("float", "long", [("TYPE_MISMATCH", "")]),
        (record(("a", "int")), record(("a", "int"), ("b", "int", {"default": 0})), []),
        (record(("a", "int")), record(("a", "int"), ("b", "int")), [("READER_FIELD_MISSING_DEFAULT_VALUE", "/b")]),
        (record(("a", "int"), ("b", "int")), record(("a", "int")), []),
        (record(("a", "int")), record(("b", "int", {"aliases": ["a"]})), []),
        (record(("a", "int")), record(("a", "string")), [("TYPE_MISMATCH", "/a")]),
        (record(name="x.R"), record(name="y.R"), []),
        (record(name="R"), record(name="S"), [("NAME_MISMATCH", "")]),
        (record(name="R"), record(name="S", aliases=["R"]), []),
        (record(name="n.R"), record(name="n.S", aliases=["R"]), []),
        (ENUM, ENUM | {"symbols": ["A"]}, [("MISSING_ENUM_SYMBOLS", "")]),
        (ENUM, ENUM | {"symbols": ["A"], "default": "A"}, []),
        (ENUM, ENUM | {"symbols": ["A", "B", "C"]}, []),
        ({"type": "fixed", "name": "F", "size": 4}, {"type": "fixed", "name": "F", "size": 8}, [("FIXED_SIZE_MISMATCH", "")]),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}, [("TYPE_MISMATCH", "/*")]),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, []),
        (["int", "string"], "string", [("TYPE_MISMATCH", "")]),
        (["int"], "long", []),
        ("int", ["null", "long"], []),
        ("int", ["null", "string"], [("MISSING_UNION_BRANCH", "")]),
        (["null", "int"], ["int", "null"], []),
        (["null", "int"], ["null"], [("MISSING_UNION_BRANCH", "")]),
        (record(("a", ["null", record(("b", "int"), name="I")])), record(("a", ["null", record(("b", "int"), ("c", "int"), name="I")])),
         [("READER_FIELD_MISSING_DEFAULT_VALUE", "/a/c")]),
        (record(("n", ["null", "R"])), record(("n", ["null", "R"])), []),
        (record(("n", ["null", "R"]), ("v", "int")), record(("n", ["null", "R"]), ("v", "string")), [("TYPE_MISMATCH", "/v")]),
        ({"type": "int", "logicalType": "date"}, "int", []),
    ],
)  # fmt: skip
def test_avro_is_resolved_by_its_specification(
    writer: Any, reader: Any, told: list[tuple[str, str]]
) -> None:
    changes = avro_changes(avro_of(writer, "x"), avro_of(reader, "x"))
    assert [(change.rule, change.pointer) for change in changes] == told


def test_records_are_compared_once_however_often_unions_lead_to_them() -> None:
    def chained(last: str) -> list[dict[str, Any]]:
        levels = 25
        return [
            record(
                ("a", ["null", f"R{level + 1}"]),
                ("b", ["null", f"R{level + 1}"]),
                name=f"R{level}",
            )
            if level < levels
            else record(("v", last), name=f"R{level}")
            for level in range(levels, -1, -1)
        ]

    def schema(last: str) -> Any:
        *others, root = chained(last)
        references = {str(at): other for at, other in enumerate(others)}
        return avro_of(root, "x", references=references)

    assert avro_changes(schema("int"), schema("long")) == []
    changes = avro_changes(schema("int"), schema("string"))
    assert ("TYPE_MISMATCH", "/a" * 25 + "/v") in {(each.rule, each.pointer) for each in changes}
    assert len(changes) < 60


BASE = 'syntax = "proto3"; package p; message M { string a = 1; int32 b = 2; oneof x { int32 c = 3; string d = 4; } map<string, int32> m = 5; I i = 6; repeated string l = 7; message I { int32 n = 1; } } enum K { Z = 0; }'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("string a = 1;", "", []),
        ("string a = 1;", "string other = 1;", []),
        ("string a = 1;", "bytes a = 1;", []),
        ("string a = 1;", "repeated string a = 1;", []),
        ("string a = 1;", "string a = 1; string e = 9;", []),
        ("int32 b = 2;", "int64 b = 2;", []),
        ("int32 b = 2;", "K b = 2;", []),
        ("int32 b = 2;", "sint32 b = 2;", [("FIELD_SCALAR_KIND_CHANGED", "/M/2")]),
        ("int32 b = 2;", "string b = 2;", [("FIELD_SCALAR_KIND_CHANGED", "/M/2")]),
        ("int32 b = 2;", "repeated int32 b = 2;", [("FIELD_NUMERIC_LABEL_CHANGED", "/M/2")]),
        ("int32 b = 2;", "I b = 2;", [("FIELD_KIND_CHANGED", "/M/2")]),
        ("I i = 6;", "O i = 6; message O {}", [("FIELD_NAMED_TYPE_CHANGED", "/M/6")]),
        ("int32 n = 1;", "string n = 1;", [("FIELD_SCALAR_KIND_CHANGED", "/M/I/1")]),
        ("map<string, int32> m", "map<string, string> m", [("FIELD_SCALAR_KIND_CHANGED", "/M/5")]),
        ("int32 c = 3; string d", "string d", [("ONEOF_FIELD_REMOVED", "/M/3")]),
        ("oneof x { int32 c = 3; string d = 4; }", "int32 c = 3; string d = 4;", []),
        ("oneof x { int32 c = 3; string d = 4; }", "", []),
        (
            "string a = 1; int32 b = 2;",
            "oneof y { string a = 1; int32 b = 2; }",
            [("MULTIPLE_FIELDS_MOVED_TO_ONEOF", "/M/y")],
        ),
        (
            "int32 b = 2; oneof x { ",
            "oneof x { int32 b = 2; ",
            [("FIELD_MOVED_TO_EXISTING_ONEOF", "/M/x")],
        ),
        ("string a = 1;", "optional string a = 1;", []),
        ("package p;", "package q;", [("PACKAGE_CHANGED", "")]),
        ("message M {", "message N {} message O {", [("MESSAGE_REMOVED", "/M")]),
    ],
)
def test_protobuf_keeps_to_what_registries_document(
    before: str, after: str, told: list[tuple[str, str]]
) -> None:
    assert before in BASE
    changes = proto_changes(from_text(BASE, "x"), from_text(BASE.replace(before, after), "x"))
    assert [(change.rule, change.pointer) for change in changes] == told


def test_a_required_field_of_proto2_may_neither_come_nor_go() -> None:
    shorter, longer = (
        from_text("message M { optional int32 a = 1; }", "x"),
        from_text("message M { optional int32 a = 1; required int32 b = 2; }", "x"),
    )
    assert [each.rule for each in proto_changes(shorter, longer)] == ["REQUIRED_FIELD_ADDED"]
    assert [each.rule for each in proto_changes(longer, shorter)] == ["REQUIRED_FIELD_REMOVED"]


OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED = OPEN | {"additionalProperties": False}
PARTLY = OPEN | {"additionalProperties": {"type": "string"}}


def more(
    schema: dict[str, Any], name: str, kind: Any, *, required: bool = False
) -> dict[str, Any]:
    return (
        schema
        | {"properties": schema["properties"] | {name: kind}}
        | ({"required": [name]} if required else {})
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (OPEN, more(OPEN, "b", {"type": "string"}), [("OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", "/b")]),
        (OPEN, more(OPEN, "b", True), []),
        (more(OPEN, "b", {"type": "string"}), OPEN, []),
        (CLOSED, more(CLOSED, "b", {"type": "string"}), []),
        (more(CLOSED, "b", {"type": "string"}), CLOSED, [("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", "/b")]),
        (CLOSED, more(CLOSED, "b", {"type": "string"}, required=True), [("REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", "/b")]),
        (CLOSED, more(CLOSED, "b", {"type": "string", "default": ""}, required=True), []),
        (PARTLY, more(PARTLY, "b", {"type": "string"}), []),
        (PARTLY, more(PARTLY, "b", {"type": "number"}), [("TYPE_CHANGED", "/b"), ("PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", "/b")]),
        (OPEN, CLOSED, [("ADDITIONAL_PROPERTIES_REMOVED", "/*")]),
        (OPEN, OPEN | {"required": ["a"]}, [("REQUIRED_ATTRIBUTE_ADDED", "/a")]),
        (OPEN | {"required": ["a"]}, OPEN, []),
        ({"type": "integer"}, {"type": "number"}, []),
        ({"type": "number"}, {"type": "integer"}, [("TYPE_NARROWED", "")]),
        ({"type": "string"}, {"type": "number"}, [("TYPE_CHANGED", "")]),
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 4}, [("MAX_LENGTH_DECREASED", "")]),
        ({"type": "string", "maxLength": 5}, {"type": "string"}, []),
        ({"type": "number"}, {"type": "number", "minimum": 1}, [("MINIMUM_ADDED", "")]),
        ({"type": "number", "multipleOf": 10}, {"type": "number", "multipleOf": 5}, []),
        ({"type": "number", "multipleOf": 5}, {"type": "number", "multipleOf": 10}, [("MULTIPLE_OF_EXPANDED", "")]),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, []),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, [("ENUM_ARRAY_NARROWED", "")]),
        ({"type": "string"}, {"type": ["string", "null"]}, []),
        ({"type": ["string", "null"]}, {"type": "string"}, [("TYPE_CHANGED", "")]),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"oneOf": [{"type": "string"}]}, [("SUM_TYPE_NARROWED", "")]),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "number"}}, [("TYPE_CHANGED", "/*")]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, {"type": "string"}, []),
        ({"properties": {"n": {"$ref": "#"}}, "additionalProperties": False}, {"properties": {"n": {"$ref": "#"}}, "additionalProperties": False}, []),
        ({}, False, [("TYPE_CHANGED", "")]),
    ],
)  # fmt: skip
def test_json_schema_keeps_to_what_registries_document(
    old: Any, new: Any, told: list[tuple[str, str]]
) -> None:
    assert [(change.rule, change.pointer) for change in schema_changes(old, new)] == told


def test_a_reference_that_leaves_its_document_and_too_many_alternatives_are_refused() -> None:
    with pytest.raises(ContractError, match="nothing is fetched"):
        schema_changes({"$ref": "http://x.example/a"}, {"type": "string"})
    wide = {
        "oneOf": [
            {"type": "object", "properties": {f"p{n}": {"type": "string"}}} for n in range(400)
        ]
    }
    with pytest.raises(ContractError, match="parts of two schemas are compared"):
        schema_changes(wide, wide)


R1, R2, R3 = (
    record(("a", "int")),
    record(("a", "int"), ("b", "int", {"default": 0})),
    record(("b", "int")),
)


@pytest.mark.parametrize(
    ("earlier", "new", "level", "told"),
    [
        ([R1], R2, "FULL", []),
        ([R1], R3, "BACKWARD", [(0, "backward", "/b")]),
        ([R1], R3, "FORWARD", [(0, "forward", "/a")]),
        ([R1], R3, "NONE", []),
        ([R1, R2], R3, "BACKWARD", []),
        ([R1, R2], R3, "BACKWARD_TRANSITIVE", [(0, "backward", "/b")]),
        (
            [R1, R2],
            R3,
            "FULL_TRANSITIVE",
            [(0, "backward", "/b"), (0, "forward", "/a"), (1, "forward", "/a")],
        ),
        ([], R3, "FULL", []),
    ],
)
def test_a_level_says_who_reads_whose_data_and_how_far_back(
    earlier: Any, new: Any, level: Any, told: list[Any]
) -> None:
    assert [
        (conflict.earlier, conflict.direction, conflict.change.pointer)
        for conflict in incompatible("avro", earlier, new, level)
    ] == told


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["contracts", "compatible", *words])
    return int(end.value.code or 0)


def test_the_command_tells_each_change_with_its_path_and_exits_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, schema in (("1.avsc", R1), ("2.avsc", R2), ("3.avsc", R3)):
        (tmp_path / name).write_text(json.dumps(schema))
    (tmp_path / "1.proto").write_text(BASE)
    (tmp_path / "2.proto").write_text(BASE.replace("int32 b", "string b"))
    first, second, third = (str(tmp_path / f"{number}.avsc") for number in (1, 2, 3))
    assert run(first, second) == 0
    assert "BACKWARD: kept" in capsys.readouterr().out
    assert run(first, second, third, "--level", "backward_transitive") == 1
    output = capsys.readouterr().out
    assert f"backward against {first}: READER_FIELD_MISSING_DEFAULT_VALUE at /b" in output
    assert run(str(tmp_path / "1.proto"), str(tmp_path / "2.proto"), "--format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["compatible"], told["changes"][0]["pointer"]) == (
        "protobuf",
        False,
        "/M/2",
    )
    assert run(first) == 64
    assert run(first, str(tmp_path / "1.proto")) == 64
    assert run(first, second, "--level", "SIDEWAYS") == 64
    assert all(level in LEVELS for level in ("FULL", "NONE"))
