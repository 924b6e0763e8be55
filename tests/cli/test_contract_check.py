"""`contracts check` says of each entry of a recorded file whether it keeps a contract, and exits by what it said."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from tests.contracts.promises import GOOD, JSON, PAYMENTS

ENTRY = {"time": "2026-01-01T00:00:00Z", "method": "GET", "path": "/payments/7", "status": 200, "callee": "payment"}


def entry(answer: object, **changes: Any) -> str:
    return json.dumps(ENTRY | {"response_headers": JSON, "response_body": json.dumps(answer)} | changes)


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "payments.yaml"
    path.write_text(PAYMENTS)
    return path


def told(capsys: pytest.CaptureFixture[str], contract: Path, lines: list[str], *words: str) -> tuple[int, str, str]:
    traffic = contract.parent / "traffic.ndjson"
    traffic.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(SystemExit) as end:
        main(["contracts", "check", "--contract", str(contract), "--traffic", str(traffic), *words])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_each_entry_gets_a_verdict_in_the_files_order(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**GOOD, "amount": "12.50"}
    lines = [entry(GOOD), "no json", entry(wrong), entry(GOOD, response_truncated=True)]
    code, out, _ = told(capsys, contract, lines, "--format", "json")
    said = json.loads(out)
    assert code == 1
    assert [row["index"] for row in said["exchanges"]] == [0, 1, 2, 3]
    assert [row["verdict"] for row in said["exchanges"]] == ["valid", "not_checked", "violated", "not_checked"]
    assert said["exchanges"][1]["reasons"] == ["unreadable: plain_text"]
    assert said["exchanges"][3]["reasons"][0].startswith("truncated response /paths/")
    (broken,) = said["exchanges"][2]["violations"]
    assert (broken["side"], broken["rule"], broken["pointer"]) == ("response", "type", "/amount")
    assert said["coverage"]["reasons"] == {"unreadable: plain_text": 1, "truncated": 1}
    assert said["coverage"]["rules"] == {"type": 1}
    assert (said["coverage"]["valid"], said["coverage"]["operations_offered"], said["coverage"]["operations_seen"]) == (1, 4, 1)
    assert "12.50" not in out


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([entry(GOOD)], 0),
        ([entry(GOOD), entry({})], 1),
        ([entry(GOOD), entry(GOOD, response_body=None)], 2),
        ([], 2),
        (["{}"], 2),
    ],
)
def test_the_exit_tells_valid_violated_and_not_checked_apart(
    contract: Path, capsys: pytest.CaptureFixture[str], lines: list[str], code: int
) -> None:
    assert told(capsys, contract, lines)[0] == code


def test_a_person_reads_a_table(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = told(capsys, contract, [entry(GOOD), entry({**GOOD, "state": "gone"})])
    assert "GET /payments/{id}" in out
    assert "/state" in out
    assert "operations_seen" in out


def test_nullable_is_read_as_set(contract: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [entry({**GOOD, "payer": None})]
    assert told(capsys, contract, lines)[0] == 0
    monkeypatch.setenv("SEAMWATCH_CONTRACTS_LENIENT_NULLABLE", "false")
    contract.write_text(PAYMENTS.replace("type: string, nullable: true, maxLength: 5}", 'nullable: true, enum: ["a"]}'))
    assert told(capsys, contract, [entry({**GOOD, "note": None})])[0] == 1


@pytest.mark.parametrize("text", ["[" * 1_000_000, "- no object", '{"openapi": "2.0"}', "a: &a [*a]", "\x00"])
def test_a_contract_that_cannot_be_used_is_wrong_usage(contract: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    contract.write_text(text)
    code, _, complaint = told(capsys, contract, [entry(GOOD)])
    assert code == 64
    assert complaint.startswith("seamwatch: contract payments.yaml")


def test_other_forms_of_api_logs_are_read_by_name(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kong = {
        "started_at": 1_767_225_600_000,
        "request": {"method": "GET", "uri": "/payments/7"},
        "response": {"status": 200, "headers": JSON, "body": json.dumps(GOOD)},
        "service": {"name": "payment"},
    }
    assert told(capsys, contract, [json.dumps(kong)], "--traffic-format", "kong")[0] == 0
    assert told(capsys, contract, [json.dumps(kong)], "--traffic-format", "envy")[0] == 64


def test_what_of_the_contract_is_judged_is_told(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract.write_text(PAYMENTS + "x-own: 1\nown: 1\n")
    _, out, _ = told(capsys, contract, [entry(GOOD)])
    assert "judged: 4 operations, 5 parameters and headers, 11 schemas; 2 remarks" in out
    assert (
        "  line 30, /paths/~1payments~1newest/get/responses/200/content/text~1plain: bodies of text/plain are not judged" in out
    )
    line = PAYMENTS.count("\n") + 2
    assert f"  line {line}, /own: OpenAPI 3.0 does not know this key here; it would not be judged" in out
    said = json.loads(told(capsys, contract, [entry(GOOD)], "--format", "json")[1])["contract"]
    assert (said["operations"], said["parameters"], said["schemas"]) == (4, 5, 11)
    assert said["remarks"][1]["line"] == line


def test_what_would_not_be_judged_ends_the_check(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract.write_text(PAYMENTS.replace("properties: {sku", "propertes: {sku"))
    code, out, complaint = told(capsys, contract, [entry(GOOD)])
    assert (code, out) == (64, "")
    assert "line 46, /components/schemas/Payment/properties/lines/items/propertes" in complaint
