"""What the control store promises, over SQLite and PostgreSQL alike."""

import itertools
import math
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from monitor.control import deploys, findings, lease, sequence, verdicts
from monitor.control.store import known_migrations, open_control, reading, writing
from monitor.errors import StoreError, UsageError
from monitor.model.deploys import DeployEvent
from monitor.model.edges import Edge
from monitor.model.judging import EdgeJudgement, Evidence, Finding, RateEvidence, Suspect, Verdict
from monitor.model.reasons import reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def an_event(state: str, at: datetime, **fields: object) -> DeployEvent:
    number = next(_numbers)
    plain: dict[str, object] = {
        "source": "cdevents",
        "external_id": f"e{number}",
        "kind": "deploy",
        "environment": "production",
        "service": "payment",
        "version": "2.0.0",
        "previous_version": "",
    }
    return DeployEvent(**{**plain, "state": state, "at": at, **fields})  # type: ignore[arg-type] # fields by name


_numbers = itertools.count()


def a_finding(**fields: object) -> Finding:
    plain: dict[str, object] = {
        "id": "f1",
        "deploy_id": "d1",
        "edge": Edge("production", "checkout", "payment", "http", "POST /pay"),
        "signal": "violations",
        "clause": "payments 3 · POST /pay · response · type · /amount",
        "caller_version": "1.0.0",
        "callee_version": "2.0.0",
        "against_version": "1.9.0",
        "role": "root",
        "strength": "concurrent",
        "evidence": Evidence(
            6,
            100,
            90,
            100,
            0,
            math.inf,
            12.5,
            None,
            math.inf,
            NOON,
            NOON + minutes(1),
            ("ab" * 16,),
            (),
            RateEvidence("violated", 1.0),
        ),
        "suspects": (
            Suspect("d1", "payment", "2.0.0", 0.97, (reason("versions_differ", e_value=9.5),)),
        ),
        "first_seen": NOON,
        "last_seen": NOON + minutes(1),
    }
    return Finding(**{**plain, **fields})  # type: ignore[arg-type] # fields by name


# ------------------------------------------------------------------ opening


def test_opening_twice_keeps_what_is_there(control_dsn: str) -> None:
    first = open_control(control_dsn)
    assert sequence.next_value(first, "generation") == 1
    first.dispose()
    second = open_control(control_dsn)
    assert sequence.next_value(second, "generation") == 2
    second.dispose()


def test_four_starters_at_once_do_not_race(control_dsn: str) -> None:
    engines: list[Engine] = []
    errors: list[BaseException] = []

    def start() -> None:
        try:
            engines.append(open_control(control_dsn))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(sequence.next_value(engine, "generation") for engine in engines) == [1, 2, 3, 4]
    for engine in engines:
        engine.dispose()


def test_a_newer_store_is_politely_refused(control_dsn: str) -> None:
    engine = open_control(control_dsn)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(
        StoreError, match=r"schema 9999, this program knows up to \d+: upgrade Seamwatch"
    ):
        open_control(control_dsn)


def test_a_migration_changed_by_hand_is_refused(control_dsn: str) -> None:
    engine = open_control(control_dsn)
    with writing(engine) as connection:
        connection.execute(text("UPDATE migration_log SET checksum = 'other'"))
    engine.dispose()
    with pytest.raises(StoreError, match="migration 0001 differs"):
        open_control(control_dsn)


# ------------------------------------------------------------------ sequences and leases


def test_numbers_drawn_by_many_threads_are_never_given_twice(control_engine: Engine) -> None:
    drawn: list[int] = []

    def draw() -> None:
        drawn.extend(sequence.next_value(control_engine, "generation") for _ in range(10))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1, 41))


def test_a_new_control_store_counts_on_from_numbers_used_elsewhere(control_engine: Engine) -> None:
    assert sequence.next_value(control_engine, "generation", above=500) == 501
    assert sequence.next_value(control_engine, "generation", above=500) == 502


def test_only_one_holds_a_lease(control_engine: Engine) -> None:
    mine = lease.acquire(control_engine, "closer", "a", 60)
    assert mine is not None
    assert lease.acquire(control_engine, "closer", "b", 60) is None
    assert lease.renew(control_engine, mine)
    lease.release(control_engine, mine)
    theirs = lease.acquire(control_engine, "closer", "b", 60)
    assert theirs is not None
    assert theirs.epoch > mine.epoch


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_fenced(control_engine: Engine) -> None:
    zombie = lease.acquire(control_engine, "closer", "a", -1)
    assert zombie is not None
    heir = lease.acquire(control_engine, "closer", "b", 60)
    assert heir is not None
    assert not lease.renew(control_engine, zombie)
    lease.release(control_engine, zombie)
    with writing(control_engine) as connection:
        assert not lease.held(connection, zombie)
        assert lease.held(connection, heir)
        assert lease.holder_of(connection, "closer") == "b"


def test_the_same_holder_asking_again_fences_its_earlier_lease(control_engine: Engine) -> None:
    first = lease.acquire(control_engine, "closer", "a", 60)
    second = lease.acquire(control_engine, "closer", "a", 60)
    assert first is not None
    assert second is not None
    assert not lease.renew(control_engine, first)
    assert lease.renew(control_engine, second)


# ------------------------------------------------------------------ deploys


def test_started_and_finished_of_several_sources_are_one_deploy(control_engine: Engine) -> None:
    deploys.record(control_engine, an_event("started", NOON, actor="kim"), NOON)
    deploys.record(
        control_engine,
        an_event("progressing", NOON + minutes(3), source="argo", url="https://cd/1"),
        NOON,
    )
    deploys.record(
        control_engine, an_event("progressing", NOON + minutes(1), source="sighting"), NOON
    )
    merged = deploys.record(
        control_engine, an_event("succeeded", NOON + minutes(9), commit="abc"), NOON
    )
    assert deploys.list_deploys(control_engine) == [merged]
    assert (merged.state, merged.started, merged.finished) == (
        "succeeded",
        NOON,
        NOON + minutes(9),
    )
    assert merged.sources == ("cdevents", "sighting", "argo")
    assert (merged.actor, merged.url, merged.commit) == ("kim", "https://cd/1", "abc")
    assert merged.first_traffic == NOON + minutes(1)
    assert deploys.deploy(control_engine, merged.id) == merged
    assert len(deploys.events(control_engine, merged.id)) == 4


def test_the_order_in_which_events_come_does_not_matter(control_engine: Engine) -> None:
    told = [
        an_event("started", NOON),
        an_event("progressing", NOON + minutes(5), traffic_share=0.3),
        an_event("succeeded", NOON + minutes(20)),
        an_event("progressing", NOON + minutes(2), source="sighting"),
    ]
    seen = set()
    for number, order in enumerate(itertools.permutations(told)):
        for event in order:
            there = replace(
                event, service=f"payment{number}", external_id=f"{event.external_id}-{number}"
            )
            last = deploys.record(control_engine, there, NOON)
        assert len(deploys.list_deploys(control_engine, service=f"payment{number}")) == 1
        seen.add((last.state, last.started, last.finished, last.first_traffic, last.sources))
    assert len(seen) == 1


def test_a_redelivered_event_changes_nothing(control_engine: Engine) -> None:
    event = an_event("started", NOON)
    once = deploys.record(control_engine, event, NOON)
    assert deploys.record(control_engine, event, NOON + minutes(60)) == once
    assert len(deploys.events(control_engine, once.id)) == 1


def test_deploying_the_same_version_again_later_is_a_new_deploy(control_engine: Engine) -> None:
    first = deploys.record(control_engine, an_event("started", NOON), NOON)
    deploys.record(control_engine, an_event("succeeded", NOON + minutes(2)), NOON)
    soon = deploys.record(control_engine, an_event("started", NOON + minutes(10)), NOON)
    later = deploys.record(control_engine, an_event("started", NOON + minutes(300)), NOON)
    assert len({first.id, soon.id, later.id}) == 3
    assert (first.kind, soon.kind, later.kind) == ("deploy", "redeploy", "redeploy")


def test_an_older_version_coming_back_is_a_rollback(control_engine: Engine) -> None:
    for minute, version in ((0, "1.9.0"), (10, "2.0.0"), (15, "1.9.0")):
        last = deploys.record(
            control_engine, an_event("started", NOON + minutes(minute), version=version), NOON
        )
    assert (last.kind, last.version, last.previous_version) == ("rollback", "1.9.0", "2.0.0")
    assert len(deploys.list_deploys(control_engine)) == 3


def test_a_long_ramp_stays_one_deploy(control_engine: Engine) -> None:
    first = deploys.record(control_engine, an_event("started", NOON), NOON)
    for hour in (1, 5, 9):
        deploys.record(
            control_engine, an_event("progressing", NOON + minutes(60 * hour), source="argo"), NOON
        )
    last = deploys.record(control_engine, an_event("succeeded", NOON + minutes(600)), NOON)
    assert last.id == first.id


def test_a_ramp_told_in_steps_that_succeed_is_one_deploy(control_engine: Engine) -> None:
    ids = {
        deploys.record(
            control_engine,
            an_event("succeeded", NOON + minutes(120 * step), traffic_share=share),
            NOON,
        ).id
        for step, share in enumerate((0.1, 0.3, 0.7, 1.0))
    }
    assert len(ids) == 1
    again = deploys.record(
        control_engine, an_event("succeeded", NOON + minutes(600), traffic_share=0.1), NOON
    )
    assert again.id not in ids


def test_a_version_that_telemetry_sees_coming_back_is_a_rollback(control_engine: Engine) -> None:
    for minute, version, kind in (
        (0, "1.9.0", "deploy"),
        (120, "2.0.0", "deploy"),
        (150, "1.9.0", "rollback"),
    ):
        event = an_event(
            "progressing", NOON + minutes(minute), version=version, kind=kind, source="sighting"
        )
        last = deploys.record(control_engine, event, NOON)
    assert [deploy.kind for deploy in deploys.list_deploys(control_engine)] == [
        "rollback",
        "deploy",
        "deploy",
    ]
    told = deploys.record(
        control_engine,
        an_event("succeeded", NOON + minutes(151), version="1.9.0", kind="rollback"),
        NOON,
    )
    assert told.id == last.id


@pytest.mark.parametrize("noted", [False, True])
def test_traffic_an_hour_after_the_announcement_is_of_that_deploy(
    control_engine: Engine, noted: bool
) -> None:
    announced = deploys.record(control_engine, an_event("succeeded", NOON), NOON)
    deploys.record(
        control_engine, an_event("succeeded", NOON + minutes(20), version="3.0.0"), NOON
    )
    if noted:
        deploys.note_traffic(control_engine, announced.id, NOON + minutes(60))
    seen = deploys.record(
        control_engine, an_event("progressing", NOON + minutes(60), source="sighting"), NOON
    )
    assert seen.id == announced.id
    assert seen.first_traffic == NOON + minutes(60)


def test_two_flips_of_a_flag_are_two_changes(control_engine: Engine) -> None:
    first = deploys.record(control_engine, an_event("started", NOON, kind="flag"), NOON)
    second = deploys.record(
        control_engine, an_event("started", NOON + minutes(1), kind="flag"), NOON
    )
    assert first.id != second.id


def test_first_traffic_keeps_the_earliest(control_engine: Engine) -> None:
    deploy = deploys.record(control_engine, an_event("started", NOON), NOON)
    deploys.note_traffic(control_engine, deploy.id, NOON + minutes(5))
    deploys.note_traffic(control_engine, deploy.id, NOON + minutes(9))
    kept = deploys.deploy(control_engine, deploy.id)
    assert kept is not None
    assert kept.first_traffic == NOON + minutes(5)
    again = deploys.record(control_engine, an_event("succeeded", NOON + minutes(10)), NOON)
    assert again.first_traffic == NOON + minutes(5)


def test_deploys_are_found_by_environment_service_and_time(control_engine: Engine) -> None:
    deploys.record(control_engine, an_event("started", NOON), NOON)
    deploys.record(
        control_engine, an_event("started", NOON + minutes(90), environment="staging"), NOON
    )
    list_deploys = deploys.list_deploys
    assert len(list_deploys(control_engine, environment="staging", service="payment")) == 1
    assert [
        deploy.environment for deploy in list_deploys(control_engine, since=NOON + minutes(1))
    ] == ["staging"]
    assert [
        deploy.environment for deploy in list_deploys(control_engine, until=NOON + minutes(1))
    ] == ["production"]
    assert deploys.deploy(control_engine, "nothing") is None


def test_hostile_text_from_outside_is_kept_without_what_no_database_holds(
    control_engine: Engine,
) -> None:
    kept = deploys.record(
        control_engine,
        an_event("started", NOON, service="pay\x00\ud800'); DROP TABLE deploys;--"),
        NOON,
    )
    assert (
        deploys.list_deploys(control_engine)[0].service
        == "pay\ufffd\ufffd'); DROP TABLE deploys;--"
    )
    assert deploys.deploy(control_engine, kept.id) is not None


# ------------------------------------------------------------------ findings and verdicts


def test_a_finding_comes_back_as_it_was_saved(control_engine: Engine) -> None:
    findings.save_findings(control_engine, [a_finding()], NOON)
    assert findings.finding(control_engine, "f1") == a_finding()
    assert findings.finding(control_engine, "f2") is None
    assert findings.count_open(control_engine) == 1


def test_a_finding_seen_again_keeps_when_it_was_first_seen(control_engine: Engine) -> None:
    findings.save_findings(control_engine, [a_finding()], NOON)
    later = a_finding(
        first_seen=NOON + minutes(5), last_seen=NOON + minutes(6), against_version="1.8.0"
    )
    (kept,) = findings.save_findings(control_engine, [later], NOON + minutes(6))
    assert (kept.first_seen, kept.last_seen, kept.against_version) == (
        NOON,
        NOON + minutes(6),
        "1.8.0",
    )
    assert findings.list_findings(control_engine) == [kept]


def test_an_accepted_finding_stays_quiet_in_later_deploys_until_it_expires(
    control_engine: Engine,
) -> None:
    findings.save_findings(control_engine, [a_finding()], NOON)
    acceptance = findings.accept(
        control_engine, "f1", "team-pay", "client fixed next week", NOON + minutes(60), NOON
    )
    later = a_finding(
        id="f2", deploy_id="d2", callee_version="2.1.0", last_seen=NOON + minutes(30)
    )
    findings.save_findings(control_engine, [later], NOON + minutes(30))
    assert {
        finding.id for finding in findings.list_findings(control_engine, state="accepted")
    } == {"f1", "f2"}
    assert findings.accepted(control_engine, NOON + minutes(59)) == [acceptance]
    assert findings.accepted(control_engine, NOON + minutes(60)) == []
    with writing(control_engine) as connection:
        assert findings.reopen_expired(connection, NOON + minutes(60)) == 2
    assert len(findings.list_findings(control_engine, state="open")) == 2


def test_accepting_does_not_quiet_another_clause_of_the_same_edge(control_engine: Engine) -> None:
    findings.save_findings(control_engine, [a_finding()], NOON)
    findings.accept(control_engine, "f1", "team-pay", "known", NOON + minutes(60), NOON)
    (other,) = findings.save_findings(control_engine, [a_finding(id="f2", clause="another")], NOON)
    assert other.state == "open"


@pytest.mark.parametrize(
    ("finding_id", "owner", "reason", "ends"),
    [("f9", "o", "r", 60), ("f1", " ", "r", 60), ("f1", "o", "", 60), ("f1", "o", "r", 0)],
)
def test_accepting_needs_a_finding_an_owner_a_reason_and_an_end(
    control_engine: Engine, finding_id: str, owner: str, reason: str, ends: int
) -> None:
    findings.save_findings(control_engine, [a_finding()], NOON)
    with pytest.raises(UsageError):
        findings.accept(control_engine, finding_id, owner, reason, NOON + minutes(ends), NOON)


def test_verdicts_are_kept_and_the_newest_comes_first(control_engine: Engine) -> None:
    edge = EdgeJudgement(
        a_finding().edge,
        "1",
        "2",
        "inconclusive",
        (reason("few_windows", wanted=3),),
        0.5,
        {"errors": a_finding().evidence},
    )
    first = Verdict(
        "v1",
        "d1",
        "production",
        "payment",
        "2.0.0",
        "1.9.0",
        "inconclusive",
        (reason("thin", share=0.5, wanted=0.95),),
        (reason("more_calls", a_finding().edge, calls=400, version="2.0.0", eta_seconds=None),),
        NOON,
        None,
        (edge,),
        (),
        "aa",
    )
    second = replace(first, id="v2", outcome="fail", judged_at=NOON + minutes(1), findings=("f1",))
    for verdict in (first, second, second):
        verdicts.save_verdict(control_engine, verdict)
    assert verdicts.list_verdicts(control_engine) == [second, first]
    latest = verdicts.latest_verdict(control_engine, "d1")
    assert latest is not None
    assert latest.id == "v2"
    assert verdicts.latest_verdict(control_engine, "d9") is None
    assert verdicts.list_verdicts(control_engine, service="cart") == []
    assert verdicts.verdict(control_engine, "v1") is not None


def test_a_reader_is_not_held_up_by_a_writer(control_engine: Engine) -> None:
    with writing(control_engine) as connection:
        connection.execute(text("UPDATE sequences SET value = value"))
        with reading(control_engine) as beside:
            assert beside.execute(text("SELECT count(*) FROM findings")).scalar_one() == 0


# ------------------------------------------------------------------ namespaces


def test_deploys_of_two_namespaces_are_two_and_a_word_without_one_joins_the_nearest(
    control_engine: Engine,
) -> None:
    a = deploys.record(
        control_engine, an_event("started", NOON, external_id="a", namespace="team-a"), NOON
    )
    b = deploys.record(
        control_engine, an_event("started", NOON, external_id="b", service="team-b/payment"), NOON
    )
    assert (a.called, b.called) == ("team-a/payment", "team-b/payment")
    later = an_event("succeeded", NOON + minutes(1), external_id="c", namespace="team-b")
    assert deploys.record(control_engine, later, NOON).id == b.id
    assert {deploy.id for deploy in deploys.list_deploys(control_engine, service="payment")} == {
        a.id,
        b.id,
    }
    assert [
        deploy.id for deploy in deploys.list_deploys(control_engine, service="team-a/payment")
    ] == [a.id]
    untold = deploys.record(
        control_engine, an_event("succeeded", NOON, external_id="d", version="9"), NOON
    )
    assert untold.namespace is None
    assert {
        deploy.id for deploy in deploys.list_deploys(control_engine, service="team-a/payment")
    } == {a.id, untold.id}


def test_traffic_tells_the_namespace_only_where_nobody_announced_the_deploy(
    control_engine: Engine,
) -> None:
    seen = deploys.record(
        control_engine, an_event("progressing", NOON, source="sighting", namespace="team-a"), NOON
    )
    assert seen.namespace == "team-a"
    told = deploys.record(control_engine, an_event("succeeded", NOON + minutes(1)), NOON)
    assert (told.id, told.namespace) == (seen.id, None)
    sure = deploys.record(
        control_engine,
        an_event("succeeded", NOON + minutes(2), source="api", namespace="team-b"),
        NOON,
    )
    assert (sure.id, sure.namespace) == (seen.id, "team-b")


def test_findings_are_asked_for_by_the_services_of_their_edge_and_by_the_deploy(
    control_engine: Engine,
) -> None:
    edge = Edge("production", "web", "pay", "http", "POST /pay", "shop", "team-a")
    quiet = Edge("production", "*", "cart", "http", "*")
    deploy = deploys.record(
        control_engine, an_event("succeeded", NOON, service="team-b/cart"), NOON
    )
    mine, silent = (
        a_finding(id="mine", edge=edge),
        a_finding(id="silent", edge=quiet, deploy_id=deploy.id),
    )
    findings.save_findings(control_engine, [mine, silent], NOON)

    def of(service: str) -> list[str]:
        rows = findings.list_findings(control_engine, service=service)
        assert findings.count_findings(control_engine, service=service) == len(rows)
        return [finding.id for finding in rows]

    assert of("pay") == of("team-a/pay") == of("web") == of("shop/web") == ["mine"]
    assert of("team-b/pay") == of("/pay") == of("payments") == []
    assert of("cart") == of("team-b/cart") == ["silent"]
    assert of("team-a/cart") == []


def test_what_an_older_program_kept_gets_its_namespaces(control_dsn: str) -> None:
    engine = open_control(control_dsn)
    deploy = deploys.record(engine, an_event("succeeded", NOON, service="team-a/payment"), NOON)
    edge = Edge("production", "web", "pay", "http", "POST /pay", "shop", "team-a")
    findings.save_findings(engine, [a_finding(edge=edge)], NOON)
    with writing(engine) as connection:  # back to what schema 0002 had
        connection.execute(text("UPDATE deploys SET service = 'team-a/payment'"))
        for name in ("namespace", "ends", "ended_by", "planned_share", "noted_traffic"):
            connection.execute(text(f"ALTER TABLE deploys DROP COLUMN {name}"))
        for name in ("caller", "caller_namespace", "callee", "callee_namespace"):
            connection.execute(text(f"ALTER TABLE findings DROP COLUMN {name}"))
        for name in ("role", "owner", "contact"):
            connection.execute(text(f"ALTER TABLE contract_revisions DROP COLUMN {name}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
        for name in (
            "verdict_inputs",
            "overrides",
            "gate_answers",
            "contract_breaks",
            "awaited_revisions",
        ):
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("DELETE FROM migration_log WHERE revision > '0002'"))
    engine.dispose()
    engine = open_control(control_dsn)
    assert deploys.list_deploys(engine) == [deploy]
    assert len(findings.list_findings(engine, service="team-a/pay")) == 1
    assert findings.list_findings(engine, service="team-b/pay") == []
    engine.dispose()


def test_migrations_are_known_in_the_order_that_alembic_applies_them() -> None:
    with as_file(files("monitor.control") / "migrations") as folder:
        scripts = reversed(list(ScriptDirectory(str(folder)).walk_revisions()))
        assert list(known_migrations(folder)) == [script.revision for script in scripts]
