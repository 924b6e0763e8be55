"""An answer that a proxy made itself is told from one that the callee gave, by each gateway's own
words.
"""

import base64
from typing import Any

import orjson
import pytest

from monitor.decode.api_logs import decode_api_logs
from tests.decode.api_logs.test_formats import (
    APISIX,
    ENVOY,
    KONG,
    NEW_NAMES,
    log_batch,
    one,
    records,
)

PLAIN = {
    "time": "2026-11-21T09:10:29Z",
    "method": "GET",
    "path": "/pay/7",
    "status": 503,
    "callee": "payment",
}


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, False),
        ({"response_flags": "-"}, False),
        ({"response_flags": "URX"}, False),
        ({"response_flags": "UF,URX"}, True),
        ({"response_flags": "UH"}, True),
        ({"response_flags": "NR"}, True),
        ({"response_flags": "RL"}, True),
        ({"response_flags": "NoHealthyUpstream"}, True),
        ({"response_flags": "DC"}, False),
        ({"response_code_details": "via_upstream", "response_flags": "UT"}, False),
        ({"response_code_details": "route_not_found"}, True),
        ({"response_code_details": "-", "response_flags": "-"}, False),
        ({"response_code_details": None}, False),
    ],
)
def test_envoy_says_it_in_flags_and_details(fields: dict[str, Any], made: bool) -> None:
    assert one(ENVOY | fields, "envoy").proxy_answer is made
    assert one(PLAIN | fields, "ndjson").proxy_answer is made


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"upstream_status": "503"}, False),
        ({"upstream_status": "-"}, True),
        ({"upstream_status": None}, True),
        ({"upstream_status": "502", "upstream_header_time": "-"}, True),
        ({"upstream_status": "502, 200", "upstream_header_time": "-, 0.020"}, False),
        ({"upstream_status": "502 : 504", "upstream_header_time": "0.1 : -"}, True),
        ({"proxy_answer": True}, True),
        ({"proxy_answer": False, "upstream_status": ""}, False),
    ],
)
def test_nginx_says_it_by_what_its_upstream_left_empty(fields: dict[str, Any], made: bool) -> None:
    assert one(PLAIN | fields, "ndjson").proxy_answer is made


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"source": "upstream"}, False),
        ({"source": "exit"}, True),
        ({"source": "error"}, True),
        ({"latencies": {"kong": 2, "proxy": -1, "request": 42}}, True),
        ({"upstream_status": ""}, True),
        ({"upstream_status": "503"}, False),
        ({"response": {"status": 502}, "tries": [{"state": "failed", "ip": "10.0.0.2"}]}, True),
        ({"response": {"status": 502}, "tries": [{"state": "failed"}, {"ip": "10.0.0.3"}]}, False),
    ],
)
def test_kong_says_it_by_its_source_its_tries_or_its_latencies(
    fields: dict[str, Any], made: bool
) -> None:
    assert one(KONG | fields, "kong").proxy_answer is made


def test_apisix_says_it_by_naming_no_upstream() -> None:
    own = {name: value for name, value in APISIX.items() if name != "upstream"} | {
        "apisix_latency": 2.0
    }
    assert one(own, "apisix").proxy_answer
    assert not one(own | {"upstream": "10.0.0.2:80"}, "apisix").proxy_answer
    assert not one(
        {name: value for name, value in own.items() if name != "apisix_latency"}, "apisix"
    ).proxy_answer


def test_spans_and_logs_of_a_proxy_say_it_in_their_attributes() -> None:
    for names, made in ((NEW_NAMES, False), (NEW_NAMES | {"response_flags": "UF"}, True)):
        exchange = one(log_batch(names), "otlp_json")
        assert exchange.proxy_answer is made
        assert not exchange.headers_whole


def test_a_body_that_is_said_to_be_in_base64_is_bytes() -> None:
    entry = PLAIN | {
        "response_body": base64.b64encode(b"\x1f\x8b!").decode(),
        "response_body_encoding": "base64",
    }
    assert one(entry, "ndjson").response_body == b"\x1f\x8b!"
    _, (reject,) = decode_api_logs(
        records(orjson.dumps(entry | {"response_body": "no base64"})), "ndjson"
    )
    assert reject.reason == "bad_body"


@pytest.mark.parametrize(
    ("cookies", "kept"),
    [
        (
            "sid=a9f3; n=5; r=0.5; on=true; e=",
            "sid=[redacted text]; n=[redacted integer]; r=[redacted number]; on=[redacted boolean]; e=",
        ),
        (["sid=a9f3", "n=5"], "sid=[redacted text]; n=[redacted integer]"),
        ("no pairs", "[redacted]"),
    ],
)
def test_of_cookies_only_names_and_kinds_are_kept(cookies: Any, kept: str) -> None:
    assert one(PLAIN | {"request_headers": {"Cookie": cookies}}, "ndjson").request_headers == {
        "cookie": kept
    }


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({"authority": "httpbin.default:8000", "upstream_cluster": "inbound|80||"}, ("httpbin", "default")),
        ({"authority": "httpbin:8000", "upstream_cluster": "inbound|80||", "requested_server_name": "outbound_.8000_._.httpbin.default.svc.cluster.local"}, ("httpbin", "default")),
        ({"authority": "x", "upstream_cluster": "outbound|8000||httpbin.default.svc.cluster.local"}, ("httpbin", "default")),
        ({"authority": "pay.example", "upstream_cluster": "inbound|80||"}, ("pay.example", "")),
        ({"authority": "pay.shop", "upstream_cluster": "-"}, ("pay.shop", "")),
    ],
)  # fmt: skip
def test_one_service_of_a_mesh_has_one_name(
    fields: dict[str, Any], service: tuple[str, str]
) -> None:
    exchange = one(ENVOY | fields, "envoy")
    assert (exchange.callee, exchange.callee_namespace) == service
