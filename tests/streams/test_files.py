"""Recorded files: framing found out, broken tails counted, progress told."""

import gzip
import json
from pathlib import Path

import pytest
from google.protobuf.internal.encoder import _VarintBytes
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.errors import SourceError
from monitor.model.records import Records, stepped_over
from monitor.streams.files import FileSource
from monitor.streams.framing import guess


def request(name: str) -> bytes:
    made = ExportTraceServiceRequest()
    made.resource_spans.add().scope_spans.add().spans.add(name=name)
    return made.SerializeToString()


def framed(*messages: bytes) -> bytes:
    return b"".join(_VarintBytes(len(message)) + message for message in messages)


def read(path: Path, **options: object) -> list[Records]:
    return list(FileSource([path], **options).poll())  # type: ignore[arg-type]  # words of the tests


def values(batches: list[Records]) -> list[bytes]:
    return [value for batch in batches for value in batch.values]


def reasons(batches: list[Records]) -> list[str]:
    return [reject.reason for batch in batches for reject in stepped_over(batch)]


def test_delimited_requests_are_told_from_one_raw_request(tmp_path: Path) -> None:
    several, single = tmp_path / "several.pb", tmp_path / "one.pb"
    several.write_bytes(framed(request("a"), request("b" * 300)))
    single.write_bytes(request("a"))
    assert values(read(several)) == [request("a"), request("b" * 300)]
    assert values(read(single)) == [request("a")]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_the_guess_at_framing_is_right_for_any_names(names: list[str]) -> None:
    messages = [request(name) for name in names]
    assert guess(framed(*messages), "auto", "auto", whole=True) == "delimited"
    whole = ExportTraceServiceRequest.FromString(b"".join(messages)).SerializeToString()
    assert guess(whole, "auto", "auto", whole=True) == "raw"


def test_json_comes_one_a_line_or_as_one_document(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text('{"resourceSpans": []}\n\n{"resourceSpans": [1]}\n')
    [batch] = read(path)
    assert batch.values == (b'{"resourceSpans": []}', b'{"resourceSpans": [1]}')
    path.write_text(json.dumps({"resourceSpans": []}, indent=2))
    assert [json.loads(value) for value in values(read(path))] == [{"resourceSpans": []}]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_truncated_tail_is_one_reject_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.pb"
    path.write_bytes(framed(request("a"), request("b"), request("c" * 50))[:-cut])
    batches = read(path)
    assert values(batches) == [request("a"), request("b"), b""]
    assert reasons(batches) == ["truncated"]


def test_gzip_is_read_and_its_broken_tail_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson.gz"
    lines = [json.dumps({"n": number}).encode() for number in range(100)]
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    assert values(read(path)) == lines
    path.write_bytes(gzip.compress(b"\n".join(lines))[:-20])
    batches = read(path)
    assert reasons(batches) == ["truncated"]
    assert set(values(batches)) <= {*lines, b""}


def test_a_record_over_the_bound_is_one_reject_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = tmp_path / "big.pb"
    path.write_bytes(framed(request("a"), request("b" * 5000), request("c")))
    batches = read(path, max_record_bytes=1000)
    assert values(batches) == [request("a"), b"", request("c")]
    assert reasons(batches) == ["too_large"]
    path.write_bytes(b'{"a":1}\n' + b"x" * 5000 + b'\n{"b":2}\n')
    assert values(read(path, max_record_bytes=1000)) == [b'{"a":1}', b"", b'{"b":2}']


def test_a_file_given_twice_is_read_once_and_named_by_its_content(tmp_path: Path) -> None:
    for name in ("a.ndjson", "b.ndjson"):
        (tmp_path / name).write_text('{"same": true}\n')
    batches = list(FileSource([tmp_path / "a.ndjson", tmp_path / "b.ndjson"]).poll())
    assert values(batches) == [b'{"same": true}']
    assert batches[0].partitions[0].source_id.startswith("file:")
    assert len(batches[0].partitions[0].source_id) == 21


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    path, told = tmp_path / "a.ndjson", list[tuple[int, int]]()
    path.write_text("{}\n" * 5000)
    read(path, progress=lambda done, total: told.append((done, total)), max_batch_records=1000)
    assert told == sorted(told)
    assert told[-1] == (15000, 15000)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.pb cannot be read: No such file"):
        read(tmp_path / "nowhere.pb")
