"""Leases by the database's clock, each with an epoch that fences whoever held it before."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Engine, bindparam, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from monitor.control.store import insert_into, writing
from monitor.control.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name` alone. A later holder has a higher epoch; what was written under a
    lower one may be refused.
    """

    name: str
    holder: str
    epoch: int
    ttl_seconds: float


def acquire(engine: Engine, name: str, holder: str, ttl_seconds: float) -> Lease | None:
    """Take the lease when it is free or has run out; None while another holds it.

    `holder` must be unique to this process and run. Asking again as the present holder gives a new
    epoch, which fences the earlier lease; to go on, use `renew`.
    """
    expires = _database_seconds() + ttl_seconds
    with writing(engine) as connection:
        statement = (
            insert_into(connection, leases)
            .values(name=name, holder=holder, epoch=1, expires_seconds=expires)
            .on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": holder, "epoch": leases.c.epoch + 1, "expires_seconds": expires},
                where=(leases.c.expires_seconds <= _database_seconds())
                | (leases.c.holder == holder),
            )
            .returning(leases.c.epoch)
        )
        epoch = connection.execute(statement).scalar_one_or_none()
    return None if epoch is None else Lease(name, holder, int(epoch), ttl_seconds)


def renew(engine: Engine, lease: Lease) -> bool:
    """Hold it for another `ttl_seconds` from now; False when it has run out or is another's: stop,
    and acquire anew.
    """
    with writing(engine) as connection:
        parameters = {**_told(lease), "ours_seconds": lease.ttl_seconds}
        return connection.execute(_RENEWED, parameters).scalar_one_or_none() is not None


def release(engine: Engine, lease: Lease) -> None:
    """Let go at once, so that another need not wait; nothing happens when it is no longer ours."""
    with writing(engine) as connection:
        connection.execute(_RELEASED, _told(lease))


def held(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still ours, and stays so until this transaction ends: nobody can take
    it in between.
    """
    return connection.execute(_HELD, _told(lease)).scalar_one_or_none() is not None


def is_of(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still ours at this moment; nothing is written and nothing waits."""
    return connection.execute(_IS_OF, _told(lease)).scalar_one_or_none() is not None


def holder_of(connection: Connection, name: str) -> str | None:
    """Who holds the lease now, None when nobody does."""
    holder: str | None = connection.execute(
        select(leases.c.holder).where(
            leases.c.name == name, leases.c.expires_seconds > _database_seconds()
        )
    ).scalar_one_or_none()
    return holder


class _DatabaseSeconds(ColumnElement[float]):
    """Seconds since 1970 by the database's clock."""

    # nothing varies; without this list SQLAlchemy compiles each question anew
    _traverse_internals: list[tuple[str, InternalTraversal]] = []  # noqa: RUF012 - as SQLAlchemy has it
    inherit_cache = True
    type = Double()


def _database_seconds() -> ColumnElement[float]:
    return _DatabaseSeconds()


@compiles(_DatabaseSeconds, "sqlite")
def _sqlite_seconds(_element: _DatabaseSeconds, _compiler: SQLCompiler, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_DatabaseSeconds, "postgresql")
def _postgresql_seconds(
    _element: _DatabaseSeconds, _compiler: SQLCompiler, **_options: Any
) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::double precision"


_OURS = (
    (leases.c.name == bindparam("ours_name"))
    & (leases.c.holder == bindparam("ours_holder"))
    & (leases.c.epoch == bindparam("ours_epoch"))
    & (leases.c.expires_seconds > _database_seconds())
)
# put together once: they are asked every few seconds by each part, and building one cost as much as
# asking it
_RENEWED = (
    update(leases)
    .where(_OURS)
    .values(expires_seconds=_database_seconds() + bindparam("ours_seconds"))
    .returning(leases.c.epoch)
)
_RELEASED = update(leases).where(_OURS).values(expires_seconds=0.0)
_IS_OF = select(leases.c.epoch).where(_OURS)
_HELD = _IS_OF.with_for_update()


def _told(lease: Lease) -> dict[str, str | int]:
    return {
        "ours_name": lease.name,
        "ours_holder": lease.holder,
        "ours_epoch": lease.epoch,
    }
