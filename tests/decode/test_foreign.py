"""What is no record of a topic is refused by its name, on every topic; a byte order mark is none
of it.
"""

import orjson
import pytest

from monitor.decode.api_logs import FORMATS, decode_api_logs
from monitor.decode.deploys import decode_deploys
from monitor.decode.spans import decode_spans
from monitor.model.forms import BOM, SPAN_ENCODINGS
from monitor.model.records import Rejects
from tests.decode.api_logs.test_ndjson import ENTRY
from tests.decode.api_logs.test_ndjson import records as api_logs
from tests.fixtures.signals import FOREIGN, PACKED
from tests.fixtures.spans import S, records, request

SPANS = request([S("web", "client", 1, 1)])
SPANS_JSON = b'{"resourceSpans": [{"scopeSpans": []}]}'
DEPLOY = b'{"service": "pay", "version": "1"}'


def said(rejects: Rejects) -> list[tuple[str, bool]]:
    return [(reject.reason, reject.whole) for reject in rejects]


@pytest.mark.parametrize("encoding", ["auto", *SPAN_ENCODINGS])
@pytest.mark.parametrize(("form", "value"), FOREIGN.items())
def test_on_the_topic_of_spans(form: str, value: bytes, encoding: str) -> None:
    spans, rejects = decode_spans(records([value]), encoding)
    assert (len(spans), said(rejects)) == (0, [(form, True)])


@pytest.mark.parametrize("form", ["auto", "ndjson", "envoy", "har", "otlp"])
@pytest.mark.parametrize(("foreign", "value"), FOREIGN.items())
def test_on_the_topic_of_api_logs(foreign: str, value: bytes, form: str) -> None:
    exchanges, rejects = decode_api_logs(records([value]), form)
    if foreign == "otlp_logs" and form in ("auto", "otlp"):
        assert not rejects  # log records that tell of no exchange are passed over
    else:
        assert (exchanges, said(rejects)) == ([], [(foreign, True)])


@pytest.mark.parametrize(
    ("form", "value"), [*FOREIGN.items(), ("otlp_proto", SPANS), ("otlp_json", SPANS_JSON)]
)
def test_on_the_topic_of_deploys(form: str, value: bytes) -> None:
    assert said(decode_deploys(records([value])).rejects) == [(form, True)]


def test_spans_on_the_topic_of_api_logs() -> None:
    assert said(decode_api_logs(records([SPANS]), "auto")[1]) == [("otlp_proto", True)]


def test_packed_metrics_are_metrics() -> None:
    assert said(decode_spans(records([PACKED]))[1]) == [("otlp_metrics", True)]
    assert said(decode_api_logs(records([PACKED]), "auto")[1]) == [("otlp_metrics", True)]


def test_api_logs_and_deploys_on_each_others_topics_are_named() -> None:
    assert said(decode_spans(records([orjson.dumps(ENTRY)]))[1]) == [("ndjson", True)]
    assert said(decode_spans(records([DEPLOY]))[1]) == [("deploy", True)]
    assert said(decode_deploys(records([orjson.dumps(ENTRY)])).rejects) == [("ndjson", True)]
    assert said(decode_api_logs(records([DEPLOY]), "auto")[1]) == [("deploy", True)]


def test_json_on_a_topic_set_to_protobuf_and_the_other_way_are_named() -> None:
    assert said(decode_spans(records([SPANS_JSON]), "otlp_proto")[1]) == [("otlp_json", True)]
    assert said(decode_spans(records([SPANS]), "otlp_json")[1]) == [("otlp_proto", True)]


def test_a_byte_order_mark_is_stepped_over() -> None:
    _, rejects = decode_spans(records([BOM + SPANS_JSON]))
    assert not rejects
    for form in ("auto", "ndjson"):
        exchanges, rejects = decode_api_logs(api_logs(BOM + orjson.dumps(ENTRY)), form)
        assert (len(exchanges), list(rejects)) == (1, [])
    assert len(decode_deploys(records([BOM + DEPLOY])).events) == 1


@pytest.mark.parametrize("length", [ord("{"), ord("[")])
def test_protobuf_whose_length_looks_like_a_brace_is_protobuf(length: int) -> None:
    padding = next(
        "x" * n
        for n in range(120)
        if request([S("x" * n or "y", "client", 1, 1, attributes={})])[1] == length
    )
    value = request([S(padding, "client", 1, 1, attributes={})])
    assert value[:2] == bytes([0x0A, length])
    assert len(decode_spans(records([value]))[0]) == 1


def test_every_format_refuses_text_by_its_name() -> None:
    mapping = {"time": "/t", "method": "/m", "path": "/p"}
    for form in FORMATS:
        assert said(decode_api_logs(records([FOREIGN["plain_text"]]), form, mapping)[1]) == [
            ("plain_text", True)
        ]
