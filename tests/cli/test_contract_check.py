"""`contracts check` says of each entry of a recorded file whether it keeps a contract, and exits
by what it said.
"""

import io
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from monitor.cli import main
from tests.contracts.promises import GOOD, JSON, PAYMENTS

ENTRY = {
    "time": "2026-01-01T00:00:00Z",
    "method": "GET",
    "path": "/payments/7",
    "status": 200,
    "callee": "payment",
}


def entry(answer: object, **changes: Any) -> str:
    return json.dumps(
        ENTRY | {"response_headers": JSON, "response_body": json.dumps(answer)} | changes
    )


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "payments.yaml"
    path.write_text(PAYMENTS)
    return path


def told(
    capsys: pytest.CaptureFixture[str], contract: Path, lines: list[str], *words: str
) -> tuple[int, str, str]:
    traffic = contract.parent / "traffic.ndjson"
    traffic.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(SystemExit) as end:
        main(
            ["contracts", "check", "--contract", str(contract), "--traffic", str(traffic), *words]
        )
    output = capsys.readouterr()
    return int(end.value.code or 0), output.out, output.err


def test_each_entry_gets_a_verdict_in_the_files_order(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**GOOD, "amount": "12.50"}
    lines = [entry(GOOD), "no json", entry(wrong), entry(GOOD, response_truncated=True)]
    code, out, _ = told(capsys, contract, lines, "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert [row["index"] for row in report["exchanges"]] == [0, 1, 2, 3]
    assert [row["verdict"] for row in report["exchanges"]] == [
        "valid",
        "not_checked",
        "violated",
        "not_checked",
    ]
    assert report["exchanges"][1]["reasons"] == ["unreadable: plain_text"]
    assert report["exchanges"][3]["reasons"][0].startswith("truncated response /paths/")
    assert [row["reason"] for row in report["exchanges"]] == [
        "",
        "unreadable: plain_text",
        "",
        "truncated",
    ]
    (broken,) = report["violations"]
    assert (broken["operation"], broken["side"], broken["rule"], broken["pointer"]) == (
        "GET /payments/{id}",
        "response",
        "type",
        "/amount",
    )
    assert (broken["expected"], broken["actual_kind"], broken["index"]) == ("number", "string", 2)
    assert report["summary"]["reasons"] == {"unreadable: plain_text": 1, "truncated": 1}
    assert report["summary"]["rules"] == {"type": 1}
    assert [
        report["summary"][name]
        for name in ("result", "exit", "exchanges", "valid", "violated", "not_checked")
    ] == [
        "broken",
        1,
        4,
        1,
        1,
        2,
    ]
    assert (report["coverage"]["operations_offered"], report["coverage"]["operations_seen"]) == (
        4,
        1,
    )
    assert report["coverage"]["operations"] == {
        "GET /payments/{id}": {"valid": 1, "violated": 1, "not_checked": 1}
    }
    assert len(report["coverage"]["unseen"]) == 3
    assert "12.50" not in out


@pytest.mark.parametrize("server", ["https://pay.example/v2", "/{stage}/v2"])
def test_an_operation_below_a_servers_path_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    answer = {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "pay", "version": "1"},
        "servers": [{"url": server, "variables": {"stage": {"default": "test"}}}],
        "paths": {path: {"get": {"responses": answer}} for path in ("/payments/{id}", "/refunds")},
    }
    contract = tmp_path / "pay.json"
    contract.write_text(json.dumps(document))
    path = server.removeprefix("https://pay.example").replace("{stage}", "live")
    _, out, _ = told(
        capsys, contract, [entry(GOOD, path=f"{path}/payments/7")], "--format", "json"
    )
    coverage = json.loads(out)["coverage"]
    assert (coverage["operations_offered"], coverage["operations_seen"]) == (2, 1)
    assert coverage["unseen"] == ["GET /refunds"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([entry(GOOD)], 0),
        ([entry(GOOD), entry({})], 1),
        ([entry(GOOD), entry(GOOD, response_body=None)], 0),
        ([entry(GOOD, response_body=None)], 2),
        ([], 2),
        (["{}"], 2),
    ],
)
def test_the_exit_tells_kept_broken_and_nothing_checked_apart(
    contract: Path, capsys: pytest.CaptureFixture[str], lines: list[str], code: int
) -> None:
    assert told(capsys, contract, lines)[0] == code


def test_a_person_reads_a_table(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = told(capsys, contract, [entry(GOOD), entry({**GOOD, "state": "gone"})])
    assert "GET /payments/{id}" in out
    assert "/state" in out
    assert "operations_seen" in out


def test_nullable_is_read_as_set(
    contract: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [entry({**GOOD, "payer": None})]
    assert told(capsys, contract, lines)[0] == 0
    monkeypatch.setenv("SEAMWATCH_CONTRACTS_LENIENT_NULLABLE", "false")
    contract.write_text(
        PAYMENTS.replace(
            "type: string, nullable: true, maxLength: 5}", 'nullable: true, enum: ["a"]}'
        )
    )
    assert told(capsys, contract, [entry({**GOOD, "note": None})])[0] == 1


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, "- no object", '{"openapi": "2.0"}', "a: &a [*a]", "\x00"]
)
def test_a_contract_that_cannot_be_used_is_wrong_usage(
    contract: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    contract.write_text(text)
    code, _, complaint = told(capsys, contract, [entry(GOOD)])
    assert code == 64
    assert complaint.startswith("seamwatch: contract payments.yaml")


def test_other_forms_of_api_logs_are_read_by_name(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kong = {
        "started_at": 1_767_225_600_000,
        "request": {"method": "GET", "uri": "/payments/7"},
        "response": {"status": 200, "headers": JSON, "body": json.dumps(GOOD)},
        "service": {"name": "payment"},
    }
    assert told(capsys, contract, [json.dumps(kong)], "--traffic-format", "kong")[0] == 0
    assert told(capsys, contract, [json.dumps(kong)], "--traffic-format", "envy")[0] == 64


def test_what_of_the_contract_is_judged_is_told(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract.write_text(PAYMENTS.replace("text/plain", "text/xml") + "x-own: 1\nown: 1\n")
    _, out, _ = told(capsys, contract, [entry(GOOD)])
    assert "judged: 4 operations, 5 parameters and headers, 11 schemas; 2 remarks" in out
    assert (
        "  line 30, /paths/~1payments~1newest/get/responses/200/content/text~1xml: bodies of text/xml are not judged"
        in out
    )
    line = PAYMENTS.count("\n") + 2
    assert (
        f"  line {line}, /own: OpenAPI 3.0 does not know this key here; it would not be judged"
        in out
    )
    report = json.loads(told(capsys, contract, [entry(GOOD)], "--format", "json")[1])["contracts"][
        0
    ]
    assert (report["operations"], report["parameters"], report["schemas"]) == (4, 5, 11)
    assert report["remarks"][1]["line"] == line


WRONG = {**GOOD, "amount": "12.50"}


def test_each_exchange_and_violation_is_a_line_of_ndjson(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(capsys, contract, [entry(WRONG), entry(GOOD)], "-f", "ndjson")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, [line["type"] for line in lines]) == (
        1,
        ["exchange", "violation", "exchange", "summary"],
    )
    assert (lines[1]["pointer"], lines[1]["index"], lines[3]["violated"]) == ("/amount", 0, 1)


def test_a_code_host_reads_sarif_with_the_contracts_file_and_line(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(capsys, contract, [entry(WRONG), entry(WRONG), entry(GOOD)], "-f", "sarif")
    report = json.loads(out)
    (run,) = report["runs"]
    (result,) = run["results"]
    assert (code, report["version"], run["tool"]["driver"]["name"]) == (1, "2.1.0", "seamwatch")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "type"
    place = result["locations"][0]["physicalLocation"]
    line = place["region"]["startLine"]
    assert place["artifactLocation"]["uri"].endswith("payments.yaml")
    assert "amount" in PAYMENTS.splitlines()[line - 1]
    assert (result["occurrenceCount"], len(result["partialFingerprints"]["seamwatch/v1"])) == (
        2,
        16,
    )
    assert "12.50" not in out
    spaced = contract.rename(contract.with_name("all öf #1.yaml"))
    _, out, _ = told(capsys, Path(spaced.name), [entry(WRONG)], "-f", "sarif")
    (result,) = json.loads(out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "all%20%C3%B6f%20%231.yaml"


def test_a_pipeline_reads_junit_with_a_case_an_operation(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(
        capsys, contract, [entry(WRONG), entry(GOOD, path="/payments/8")], "-f", "junit"
    )
    suites = ET.fromstring(out)
    assert code == 1
    cases = {case.get("name"): [child.tag for child in case] for case in suites.iter("testcase")}
    assert cases["GET /payments/{id}"] == ["failure"]
    assert [tags for name, tags in cases.items() if name != "GET /payments/{id}"] == [
        ["skipped"]
    ] * 3
    # all that the schema of Jenkins' plugin lets the root have
    assert suites.attrib == {"tests": "4", "failures": "1", "errors": "0"}
    assert suites[0].get("skipped") == "3"
    # what the schemas of Surefire and Ant want of a case
    assert all(case.get("name") and case.get("time") == "0" for case in suites.iter("testcase"))
    assert all(failure.get("type") for failure in suites.iter("failure"))


def test_github_is_told_by_annotations(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, contract, [entry(WRONG)], "-f", "github")
    first, last = out.splitlines()
    assert code == 1
    assert re.fullmatch(
        r"::error file=[^,]*payments\.yaml,line=\d+,title=Contract broken%3A type::GET /payments/.* at /amount.*",
        first,
    )
    assert last.startswith(
        "::error title=seamwatch contracts check::1 exchanges: 0 valid, 1 violated, 0 not checked"
    )


def test_names_out_of_the_traffic_cannot_write_commands_or_markup(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = entry(GOOD, path='/x"><&\n::error::y')
    out = told(capsys, contract, [evil], "-f", "github")[1]
    assert all(
        line.startswith(("::error file=", "::error title=seamwatch contracts check"))
        for line in out.splitlines()
    )
    assert ET.fromstring(told(capsys, contract, [evil], "-f", "junit")[1]) is not None


def test_several_contracts_and_several_files_are_one_check(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = contract.parent / "orders.yaml"
    other.write_text(PAYMENTS.replace("/payments", "/orders"))
    more = contract.parent / "more.log"
    more.write_text(entry(WRONG, path="/orders/7") + "\n")
    code, out, _ = told(
        capsys,
        contract,
        [entry(GOOD)],
        "--contract",
        str(other),
        "--traffic",
        str(more),
        "-f",
        "json",
    )
    report = json.loads(out)
    assert code == 1
    assert [(row["file"], row["operation"], row["verdict"]) for row in report["exchanges"]] == [
        ("traffic.ndjson", "GET /payments/{id}", "valid"),
        ("more.log", "GET /orders/{id}", "violated"),
    ]
    assert report["violations"][0]["contract"] == "orders"
    assert [row["name"] for row in report["contracts"]] == ["payments", "orders"]
    assert report["coverage"]["operations_offered"] == 8


def test_a_mixed_file_of_vendors_logs_is_checked_without_naming_a_source(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apisix = {
        "start_time": 1_767_225_600_000, "latency": 2, "service_id": "payment", "request": {"method": "GET", "uri": "/payments/7", "headers": {}},
        "response": {"status": 200, "headers": JSON, "body": json.dumps(WRONG)},
    }  # fmt: skip
    line = (
        '10.0.0.9 - - [01/Jan/2026:00:00:00 +0000] "GET /payments/7 HTTP/1.1" 200 612 "-" "curl"'
    )
    out = told(
        capsys,
        contract,
        [json.dumps(apisix), line, json.dumps({"log": entry(GOOD), "stream": "stdout"})],
        "-f",
        "json",
    )[1]
    report = json.loads(out)
    assert [(row["source"], row["verdict"], row["reason"]) for row in report["exchanges"]] == [
        ("apisix", "violated", ""), ("combined", "not_checked", "no_body"), ("ndjson", "valid", ""),
    ]  # fmt: skip


def test_a_wrong_source_can_check_nothing_and_names_the_right_one(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(capsys, contract, [entry(GOOD)], "--source", "kong", "-f", "json")
    assert (code, json.loads(out)["summary"]["reasons"]) == (2, {"unreadable: ndjson": 1})


def test_memory_does_not_grow_with_the_traffic(
    contract: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tracemalloc

    from monitor.cli import contract_check
    from monitor.streams.files import FileSource

    monkeypatch.setattr(contract_check, "FileSource", partial(FileSource, max_batch_records=50))
    lines = [entry(WRONG, path=f"/payments/{number}") for number in range(50)]
    peaks = []
    for times in (1, 1, 20):
        tracemalloc.start()
        told(capsys, contract, lines * times, "-f", "junit")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] * 1.5 + 500_000


def test_what_would_not_be_judged_ends_the_check(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract.write_text(PAYMENTS.replace("properties: {sku", "propertes: {sku"))
    code, out, complaint = told(capsys, contract, [entry(GOOD)])
    assert (code, out) == (64, "")
    assert "line 46, /components/schemas/Payment/properties/lines/items/propertes" in complaint


def test_files_of_messages_are_held_against_the_contracts_of_their_topics(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.contracts.test_messages import ORDER, message, pact

    contract.write_text(pact(message(), message("never", metadata={"topic": "other"})))
    lines = [
        json.dumps({"topic": "orders", "ts": 1_767_225_600_000, "payload": json.dumps(payload)})
        for payload in (ORDER, {"id": "x", "total": 1})
    ]
    code, out, _ = told(
        capsys, contract, [*lines, "{}"], "--source", "messages", "--format", "json"
    )
    report = json.loads(out)
    assert code == 1
    assert [(row["operation"], row["verdict"], row["reason"]) for row in report["exchanges"]] == [
        ("orders", "valid", ""),
        ("orders", "violated", ""),
        ("", "not_checked", "unreadable: no_topic"),
    ]
    assert (report["coverage"]["operations_offered"], report["coverage"]["unseen"]) == (
        2,
        ["other"],
    )
    assert report["coverage"]["interactions"] == {"an order": {"kept": 1, "broken": 1}}
    assert report["coverage"]["unproven"] == ["never"]


@pytest.mark.parametrize("lines", [[], ["no json"]], ids=["no exchange", "nothing read"])
def test_where_nothing_could_be_checked_no_report_looks_healthy(
    contract: Path, capsys: pytest.CaptureFixture[str], lines: list[str]
) -> None:
    def check(form: str) -> str:
        code, out, _ = told(capsys, contract, lines, "-f", form)
        assert code == 2
        return out

    suites = ET.fromstring(check("junit"))
    assert suites.get("errors") == "1"
    why = next(suites.iter("error")).get("message") or ""
    assert why.startswith("Nothing could be checked: ")
    (run,) = json.loads(check("sarif"))["runs"]
    (call,) = run["invocations"]
    assert call["executionSuccessful"] is False
    assert [note["message"]["text"] for note in call["toolExecutionNotifications"]] == [why]
    assert f"::warning title=seamwatch contracts check::{why}" in check("github")


def test_a_file_that_gives_nothing_beside_others_is_named(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (contract.parent / "night.ndjson").touch()
    code, out, _ = told(capsys, contract, [entry(GOOD)], "--traffic", "night.ndjson")
    assert code == 0
    assert "no exchange could be read of night.ndjson" in out
    code, out, _ = told(capsys, contract, [entry(GOOD)], "--traffic", "night.ndjson", "-f", "json")
    assert json.loads(out)["summary"]["files_without_exchanges"] == ["night.ndjson"]


def test_standard_input_and_pipes_are_traffic_and_folders_are_not(
    contract: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = io.TextIOWrapper(io.BytesIO(entry(GOOD).encode()))
    monkeypatch.setattr("sys.stdin", held)
    read, write = os.pipe()
    os.write(write, entry({**GOOD, "amount": "x"}).encode())
    os.close(write)
    code, out, _ = told(
        capsys, contract, [], "--traffic", "-", "--traffic", f"/dev/fd/{read}", "-f", "json"
    )
    os.close(read)
    report = json.loads(out)
    assert [row["verdict"] for row in report["exchanges"]] == ["valid", "violated"]
    assert [row["file"] for row in report["exchanges"]] == ["stdin", str(read)]
    assert code == 1
    for wrong in (["--traffic", "."], ["--traffic", "-", "--traffic", "-"]):
        code, _, err = told(capsys, contract, [], *wrong)
        assert code == 64
        assert "folder" in err or "once" in err
    (contract.parent / "none").mkdir()
    code, _, err = told(capsys, Path("none"), [entry(GOOD)])
    assert (code, "there is no contract in" in err) == (64, True)


def test_a_record_in_a_topic_of_two_providers_keeps_one_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"orders": "id", "refunds": "refund"}
    words = []
    for provider, field in kinds.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "x-seamwatch": {"topic": "t"},
            "required": [field],
        }
        (tmp_path / f"{provider}.json").write_text(json.dumps(schema))
        words += ["--contract", f"{provider}={tmp_path / provider}.json"]
    traffic = tmp_path / "traffic.ndjson"

    def verdicts(*words: str, **payload: int) -> list[tuple[str, str]]:
        traffic.write_text(
            json.dumps({"topic": "t", "ts": 1_767_225_600_000, "payload": json.dumps(payload)})
        )
        told = ("--traffic", str(traffic), "--source", "messages", "--format", "json")
        with pytest.raises(SystemExit):
            main(["contracts", "check", *words, *told])
        rows = json.loads(capsys.readouterr().out)["exchanges"]
        return [(row["verdict"], row["reason"]) for row in rows]

    assert verdicts(*words, id=1) == [("valid", "")]
    assert verdicts(*words, refund=1) == [("valid", "")]
    assert verdicts(*words, other=1) == [("not_checked", "unknown_producer")]
    unnamed = [word.rpartition("=")[2] for word in words]
    assert verdicts(*unnamed, id=1) == [("violated", "")], "of one provider it keeps both"


def test_a_contract_for_one_provider_binds_its_calls_alone(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [entry(GOOD | {"id": "x"}, callee="payment"), entry(GOOD | {"id": "x"}, callee="b")]
    traffic = contract.with_name("calls.ndjson")
    traffic.write_text("\n".join(lines))
    words = ("--contract", f"payment={contract}", "--traffic", str(traffic), "--format", "json")
    with pytest.raises(SystemExit):
        main(["contracts", "check", *words])
    rows = json.loads(capsys.readouterr().out)["exchanges"]
    assert [(row["verdict"], row["reason"]) for row in rows] == [
        ("violated", ""),
        ("not_checked", "no_contract"),
    ]


def test_a_file_is_checked_without_loading_what_other_contracts_and_commands_need(
    contract: Path,
) -> None:
    traffic = contract.parent / "traffic.ndjson"
    traffic.write_text(entry(GOOD) + "\n")
    program = "import sys; from monitor.cli import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules)"
    words = ["contracts", "check", "--contract", str(contract), "--traffic", str(traffic)]
    shown = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    ).stdout
    loaded = set(shown.splitlines()[-1].split())
    assert "monitor.contracts.check" in loaded
    assert not loaded & {"chdb", "fastapi", "graphql", "httpx", "kafka", "numpy", "pyarrow"}


def test_a_pact_binds_the_calls_of_a_log_that_names_no_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.contracts.examples import ORDER, interaction, pact

    held = tmp_path / "pact.json"
    held.write_text(json.dumps(pact(interaction())))
    for words in ([str(held)], [f"orders={held}"]):
        lines = [
            entry(ORDER, path="/orders/7", callee="orders"),
            entry({}, path="/orders/7", callee="orders"),
        ]
        traffic = tmp_path / "calls.ndjson"
        traffic.write_text("\n".join(lines))
        with pytest.raises(SystemExit):
            main(
                [
                    "contracts",
                    "check",
                    "--contract",
                    *words,
                    "--traffic",
                    str(traffic),
                    "-f",
                    "json",
                ]
            )
        rows = json.loads(capsys.readouterr().out)["exchanges"]
        assert [row["verdict"] for row in rows] == ["valid", "violated"]


def test_an_operation_that_two_services_have_counts_for_each(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/health": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "good",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                    }
                }
            }
        },
    }
    health = contract.parent / "health.json"
    health.write_text(json.dumps(document))
    traffic = contract.parent / "calls.ndjson"
    lines = [
        entry([], path="/health", callee="till"),
        entry({}, path="/health", callee="mail"),
        entry({}, path="/health", callee="mail"),
    ]
    traffic.write_text("\n".join(lines))
    words = [f"--contract={name}={health}" for name in ("till", "mail", "bank")]

    def check(form: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(["contracts", "check", *words, "--traffic", str(traffic), "-f", form])
        assert end.value.code == 1
        return capsys.readouterr().out

    coverage = json.loads(check("json"))["coverage"]
    assert (coverage["operations_offered"], coverage["operations_seen"]) == (3, 2)
    assert coverage["unseen"] == ["bank: GET /health"]
    assert coverage["operations"] == {
        "mail: GET /health": {"valid": 2},
        "till: GET /health": {"violated": 1},
    }
    (suite,) = ET.fromstring(check("junit").encode())
    cases = {case.get("name"): [inner.tag for inner in case] for case in suite.iter("testcase")}
    assert cases == {
        "mail: GET /health": [],
        "till: GET /health": ["failure"],
        "bank: GET /health": ["skipped"],
    }


def test_who_stops_reading_is_told_neither_that_all_is_kept_nor_that_a_clause_is_broken(
    contract: Path,
) -> None:
    traffic = contract.parent / "calls.ndjson"
    traffic.write_text(f"{entry(GOOD)}\n" * 2_000)
    command = Path(sys.executable).with_name("seamwatch")
    words = ["contracts", "check", "--contract", str(contract), "--traffic", str(traffic)]
    with subprocess.Popen(
        [str(command), *words, "-f", "ndjson"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b'{"type": "exchange"')
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [str(command), *words, "-f", "json"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (
        70,
        b"seamwatch: there is no space left to write to: [Errno 28] No space left on device\n",
    )


def test_contracts_of_one_service_that_forbid_each_other_are_told(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"id": "x"}}
    pact = {
        "consumer": {"name": "web"},
        "provider": {"name": "payment"},
        "interactions": [
            {
                "description": "one payment",
                "request": {"method": "GET", "path": "/payments/7"},
                "response": answer,
            }
        ],
    }
    other = contract.with_name("web.json")
    other.write_text(json.dumps(pact))
    traffic = contract.with_name("traffic.ndjson")
    traffic.write_text(entry(GOOD))

    def report(first: str, second: str, form: str = "json") -> str:
        words = ("--contract", first, "--contract", second, "--traffic", str(traffic))
        with pytest.raises(SystemExit):
            main(["contracts", "check", *words, "--format", form])
        return capsys.readouterr().out

    whole = json.loads(report(str(contract), str(other)))
    (clash,) = whole["contradictions"]
    assert (clash["pact"], clash["example"], clash["contract"]) == (
        "web",
        "one payment",
        "payments",
    )
    assert (clash["rule"], clash["pointer"], clash["expected"]) == ("type", "/id", "integer")
    assert whole["summary"]["contradictions"] == 1
    assert "contradictions: 1; the provider cannot keep" in report(
        str(contract), str(other), "text"
    )
    assert "::warning title=Contracts contradict" in report(str(contract), str(other), "github")
    lines = [json.loads(line) for line in report(str(contract), str(other), "ndjson").splitlines()]
    assert [line["type"] for line in lines][-2:] == ["contradiction", "summary"]
    apart = report(f"a={contract}", f"b={other}")
    assert json.loads(apart)["contradictions"] == [], "they bind two services"


def test_an_interaction_that_two_pacts_name_alike_counts_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.contracts.examples import ORDER, interaction, pact

    traffic = tmp_path / "calls.ndjson"
    traffic.write_text(entry(ORDER, path="/orders/7", callee="orders"))
    words = []
    for name in ("orders", "returns"):
        held = tmp_path / f"{name}.json"
        held.write_text(json.dumps(pact(interaction("an order"))))
        words.append(f"--contract={name}={held}")
    with pytest.raises(SystemExit):
        main(["contracts", "check", *words, "--traffic", str(traffic), "-f", "json"])
    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert coverage["interactions"] == {"orders: an order": {"kept": 1}}
    assert coverage["unproven"] == ["returns: an order"]
