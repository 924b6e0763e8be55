"""The schemas that records name: from a folder, from a registry of the settings, never from
elsewhere, and never twice.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from monitor.contracts.framing import Writer
from monitor.contracts.registry import Registry
from monitor.joining.writers import SchemaRegistry, Schemas
from monitor.store import Store
from pipelines.messages import MessageSettings
from tests.contracts.test_avro import GOOD, GUID, ORDER, framed, topic
from tests.contracts.test_messages import held
from tests.pipelines.test_api_logs import rows
from tests.pipelines.test_topic_records import batch, run

LINE = json.dumps({"type": "record", "name": "Line", "fields": []})
ANSWERS: dict[str, tuple[int, Any]] = {
    "/schemas/ids/7": (200, {"schema": json.dumps(ORDER)}),
    f"/schemas/guids/{GUID}": (200, {"schema": "syntax", "schemaType": "PROTOBUF"}),
    "/schemas/ids/8": (
        200,
        {"schema": "{}", "references": [{"name": "Line", "subject": "a/b line", "version": 3}]},
    ),
    "/subjects/a%2Fb%20line/versions/3": (200, {"schema": LINE}),
    "/schemas/ids/9": (301, "http://127.0.0.1:1/"),
    "/schemas/ids/10": (200, "no json"),
    "/schemas/ids/11": (200, {"schema": "x" * 5_000_000}),
    "/schemas/ids/12": (500, {}),
    "/schemas/ids/13": (200, {"schema": "{}", "schemaType": "XML"}),
}


@contextmanager
def registry() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('authorization', '')}".strip())
            status, body = ANSWERS.get(self.path, (404, {"error_code": 40403}))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if status == 301:
                self.send_header("Location", str(body))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ids_guids_and_references_are_asked_of_the_registry_with_its_login() -> None:
    with registry() as (url, asked):
        known = SchemaRegistry(url, "me", "secret")
        assert known.schema(7) == Writer("avro", json.dumps(ORDER))
        assert known.schema(str(GUID)) == Writer("protobuf", "syntax")
        assert known.schema(8) == Writer("avro", "{}", {"Line": LINE})
        assert known.schema(404) == "unknown_schema"
    assert asked[0] == "/schemas/ids/7 Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("key", [9, 10, 11, 12, 13])
def test_an_answer_that_is_no_schema_is_a_failed_registry_and_no_redirect_is_followed(
    key: int,
) -> None:
    with registry() as (url, asked):
        assert SchemaRegistry(url).schema(key) == "schema_registry_failed"
        assert len(asked) == 1


def test_a_registry_that_is_down_is_asked_once_a_minute_and_what_was_found_is_kept(
    tmp_path: Path,
) -> None:
    now = [0.0]
    (tmp_path / "5.proto").write_text("syntax")
    with registry() as (url, asked):
        known = Schemas(tmp_path, SchemaRegistry(url), seconds=lambda: now[0])
        assert isinstance(known(7), Writer)
        assert known(5) == Writer("protobuf", "syntax")
        assert [known(404), known(404)] == ["unknown_schema"] * 2
        assert known(12) == "schema_registry_failed"
        assert [known(14), known(15)] == ["schema_registry_failed"] * 2
        assert isinstance(known(7), Writer)
        assert len(asked) == 3
        now[0] = 61.0
        assert known(14) == "unknown_schema"
        assert known(404) == "unknown_schema"
        assert len(asked) == 5
    assert SchemaRegistry("http://127.0.0.1:1").schema(1) == "schema_registry_failed"


def test_records_come_to_verdicts_by_the_registrys_schemas_and_say_why_where_it_fails(
    store: Store,
) -> None:
    known = Registry([held(topic(), "avro")])
    with registry() as (url, _):
        settings = MessageSettings(writers=Schemas(None, SchemaRegistry(url)))
        run(
            store,
            batch(framed(GOOD), framed(GOOD, key=404), framed(GOOD)[:9], framed(GOOD, key=12)),
            settings=settings,
            known=known,
        )
    assert [(row["checked"], row["reason"]) for row in rows(store, "exchanges")] == [
        ("valid", ""),
        ("not_checked", "unknown_schema"),
        ("violated", ""),
        ("not_checked", "schema_registry_failed"),
    ]
