"""The shop's databases: SQLite in memory behind the sqlite3 instrumentation, named as a server's
database would be.
"""

import sqlite3
from typing import Any

from opentelemetry.instrumentation import dbapi
from opentelemetry.sdk.trace import TracerProvider

_SCHEMA = """
CREATE TABLE products (sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, weight_grams INTEGER NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, cart_id TEXT NOT NULL, payment_id TEXT NOT NULL, total REAL NOT NULL, status TEXT NOT NULL);
"""
PRODUCTS = 40
SEEDED_ORDERS = 500
_KEPT_ORDERS = 5_000


class _Named(sqlite3.Connection):
    """A connection that knows its database's name, so that spans can tell it."""

    database = ""


class Database:
    """One service's store. Statements are traced as CLIENT spans when a provider is given."""

    def __init__(self, name: str, provider: TracerProvider | None) -> None:
        connection = sqlite3.connect(":memory:", factory=_Named, isolation_level=None)
        connection.database = name
        connection.executescript(_SCHEMA)
        connection.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?)",
            [
                (f"sku-{n}", f"Product {n}", ("tools", "garden", "kitchen")[n % 3], 100 + n)
                for n in range(PRODUCTS)
            ],
        )
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?, 'paid')",
            [(n, f"cart-{n}", f"pay-{n}", 10.0 + n % 90) for n in range(1, SEEDED_ORDERS + 1)],
        )
        self._connection: Any = connection
        if provider is not None:
            attributes = {"database": "database"}
            self._connection = dbapi.instrument_connection(
                "opentelemetry.instrumentation.sqlite3",
                connection,
                "sqlite",
                attributes,
                tracer_provider=provider,
            )

    def product(self, sku: str) -> tuple[str, str, str, int] | None:
        """(sku, name, category, grams), or None."""
        row: tuple[str, str, str, int] | None = self._one(
            "SELECT sku, name, category, weight_grams FROM products WHERE sku = ?", sku
        )
        return row

    def search(self, text: str) -> list[tuple[str, str]]:
        """(sku, name) of up to five products whose category is that."""
        cursor = self._connection.cursor()
        rows: list[tuple[str, str]] = cursor.execute(
            "SELECT sku, name FROM products WHERE category = ? LIMIT 5", (text,)
        ).fetchall()
        return rows

    def add_order(self, cart_id: str, payment_id: str, total: float) -> int:
        """Insert a paid order and return its id; of the oldest, only so many are kept."""
        cursor = self._connection.cursor()
        cursor.execute(
            "INSERT INTO orders (cart_id, payment_id, total, status) VALUES (?, ?, ?, 'paid')",
            (cart_id, payment_id, total),
        )
        order_id = int(cursor.lastrowid)
        if order_id % _KEPT_ORDERS == 0:
            cursor.execute(
                "DELETE FROM orders WHERE id > ? AND id < ?",
                (SEEDED_ORDERS, order_id - _KEPT_ORDERS),
            )
        return order_id

    def order(self, order_id: int) -> tuple[int, str, str, float, str] | None:
        """(id, cart id, payment id, total, status), or None."""
        row: tuple[int, str, str, float, str] | None = self._one(
            "SELECT id, cart_id, payment_id, total, status FROM orders WHERE id = ?", order_id
        )
        return row

    def _one(self, statement: str, value: str | int) -> Any:
        return self._connection.cursor().execute(statement, (value,)).fetchone()
