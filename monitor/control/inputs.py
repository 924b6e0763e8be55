"""What verdicts were reached from, kept beside them for a while, as whoever judged packed it."""

from datetime import timedelta

from sqlalchemy import Engine, delete, select

from monitor.control.store import insert_into, reading, writing
from monitor.control.tables import verdict_inputs
from monitor.model.judging import Verdict

KEPT = timedelta(days=7)
LARGEST = 16_000_000
"""Bytes: what is larger is not kept, and `explain` says so."""


def keep_inputs(engine: Engine, verdict: Verdict, packed: bytes, *, repeats: bool) -> None:
    """Keep what the verdict was reached from, unless it is too large.

    Of verdicts that only repeat the one before, a deploy's newest inputs are kept; of the others,
    those of a week.
    """
    with writing(engine) as connection:
        old = (verdict_inputs.c.deploy_id == verdict.deploy_id) & verdict_inputs.c.repeats
        connection.execute(
            delete(verdict_inputs).where(old | (verdict_inputs.c.kept < verdict.judged_at - KEPT))
        )
        if len(packed) > LARGEST:
            return
        values = {
            "verdict_id": verdict.id,
            "deploy_id": verdict.deploy_id,
            "kept": verdict.judged_at,
            "repeats": repeats,
            "data": packed,
        }
        statement = insert_into(connection, verdict_inputs).values(**values)
        connection.execute(statement.on_conflict_do_nothing(index_elements=["verdict_id"]))


def inputs_of(engine: Engine, verdict_id: str) -> bytes | None:
    """What the verdict was reached from, as it was packed; None where it is not kept, or no
    longer.
    """
    with reading(engine) as connection:
        query = select(verdict_inputs.c.data).where(verdict_inputs.c.verdict_id == verdict_id)
        return connection.execute(query).scalar_one_or_none()
