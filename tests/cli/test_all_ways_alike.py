"""The same exchanges and records by every way: `contracts check` of files, a replay, the pipelines,
and what a dry run tells of what they stored. Verdicts, reasons and clauses are the same.
"""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest

from monitor.clock import system_clock
from monitor.contracts.registry import Registry
from monitor.control.store import open_control
from monitor.decode.topic_records import Parties
from monitor.model.records import Partition, Records
from monitor.store import Store
from pipelines.api_logs import ApiLogSettings, api_logs
from pipelines.messages import MessageSettings, messages
from tests.cli.test_main import run
from tests.contracts import test_asyncapi as asyncapi
from tests.contracts.examples import ORDER, interaction, pact
from tests.contracts.promises import GOOD, PAYMENTS
from tests.fixtures.held_contracts import revisions
from tests.pipelines.test_api_logs import rows
from tests.pipelines.written import Given

Verdicts = dict[int, tuple[Any, ...]]
TILL = json.dumps(
    {
        "consumer": {"name": "mail"}, "provider": {"name": "till"},
        "messages": [{
            "description": "a receipt", "contents": {"id": 7},
            "metadata": {"contentType": "application/json", "topic": "receipts"},
            "matchingRules": {"body": {"$.id": {"matchers": [{"match": "integer"}]}}},
        }],
        "metadata": {"pactSpecification": {"version": "3.0.0"}},
    }
)  # fmt: skip
STOCK = {
    "mappings": [
        {
            "priority": 5,
            "request": {"method": "GET", "urlPathTemplate": "/stock/{sku}"},
            "response": {"status": 200, "jsonBody": {"sku": "a", "left": 3}},
        },
        {
            "priority": 1,
            "request": {
                "method": "GET",
                "urlPathTemplate": "/stock/{sku}",
                "pathParameters": {"sku": {"equalTo": "none"}},
                "queryParameters": {"all": {"absent": True}},
            },
            "response": {
                "status": 404,
                "body": "none {{request.path}}",
                "fixedDelayMilliseconds": 40,
            },
        },
    ]
}
FORM = "application/x-www-form-urlencoded"
DESK = {  # texts, forms, and what gateways answer
    "openapi": "3.1.0",
    "info": {"title": "Desk", "version": "1"},
    "paths": {
        "/state": {
            "get": {
                "security": [{"key": []}],
                "deprecated": True,
                "responses": {
                    "200": {
                        "description": "the state",
                        "content": {"text/plain": {"schema": {"type": "string", "enum": ["UP"]}}},
                    },
                    "default": {
                        "description": "bad",
                        "content": {
                            "application/json": {
                                "schema": {"type": "object", "required": ["code"]}
                            }
                        },
                    },
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        FORM: {
                            "schema": {
                                "type": "object",
                                "required": ["n"],
                                "properties": {"n": {"type": "integer", "maximum": 9}},
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "done"}},
            },
        }
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-key"}}
    },
}
HELD = {  # provider and document
    "desk.json": ("desk-api", json.dumps(DESK)),
    "payment.yaml": ("payment", PAYMENTS),
    "web.json": (
        "orders",
        json.dumps(
            pact(
                interaction("an order"),
                interaction("no order", "there is none", answers={"status": 404, "body": None}),
                interaction(
                    "a new order",
                    asks={"method": "POST", "path": "/orders", "body": ORDER, "matchingRules": {}},
                    answers={"status": 201},
                ),
            )
        ),
    ),
    "stock.json": ("stock", json.dumps(STOCK)),
    "till.json": ("till", TILL),
    "shop.json": ("shop", asyncapi.three()),
    "notes.json": ("desk", asyncapi.two()),
}
CALLS: dict[str, dict[str, Sequence[Any]]] = {
    "payment": {
        "method": ["GET", "GET", "POST", "DELETE"],
        "path": ["/api/payments/7", "/api/payments/x", "/api/payments", "/api/payments/newest", "/x"],
        "query": ["", "limit=3", "limit=300", "limit=x&state=open&more=1"],
        "status": [200, 201, 204, 302, 404, 503],
        "request_body": [None, {"amount": 1, "currency": "EUR", "state": "open", "secret": "s"}, []],
        "response_body": [GOOD, GOOD | {"amount": "1"}, [GOOD], "no", None, "", {"code": 1}],
    },
    "orders": {
        "method": ["GET", "GET", "POST"],
        "path": ["/orders/7", "/orders/x", "/orders"],
        "query": ["", "", "a=1"],
        "status": [200, 200, 201, 404, 502],
        "request_body": [None, ORDER, ORDER | {"id": "7"}, ORDER | {"more": 1}],
        "response_body": [ORDER, ORDER | {"id": "7"}, ORDER | {"more": 1}, {}, None, "no"],
    },
    "stock": {
        "method": ["GET", "GET", "HEAD"],
        "path": ["/stock/a", "/stock/none", "/stock"],
        "query": ["", "", "all=1"],
        "status": [200, 200, 404, 500],
        "request_body": [None],
        "response_body": [{"sku": "b", "left": 1}, {"sku": "b"}, {"left": "x"}, "none /a", None],
    },
    "desk-api": {
        "method": ["GET", "POST"],
        "path": ["/state"],
        "query": ["", "more=1"],
        "status": [200, 200, 429, 500, 502, 503],
        "request_body": [None, "n=7", "n=12", "m=1", {"n": 7}],
        "response_body": ["UP", "DOWN", "UP\n", "", None, {"code": 1}, {"no": 1}, "<p>502</p>"],
        "request media": [FORM, FORM, "application/json", ""],
        "response media": ["text/plain", "text/plain", "application/json", "text/html", ""],
    },
    "nobody": {
        "method": ["GET"], "path": ["/a"], "query": [""], "status": [200],
        "request_body": [None], "response_body": [{}],
    },
}  # fmt: skip


def call(chance: random.Random, at: datetime) -> dict[str, Any]:
    callee = chance.choice([*CALLS, "payment", "orders", "stock"])
    picked = {word: chance.choice(values) for word, values in CALLS[callee].items()}
    media = {"content-type": chance.choice(["application/json"] * 5 + ["text/plain", "a/b"])}
    asked, answered = (
        ({"content-type": own} if own else {}) if own is not None else media
        for own in (picked.pop("request media", None), picked.pop("response media", None))
    )
    for word in ("request_body", "response_body"):
        if isinstance(picked[word], dict | list):
            picked[word] = json.dumps(picked[word])
    return picked | {
        "time": at.isoformat(), "duration_ms": 3, "callee": callee, "environment": "production",
        "caller": chance.choice(["web", "web", "other", ""]),
        "request_headers": {"x-tenant": "a"} | asked if chance.random() < 0.8 else {},
        "response_headers": answered if chance.random() < 0.9 else {},
        **({"response_truncated": True} if chance.random() < 0.1 else {}),
    }  # fmt: skip


def record(chance: random.Random, at: datetime) -> dict[str, Any]:
    body = chance.choice([ORDER, ORDER | {"id": "x"}, {"id": 7}, {"id": "7"}, {"a": 1}, [], None])
    return {
        "topic": chance.choice(
            ["orders", "receipts", "shop/eu/asked", "real-topic", "notes", "x"]
        ),
        "ts": int(at.timestamp() * 1000),
        "headers": chance.choice([{}, {"X-Kind": "made"}, {"X-Kind": "no"}]),
        "value": chance.choice([body, json.dumps(body), "text"]),
    }


@pytest.fixture(autouse=True)
def its_own_place(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)
    monkeypatch.setenv("SEAMWATCH_TOPICS_MESSAGES_PRODUCERS", json.dumps(PRODUCERS))
    for module in ("monitor.cli.replay", "monitor.cli.main"):
        monkeypatch.setattr(import_module(module), "set_up_logs", lambda *_: None)


PRODUCERS = {
    "receipts": "till",
    "orders": "shop",
    "notes": "shop",
    "shop*": "desk",
    "real-topic": "desk",
}


UNCHANGED: dict[str, dict[str, tuple[str, str]]] = {  # what is no clause
    "api-logs": {
        "payment.yaml": ("title: Payments", "title: Paid"),
        "desk.json": ('"title": "Desk"', '"title": "Till"'),
    },
    "messages": {
        "shop.json": ('"title": "t"', '"title": "u"'),
        "notes.json": ('"title": "t"', '"title": "u"'),  # whose alternatives one record breaks
    },
}


def offline(capsys: pytest.CaptureFixture[str], traffic: str, source: str) -> Verdicts:
    words = [f"{provider}={name}" for name, (provider, _) in HELD.items()]
    contracts = [word for name in words for word in ("--contract", name)]
    code = run(
        "contracts", "check", *contracts, "--traffic", traffic, "--source", source, "-f", "json"
    )
    assert code == 1
    report = json.loads(capsys.readouterr().out)
    broken: dict[int, set[tuple[str, ...]]] = {}
    for it in report["violations"]:
        broken.setdefault(it["index"], set()).add((it["side"], it["rule"], it["pointer"]))
    return {
        row["record"]: (
            row["operation"],
            row["verdict"],
            row["reason"] if row["verdict"] == "not_checked" else "",
            broken.get(row["index"], set()),
        )
        for row in report["exchanges"]
    }


def stored(store: Store, sources: set[str] | None = None) -> tuple[Verdicts, set[str]]:
    """The verdicts of the sources that were not there before."""
    known = sources or set()
    broken: dict[int, set[tuple[str, ...]]] = {}
    for row in rows(store, "violations"):
        if row["source_id"] not in known:
            clause = row["side"], row["rule"], row["pointer"]
            broken.setdefault(row["offset"], set()).add(clause)
    held = [row for row in rows(store, "exchanges") if row["source_id"] not in known]
    verdicts = {
        row["offset"]: (
            row["operation"],
            row["checked"],
            row["reason"] if row["checked"] == "not_checked" else "",
            broken.get(row["offset"], set()),
        )
        for row in held
    }
    return verdicts, known | {row["source_id"] for row in held}


def delivered(lines: Sequence[dict[str, Any]]) -> list[Records]:
    """As Kafka hands them over, each topic's records with the offsets of the file."""
    topics: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        topics.setdefault(line.get("topic", "api_logs"), []).append(at)
    return [
        Records(
            [_value(lines[at]) for at in offsets],
            [Partition(f"{number:016x}", topic, 0)] * len(offsets),
            offsets,
            [int(datetime.now(UTC).timestamp() * 1000)] * len(offsets),
            [
                {name: text.encode() for name, text in lines[at].get("headers", {}).items()}
                for at in offsets
            ],
            [0] * len(offsets),
        )
        for number, (topic, offsets) in enumerate(topics.items(), 1)
    ]


def _value(line: dict[str, Any]) -> bytes:
    if "topic" not in line:
        return orjson.dumps(line)
    value = line["value"]
    return (
        value.encode() if isinstance(value, str) else b"" if value is None else orjson.dumps(value)
    )


def differing(*ways: Verdicts) -> list[Any]:
    first = ways[0]
    return [
        (at, [way.get(at) for way in ways])
        for at in first
        if any(way.get(at) != first[at] for way in ways[1:])
    ]


def sender(topic: str) -> str:
    return PRODUCERS.get(topic, "desk" if topic.startswith("shop/") else "")


def dry_run(
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: tuple[str, str],
    lines: Sequence[dict[str, Any]],
    verdicts: Verdicts,
) -> tuple[dict[str, int], Counter[str]]:
    """What a dry run tells of a document with other words, and what was stored of its provider."""
    provider, text = HELD[name]
    Path("new").write_text(text.replace(*words))
    named = (
        ["--provider", provider]
        if name.endswith(("payment.yaml", "shop.json", "notes.json", "desk.json"))
        else []
    )
    dry = ["contracts", "publish", "new", *named, "--dry-run", "-f", "json"]
    assert run("--data-dir", "data", *dry) == 0
    (publication,) = json.loads(capsys.readouterr().out)
    assert publication["outcome"] == "would_publish"
    recorded = publication["recorded"]
    return {word: recorded[word] for word in ("breaks", "keeps", "untold")}, Counter(
        verdicts[at][1]
        for at, line in enumerate(lines)
        if provider in (line.get("callee"), sender(line.get("topic", "")))
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["api-logs", "messages"])
def test_every_way_says_the_same(
    kind: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (provider, text) in HELD.items():
        (tmp_path / name).write_text(text)
        words = ["contracts", "publish", name, "--provider", provider]
        assert run("--data-dir", "data", *words) == 0
    chance, begun = random.Random(5), datetime.now(UTC) - timedelta(hours=1)
    make = call if kind == "api-logs" else record
    lines = [make(chance, begun + timedelta(seconds=at)) for at in range(900)]
    traffic = tmp_path / "traffic.ndjson"
    traffic.write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    by_files = offline(capsys, "traffic.ndjson", "ndjson" if kind == "api-logs" else kind)

    known = revisions(open_control("sqlite:///data/control.db"))
    registry = Registry(known)
    assert len(known) == len(HELD)
    assert not registry.broken
    if kind == "api-logs":
        settings = ApiLogSettings(format="ndjson")
        list(api_logs(Given(*delivered(lines)), store, lambda: registry, settings, system_clock))
    else:
        told = MessageSettings(Parties(PRODUCERS))
        list(messages(Given(*delivered(lines)), store, lambda: registry, told, system_clock))
    by_pipeline, sources = stored(store)
    for name, words in UNCHANGED[kind].items():
        told, of_it = dry_run(capsys, name, words, lines, by_pipeline)
        assert told == {
            "breaks": of_it["violated"],
            "keeps": of_it["valid"],
            "untold": of_it["not_checked"],
        }
    if kind == "messages":  # under another name its payloads tell by their skeletons alone
        told, of_it = dry_run(capsys, "till.json", ("a receipt", "b"), lines, by_pipeline)
        assert told["keeps"] == of_it["valid"]
        assert told["breaks"] <= of_it["violated"]
    assert differing(by_files, by_pipeline) == []
    counted = Counter(verdict[1] for verdict in by_files.values())
    assert min(counted.get(word, 0) for word in ("valid", "violated", "not_checked")) > 15

    assert run("--data-dir", "data", "replay", "traffic.ndjson", "--kind", kind) == 0
    by_replay, _ = stored(store, sources)
    assert differing(by_files, by_replay) == []
