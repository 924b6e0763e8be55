"""A PostgreSQL that goes away or falls silent is said to, never waited for without end, and used
again when it is back.
"""

import pytest
from sqlalchemy import text

from monitor.control import prompt
from monitor.control.store import open_control, reading
from monitor.errors import StoreUnavailable
from tests.fixtures.wire import Wire

pytestmark = pytest.mark.postgres


def test_a_silent_server_is_given_up_and_used_again_when_it_answers(
    wired_dsn: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_control(wired_dsn)
    monkeypatch.setattr(prompt, "ANSWER_SECONDS", 0.5)

    def read_while_it_falls_silent() -> None:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
            wire.silence()
            connection.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable, match="does not answer: no answer in"):
        read_while_it_falls_silent()
    wire.mend()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_lost_server_is_said_and_used_again_when_it_is_back(wired_dsn: str, wire: Wire) -> None:
    engine = open_control(wired_dsn)
    wire.cut()
    with pytest.raises(StoreUnavailable, match="does not answer"), reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    wire.mend()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
