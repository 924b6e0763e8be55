"""A version whose values mean something else under the same schema: a finding on its deploy, a gate
that fails, and a verdict that can be reached again; no value is told.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from monitor.alerts.wording import word
from monitor.contracts.registry import Registry
from monitor.control.deploys import list_deploys
from monitor.control.findings import accept, list_findings
from monitor.detect.judging.meaning import changes_of
from monitor.joining.detecting import DetectionSettings, Detector
from monitor.joining.explaining import explain
from monitor.joining.gate import GateRequest, evaluate_gate
from monitor.joining.meant import Meanings
from monitor.model.judging import Finding
from monitor.model.policy import Policy, Rule
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.wording.findings import facts, summary
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.detect.traffic import START, Traffic, cells, edge, now_after
from tests.pipelines.test_detection import announce
from tests.pipelines.test_examples_shown import records
from tests.pipelines.written import Given, write_cells

Change = Callable[[int], dict[str, Any]]
WINDOWS = 12


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def usual(place: int) -> dict[str, Any]:
    return {"total": 12.25 + place % 7, "state": ("open", "paid")[place % 2], "lines": [place]}


def sent(
    store: Store, version: str, body: Change, *, first: int, hours: float = 0.0, **more: str
) -> None:
    """So many answers of a version, of two callers in turn, from an offset on."""
    whose = {"callee": "payment", "callee_version": version, "method": "POST", "path": "/pay"}
    given = [
        {**whose, "caller": ("web", "ios")[place % 2], "response_body": json.dumps(body(place))}
        | more
        for place in range(120)
    ]
    at = START + timedelta(hours=hours)
    batch = Given(records(*given, at=at, first=first))
    settings = ApiLogSettings(format="ndjson")
    list(api_logs(batch, store, Registry, settings, lambda: at))


def judged_live(store: Store, engine: Engine, new: Change) -> tuple[str, list[Finding]]:
    """A canary beside the old version; what became of its deploy."""
    write_cells(store, cells([Traffic(edge()), Traffic(edge("ios"))], WINDOWS))
    sent(store, "1.9.0", usual, first=0)
    sent(store, "2.0.0", new, first=1_000)
    deploy = announce(engine)
    detector = Detector(Reader(store), engine, store, DetectionSettings())
    (judged,) = detector.step(now_after(WINDOWS))
    return judged.verdict.outcome, list_findings(engine, deploy_id=deploy)


def test_amounts_in_cents_fail_the_deploy_and_the_gate_and_no_value_is_told(
    store: Store, engine: Engine
) -> None:
    outcome, findings = judged_live(
        store, engine, lambda place: usual(place) | {"total": 1225 + 100 * (place % 7)}
    )
    assert outcome == "fail"
    (finding,) = findings
    assert (finding.signal, finding.strength, finding.role) == ("meaning", "concurrent", "root")
    assert finding.clause == "POST /pay · 200 · response · /total"
    assert (finding.edge, finding.callee_version) == (edge("ios"), "2.0.0")
    assert finding.against_version == "1.9.0"
    told = summary(finding)
    assert (
        "ios → payment 2.0.0 POST /pay: /total means something else under the same schema" in told
    )
    assert "numbers are about 100 times larger" in told
    assert ("payloads of", "ios, web") in facts(finding.evidence)
    alert = word([finding], {}, "http://seam")
    assert (alert.severity, alert.labels["signal"]) == ("error", "meaning")
    assert alert.details["new"].endswith("so of 120 values")
    assert "1225" not in told + repr(finding) + repr(alert)

    ask = GateRequest("payment", "2.0.0")
    answer = evaluate_gate(Reader(store), engine, ask, now_after(WINDOWS))
    assert (answer.outcome, answer.exit_code) == ("fail", 1)
    assert "would settle it: where that is meant, accept the finding" in answer.text
    explained = explain(engine, answer.verdict_id)
    assert explained is not None
    assert (explained.again, explained.differs) == ("same", ())
    # a policy may say that such a change is looked at by a person: it is never a pass by itself
    for meaning, exit_code in (("inconclusive", 2), ("pass", 0), ("fail", 1)):
        rule = Rule("meant", meaning=meaning)  # type: ignore[arg-type]  # as read
        ask = GateRequest("payment", "2.0.0", policies=(Policy(rules=(rule,)),))
        ruled = evaluate_gate(Reader(store), engine, ask, now_after(WINDOWS))
        assert (ruled.verdict, ruled.exit_code) == ("fail", exit_code), meaning
        assert f"policy meant: values that mean something else count as {meaning}" in ruled.text
    # who meant it accepts it: then all else decides
    accept(
        engine,
        finding.id,
        owner="ada",
        reason="cents from now on",
        expires=now_after(WINDOWS) + timedelta(days=1),
        now=now_after(WINDOWS),
    )
    ask = GateRequest("payment", "2.0.0")
    known = evaluate_gate(Reader(store), engine, ask, now_after(WINDOWS))
    assert (known.outcome, known.exit_code) == ("pass", 0)


def test_what_drifts_is_no_finding(store: Store, engine: Engine) -> None:
    outcome, findings = judged_live(
        store, engine, lambda place: usual(place) | {"total": 10.25 + place % 11}
    )
    assert [(finding.signal, summary(finding)) for finding in findings] == []
    assert outcome == "pass"


def test_a_version_that_comes_back_means_what_it_meant(store: Store, engine: Engine) -> None:
    """A rollback is told against the version that it ends, and changes nothing anew."""
    sent(store, "2.0.0", lambda place: usual(place) | {"total": 9e4}, first=5_000, hours=-30)
    _, findings = judged_live(store, engine, lambda place: usual(place) | {"total": 9e4})
    assert findings == []


def test_requests_are_their_senders_own(store: Store, engine: Engine) -> None:
    """What a service asks with is judged by its own version, not by who answers."""
    write_cells(store, cells([Traffic(edge())], WINDOWS))
    for version, factor, first in (("1.9.0", 1, 0), ("2.0.0", -1, 1_000)):
        sent(
            store, "7.1", usual, first=first, callee="bank", caller="payment",
            caller_version=version, request_body=json.dumps({"sum": factor * 12.5}),
        )  # fmt: skip
    deploy = announce(engine)
    Detector(Reader(store), engine, store, DetectionSettings()).step(now_after(WINDOWS))
    (finding,) = list_findings(engine, deploy_id=deploy)
    assert finding.edge == edge("payment", "bank")
    assert (finding.caller_version, finding.callee_version) == ("2.0.0", "")
    assert "/sum means something else under the same schema: it is negative in 100 %" in summary(
        finding
    )


class Counting(Reader):
    """Counts what is asked of marks."""

    asked = 0

    def meant(self, *args: Any, **more: Any) -> list[dict[str, Any]]:
        self.asked += 1
        return super().meant(*args, **more)


def test_only_what_was_marked_since_is_read(store: Store, engine: Engine) -> None:
    """A deploy whose payloads were not marked since is not read again, and the finding stays."""

    def negated(place: int) -> dict[str, Any]:
        return usual(place) | {"total": -12.25 - place % 7}

    judged_live(store, engine, negated)
    reader = Counting(store)
    detector = Detector(reader, engine, store, DetectionSettings())
    meanings = detector._meanings
    detector.step(now_after(WINDOWS))
    assert reader.asked == 3  # what was long before, lately, and since
    meanings._after += timedelta(seconds=60)  # as a minute later: no second of it is still to come
    for windows in (40, 80):
        write_cells(store, cells([Traffic(edge())], WINDOWS + windows), seq=windows)
        (judged,) = detector.step(now_after(WINDOWS + windows))
        assert judged.verdict.outcome == "fail"
    assert reader.asked == 3
    meanings._after -= timedelta(seconds=60)
    sent(store, "2.0.0", negated, first=9_000)
    write_cells(store, cells([Traffic(edge())], WINDOWS + 120), seq=120)
    (judged,) = detector.step(now_after(WINDOWS + 120))
    assert (judged.verdict.outcome, reader.asked) == ("fail", 4)


def test_a_finding_is_over_when_values_mean_what_they_meant_before(
    store: Store, engine: Engine
) -> None:
    """A flag that is turned back: of the newest payloads enough tell no change any more. Too few
    of them end nothing.
    """

    def negated(place: int) -> dict[str, Any]:
        return usual(place) | {"total": -12.25 - place % 7}

    judged_live(store, engine, negated)
    reader = Reader(store)
    for windows, firsts, state in ((400, (20_000,), "open"), (800, (30_000, 40_000), "resolved")):
        for first in firsts:
            sent(store, "2.0.0", usual, first=first, hours=windows / 360)
        write_cells(store, cells([Traffic(edge()), Traffic(edge("ios"))], windows), seq=windows)
        Detector(reader, engine, store, DetectionSettings()).step(now_after(windows))
        (finding,) = list_findings(engine)
        assert finding.state == state, windows
    assert finding.ended is not None
    assert finding.ended.code == "means_as_before"


def test_a_field_that_comes_is_no_change_of_meaning(store: Store, engine: Engine) -> None:
    """A new optional field breaks nobody, whether it comes in each answer or in some."""
    outcome, findings = judged_live(
        store, engine, lambda place: usual(place) | ({"tax": place} if place % 8 else {})
    )
    assert [summary(finding) for finding in findings] == []
    assert outcome == "pass"


@pytest.mark.parametrize(("factor", "codes"), [(1, []), (100, ["larger"])])
def test_a_counter_of_a_slow_service_goes_on_over_days(
    store: Store, engine: Engine, factor: int, codes: list[str]
) -> None:
    """Of 80 calls a day, six hours told too little: a counter that grew ever faster, as those of a
    young service do, looked as if it had leapt.
    """

    def counted(version: str, batch: int, hours: float, leap: int = 1) -> None:
        first = int(2 ** (0.8 * batch))
        bodies = [{"it": leap * (first + place * max(1, first // 40))} for place in range(30)]
        whose = {"callee": "payment", "callee_version": version, "method": "POST", "path": "/pay"}
        at = START + timedelta(hours=hours)
        exchanges = (whose | {"response_body": json.dumps(body)} for body in bodies)
        given = Given(records(*exchanges, at=at, first=30 * batch))
        list(api_logs(given, store, Registry, ApiLogSettings(format="ndjson"), lambda: at))

    for batch in range(16):
        counted("1.9.0", batch, 9.0 * (batch - 16))
    for batch in range(16, 36):
        counted("2.0.0", batch, 1 + 9.0 * (batch - 16), factor)
    announce(engine)
    (deploy,) = list_deploys(engine)
    meanings = Meanings(Reader(store))
    until = START + timedelta(hours=200)
    meant = meanings.of(deploy, "1.9.0", until, 0.01, until)
    changes = [] if meant is None else [change.code for _, change in changes_of(meant, 0.01)]
    assert changes == codes
