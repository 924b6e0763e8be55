"""The shape of a payload: paths and types, no values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.shape import shape_of, shape_of_text
from monitor.native import BUILT

ORDER = {"id": 7, "lines": [{"sku": "a", "price": 1.5}], "note": None}


@pytest.mark.parametrize(
    "same",
    [
        {"note": None, "lines": [{"price": 2, "sku": "b"}], "id": 8.5},
        {"id": 1, "lines": [{"sku": "a", "price": 1}, {"sku": "b", "price": 3}], "note": None},
    ],
)
def test_values_order_and_length_are_no_part_of_a_shape(same: Any) -> None:
    assert shape_of(ORDER) == shape_of(same)


@pytest.mark.parametrize(
    "other",
    [
        {"id": "7", "lines": [{"sku": "a", "price": 1.5}], "note": None},
        {"id": 7, "lines": [{"sku": "a"}], "note": None},
        {"id": 7, "lines": [], "note": None},
        {"id": 7, "lines": [{"sku": "a", "price": 1.5}], "note": "x"},
        {"id": True, "lines": [{"sku": "a", "price": 1.5}], "note": None},
        [ORDER],
        None,
    ],
)
def test_another_path_or_type_is_another_shape(other: Any) -> None:
    assert shape_of(ORDER) != shape_of(other)


def test_keys_that_are_data_are_folded() -> None:
    assert shape_of({f"user-{n}": 1 for n in range(100)}) == shape_of(
        {f"user-{n + 7}": 2 for n in range(90)}
    )


def test_what_is_beyond_the_limits_has_no_part_in_the_shape() -> None:
    deep: Any = 1
    for _ in range(120):
        deep = {"a": deep}
    assert shape_of([deep] * 100_000) == shape_of([deep])


NATIVE = pytest.mark.skipif(BUILT is None, reason="the native readers are not built here")
KEYS = st.one_of(
    st.sampled_from(["a", "b", "id", "a b", "it's", 'a"b', "ä", "\\", "\n"]),
    st.integers(0, 60).map(str),
)
TELLABLE = st.recursive(
    st.sampled_from([None, True, 1, -0.5, 10**30, "", "x'y", "ä\n"]),
    lambda inner: st.lists(inner, max_size=25) | st.dictionaries(KEYS, inner, max_size=45),
    max_leaves=60,
)


@NATIVE
@given(TELLABLE, st.sampled_from([None, 1]), st.booleans())
def test_the_native_walk_tells_the_same_shape_or_leaves_it(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert shape_of_text(text) in (0, shape_of(value))
    assert shape_of_text(text.encode()) == shape_of_text(text)


@NATIVE
@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}', "{", "", "[1,]", "NaN", "1e5", '{"it\'s": 1}', '{"\\u00e4": 1}', "[" * 40 + "]" * 40, '{"a": 1} x', '["\ud800"]',
    ],
)  # fmt: skip
def test_what_a_reader_might_see_differently_is_left(text: str) -> None:
    assert shape_of_text(text) == 0


@NATIVE
def test_most_payloads_are_told_natively() -> None:
    deep: Any = 1
    for _ in range(14):
        deep = {"a": [deep]}
    for value in (
        {"id": 7, "lines": [{"sku": "a"}] * 30},
        {str(n): n for n in range(60)},
        deep,
        [],
    ):
        assert shape_of_text(json.dumps(value)) == shape_of(value) != 0
