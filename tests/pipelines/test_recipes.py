"""What the recipes' configurations make gateways write, by their vendors' documentation, is read
with both bodies and judged.
"""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from monitor.contracts.check import check
from monitor.decode.api_logs import read_api_logs
from monitor.decode.api_logs.marks import body_and_cut
from monitor.model.exchanges import Exchange
from monitor.model.records import Partition, Records
from tests.contracts.promises import GOOD, registry

PAGE = (Path(__file__).parents[2] / "pipelines" / "RECIPES.md").read_text()
START = "2026-11-28T09:59:59.958Z"
NEW = {"amount": 12, "currency": "EUR", "state": "open", "secret": "s"}
ASKED, GOOD_ANSWER, BAD_ANSWER = (
    orjson.dumps(body).decode() for body in (NEW, GOOD, GOOD | {"amount": "12"})
)


def recipe(name: str) -> dict[str, Any]:
    """The configuration that stands on the page."""
    (text,) = re.findall(rf"```yaml {name}\n(.*?)```", PAGE, re.DOTALL)
    held = yaml.safe_load(text)
    assert isinstance(held, dict)
    return held


def read(*lines: bytes) -> list[Exchange]:
    count, place = len(lines), Partition("ab" * 8, "api_logs", 0)
    batch = Records(
        list(lines),
        [place] * count,
        list(range(count)),
        [1_795_860_300_000] * count,
        [{}] * count,
        [0] * count,
    )
    reading = read_api_logs(batch, "auto")
    assert reading.rejects == []
    return reading.exchanges


def judged(*exchanges: Exchange) -> list[tuple[str, list[tuple[str, str]]]]:
    known = registry()
    checks = [check(exchange, known) for exchange in exchanges]
    return [
        (checked.outcome, [(broken.rule, broken.pointer) for broken in checked.violations])
        for checked in checks
    ]


# What Envoy's operators are replaced with:
# https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
OPERATORS = {
    "START_TIME": START, "REQ(:METHOD)": "POST", "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": "/api/payments", "RESPONSE_CODE": 201, "RESPONSE_FLAGS": None,
    "RESPONSE_CODE_DETAILS": "via_upstream", "DURATION": 42, "REQ(:AUTHORITY)": "payment", "UPSTREAM_CLUSTER": "payment",
    "REQ(TRACEPARENT)": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01", "REQ(CONTENT-TYPE)": "application/json", "REQ(CONTENT-ENCODING)": None,
    "RESP(CONTENT-TYPE)": "application/json", "RESP(CONTENT-ENCODING)": None, "DYNAMIC_METADATA(seamwatch:request_body)": ASKED,
}  # fmt: skip


def envoy_line(answer: str | None) -> bytes:
    """The line of the recipe's format: each operator alone in a text becomes its value, an absent
    one null.
    """
    operators = OPERATORS | {"DYNAMIC_METADATA(seamwatch:response_body)": answer}

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: filled(value) for name, value in node.items()}
        return operators[node.strip("%")]

    (log,) = recipe("envoy")["access_log"]
    return orjson.dumps(filled(log["typed_config"]["log_format"]["json_format"]))


def test_envoys_lines_are_judged_with_their_bodies() -> None:
    good, bad, cut, none = read(
        *map(envoy_line, (GOOD_ANSWER, BAD_ANSWER, GOOD_ANSWER[:20] + "[truncated]", None))
    )
    assert (good.callee, good.status, good.duration_ns, good.trace_id.hex()) == (
        "payment",
        201,
        42_000_000,
        "ab" * 16,
    )
    assert (good.request_body, good.response_body, cut.response_truncated) == (
        ASKED,
        GOOD_ANSWER,
        True,
    )
    assert none.response_body is None
    assert judged(good, bad)[1] == ("violated", [("type", "/amount")])


def test_envoys_lua_sets_what_the_access_log_names_and_marks_cuts_as_we_read_them() -> None:
    (lua,) = recipe("envoy")["http_filters"]
    code = lua["typed_config"]["default_source_code"]["inline_string"]
    wanted = set(re.findall(r"DYNAMIC_METADATA\(seamwatch:(\w+)\)", PAGE))
    assert (
        wanted
        == set(re.findall(r'keep\(handle, "(\w+)"\)', code))
        == {"request_body", "response_body"}
    )
    marks = set(re.findall(r"\.\. ['\"]([^'\"]+)['\"]", PAGE))
    assert marks == {"[truncated]"}
    assert body_and_cut('{"a":1' + marks.pop()) == ('{"a":1', True)


APISIX = {
    "service_id": "payment", "route_id": "1", "start_time": 1_795_859_999_958, "latency": 42.0, "client_ip": "10.0.0.9", "upstream": "10.1.0.7:80",
    "server": {"hostname": "gw", "version": "3.18.0"},
    "request": {
        "method": "POST", "uri": "/api/payments", "url": "http://gw:9080/api/payments", "querystring": {}, "size": 99,
        "headers": {"content-type": "application/json", "x-tenant": "a"}, "body": ASKED,
    },
    "response": {"status": 201, "headers": {"content-type": "application/json"}, "size": 99},
}  # fmt: skip


def test_apisixs_records_are_judged_with_their_bodies() -> None:
    logger = recipe("apisix")["plugins"]["kafka-logger"]
    assert (
        logger["include_req_body"],
        logger["include_resp_body"],
        logger.get("meta_format", "default"),
    ) == (
        True,
        True,
        "default",
    )
    large = orjson.dumps({"id": 7, "note": "x" * 70_000}).decode()
    entries = [
        APISIX | {"response": {**APISIX["response"], "body": body}}  # type: ignore[dict-item]
        for body in (GOOD_ANSWER, BAD_ANSWER, large[: logger["max_resp_body_bytes"]])
    ]
    good, bad, cut = read(orjson.dumps(entries))  # a batch is one record
    assert judged(good, bad) == [("valid", []), ("violated", [("type", "/amount")])]
    assert (check(cut, registry()).outcome, check(cut, registry()).reason) == (
        "not_checked",
        "truncated",
    )


KONG = {
    "started_at": 1_795_859_999_958, "latencies": {"kong": 1, "proxy": 41, "request": 42, "receive": 0}, "service": {"name": "payment", "host": "h"},
    "request": {
        "method": "POST", "uri": "/api/payments", "url": "http://gw:8000/api/payments", "querystring": {}, "size": 9,
        "headers": {"content-type": "application/json", "x-tenant": "a"},
    },
    "response": {"status": 201, "headers": {"content-type": "application/json"}, "size": 12}, "upstream_status": "201", "route": {"name": "r"},
    "tries": [{"ip": "10.1.0.7", "port": 80}], "client_ip": "10.0.0.9",
}  # fmt: skip


def kong_line(asked: str, answered: str) -> bytes:
    """The logger's entry with each custom field at the place that its dotted name says."""
    entry: dict[str, Any] = orjson.loads(orjson.dumps(KONG))
    (logger,) = (
        plugin["config"]
        for plugin in recipe("kong")["plugins"]
        if "custom_fields_by_lua" in plugin["config"]
    )
    values = {"kong.ctx.shared.asked": asked, "kong.service.response.get_raw_body()": answered}
    for name, code in logger["custom_fields_by_lua"].items():
        holder, _, field = name.partition(".")
        (entry[holder][field],) = (value for phrase, value in values.items() if phrase in code)
    return orjson.dumps(entry)


def test_kongs_entries_are_judged_with_their_bodies() -> None:
    assert judged(*read(kong_line(ASKED, GOOD_ANSWER), kong_line(ASKED, BAD_ANSWER))) == [
        ("valid", []),
        ("violated", [("type", "/amount")]),
    ]
    (cut,) = read(kong_line(ASKED, GOOD_ANSWER[:20] + "[truncated]"))
    assert cut.response_truncated


@pytest.mark.parametrize("exporter", ["kafka/access", "kafka/captured"])
def test_the_collector_hands_on_what_others_wrote(exporter: str) -> None:
    config = recipe("collector")
    encoding = config["exporters"][exporter]["logs"]["encoding"]
    line = envoy_line(BAD_ANSWER)
    own = orjson.dumps({
        "time": START, "method": "POST", "path": "/api/payments", "status": 201, "request_headers": {"x-tenant": "a", "content-type": "application/json"},
        "response_headers": {"content-type": "application/json"}, "request_body": ASKED, "response_body": BAD_ANSWER,
    })  # fmt: skip
    batch = {
        "resourceLogs": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]},
            "scopeLogs": [{"logRecords": [{"timeUnixNano": "1795860000000000000", "body": {"stringValue": own.decode()}}]}],
        }]
    }  # fmt: skip
    (exchange,) = read(line if encoding == "raw" else orjson.dumps(batch))
    assert (exchange.callee, judged(exchange)[0][1]) == ("payment", [("type", "/amount")])
    for pipeline in config["service"]["pipelines"].values():
        assert set(pipeline["receivers"]) <= set(config["receivers"])
        assert set(pipeline["exporters"]) <= set(config["exporters"])
