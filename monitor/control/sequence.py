"""Numbers that only go up and are never given twice, and turns that only one writer
has at a time.
"""

from sqlalchemy import Connection, Engine

from monitor.control.store import insert_into, writing
from monitor.control.tables import sequences


def next_value(engine: Engine, name: str, above: int = 0) -> int:
    """The next number of this sequence, from 1, larger than `above`; committed before it is
    returned, so never reused.

    `above` lets a caller whose own store already holds numbers start past them when the control
    store is new.
    """
    with writing(engine) as connection:
        value = _step(connection, name)
        if value <= above:
            value = above + 1
            connection.execute(
                sequences.update().where(sequences.c.name == name).values(value=value)
            )
        return value


def take_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds this turn, and hold it until this transaction ends."""
    _step(connection, f"turn:{name}")


def _step(connection: Connection, name: str) -> int:
    """Raise the sequence; its row stays locked until the transaction ends."""
    statement = (
        insert_into(connection, sequences)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": sequences.c.value + 1})
        .returning(sequences.c.value)
    )
    return int(connection.execute(statement).scalar_one())
