"""Arrow columns from words and codes: dictionaries without a repeated word, fixed-size bytes,
times.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.model.edges import WINDOW_SECONDS
from monitor.native import BUILT


def dictionary(words: Iterable[str], codes: NDArray[np.integer]) -> pa.DictionaryArray:
    """`words[codes]` as a dictionary column, its numbers in as few bytes as hold them; ClickHouse
    refuses a dictionary with a repeated word.
    """
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(word, len(numbers)) for word in words]
    width = np.min_scalar_type(-max(1, len(numbers)))  # signed, as Arrow has them
    indices = np.empty(len(codes) if places else 0, width)
    gather(np.array(places, np.int32), codes, indices)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(list(numbers), pa.string()))


def gather(
    table: NDArray[np.int32], places: NDArray[np.integer], target: NDArray[np.signedinteger]
) -> None:
    """Into `target` what stands in `table` at these places. `target` lies in one piece, and is
    wide enough.
    """
    if not len(target):
        return
    if BUILT is None:
        target[:] = table[places]
    else:
        signed = places.dtype if np.issubdtype(places.dtype, np.signedinteger) else np.int64
        BUILT.gather(table, np.ascontiguousarray(places, signed), target)


def distinct(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which numbers there are, in order, and of each row the place of its number among them; without
    sorting where none is negative and they lie close together.
    """
    most = int(codes.max(initial=0)) + 1
    if not len(codes) or most > 4 * len(codes) + 1024 or codes.min() < 0:
        numbers, at = np.unique(codes, return_inverse=True)
        return numbers, at
    held = np.zeros(most, bool)
    held[codes] = True
    return np.flatnonzero(held), (np.cumsum(held) - 1)[codes]


def fixed(values: NDArray[np.void], width: int) -> pa.FixedSizeBinaryArray:
    """Fixed-size bytes, without a Python object a value; the values themselves where they lie in
    one piece, so that nobody may change them afterwards.
    """
    whole = np.ascontiguousarray(values)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(whole), [None, pa.py_buffer(whole.reshape(-1).view(np.uint8))]
    )


def windows_of(end_ns: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """The window (seconds since the epoch, a multiple of 10) in which each end time falls."""
    step = np.uint64(WINDOW_SECONDS * 10**9)
    return ((end_ns // step) * np.uint64(WINDOW_SECONDS)).astype(np.uint32)


def text_hashes(texts: Sequence[object]) -> NDArray[np.uint64]:
    """A stable 64-bit hash of each item's repr; the same in every process and release."""
    digests = b"".join(
        blake2b(repr(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in texts
    )
    return np.frombuffer(digests, np.uint64)


def mix(*columns: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One 64-bit hash a row from several 64-bit columns (multiply and xor-shift, as in
    splitmix64). A column may have several numbers a row.
    """
    if BUILT is None:
        return mix_by_reference(*columns)
    state = np.empty(len(columns[0]), np.uint64)
    BUILT.mix([np.ascontiguousarray(column).reshape(-1) for column in columns], state)
    return state


def mix_by_reference(*columns: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same by nothing but Python."""
    state = np.zeros(len(columns[0]), np.uint64)
    for column in (part for whole in columns for part in (whole.T if whole.ndim > 1 else [whole])):
        state = (state ^ column) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
        state *= np.uint64(0xBF58476D1CE4E5B9)
        state ^= state >> np.uint64(32)
    return state
