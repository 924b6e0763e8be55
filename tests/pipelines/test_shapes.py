"""What live payloads look like is stored by version pair: each exchange once, quiet traffic whole,
a flood by its share.
"""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from monitor.clock import system_clock
from monitor.contracts.registry import Registry
from monitor.joining.meaning import counts_of, marked_of
from monitor.joining.shaping import A_DOUBLING, ALL
from monitor.model.records import Records
from monitor.store import Store
from monitor.store.reader import Provider, Reader
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.pipelines.test_examples_shown import AT, records
from tests.pipelines.written import Given


def written(store: Store, *batches: Records) -> None:
    known = Registry()
    for _ in api_logs(
        Given(*batches), store, lambda: known, ApiLogSettings(format="ndjson"), system_clock
    ):
        pass


def asked(store: Store, side: str = "response") -> tuple[list[dict[str, Any]], dict[str, int]]:
    reader, hour = Reader(store), (AT - timedelta(hours=1), AT + timedelta(hours=1))
    shapes = [row for row in reader.shapes(Provider(["orders"]), *hour) if row["side"] == side]
    marks = Counter[str]()
    for row in reader.shape_marks(Provider(["orders"]), *hour):
        if row["side"] == side:
            marks.update(row["marks"])
    return shapes, marks


def test_skeletons_are_counted_once_by_whom_and_values_are_not_stored(store: Store) -> None:
    body = {"id": 7, "name": "Grace Hopper", "note": None}
    batch = records(
        {"response_body": json.dumps(body)},
        {"response_body": json.dumps(body | {"note": "x"})},
        {"response_body": json.dumps(body), "caller": "ios"},
        {"response_body": None, "query": "page=2&q=Grace"},
    )
    written(store, batch, batch)
    shapes, marks = asked(store)
    assert sorted((row["caller"], row["text"], row["looked_at"]) for row in shapes) == [
        ("ios", '{"o":{"id":{"d":1},"name":{"s":1},"note":{"n":1}}}', 1),
        ("web", "", 1),
        ("web", '{"o":{"id":{"d":1},"name":{"s":1},"note":{"n":1}}}', 1),
        ("web", '{"o":{"id":{"d":1},"name":{"s":1},"note":{"s":1}}}', 1),
    ]
    assert {row["shape"] == 0 for row in shapes} == {True, False}  # what was not seen is told
    assert marks["/name\x1ft12"] == marks["\x1f"]
    assert "Grace" not in str((shapes, marks))
    asked_for, words = asked(store, "query")
    assert '{"o":{"page":{"d":1},"q":{"s":1}}}' in {row["text"] for row in asked_for}
    assert words["/q\x1ft5"]


def test_a_flood_is_told_by_its_share(store: Store) -> None:
    """What is always the same is not looked at each time."""
    many = ALL + 5 * A_DOUBLING
    written(store, records(*({"response_body": '{"id": 7}'} for _ in range(many))))
    (row,), _ = asked(store)
    assert ALL + A_DOUBLING < row["looked_at"] < ALL + 2 * A_DOUBLING
    assert abs(row["stands_for"] / many - 1) < 0.1


def test_few_payloads_that_stand_for_many_are_told_as_few(store: Store) -> None:
    """The mix of such was taken for that of hundreds: a harmless release had its meaning changed."""
    many = ALL + 5 * A_DOUBLING
    bodies = ({"response_body": json.dumps({"kind": "abc"[at % 3]})} for at in range(many))
    written(store, records(*bodies))
    _, marks = asked(store)
    marked, weight = marks["\x1fn"], marks["\x1f"]
    assert abs(weight / many - 1) < 0.1
    # five hundred stand for 2 each, the rest for 4
    assert marks["\x1fq"] == ALL + 4 * A_DOUBLING + 16 * (marked - ALL - A_DOUBLING)
    row = {"hour": AT, "partner": "web", "marks": list(marks.items())}
    told = marked_of(row)
    assert told is not None
    assert 1_200 < told.taken == weight**2 // marks["\x1fq"] < marked
    assert abs(counts_of(row)["/kind"][""] - told.taken) <= 1
    assert "q" not in counts_of(row)[""]
    # rows of before tell no squares
    del marks["\x1fq"]
    before = marked_of(row | {"marks": list(marks.items())})
    assert before is not None
    assert before.taken == marked
