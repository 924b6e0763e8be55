"""Each format of contracts by each way: a folder, the command, the API; from records on a real
Apache Kafka to verdicts, coverage, matrix and page; and the same from files alone.
"""

import base64
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from monitor.cli import main
from monitor.clock import system_clock
from monitor.contracts.formats.proto_text import proto_file
from monitor.contracts.formats.protobuf_schema import class_of, from_text
from tests.contracts import test_pact_plugins as plugins
from tests.contracts.test_avro import written
from tests.contracts.test_grpc import framed
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.running import Running, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.long]

JSON = {"content-type": "application/json"}
THING = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
AVRO = {"type": "record", "name": "Thing", "fields": [{"name": "id", "type": "long"}]}
PROTO = 'syntax = "proto3"; package shop; message Thing { int64 id = 1; }'
SERVICE = PROTO + "\nservice Things { rpc Get (Thing) returns (Thing); }"
SDL = "type Query { thing: Thing } type Thing { id: Int! }"


@dataclass(frozen=True, slots=True)
class Case:
    """A document by its file's name and content, and what breaks it or keeps it: fields of
    records, or values of a topic.
    """

    file: str
    document: str | bytes
    good: Any
    bad: Any
    topic: bool = False
    units: bool = True  # whether coverage tells of examples, messages or units
    text: str = ""  # what the API gets, where the file is no text
    folder: bool = False  # whether its folder is published, not its file


def call(body: Any, **changes: Any) -> dict[str, Any]:
    return {
        "method": "GET",
        "path": "/things/7",
        "query": "",
        "status": 200,
        "response_headers": JSON,
        "response_body": json.dumps(body),
    } | changes


GOOD, BAD = call({"id": 7}), call({"id": "x"})


def openapi(version: str) -> str:
    answer = {"description": "x", "content": {"application/json": {"schema": THING}}}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    item = {"parameters": [parameter], "get": {"responses": {"200": answer}}}
    document = {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "paths": {"/things/{id}": item},
    }
    return json.dumps(document)


def pact(provider: str, version: str, rules: Any, answer: Any = None, **more: Any) -> str:
    response = {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"id": 1}}
    entry = {
        "description": "a thing",
        "request": {"method": "GET", "path": "/things/7"},
        "response": answer or (response | ({"matchingRules": rules} if rules else {})),
    }
    return json.dumps({
        "consumer": {"name": "web"}, "provider": {"name": provider}, "interactions": [entry | more],
        "metadata": {"pactSpecification": {"version": version}},
    })  # fmt: skip


TYPED = {"body": {"$.id": {"matchers": [{"match": "integer"}]}}}
OLD = {"$.body.id": {"match": "type"}}
STUB = {
    "request": {"method": "GET", "urlPath": "/things/7"},
    "response": {"status": 200, "headers": JSON, "jsonBody": {"id": 7}},
}
SPRING = """
request: {method: GET, url: /things/7}
response:
  status: 200
  headers: {Content-Type: application/json}
  body: {id: 1}
  matchers: {body: [{path: $.id, type: by_type}]}
"""
IMPOSTER = {
    "protocol": "http",
    "stubs": [
        {
            "predicates": [{"equals": {"method": "GET", "path": "/things/7"}}],
            "responses": [{"is": {"statusCode": 200, "headers": JSON, "body": {"id": 7}}}],
        }
    ],
}


def asyncapi2(topic: str) -> str:
    message = {"name": "thing", "payload": THING}
    channels = {topic: {"subscribe": {"message": message}}}
    info = {"title": "t", "version": "1"}
    return json.dumps({"asyncapi": "2.6.0", "info": info, "channels": channels})


def asyncapi3(topic: str) -> str:
    payload = {"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": AVRO}
    channel = {"address": topic, "messages": {"thing": {"payload": payload}}}
    operation = {"action": "send", "channel": {"$ref": "#/channels/things"}}
    return json.dumps({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"things": channel}, "operations": {"sendThing": operation},
    })  # fmt: skip


def proto(value: Any, text: str = PROTO) -> bytes:
    wanted = from_text(text, "x").named("shop.Thing")
    assert wanted is not None
    return class_of(wanted)(id=value).SerializeToString()


OTHER = PROTO.replace("int64", "string")


def of_grpc(path: str, asked: bytes, answer: bytes) -> dict[str, Any]:
    media = {"content-type": "application/grpc"}
    packed = [base64.b64encode(framed(data)).decode() for data in (asked, answer)]
    return {
        "method": "POST", "path": path, "status": 200, "request_headers": media, "response_headers": media | {"grpc-status": "0"},
        "request_body": packed[0], "response_body": packed[1], "request_body_encoding": "base64", "response_body_encoding": "base64",
    }  # fmt: skip


def of_graphql(value: Any) -> dict[str, Any]:
    asked = json.dumps({"query": "query thing { thing { id } }"})
    body = json.dumps({"data": {"thing": {"id": value}}})
    return {
        "method": "POST", "path": "/graphql", "query": "", "status": 200, "request_headers": JSON, "response_headers": JSON,
        "request_body": asked, "response_body": body,
    }  # fmt: skip


def cases(topics: Mapping[str, str]) -> dict[str, Case]:
    """By provider, which is the folder's name too."""
    records = [json.dumps(body).encode() for body in ({"id": 7}, {"id": "x"})]
    v4 = {"status": 200, "body": {"contentType": "application/json", "content": {"id": 1}}}
    packed = FileDescriptorSet(file=[proto_file(PROTO, "thing.proto", "x")]).SerializeToString()
    area = plugins.pact(plugins.interaction())
    area["provider"]["name"] = "pact-plugin"
    right, wrong = (plugins.made("Answer", total=5, unit=unit, kind=1) for unit in ("m2", "ft"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("mappings/a.json", json.dumps(STUB))
    offered = FileDescriptorSet(file=[proto_file(SERVICE, "thing.proto", "x")]).SerializeToString()
    as_text = json.dumps({"descriptor_set": base64.b64encode(offered).decode()})
    of_calls = [
        of_grpc("/shop.Things/Get", proto(7), answer) for answer in (proto(7), proto("x", OTHER))
    ]
    bound = {name: json.dumps({"topic": topic}) for name, topic in topics.items()}
    return {
        **{
            f"openapi-{version[2]}": Case("a.json", openapi(version), GOOD, BAD, units=False)
            for version in ("3.0.3", "3.1.0", "3.2.0")
        },
        "pact-1": Case("a.json", pact("pact-1", "1.0.0", None, {"status": 200, "body": {"id": 7}}), GOOD, BAD),
        "pact-11": Case("a.json", pact("pact-11", "1.1.0", None, {"status": 200, "body": {"id": 7}}), GOOD, BAD),
        "pact-2": Case("a.json", pact("pact-2", "2.0.0", OLD), GOOD, BAD),
        "pact-3": Case("a.json", pact("pact-3", "3.0.0", TYPED), GOOD, BAD),
        "pact-4": Case("a.json", pact("pact-4", "4.0", None, v4 | {"matchingRules": TYPED}, type="Synchronous/HTTP"), GOOD, BAD),
        "pact-plugin": Case("a.json", json.dumps(area),
            of_grpc("/area.Shapes/Area", plugins.ASKED, right), of_grpc("/area.Shapes/Area", plugins.ASKED, wrong)),
        "spring": Case("a.yaml", SPRING, GOOD, BAD),
        "wiremock-one": Case("a.json", json.dumps(STUB), GOOD, BAD),
        "wiremock-many": Case("a.json", json.dumps({"mappings": [STUB]}), GOOD, BAD),
        "mountebank": Case("a.json", json.dumps(IMPOSTER), GOOD, BAD),
        "jsonschema": Case("a.json", json.dumps(THING | {"$schema": "https://json-schema.org/draft/2020-12/schema", "x-seamwatch": {"topic": topics["jsonschema"]}}), records[0], records[1], topic=True),
        "asyncapi-2": Case("a.json", asyncapi2(topics["asyncapi-2"]), records[0], records[1], topic=True),
        "asyncapi-3": Case("a.json", asyncapi3(topics["asyncapi-3"]), written({"id": 7}, AVRO), b"\xff" * 12, topic=True),
        "avro": Case("a.avsc", json.dumps(AVRO | {"x-seamwatch": {"topic": topics["avro"]}}), written({"id": 7}, AVRO), b"\xff" * 12, topic=True),
        "proto": Case("a.proto", f"// x-seamwatch: {bound['proto']}\n{PROTO}", proto(7), proto("x", OTHER), topic=True),
        "descriptors": Case("a.json", json.dumps({"descriptor_set": base64.b64encode(packed).decode(), "x-seamwatch": {"topic": topics["descriptors"], "message": "shop.Thing"}}), proto(7), proto("x", OTHER), topic=True),
        "grpc": Case("a.proto", SERVICE, *of_calls),
        "grpc-desc": Case("a.desc", offered, *of_calls, text=as_text),
        "wiremock-folder": Case("mappings/a.json", json.dumps(STUB), GOOD, BAD, folder=True),
        "wiremock-zip": Case("stubs.zip", archive.getvalue(), GOOD, BAD, text=json.dumps(STUB)),
        "graphql": Case("a.graphql", SDL, of_graphql(7), of_graphql("x")),
    }  # fmt: skip


TOPICS = ("jsonschema", "asyncapi-2", "asyncapi-3", "avro", "proto", "descriptors")


Told = Callable[..., str]


@pytest.fixture
def seamwatch(capsys: pytest.CaptureFixture[str]) -> Told:
    """What a command prints; run in this process, since a start takes longer than what it does."""

    def run(*words: str, exits: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        output = capsys.readouterr()
        assert int(end.value.code or 0) == exits, output.out + output.err
        return output.out

    return run


def record(provider: str, told: Mapping[str, Any]) -> bytes:
    parties = {"caller": "web", "callee": provider, "environment": "production"}
    versions = {"caller_version": "1", "callee_version": "2", "duration_ms": 3}
    return json.dumps({"time": system_clock().timestamp(), **parties, **versions, **told}).encode()


def folder_of(folder: Path, held: Mapping[str, Case]) -> Path:
    for provider, case in held.items():
        place = folder / provider / case.file
        place.parent.mkdir(parents=True)
        content = case.document
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def published(folder: Path, provider: str, case: Case) -> str:
    """The path that is published of a case."""
    return str(folder / provider / ("" if case.folder else case.file))


def test_every_format_is_judged_by_every_way(
    kafka: KafkaBroker, tmp_path: Path, seamwatch: Told
) -> None:
    logs = kafka.make_topic(partitions=1)
    topics = {name: kafka.make_topic(f"{logs}-{name}", partitions=1) for name in TOPICS}
    held = cases(topics)
    folder = folder_of(tmp_path / "contracts", held)
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.5",
        "SEAMWATCH_CONTRACTS_REFRESH_SECONDS": "0.5",
        "SEAMWATCH_TOPICS_SPANS": "",
        "SEAMWATCH_TOPICS_API_LOGS": logs,
        "SEAMWATCH_TOPICS_DEPLOYS": "",
        "SEAMWATCH_TOPICS_MESSAGES": ",".join(topics.values()),
        "SEAMWATCH_TOPICS_MESSAGES_PRODUCERS": json.dumps(
            {topic: name for name, topic in topics.items()}
        ),
    }
    data = ("--data-dir", str(tmp_path / "data"))
    running = Running(tmp_path, settings)
    try:
        told = json.loads(seamwatch(*data, "contracts", "sync", str(folder), "--format", "json"))
        names = {row["source"].partition("/")[0]: row["name"] for row in told}
        assert names.keys() == held.keys(), told
        assert Counter(row["outcome"] for row in told) == {"published": len(held)}, told
        token = seamwatch(*data, "tokens", "create", "t", "--scope", "contracts:write").strip()
        bearer = {"authorization": f"Bearer {token}"}
        for provider, case in held.items():
            again = json.loads(
                seamwatch(
                    *data, "contracts", "publish", published(folder, provider, case),
                    "--provider", provider, "--name", names[provider], "--format", "json",
                )
            )  # fmt: skip
            # a folder makes one contract of all its stubs: another text that says the same
            assert again[0]["outcome"] == "unchanged", again
            document = case.text or case.document
            body = {"document": document, "provider": provider, "name": names[provider]}
            answer = httpx.post(
                f"{running.address}/v1/contracts", json=body, headers=bearer, timeout=100
            )
            assert answer.json().get("outcome") == "unchanged", (provider, answer.text)
        kafka.produce(
            logs,
            [
                record(provider, exchange)
                for provider, case in held.items()
                if not case.topic
                for exchange in (case.good, case.bad)
            ],
        )
        for provider, case in held.items():
            if case.topic:
                kafka.produce(topics[provider], [case.good, case.bad])

        def broken() -> set[str]:
            rows = running.get("/v1/violations?limit=500").json()
            return {row["contract"] for row in rows}

        until(lambda: broken() >= set(names.values()), running)
        rows = running.get("/v1/violations?limit=500").json()
        assert Counter(row["contract"] for row in rows) == Counter(names.values()), rows
        assert all(
            sum(pair["exchanges"] for pair in row["by_version_pair"]) == 1 for row in rows
        ), rows
        for provider, case in held.items():
            name = names[provider]
            page = running.get(f"/contracts/{name}")
            assert page.status_code == 200, (name, page.text[:300])
            coverage = running.get(f"/v1/contracts/{name}/coverage").json()
            if case.units:
                (shown,) = [it for it in coverage["interactions"] if it["kept"] or it["broken"]]
                assert (shown["proof"], shown["kept"], shown["broken"]) == ("broken", 1, 1), name
            matrix = running.get(f"/v1/matrix?service={provider}")
            assert matrix.status_code == 200, matrix.text
    finally:
        running.end()


def test_times_are_judged_by_every_way(
    kafka: KafkaBroker, tmp_path: Path, seamwatch: Told
) -> None:
    logs = kafka.make_topic(partitions=1)
    text = 'x-seamwatch-timing: {operations: {"GET /things/{id}": {timeout: 2s}}}'
    folder = folder_of(tmp_path / "contracts", {"timed": Case("times.yaml", text, None, None)})
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.5",
        "SEAMWATCH_TOPICS_SPANS": "",
        "SEAMWATCH_TOPICS_API_LOGS": logs,
        "SEAMWATCH_TOPICS_DEPLOYS": "",
    }
    data = ("--data-dir", str(tmp_path / "data"))
    running = Running(tmp_path, settings)
    try:
        (row,) = json.loads(seamwatch(*data, "contracts", "sync", str(folder), "--format", "json"))
        assert (row["outcome"], row["name"]) == ("published", "timed-times")
        words = ("--provider", "timed", "--name", row["name"], "--format", "json")
        path = str(folder / "timed" / "times.yaml")
        (again,) = json.loads(seamwatch(*data, "contracts", "publish", path, *words))
        assert (again["outcome"], again["judged"]["times"]) == ("unchanged", 1)
        earlier = system_clock().timestamp() - 300
        kafka.produce(
            logs,
            [
                record("timed", GOOD | {"time": earlier + call / 100, "duration_ms": 2_500})
                for call in range(300)
            ],
        )
        kafka.produce(logs, [record("timed", GOOD)])  # by which the windows before are sealed

        def broken() -> bool:
            told = running.get("/v1/timing?service=timed").json()["verdicts"]
            return any(verdict["word"] == "broken" for verdict in told)

        until(broken, running)
        words = ("contracts", "timing", "--provider", "timed", "--format", "json")
        rows = json.loads(seamwatch(*data, *words, exits=1))
        (line,) = [line for line in rows if line["word"] == "broken"]
        assert (line["contract"], line["callee"], line["limit_seconds"]) == (
            row["name"],
            "timed",
            2,
        )
        page = running.get(f"/contracts/{row['name']}")
        assert page.status_code == 200, page.text[:300]
        assert running.get("/v1/matrix?service=timed").status_code == 200
    finally:
        running.end()


def test_every_format_is_judged_from_files_alone(tmp_path: Path, seamwatch: Told) -> None:
    held = cases({name: f"topic-{name}" for name in TOPICS})
    folder = folder_of(tmp_path, held)
    for provider, case in held.items():
        if case.topic:
            continue
        traffic = tmp_path / f"{provider}.ndjson"
        for told, exits in (([case.good], 0), ([case.good, case.bad], 1)):
            traffic.write_bytes(b"\n".join(record(provider, exchange) for exchange in told))
            answer = seamwatch(
                "contracts", "check", "--contract", published(folder, provider, case),
                "--traffic", str(traffic), "--source", "ndjson", "--format", "json", exits=exits,
            )  # fmt: skip
            summary = json.loads(answer)["summary"]
            assert (summary["valid"], summary["violated"]) == (1, exits), (provider, summary)
