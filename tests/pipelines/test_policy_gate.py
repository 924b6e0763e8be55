"""The gate under a policy: least evidence, criticality from what is known, overrides, and its own
changes of mind.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor import telemetry
from monitor.control.deploys import record
from monitor.control.findings import accept, list_findings
from monitor.control.gate_answers import list_answers
from monitor.control.overrides import add_override, revoke_override
from monitor.errors import UsageError
from monitor.joining.detecting import DetectionSettings, detect_once
from monitor.joining.gate import GateAnswer, GateRequest, evaluate_gate
from monitor.model.deploys import DeployEvent
from monitor.model.policy import Minimum, Overruling, Policy, Rule
from monitor.store import Store
from monitor.store.reader import Reader
from tests.detect.traffic import START, Behaviour, Traffic, cells, edge, now_after
from tests.pipelines.written import write_cells

REST = [Traffic(edge(operation="GET /orders"))]
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def announce(
    engine: Engine, version: str = "2.0.0", at: datetime = START, **changes: object
) -> str:
    values: dict[str, object] = {
        "source": "cdevents", "external_id": f"{version}-{at}", "kind": "deploy", "environment": "production", "service": "payment",
        "version": version, "previous_version": "1.9.0", "state": "started", "at": at,
    }  # fmt: skip
    return record(engine, DeployEvent(**{**values, **changes}), START).id  # type: ignore[arg-type]  # a test's shorthand


def gate(
    store: Store, engine: Engine, windows: int, *rules: Rule, hours: float = 24.0
) -> GateAnswer:
    policy = Policy(rules=rules, overrides=Overruling(hours))
    request = GateRequest("payment", "2.0.0", policies=(policy,))
    return evaluate_gate(Reader(store), engine, request, now_after(windows))


def override(engine: Engine, now: datetime, hours: float = 2.0, **of: str) -> str:
    of = of or {"service": "payment", "version": "2.0.0"}
    until = now + timedelta(hours=hours)
    return add_override(
        engine,
        person="kim",
        reason="known since June",
        noted_by="token ops",
        now=now,
        expires=until,
        longest=24 * HOUR,
        **of,
    ).id


def harmful(store: Store) -> None:
    write_cells(store, cells([Traffic(edge(), new=Behaviour(server_error=0.5)), *REST], 12))


def harmless(store: Store) -> None:
    write_cells(store, cells([Traffic(edge()), *REST], 12))


# ---- evidence and criticality


def test_a_pass_must_rest_on_the_calls_and_minutes_that_the_policy_wants(
    store: Store, engine: Engine
) -> None:
    harmless(store)
    announce(engine)
    assert (
        gate(
            store, engine, 12, Rule("all", minimum=Minimum(calls=100, minutes=1.5, windows_met=9))
        ).exit_code
        == 0
    )
    answer = gate(store, engine, 12, Rule("all", minimum=Minimum(calls=100_000, minutes=30)))
    assert (answer.exit_code, answer.outcome, answer.verdict) == (2, "inconclusive", "pass")
    assert {result.demand: result.outcome for result in answer.rules} == {
        "calls": "not_met",
        "minutes": "not_met",
    }
    new_calls = sum(
        row.calls for row in cells([Traffic(edge()), *REST], 12) if row.callee_version == "2.0.0"
    )
    assert answer.reasons[0].parameters["calls"] == new_calls
    assert 1.5 <= float(answer.reasons[1].parameters["minutes"] or 0.0) <= 2.0
    assert [need.code for need in answer.settles] == ["more_calls_in_all", "more_time"]
    assert "INCONCLUSIVE: payment 2.0.0 in production" in answer.text
    assert "(the verdict is pass)" in answer.text


def test_criticality_comes_from_changes_and_calls_of_the_past_days(
    store: Store, engine: Engine
) -> None:
    harmless(store)
    announce(engine)
    rules = [
        Rule(level, criticality=(level,), minimum=Minimum(calls=1))
        for level in ("low", "medium", "high")
    ]
    answer = gate(store, engine, 12, *rules)
    assert answer.criticality is not None
    known = answer.criticality.parameters
    assert (known["level"], known["changes"], known["callers"], known["share"]) == (
        "medium",
        1,
        1,
        1.0,
    )
    assert [result.rule for result in answer.rules] == ["medium"]
    for day in (1, 2, 3):
        announce(engine, f"1.{day}", START - timedelta(days=day))
    answer = gate(store, engine, 12, *rules)
    assert [result.rule for result in answer.rules] == ["high"], "four changes in two weeks"


def test_what_matches_no_deploy_is_ruled_on_too(store: Store, engine: Engine) -> None:
    harmless(store)
    answer = gate(store, engine, 12, Rule("all", inconclusive={"unmatched": "fail"}))
    assert (answer.exit_code, answer.verdict) == (1, "inconclusive")


# ---- overrides


def test_an_override_lets_a_failing_deploy_go_on_and_hides_nothing(
    store: Store, engine: Engine
) -> None:
    harmful(store)
    announce(engine)
    assert gate(store, engine, 12).exit_code == 1
    override(engine, now_after(12))
    answer = gate(store, engine, 12)
    assert (answer.exit_code, answer.outcome, answer.verdict) == (0, "fail", "fail")
    assert answer.override is not None
    assert (answer.override.person, answer.override.noted_by) == ("kim", "token ops")
    assert answer.reasons[0].code == "overridden"
    assert answer.reasons[1].code == "worse_errors"
    lines = answer.text.splitlines()
    assert lines[0].startswith("FAIL: payment 2.0.0")
    assert lines[1].startswith("  overridden by kim until ")
    assert lines[1].endswith("known since June; the verdict stays fail")


@pytest.mark.parametrize("how", ["expired", "was revoked", "longer than the policy allows now"])
def test_an_override_that_is_over_does_nothing_and_is_said(
    store: Store, engine: Engine, how: str
) -> None:
    harmful(store)
    announce(engine)
    now = now_after(12)
    made = override(engine, now - HOUR, 0.5 if how == "expired" else 2.0)
    if how == "was revoked":
        assert revoke_override(engine, made, "token ops", now - timedelta(minutes=1))
        assert not revoke_override(engine, made, "token ops", now)
    answer = gate(store, engine, 12, hours=0.5 if how.startswith("longer") else 24.0)
    assert (answer.exit_code, answer.override, answer.reasons[0].code) == (
        1,
        None,
        "override_over",
    )
    assert answer.reasons[0].parameters["how"] == (
        "was revoked" if how == "was revoked" else "expired"
    )


def test_an_override_is_of_its_deploy_or_version_alone(store: Store, engine: Engine) -> None:
    harmful(store)
    mine = announce(engine)
    now = now_after(12)
    other = announce(engine, "2.0.0", environment="staging", external_id="staging")
    for of in (
        {"service": "payment", "version": "1.9.0"}, {"service": "cart", "version": "2.0.0"}, {"deploy_id": other},
        {"service": "payment", "version": "2.0.0", "environment": "staging"}, {"service": "*", "version": "*"},
    ):  # fmt: skip
        override(engine, now, **of)
    request = GateRequest("payment", "2.0.0", "production")
    assert evaluate_gate(Reader(store), engine, request, now).exit_code == 1
    override(engine, now, deploy_id=mine)
    assert evaluate_gate(Reader(store), engine, request, now).exit_code == 0


def test_a_pass_needs_no_override_and_tells_of_none(store: Store, engine: Engine) -> None:
    harmless(store)
    announce(engine)
    override(engine, now_after(12))
    answer = gate(store, engine, 12)
    assert (answer.exit_code, answer.override) == (0, None)
    assert "overrid" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"person": " "}, {"reason": ""}, {"deploy_id": "x"}, {"service": ""}, {"version": ""}, {"service": "", "version": ""},
        {"expires": START}, {"expires": START + 25 * HOUR}, {"longest": timedelta()},
        {"deploy_id": "x", "service": "", "version": "", "environment": "production"},
    ],
)  # fmt: skip
def test_no_override_without_person_reason_end_or_for_more_than_a_version(
    engine: Engine, wrong: dict[str, object]
) -> None:
    right: dict[str, object] = {
        "person": "kim", "reason": "known", "noted_by": "ops", "now": START, "expires": START + HOUR, "longest": 24 * HOUR,
        "service": "payment", "version": "2.0.0",
    }  # fmt: skip
    with pytest.raises(UsageError):
        add_override(engine, **{**right, **wrong})  # type: ignore[arg-type]  # a test's shorthand


# ---- the gate's own changes of mind


def outcomes(engine: Engine) -> Sequence[tuple[str, bool]]:
    return [(answer.outcome, answer.flip) for answer in reversed(list_answers(engine))]


def flips_counted(outcome: str) -> float:
    return telemetry.GATE_FLIPS.labels(outcome)._value.get()


def accept_all(engine: Engine) -> None:
    for finding in list_findings(engine):
        accept(engine, finding.id, "kim", "known", now_after(12) + HOUR, now_after(12))


def test_a_pass_after_a_fail_on_the_same_code_is_a_flip_and_counted(
    store: Store, engine: Engine
) -> None:
    harmful(store)
    announce(engine)
    before = flips_counted("pass")
    detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    assert gate(store, engine, 12).exit_code == 1
    accept_all(engine)
    answer = gate(store, engine, 12)
    assert (answer.exit_code, answer.flips) == (0, 1)
    assert outcomes(engine) == [("fail", False), ("pass", True)]
    assert flips_counted("pass") - before == 1
    assert "changed its mind 1 time(s) on payment 2.0.0 against 1.9.0" in answer.text


def test_the_same_word_again_is_kept_once_and_is_no_flip(store: Store, engine: Engine) -> None:
    harmless(store)
    announce(engine)
    for _ in range(3):
        assert gate(store, engine, 12).flips == 0
    assert outcomes(engine) == [("pass", False)]


@pytest.mark.parametrize(
    ("between", "is_flip"),
    [
        ("nothing", True),
        pytest.param("another version", False, marks=pytest.mark.long),
        ("a config change", False),
        pytest.param("another policy", False, marks=pytest.mark.long),
        ("another service", True),
    ],
)
def test_a_redeploy_of_the_same_version_flips_only_without_another_change(
    store: Store, engine: Engine, between: str, is_flip: bool
) -> None:
    harmful(store)
    announce(engine)
    detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    assert gate(store, engine, 12).exit_code == 1
    soon = START + timedelta(seconds=30)
    if between == "another version":
        announce(engine, "1.9.0", soon)
    if between == "a config change":
        announce(engine, "2.0.0", soon, kind="config", external_id="c")
    if between == "another service":
        announce(engine, "7", soon, service="cart")
    announce(engine, state="succeeded", at=START + timedelta(seconds=20), external_id="done")
    announce(engine, at=START + timedelta(seconds=40), external_id="again")
    accept_all(engine)
    rules = [Rule("new", minimum=Minimum(calls=1))] if between == "another policy" else []
    answer = gate(store, engine, 12, *rules)
    assert answer.exit_code == 0
    assert outcomes(engine) == [("fail", False), ("pass", is_flip)]


def test_what_was_inconclusive_between_is_no_word_of_its_own(store: Store, engine: Engine) -> None:
    harmful(store)
    announce(engine)
    detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    gate(store, engine, 12)
    late = GateRequest("payment", "2.0.0", policies=(Policy(overrides=Overruling(24.0)),))
    accept_all(engine)
    assert (
        evaluate_gate(
            Reader(store), engine, replace(late), now_after(12) + timedelta(minutes=30)
        ).exit_code
        == 2
    )
    assert gate(store, engine, 12).exit_code == 0
    assert outcomes(engine) == [("fail", False), ("inconclusive", False), ("pass", True)]
