"""PostgreSQL's client, made to give up on a server that answers no more."""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout

ANSWER_SECONDS = 15.0  # our statements are small; a server that takes longer has fallen silent


class Prompt(psycopg.Connection[Any]):
    """A connection that gives a silent server up; libpq itself waits for ever for one that is
    stopped or cut off.
    """

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's, within ANSWER_SECONDS."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except _WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError(f"no answer in {ANSWER_SECONDS:.0f} s") from error
