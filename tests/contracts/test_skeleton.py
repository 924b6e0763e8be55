"""Skeletons hold fields and types, and neither values nor keys that are data; marks say no more
than sizes, lengths and formats.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.marks import category, format_of, number_mark, text_marks
from monitor.contracts.skeleton import Skeleton, instances, is_cut, is_cut_above, merged, places

SECRET = "Grace Hopper"
ORDER = {
    "id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "name": SECRET,
    "state": "open",
    "total": 12.5,
    "items": [{"sku": "A-1", "gift": True}, {"sku": "A-2"}],
    "by_mail": {"grace@example.org": 3},
    "note": None,
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c/d", "12345678"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_no_value_and_no_key_that_is_data_is_held() -> None:
    skeleton = Skeleton(ORDER)
    assert skeleton.marks is not None
    told = skeleton.text + json.dumps(sorted(skeleton.marks))
    assert not [word for word in (SECRET, "grace", "6f96", "open", "A-1", "12.5") if word in told]
    assert skeleton.node == {
        "o": {
            "by_mail": {"o": {}, "m": {"d": 1}},
            "id": {"s": 1},
            "items": {"a": {"o": {"gift": {"b": 1}, "sku": {"s": 1}}, "q": ["gift"]}},
            "name": {"s": 1},
            "note": {"n": 1},
            "state": {"s": 1},
            "total": {"d": 1},
        }
    }
    assert {
        ("/id", "Fuuid"),
        ("/total", "fp4"),
        ("/items", "a2"),
        ("/name", "t12"),
    } <= skeleton.marks
    assert ("/state", f"c{category('open')}") in skeleton.marks
    assert ("/name", "c") in skeleton.marks  # two words are no category
    sure = {at for at, _, surely in places(skeleton.node) if surely}
    assert sure == {"", *(f"/{name}" for name in ORDER)}


@given(VALUES, VALUES)
def test_what_is_merged_holds_both_whichever_comes_first(one: Any, other: Any) -> None:
    first, second = Skeleton(one), Skeleton(other)
    both = merged(first.node, second.node)
    assert both == merged(second.node, first.node)
    assert merged(both, first.node) == both
    assert {at for at, _, _ in places(both)} == {
        at for skeleton in (first, second) for at, _, _ in places(skeleton.node)
    }


@given(VALUES)
def test_the_payloads_that_stand_for_a_skeleton_have_that_skeleton(value: Any) -> None:
    node = Skeleton(value).node
    again: dict[str, Any] = {}
    for shown in instances(node):
        again = merged(again, Skeleton(shown).node)
    assert {at for at, _, _ in places(again)} == {at for at, _, _ in places(node)}


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (0, "iz"),
        (5, "ip3"),
        (-8, "in4"),
        (5.0, "ip3"),
        (0.3, "fp-1"),
        (1 << 70, "ip71"),
        (1e300, "ip997"),
    ],
)
def test_a_number_is_told_by_its_power_of_two(value: float, mark: str) -> None:
    assert number_mark(value) == mark


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("2026-11-21T10:00:00Z", {"zZ", "pmin", "wp0", "Fdate-time"}),
        ("2026-11-21T09:00:07.250Z", {"zZ", "pms", "wn12"}),
        ("2026-11-21T10:00:01.000+02:00", {"zother", "ps", "wn13"}),
        ("2026-11-21 12:00:09", {"znone", "ps", "wp13", "F"}),
        ("2026-11-21", {"znone", "pday"}),
        ("4711", {"t4", "kdigits", "c"}),
        ("", {"t0", "kempty"}),
        ("2026-99-99", {"pday", "w"}),
    ],
)
def test_a_text_is_told_by_what_it_is_made_of(text: str, marks: set[str]) -> None:
    now = datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp()
    assert marks <= set(text_marks(text, now))


@pytest.mark.parametrize(
    ("day", "is_one"),
    [("11-30", True), ("12-31", True), ("02-28", True), ("11-31", False), ("02-30", False)],
)
def test_the_last_days_of_a_month_are_days(day: str, is_one: bool) -> None:
    """Else times would lose their format on the 30th, and win it back on the first."""
    assert format_of(f"2026-{day}") == ("date" if is_one else "")
    assert format_of(f"2026-{day}T23:59:00.250Z") == ("date-time" if is_one else "")


def test_of_an_array_the_first_item_is_told_apart_from_the_others() -> None:
    skeleton = Skeleton([{"a": 1, "b": None}, {"a": 2.5}, {"a": True}])
    assert skeleton.marks == {
        ("", ""), ("", "a3"), ("/*", ""), ("/*/a", ""), ("/*/a", "ip1"), ("/*/a", "d0"), ("/*/b", ""),
        ("/*/b", "0"), ("/+/a", "fp2"),
    }  # fmt: skip


def test_what_nobody_looked_at_lacks_no_field() -> None:
    """A list of 900 items of twelve fields was told as one of which some lack all fields."""
    fields = {f"f{number}": 1 for number in range(12)}
    told = Skeleton({"list": [fields] * 900}).node["o"]["list"]["a"]
    assert set(told["o"]) == set(fields)
    assert "q" not in told
    assert is_cut(told)
    assert not is_cut(Skeleton({"list": [fields] * 90}).node)
    assert Skeleton({"list": [fields, {}]}).node["o"]["list"]["a"]["q"] == sorted(fields)


@pytest.mark.parametrize(
    ("pointer", "is_open"),
    [("/list/*", True), ("/list/*/a", True), ("/list", False), ("/b", False), ("/c/*/d", False)],
)
def test_what_stands_in_a_part_that_was_not_looked_at(pointer: str, is_open: bool) -> None:
    node = Skeleton({"list": [{"a": 1}] * 1_001, "b": 1, "c": [{"d": 1}]}).node
    assert is_cut_above(node, pointer) is is_open
    deep: Any = 1
    for _ in range(20):
        deep = {"a": deep}
    assert is_cut_above(Skeleton(deep).node, "/a" * 19)
    assert not is_cut_above(Skeleton(deep).node, "/a" * 15)
