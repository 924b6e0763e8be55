"""Alerts reach receivers at least once and as one incident each, over SQLite and
PostgreSQL alike.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.sender import Sender
from monitor.alerts.senders.listed import ListSender
from monitor.control import deploys, findings, lease, outbox, silences
from monitor.control.lease import Lease
from monitor.errors import LeaseLost, ReceiverBusy, ReceiverRefused
from monitor.joining.alerting import NotifySettings, refresh
from monitor.joining.delivering import Delivered, DeliverySettings, deliver_once
from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy, DeployEvent
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding
from monitor.model.reasons import reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = NotifySettings(
    enabled=True, lifecycle=LifecycleSettings(hold_seconds=0, quiet_seconds=100)
)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_finding(name: str = "f1", deploy_id: str | None = None) -> Finding:
    """Each of a deploy of its own, so that each is an alert of its own."""
    edge = Edge("production", "checkout", "payment", "http", f"POST /{name}")
    evidence = Evidence(6, 100, 90, 100, 0, 9.0, 3.0, None, 1e9, NOON, NOON)
    return Finding(
        name,
        deploy_id or f"deploy of {name}",
        edge,
        "errors",
        "",
        "1",
        "2.0.0",
        "1.9.0",
        "root",
        "concurrent",
        evidence,
        (),
        NOON,
        NOON,
    )


class Desk:
    """One process that tells receivers, stepped by hand."""

    def __init__(
        self,
        engine: Engine,
        senders: Mapping[str, Sender],
        settings: NotifySettings = SETTINGS,
        holder: str = "a",
    ) -> None:
        self.engine, self.senders, self.settings = engine, senders, settings
        self.lease = take(engine, holder)
        self.rng = random.Random(1)

    def alerts(self, after: float) -> tuple[Alert, ...]:
        return refresh(
            self.engine,
            NOON + seconds(after),
            senders=self.senders,
            settings=self.settings,
            held=self.lease,
        )

    def deliver(self, after: float) -> Delivered:
        return deliver_once(
            self.engine,
            self.senders,
            self.lease,
            NOON + seconds(after),
            self.settings.delivery,
            self.rng,
        )


def take(engine: Engine, holder: str) -> Lease:
    taken = lease.acquire(engine, "notify", holder, 3600)
    assert taken is not None
    return taken


def find(engine: Engine, *names: str) -> None:
    findings.save_findings(engine, [a_finding(name) for name in names], NOON)


def vanish(engine: Engine, *names: str) -> None:
    findings.save_findings(
        engine, [replace(a_finding(name), state="resolved") for name in names], NOON
    )


def refusing(error: Exception) -> Callable[[Alert], None]:
    def answer(_alert: Alert) -> None:
        raise error

    return answer


def test_a_finding_is_told_once_and_its_end_too(control_engine: Engine) -> None:
    pager = ListSender("pager")
    desk = Desk(control_engine, {"pager": pager})
    find(control_engine, "f1")
    for after in (0, 1, 2):
        desk.alerts(after)
        desk.deliver(after)
    vanish(control_engine, "f1")
    for after in (50, 200, 201):
        desk.alerts(after)
        desk.deliver(after)
    assert [alert.state for alert in pager.taken] == ["firing", "resolved"]
    assert len({alert.key for alert in pager.taken}) == 1
    assert [delivery.result for delivery in outbox.list_deliveries(control_engine)] == [
        "delivered",
        "delivered",
    ]
    assert [entry.alert.state for entry in outbox.list_alerts(control_engine)] == ["resolved"]


def test_while_only_observing_nothing_is_sent_but_all_is_shown(control_engine: Engine) -> None:
    pager = ListSender("pager")
    desk = Desk(control_engine, {"pager": pager}, replace(SETTINGS, enabled=False))
    find(control_engine, "f1")
    desk.alerts(0)
    assert desk.deliver(1) == Delivered()
    assert [entry.alert.state for entry in outbox.list_alerts(control_engine, state="firing")] == [
        "firing"
    ]


def test_accepted_and_silenced_findings_are_not_told(control_engine: Engine) -> None:
    pager = ListSender("pager")
    desk = Desk(control_engine, {"pager": pager})
    find(control_engine, "f1", "f2", "f3")
    findings.accept(control_engine, "f1", "team", "known", NOON + seconds(3600), NOON)
    silences.create_silence(
        control_engine, {"operation": "POST /f2"}, "kim", "planned", NOON + seconds(3600), NOON
    )
    silences.create_silence(
        control_engine,
        {"operation": "POST /f3"},
        "kim",
        "later",
        NOON + seconds(9999),
        NOON,
        starts=NOON + seconds(3600),
    )
    desk.alerts(0)
    desk.deliver(0)
    assert [alert.labels["operation"] for alert in pager.taken] == ["POST /f3"]
    desk.alerts(3600)
    desk.deliver(3600)
    assert {alert.labels["operation"] for alert in pager.taken} == {
        "POST /f1",
        "POST /f2",
        "POST /f3",
    }, "both are told once that is over"


def test_a_busy_receiver_is_tried_again_later_and_later_and_delays_no_other(
    control_engine: Engine,
) -> None:
    down, up = ListSender("down", refusing(ReceiverBusy("500"))), ListSender("up")
    desk = Desk(control_engine, {"down": down, "up": up})
    find(control_engine, "f1")
    desk.alerts(0)
    assert desk.deliver(0) == Delivered(delivered=1, busy=1)
    assert desk.deliver(0.9) == Delivered()
    tries, after = 1, 0.0
    while tries < 8:
        after += 2.0
        tries += desk.deliver(after).busy
    assert 30 < after < 260, "eight tries double their pauses from 2 s"
    (waiting,) = outbox.list_letters(control_engine)
    assert (waiting.receiver, waiting.attempts, waiting.last_error) == ("down", 8, "500")
    assert len(up.taken) == 1


def test_retry_after_is_honoured_for_all_letters_to_that_receiver(control_engine: Engine) -> None:
    answers = [ReceiverBusy("429", 120.0)]

    def answer(_alert: Alert) -> None:
        if answers:
            raise answers.pop()

    slow = ListSender("slow", answer)
    desk = Desk(control_engine, {"slow": slow})
    find(control_engine, "f1")
    desk.alerts(0)
    desk.deliver(0)
    find(control_engine, "f2")
    desk.alerts(5)
    assert desk.deliver(119) == Delivered()
    assert desk.deliver(120).delivered == 2


def test_states_of_one_alert_arrive_in_order_even_after_an_outage(control_engine: Engine) -> None:
    broken = [True]

    def answer(_alert: Alert) -> None:
        if broken:
            raise ReceiverBusy("down")

    pager = ListSender("pager", answer)
    desk = Desk(control_engine, {"pager": pager})
    find(control_engine, "f1")
    desk.alerts(0)
    desk.deliver(0)
    vanish(control_engine, "f1")
    desk.alerts(200)
    broken.clear()
    for after in (201, 500, 1000):
        desk.deliver(after)
    assert [alert.state for alert in pager.taken] == ["firing", "resolved"]


def test_a_refusal_is_a_dead_letter_at_once_and_visible(control_engine: Engine) -> None:
    desk = Desk(
        control_engine,
        {"pager": ListSender("pager", refusing(ReceiverRefused("404 no such key")))},
    )
    find(control_engine, "f1")
    desk.alerts(0)
    assert desk.deliver(0) == Delivered(dead=1)
    (dead,) = outbox.list_letters(control_engine, states=["dead"])
    assert dead.last_error == "404 no such key"
    assert outbox.list_deliveries(control_engine)[0].result == "refused"
    assert desk.deliver(9999) == Delivered()


def test_a_receiver_that_refuses_everything_is_asked_slowly_and_told_all_once_it_is_corrected(
    control_engine: Engine,
) -> None:
    wrong = [True]

    def answer(_alert: Alert) -> None:
        if wrong:
            raise ReceiverRefused("401 the key was revoked", final=False)

    pager = ListSender("pager", answer)
    desk = Desk(control_engine, {"pager": pager})
    find(control_engine, "f1")
    desk.alerts(0)
    done = desk.deliver(0)
    assert (done, done.trouble) == (Delivered(busy=1), "401 the key was revoked")
    assert [desk.deliver(after) for after in (2, 300, 599)] == [Delivered()] * 3
    wrong.clear()
    assert desk.deliver(600) == Delivered(delivered=1)


def test_whoever_says_at_once_is_not_asked_at_once_for_ever(control_engine: Engine) -> None:
    desk = Desk(control_engine, {"pager": ListSender("pager", refusing(ReceiverBusy("429", 0.0)))})
    find(control_engine, "f1")
    desk.alerts(0)
    tries = sum(desk.deliver(after).busy for after in range(120))
    assert 4 <= tries <= 10, "pauses double from 2 s"


def test_patience_asked_for_one_alert_does_not_hold_up_the_others(control_engine: Engine) -> None:
    answers = [ReceiverBusy("503", 3600.0)]

    def answer(_alert: Alert) -> None:
        if answers:
            raise answers.pop()

    pager = ListSender("pager", answer)
    desk = Desk(control_engine, {"pager": pager})
    find(control_engine, "f1")
    desk.alerts(0)
    desk.deliver(0)
    find(control_engine, "f2")
    desk.alerts(5)
    assert desk.deliver(121) == Delivered(delivered=1)
    assert desk.deliver(3601) == Delivered(delivered=1)


def test_an_alert_that_its_sender_cannot_send_holds_up_no_other(control_engine: Engine) -> None:
    def answer(alert: Alert) -> None:
        if alert.labels["operation"] == "POST /f1":
            raise TypeError("str is not valid UTF-8: surrogates not allowed")

    pager = ListSender("pager", answer)
    desk = Desk(
        control_engine,
        {"pager": pager},
        replace(SETTINGS, delivery=DeliverySettings(max_attempts=2)),
    )
    find(control_engine, "f1", "f2", "f3")
    desk.alerts(0)
    done = desk.deliver(0)
    assert (done, len(pager.taken)) == (Delivered(delivered=2, busy=1), 2)
    assert "TypeError" in done.trouble
    assert desk.deliver(600) == Delivered(dead=1)


def test_after_a_bound_of_tries_a_letter_is_dead_and_visible(control_engine: Engine) -> None:
    settings = replace(SETTINGS, delivery=DeliverySettings(max_attempts=3))
    desk = Desk(
        control_engine, {"pager": ListSender("pager", refusing(ReceiverBusy("500")))}, settings
    )
    find(control_engine, "f1")
    desk.alerts(0)
    results = [desk.deliver(after) for after in (0, 100, 200, 300)]
    assert results == [Delivered(busy=1), Delivered(busy=1), Delivered(dead=1), Delivered()]
    assert (
        outbox.list_letters(control_engine, states=["dead"])[0].last_error
        == "given up after 3 tries: 500"
    )


def test_a_flood_is_capped_and_one_message_tells_how_many_more(control_engine: Engine) -> None:
    pager = ListSender("pager")
    desk = Desk(
        control_engine,
        {"pager": pager},
        replace(SETTINGS, delivery=DeliverySettings(max_per_minute=5)),
    )
    names = [f"f{number}" for number in range(12)]
    find(control_engine, *names)
    desk.alerts(0)
    assert desk.deliver(0) == Delivered(delivered=5, suppressed=7)
    assert desk.deliver(29) == Delivered()
    assert desk.deliver(30) == Delivered(delivered=1)
    assert pager.taken[-1].summary.startswith("7 more alerts suppressed")
    vanish(control_engine, *names)
    desk.alerts(200)
    desk.deliver(200)
    opened = [alert.key for alert in pager.taken if alert.state == "firing"]
    closed = [alert.key for alert in pager.taken if alert.state == "resolved"]
    assert len(opened) == 6
    assert len(closed) == 5, "what was never opened there is not closed there"
    desk.deliver(600)
    assert pager.taken[-1].state == "resolved"


def test_a_receiver_that_forgets_is_told_again_until_the_end(control_engine: Engine) -> None:
    forgetful = ListSender("am", resend_seconds=60)
    desk = Desk(control_engine, {"am": forgetful})
    find(control_engine, "f1")
    for after in range(0, 200, 20):
        desk.alerts(after)
        desk.deliver(after)
    assert [alert.state for alert in forgetful.taken] == ["firing"] * 4
    vanish(control_engine, "f1")
    for after in range(200, 600, 20):
        desk.alerts(after)
        desk.deliver(after)
    assert forgetful.taken[-1].state == "resolved"
    assert [alert.state for alert in forgetful.taken].count("resolved") == 1
    assert len({(alert.key, alert.started) for alert in forgetful.taken}) == 1


def test_a_zombie_writes_neither_alerts_nor_deliveries(control_engine: Engine) -> None:
    zombie = Desk(control_engine, {"pager": ListSender("pager")}, holder="zombie")
    find(control_engine, "f1")
    lease.release(control_engine, zombie.lease)
    heir = Desk(control_engine, {"pager": ListSender("pager")}, holder="heir")
    with pytest.raises(LeaseLost):
        zombie.alerts(0)
    assert outbox.list_alerts(control_engine) == []
    heir.alerts(0)
    with pytest.raises(LeaseLost):
        zombie.deliver(0)
    assert heir.deliver(0) == Delivered(delivered=1)


def test_a_lease_lost_while_sending_leads_to_a_repeat_of_the_same_incident(
    control_engine: Engine,
) -> None:
    """The reply was on its way when the lease went: nobody knows whether it was taken, so it is
    said again.
    """
    heirs: list[Desk] = []
    heard: list[Alert] = []

    def answer(alert: Alert) -> None:
        heard.append(alert)
        if not heirs:
            lease.release(control_engine, slow.lease)
            heirs.append(Desk(control_engine, {"pager": pager}, holder="heir"))

    pager = ListSender("pager", answer)
    slow = Desk(control_engine, {"pager": pager}, holder="slow")
    find(control_engine, "f1")
    slow.alerts(0)
    with pytest.raises(LeaseLost):
        slow.deliver(0)
    assert heirs[0].deliver(1) == Delivered(delivered=1)
    assert [(alert.key, alert.revision) for alert in heard] == [
        (heard[0].key, heard[0].revision)
    ] * 2


class ChangeKeeper:
    """A receiver that also takes deploys."""

    name = "pd"
    resend_seconds = None

    def __init__(self) -> None:
        self.taken: list[str] = []

    def send(self, alert: Alert) -> None:
        self.taken.append(alert.state)

    def send_change(self, deploy: Deploy) -> None:
        self.taken.append(f"change {deploy.version}")


def test_a_receiver_of_changes_hears_of_the_deploy_once_and_first(control_engine: Engine) -> None:
    event = DeployEvent(
        "api", "1", "deploy", "production", "payment", "2.0.0", "1.9.0", "started", NOON
    )
    deploy = deploys.record(control_engine, event, NOON)
    findings.save_findings(
        control_engine, [a_finding("f1", deploy.id), a_finding("f2", deploy.id)], NOON
    )
    keeper = ChangeKeeper()
    desk = Desk(control_engine, {"pd": keeper})
    desk.alerts(0)
    desk.deliver(0)
    assert keeper.taken == ["change 2.0.0", "firing"]


def test_a_deploy_that_breaks_more_is_updated_under_its_key_and_ends_once(
    control_engine: Engine,
) -> None:
    pager = ListSender("pager")
    capped = replace(SETTINGS, delivery=replace(SETTINGS.delivery, max_per_minute=1))
    desk = Desk(control_engine, {"pager": pager}, capped)
    all_findings = [a_finding(f"f{number}", "d1") for number in range(3)]
    for after, seen in ((0, all_findings[:1]), (1, all_findings), (2, all_findings)):
        findings.save_findings(control_engine, seen, NOON)
        desk.alerts(after)
        desk.deliver(after)
    over = [
        replace(finding, state="resolved", ended=reason("no_calls_any_more", version="2.0.0"))
        for finding in all_findings
    ]
    findings.save_findings(control_engine, over, NOON)
    desk.alerts(200)
    desk.deliver(200)
    assert [alert.state for alert in pager.taken] == ["firing", "firing", "resolved"]
    assert len({alert.key for alert in pager.taken}) == 1
    assert pager.taken[-1].annotations["resolved_because"] == "2.0.0 has no calls any more"


def test_what_is_long_over_is_forgotten_and_may_begin_anew(control_engine: Engine) -> None:
    pager = ListSender("pager")
    desk = Desk(control_engine, {"pager": pager})
    month = 31 * 86400
    find(control_engine, "f1")
    desk.alerts(0)
    desk.deliver(0)
    vanish(control_engine, "f1")
    desk.alerts(200)
    desk.deliver(200)
    desk.alerts(month + 300)
    assert outbox.list_alerts(control_engine) == []
    assert outbox.list_deliveries(control_engine) == []
    find(control_engine, "f1")
    desk.alerts(month + 400)
    desk.deliver(month + 400)
    assert [alert.state for alert in pager.taken] == ["firing", "resolved", "firing"]
