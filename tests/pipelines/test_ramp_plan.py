"""A ramp plan as a contract: published, held against live traffic, part of the gate's answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import yaml

from monitor.contracts.read import document_of, examine, kind_of, read_contract
from monitor.control.deploys import record
from monitor.errors import ContractError
from monitor.joining.gate import GateAnswer, GateRequest, evaluate_gate
from monitor.joining.ramp_plans import RampPlanWatch
from monitor.model.deploys import DeployEvent
from monitor.wording.reasons import sentence
from tests.fixtures.api import Asked
from tests.fixtures.ramp_hour import BEGIN, NEW, OLD, RAMP, write_ramp
from tests.fixtures.shop_day import NOON

PLAN = """
x-seamwatch-ramp-plan:
  version: 2.0.0
  steps:
    - {share: 10%, least_time: 5m, least_calls: 200}
    - {share: 30%, least_time: 5m, least_calls: 5000}
    - {share: 60%}
  pairs:
    - {caller: checkout 3.1.0, callee: payment 2.0.0}
"""


def plan(text: str = PLAN, **more: object) -> str:
    """The document with some words set otherwise."""
    document = yaml.safe_load(text)
    document["x-seamwatch-ramp-plan"] |= more
    return str(yaml.safe_dump(document))


def publish(api: Asked, document: str, name: str = "payment-ramp") -> None:
    """As a pipeline does."""
    body = {"name": name, "provider": "payment", "document": document}
    answer = api.post("/v1/contracts", body, api.token("contracts:write"))
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["format"] == "ramp-plan"


def gate(api: Asked, at: datetime) -> GateAnswer:
    """The gate's answer about the new version."""
    event = DeployEvent(
        "api", "pay", "deploy", "production", "payment", NEW, OLD, "progressing", RAMP, 0.1
    )
    record(api.parts.engine, event, at)
    request = GateRequest("payment", NEW, "production")
    return evaluate_gate(api.parts.reader, api.parts.engine, request, at)


def texts(answer: GateAnswer, start: str) -> Iterator[str]:
    """Its sentences about plans."""
    return (sentence(why) for why in answer.reasons if why.code.startswith(start))


def test_the_gate_tells_what_the_next_step_still_wants_and_passes_nothing_until_then(
    api: Asked,
) -> None:
    publish(api, PLAN)
    early = RAMP + timedelta(minutes=3)
    write_ramp(api.parts.store, BEGIN, early, generation=1)
    answer = gate(api, early)
    assert answer.exit_code == 2
    assert list(texts(answer, "plan_")) == [
        "step to 30% not yet: 3 minutes of 5 minutes",
        "step to 30% not yet: 180 of 200 calls needed on checkout 3.1.0 → payment 2.0.0, about 20 s at the present rate",
    ]
    # the second step begins in time and with its evidence; the third does not
    later = RAMP + timedelta(minutes=12)
    write_ramp(api.parts.store, early, later, generation=2)
    told = api.get("/v1/ramps/payment").json()["plans"]
    codes = {reason["code"]: reason["parameters"] for reason in told[0]["broken"]}
    # checkout 3.2.0 has come meanwhile, and the plan does not list it
    assert codes.keys() == {"plan_pair_forbidden", "plan_step_without_evidence"}
    assert codes["plan_step_without_evidence"]["wanted"] == 5000
    failed = gate(api, later)
    assert failed.exit_code == 1
    assert "ramp plan: more than 30% at" in failed.text


def test_of_two_plans_of_one_version_both_hold(api: Asked) -> None:
    publish(api, PLAN)
    publish(api, plan(steps=[{"share": "1%", "least_time": "30m"}, {"share": "100%"}]), "cautious")
    early = RAMP + timedelta(minutes=3)
    write_ramp(api.parts.store, BEGIN, early, generation=1)
    told = {state["contract"]: state for state in api.get("/v1/ramps/payment").json()["plans"]}
    assert told["payment-ramp"]["broken"] == []
    assert [it["code"] for it in told["cautious"]["broken"]] == ["plan_step_without_time"]
    answer = gate(api, early)
    assert answer.exit_code == 1
    assert "step to 30% not yet: 3 minutes of 5 minutes" in list(texts(answer, "plan_"))


def test_a_plan_of_another_version_binds_that_one_alone(api: Asked) -> None:
    """What came later has a plan of its own, or none; it is no old version that should have gone."""
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    limits = {"longest_skew": "5m", "end_of_old": "6m"}
    publish(api, plan(steps=[], pairs=[], **limits))
    publish(api, plan(steps=[], pairs=[], version=OLD, **limits), "the-one-before")
    publish(api, plan(version="3.0.0", steps=[], pairs=[], **limits), "the-next-one")
    told = {state["contract"]: state for state in api.get("/v1/ramps/payment").json()["plans"]}
    broken = {name: {it["code"] for it in state["broken"]} for name, state in told.items()}
    assert broken == {
        "payment-ramp": {"plan_old_alive", "plan_skew"},
        "the-one-before": set(),
        "the-next-one": set(),
    }
    assert told["the-next-one"]["silent"] is True
    answer = gate(api, NOON)  # of the version that comes the plan of another one says nothing
    assert {why.code for why in answer.reasons if why.code.startswith("plan_")} == {
        "plan_old_alive", "plan_skew",
    }  # fmt: skip


def test_no_traffic_of_the_version_is_silence_and_never_a_pass(api: Asked) -> None:
    publish(api, PLAN)
    write_ramp(api.parts.store, BEGIN, RAMP, generation=1)
    answer = gate(api, RAMP)
    assert answer.exit_code == 2
    assert "plan_silent" in [why.code for why in answer.reasons]


def test_live_traffic_that_a_plan_does_not_allow_is_a_violation_once(api: Asked) -> None:
    end = RAMP + timedelta(minutes=2)
    limits = {"longest_skew": "10m", "end_of_old": end.isoformat(), "abort": {"violations": "0%"}}
    publish(api, plan(steps=[], **limits))
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    watch = RampPlanWatch(api.parts.engine, api.parts.store, api.parts.config.aliases)
    sealed = NOON - timedelta(seconds=10)
    assert watch.step(sealed) == 3
    again = RampPlanWatch(api.parts.engine, api.parts.store, api.parts.config.aliases)
    assert again.step(sealed) == 3
    rows = api.get("/v1/violations?callee=payment").json()
    told = {(row["contract"], row["rule"], row["clause"], row["exchanges"]) for row in rows}
    assert told == {
        ("payment-ramp", rule, f"/x-seamwatch-ramp-plan/{clause}", 1)
        for rule, clause in (
            ("pair_forbidden", "pairs"),
            ("old_alive", "end_of_old"),
            ("skew", "longest_skew"),
        )
    }
    (forbidden,) = [row for row in rows if row["rule"] == "pair_forbidden"]
    assert (forbidden["caller"], forbidden["by_version_pair"][0]["caller_version"]) == (
        "checkout",
        "3.2.0",
    )


def test_a_plan_that_fails_by_its_abort_clause_names_the_pair(api: Asked) -> None:
    publish(api, plan(steps=[], pairs=[], abort={"failures": "0.5%"}))
    begin = NOON - timedelta(minutes=8)
    write_ramp(api.parts.store, BEGIN, begin, generation=1)
    assert api.get("/v1/ramps/payment").json()["plans"][0]["broken"] == []
    write_ramp(api.parts.store, begin, NOON, generation=2, harm=0.1)
    broken = api.get("/v1/ramps/payment").json()["plans"][0]["broken"]
    assert {it["code"] for it in broken} == {"plan_abort"}
    assert "checkout 3.1.0 → payment 2.0.0, surely more than 0.50%" in str(broken)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ({"version": 2.0}, "/version"),
        ({"steps": [{"share": "110%"}]}, "/steps/0/share"),
        ({"steps": [{"share": "30%"}, {"share": "10%"}]}, "/steps"),
        ({"steps": [{"share": "10%", "least_calls": True}]}, "/steps/0/least_calls"),
        ({"steps": [{"share": "10%", "least_time": 5}]}, "/steps/0/least_time"),
        ({"pairs": [{"caller": "checkout", "callee": "a b c"}]}, "/pairs/0/callee"),
        ({"end_of_old": "soon"}, "/end_of_old"),
        ({"abort": {"latency": "1s"}}, "/abort"),
        ({"step": []}, ""),
        ({"steps": [], "pairs": []}, ""),
    ],
)
def test_what_a_plan_does_not_say_plainly_is_refused_with_its_place(
    words: dict[str, object], place: str
) -> None:
    with pytest.raises(ContractError, match=f"/x-seamwatch-ramp-plan{place}"):
        read_contract("ramp-plan", plan(**words), where="plan.yaml")


def test_a_plan_is_known_by_its_content_and_reads_spans_and_moments() -> None:
    text = plan(end_of_old="24h", longest_skew="2d")
    assert kind_of(document_of(text, where="plan.yaml")) == "ramp-plan"
    read = read_contract("ramp-plan", text, where="plan.yaml").plan
    assert read is not None
    assert (read.end_after_seconds, read.longest_skew_seconds) == (86400.0, 172800.0)
    assert [step.share for step in read.steps] == [0.1, 0.3, 0.6]


def test_nothing_of_a_plan_is_said_to_be_never_judged() -> None:
    assert examine("", PLAN, where="plan.yaml").told()["unjudged"] == 0
