"""Contracts of all formats: published from files, folders and archives, checked offline, and told
what they were shown.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.cli.assembly import House
from monitor.cli.contract_files import documents_in
from monitor.cli.up import serving
from monitor.clock import system_clock
from monitor.config import load
from monitor.contracts.read import read_contract
from monitor.contracts.registry import Registry
from monitor.control.store import open_control
from monitor.errors import ContractError, UsageError
from monitor.store import Store
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.examples import ORDER, interaction, pact
from tests.fixtures.held_contracts import revisions
from tests.pipelines.test_examples_shown import Given, records

STUB = {
    "request": {"method": "GET", "urlPath": "/orders/7"},
    "response": {"status": 200, "bodyFileName": "order.json"},
}
CONTRACT = "name: a\nrequest: {method: GET, url: /a}\nresponse: {status: 200, body: {a: 1}}\n"


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder as WireMock keeps it, with a file that is no contract."""
    folder = tmp_path / "stubs"
    (folder / "mappings" / "deep").mkdir(parents=True)
    (folder / "__files").mkdir()
    (folder / "mappings" / "one.json").write_text(json.dumps(STUB | {"uuid": "1"}))
    (folder / "mappings" / "deep" / "two.json").write_text(
        json.dumps(
            {
                "mappings": [
                    {"request": {"urlPath": "/b"}, "response": {"jsonBody": {}}, "uuid": "2"}
                ]
            }
        )
    )
    (folder / "__files" / "order.json").write_text(json.dumps(ORDER))
    (folder / "package.json").write_text('{"name": "x"}')
    (folder / "README.md").write_text("no contract")
    return folder


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_stubs_of_a_folder_or_an_archive_are_one_contract_with_their_bodies(
    stubs: Path, tmp_path: Path, *, packed: bool
) -> None:
    documents, passed = documents_in(
        [zipped(stubs, tmp_path / "stubs.zip") if packed else stubs], None
    )
    assert [document.kind for document in documents] == ["wiremock"]
    mappings = json.loads(documents[0].text)["mappings"]
    assert sorted(mapping["request"]["urlPath"] for mapping in mappings) == ["/b", "/orders/7"]
    (shown,) = (mapping["response"] for mapping in mappings if mapping["uuid"] == "1")
    assert json.loads(shown["body"]) == ORDER
    assert [name.rpartition("/")[2] for name in passed] == ["package.json"]


def test_a_folder_of_several_kinds_gives_a_document_of_each(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(pact(interaction())))
    (tmp_path / "b.json").write_text(json.dumps(pact(interaction(), consumer="billing")))
    (tmp_path / "c.yml").write_text(CONTRACT)
    (tmp_path / "d.yaml").write_text(CONTRACT.replace("name: a", "name: b"))
    documents, _ = documents_in([tmp_path], None)
    assert sorted(document.kind for document in documents) == [
        "pact",
        "pact",
        "spring-cloud-contract",
    ]
    (contracts,) = (
        json.loads(document.text)
        for document in documents
        if document.kind == "spring-cloud-contract"
    )
    assert [contract["name"] for contract in contracts["contracts"]] == ["a", "b"]


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * 40_000_000)
    path = tmp_path / "bomb.zip"
    path.write_bytes(bomb.getvalue())
    with pytest.raises(UsageError, match="bytes"):
        documents_in([path], None)
    path.write_bytes(b"PK no archive")
    with pytest.raises(UsageError, match="cannot be read"):
        documents_in([path], None)


@pytest.fixture
def shop(
    store: Store, chdb_path: Path, sqlite_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The running process; the address of its control store."""
    for name in [name for name in os.environ if name.startswith("SEAMWATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(import_module("monitor.cli.main"), "set_up_logs", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)
    monkeypatch.setenv("SEAMWATCH_CONTROL_DSN", sqlite_dsn)
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(chdb_path.parent))
    engine = open_control(sqlite_dsn)
    with serving(House(load(flags={"api.port": 0}), store, engine), page=False):
        yield sqlite_dsn
    assert store.lock is not None
    store.lock.announce("", "")
    engine.dispose()


def said(capsys: pytest.CaptureFixture[str], *words: str, exits: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        main([*words])
    told = capsys.readouterr()
    assert (end.value.code or 0) == exits, told.out + told.err
    return told.out + told.err


def test_pacts_and_stubs_are_published_from_files_and_what_they_were_shown_is_told(
    shop: str, store: Store, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web, billing = tmp_path / "web.json", tmp_path / "billing.json"
    web.write_text(
        json.dumps(
            pact(
                interaction("an order"),
                interaction("never", asks={"path": "/never", "matchingRules": {}}),
            )
        )
    )
    billing.write_text(json.dumps(pact(interaction(), consumer="billing")))
    out = said(capsys, "contracts", "publish", str(web), str(billing))
    assert "web-orders revision 1 of orders is published" in out
    assert "billing-orders revision 1 of orders is published" in out
    assert "judged: 2 interactions; no remarks" in out
    out = said(capsys, "contracts", "publish", str(stubs), "--provider", "orders", "--as", "mock")
    assert "orders-wiremock revision 1 of orders is published as a mock" in out
    assert "package.json is no contract" in out
    assert "give --provider" in said(capsys, "contracts", "publish", str(stubs), exits=64)
    engine = open_control(shop)
    held = revisions(engine)
    assert [
        (revision.name, revision.format, revision.consumer, revision.provider, revision.role)
        for revision in held
    ] == [
        ("billing-orders", "pact", "billing", "orders", "contract"),
        ("orders-wiremock", "wiremock", "", "orders", "mock"),
        ("web-orders", "pact", "web", "orders", "contract"),
    ]
    live = Registry(held)
    engine.dispose()
    batch = records({}, {"response_body": "{}"}, at=system_clock() - timedelta(minutes=5))
    for _ in api_logs(
        Given(batch), store, lambda: live, ApiLogSettings(format="ndjson"), system_clock
    ):
        pass
    shown = json.loads(said(capsys, "contracts", "coverage", "web-orders", "--format", "json"))
    assert [(row["interaction"], row["proof"], row["kept"], row["broken"]) for row in shown] == [
        ("an order", "broken", 1, 1),
        ("never", "unproven", 0, 0),
    ]
    assert [
        (pair["caller"], pair["caller_version"], pair["callee_version"])
        for pair in shown[0]["pairs"]
    ] == [("web", "1.0", "2.0")]
    table = said(capsys, "contracts", "coverage", "web-orders", "--days", "7")
    assert "unproven" in table


def test_recorded_traffic_is_held_against_pacts_of_its_own_callers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web, billing, traffic = (
        tmp_path / "web.json",
        tmp_path / "billing.json",
        tmp_path / "traffic.ndjson",
    )
    web.write_text(
        json.dumps(
            pact(
                interaction("an order"),
                interaction("never", asks={"path": "/never", "matchingRules": {}}),
            )
        )
    )
    billing.write_text(
        json.dumps(pact(interaction(answers={"body": {"total": 1}}), consumer="billing"))
    )

    def check(*bodies: Any) -> dict[str, Any]:
        batch = records(
            *({"response_body": json.dumps(body)} for body in bodies), {"path": "/elsewhere"}
        )
        traffic.write_bytes(b"".join(value + b"\n" for value in batch.values))
        words = [
            "--contract",
            str(web),
            "--contract",
            str(billing),
            "--traffic",
            str(traffic),
            "--format",
            "json",
        ]
        with pytest.raises(SystemExit) as end:
            main(["contracts", "check", *words])
        return {"exit": end.value.code or 0, **json.loads(capsys.readouterr().out)}

    good = check(ORDER)
    assert (good["exit"], good["summary"]["valid"], good["summary"]["reasons"]) == (
        0,
        1,
        {"no_interaction": 1},
    )
    assert good["coverage"]["interactions"] == {"web: an order": {"kept": 1}}
    assert good["coverage"]["unproven"] == ["never", "billing: an order"]  # of the same name
    bad = check(ORDER | {"id": "x"})
    assert bad["exit"] == 1
    assert [
        (violation["rule"], violation["pointer"], violation["contract"])
        for violation in bad["violations"]
    ] == [("type", "/id", "web")]


def test_protos_bring_what_they_import_from_beside_them_and_of_a_folder_only_those_that_are_bound(
    tmp_path: Path,
) -> None:

    (tmp_path / "a" / "common").mkdir(parents=True)
    (tmp_path / "a" / "common" / "line.proto").write_text(
        'syntax = "proto3"; package common; message Line { string sku = 1; }'
    )
    order = tmp_path / "a" / "shop" / "order.proto"
    order.parent.mkdir()
    text = 'syntax = "proto3"; package shop; import "common/line.proto"; message Order { common.Line line = 1; }'
    order.write_text('// x-seamwatch: {"topic": "orders"}\n' + text)
    (alone,), passed = documents_in([order], None)
    (bound,), left = documents_in([tmp_path / "a"], None)
    assert (passed, [Path(path).name for path in left]) == ([], ["line.proto"])
    for document in (alone, bound):
        assert document.kind == "protobuf"
        assert [
            each.topic for each in read_contract("protobuf", document.text, where="x").messages
        ] == ["orders"]
    (tmp_path / "set.desc").write_bytes(b"\x0a\x00")
    assert documents_in([tmp_path / "set.desc"], None)[0][0].kind == "protobuf"


def test_an_avro_schema_is_told_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_text('{"type": "record", "name": "A", "fields": []}')
    assert [document.kind for document in documents_in([tmp_path / "a.avsc"], None)[0]] == ["avro"]


def test_an_avro_schema_takes_in_the_files_that_define_its_types(tmp_path: Path) -> None:
    def record(name: str, kind: str, **more: Any) -> dict[str, Any]:
        fields = [{"name": "f", "type": kind}]
        return {"type": "record", "name": name, "namespace": "n", "fields": fields} | more

    schemas = {
        "Order": record("Order", "Line", **{"x-seamwatch": {"topic": "orders"}}),
        "Line": record("Line", "other.Item"),
        "Item": record("Item", "Unit", namespace="other"),
        "Unit": record("Unit", "int", namespace="other"),
    }
    for name, schema in schemas.items():
        (tmp_path / f"{name}.avsc").write_text(json.dumps(schema))
    for paths in ([tmp_path / "Order.avsc"], sorted(tmp_path.glob("*.avsc")), [tmp_path]):
        documents, passed = documents_in(paths, None)
        assert [Path(each.source).name for each in documents] == ["Order.avsc"]
        assert len(passed) in (0, 3)
        taken = json.loads(documents[0].text)["x-seamwatch-files"]
        assert sorted(taken) == ["Item.avsc", "Line.avsc", "Unit.avsc"]
        (message,) = read_contract("avro", documents[0].text, where="x").messages
        assert message.topic == "orders"
    (tmp_path / "Item.avsc").unlink()
    documents, _ = documents_in([tmp_path / "Order.avsc"], None)
    with pytest.raises(ContractError, match=r"no type 'other\.Item'"):
        read_contract("avro", documents[0].text, where="x")


def test_an_avro_payload_of_asyncapi_takes_in_the_types_that_it_only_names(
    tmp_path: Path,
) -> None:
    line = {"type": "record", "name": "n.Line", "fields": [{"name": "sku", "type": "string"}]}
    order = {"type": "record", "name": "n.Order", "fields": [{"name": "line", "type": "Line"}]}
    document = {
        "asyncapi": "2.6.0",
        "info": {"title": "t", "version": "1"},
        "channels": {
            "orders": {
                "publish": {
                    "message": {
                        "schemaFormat": "application/vnd.apache.avro;version=1.9.0",
                        "payload": {"$ref": "./schemas/order.avsc"},
                    }
                }
            }
        },
    }
    (tmp_path / "schemas").mkdir()
    (tmp_path / "line.avsc").write_text(json.dumps(line))
    (tmp_path / "schemas" / "order.avsc").write_text(json.dumps(order))
    (tmp_path / "api.json").write_text(json.dumps(document))
    for paths in ([tmp_path / "api.json"], [tmp_path]):
        documents, _ = documents_in(paths, None)
        assert [each.kind for each in documents] == ["asyncapi"]
        (message,) = read_contract("asyncapi", documents[0].text, where="x").messages
        assert message.topic == "orders"


def test_a_proto_payload_of_asyncapi_comes_with_what_it_imports(tmp_path: Path) -> None:
    message = {
        "contentType": "application/x-protobuf",
        "payload": {
            "schemaFormat": "application/vnd.google.protobuf;version=3",
            "schema": {"$ref": "./protos/order.proto"},
        },
    }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "channels": {"o": {"address": "orders", "messages": {"Order": message}}},
    }
    money = 'syntax = "proto3"; package common; message Money { string currency = 1; }'
    order = 'syntax = "proto3"; import "common/money.proto"; message Order { common.Money m = 1; }'
    (tmp_path / "protos" / "common").mkdir(parents=True)
    (tmp_path / "protos" / "common" / "money.proto").write_text(money)
    (tmp_path / "protos" / "order.proto").write_text(order)
    (tmp_path / "api.json").write_text(json.dumps(document))
    for paths in ([tmp_path / "api.json"], [tmp_path]):
        (whole,), _ = documents_in(paths, None)
        (promised,) = read_contract("asyncapi", whole.text, where="x").messages
        assert promised.topic == "orders"
