"""A folder of contracts is published file by file: by its paths, or by what its manifest says."""

import json
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from monitor.cli import contract_bytes
from monitor.cli.contract_files import documents_in
from monitor.cli.contract_folder import planned, source_of
from monitor.cli.main import main
from monitor.contracts.formats.proto_text import proto_file
from monitor.contracts.read import examine
from monitor.errors import UsageError
from monitor.store import Store
from tests.contracts.examples import interaction, pact

OPENAPI = json.dumps({"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {}})
STUB = json.dumps({"request": {"urlPath": "/a"}, "response": {"status": 200}})


def put(folder: Path, **files: Any) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))


def told(folder: Path) -> dict[str, tuple[str, str, str]]:
    return {
        source: (body["name"], body["provider"], body["format"])
        for source, body in planned(folder).bodies
    }


def test_the_first_folder_names_the_provider_and_the_file_the_contract(tmp_path: Path) -> None:
    put(
        tmp_path,
        payment__openapi_json=OPENAPI,
        payment__v2__refunds_json=OPENAPI,
        cart__cart_json=OPENAPI,
    )
    put(
        tmp_path,
        pacts__web_json=pact(interaction()),
        orders__stubs__a_json=STUB,
        orders__stubs__b_json=STUB,
    )
    put(
        tmp_path,
        payment__package_json={"name": "x"},
        payment__order_avsc={
            "type": "record",
            "name": "Order",
            "fields": [],
            "x-seamwatch": {"topic": "orders"},
        },
    )
    assert told(tmp_path) == {
        "cart/cart.json": ("cart", "cart", "openapi"),
        "orders": ("", "orders", "wiremock"),
        "pacts/web.json": ("", "", "pact"),
        "payment/openapi.json": ("payment", "payment", "openapi"),
        "payment/order.avsc": ("payment-order", "payment", "avro"),
        "payment/v2/refunds.json": ("payment-refunds", "payment", "openapi"),
    }
    assert planned(tmp_path).passed == ["payment/package.json"]


def test_a_graphql_schema_in_parts_is_one_and_queries_are_no_contract(tmp_path: Path) -> None:
    put(
        tmp_path,
        shop__openapi_json=OPENAPI,
        shop__query_graphql="type Query { cart: Cart }",
        shop__cart_graphql="type Cart { id: ID! }",
    )
    put(
        tmp_path,
        shop__ask_graphql="query cart { cart { id } }",
        a__x_graphqls="type Query { a: Int }",
        a__y_graphqls="type Query { b: Int }",
    )
    plan = planned(tmp_path)
    assert plan.refused == []
    assert plan.passed == ["shop/ask.graphql"]
    assert {source: body["name"] for source, body in plan.bodies} == {
        "shop/openapi.json": "shop", "shop/*.graphql": "shop-graphql", "a/x.graphqls": "a-x", "a/y.graphqls": "a-y"
    }  # fmt: skip
    (whole,) = [body["document"] for source, body in plan.bodies if source == "shop/*.graphql"]
    singly, _ = documents_in(
        [tmp_path / "shop" / "cart.graphql", tmp_path / "shop" / "query.graphql"], None
    )
    # named one by one they are one, too
    assert [document.text.count("type ") for document in singly] == [2]
    assert [unit.name for unit in examine("", whole, where="x").promise.units] == ["Query.cart"]


def test_a_manifest_says_otherwise(tmp_path: Path) -> None:
    put(tmp_path, apis__pay_json=OPENAPI, top_json=OPENAPI)
    put(
        tmp_path,
        seamwatch_yaml="contracts:\n- {path: 'apis/*', provider: payment, name: pay-api, environment: staging, version: '2', as: mock, owner: team-pay}\n",
    )
    ((source, body),) = planned(tmp_path).bodies
    assert source == "apis/pay.json"
    assert {word: body[word] for word in ("provider", "name", "environment", "provider_version", "role", "owner")} == {
        "provider": "payment", "name": "pay-api", "environment": "staging", "provider_version": "2", "role": "mock", "owner": "team-pay",
    }  # fmt: skip
    assert [source for source, _ in planned(tmp_path).refused] == ["top.json"]


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("contracts: 7", "no list"),
        ("contracts: [{provider: x}]", "no `path`"),
        ("contracts: [{path: x, prvider: y}]", "not known"),
        ("{", "JSON nor YAML"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused(
    tmp_path: Path, manifest: str, why: str
) -> None:
    put(tmp_path, seamwatch_yaml=manifest)
    with pytest.raises(UsageError, match=why):
        planned(tmp_path)


def test_one_bad_file_spoils_no_other_and_two_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    put(
        tmp_path,
        payment__openapi_json=OPENAPI,
        payment__bad_json="{",
        payment__v1__openapi_json=OPENAPI,
    )
    plan = planned(tmp_path)
    assert [source for source, _ in plan.bodies] == ["payment/openapi.json"]
    assert {source: why.split()[-1] for source, why in plan.refused}.keys() == {
        "payment/bad.json",
        "payment/v1/openapi.json",
    }


def test_a_refusal_of_one_of_many_stubs_names_its_file(tmp_path: Path) -> None:
    contract = {"description": "x", "request": {"method": "GET", "url": "/a"}, "response": {}}
    other = {"request": {"body": "query { a }"}, "response": {"a": 1}}  # another tool's example
    put(tmp_path, pay__a_yaml=contract, pay__b_yaml=contract | {"request": {"method": "GET"}})
    put(tmp_path, pay__c_yaml=other)
    plan = planned(tmp_path)
    (document,) = plan.documents
    assert plan.passed == ["pay/c.yaml"]
    assert document.named("contract x: /contracts/1/request names no url").startswith(
        "pay/b.yaml:"
    )
    assert document.named("contract x: it is too large") == "contract x: it is too large"


def test_a_file_that_is_too_large_spoils_no_other_and_many_contracts_may_be_more_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_bytes, "_MOST_BYTES", 3_000)
    put(tmp_path, payment__openapi_json=OPENAPI, payment__large_json="{}")
    with (tmp_path / "payment" / "large.json").open("r+b") as file:
        file.truncate(16_000_001)
    plan = planned(tmp_path)
    assert [source for source, _ in plan.bodies] == ["payment/openapi.json"]
    ((source, why),) = plan.refused
    assert source == "payment/large.json"
    assert "16000000" in why
    put(tmp_path, order__a_json=" " * 2_999 + "{}")
    with pytest.raises(UsageError, match="more than 3000 bytes"):
        planned(tmp_path / "order")


def test_two_pacts_of_one_pair_do_not_replace_each_other_again_and_again(tmp_path: Path) -> None:
    put(tmp_path, pacts__a_json=pact(interaction("one")), pacts__b_json=pact(interaction("two")))
    plan = planned(tmp_path)
    assert [source for source, _ in plan.bodies] == ["pacts/a.json"]
    ((source, why),) = plan.refused
    assert source == "pacts/b.json"
    assert "pacts/a.json has the name web-orders already" in why


def test_a_folder_is_published_once_and_says_what_became_of_each_file(
    store: Store,
    sqlite_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(import_module("monitor.cli.main"), "set_up_logs", lambda *_: None)
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)
    monkeypatch.setenv("SEAMWATCH_CONTROL_DSN", sqlite_dsn)
    folder = tmp_path / "repository"
    put(folder, payment__openapi_json=OPENAPI, pacts__web_json=pact(interaction()))

    def synced(*words: str) -> tuple[int, dict[str, str]]:
        with pytest.raises(SystemExit) as end:
            main(["contracts", "sync", str(folder), "--format", "json", *words])
        return int(end.value.code or 0), {
            row["source"]: row["outcome"] for row in json.loads(capsys.readouterr().out)
        }

    assert synced("--dry-run") == (
        0,
        dict.fromkeys(("payment/openapi.json", "pacts/web.json"), "would_publish"),
    )
    assert synced() == (0, dict.fromkeys(("payment/openapi.json", "pacts/web.json"), "published"))
    with pytest.raises(SystemExit) as end:
        main(["contracts", "matrix", "orders"])
    assert not end.value.code
    # of no version anything is known yet
    assert "no pact or other contract of examples binds orders" in capsys.readouterr().out
    for words in (["--timeout", "2s", "--p99", "300ms"], []):
        with pytest.raises(SystemExit) as end:
            main(
                ["contracts", "timing", "--provider", "payment", "--consumer", "checkout", *words]
            )
        assert not end.value.code
    out = capsys.readouterr().out
    assert "checkout-payment-timing revision 1 of payment is published" in out
    assert "no call of that time is bound by one" in out
    put(folder, payment__wrong_json={"openapi": "2.0", "paths": {}})
    assert synced() == (
        1,
        {
            "payment/openapi.json": "unchanged",
            "pacts/web.json": "unchanged",
            "payment/wrong.json": "refused",
        },
    )
    wrong = folder / "payment" / "wrong.json"
    (folder / "pacts" / "web.json").unlink()
    assert synced("--prune")[0] == 1  # not while one is refused
    wrong.unlink()
    assert synced("--prune", "--dry-run") == (
        0,
        {"payment/openapi.json": "unchanged", "": "would_withdraw"},
    )
    assert synced("--prune", "--source", "another") == (0, {"payment/openapi.json": "unchanged"})
    assert synced("--prune") == (0, {"payment/openapi.json": "unchanged", "": "withdrawn"})
    assert synced("--prune") == (0, {"payment/openapi.json": "unchanged"})
    with pytest.raises(SystemExit):
        main(["contracts", "list", "--format", "json"])
    told_of = {row["name"]: row["role"] for row in json.loads(capsys.readouterr().out)}
    assert told_of == {
        "checkout-payment-timing": "contract",
        "payment": "contract",
        "web-orders": "withdrawn",
    }
    with pytest.raises(SystemExit):
        main(["contracts", "withdraw", "payment", "--reason", "moved"])
    assert "payment of payment is withdrawn (revision 2)" in capsys.readouterr().out
    assert synced()[1] == {"payment/openapi.json": "published"}


def test_a_folder_is_called_by_its_remote_without_a_login(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "apis"
    inner.mkdir(parents=True)
    assert source_of(inner) == str(inner)
    (tmp_path / "repository" / ".git").mkdir()
    config = '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://me:secret@git.example/shop.git\n\tfetch = x\n'
    (tmp_path / "repository" / ".git" / "config").write_text(config)
    assert (source_of(inner), source_of(inner.parent)) == (
        "https://git.example/shop apis",
        "https://git.example/shop",
    )


def test_archives_and_descriptor_sets_in_a_folder_are_published_too(tmp_path: Path) -> None:
    place = tmp_path / "orders"
    place.mkdir()
    with zipfile.ZipFile(place / "stubs.zip", "w") as packed:
        packed.writestr("mappings/a.json", STUB)
    with zipfile.ZipFile(tmp_path / "nobodys.zip", "w") as packed:
        packed.writestr("openapi.json", OPENAPI)
    (tmp_path / "orders" / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    calls = 'syntax = "proto3"; message A {} service S { rpc Get (A) returns (A); }'
    for name, text in (("s", calls), ("other", 'syntax = "proto3"; message A {}')):
        file = proto_file(text, f"{name}.proto", "x")
        (place / f"{name}.desc").write_bytes(FileDescriptorSet(file=[file]).SerializeToString())
    (place / "weights.pb").write_bytes(b"\xff\xfe no descriptor set")
    plan = planned(tmp_path)
    assert told(tmp_path) == {
        "orders": ("", "orders", "wiremock"),
        "orders/s.desc": ("orders-s", "orders", "protobuf"),
    }
    assert plan.passed == ["orders/other.desc", "orders/weights.pb"]
    assert {source for source, _ in plan.refused} == {
        "orders/broken.zip",
        "nobodys.zip/openapi.json",
    }
