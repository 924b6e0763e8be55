"""Aliases join the names pacts, telemetry and deploy tools use for one service, version or
environment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, select, update

from monitor.control.store import insert_into, reading, writing
from monitor.control.tables import aliases

AliasKind = Literal["service", "version", "environment"]
AliasState = Literal["confirmed", "suggested", "rejected", "unmatched"]


@dataclass(frozen=True, slots=True)
class Alias:
    """One rule: `name`, as a source says it, means `canonical`. Only confirmed ones apply;
    unmatched ones wait for a canonical name.
    """

    kind: AliasKind
    name: str
    canonical: str
    state: AliasState
    origin: str
    seen: datetime


def set_alias(
    engine: Engine,
    kind: AliasKind,
    name: str,
    canonical: str,
    now: datetime,
    *,
    origin: str = "settings",
) -> None:
    """Make this rule, or replace the one for this name."""
    _put(
        engine,
        [Alias(kind, name, canonical, "confirmed", origin, now)],
        overrule=("confirmed", "suggested", "rejected", "unmatched"),
    )


def suggest_alias(
    engine: Engine, kind: AliasKind, name: str, canonical: str, now: datetime, *, origin: str
) -> None:
    """Offer a learned rule for a person to confirm; nothing happens when the name has been decided
    on.
    """
    _put(
        engine,
        [Alias(kind, name, canonical, "suggested", origin, now)],
        overrule=("suggested", "unmatched"),
    )


def note_unmatched(
    engine: Engine, kind: AliasKind, names: Iterable[str], now: datetime, *, origin: str
) -> None:
    """List names that match nothing known; names with a rule or a suggestion stay as they are."""
    _put(
        engine,
        [Alias(kind, name, "", "unmatched", origin, now) for name in sorted(set(names))],
        overrule=("unmatched",),
    )


def decide_alias(engine: Engine, kind: AliasKind, name: str, *, confirm: bool) -> bool:
    """Confirm or reject a suggestion; False when there is none."""
    state = "confirmed" if confirm else "rejected"
    with writing(engine) as connection:
        done = connection.execute(
            update(aliases)
            .where(aliases.c.kind == kind, aliases.c.name == name, aliases.c.state == "suggested")
            .values(state=state)
            .returning(aliases.c.name)
        )
        return done.scalar_one_or_none() is not None


def list_aliases(
    engine: Engine, *, kind: AliasKind | None = None, state: AliasState | None = None
) -> list[Alias]:
    """Rules, suggestions and unmatched names, by kind and name."""
    query = select(aliases).order_by(aliases.c.kind, aliases.c.name)
    if kind is not None:
        query = query.where(aliases.c.kind == kind)
    if state is not None:
        query = query.where(aliases.c.state == state)
    with reading(engine) as connection:
        return [Alias(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it


def alias(engine: Engine, kind: AliasKind, name: str) -> Alias:
    """What is kept of this name, which must have been spoken of."""
    with reading(engine) as connection:
        row = connection.execute(
            select(aliases).where(aliases.c.kind == kind, aliases.c.name == name)
        ).one()
        return Alias(**row._mapping)  # noqa: SLF001 - as above


def _put(engine: Engine, rules: list[Alias], *, overrule: tuple[AliasState, ...]) -> None:
    with writing(engine) as connection:
        for rule in rules:
            values = {
                "kind": rule.kind,
                "name": rule.name,
                "canonical": rule.canonical,
                "state": rule.state,
                "origin": rule.origin,
                "seen": rule.seen,
            }
            connection.execute(
                insert_into(connection, aliases)
                .values(**values)
                .on_conflict_do_update(
                    index_elements=["kind", "name"],
                    set_=values,
                    where=aliases.c.state.in_(overrule),
                )
            )
