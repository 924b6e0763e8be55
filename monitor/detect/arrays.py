"""Types of the arrays that judging computes with, and summing their rows."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Numbers = TypeVar("Numbers", np.int64, np.float64)


def summed(values: NDArray[Numbers], places: Ints, size: int) -> NDArray[Numbers]:
    """The rows of `values` summed into `size` rows, each into its place. Sorted runs cost far less
    than np.add.at.
    """
    out = np.zeros((size, values.shape[1]), dtype=values.dtype)
    if places.size:
        if not (places[1:] >= places[:-1]).all():
            order = np.argsort(places, kind="stable")
            places, values = places[order], values[order]
        starts = _begins(places).nonzero()[0]
        out[places[starts]] = (
            values if starts.size == places.size else np.add.reduceat(values, starts, axis=0)
        )
    return out


def runs(numbers: Ints) -> tuple[Ints, Ints]:
    """Each number once, in order, and each one's place among these: np.unique, without sorting
    what is in order.
    """
    if not (numbers[1:] >= numbers[:-1]).all():
        once, places = np.unique(numbers, return_inverse=True)
        return once, places
    begins = _begins(numbers)
    return numbers[begins], begins.cumsum() - 1


def once(numbers: Ints) -> Ints:
    """Each number once, in order: np.unique, without sorting what is in order."""
    if not (numbers[1:] >= numbers[:-1]).all():
        return np.unique(numbers)
    return numbers[_begins(numbers)]


def placed(numbers: Ints, ordered: Ints) -> tuple[Ints, Bools]:
    """Where in `ordered` (in order, each once) these numbers are, of those that are there; and
    which are.
    """
    places = ordered.searchsorted(numbers)
    if not ordered.size:
        return places[:0], np.zeros(numbers.size, dtype=np.bool_)
    inside = ordered[np.minimum(places, ordered.size - 1)] == numbers
    return places[inside], inside


def _begins(ordered: Ints) -> Bools:
    """Whether each is the first of its run."""
    begins = np.empty(ordered.size, dtype=np.bool_)
    begins[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins
