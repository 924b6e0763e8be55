"""The outbox to the receivers: at least once each, one incident each, and no receiver waits for
another.
"""

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeGuard

import structlog
from sqlalchemy import Connection, Engine

from monitor import telemetry
from monitor.alerts.sender import ChangeSender, Sender
from monitor.clock import growing_pause
from monitor.control import lease as leases
from monitor.control import outbox
from monitor.control.lease import Lease
from monitor.control.outbox import Letter
from monitor.control.store import reading, writing
from monitor.errors import LeaseLost, ReceiverBusy, ReceiverRefused
from monitor.model.alerts import Alert

log = structlog.get_logger(__name__)

DIGEST = "seamwatch-suppressed-"
CAP_SPAN = timedelta(minutes=1)
DIGEST_AFTER = timedelta(seconds=30)
DIGEST_ENDS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How patient delivering is.

    After `max_attempts` tries (about 3.5 hours with these) an alert's state is given up for that
    receiver. A receiver that refuses every alert, since its key or address is wrong, is asked
    every `slow_seconds`. Whatever patience a receiver asks for one alert, another alert waits no
    longer than `others_cap_seconds` for it. More than `max_per_minute` alerts that begin within a
    minute are not sent one by one: one message tells how many more.
    """

    max_attempts: int = 30
    backoff_seconds: float = 2.0
    backoff_cap_seconds: float = 600.0
    patience_cap_seconds: float = 3600.0
    others_cap_seconds: float = 120.0
    slow_seconds: float = 600.0
    max_per_minute: int = 30
    busy_in_a_row: int = 2


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did, by result; `trouble` is the last thing that went wrong."""

    delivered: int = 0
    busy: int = 0
    dead: int = 0
    suppressed: int = 0
    trouble: str = field(default="", compare=False)


def deliver_once(
    engine: Engine,
    senders: Mapping[str, Sender],
    lease: Lease,
    now: datetime,
    settings: DeliverySettings,
    rng: random.Random,
) -> Delivered:
    """Send what is due to each of these receivers, all receivers at once; returns when all are
    through or failed.

    At least once: a letter is settled after its receiver took it, so a crash in between sends it
    again, under the same key and revision. Raises LeaseLost when another holds the lease: nothing
    is written then.
    """
    if not senders:
        return Delivered()
    seeds = [rng.getrandbits(64) for _ in senders]
    with ThreadPoolExecutor(max_workers=len(senders), thread_name_prefix="deliver") as pool:
        rounds = [
            pool.submit(_round, engine, sender, lease, now, settings, random.Random(seed))  # noqa: S311 - jitter, no secret
            for sender, seed in zip(senders.values(), seeds, strict=True)
        ]
        results = [future.result() for future in rounds]
    return Delivered(
        sum(result.delivered for result in results),
        sum(result.busy for result in results),
        sum(result.dead for result in results),
        sum(result.suppressed for result in results),
        next((result.trouble for result in results if result.trouble), ""),
    )


def _round(
    engine: Engine,
    sender: Sender,
    lease: Lease,
    now: datetime,
    settings: DeliverySettings,
    rng: random.Random,
) -> Delivered:
    with reading(engine) as connection:
        letters = outbox.due_letters(connection, sender.name, now)
        begun = outbox.begun_since(connection, sender.name, now - CAP_SPAN)
    counts = {"delivered": 0, "busy": 0, "dead": 0, "suppressed": 0}
    busy_in_a_row, trouble = 0, ""
    for letter in letters:
        if _begins(letter) and begun >= settings.max_per_minute:
            _suppress(engine, lease, letter, now)
            result = "suppressed"
        else:
            result, wrong = _deliver(engine, sender, lease, letter, now, settings, rng)
            trouble = wrong or trouble
            begun += result == "delivered" and _begins(letter)
        counts[result] += 1
        telemetry.NOTIFICATIONS.labels(sender.name, result).inc()
        busy_in_a_row = busy_in_a_row + 1 if result == "busy" else 0
        if busy_in_a_row >= settings.busy_in_a_row:
            break
    return Delivered(**counts, trouble=trouble)


def _deliver(
    engine: Engine,
    sender: Sender,
    lease: Lease,
    letter: Letter,
    now: datetime,
    settings: DeliverySettings,
    rng: random.Random,
) -> tuple[str, str]:
    """Send one letter and write what became of it; the result's name, and what went wrong.

    A fault of our own in sending this letter is treated as its receiver's: the letters behind it
    are not to wait for it.
    """
    with _fenced(engine, lease) as connection:
        spelled = _spelled(connection, letter)
    try:
        _send(sender, spelled)
    except ReceiverBusy as busy:
        with _fenced(engine, lease) as connection:
            return _busy(connection, letter, busy, now, settings, rng), str(busy)
    except ReceiverRefused as refused:
        with _fenced(engine, lease) as connection:
            if refused.final:
                outbox.settle(connection, letter, "dead", "refused", now, str(refused))
                return "dead", str(refused)
            return _postponed(
                connection, letter, now, settings.slow_seconds, str(refused), settings
            ), str(refused)
    except Exception as error:
        log.exception("an alert cannot be sent", receiver=sender.name, key=letter.key)
        trouble = f"has a fault in its sender ({type(error).__name__}), see the log"
        with _fenced(engine, lease) as connection:
            return _busy(connection, letter, ReceiverBusy(trouble), now, settings, rng), trouble
    with _fenced(engine, lease) as connection:
        outbox.settle(connection, letter, "sent", "delivered", now)
    return "delivered", ""


def _send(sender: Sender, letter: Letter) -> None:
    if letter.alert is not None:
        sender.send(letter.alert)
    elif letter.deploy is not None and tells_changes(sender):
        sender.send_change(letter.deploy)


def tells_changes(sender: object) -> TypeGuard[ChangeSender]:
    """Whether this receiver also wants to know of deploys."""
    return hasattr(sender, "send_change")


def _busy(
    connection: Connection,
    letter: Letter,
    busy: ReceiverBusy,
    now: datetime,
    settings: DeliverySettings,
    rng: random.Random,
) -> str:
    """Wait longer each time, never in step with others, and no less than the receiver asked for,
    who may have said "at once".
    """
    pause = growing_pause(
        settings.backoff_seconds, letter.attempts, settings.backoff_cap_seconds
    ) * rng.uniform(0.5, 1.0)
    if busy.retry_after_seconds is not None:
        pause = max(pause, min(busy.retry_after_seconds, settings.patience_cap_seconds))
        others = min(busy.retry_after_seconds, settings.others_cap_seconds)
        outbox.block_receiver(connection, letter.receiver, now + timedelta(seconds=others))
    return _postponed(connection, letter, now, pause, str(busy), settings)


def _postponed(
    connection: Connection,
    letter: Letter,
    now: datetime,
    pause_seconds: float,
    why: str,
    settings: DeliverySettings,
) -> str:
    """Try the letter again after the pause, or give it up after a bound; the result's name."""
    if letter.attempts + 1 >= settings.max_attempts:
        outbox.settle(
            connection,
            letter,
            "dead",
            "dead",
            now,
            f"given up after {settings.max_attempts} tries: {why}",
        )
        return "dead"
    outbox.postpone(connection, letter, now + timedelta(seconds=pause_seconds), now, why)
    return "busy"


def _begins(letter: Letter) -> bool:
    """Whether the letter opens an incident; ends, repeats, deploys and our own digests are never
    held back.
    """
    return (
        letter.alert is not None
        and letter.alert.state == "firing"
        and letter.repeat == 0
        and not letter.key.startswith(DIGEST)
    )


def _suppress(engine: Engine, lease: Lease, letter: Letter, now: datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    key = f"{DIGEST}{letter.receiver}-{minute:%Y%m%d%H%M}"
    labels = {
        "alertname": "SeamwatchSuppressed",
        "receiver": letter.receiver,
        "severity": "critical",
    }
    digest = Alert(key, "firing", "critical", "", "", "", "", labels, {}, minute, revision=1)
    ended = replace(digest, state="resolved", ended=minute + DIGEST_ENDS, revision=2)
    with _fenced(engine, lease) as connection:
        outbox.settle(
            connection, letter, "suppressed", "suppressed", now, "over the cap of alerts a minute"
        )
        outbox.enqueue(
            connection, digest, letter.receiver, now, epoch=lease.epoch, due=now + DIGEST_AFTER
        )
        outbox.enqueue(
            connection, ended, letter.receiver, now, epoch=lease.epoch, due=minute + DIGEST_ENDS
        )


def _spelled(connection: Connection, letter: Letter) -> Letter:
    """The letter as it is sent: a digest counts at the last moment what it stands for."""
    if letter.alert is None or not letter.key.startswith(DIGEST):
        return letter
    begin = letter.alert.started
    count = outbox.suppressed_between(connection, letter.receiver, begin, begin + CAP_SPAN)
    text = f"{count} more alerts suppressed since {begin:%H:%M} UTC: over the cap for this receiver; see them in Seamwatch"
    return replace(
        letter,
        alert=replace(
            letter.alert, summary=text, annotations={"summary": text, "description": text}
        ),
    )


@contextmanager
def _fenced(engine: Engine, lease: Lease) -> Iterator[Connection]:
    """A writing transaction during which the lease is ours; LeaseLost, and nothing written, when
    it is not.
    """
    with writing(engine) as connection:
        check_held(connection, lease)
        yield connection


def check_held(connection: Connection, lease: Lease) -> None:
    """LeaseLost when the lease is not ours; else it stays ours until the transaction ends."""
    if not leases.held(connection, lease):
        raise LeaseLost(
            f"the lease {lease.name} of {lease.holder} (epoch {lease.epoch}) ran out or is another's; acquire it anew"
        )
