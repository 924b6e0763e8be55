"""An edge is asked for by the plain name of its end, or by namespace/name: rows are looked up by
the ends of that name, and are those that bear it.
"""

from datetime import UTC, datetime

import pytest

from monitor.model.edges import EdgeQuery
from monitor.store import Store
from monitor.store.reader import Reader
from tests.bench.estate import HOUR, Estate, fill

ESTATE = Estate(edges=40, days=2, fine_hours=1, ends=1_790_000_000 // HOUR * HOUR)


@pytest.mark.parametrize("named", ["service-1", "pay/service-1", "a/b/service-1", "service-9999"])
def test_an_edge_is_asked_for_by_plain_name_and_by_namespace(own_store: Store, named: str) -> None:
    fill(own_store, ESTATE)
    namespace, _, _ = named.rpartition("/")
    for table in ("edge_hours", "edge_windows"):
        own_store.command(
            f"INSERT INTO {table} SELECT * REPLACE ('{namespace}' AS callee_namespace)"
            f" FROM {table} WHERE callee = 'service-1' AND '{namespace}' != ''"
        )
    reader = Reader(own_store)
    since, until = (datetime.fromtimestamp(at, UTC) for at in (ESTATE.begins, ESTATE.ends))
    by = ("caller", "callee", "operation", "versions")
    every = reader.edges(EdgeQuery(since=since, until=until, by=by))
    asked = reader.edges(EdgeQuery(since=since, until=until, by=by, callee=named))
    wanted = [
        row for row in every if named in (row.callee, f"{row.callee_namespace}/{row.callee}")
    ]
    assert bool(asked) == (named != "service-9999")
    assert [(row.caller, row.operation, row.calls) for row in asked] == [
        (row.caller, row.operation, row.calls) for row in wanted
    ]
