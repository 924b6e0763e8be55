"""API tokens: shown once, kept as a hash, with scopes, an end and a last use."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Engine, Row, insert, select, update

from monitor.control.store import reading, writing
from monitor.control.tables import tokens
from monitor.errors import UsageError

Scope = Literal["read", "ingest", "gate", "contracts:write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "swt_"
SECRET_BYTES = 32
USE_NOTED_EVERY = timedelta(minutes=1)  # writing each use would make every read a write


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. `admin` allows everything."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created: datetime
    created_by: str
    expires: datetime | None
    last_used: datetime | None
    revoked: datetime | None


def create_token(
    engine: Engine,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    *,
    expires: datetime | None = None,
    created_by: str = "",
) -> tuple[Token, str]:
    """A new token and its secret (`swt_…`, 256 random bits), which is kept nowhere. UsageError for
    an unknown or no scope.
    """
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise UsageError(
            f"a token needs scopes out of {', '.join(SCOPES)}; got {', '.join(wanted) or 'none'}"
        )
    if expires is not None and expires <= now:
        raise UsageError(
            f"the token would end at {expires.isoformat()}, before it begins; give a later time"
        )
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = Token(secrets.token_hex(6), name, wanted, now, created_by, expires, None, None)
    with writing(engine) as connection:
        connection.execute(
            insert(tokens).values(
                id=token.id,
                name=name,
                hash=_hash(secret),
                scopes=list(wanted),
                created=now,
                created_by=created_by,
                expires=expires,
            )
        )
    return token, secret


def verify_token(engine: Engine, secret: str, now: datetime) -> Token | None:
    """Whose token this is; None when it is unknown, over or revoked. Looked up by hash and
    compared in constant time.
    """
    if not secret.startswith(PREFIX):
        return None
    digest = _hash(secret)
    with reading(engine) as connection:
        row = connection.execute(select(tokens).where(tokens.c.hash == digest)).one_or_none()
    if row is None or not hmac.compare_digest(str(row.hash), digest):
        return None
    return _used(engine, _token(row), now)


def live_token(engine: Engine, token_id: str, now: datetime) -> Token | None:
    """The token of this id; None when there is none, or it is over or revoked. For who has shown
    its secret before.
    """
    with reading(engine) as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    return None if row is None else _used(engine, _token(row), now)


def _used(engine: Engine, token: Token, now: datetime) -> Token | None:
    """The token with its use noted; None when it is over or revoked."""
    if token.revoked is not None or (token.expires is not None and token.expires <= now):
        return None
    if token.last_used is None or now - token.last_used >= USE_NOTED_EVERY:
        with writing(engine) as connection:
            connection.execute(update(tokens).where(tokens.c.id == token.id).values(last_used=now))
    return token


def revoke_token(engine: Engine, token_id: str, now: datetime) -> bool:
    """End a token at once; False when there is none of this id or it is revoked already."""
    with writing(engine) as connection:
        done = connection.execute(
            update(tokens)
            .where(tokens.c.id == token_id, tokens.c.revoked.is_(None))
            .values(revoked=now)
            .returning(tokens.c.id)
        )
        return done.scalar_one_or_none() is not None


def list_tokens(engine: Engine) -> list[Token]:
    """All tokens, revoked ones too, newest first."""
    with reading(engine) as connection:
        return [
            _token(row)
            for row in connection.execute(
                select(tokens).order_by(tokens.c.created.desc(), tokens.c.id)
            )
        ]


def _hash(secret: str) -> str:
    """SHA-256 in hex; enough for 256 random bits, unlike for passwords."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _token(row: "Row[tuple[object, ...]]") -> Token:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    values = {name: fields[name] for name in Token.__slots__ if name != "scopes"}
    return Token(**values, scopes=tuple(fields["scopes"]))
