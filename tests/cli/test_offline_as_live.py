"""What a check of files says of each call of gRPC and each record of a topic is what the pipeline
says of them.
"""

import base64
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.contract_check import MESSAGES, held_against
from monitor.config import Settings
from monitor.contracts.messages import UNKNOWN_PRODUCER
from monitor.contracts.registry import Registry
from monitor.contracts.verdicts import NO_CONTRACT
from monitor.decode.api_logs import read_api_logs
from monitor.decode.topic_records import Parties, read_messages
from monitor.edges.aliases import Aliases
from monitor.joining.examining import Examiner
from monitor.model.contracts import ContractFormat, Revision
from monitor.streams.files import FileSource
from tests.contracts import test_asyncapi as asyncapi
from tests.contracts import test_avro as avro
from tests.contracts import test_grpc as grpc
from tests.contracts.examples import ALWAYS, ORDER

Said = list[tuple[Any, ...]]
MEDIA = {"content-type": "application/grpc"}


def packed(body: bytes) -> str:
    return base64.b64encode(body).decode()


def call(chance: random.Random) -> dict[str, Any]:
    order = chance.choice(
        [
            grpc.ORDER,
            grpc.made(grpc.OTHER, id="x"),
            grpc.made(grpc.NEWER, id=7, kind=2),
            b'{"id": 7}',
            b"",
        ]
    )
    asked = chance.choice([grpc.ASKED, grpc.made(name="shop.v1.Line", qty=5), b"\xff"])
    bare = chance.random() < 0.3
    method = chance.choice(["Get", "Get", "Get", "Old", "Watch", "Ping", "Nothing"])
    return {
        "time": "2026-01-01T00:00:00Z", "method": chance.choice(["POST", "POST", "GET"]), "callee": "shop",
        "path": f"/{chance.choice(['shop.v1', 'shop.v1', 'other'])}.Orders/{method}", "status": chance.choice([200, 200, 200, 503]),
        "caller": chance.choice(["web", "", "unknown"]), "request_headers": MEDIA,
        "response_headers": MEDIA | {"grpc-status": chance.choice(["0", "0", "5", "13"])},
        "request_body": packed(asked if bare else grpc.framed(asked)), "request_body_encoding": "base64",
        "response_body": packed(order if bare else grpc.framed(order)), "response_body_encoding": "base64",
    }  # fmt: skip


def record(chance: random.Random) -> dict[str, Any]:
    body = chance.choice([ORDER, ORDER | {"id": "x"}, {"a": 1}, {"b": 1}, {"gone": 1}, "text", []])
    told = {
        "topic": chance.choice(["orders", "orders", "shop/eu/asked", "real-topic", "notes", "other"]),
        "headers": chance.choice([{}, {"X-Kind": "made"}, {"X-Kind": "no"}, {"X-Kind": "made", "tenant": "t"}]),
        "ts": 1_767_225_600_000,
    }  # fmt: skip
    if chance.random() < 0.2:
        data = chance.choice([avro.written(avro.GOOD), avro.framed(avro.GOOD), b"\x00\x01"])
        return told | {"value_base64": packed(data)}
    return told | {"value": chance.choice([body, json.dumps(body), None])}


def live(path: Path, messages: bool, revisions: Sequence[Revision], settings: Settings) -> Said:
    registry, said = Registry(revisions), []
    assert not registry.broken
    source = FileSource([path], "json", "lines") if messages else FileSource([path])
    examiner = Examiner(Aliases())
    for records in source.poll():
        if messages:
            producers = settings.topics.messages_producers
            entries = read_messages(records, Parties(producers), recorded=True).exchanges
        else:
            entries = read_api_logs(records, "ndjson", {}).exchanges
        examined = examiner.examine(entries, registry, records)
        broken: dict[int, list[tuple[Any, ...]]] = {}
        for row in examined.violations.to_pylist():
            clause = row["operation"], row["side"], row["rule"], row["pointer"]
            broken.setdefault(row["offset"], []).append(clause)
        said += [
            (
                row["offset"],
                row["operation"],
                row["checked"],
                row["reason"] if row["checked"] == "not_checked" else "",
                sorted(broken.get(row["offset"], [])),
            )
            for row in examined.exchanges.to_pylist()
        ]
    return said


def offline(
    path: Path,
    words: Sequence[str],
    source: str,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> Said:
    held_against([path], words, source, settings, "json")
    report = json.loads(capsys.readouterr().out)
    broken: dict[int, list[tuple[Any, ...]]] = {}
    for it in report["violations"]:
        clause = it["operation"], it["side"], it["rule"], it["pointer"]
        broken.setdefault(it["index"], []).append(clause)
    return [
        (
            row["record"],
            row["operation"],
            row["verdict"],
            row["reason"] if row["verdict"] == "not_checked" else "",
            sorted(broken.get(row["index"], [])),
        )
        for row in report["exchanges"]
    ]


@pytest.mark.parametrize("provider", ["", "shop="])
@pytest.mark.parametrize(
    ("held", "made", "source"),
    [
        ([("protobuf", grpc.SHOP)], call, "ndjson"),
        ([("asyncapi", asyncapi.two())], record, MESSAGES),
        ([("asyncapi", asyncapi.three())], record, MESSAGES),
        (
            [
                ("asyncapi", asyncapi.three("receive")),
                ("avro", avro.topic()),
                ("asyncapi", asyncapi.two()),
            ],
            record,
            MESSAGES,
        ),
    ],
)
def test_files_say_of_calls_and_records_what_the_pipeline_says(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    held: list[tuple[ContractFormat, str]],
    made: Callable[[random.Random], dict[str, Any]],
    source: str,
    provider: str,
) -> None:
    words, revisions = [], []
    for number, (kind, text) in enumerate(held):
        (tmp_path / f"c{number}").write_text(text)
        words.append(f"{provider}{tmp_path}/c{number}")
        revisions.append(
            Revision(
                f"c{number}", 1, kind, "shop", "", "", "", ALWAYS, None, text, f"{number}", ALWAYS
            )
        )
    chance = random.Random(11)
    traffic = tmp_path / "traffic.ndjson"
    traffic.write_text("".join(json.dumps(made(chance)) + "\n" for _ in range(300)))
    verdicts = set()
    for producer in ({"*": "shop"}, {}, {"*": "web"}) if source == MESSAGES else ({},):
        settings = Settings.model_validate({"topics": {"messages_producers": producer}})
        if producer == {"*": "web"} and not provider:
            continue  # who is held against a file that names nobody is whoever sends
        by_files = offline(traffic, words, source, settings, capsys)
        by_pipeline = live(traffic, source == MESSAGES, revisions, settings)
        if not provider:  # a file that names nobody binds whoever sends
            by_pipeline = [
                (*row[:3], NO_CONTRACT if row[3] == UNKNOWN_PRODUCER else row[3], row[4])
                for row in by_pipeline
            ]
        for mine, theirs in zip(by_files, by_pipeline, strict=True):
            assert mine == theirs
        verdicts |= {row[2] for row in by_files}
    assert verdicts == {"valid", "violated", "not_checked"}
