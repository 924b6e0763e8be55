"""Sessions of people who signed in with a token: a browser holds a number of its own, never the
token.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from monitor.control.store import reading, writing
from monitor.control.tables import sessions

SESSION_LENGTH = timedelta(hours=12)
SECRET_BYTES = 32


def begin_session(engine: Engine, token_id: str, now: datetime) -> str:
    """A new session of this token, by the secret that the browser keeps; ends after 12 hours.
    Sessions that are over are forgotten.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with writing(engine) as connection:
        connection.execute(delete(sessions).where(sessions.c.expires <= now))
        connection.execute(
            insert(sessions).values(
                hash=_hash(secret), token_id=token_id, created=now, expires=now + SESSION_LENGTH
            )
        )
    return secret


def session_token_id(engine: Engine, secret: str, now: datetime) -> str | None:
    """Which token this session began with; None when there is no such session, or it is over or
    signed out.
    """
    digest = _hash(secret)
    with reading(engine) as connection:
        row = connection.execute(select(sessions).where(sessions.c.hash == digest)).one_or_none()
    if row is None or not hmac.compare_digest(str(row.hash), digest) or row.expires <= now:
        return None
    return str(row.token_id)


def end_session(engine: Engine, secret: str) -> None:
    """Sign out: the secret is good for nothing from now on."""
    with writing(engine) as connection:
        connection.execute(delete(sessions).where(sessions.c.hash == _hash(secret)))


def _hash(secret: str) -> str:
    """SHA-256 in hex; enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
