"""The alert book and the outbox: what alerts are, and what receivers must still be told, written
in one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, case, delete, func, insert, select, update

from monitor.control.documents import from_document, to_document
from monitor.control.store import count_of, insert_into, reading
from monitor.control.tables import alerts, deliveries, findings, outbox, receivers
from monitor.model.alerts import Alert, Delivery, Tracked
from monitor.model.deploys import Deploy

CHANGE = "change:"


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to tell one receiver: an alert's state, or a deploy (then `alert` is None)."""

    id: int
    receiver: str
    key: str
    revision: int
    repeat: int
    state: str
    attempts: int
    created: datetime
    due: datetime
    settled: datetime | None
    last_error: str
    alert: Alert | None = None
    deploy: Deploy | None = None


def load_book(connection: Connection) -> dict[str, Tracked]:
    """All alerts by key, locked until the transaction ends."""
    rows = connection.execute(select(alerts.c.key, alerts.c.document).with_for_update())
    return {key: from_document(document, Tracked) for key, document in rows}


def save_book(
    connection: Connection,
    before: Mapping[str, Tracked],
    after: Mapping[str, Tracked],
    now: datetime,
) -> None:
    """Write what changed between two books; an alert that is in the first only is forgotten."""
    for key, tracked in after.items():
        if before.get(key) == tracked:
            continue
        alert = tracked.alert
        values = {
            "state": alert.state,
            "revision": alert.revision,
            "started": alert.started,
            "updated": now,
            "document": to_document(tracked),
        }
        statement = insert_into(connection, alerts).values(key=key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
    gone = before.keys() - after.keys()
    if gone:
        connection.execute(delete(alerts).where(alerts.c.key.in_(sorted(gone))))


def enqueue(
    connection: Connection,
    alert: Alert,
    receiver: str,
    now: datetime,
    *,
    epoch: int,
    repeat: int = 0,
    due: datetime | None = None,
) -> None:
    """Write that this receiver must be told; nothing happens when that is written already.

    The end of an alert whose beginning the rate cap kept from this receiver is kept from it too.
    """
    unknown_there = (
        alert.state == "resolved" and _last_state(connection, receiver, alert.key) == "suppressed"
    )
    values = {"state": "suppressed", "settled": now} if unknown_there else {"state": "due"}
    _put(
        connection,
        receiver,
        alert.key,
        {"alert": to_document(alert)},
        now,
        revision=alert.revision,
        repeat=repeat,
        epoch=epoch,
        due=due,
        **values,
    )


def enqueue_change(
    connection: Connection, deploy: Deploy, receiver: str, now: datetime, *, epoch: int
) -> None:
    """Write that this receiver must be told of a deploy, once."""
    _put(
        connection,
        receiver,
        CHANGE + deploy.id,
        {"deploy": to_document(deploy)},
        now,
        revision=1,
        repeat=0,
        epoch=epoch,
        due=None,
        state="due",
    )


def enqueue_again(
    connection: Connection,
    alert: Alert,
    receiver: str,
    every: timedelta,
    now: datetime,
    *,
    epoch: int,
) -> bool:
    """Write a firing alert once more when the receiver's last one was settled `every` ago or
    longer; whether it was written.
    """
    last = connection.execute(
        _letters(receiver, alert.key).order_by(outbox.c.id.desc()).limit(1)
    ).one_or_none()
    if (
        last is None
        or last.state not in {"sent", "dead"}
        or now - (last.settled or now) < every
        or last.revision != alert.revision
    ):
        return False
    enqueue(connection, alert, receiver, now, epoch=epoch, repeat=last.repeat + 1)
    return True


def due_letters(
    connection: Connection, receiver: str, now: datetime, limit: int = 100
) -> list[Letter]:
    """What this receiver must be told now, oldest due time first; of each alert only the earliest
    state not yet told.

    Empty while the receiver asked for patience.
    """
    blocked = connection.execute(
        select(receivers.c.blocked_until).where(receivers.c.name == receiver)
    ).scalar_one_or_none()
    if blocked is not None and blocked > now:
        return []
    earlier = outbox.alias("earlier")
    waits = (
        select(earlier.c.id)
        .where(earlier.c.receiver == outbox.c.receiver, earlier.c.alert_key == outbox.c.alert_key)
        .where(earlier.c.state == "due", earlier.c.id < outbox.c.id)
        .exists()
    )
    query = (
        select(outbox)
        .where(outbox.c.receiver == receiver, outbox.c.state == "due", outbox.c.due <= now, ~waits)
        .order_by(outbox.c.due, outbox.c.id)
        .limit(limit)
    )
    return [_letter(row) for row in connection.execute(query)]


def settle(
    connection: Connection,
    letter: Letter,
    state: str,
    result: str,
    now: datetime,
    detail: str = "",
) -> None:
    """A letter was sent, is dead, or is suppressed: it is not tried again, and the log
    says why.
    """
    connection.execute(
        update(outbox)
        .where(outbox.c.id == letter.id)
        .values(
            state=state,
            attempts=letter.attempts + (result != "suppressed"),
            settled=now,
            last_error=detail,
        )
    )
    _log(connection, letter, result, now, detail)


def postpone(
    connection: Connection, letter: Letter, until: datetime, now: datetime, detail: str
) -> None:
    """A try that did not succeed; the next is at `until`."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == letter.id)
        .values(attempts=letter.attempts + 1, due=until, last_error=detail)
    )
    _log(connection, letter, "busy", now, detail)


def block_receiver(connection: Connection, receiver: str, until: datetime) -> None:
    """Leave the receiver alone until then."""
    statement = insert_into(connection, receivers).values(name=receiver, blocked_until=until)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"blocked_until": until})
    )


def begun_since(connection: Connection, receiver: str, since: datetime) -> int:
    """How many alerts this receiver was told to fire at or after `since`."""
    query = select(func.count(func.distinct(deliveries.c.alert_key))).where(
        deliveries.c.receiver == receiver,
        deliveries.c.at >= since,
        deliveries.c.result == "delivered",
        deliveries.c.state == "firing",
    )
    return connection.execute(query).scalar_one()


def suppressed_between(
    connection: Connection, receiver: str, since: datetime, until: datetime
) -> int:
    """How many alerts the rate cap kept from this receiver in [since, until)."""
    query = select(func.count()).where(
        deliveries.c.receiver == receiver,
        deliveries.c.at >= since,
        deliveries.c.at < until,
        deliveries.c.result == "suppressed",
    )
    return connection.execute(query).scalar_one()


# put together once: it is asked each second
_RESTLESS = select(
    select(findings.c.id).where(findings.c.state.in_(("open", "accepted"))).exists()
    | select(alerts.c.key).where(alerts.c.state != "resolved").exists()
)


def at_rest(engine: Engine) -> bool:
    """Whether no finding is open or accepted, and no alert pends or fires: whatever the time, there
    is nothing to begin, to end or to say again. One question.
    """
    with reading(engine) as connection:
        return not connection.execute(_RESTLESS).scalar_one()


def prune(connection: Connection, before: datetime) -> None:
    """Forget letters settled, deliveries made and alerts resolved before this time."""
    connection.execute(delete(deliveries).where(deliveries.c.at < before))
    connection.execute(delete(outbox).where(outbox.c.settled < before))
    connection.execute(
        delete(alerts).where(alerts.c.state == "resolved", alerts.c.updated < before)
    )


def list_alerts(
    engine: Engine, *, state: str | None = None, limit: int | None = None, offset: int = 0
) -> list[Tracked]:
    """Alerts: firing ones first, then pending, then resolved; the last changed first. All of them
    unless limited.
    """
    state_order = case({"firing": 0, "pending": 1}, value=alerts.c.state, else_=2)
    query = (
        _alerts(state)
        .order_by(state_order, alerts.c.updated.desc(), alerts.c.key)
        .limit(limit)
        .offset(offset)
    )
    with reading(engine) as connection:
        return [
            from_document(document, Tracked) for document in connection.execute(query).scalars()
        ]


def count_alerts(engine: Engine, *, state: str | None = None) -> int:
    """How many alerts there are, in this state when one is named."""
    return count_of(engine, _alerts(state))


def _alerts(state: str | None) -> Select[tuple[object]]:
    query = select(alerts.c.document)
    return query if state is None else query.where(alerts.c.state == state)


def list_deliveries(
    engine: Engine, *, alert_key: str | None = None, limit: int | None = None, offset: int = 0
) -> list[Delivery]:
    """Tries to deliver, newest first; all of them unless limited."""
    query = _deliveries(alert_key).order_by(deliveries.c.id.desc()).limit(limit).offset(offset)
    with reading(engine) as connection:
        return [
            Delivery(
                row.receiver,
                row.alert_key,
                row.revision,
                row.state,
                row.at,
                row.result,
                row.detail,
            )
            for row in connection.execute(query)
        ]


def count_deliveries(engine: Engine, *, alert_key: str | None = None) -> int:
    """How many tries there were, for this alert when one is named."""
    return count_of(engine, _deliveries(alert_key))


def _deliveries(alert_key: str | None) -> Select[tuple[object, ...]]:
    query = select(deliveries)
    return query if alert_key is None else query.where(deliveries.c.alert_key == alert_key)


def list_letters(
    engine: Engine,
    *,
    states: Iterable[str] = ("due", "dead"),
    limit: int | None = None,
    offset: int = 0,
) -> list[Letter]:
    """Letters in these states, newest first: what waits, and what was given up on. All of them
    unless limited.
    """
    query = (
        select(outbox)
        .where(outbox.c.state.in_(list(states)))
        .order_by(outbox.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with reading(engine) as connection:
        return [_letter(row) for row in connection.execute(query)]


def count_letters(engine: Engine) -> dict[str, int]:
    """How many letters are in each state; states without any are left out."""
    with reading(engine) as connection:
        return {row.state: row.letters for row in connection.execute(_LETTERS)}


_LETTERS = select(outbox.c.state, func.count().label("letters")).group_by(outbox.c.state)


def _put(
    connection: Connection,
    receiver: str,
    key: str,
    document: Any,
    now: datetime,
    *,
    due: datetime | None,
    **values: object,
) -> None:
    statement = insert_into(connection, outbox).values(
        receiver=receiver,
        alert_key=key,
        attempts=0,
        created=now,
        due=due or now,
        last_error="",
        document=document,
        **values,
    )
    connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=["receiver", "alert_key", "revision", "repeat"]
        )
    )


def _letters(receiver: str, key: str) -> Any:
    return select(outbox).where(outbox.c.receiver == receiver, outbox.c.alert_key == key)


def _last_state(connection: Connection, receiver: str, key: str) -> str | None:
    last = connection.execute(
        _letters(receiver, key).order_by(outbox.c.id.desc()).limit(1)
    ).one_or_none()
    return None if last is None else str(last.state)


def _log(connection: Connection, letter: Letter, result: str, now: datetime, detail: str) -> None:
    state = letter.alert.state if letter.alert else "change"
    connection.execute(
        insert(deliveries).values(
            outbox_id=letter.id,
            receiver=letter.receiver,
            alert_key=letter.key,
            revision=letter.revision,
            state=state,
            at=now,
            result=result,
            detail=detail,
        )
    )


def _letter(row: "Row[Any]") -> Letter:
    document = row.document
    return Letter(
        id=row.id,
        receiver=row.receiver,
        key=row.alert_key,
        revision=row.revision,
        repeat=row.repeat,
        state=row.state,
        attempts=row.attempts,
        created=row.created,
        due=row.due,
        settled=row.settled,
        last_error=row.last_error,
        alert=from_document(document["alert"], Alert) if "alert" in document else None,
        deploy=from_document(document["deploy"], Deploy) if "deploy" in document else None,
    )
