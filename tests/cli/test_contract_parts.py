"""Documents of several files: what they refer to is taken from the files that are given, and from
nowhere else.
"""

import json
import zipfile
from pathlib import Path

import pytest

from monitor.cli.contract_documents import documents_of
from monitor.cli.contract_files import documents_in
from monitor.cli.contract_folder import planned
from monitor.cli.contract_parts import Addresses, gathered_document
from monitor.contracts.bundling import TAKEN_IN
from monitor.errors import UsageError
from tests.contracts.test_messages import held, judged, said

ASYNCAPI = """
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  orders:
    address: orders
    messages:
      order: {$ref: '../common/messages.yaml#/order'}
"""
MESSAGES = "order:\n  payload: {$ref: './deep/schemas.yaml#/Order%20line'}\n"
SCHEMAS = """
Order line:
  type: object
  required: [id]
  properties: {id: {type: integer}, parent: {$ref: '#/Order%20line'}, tag: {$ref: tag.json}}
"""
TAG = {"$id": "https://example.com/tag", "$ref": "#/$defs/t", "$defs": {"t": {"type": "string"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "common" / "deep").mkdir(parents=True)
    (tmp_path / "shop" / "asyncapi.yaml").write_text(ASYNCAPI)
    (tmp_path / "common" / "messages.yaml").write_text(MESSAGES)
    (tmp_path / "common" / "deep" / "schemas.yaml").write_text(SCHEMAS)
    (tmp_path / "common" / "deep" / "tag.json").write_text(json.dumps(TAG))
    return tmp_path


def packed(folder: Path) -> Path:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.*"):
            if file.is_file() and file != path:
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def given(folder: Path, how: str) -> list[Path]:
    main = folder / "shop" / "asyncapi.yaml"
    files = [path for path in folder.rglob("*.*") if path.is_file()]
    if how == "zip":
        return [packed(folder)]
    return {
        "files": [main, *(path for path in files if path != main)],
        "folder beside": [main, folder / "common"],
        "folder": [folder],
    }[how]


@pytest.mark.parametrize("how", ["files", "folder beside", "folder", "zip"])
def test_files_given_along_become_parts_of_the_document_that_refers_to_them(
    folder: Path, how: str
) -> None:
    documents, passed = documents_in(given(folder, how), None)
    (document,) = documents
    assert document.kind == "asyncapi"
    assert passed == []
    assert list(json.loads(document.text)[TAKEN_IN]) == [
        "../common/messages.yaml",
        "../common/deep/schemas.yaml",
        "../common/deep/tag.json",
    ]
    contract = held(document.text, "asyncapi")
    good = {"id": 1, "parent": {"id": 2}, "tag": "x"}
    assert said(judged(good, contract)) == ("valid", "", [])
    assert said(judged(good | {"parent": {"id": "x"}}, contract))[2] == [
        ("request", "type", "/parent/id")
    ]
    assert said(judged(good | {"tag": 1}, contract))[2] == [("request", "type", "/tag")]


def test_what_is_not_given_is_not_read_and_the_refusal_says_the_way_out(folder: Path) -> None:
    main = folder / "shop" / "asyncapi.yaml"
    with pytest.raises(
        UsageError, match=r"or give the command that file too, or the folder"
    ) as no:
        documents_of([str(main)], lenient_nullable=True)
    assert "../common/messages.yaml#/order" in str(no.value)
    (folder / "shop" / "other.yaml").symlink_to(folder / "common" / "messages.yaml")
    (folder / "shop" / ".hidden.yaml").write_text(MESSAGES)
    for name in ("other.yaml", ".hidden.yaml", "/etc/hostname", "nowhere.yaml"):
        main.write_text(ASYNCAPI.replace("../common/messages.yaml", name))
        with pytest.raises(UsageError, match="leaves the document"):
            documents_of([str(main)], lenient_nullable=True)


def test_what_lies_below_a_documents_own_folder_need_not_be_given(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "a.json").write_text(
        '{"type": "integer", "examples": [{"$ref": "x"}]}'
    )
    content = {"application/json": {"schema": {"$ref": "schemas/a.json"}}}
    path = {"get": {"responses": {"200": {"description": "x", "content": content}}}}
    (tmp_path / "paths.yaml").write_text(json.dumps(path).replace("schemas/a", "./schemas/a"))
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}}
    paths = {"/a": {"$ref": "paths.yaml"}, "/b": {"$ref": "openapi.json#/paths/~1a"}}
    (tmp_path / "openapi.json").write_text(json.dumps(document | {"paths": paths}))
    (made,) = documents_of([str(tmp_path / "openapi.json")], lenient_nullable=True)
    names = {operation.name for operation in made.examined.promise.operations}
    assert names == {"GET /a", "GET /b"}
    assert str(tmp_path) not in made.text
    assert not any("no word of ours" in remark.said for remark in made.examined.remarks)


def test_an_address_means_a_file_given_along_by_its_id_or_its_name(tmp_path: Path) -> None:
    (tmp_path / "tag.json").write_text(json.dumps(TAG))
    avro = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "int"}]}
    (tmp_path / "Order.avsc").write_text(json.dumps(avro))
    payloads = {
        "tag": {"$ref": TAG["$id"]},
        "order": {
            "schemaFormat": "application/vnd.apache.avro;version=1.9.0",
            "schema": {"$ref": "https://example.com/schemas/Order.avsc#/Order"},
        },
    }
    channels = {
        name: {"address": name, "messages": {name: {"payload": payload}}}
        for name, payload in payloads.items()
    }
    document = {"asyncapi": "3.0.0", "info": {"title": "t", "version": "1"}, "channels": channels}
    main = tmp_path / "main.json"
    main.write_text(json.dumps(document))
    files = [tmp_path / name for name in ("main.json", "tag.json", "Order.avsc")]
    (made,) = documents_of([str(file) for file in files], lenient_nullable=True)
    assert [message.topic for message in made.examined.promise.messages] == ["tag", "order"]


def test_a_folder_of_git_publishes_each_document_whole_and_parts_of_none(folder: Path) -> None:
    (folder / "secret.yaml").write_text("a: 1")
    plan = planned(folder)
    assert [source for source, _ in plan.bodies] == ["shop/asyncapi.yaml"]
    whole = plan.bodies[0][1]["document"]
    assert len(json.loads(whole)[TAKEN_IN]) == 3
    assert said(judged({"id": "x"}, held(whole, "asyncapi")))[0] == "violated"
    assert plan.refused == []
    (alone,) = planned(folder / "shop").bodies or [("", {"document": ""})]
    assert TAKEN_IN not in alone[1]["document"]


def test_of_many_files_those_alone_are_read_that_are_referred_to() -> None:
    files = {f"s{at}.json": json.dumps({"$id": f"urn:s{at}"}).encode() for at in range(100)}
    asked: list[str] = []

    def read(name: str) -> bytes | None:
        asked.append(name)
        return files.get(name)

    def along() -> dict[str, bytes]:
        asked.append("all")
        return files

    document = {"x-seamwatch": {"topic": "t"}, "items": {"$ref": "s7.json"}}
    whole = gathered_document(document, "t.json", read, Addresses(along))
    assert (whole.files, asked) == (("s7.json",), ["s7.json"])
    addresses = Addresses(along)
    for at in (8, 9):
        document = {"items": {"$ref": f"urn:s{at}"}}
        whole = gathered_document(document, "t.json", read, addresses)
        assert whole.files == (f"s{at}.json",)
    assert asked.count("all") == 1


def test_a_part_that_cannot_be_read_is_told_by_its_name(folder: Path) -> None:
    (folder / "common" / "deep" / "schemas.yaml").write_text("a: [")
    with pytest.raises(UsageError, match=r"schemas\.yaml"):
        documents_in(given(folder, "folder beside"), None)
