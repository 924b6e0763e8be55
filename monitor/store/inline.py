"""Small inserts into the embedded engine whose rows stand in the statement itself: through a file, as
its client writes them, each costs a third more.
"""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from monitor.store.blocks import FORMAT

MOST_BYTES = 1_000_000
END = b"\n\n"
"""What the engine takes for the end of a statement's rows, wherever it stands.
https://github.com/ClickHouse/ClickHouse/blob/master/src/Client/ClientBase.cpp
"""
_CODE = re.compile(r"Code: (\d+)\.")


class Inline:
    """A connection of its own, made when first needed by `connect()`. Safe between threads."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._connection: Any = None

    def insert(self, table: str, columns: Sequence[str], blocks: bytes) -> bool:
        """Insert these blocks; False, and nothing done, where their bytes cannot stand in a
        statement. Raises DatabaseError as the client does.
        """
        names = ", ".join(f"`{column}`" for column in columns)
        if len(blocks) > MOST_BYTES:
            return False
        statement = f"INSERT INTO {table} ({names}) FORMAT {FORMAT}\n".encode() + blocks
        if END in statement:
            return False
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._connection.query(statement, "TabSeparated")
            except RuntimeError as error:  # chdb has two classes of one name, both of this kind
                code = _CODE.search(str(error))
                raise DatabaseError(str(error), code=int(code[1]) if code else None) from error
        return True

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
