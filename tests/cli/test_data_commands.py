"""Data commands give the same answers over the running process's API and over stores they open
themselves.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.cli.assembly import House
from monitor.cli.edges import FIELDS
from monitor.cli.up import serving
from monitor.config import load
from monitor.control.store import open_control
from monitor.store import Store
from tests.fixtures.shop_day import NOON, edge_row, publish, write, write_shop_day

CONTRACT = '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}'


WAYS = (
    "this process opens the stores",
    "another serves it beyond loopback",
    "another serves the API",
)


@pytest.fixture(params=[WAYS[0], pytest.param(WAYS[1], marks=pytest.mark.long)])
def shop(
    request: pytest.FixtureRequest,
    store: Store,
    chdb_path: Path,
    sqlite_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    """A store with a shop's day in it, reached either way."""
    write_shop_day(store)
    for name in [name for name in os.environ if name.startswith("SEAMWATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(import_module("monitor.cli.main"), "set_up_logs", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)
    monkeypatch.setenv("SEAMWATCH_CONTROL_DSN", sqlite_dsn)
    if request.param.startswith("this"):
        monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(tmp_path))
        yield store
        return
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(chdb_path.parent))
    host = "0.0.0.0" if "beyond" in request.param else "127.0.0.1"
    engine = open_control(sqlite_dsn)
    with serving(House(load(flags={"api.port": 0, "api.host": host}), store, engine), page=False):
        yield store
    assert store.lock is not None
    store.lock.announce("", "")
    engine.dispose()


def said(capsys: pytest.CaptureFixture[str], *words: str, exits: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        main([*words])
    told = capsys.readouterr()
    assert (end.value.code or 0) == exits, told.out + told.err
    return told.out


@pytest.mark.usefixtures("shop")
def test_edges_are_one_array_with_exactly_the_promised_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = json.loads(said(capsys, "edges", "--format", "json"))
    assert rows
    assert all(list(row) == FIELDS for row in rows)
    pay = {row["callee_version"]: row for row in rows if row["callee"] == "payment"}
    assert set(pay) == {"1.4.2", "2.0.0"}
    assert pay["2.0.0"]["coverage"]["both"] > 0
    by_callee = json.loads(said(capsys, "edges", "--by", "callee", "--format", "json"))
    assert {row["caller"] for row in by_callee} == {None}
    assert sum(row["calls"] for row in by_callee) == sum(row["calls"] for row in rows)


@pytest.mark.usefixtures("shop")
def test_a_table_of_edges_has_no_column_that_was_not_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header = said(capsys, "edges", "--by", "caller,callee").splitlines()[0]
    assert "operation" not in header
    assert "version" not in header
    assert "callee version" in said(capsys, "edges", "--by", "callee,versions").splitlines()[0]


@pytest.mark.usefixtures("shop")
def test_edges_go_into_a_sheet_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    sheet = list(csv.DictReader(io.StringIO(said(capsys, "edges", "--format", "csv"))))
    assert list(sheet[0]) == FIELDS
    assert "frontend" in said(capsys, "edges")
    assert "no edges" in said(capsys, "edges", "--since", "2000-01-01", "--until", "2000-01-02")


@pytest.mark.usefixtures("shop")
def test_edges_tell_how_many_exchanges_kept_broke_or_could_not_be_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = json.loads(said(capsys, "edges", "--format", "json"))
    broken = next(row for row in rows if row["conformance"]["violated"])
    assert broken["conformance"]["valid"] >= 0
    header = said(capsys, "edges").splitlines()[0]
    assert header.split()[-4:] == ["valid", "violated", "not", "checked"]


@pytest.mark.usefixtures("shop")
def test_a_contract_is_published_once_listed_and_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "pay.json").write_text(CONTRACT)
    for _ in range(2):
        told = said(
            capsys,
            "contracts",
            "publish",
            "pay.json",
            "--provider",
            "payment",
            "--name",
            "payments",
        )
        assert "judged: 0 operations, 0 parameters and headers, 0 schemas; 1 remark" in told
        assert "the contract names no operation: nothing will be judged" in told
    assert "payments revision 1 of payment is unchanged" in told
    (tmp_path / "newer.json").write_text(
        json.dumps(
            {
                **json.loads(CONTRACT),
                "paths": {"/a": {"get": {"responses": {"200": {"description": "x"}}}}},
            }
        )
    )
    told = said(
        capsys,
        "contracts",
        "publish",
        "newer.json",
        "--provider",
        "payment",
        "--name",
        "payments",
        "--dry-run",
    )
    assert "payments revision 2 of payment would be published" in told
    assert "GET /a operation came (asks more of the provider)" in told
    assert "nothing was recorded that this contract is about" in told
    rows = json.loads(said(capsys, "contracts", "list", "--format", "json"))
    assert [(row["name"], row["number"], row["format"]) for row in rows] == [
        ("payments", 1, "openapi")
    ]
    listed = said(capsys, "contracts", "list")
    assert "always" in listed
    assert "1970" not in listed
    assert json.loads(said(capsys, "contracts", "show", "payments")) == json.loads(CONTRACT)
    (tmp_path / "bad.json").write_text("{")
    said(capsys, "contracts", "publish", "bad.json", "--provider", "payment", exits=64)


@pytest.mark.usefixtures("shop")
def test_a_deploy_is_told_and_listed_and_a_gate_answers_honestly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said(capsys, "deploys", "record", "--service", "billing", "--version", "9.9.9")
    rows = json.loads(said(capsys, "deploys", "list", "--format", "json"))
    assert [(row["service"], row["version"]) for row in rows] == [("billing", "9.9.9")]
    assert "INCONCLUSIVE" in said(
        capsys, "gate", "--service", "billing", "--version", "9.9.9", exits=2
    )
    assert (
        json.loads(
            said(
                capsys,
                "gate",
                "--service",
                "billing",
                "--version",
                "9.9.9",
                "--format",
                "json",
                exits=2,
            )
        )["exit_code"]
        == 2
    )
    assert "<testsuite" in said(
        capsys, "gate", "--service", "billing", "--version", "9.9.9", "--format", "junit", exits=2
    )


def test_services_of_one_name_are_told_apart_by_their_namespace(
    shop: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    window = NOON - timedelta(minutes=5)
    rows = [
        edge_row(
            window,
            100,
            ("web", "pay", "http", "POST /pay"),
            ("1", "2"),
            calls,
            callee_namespace=space,
        )
        for space, calls in {"team-a": 30, "team-b": 50}.items()
    ]
    write(shop, "edge_windows", rows)
    publish(shop, 100, [window], NOON)

    def calls(callee: str) -> list[int]:
        return [
            row["calls"]
            for row in json.loads(said(capsys, "edges", "--callee", callee, "--format", "json"))
        ]

    assert (calls("team-a/pay"), sorted(calls("pay")), calls("team-c/pay")) == ([30], [30, 50], [])
    assert "team-a/pay" in said(capsys, "edges", "--callee", "pay")

    told = said(
        capsys, "deploys", "record", "--service", "pay", "--namespace", "team-a", "--version", "2"
    )
    assert told.startswith("team-a/pay 2 in default")
    said(capsys, "deploys", "record", "--service", "team-b/pay", "--version", "2")

    def deployed(service: str) -> list[str]:
        deploys = json.loads(
            said(capsys, "deploys", "list", "--service", service, "--format", "json")
        )
        return sorted(row["namespace"] for row in deploys)

    assert (deployed("pay"), deployed("team-b/pay"), deployed("team-c/pay")) == (
        ["team-a", "team-b"],
        ["team-b"],
        [],
    )
    assert "team-a" in said(capsys, "deploys", "list")
    asked = ("gate", "--service", "pay", "--version", "2", "--environment", "default")
    assert "team-a/pay, team-b/pay" in said(capsys, *asked, exits=2)
    assert said(capsys, "findings", "--service", "team-a/pay", "--format", "json").strip() == "[]"


@pytest.mark.usefixtures("shop")
def test_a_token_is_made_shown_once_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    secret = said(capsys, "tokens", "create", "pipeline", "--scope", "gate").strip()
    assert secret.startswith("swt_")
    listed = said(capsys, "tokens", "list", "--format", "json")
    assert secret not in listed
    said(capsys, "tokens", "revoke", json.loads(listed)[0]["id"])
    assert json.loads(said(capsys, "tokens", "list", "--format", "json"))[0]["revoked"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("shop", WAYS, indirect=True)
def test_the_rest_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert "edge_windows" in said(capsys, "size")
    assert "no findings" in said(capsys, "findings")
    assert "no verdicts" in said(capsys, "verdict")
    assert "/amount" in said(
        capsys, "violations", "--since", "2026-11-21T11:00:00Z", "--until", "2026-11-21T12:00:00Z"
    )
    said(capsys, "accept", "nothing", "--owner", "me", "--reason", "known", exits=64)


@pytest.mark.usefixtures("shop")
def test_a_list_that_is_cut_says_so_beside_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(said(capsys, "edges", "--format", "json"))
    with pytest.raises(SystemExit):
        main(["edges", "--format", "json", "--limit", "2"])
    told = capsys.readouterr()
    assert json.loads(told.out) == whole[:2]
    assert (
        f"2 of {len(whole)} edges, the worst first, are shown; without --limit all are" in told.err
    )
    said(capsys, "edges", "--limit", "0", exits=64)


@pytest.mark.usefixtures("shop")
def test_violations_of_a_recording_are_shown_without_a_time_and_found_from_an_empty_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["violations"])
    told = capsys.readouterr()
    assert "/amount" in told.out
    assert "nothing is newer than 2026-11-21 12:00:00 UTC" in told.err
    assert re.search(r"checked: [\d,]+ valid, [1-9][\d,]* violated, [\d,]+ not checked", told.out)
    for command in ("violations", "edges"):
        with pytest.raises(SystemExit):
            main([command, "--since", "1h"])
        assert "use --since 2026-11-21T10:59:50Z" in capsys.readouterr().err


@pytest.mark.usefixtures("shop")
def test_a_deploy_is_shown_with_planned_and_observed_shares(
    capsys: pytest.CaptureFixture[str],
) -> None:
    about = ("--service", "billing", "--environment", "production")
    for version, share, minute in (("1", "1", 0), ("2", "0.3", 5), ("1", "1", 9)):
        when = ("--at", f"2026-11-20T12:0{minute}:00Z")
        said(
            capsys,
            "deploys",
            "record",
            *about,
            *when,
            "--version",
            version,
            "--share",
            share,
            "--state",
            "started",
        )
    kinds = {
        row["kind"]: row
        for row in json.loads(
            said(capsys, "deploys", "list", "--service", "billing", "--format", "json")
        )
    }
    assert {"deploy", "rollback"} == set(kinds)
    ended = kinds["rollback"]["ends"]
    shown = said(capsys, "deploys", "show", ended)
    assert f"ended by: {kinds['rollback']['id']}" in shown
    assert "share 30%" in shown
    assert (
        json.loads(said(capsys, "deploys", "show", ended, "--format", "json"))["ramp"][0][
            "planned"
        ]
        == 0.3
    )
    listed = said(capsys, "deploys", "list")
    assert "planned share" in listed
    assert "30 %" in listed
    assert "30 %" in shown


@pytest.mark.usefixtures("shop")
def test_overrides_and_policies_on_the_command_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    about = ("--service", "payment", "--version", "2.0.0", "--person", "kim", "--reason", "known")
    made = json.loads(
        said(capsys, "override", "add", *about, "--expires", "2h", "--format", "json")
    )[0]
    assert [
        row["id"] for row in json.loads(said(capsys, "override", "list", "--format", "json"))
    ] == [made["id"]]
    said(capsys, "override", "revoke", made["id"])
    line = said(capsys, "override", "add", *about, "--expires", "2h")
    assert re.search(r"may go on until [-0-9]{10}T[:0-9]{8}(Z|\+00:00), by kim", line)
    said(capsys, "override", "revoke", line.split()[1].rstrip(":"))
    assert "no overrides" in said(capsys, "override", "list")
    assert "kim" in said(capsys, "override", "list", "--over")
    said(capsys, "override", "add", *about, "--expires", "30d", exits=64)
    file = tmp_path / "gate.yaml"
    file.write_text(
        "version: 1\nrules:\n  - name: all\n    inconclusive: {unmatched: fail, few_calls: fail, no_data: fail, other: fail}\n"
    )
    assert "1 rules" in said(capsys, "policy", "check", str(file))
    told = said(
        capsys, "gate", "--service", "nobody", "--version", "1", "--policy", str(file), exits=1
    )
    assert "(the verdict is inconclusive)" in told
    file.write_text("version: 1\nrulez: []\n")
    said(capsys, "gate", "--service", "nobody", "--version", "1", "--policy", str(file), exits=64)
    said(capsys, "policy", "check", str(file), exits=64)
    assert "rules" in json.loads(said(capsys, "policy", "schema"))["properties"]


@pytest.mark.usefixtures("shop")
def test_a_ramp_and_whether_a_version_may_go_somewhere_exit_by_what_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = said(capsys, "ramp", "payment", exits=1)
    assert "checkout 3.1.0 → payment 2.0.0" in told
    assert "1,200 of 3,000 violate; ≤ 42 %" in told
    before = (NOON - timedelta(minutes=15)).isoformat()
    assert "one version is live: 1.4.2" in said(capsys, "ramp", "payment", "--at", before, exits=2)
    assert "payment" in said(capsys, "ramp")
    assert "no service has more than one live version" in said(
        capsys, "ramp", "--at", before, exits=2
    )
    assert "no two versions of payment were seen" in said(capsys, "meaning", "payment", exits=2)
    assert said(capsys, "contracts", "infer", "--provider", "nobody", exits=2) == ""
    may = said(capsys, "can-i-deploy", "payment", "2.0.0", "--to", "prod", exits=1)
    assert "payment 2.0.0 to production: no: a pair is broken" in may
    assert "1,200 of 3,000 checked exchanges violate a contract" in may
    unseen = said(capsys, "can-i-deploy", "payment", "9", "--to", "production", exits=2)
    assert "never seen in 7 days" in unseen
