"""The shape of a payload: paths and types, no values."""

from typing import Any

import pytest

from monitor.contracts.shape import shape_of

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
