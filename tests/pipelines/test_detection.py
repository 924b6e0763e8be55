"""From published windows to stored verdicts and findings, and the gate beside them."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.cli.contract_times import document_of
from monitor.contracts.read import read_draft
from monitor.control.contracts import publish as publish_contract
from monitor.control.deploys import list_deploys, record
from monitor.control.findings import accept, list_findings
from monitor.control.verdicts import latest_verdict, list_verdicts
from monitor.edges.aliases import Aliases
from monitor.joining.detecting import DetectionSettings, Detector, detect_once
from monitor.joining.gate import GateRequest, asked, evaluate_gate
from monitor.model.contracts import ContractDraft
from monitor.model.deploys import DeployEvent
from monitor.model.policy import Policy, Rule
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.wording.findings import summary
from pipelines.deploys import DeploySettings, VersionWatch
from tests.detect.test_places import calls_given_up
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    edge,
    now_after,
    sighting,
    steady,
)
from tests.fixtures.told import sentences
from tests.pipelines.written import publish, write_cells, write_sightings, write_violations

SETTINGS = DetectionSettings()
REST = [Traffic(edge(operation="GET /orders"))]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def announce(
    engine: Engine,
    version: str = "2.0.0",
    previous: str = "1.9.0",
    share: float = 0.1,
    **changes: object,
) -> str:
    values: dict[str, object] = {
        "source": "cdevents",
        "external_id": f"{version}-{share}",
        "kind": "deploy",
        "environment": "production",
        "service": "payment",
        "version": version,
        "previous_version": previous,
        "state": "progressing",
        "at": START,
        "traffic_share": share,
    }
    return record(engine, DeployEvent(**{**values, **changes}), START).id  # type: ignore[arg-type]  # a test's shorthand


def test_a_bad_deploy_becomes_a_failing_verdict_and_a_finding_with_its_clause(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 4))
    write_violations(store, START + timedelta(seconds=15), 30)
    deploy_id = announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(4))
    assert judged.verdict.outcome == "fail"
    verdict = latest_verdict(engine, deploy_id)
    assert verdict == judged.verdict
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    assert finding.clause == "payments 3 · POST /pay · response · type · /amount"
    assert (finding.caller_version, finding.callee_version, finding.state) == (
        "1.0.0",
        "2.0.0",
        "open",
    )
    assert finding.last_seen == START + timedelta(seconds=30)


def test_the_gate_beside_it_exits_1_and_says_why(store: Store, engine: Engine) -> None:
    write_cells(store, cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 4))
    announce(engine)
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "2.0.0"), now_after(4))
    assert (answer.outcome, answer.exit_code) == ("fail", 1)
    assert answer.text.count("contract violations") == 1
    assert f"finding {answer.findings[0]} (open, root)" in answer.text
    assert list_verdicts(engine)[0].id == answer.verdict_id


def test_the_gate_finds_the_clause_on_a_short_timeout_under_aliases(
    store: Store, engine: Engine
) -> None:
    rows = calls_given_up(1.0)
    write_cells(store, rows)
    announce(engine, share=0.5)
    draft = ContractDraft(
        "waits", "timing", "payment", document_of("", "250ms", []), consumer="the-waiting-one"
    )
    publish_contract(engine, draft, START, read=read_draft)
    known = Aliases(services={"the-waiting-one": rows[0].edge.caller})
    plain, aliased = (
        evaluate_gate(Reader(store), engine, request, now_after(24)).text
        for request in (GateRequest("payment", "2.0.0"), asked(known, "payment", "2.0.0", None))
    )
    clause = "the contract waits says that they wait 0.25 s"
    assert "callers give up after 0.25" in plain
    assert (clause in plain, clause in aliased) == (False, True)


def test_a_harmless_deploy_passes_the_gate_and_raises_nothing(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge()), *REST], 12))
    announce(engine)
    detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert list_findings(engine) == []
    answer = evaluate_gate(
        Reader(store), engine, GateRequest("payment", "2.0.0", "production"), now_after(12)
    )
    assert (answer.outcome, answer.exit_code) == ("pass", 0)


def test_names_that_nobody_knows_are_inconclusive_with_the_nearest_known(
    store: Store, engine: Engine
) -> None:
    rows = cells([Traffic(edge())], 6)
    write_sightings(store, [sighting(window, "1.9.0", "a", 20) for window in range(6)])
    write_cells(store, rows)
    announce(engine)
    reader = Reader(store)
    for service, version, expected in (
        ("paymnt", "2.0.0", "nearest: payment"),
        ("payment", "2.0.1", "nearest: 2.0.0"),
        ("payment", "1.9.0", "no deploy of it is known"),
    ):
        answer = evaluate_gate(reader, engine, GateRequest(service, version), now_after(6))
        assert (answer.outcome, answer.exit_code) == ("inconclusive", 2)
        assert expected in sentences(answer.reasons)[0], sentences(answer.reasons)


def test_an_empty_store_is_inconclusive(store: Store, engine: Engine) -> None:
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "2.0.0"), now_after(1))
    assert (answer.exit_code, answer.findings) == (2, ())
    assert detect_once(Reader(store), engine, store, SETTINGS, now_after(1)) == []


def test_a_gate_passes_on_the_rest_of_what_is_accepted_and_says_what_it_set_aside(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 12))
    deploy_id = announce(engine)
    now = now_after(12)
    detect_once(Reader(store), engine, store, SETTINGS, now)
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    request = GateRequest("payment", "2.0.0")
    assert evaluate_gate(Reader(store), engine, request, now).exit_code == 1
    accept(engine, finding.id, "ada", "known, fixed next week", now + timedelta(seconds=30), now)
    answer = evaluate_gate(Reader(store), engine, request, now)
    assert (answer.outcome, answer.exit_code) == ("pass", 0)
    assert [reason for reason in sentences(answer.reasons) if reason.startswith("accepted: ")] == [
        f"accepted: {summary(finding)} (known, set aside)"
    ]
    detect_once(Reader(store), engine, store, SETTINGS, now)
    assert list_findings(engine, deploy_id=deploy_id)[0].state == "accepted"
    expired = evaluate_gate(Reader(store), engine, request, now + timedelta(seconds=31))
    assert (expired.outcome, expired.exit_code) == ("fail", 1)


def test_what_is_not_accepted_of_an_edge_is_still_judged(store: Store, engine: Engine) -> None:
    broken = Behaviour(violated=1.0, latency=0.2)
    write_cells(store, cells([Traffic(edge(), new=broken), *REST], 12))
    deploy_id = announce(engine)
    now = now_after(12)
    detect_once(Reader(store), engine, store, SETTINGS, now)
    for finding in list_findings(engine, deploy_id=deploy_id):
        if finding.signal == "violations":
            accept(engine, finding.id, "ada", "known", now + timedelta(days=7), now)
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "2.0.0"), now)
    assert answer.exit_code == 1
    assert "slower" in sentences(answer.reasons)[0]


def test_a_step_is_bounded_in_time_and_goes_on_with_what_it_left(
    store: Store, engine: Engine
) -> None:
    """Many deploys and little time: one is judged at least, each step takes the next, and what
    waits is told.
    """
    write_cells(store, cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 4))
    ids = {announce(engine, version) for version in ("2.0.0", "2.0.1", "2.0.2")}
    ticks = iter(range(10**6))
    detector = Detector(Reader(store), engine, store, SETTINGS, lambda: float(next(ticks)))
    judged, waiting = [], []
    for _ in range(3):
        judged += [
            result.deploy.id for result in detector.step(now_after(4), work=timedelta(seconds=1))
        ]
        waiting.append(detector.waiting)
    assert (set(judged), len(judged), waiting) == (ids, 3, [2, 1, 0])


def test_a_deploy_is_let_be_once_nothing_more_can_come_and_judged_when_it_is_told_of_anew(
    store: Store, engine: Engine
) -> None:
    judging = replace(SETTINGS.judging, after_seconds=120.0, late_seconds=60.0)
    settings = replace(SETTINGS, judging=judging)
    write_cells(store, cells(REST, 12))
    first = announce(engine)
    detector = Detector(Reader(store), engine, store, settings)

    def step(window: int) -> dict[str, str]:
        """An hour after this window was sealed: outcomes by deploy."""
        publish(store, {START + timedelta(seconds=10 * window)}, seq=window)
        at = now_after(window) + timedelta(hours=1)
        return {judged.deploy.id: judged.verdict.outcome for judged in detector.step(at)}

    assert len(step(15)) == 1
    (last,) = step(25).values()  # all that counts is sealed now
    assert step(40) == step(400) == {}
    (afresh,) = detect_once(Reader(store), engine, store, settings, now_after(4000))
    assert afresh.verdict.outcome == last  # nothing was missed
    announce(engine, share=0.5)
    assert len(step(401)) == 1
    assert step(500) == {}
    assert len(step(401 + 6 * 360)) == 1  # in case something came late
    after = now_after(401 + 6 * 360)
    following = announce(engine, "3.0.0", "2.0.0", at=after)
    assert set(step(402 + 6 * 360)) == {following}  # bears on what is near in time alone
    anew = announce(engine, "2.0.0", "3.0.0", at=after + timedelta(seconds=40))
    assert set(step(407 + 6 * 360)) >= {first, anew}  # ends the calls of the same version


@pytest.mark.parametrize(("took", "again"), [(0.001, True), (100.0, False)])
def test_an_older_deploy_is_judged_at_every_window_where_that_costs_little(
    store: Store, engine: Engine, took: float, again: bool
) -> None:
    """Elsewhere after 15 % of its age."""
    write_cells(store, cells(REST, 12))
    announce(engine)
    ticks = itertools.count()
    detector = Detector(Reader(store), engine, store, SETTINGS, lambda: next(ticks) * took)

    def judged(window: int) -> bool:
        publish(store, {START + timedelta(seconds=10 * window)}, seq=window)
        return bool(detector.step(now_after(window)))

    assert [judged(window) for window in (180, 181, 182)] == [True, True, again]
    assert judged(230)


def test_a_finding_keeps_its_id_and_is_resolved_when_the_version_is_gone(
    store: Store, engine: Engine
) -> None:
    deploy_id = announce(engine)
    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5)), *REST],
        40,
        share=lambda window: 0.3 if window < 8 else 0.0,
    )
    early = [row for row in rows if row.window < START + timedelta(seconds=60)]
    write_cells(store, early)
    detector = Detector(Reader(store), engine, store, SETTINGS)
    detector.step(now_after(6))
    (first,) = list_findings(engine, deploy_id=deploy_id)
    assert detector.step(now_after(6)) == []
    write_cells(store, [row for row in rows if row.window >= START + timedelta(seconds=60)], seq=2)
    detector.step(now_after(40))
    (last,) = list_findings(engine, deploy_id=deploy_id)
    assert (last.id, first.state, last.state) == (first.id, "open", "resolved")
    assert last.last_seen == START + timedelta(seconds=70)


def test_a_new_version_beside_another_is_a_deploy_and_the_first_ones_are_not(
    store: Store, engine: Engine
) -> None:
    seen = [sighting(window, "1.9.0", "old", 20) for window in range(40)]
    seen += [sighting(window, "2.0.0", "new", 20) for window in range(20, 40)]
    seen += [sighting(window, "1.0.0", "one", 20, service="web") for window in range(40)]
    seen += [sighting(window, "1.1.0", "two", 20, service="web") for window in range(3, 40)]
    write_sightings(store, seen)
    publish(store, {START + timedelta(seconds=10 * window) for window in range(40)})
    watch = VersionWatch(Reader(store), engine, DeploySettings())
    (deploy,) = watch.step(now_after(40))
    assert (deploy.service, deploy.version, deploy.previous_version, deploy.kind) == (
        "payment",
        "2.0.0",
        "1.9.0",
        "deploy",
    )
    assert deploy.first_traffic == START + timedelta(seconds=200)
    assert watch.step(now_after(40)) == []
    again = VersionWatch(Reader(store), engine, DeploySettings())
    assert [release.id for release in again.step(now_after(40))] == [deploy.id]
    assert len(list_deploys(engine)) == 1


def test_a_sighting_and_an_announcement_are_one_deploy_with_both_sources(
    store: Store, engine: Engine
) -> None:
    write_sightings(
        store,
        [sighting(w, "1.9.0", "old", 20) for w in range(40)]
        + [sighting(w, "2.0.0", "new", 20) for w in range(20, 40)],
    )
    publish(store, {START + timedelta(seconds=10 * window) for window in range(40)})
    announce(engine, at=START + timedelta(seconds=195))
    VersionWatch(Reader(store), engine, DeploySettings()).step(now_after(40))
    (deploy,) = list_deploys(engine)
    assert set(deploy.sources) == {"cdevents", "sighting"}
    assert deploy.first_traffic == START + timedelta(seconds=200)


def test_an_older_version_that_returns_is_a_rollback(store: Store, engine: Engine) -> None:
    seen = [sighting(w, "1.9.0", "old", 20) for w in (*range(30), *range(120, 130))]
    seen += [sighting(w, "2.0.0", "new", 20) for w in range(25, 121)]
    write_sightings(store, seen)
    publish(store, {START + timedelta(seconds=10 * window) for window in range(130)})
    VersionWatch(Reader(store), engine, DeploySettings()).step(now_after(130))
    back, there = list_deploys(engine)
    assert (there.version, there.kind) == ("2.0.0", "deploy")
    assert (back.version, back.kind, back.previous_version) == ("1.9.0", "rollback", "2.0.0")


@pytest.mark.parametrize("restarted", [False, True])
def test_two_deploys_that_turn_out_to_be_one_are_one_marker(
    store: Store, engine: Engine, *, restarted: bool
) -> None:
    write_cells(store, cells(REST, 4))
    settings = replace(SETTINGS, watch=timedelta(days=2))
    announce(engine, external_id="first", state="started", at=START - timedelta(minutes=1600))
    announce(engine, external_id="last", state="succeeded", at=START)
    detector = Detector(Reader(store), engine, store, settings)
    detector.step(now_after(4))
    assert len(markers(store)) == 2
    announce(engine, external_id="between", at=START - timedelta(minutes=800))
    (left,) = list_deploys(engine)
    (Detector(Reader(store), engine, store, settings) if restarted else detector).step(
        now_after(4)
    )
    assert markers(store) == [left.started]


def markers(store: Store) -> list[datetime]:
    """When the deploys began that the dashboards show."""
    asked = {
        "since": START - timedelta(days=2),
        "until": START + timedelta(days=1),
        "environment": "",
        "limit": 9,
    }
    return [row["time"].replace(tzinfo=UTC) for row in store.query("panels/deploy_markers", asked)]


def test_a_finding_of_an_old_deploy_is_followed_until_it_is_over(
    store: Store, engine: Engine
) -> None:
    deploy_id = announce(engine)
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.5))], 12, share=lambda _: 0.5)
    )
    detect_once(Reader(store), engine, store, SETTINGS, now_after(12))
    assert list_findings(engine, deploy_id=deploy_id)[0].state == "open"
    days = 3 * 8640
    later = [
        replace(row, window=row.window + timedelta(days=3))
        for row in cells([Traffic(edge())], 12, share=lambda _: 0.0, before=0)
    ]
    write_cells(store, later, seq=2)
    detect_once(Reader(store), engine, store, SETTINGS, now_after(days + 12))
    assert list_findings(engine, deploy_id=deploy_id)[0].state == "resolved"


def test_an_old_recording_is_judged_too_and_never_passes(store: Store, engine: Engine) -> None:
    announce(engine)
    write_cells(store, cells([Traffic(edge()), *REST], 12))
    (judged,) = detect_once(
        Reader(store), engine, store, SETTINGS, now_after(12) + timedelta(days=365)
    )
    assert judged.verdict.outcome == "inconclusive"
    assert any(reason.startswith("late") for reason in sentences(judged.verdict.reasons))


def test_a_config_change_never_passes_and_says_that_only_before_and_after_can_be_compared(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells([Traffic(edge())], 6, share=lambda _: 0.0))
    announce(engine, "1.9.0", "1.9.0", 1.0, kind="config")
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "1.9.0"), now_after(6))
    assert answer.exit_code == 2
    assert "a config change" in sentences(answer.reasons)[0]


def test_a_flag_flipped_without_a_version_that_breaks_an_edge_is_found(
    store: Store, engine: Engine
) -> None:
    rows = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.1))],
        18,
        share=lambda _: 1.0,
        before=90,
    )
    write_cells(store, [replace(row, callee_version="1.9.0") for row in rows])
    deploy_id = announce(engine, "", "", 1.0, kind="flag", external_id="new-checkout on")
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(18))
    assert judged.verdict.outcome == "fail"
    assert [
        (finding.signal, finding.strength)
        for finding in list_findings(engine, deploy_id=deploy_id)
    ] == [("errors", "weaker")]


def test_a_scale_change_is_not_judged(store: Store, engine: Engine) -> None:
    write_cells(store, cells([Traffic(edge())], 6, share=lambda _: 0.0))
    announce(engine, "1.9.0", "1.9.0", 1.0, kind="scale")
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "1.9.0"), now_after(6))
    assert (
        answer.exit_code,
        detect_once(Reader(store), engine, store, SETTINGS, now_after(6)),
    ) == (2, [])
    assert "a scale change" in sentences(answer.reasons)[0]


def test_a_step_in_time_is_held_against_the_neighbours_and_days_that_the_store_knows(
    store: Store, engine: Engine
) -> None:
    dinner = Traffic(
        edge(),
        200,
        Behaviour(0.005),
        Behaviour(0.005),
        outage=lambda window: 0.06 if window >= 0 else 0.0,
    )
    rows = cells([dinner], 18, share=lambda _: 1.0, before=90)
    write_cells(store, rows)
    announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(18))
    assert [finding.signal for finding in judged.findings] == ["errors"], (
        "nothing else is known: time speaks alone"
    )
    for days in (1, 2):
        usual = cells([dinner], 18, share=lambda _: 0.0, before=90, seed=days)
        write_cells(
            store,
            [replace(row, window=row.window - timedelta(days=days)) for row in usual],
            seq=1 + days,
        )
    answer = evaluate_gate(Reader(store), engine, GateRequest("payment", "2.0.0"), now_after(18))
    assert (answer.outcome, answer.findings) == ("inconclusive", ())


def test_instances_announced_with_no_traffic_are_not_silent_before_they_get_some(
    store: Store, engine: Engine
) -> None:
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(40) for n in range(3)]
    seen += [sighting(window, "2.0.0", "new", 0) for window in range(40)]
    write_sightings(store, seen)
    write_cells(store, cells([Traffic(edge())], 40, share=lambda _: 0.0))
    announce(engine, share=0.0)
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(40))
    assert (judged.verdict.outcome, judged.findings) == ("inconclusive", ())
    announce(engine, share=0.1, at=START + timedelta(seconds=100))
    (judged,) = detect_once(Reader(store), engine, store, SETTINGS, now_after(40))
    assert [finding.signal for finding in judged.findings] == ["silence"]


def test_a_weaker_pass_is_inconclusive_unless_the_policy_takes_it_for_a_pass(
    store: Store, engine: Engine
) -> None:
    rows = cells([Traffic(edge()), *REST], 60, share=steady(1.0), before=180)
    write_cells(
        store,
        [
            row
            for row in rows
            if row.callee_version == ("2.0.0" if row.window >= START else "1.9.0")
        ],
    )
    announce(engine, share=1.0)
    request = GateRequest("payment", "2.0.0")
    answer = evaluate_gate(Reader(store), engine, request, now_after(60))
    assert (answer.exit_code, answer.reasons[0].code, answer.settles[0].code) == (
        2,
        "weaker_pass",
        "accept_weaker_pass",
    )
    accepts = Rule("small", inconclusive={"weaker_pass": "pass"})
    accepted = evaluate_gate(
        Reader(store),
        engine,
        replace(request, policies=(Policy(rules=(accepts,)),)),
        now_after(60),
    )
    assert (accepted.outcome, accepted.exit_code) == ("pass", 0)
    assert [why.code for why in accepted.reasons] == ["weaker_pass", "counts_as"]
    assert (accepted.verdict, [result.outcome for result in accepted.rules]) == (
        "inconclusive",
        ["met"],
    )
    assert "policy small: a weaker pass counts as pass" in accepted.text
