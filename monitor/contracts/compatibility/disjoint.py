"""Whether two schemas can both be kept: places where whatever is there breaks one of them. None found proves nothing; one found does."""

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.contracts.compatibility.said import Said
from monitor.model.pointers import escaped

_MOST_COMPARED = 5_000


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place of the value, and what each side says of it: types and names, never values."""

    rule: str
    pointer: str
    clause: str
    other_clause: str
    said: str
    other_said: str


def conflicts(one: Said, other: Said) -> list[Conflict]:
    """Of the first schema against the second; what is below a place that both require, or that breaks one whenever it is there."""
    return list(_Comparison().compare(one, other, "", 0))


class _Comparison:
    def __init__(self) -> None:
        self._compared = 0

    def compare(self, one: Said, other: Said, pointer: str, depth: int) -> Iterator[Conflict]:
        self._compared += 1
        if self._compared > _MOST_COMPARED or depth > 20:
            return
        ours, theirs = one.kinds - {"null"}, other.kinds - {"null"}
        shared = ours & theirs
        if not shared:
            if ours and theirs:
                yield _told("type", pointer, one, other, "|".join(sorted(ours)), "|".join(sorted(theirs)))
            return
        if shared == {"string"} and one.words is not None and other.words is not None and not one.words & other.words:
            yield _told("enum", pointer, one, other, f"one of {len(one.words)} texts", f"one of {len(other.words)} others")
        if shared <= {"integer", "number"} and (one.low > other.high or other.low > one.high):
            above = one.low > other.high
            yield _told(
                "minimum" if above else "maximum", pointer, one, other, "higher numbers" if above else "lower numbers", "others"
            )
        if shared == {"object"}:
            yield from self._objects(one, other, pointer, depth)
        if shared == {"array"} and one.items is not None and other.items is not None:
            yield from self.compare(one.items(), other.items(), f"{pointer}/*", depth + 1)

    def _objects(self, one: Said, other: Said, pointer: str, depth: int) -> Iterator[Conflict]:
        for name in one.fields:
            if name in other.fields:
                yield from self.compare(one.fields[name](), other.fields[name](), f"{pointer}/{escaped(name)}", depth + 1)
        for needs, holds, ours in ((one, other, True), (other, one, False)):
            for name in sorted(needs.required) if holds.closed else ():
                if name not in holds.fields:
                    words = ("required", "not allowed") if ours else ("not allowed", "required")
                    yield _told("additionalProperties", f"{pointer}/{escaped(name)}", one, other, *words)


def _told(rule: str, pointer: str, one: Said, other: Said, said: str, other_said: str) -> Conflict:
    return Conflict(rule, pointer, one.clause, other.clause, said, other_said)
