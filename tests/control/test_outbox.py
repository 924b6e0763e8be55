"""The outbox's promises one by one, over SQLite and PostgreSQL alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from monitor.control import findings, outbox, tables
from monitor.control.outbox import Letter
from monitor.control.store import reading, writing
from monitor.model.alerts import Alert, AlertState, Tracked
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def alert(key: str = "k", state: AlertState = "firing", revision: int = 1) -> Alert:
    return Alert(
        key,
        state,
        "error",
        "it fails",
        "production",
        "payment",
        "d1",
        {},
        {},
        NOON,
        revision=revision,
    )


def tracked(key: str = "k", state: AlertState = "firing") -> Tracked:
    return Tracked(alert(key, state), NOON, NOON)


def write(
    engine: Engine,
    *alerts: Alert,
    to: str = "on-call",
    at: datetime = NOON,
    due: datetime | None = None,
) -> None:
    with writing(engine) as connection:
        for notice in alerts:
            outbox.enqueue(connection, notice, to, at, epoch=1, due=due)


def due(
    engine: Engine, to: str = "on-call", at: datetime = NOON, limit: int = 100
) -> list[Letter]:
    with reading(engine) as connection:
        return outbox.due_letters(connection, to, at, limit)


def keys(letters: list[Letter]) -> list[tuple[str, int]]:
    return [(letter.key, letter.revision) for letter in letters]


def settle(
    engine: Engine, letter: Letter, state: str, result: str, at: datetime = NOON, detail: str = ""
) -> None:
    with writing(engine) as connection:
        outbox.settle(connection, letter, state, result, at, detail)


def deliver(
    engine: Engine,
    *alerts: Alert,
    to: str = "on-call",
    at: datetime = NOON,
    result: str = "delivered",
) -> None:
    write(engine, *alerts, to=to, at=at)
    for letter in due(engine, to, at):
        settle(engine, letter, "sent" if result == "delivered" else "suppressed", result, at)


def letters(engine: Engine) -> list[Letter]:
    return outbox.list_letters(engine, states=("due", "sent", "dead", "suppressed"))


def begun(engine: Engine, since: datetime = NOON) -> int:
    with reading(engine) as connection:
        return outbox.begun_since(connection, "on-call", since)


def suppressed(engine: Engine, since: datetime, until: datetime) -> int:
    with reading(engine) as connection:
        return outbox.suppressed_between(connection, "on-call", since, until)


def test_a_book_comes_back_as_it_was_written_and_what_left_it_is_forgotten(
    control_engine: Engine,
) -> None:
    first = {"a": tracked("a"), "b": tracked("b"), "c": tracked("c")}
    with writing(control_engine) as connection:
        outbox.save_book(connection, {}, first, NOON)
    second = {"a": first["a"], "c": tracked("c", "resolved")}
    with writing(control_engine) as connection:
        assert outbox.load_book(connection) == first
        outbox.save_book(connection, first, second, NOON + SECOND)
        assert outbox.load_book(connection) == second
    assert outbox.list_alerts(control_engine) == [second["a"], second["c"]], "firing ones first"
    assert outbox.count_alerts(control_engine) == 2
    assert outbox.list_alerts(control_engine, state="firing") == [second["a"]]
    assert outbox.list_alerts(control_engine, limit=1) == [second["a"]]
    assert outbox.list_alerts(control_engine, limit=1, offset=1) == [second["c"]]


def test_what_did_not_change_is_not_written_again(control_engine: Engine) -> None:
    book = {"a": tracked("a"), "b": tracked("b")}
    with writing(control_engine) as connection:
        outbox.save_book(connection, {}, book, NOON)
        outbox.save_book(
            connection, book, book | {"b": replace(book["b"], silenced=True)}, NOON + SECOND
        )
        outbox.save_book(connection, book, book, NOON + HOUR)
    assert [entry.alert.key for entry in outbox.list_alerts(control_engine)] == ["b", "a"]


def test_a_letter_tells_all_that_is_known_of_it(control_engine: Engine) -> None:
    later = NOON + HOUR
    write(control_engine, alert(revision=3), due=later)
    assert due(control_engine) == []
    (letter,) = due(control_engine, at=later)
    told = Letter(
        letter.id, "on-call", "k", 3, 0, "due", 0, NOON, later, None, "", alert(revision=3)
    )
    assert letter == told
    settle(control_engine, letter, "sent", "delivered", later + SECOND, "202")
    assert letters(control_engine) == [
        replace(told, state="sent", attempts=1, settled=later + SECOND, last_error="202")
    ]


def test_a_letter_is_written_once(control_engine: Engine) -> None:
    write(control_engine, alert(), alert(), at=NOON)
    write(control_engine, alert(), at=NOON + HOUR)
    (letter,) = due(control_engine)
    settle(control_engine, letter, "sent", "delivered")
    write(control_engine, alert(), at=NOON + HOUR)
    assert keys(letters(control_engine)) == [("k", 1)]


def test_letters_are_told_by_due_time_and_of_one_alert_the_earliest_state_first(
    control_engine: Engine,
) -> None:
    write(control_engine, alert("late"), due=NOON + 2 * SECOND)
    write(control_engine, alert("early"), due=NOON + SECOND)
    write(control_engine, alert("early", "resolved", 2), alert("twin"), due=NOON + SECOND)
    at = NOON + HOUR
    assert keys(due(control_engine, at=at)) == [("early", 1), ("twin", 1), ("late", 1)]
    assert keys(due(control_engine, at=at, limit=2)) == [("early", 1), ("twin", 1)]
    settle(control_engine, due(control_engine, at=at)[0], "sent", "delivered")
    assert keys(due(control_engine, at=at)) == [("early", 2), ("twin", 1), ("late", 1)]


def test_what_one_receiver_waits_for_holds_no_other_up(control_engine: Engine) -> None:
    write(control_engine, alert(), to="asleep", due=NOON)
    deliver(control_engine, alert(), to="on-call")
    write(control_engine, alert(state="resolved", revision=2))
    assert keys(due(control_engine)) == [("k", 2)]
    assert keys(due(control_engine, to="asleep")) == [("k", 1)]


def test_a_receiver_that_asked_for_patience_is_left_alone_until_then(
    control_engine: Engine,
) -> None:
    write(control_engine, alert())
    with writing(control_engine) as connection:
        outbox.block_receiver(connection, "on-call", NOON + HOUR)
        outbox.block_receiver(connection, "on-call", NOON + SECOND)
        outbox.block_receiver(connection, "another", NOON + HOUR)
    assert due(control_engine) == []
    assert len(due(control_engine, at=NOON + SECOND)) == 1


def test_tries_are_counted_and_logged_newest_first(control_engine: Engine) -> None:
    write(control_engine, alert())
    (letter,) = due(control_engine)
    with writing(control_engine) as connection:
        outbox.postpone(connection, letter, NOON + SECOND, NOON, "503")
    assert due(control_engine) == []
    (again,) = due(control_engine, at=NOON + SECOND)
    assert (again.attempts, again.last_error) == (1, "503")
    settle(control_engine, again, "dead", "refused", NOON + SECOND)
    assert letters(control_engine)[0].attempts == 2
    log = outbox.list_deliveries(control_engine)
    assert [
        (delivery.result, delivery.state, delivery.detail, delivery.at) for delivery in log
    ] == [
        ("refused", "firing", "", NOON + SECOND),
        ("busy", "firing", "503", NOON),
    ]
    assert {(delivery.receiver, delivery.alert_key, delivery.revision) for delivery in log} == {
        ("on-call", "k", 1)
    }
    assert outbox.list_deliveries(control_engine, limit=1) == log[:1]
    assert outbox.list_deliveries(control_engine, alert_key="k") == log
    assert outbox.list_deliveries(control_engine, alert_key="another") == []


def test_what_is_suppressed_was_not_tried(control_engine: Engine) -> None:
    deliver(control_engine, alert(), result="suppressed")
    assert [(letter.state, letter.attempts) for letter in letters(control_engine)] == [
        ("suppressed", 0)
    ]


def test_a_deploy_is_told_once_and_logged_as_a_change(control_engine: Engine) -> None:
    deploy = Deploy(
        "d1", "deploy", "production", "payment", "2", "1", "succeeded", NOON, None, None, ()
    )
    for _ in range(2):
        with writing(control_engine) as connection:
            outbox.enqueue_change(connection, deploy, "on-call", NOON, epoch=1)
    (letter,) = due(control_engine)
    assert (letter.key, letter.revision, letter.repeat, letter.deploy, letter.alert) == (
        "change:d1",
        1,
        0,
        deploy,
        None,
    )
    settle(control_engine, letter, "sent", "delivered")
    assert [delivery.state for delivery in outbox.list_deliveries(control_engine)] == ["change"]
    assert begun(control_engine) == 0


@pytest.mark.parametrize("ended", ["sent", "dead"])
def test_a_firing_alert_is_told_again_after_its_time(control_engine: Engine, ended: str) -> None:
    def again(at: datetime, notice: Alert | None = None, to: str = "on-call") -> bool:
        with writing(control_engine) as connection:
            return outbox.enqueue_again(connection, notice or alert(), to, HOUR, at, epoch=1)

    assert not again(NOON), "nothing was told yet"
    write(control_engine, alert())
    assert not again(NOON + HOUR), "it waits still"
    settle(control_engine, due(control_engine)[0], ended, "delivered")
    assert not again(NOON + HOUR - SECOND)
    assert not again(NOON + HOUR, alert(revision=2)), "that is news, not a repetition"
    assert not again(NOON + HOUR, to="another")
    assert again(NOON + HOUR)
    (letter,) = due(control_engine, at=NOON + HOUR)
    assert (letter.revision, letter.repeat) == (1, 1)
    settle(control_engine, letter, "sent", "delivered", NOON + HOUR)
    assert again(NOON + 2 * HOUR)
    assert due(control_engine, at=NOON + 2 * HOUR)[0].repeat == 2


def test_the_end_of_what_the_cap_kept_is_kept_too_and_of_what_was_told_is_told(
    control_engine: Engine,
) -> None:
    end = alert(state="resolved", revision=2)
    deliver(control_engine, alert(), to="asked too much", result="suppressed")
    deliver(control_engine, alert(), to="on-call")
    for receiver in ("asked too much", "on-call", "new"):
        write(control_engine, end, to=receiver, at=NOON + SECOND)
    assert due(control_engine, to="asked too much", at=NOON + HOUR) == []
    assert keys(due(control_engine, to="on-call", at=NOON + HOUR)) == [("k", 2)]
    assert keys(due(control_engine, to="new", at=NOON + HOUR)) == [("k", 2)]
    newest = letters(control_engine)[2]
    assert (newest.receiver, newest.state, newest.settled) == (
        "asked too much",
        "suppressed",
        NOON + SECOND,
    )


def test_the_last_word_on_this_alert_decides_whatever_was_said_before_and_of_others(
    control_engine: Engine,
) -> None:
    deliver(control_engine, alert(), alert(state="resolved", revision=2))
    deliver(control_engine, alert(state="resolved", revision=2))
    deliver(control_engine, alert(revision=3), result="suppressed")
    deliver(control_engine, alert("another"))
    write(control_engine, alert(state="resolved", revision=4))
    assert due(control_engine) == []
    deliver(control_engine, alert("kept"), result="suppressed")
    write(control_engine, alert("another", "resolved", 2))
    assert keys(due(control_engine)) == [("another", 2)]


def test_an_alert_that_fires_again_after_one_kept_back_is_told(control_engine: Engine) -> None:
    deliver(control_engine, alert(), result="suppressed")
    write(control_engine, alert(revision=3))
    assert keys(due(control_engine)) == [("k", 3)]


def test_the_cap_counts_alerts_that_began_for_this_receiver_and_nothing_else(
    control_engine: Engine,
) -> None:
    deliver(control_engine, alert("before"), at=NOON - SECOND)
    deliver(control_engine, alert("a"), alert("b"))
    deliver(control_engine, alert("a", revision=2), at=NOON + SECOND)
    deliver(control_engine, alert("b", "resolved", 2), at=NOON + SECOND)
    deliver(control_engine, alert("other"), to="another")
    deliver(control_engine, alert("kept"), result="suppressed")
    assert begun(control_engine) == 2


def test_what_the_cap_kept_is_counted_from_a_time_up_to_another(control_engine: Engine) -> None:
    for number, at in enumerate((NOON - SECOND, NOON, NOON + SECOND, NOON + HOUR)):
        deliver(control_engine, alert(f"k{number}"), at=at, result="suppressed")
    deliver(control_engine, alert("told"))
    deliver(control_engine, alert("other"), to="another", result="suppressed")
    assert suppressed(control_engine, NOON, NOON + HOUR) == 2


def test_letters_are_listed_newest_first_and_counted_by_state(control_engine: Engine) -> None:
    deliver(control_engine, alert("a"))
    write(control_engine, alert("b"), alert("c"))
    assert [letter.key for letter in outbox.list_letters(control_engine)] == ["c", "b"]
    assert [letter.key for letter in outbox.list_letters(control_engine, limit=1)] == ["c"]
    assert outbox.count_letters(control_engine) == {"sent": 1, "due": 2}


def test_what_is_settled_and_resolved_is_forgotten_after_a_while_and_what_lives_is_kept(
    control_engine: Engine,
) -> None:
    before = NOON - SECOND
    book = {key: tracked(key, state) for key, state in (("over", "resolved"), ("fires", "firing"))}  # type: ignore[arg-type]
    with writing(control_engine) as connection:
        outbox.save_book(connection, {}, book, before)
        outbox.save_book(connection, {}, {"just over": tracked("just over", "resolved")}, NOON)
    deliver(control_engine, alert("over"), at=before)
    deliver(control_engine, alert("just over"))
    write(control_engine, alert("fires"), at=before)
    with writing(control_engine) as connection:
        outbox.prune(connection, NOON)
    assert {entry.alert.key for entry in outbox.list_alerts(control_engine)} == {
        "fires",
        "just over",
    }
    assert {letter.key for letter in letters(control_engine)} == {"fires", "just over"}
    assert [delivery.alert_key for delivery in outbox.list_deliveries(control_engine)] == [
        "just over"
    ]


@pytest.mark.parametrize(
    ("finding", "state", "rests"),
    [
        (None, None, True),
        ("resolved", "resolved", True),
        ("open", None, False),
        ("accepted", "resolved", False),
        ("resolved", "firing", False),
        (None, "pending", False),
    ],
)
def test_alerts_rest_while_nothing_is_open_or_accepted_and_none_pends_or_fires(
    control_engine: Engine,
    finding: str | None,
    state: AlertState | None,
    rests: bool,
) -> None:
    if finding is not None:
        edge = Edge("production", "checkout", "payment", "http", "POST /pay")
        evidence = Evidence(6, 100, 90, 100, 0, 9.0, 3.0, None, 1e9, NOON, NOON)
        worse = Finding(
            "f", "d1", edge, "errors", "", "1", "2", "1", "root", "concurrent", evidence, (), NOON,
            NOON,
        )  # fmt: skip
        findings.save_findings(control_engine, [worse], NOON)
        with writing(control_engine) as connection:
            connection.execute(update(tables.findings).values(state=finding))
    if state is not None:
        with writing(control_engine) as connection:
            outbox.save_book(connection, {}, {"k": tracked("k", state)}, NOON)
    assert outbox.at_rest(control_engine) is rests
