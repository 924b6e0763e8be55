"""Files are cut into records as their bytes say, whatever the form."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.decode.spans import decode_spans
from monitor.model.forms import BOM
from monitor.model.log_lines import GOREPLAY_MARK
from monitor.streams.files import FileSource
from monitor.streams.framing import guess
from tests.decode.api_logs.test_har import ENTRY, document
from tests.decode.test_jaeger import span
from tests.decode.test_zipkin import CLIENT, in_proto
from tests.fixtures.signals import FOREIGN, metrics
from tests.fixtures.spans import S, request
from tests.streams.test_guess import delimited

JAEGER, ZIPKIN, OTLP = (
    span().SerializeToString(),
    in_proto(CLIENT),
    request([S("web", "client", 1, 1)]),
)


def values(path: Path, content: bytes) -> list[bytes]:
    path.write_bytes(content)
    return [value for batch in FileSource([path]).poll() for value in batch.values]


@pytest.mark.parametrize(
    "message", [JAEGER, ZIPKIN, OTLP, metrics()], ids=["jaeger", "zipkin", "otlp", "metrics"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_messages_after_their_lengths_and_one_alone(
    message: bytes, pack: Any, tmp_path: Path
) -> None:
    assert values(tmp_path / "a.pb", pack(message)) == [message]
    assert values(tmp_path / "b.pb", pack(delimited(message, message))) == [message] * 2


def test_a_length_that_looks_like_a_brace_is_a_length(tmp_path: Path) -> None:
    named = next(
        made
        for made in (request([S("x" * n, "client", 1, 1, attributes={})]) for n in range(1, 120))
        if len(made) == ord("{")
    )
    assert values(tmp_path / "a.pb", delimited(named, named)) == [named] * 2


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "marked"])
def test_one_document_over_many_lines_is_one_record_however_long(
    mark: bytes, tmp_path: Path
) -> None:
    small, large = document(ENTRY), document(*[ENTRY] * 3000)
    for held in (small, large, [CLIENT] * 5000):
        text = json.dumps(held, indent=2).encode()
        assert values(tmp_path / "a.json", mark + text) == [mark + text]


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "marked"])
def test_documents_of_a_line_each_are_records_even_when_the_first_is_broken(
    mark: bytes, tmp_path: Path
) -> None:
    line = json.dumps(ENTRY).encode()
    assert values(tmp_path / "a.ndjson", mark + b"\n".join([line] * 3)) == [
        mark + line,
        line,
        line,
    ]
    many = [b'{"cut": ', *[line] * 5000]
    assert values(tmp_path / "b.ndjson", mark + b"\n".join(many)) == [
        mark + many[0].strip(),
        *many[1:],
    ]


@pytest.mark.parametrize("form", ["plain_text", "csv", "access_log"])
def test_text_is_lines(form: str) -> None:
    assert guess(FOREIGN[form] * 3, "auto", "auto", whole=True) == "lines"


@pytest.mark.parametrize(
    "line",
    [
        b'{"time": 1, "method": "GET", "path": "/a"}',
        b'10.0.0.1 - - [28/Nov/2026:02:00:00 +0000] "GET /x HTTP/1.1" 200 612 "-" "a"',
    ],
)
def test_zeros_that_copytruncate_leaves_cost_no_line(line: bytes, tmp_path: Path) -> None:
    """The whole file was one record that nobody could read."""
    for content in (bytes(5_000) + line + b"\n" + line, line + b"\n" + bytes(99) + b"\n" + line):
        assert values(tmp_path / "a.log", content + b"\n") == [line, line]


@pytest.mark.parametrize("form", ["parquet", "avro", "zip", "zstd", "utf16_text"])
def test_other_binary_forms_are_one_record_that_is_refused_once(form: str, tmp_path: Path) -> None:
    content = FOREIGN[form] + b"\n\n\n" * 10
    assert values(tmp_path / "a.bin", content) == [content]
    (batch,) = FileSource([tmp_path / "a.bin"]).poll()
    assert [reject.reason for reject in decode_spans(batch)[1]] == [form]


def test_payloads_of_goreplay_are_records_and_pretty_documents_one_after_the_other_are_one(
    tmp_path: Path,
) -> None:
    payloads = [
        f"{kind} {'a' * 40} 1795860000000000000 0\nGET /{kind} HTTP/1.1\r\n\r\n{'x' * size}".encode()
        for kind, size in ((1, 3), (2, 70_000), (1, 0))
    ]
    content = GOREPLAY_MARK.join(payloads)
    assert values(tmp_path / "a.gor", content + GOREPLAY_MARK) == payloads
    assert values(tmp_path / "b.gor", gzip.compress(content)) == payloads
    (tmp_path / "c.gor").write_bytes(content)
    (batch,) = FileSource([tmp_path / "c.gor"], max_record_bytes=1_000).poll()
    assert list(batch.values) == [payloads[0], b"", payloads[2]]
    pretty = b"\n".join(json.dumps(held, indent=1).encode() for held in ({"a": 1}, {"b": 2}))
    assert values(tmp_path / "d.json", pretty) == [pretty]
