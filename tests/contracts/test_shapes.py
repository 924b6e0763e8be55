"""Shapes: the same for the same structure, another when types, formats, sizes or presence change, and never a value."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.shapes import MOST_POINTERS, is_sampled, shape_of
from tests.contracts.promises import exchange


def paths(value: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = orjson.loads(shape_of(value).text)
    return found


ORDER: dict[str, Any] = {
    "id": "0af76519-16cd-43dd-8448-eb211c80319c", "amount": 1250, "rate": 0.25, "when": "2026-11-21T09:10:29.123Z", "day": "2026-11-21",
    "lines": [{"sku": "A-1", "qty": 1}, {"sku": "A-2", "qty": 0, "note": "x"}], "ok": True, "nothing": None, "mail": "a@b.example", "empty": "",
}  # fmt: skip


def test_a_shape_says_paths_kinds_and_sizes() -> None:
    assert paths(ORDER) == {
        "": ["o"], "/id": ["s:uuid"], "/amount": ["i+3"], "/rate": ["f+-1"], "/when": ["s:time,Z,3"], "/day": ["s:date"], "/lines": ["a1"],
        "/lines/*": ["o"], "/lines/*/sku": ["s1"], "/lines/*/qty": ["i+0", "i0"], "/lines/*/note?": ["s1"], "/ok": ["b"], "/nothing": ["n"],
        "/mail": ["s:email"], "/empty": ["s0"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 125_000},  # cents
        {"amount": 1250.0},
        {"amount": "1250"},
        {"amount": -1250},
        {"amount": 0},
        {"when": "2026-11-21T09:10:29.123+01:00"},
        {"when": "2026-11-21T09:10:29Z"},
        {"when": "2026-11-21T09:10:29.123"},
        {"lines": []},
        {"empty": None},
        {"mail": ""},
        {"id": "42"},
    ],
    ids=str,
)
def test_a_change_of_meaning_is_another_shape(changes: dict[str, Any]) -> None:
    assert shape_of(ORDER | changes).shape_id != shape_of(ORDER).shape_id


@pytest.mark.parametrize(
    "changes", [{"amount": 9_999}, {"when": "2020-01-01T00:00:00.001Z"}, {"mail": "longer@name.example"}, {"ok": False}], ids=str
)
def test_another_value_of_the_same_kind_is_the_same_shape(changes: dict[str, Any]) -> None:
    assert shape_of(ORDER | changes).shape_id == shape_of(ORDER).shape_id
    assert shape_of(dict(reversed(ORDER.items()))) == shape_of(ORDER)


@pytest.mark.parametrize(
    "folded",
    [
        {"2026-01-01": 1, "x@y.de": 2},
        {"0af76519": 1},
        {"4711": 1},
        {str(n) + "k": n for n in range(99)},
        {"ann": {"n": 1}, "bob": {"n": 2}, "eve": {"n": 3}},
    ],
)
def test_keys_that_are_data_are_folded(folded: dict[str, Any]) -> None:
    assert set(paths({"by": folded})) <= {"", "/by", "/by/*", "/by/*/n"}


def test_a_huge_payload_has_a_bounded_shape() -> None:
    wide = {f"field_{a}": {f"part_{b}": 1 for b in "abcdefghijklmnop"} for a in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"}
    wide["odd"] = {}
    assert len(paths(wide)) == MOST_POINTERS + 1
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    assert "…" in paths(deep)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(JSON_VALUES)
def test_every_payload_has_a_shape(value: Any) -> None:
    shape = shape_of(value)
    assert 0 < shape.shape_id < 2**64
    assert shape_of(value) == shape


@given(st.text(alphabet="zqjx", min_size=6, max_size=30))
def test_no_text_of_a_payload_is_in_its_shape(text: str) -> None:
    assert text not in shape_of({"a": text, "b": [text, {"c": text}]}).text


def test_sampling_is_the_same_for_all_exchanges_of_a_trace() -> None:
    traced = [exchange(trace_id=bytes([n]) * 16, offset=offset) for n in range(1, 200) for offset in (1, 2)]
    taken = [is_sampled(one, 0.3) for one in traced]
    assert taken[0::2] == taken[1::2]
    assert 20 < sum(taken[0::2]) < 100
    assert is_sampled(traced[0], 1.0)
    assert not is_sampled(traced[0], 0.0)
