"""Mocks in files beside recorded traffic, offline: each format by its own predicates and matchers,
and an exit code that a pipeline can stop at.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.cli.contract_mocks import recorded
from monitor.config import Settings
from tests.contracts.examples import interaction, pact

ORDER = {"id": 3, "lines": [{"sku": "a", "count": 1}], "currency": "EUR"}
EXCHANGE = {
    "time": "2026-11-21T09:30:00Z", "method": "GET", "path": "/orders/3", "query": "", "status": 200, "duration_ms": 40, "caller": "web", "callee": "orders",
    "request_headers": {"accept": "application/json"}, "response_headers": {"content-type": "application/json"}, "response_body": json.dumps(ORDER),
}  # fmt: skip
MOUNTEBANK = {
    "port": 4545,
    "protocol": "http",
    "stubs": [
        {
            "predicates": [{"equals": {"method": "GET", "path": "/orders/77"}}],
            "responses": [
                {
                    "is": {"statusCode": 200, "body": {"id": "77", "lines": []}},
                    "_behaviors": {"wait": 900},
                }
            ],
        }
    ],
}
SPRING = {
    "name": "an order",
    "request": {"method": "GET", "urlPath": "/orders/3"},
    "response": {
        "status": 200,
        "headers": {"Content-Type": "application/json"},
        "body": ORDER | {"id": 9},
    },
}
NEEDS_A_BODY = {
    "request": {
        "method": "GET",
        "urlPath": "/orders/3",
        "bodyPatterns": [{"matchesJsonPath": "$.a"}],
    },
    "response": {"status": 200, "jsonBody": {"id": 1}},
}


def judged(
    folder: Path, mock: Any, *exchanges: dict[str, Any], name: str = "mock.json", **more: Any
) -> int:
    file, traffic = folder / name, folder / "traffic.ndjson"
    file.write_text(yaml.safe_dump(mock) if name.endswith(".yaml") else json.dumps(mock))
    traffic.write_text("".join(f"{json.dumps(EXCHANGE | exchange)}\n" for exchange in exchanges))
    settings: dict[str, Any] = {"form": "json", "strict": False, **more}
    return recorded([file], [traffic], "auto", Settings(), **settings)


def found(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], dict[str, Any]]:
    answer = json.loads(capsys.readouterr().out)
    return {(row["rule"], row["place"]): row for row in answer["changes"]}


def test_a_pact_allows_what_its_matchers_allow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {
        "status": 200,
        "headers": {"Content-Type": "application/json"},
        "body": {"id": 1, "lines": [{"sku": "x"}], "currency": "USD"},
        "matchingRules": {
            "body": {
                "$": {"matchers": [{"match": "type"}]},
                "$.currency": {"matchers": [{"match": "regex", "regex": "[A-Z]{3}"}]},
            }
        },
    }
    asks = {"method": "GET", "path": "/orders/3", "matchingRules": {}}
    mock = pact(interaction("an order", asks=asks, answers=answers))
    # 2 of 2 may be a third of all: a field more is a drift where surely most answers have it
    assert judged(tmp_path, mock, {}, {}, {"caller": "ios"}) == 0  # which is not its consumer
    (row,) = found(capsys).values()
    assert (row["rule"], row["bearing"], row["exchanges"]) == ("outside_matchers", "gap", 2)
    assert judged(tmp_path, mock, *[{}] * 6, {"caller": "ios"}) == 1
    rows = found(capsys)
    assert set(rows) == {("outside_matchers", "/lines/*/count")}
    assert rows["outside_matchers", "/lines/*/count"]["exchanges"] == 6
    lower = {"response_body": json.dumps(ORDER | {"currency": "euro"})}
    assert judged(tmp_path, mock, lower) == 1
    broken = found(capsys)["matcher_broken", "/currency"]
    assert "the real answer breaks the matcher regex" in broken["told"]
    assert "euro" not in json.dumps(broken)


def test_a_stub_for_one_thing_is_held_against_others_of_its_operation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is dead by its predicates, and what the operation answers is told nevertheless."""
    calls = [{"path": f"/orders/{number}"} for number in range(40)]
    assert judged(tmp_path, MOUNTEBANK, *calls) == 1
    rows = found(capsys)
    assert {code for code, _ in rows} == {
        "type_drift",
        "outside_matchers",
        "latency_drift",
        "dead",
    }
    assert "900 ms, the real one p50" in rows["latency_drift", ""]["told"]
    assert rows["dead", ""]["bearing"] == "gap"
    assert judged(tmp_path, MOUNTEBANK, *calls, refresh=True) == 0
    printed = capsys.readouterr()
    stub = json.loads(printed.out)["stubs"][0]["responses"][0]
    assert stub["is"]["body"] == {
        "id": 1,
        "lines": [{"sku": "text", "count": 1}],
        "currency": "text",
    }
    assert stub["_behaviors"]["wait"] < 50
    assert "another delay at /stubs/0/responses/0/_behaviors/wait" in printed.err
    assert judged(tmp_path, MOUNTEBANK, *calls, refresh=True, samples=True) == 0
    stub = json.loads(capsys.readouterr().out)["stubs"][0]["responses"][0]
    assert stub["is"]["body"] == ORDER  # somebody asked for it


def test_a_contract_that_answers_as_the_real_one_is_faithful_and_silence_is_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(tmp_path, SPRING, {}, {}, name="order.yaml") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["result"], answer["mocks"][0]["fidelity"]["score"]) == ("faithful", 1.0)
    assert judged(tmp_path, SPRING, {"status": 0}, name="order.yaml") == 2
    assert "no_traffic" in capsys.readouterr().out
    assert judged(tmp_path, SPRING, {"path": "/items"}, name="order.yaml") == 2
    assert "no_stub_met" in capsys.readouterr().out
    assert judged(tmp_path, SPRING, {}, {"path": "/items"}, name="order.yaml", strict=True) == 1
    capsys.readouterr()
    assert judged(tmp_path, NEEDS_A_BODY, {}, {}) == 2  # no log shows whether it was meant
    assert "nothing_judged" in capsys.readouterr().out
    always = {"request": {"method": "GET", "urlPath": "/orders/3"}, "response": {"status": 202}}
    assert judged(tmp_path, always, *[{}] * 40) == 1
    rows = found(capsys)
    assert {code for code, _ in rows} == {"status_never_live", "status_never_mocked"}


def test_several_mocks_are_scored_by_one_traffic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drifted = json.loads(json.dumps(MOUNTEBANK))
    drifted["stubs"][0]["predicates"][0]["equals"]["path"] = "/orders/3"
    (tmp_path / "other.json").write_text(json.dumps(drifted))
    (tmp_path / "order.yaml").write_text(yaml.safe_dump(SPRING))
    (tmp_path / "traffic.ndjson").write_text(f"{json.dumps(EXCHANGE)}\n" * 3)
    files = [tmp_path / "order.yaml", tmp_path / "other.json"]
    given = (files, [tmp_path / "traffic.ndjson"], "auto", Settings())
    assert recorded(*given, form="json", strict=False) == 1
    answer = json.loads(capsys.readouterr().out)
    results = {mock["name"]: mock["fidelity"]["result"] for mock in answer["mocks"]}
    assert results == {"order": "faithful", "other": "drifted"}
    assert {row["file"] for row in answer["changes"]} == {str(tmp_path / "other.json")}
    assert ("type_drift", "/id") in {(row["rule"], row["place"]) for row in answer["changes"]}


def test_keys_that_vary_are_no_fields_and_are_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A map's keys look like names: each was a gap of its own, told in clear."""
    stocks = [f"shelf{first}{second}" for first in "abcdefg" for second in "hij"]
    calls = [
        {
            "response_body": json.dumps(
                ORDER | {"stock": {stocks[at]: {"left": 1}, stocks[(at + 5) % 21]: {"left": 2}}}
            )
        }
        for at in range(21)
    ]
    mock = SPRING | {"response": {"status": 200, "body": ORDER | {"stock": {"hall": {"left": 3}}}}}
    assert judged(tmp_path, mock, *calls, name="mock.yaml") == 0
    assert found(capsys) == {}
    other = SPRING | {"response": {"status": 200, "body": ORDER | {"stock": {"hall": {"of": 3}}}}}
    assert judged(tmp_path, other, *calls, name="mock.yaml") == 1
    rows = found(capsys)
    assert set(rows) == {("stale", "/stock/*/of"), ("outside_matchers", "/stock/*/left")}
    assert rows["stale", "/stock/*/of"]["exchanges"] == 21
    assert judged(tmp_path, other, *calls, name="mock.yaml", refresh=True) == 0
    stub = yaml.safe_load(capsys.readouterr().out)
    assert stub["response"]["body"]["stock"] == {"hall": {"left": 1}}
    assert "shelf" not in json.dumps(stub)


def test_many_gaps_are_counted_for_people_and_kept_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drift is never among what is left out, and the gaps that most calls show come first."""
    calls = [{"path": f"/other{number}/kind"} for number in range(30)]
    calls += [{"path": "/often/kind"}] * 3 + [{}]
    drifted = SPRING | {"response": SPRING["response"] | {"body": ORDER | {"id": "9"}}}
    assert judged(tmp_path, drifted, *calls, form="text") == 1
    text = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in text].count("gap") == 10
    assert text[0].startswith("drifted ")
    assert "/often/kind" in next(line for line in text if line.startswith("gap"))
    assert text[-2] == "21 more gaps (21 missing); --format json shows all"
    assert "31 gaps" in text[-1]
    assert judged(tmp_path, drifted, *calls, form="json") == 1
    rows = json.loads(capsys.readouterr().out)["changes"]
    assert sum(row["bearing"] == "gap" for row in rows) == 31
    assert judged(tmp_path, drifted, *calls, form="markdown") == 1
    assert "21 more gaps (21 missing)" in capsys.readouterr().out
