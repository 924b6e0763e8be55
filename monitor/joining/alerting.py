"""Findings to alerts: the book and the outbox in one transaction, fenced by the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from monitor import telemetry
from monitor.alerts.lifecycle import LifecycleSettings, matches, step
from monitor.alerts.sender import Sender
from monitor.control import deploys, findings, outbox, silences
from monitor.control.lease import Lease
from monitor.control.store import writing
from monitor.joining.breaking import tell_breaks
from monitor.joining.delivering import DeliverySettings, check_held, tells_changes
from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding

OPEN_FINDINGS = 5000


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Whether and how receivers are told. Not `enabled`, alerts are kept and shown, and nobody is
    told.
    """

    enabled: bool = False
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    keep_days: float = 30.0
    tick_seconds: float = 2.0
    teams: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Receivers of contract events, by name the owner teams that each serves. They get no alerts
    of deploys.
    """


def update_alerts(
    engine: Engine,
    open_findings: Sequence[Finding],
    now: datetime,
    *,
    senders: Mapping[str, Sender],
    settings: NotifySettings,
    held: Lease,
) -> tuple[Alert, ...]:
    """One tick of the alerts' life over all open and accepted findings, and those over of alerts
    that fire; returns what receivers will be told.

    Book and outbox are written in one transaction, fenced by the lease: LeaseLost, and nothing
    written, when another holds it. Doing it again with the same findings and time writes nothing
    new.
    """
    changes = _deploys(engine, open_findings)
    quiet = _quieted(engine, now)
    with writing(engine) as connection:
        check_held(connection, held)
        before = outbox.load_book(connection)
        after = step(
            before,
            open_findings,
            changes,
            quiet,
            settings.lifecycle,
            now,
            enabled=settings.enabled,
        )
        outbox.save_book(connection, before, after.book, now)
        for alert in after.outgoing:
            earlier = before.get(alert.key)
            update = earlier is not None and earlier.told == "firing" and alert.state == "firing"
            for name, sender in senders.items():
                deploy = changes.get(alert.deploy_id)
                if deploy and alert.state == "firing" and tells_changes(sender):
                    outbox.enqueue_change(connection, deploy, name, now, epoch=held.epoch)
                # an update opens no incident: the rate cap, which spares repeats, lets it pass
                outbox.enqueue(connection, alert, name, now, epoch=held.epoch, repeat=int(update))
        if settings.enabled:
            firing = [
                tracked.alert
                for tracked in after.book.values()
                if tracked.alert.state == "firing"
                and tracked.told == "firing"
                and not tracked.silenced
            ]
            _say_again(connection, firing, senders, now, held)
        outbox.prune(connection, now - timedelta(days=settings.keep_days))
    return after.outgoing


def refresh(
    engine: Engine,
    now: datetime,
    *,
    senders: Mapping[str, Sender],
    settings: NotifySettings,
    held: Lease,
) -> tuple[Alert, ...]:
    """`update_alerts` over the findings of the control store, in which acceptances that ended are
    opened again first.
    """
    with writing(engine) as connection:
        findings.reopen_expired(connection, now)
    open_findings = [
        finding
        for state in ("open", "accepted")
        for finding in findings.list_findings(engine, state=state, limit=OPEN_FINDINGS)
    ]
    telemetry.FINDINGS.set(sum(finding.state == "open" for finding in open_findings))
    of_deploys = {name: sender for name, sender in senders.items() if name not in settings.teams}
    outgoing = update_alerts(
        engine,
        [*open_findings, *_over(engine, open_findings)],
        now,
        senders=of_deploys,
        settings=settings,
        held=held,
    )
    if settings.enabled and settings.teams:
        quiet = _quieted(engine, now)
        with writing(engine) as connection:
            check_held(connection, held)
            broken = tell_breaks(
                connection,
                now,
                senders=senders,
                teams=settings.teams,
                held=held,
                link_base=settings.lifecycle.link_base,
                is_silenced=lambda labels: any(matches(labels, matchers) for matchers in quiet),
            )
        return (*outgoing, *broken)
    return outgoing


def _quieted(engine: Engine, now: datetime) -> list[Mapping[str, str]]:
    """The matchers of silences that hold now."""
    return [
        silence.matchers
        for silence in silences.list_silences(engine, now)
        if silence.starts <= now
    ]


def _over(engine: Engine, open_findings: Sequence[Finding]) -> list[Finding]:
    """The findings of firing alerts that are neither open nor accepted any more: they say why the
    alert may end.
    """
    open_ids = {finding.id for finding in open_findings}
    ids = {
        finding_id
        for tracked in outbox.list_alerts(engine, state="firing")
        for finding_id in tracked.alert.finding_ids
    } - open_ids
    return [finding for _, finding in sorted(findings.by_id(engine, ids).items())]


def trial_alert(name: str, now: datetime) -> Alert:
    """An alert that says it is a test, to fire by hand at the receiver of this name."""
    text = "Test alert from Seamwatch: this receiver works"
    labels = {"alertname": "SeamwatchTest", "receiver": name, "severity": "info"}
    return Alert(
        f"seamwatch-test-{name}",
        "firing",
        "info",
        text,
        "test",
        "seamwatch",
        "",
        labels,
        {"summary": text, "description": text},
        now,
        revision=1,
    )


def _say_again(
    connection: Connection,
    firing: Sequence[Alert],
    senders: Mapping[str, Sender],
    now: datetime,
    held: Lease,
) -> None:
    """Receivers that forget a firing alert unless they hear of it again hear of it again."""
    for sender in senders.values():
        if sender.resend_seconds is not None:
            for alert in firing:
                outbox.enqueue_again(
                    connection,
                    alert,
                    sender.name,
                    timedelta(seconds=sender.resend_seconds),
                    now,
                    epoch=held.epoch,
                )


def _deploys(engine: Engine, open_findings: Sequence[Finding]) -> dict[str, Deploy]:
    found_deploys = (
        deploys.deploy(engine, deploy_id)
        for deploy_id in sorted(
            {finding.deploy_id for finding in open_findings if finding.deploy_id}
        )
    )
    return {deploy.id: deploy for deploy in found_deploys if deploy is not None}
