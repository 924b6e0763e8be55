"""The routes of /v1 over a real store: what they answer, and what they refuse with words."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor import telemetry
from monitor.api.app import create_app
from monitor.control import findings as kept_findings
from monitor.model.policy import Override, RuleResult
from monitor.model.reasons import Reason, reason
from monitor.telemetry import Report
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON, ShopDay, edge_row, publish, write, write_judgement

Day = Callable[..., ShopDay]
CDEVENT = {
    "context": {
        "version": "0.4.1", "id": "271069a8", "source": "/ci/shop", "type": "dev.cdevents.service.deployed.0.1.1", "timestamp": "2026-11-21T11:50:00Z",
    },
    "subject": {
        "id": "payment", "source": "/ci/shop", "type": "service",
        "content": {"environment": {"id": "production"}, "artifactId": "pkg:oci/payment@2.0.0"},
    },
}  # fmt: skip


def test_edges_are_answered_with_every_promised_field(api: Asked, shop_day: Day) -> None:
    shop_day()
    rows = api.get("/v1/edges?callee=payment&caller=checkout").json()
    assert {(row["caller_version"], row["callee_version"]) for row in rows} == {
        ("3.1.0", "1.4.2"),
        ("3.1.0", "2.0.0"),
    }
    wanted = (
        "caller callee protocol operation caller_version callee_version calls failed outcomes client_seconds_sum server_seconds_sum quantiles coverage"
        " sampling conformance"
    )
    assert set(wanted.split()) <= set(rows[0])
    assert set(rows[0]["quantiles"]["client"]) == {"p50", "p95", "p99"}


def test_edges_grouped_by_less_have_nulls_for_the_rest(api: Asked, shop_day: Day) -> None:
    shop_day()
    rows = api.get("/v1/edges?by=callee").json()
    assert {row["callee"] for row in rows} >= {"payment", "stock"}
    assert all(row["caller"] is None and row["callee_version"] is None for row in rows)


def test_time_bounds_are_half_open_and_may_be_ages(api: Asked, shop_day: Day) -> None:
    shop_day(minutes=2)
    all_time = sum(row["calls"] for row in api.get("/v1/edges?by=callee").json())
    minute = sum(row["calls"] for row in api.get("/v1/edges?by=callee&since=1m").json())
    before = sum(
        row["calls"]
        for row in api.get(
            f"/v1/edges?by=callee&until={(NOON - timedelta(minutes=1)).isoformat()}"
        ).json()
    )
    assert minute + before == all_time
    assert 0 < minute < all_time


@pytest.mark.parametrize(
    "query",
    [
        "by=colour",
        "since=yesterday",
        "since=9999-01-01",
        "since=0001-01-01T00:00:00%2B09:00",
        "until=1e9",
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_what_to_do(api: Asked, query: str) -> None:
    answer = api.get(f"/v1/edges?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["do"]


def test_a_generation_that_is_not_published_is_not_seen(api: Asked, shop_day: Day) -> None:
    shop_day(minutes=1)
    before = api.get("/v1/coverage").json()
    window = NOON - timedelta(seconds=30)
    write(
        api.parts.store,
        "edge_windows",
        [edge_row(window, 9, ("a", "b", "http", "GET /x"), ("1", "2"), 100)],
    )
    assert api.get("/v1/coverage").json() == before
    publish(api.parts.store, 9, [window], NOON)
    assert {row["callee"] for row in api.get("/v1/coverage").json()} >= {"b"}


def test_violations_are_grouped_with_counts_by_version_pair(api: Asked, shop_day: Day) -> None:
    shop_day()
    (group,) = api.get("/v1/violations").json()
    assert group["by_version_pair"] == [
        {"caller_version": "3.1.0", "callee_version": "2.0.0", "exchanges": 240}
    ]
    assert (group["expected"], group["actual"], group["pointer"]) == (
        "integer",
        "string",
        "/amount",
    )
    assert len(group["example_trace"]) == 32


def test_a_clause_is_one_row_before_and_after_spans_tell_the_namespace(api: Asked) -> None:
    window = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)

    def broken(offset: int, namespace: str, **more: str) -> dict[str, Any]:
        at = window + timedelta(seconds=offset)
        told = {"contract": "payment-api", "operation": "GET /pay", "side": "response"}
        clause = {"rule": "type", "pointer": "/amount", "clause": "/c", "fingerprint": "f" * 16}
        parties = {"environment": "production", "caller": "web", "callee": "payment"}
        known = {"caller_namespace": namespace, "callee_namespace": namespace}
        versions = {"caller_version": "1", "callee_version": "2"}
        place = {"window": window, "source_id": "s", "partition": 0, "offset": offset, "index": 0}
        rest = {"revision": 1, "expected": "number", "actual": "string", "status": 200, "at": at}
        traced = {"trace": bytes([offset + 1] * 16), "has_trace": 1}
        return place | told | clause | parties | known | versions | rest | traced | more

    rows = [broken(0, "shop"), broken(1, "shop"), broken(2, "")]
    rows += [broken(3, "", callee="ledger", caller="ios")]
    write(api.parts.store, "violations", rows)
    range_ = "since=2026-11-21T10:00:00Z&until=2026-11-21T12:00:00Z"
    groups = {group["callee"]: group for group in api.get(f"/v1/violations?{range_}").json()}
    assert len(groups) == len(api.get(f"/v1/violations?{range_}").json()) == 2
    paid = groups["payment"]
    assert (paid["caller_namespace"], paid["callee_namespace"]) == ("shop", "shop")
    assert paid["by_version_pair"] == [
        {"caller_version": "1", "callee_version": "2", "exchanges": 3}
    ]
    assert paid["example_trace"] == "03" * 16
    assert groups["ledger"]["callee_namespace"] == ""  # nobody told it
    # of two that share the name, nobody knows which is meant
    write(api.parts.store, "violations", [broken(4, "other")])
    named = [
        (group["callee_namespace"], group["exchanges"])
        for group in api.get(f"/v1/violations?{range_}&callee=payment").json()
    ]
    assert sorted(named) == [("", 1), ("other", 1), ("shop", 2)]


def test_a_deploy_told_twice_is_one_deploy(api: Asked) -> None:
    body = {
        "service": "payment",
        "version": "2.0.0",
        "environment": "production",
        "at": "2026-11-21T11:50:00Z",
    }
    first, again = (
        api.post("/v1/deploys", body, LOCAL_TOKEN).json(),
        api.post("/v1/deploys", body, LOCAL_TOKEN).json(),
    )
    assert first["id"] == again["id"]
    assert len(api.get("/v1/deploys?service=payment").json()) == 1


def test_a_cdevent_and_our_own_body_tell_of_one_deploy(api: Asked) -> None:
    told = api.post("/v1/deploys", CDEVENT, LOCAL_TOKEN)
    assert told.status_code == 201, told.text
    body = {
        "service": "payment",
        "version": "2.0.0",
        "environment": "production",
        "at": "2026-11-21T11:50:30Z",
    }
    assert api.post("/v1/deploys", body, LOCAL_TOKEN).json()["id"] == told.json()["id"]
    assert told.json()["started"] == "2026-11-21T11:50:00Z"


def test_a_cdevent_of_something_else_is_refused(api: Asked) -> None:
    event = json.loads(json.dumps(CDEVENT).replace("service.deployed", "build.finished"))
    assert api.post("/v1/deploys", event, LOCAL_TOKEN).status_code == 422


def test_a_deploy_is_shown_with_verdict_findings_and_ramp(api: Asked, shop_day: Day) -> None:
    shop_day()
    deploy, root = write_judgement(api.parts.engine)
    known = api.get(f"/v1/deploys/{deploy}").json()
    assert known["verdict"]["outcome"] == "fail"
    assert root in {finding["id"] for finding in known["findings"]}
    assert {
        round(share["share"], 1) for share in known["shares"] if share["version"] == "2.0.0"
    } == {0.3}
    assert api.get("/v1/deploys/none").status_code == 404


def test_a_finding_is_accepted_with_an_owner_and_an_end(api: Asked) -> None:
    _, root = write_judgement(api.parts.engine)
    path = f"/v1/findings/{root}/accept"
    assert (
        api.post(
            path,
            {"owner": "pay", "reason": "known", "expires": "2026-11-01T00:00:00Z"},
            LOCAL_TOKEN,
        ).status_code
        == 422
    )
    assert (
        api.post(
            path, {"owner": "", "reason": "known", "expires": "2027-01-01"}, LOCAL_TOKEN
        ).status_code
        == 422
    )
    assert (
        api.post(
            path, {"owner": "pay", "reason": "known", "expires": "2027-01-01"}, LOCAL_TOKEN
        ).json()["owner"]
        == "pay"
    )
    assert api.get(f"/v1/findings/{root}").json()["state"] == "accepted"
    assert [finding["id"] for finding in api.get("/v1/findings?state=open").json()] == ["f-slow"]


def test_an_infinite_e_value_is_still_an_answer(api: Asked) -> None:
    from monitor.control.findings import finding, save_findings

    _, root = write_judgement(api.parts.engine)
    known = finding(api.parts.engine, root)
    assert known is not None
    save_findings(
        api.parts.engine,
        [replace(known, evidence=replace(known.evidence, e_value=float("inf")))],
        NOON,
    )
    answer = api.get(f"/v1/findings/{root}")
    assert answer.status_code == 200
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_contract_is_published_once_and_shown_with_its_document(api: Asked) -> None:
    schema = {
        "x-seamwatch": {"operation": "POST /pay", "side": "response"},
        "type": "object",
        "properties": {"amount": {"type": "integer"}},
    }
    body = {
        "name": "team/payments",
        "format": "jsonschema",
        "provider": "payment",
        "document": json.dumps(schema),
    }
    first = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert first.status_code == 201, first.text
    assert api.post("/v1/contracts", body, LOCAL_TOKEN).json()["number"] == 1
    assert api.get("/v1/contracts/team%2Fpayments").json()["document"] == body["document"]
    (line,) = api.get("/v1/contracts").json()
    assert "document" not in line
    assert api.get("/v1/contracts/team/payments?revision=7").status_code == 404


def test_a_contract_that_cannot_be_read_is_refused_with_words(api: Asked) -> None:
    body = {"name": "p", "format": "openapi", "provider": "payment", "document": "{not json"}
    refused = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert refused.status_code == 422
    assert refused.json()["error"]["what"]


@dataclass(frozen=True)
class _Answer:
    outcome: str = "fail"
    exit_code: int = 1
    reasons: tuple[Reason, ...] = (reason("no_calls"),)
    settles: tuple[Reason, ...] = ()
    findings: tuple[str, ...] = ("f",)
    verdict_id: str = "v"
    text: str = "FAIL"
    knows_service: bool = True
    verdict: str = "inconclusive"
    rules: tuple[RuleResult, ...] = ()
    criticality: Reason | None = None
    override: Override | None = None
    flips: int = 0


def test_the_gate_is_asked_with_what_the_pipeline_said(api: Asked) -> None:
    assert api.post("/v1/gates", {"service": "s", "version": "1"}, LOCAL_TOKEN).status_code == 503
    asked: list[tuple[object, ...]] = []

    def gate(*question: object) -> _Answer:
        asked.append(question)
        return _Answer()

    parts = replace(api.parts, gate=gate)  # type: ignore[arg-type]
    with_gate = Asked(parts, create_app(parts), api.clock)
    answer = with_gate.post(
        "/v1/gates",
        {"service": "payment", "version": "2.0.0", "wait_seconds": 5},
        api.token("gate"),
    ).json()
    assert (answer["exit_code"], answer["outcome"], answer["text"]) == (1, "fail", "FAIL")
    assert asked == [("payment", "2.0.0", None, False, "")]


@pytest.mark.parametrize(
    ("matchers", "said"),
    [
        ({"sevice": "payment"}, "did you mean service?"),
        ({"": "payment"}, "use one of alertname"),
        ({"x" * 100_000: "a"}, "use one of alertname"),
        ({"service": ""}, "at least 1 character"),
        ({"service": "x" * 1001}, "at most 1000"),
    ],
)
def test_a_silence_that_would_quiet_nothing_is_refused(
    api: Asked, matchers: dict[str, str], said: str
) -> None:
    body = {"matchers": matchers, "reason": "migration", "ends": "2026-11-21T14:00:00Z"}
    answer = api.post("/v1/silences", body, LOCAL_TOKEN)
    assert answer.status_code == 422
    assert said in answer.text
    assert len(answer.text) < 1_000
    assert api.get("/v1/silences").json() == []


def test_a_silence_means_the_names_that_alerts_bear(api: Asked) -> None:
    body = {"matchers": {"environment": "prod"}, "reason": "r", "ends": "2026-11-21T14:00:00Z"}
    made = api.post("/v1/silences", body, LOCAL_TOKEN).json()
    assert made["matchers"] == {"environment": "production"}


@pytest.mark.parametrize("blank", [" ", "\u200b", "\u00a0\u202e", "\n"])
def test_who_accepts_and_why_can_be_seen(api: Asked, blank: str) -> None:
    _, root = write_judgement(api.parts.engine)
    body = {"owner": "pay", "reason": "known", "expires": "2027-01-01"}
    for word in ("owner", "reason"):
        answer = api.post(f"/v1/findings/{root}/accept", body | {word: blank}, LOCAL_TOKEN)
        assert answer.status_code == 422
        assert "owner and a reason" in answer.text
    assert api.get(f"/v1/findings/{root}").json()["state"] == "open"


def test_of_several_who_accept_at_once_each_is_kept_and_one_who_ends_a_silence_ends_it(
    api: Asked,
) -> None:
    _, root = write_judgement(api.parts.engine)
    body = {"reason": "known", "expires": "2027-01-01"}
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(
            lambda owner: api.post(
                f"/v1/findings/{root}/accept", body | {"owner": f"o{owner}"}, LOCAL_TOKEN
            ),
            range(8),
        )
        assert {answer.status_code for answer in answers} == {200}
        held = kept_findings.accepted(api.parts.engine, NOON)
        assert {acceptance.owner for acceptance in held} == {f"o{at}" for at in range(8)}
        silence = {"matchers": {"service": "a"}, "reason": "r", "ends": "2027-01-01"}
        made = api.post("/v1/silences", silence, LOCAL_TOKEN).json()["id"]
        ended = threads.map(
            lambda _: api.request("DELETE", f"/v1/silences/{made}", LOCAL_TOKEN).status_code,
            range(4),
        )
        assert sorted(ended) == [200, 404, 404, 404]


def test_a_silence_has_an_end_and_can_be_ended(api: Asked) -> None:
    body = {
        "matchers": {"service": "payment"},
        "reason": "migration",
        "ends": "2026-11-21T14:00:00Z",
    }
    made = api.post("/v1/silences", body, LOCAL_TOKEN).json()
    assert [silence["id"] for silence in api.get("/v1/silences").json()] == [made["id"]]
    assert api.request("DELETE", f"/v1/silences/{made['id']}", LOCAL_TOKEN).status_code == 200
    assert api.get("/v1/silences").json() == []
    assert api.request("DELETE", f"/v1/silences/{made['id']}", LOCAL_TOKEN).status_code == 404
    assert api.post("/v1/silences", {**body, "matchers": {}}, LOCAL_TOKEN).status_code == 422


def test_a_receiver_that_is_not_set_up_is_404_and_one_that_answers_says_so(api: Asked) -> None:
    assert api.post("/v1/receivers/pager/test", {}, LOCAL_TOKEN).status_code == 404
    parts = replace(api.parts, receivers={"pager": lambda: "202 accepted"})
    answer = Asked(parts, create_app(parts), api.clock).post(
        "/v1/receivers/pager/test", {}, LOCAL_TOKEN
    )
    assert answer.json() == {"receiver": "pager", "result": "202 accepted"}


def test_ready_only_while_every_component_is_well_and_not_silent(api: Asked) -> None:
    assert api.get("/readyz").status_code == 200
    api.parts.board.report(Report("traces", True, "", api.clock()))
    api.parts.board.report(Report("closer", False, "no lease", api.clock()))
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["closer: no lease"]
    api.parts.board.report(Report("closer", True, "", api.clock()))
    assert api.get("/readyz").status_code == 200
    api.clock.advance(200)
    assert "traces: silent for 200 s" in api.get("/readyz").json()["reasons"]
    assert api.get("/healthz").status_code == 200


def test_a_part_that_keeps_no_findings_has_them_counted(api: Asked) -> None:
    write_judgement(api.parts.engine)
    telemetry.FINDINGS.set(0)
    api.parts.board.report(Report("windows", True, "", api.clock()))
    assert "seamwatch_open_findings 2.0" in api.get("/metrics").text


def test_metrics_tell_of_windows_and_findings(api: Asked, shop_day: Day) -> None:
    shop_day(minutes=2)
    write_judgement(api.parts.engine)
    text = api.get("/metrics").text
    assert "seamwatch_open_findings 2.0" in text
    (sealed,) = re.findall(
        r"^seamwatch_last_sealed_window_timestamp_seconds (\S+)$", text, re.MULTILINE
    )
    assert float(sealed) == (NOON - timedelta(seconds=70)).timestamp()
    for name in (
        "seamwatch_lag_records",
        "seamwatch_assigned_partitions",
        "seamwatch_last_poll_timestamp_seconds",
        "seamwatch_watermark_timestamp_seconds",
    ):
        assert f"# TYPE {name} gauge" in text
    elsewhere = api.over(host="0.0.0.0")
    assert elsewhere.get("/metrics").status_code == 401
    assert api.over(host="0.0.0.0", open_metrics=True).get("/metrics").status_code == 200


def test_size_and_ledger_speak_of_what_was_read(api: Asked, shop_day: Day) -> None:
    shop_day(minutes=2)
    size = api.get("/v1/size").json()
    assert size["bytes"] > 0
    assert size["gigabytes_per_million_spans"] > 0
    assert {line["missing"] for line in api.get("/v1/ledger").json()} == {0}
    write(
        api.parts.store,
        "ledger",
        [
            {
                "source_id": "kafka-1",
                "topic": "otlp_spans",
                "partition": 0,
                "offset": 105,
                "gap": 2,
                "spans": 1,
                "halves": 1,
                "filtered": 0,
                "rejected": 0,
                "exchanges": 0,
            }
        ],
    )
    worst = max(api.get("/v1/ledger").json(), key=lambda line: line["missing"])
    assert (worst["missing"], worst["lost"]) == (3, 2)


def test_an_empty_store_answers_everything(api: Asked) -> None:
    document = api.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        if "get" in methods and "{" not in path and path != "/events":
            wanted = [
                parameter["name"]
                for parameter in methods["get"].get("parameters", ())
                if parameter["in"] == "query" and parameter["required"]
            ]
            assert (
                api.get(path, LOCAL_TOKEN, params=dict.fromkeys(wanted, "nobody")).status_code
                == 200
            ), path


def test_routes_that_are_not_there_are_told_in_our_words(api: Asked) -> None:
    assert api.get("/v1/nothing").json()["error"]["do"] == "see /docs for the routes"
    assert api.request("PATCH", "/v1/deploys").status_code == 405
