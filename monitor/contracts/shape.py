"""The shape of a payload as one number: which paths it has, of which types. It holds no value, and cannot be read back."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any

from monitor.model.pointers import escaped

MOST_STEPS, MOST_KEYS, DEEPEST = 2000, 40, 16
"""So many values are looked at, so many keys of one object (more are data, not names), so deep: what is beyond has no part in the shape."""
_TYPES = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}


def shape_of(value: Any) -> int:
    """64 bits, never 0; equal for payloads with the same paths and types, in every process and release. Items of arrays count together."""
    steps = set(islice(_steps(value, "", 0), MOST_STEPS))
    digest = blake2b("\n".join(sorted(steps)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _steps(value: Any, pointer: str, depth: int) -> Iterator[str]:
    """Breadth does not matter: an object's keys come sorted, so that the limit cuts the same everywhere."""
    yield f"{pointer} {_TYPES.get(type(value), 'number')}"
    if depth >= DEEPEST:
        return
    if isinstance(value, dict):
        folded = len(value) > MOST_KEYS
        for key in sorted(value):
            yield from _steps(value[key], f"{pointer}/{'*' if folded else escaped(key)}", depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _steps(item, f"{pointer}/*", depth + 1)
