"""What is stored is read: a table that no question asks for is not filled."""

import re
from importlib.resources import files

from monitor.store import Store


def test_every_table_is_read_by_a_statement_or_a_panel(store: Store) -> None:
    folders = (
        files("monitor.store") / "statements",
        files("monitor.store") / "statements" / "parts",
        files("dashboards") / "panels",
        files("dashboards") / "parts",
    )
    texts = [
        path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.iterdir()
        if path.name.endswith(".sql")
    ]
    asked = {
        name
        for text in texts
        for name in re.findall(r"(?<!DELETE )(?:FROM|JOIN|IN)\s+(\w+)", text)
    }
    tables = {str(row["name"]) for row in store.ask("table_engines")}
    assert {"halves", "exchanges", "violations"} <= tables
    assert tables - asked == set()
