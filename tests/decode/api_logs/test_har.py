"""HAR, what a browser recorded, as API logs."""

import base64
from typing import Any

import orjson
import pytest

from monitor.decode.api_logs import decode_api_logs
from monitor.decode.api_logs.fields import headers_of
from monitor.model.exchanges import REDACTED, Exchange
from monitor.model.records import Reject
from tests.decode.api_logs.test_ndjson import records

ENTRY: dict[str, Any] = {
    "startedDateTime": "2026-01-02T03:04:05.500+01:00",
    "time": 120.5,
    "request": {
        "method": "POST",
        "url": "https://pay.example.com/v1/payments?dry=1",
        "headers": [
            {"name": "Accept", "value": "*/*"},
            {"name": "Authorization", "value": "Bearer x"},
        ],
        "postData": {"mimeType": "application/json", "text": '{"amount": 3}'},
    },
    "response": {
        "status": 201,
        "headers": [{"name": "Content-Type", "value": "application/json; charset=utf-8"}],
        "content": {"size": 9, "mimeType": "application/json", "text": '{"id": 1}'},
    },
}


def document(*entries: Any) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "browser"}, "entries": list(entries)}}


def read(value: Any, form: str = "auto") -> tuple[list[Exchange], list[Reject]]:
    return decode_api_logs(
        records(value if isinstance(value, bytes) else orjson.dumps(value)), form, {}
    )


@pytest.mark.parametrize("form", ["auto", "har"])
@pytest.mark.parametrize(
    "held", [document(ENTRY), ENTRY, [ENTRY]], ids=["document", "entry", "list"]
)
def test_an_entry_is_an_exchange_that_the_client_saw(held: Any, form: str) -> None:
    (exchange,), rejects = read(held, form)
    assert not rejects
    assert (exchange.method, exchange.path, exchange.query, exchange.status) == (
        "POST",
        "/v1/payments",
        "dry=1",
        201,
    )
    assert (exchange.callee, exchange.side, exchange.duration_ns) == (
        "pay.example.com",
        "client",
        120_500_000,
    )
    assert exchange.end_ns == 1_767_319_445_620_500_000
    assert (exchange.request_body, exchange.response_body) == ('{"amount": 3}', '{"id": 1}')
    assert exchange.request_headers["content-type"] == "application/json"
    assert "Bearer" not in exchange.request_headers["authorization"]


def test_entries_keep_keys_of_their_own_and_what_no_server_answered_is_left_out() -> None:
    local = {**ENTRY, "request": {**ENTRY["request"], "url": "data:image/png;base64,AA"}}
    exchanges, rejects = read(document(ENTRY, local, {**ENTRY, "time": -1}, {"request": 7}))
    assert [exchange.index for exchange in exchanges] == [0, 1]
    assert exchanges[1].duration_ns is None
    assert [(reject.reason, reject.count) for reject in rejects] == [("no_time", 1)]


def test_a_body_in_base64_is_decoded_and_one_cut_short_is_known() -> None:
    packed = {"size": 3, "encoding": "base64", "text": base64.b64encode(b"\x00\x01\x02").decode()}
    cut = {"size": 100, "mimeType": "application/json", "text": '{"id'}
    (whole, short), _ = read(
        document(
            *(
                {**ENTRY, "response": {**ENTRY["response"], "content": content}}
                for content in (packed, cut)
            )
        )
    )
    assert (whole.response_body, whole.response_truncated) == (b"\x00\x01\x02", False)
    assert short.response_truncated


def test_a_document_of_har_where_another_format_is_set_is_named() -> None:
    _, (reject,) = read(document(ENTRY), "ndjson")
    assert (reject.reason, reject.whole) == ("har", True)


def test_what_nobody_answered_is_told_as_minus_one_too() -> None:
    silent = {"status": -1, "headers": [], "content": {"size": -1, "mimeType": "x-unknown"}}
    (exchange,), rejects = read(document(ENTRY | {"response": silent}))
    assert (exchange.status, rejects) == (0, [])


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ([{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "2"}], {"x-a": "1", "x-b": "2"}),
        ([{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}], {"x-a": "2"}),
        ([{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}], {"x-a": "2"}),
        ([{"name": "X-A", "value": 1}, {"name": None, "value": "2"}], {"x-a": "1"}),
        ([{"name": "", "value": "1"}, {"name": "X-B", "value": None}], {"x-b": ""}),
        ([{"key": "K", "name": "N", "value": "1"}], {"k": "1"}),
        ([["X-A", "1"], {"name": "X-B", "value": "2"}], {"x-a": "1", "x-b": "2"}),
        ([{"name": "Authorization", "value": "s"}], {"authorization": REDACTED}),
        ([{"name": [], "value": "1"}, {"name": "X-B"}, 7, None, "ab"], {"x-b": ""}),
    ],
)
def test_headers_in_a_list_are_read_alike_however_they_are_written(
    listed: list[Any], wanted: dict[str, str]
) -> None:
    assert headers_of(listed) == wanted


@pytest.mark.parametrize(
    ("posted", "body"),
    [
        (
            {"params": [{"name": "a", "value": "x y"}, {"name": "b", "value": "1&2"}]},
            "a=x+y&b=1%262",
        ),
        ({"params": [{"name": "a", "value": "x%20y"}]}, None),  # encoded already, or not
        ({"params": [{"name": "a", "value": None}]}, None),
        ({"params": []}, None),
        ({"params": [{"name": "a", "value": "2"}], "text": "a=1"}, "a=1"),
        ({"params": [{"name": "f", "fileName": "x"}], "mimeType": "multipart/form-data"}, None),
    ],
)
def test_a_form_of_which_only_the_fields_are_told_is_written_again(
    posted: dict[str, Any], body: str | None
) -> None:
    form = {"mimeType": "application/x-www-form-urlencoded"} | posted
    entry = ENTRY | {"request": ENTRY["request"] | {"postData": form}}
    (exchange,), _ = read(entry)
    assert exchange.request_body == body
    told = exchange.request_headers.get("content-type")
    assert told == (form["mimeType"] if posted["params"] else None)
