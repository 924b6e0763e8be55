"""Whether two schemas can both be kept: places where whatever is there breaks one of them. None
found proves nothing; one found does.
"""

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


def conflicts(first: Said, second: Said) -> list[Conflict]:
    """Of the first schema against the second; what is below a place that both require, or that
    breaks one whenever it is there.
    """
    return list(_Comparison().compare(first, second, "", 0))


class _Comparison:
    def __init__(self) -> None:
        self._compared = 0

    def compare(self, first: Said, second: Said, pointer: str, depth: int) -> Iterator[Conflict]:
        self._compared += 1
        if self._compared > _MOST_COMPARED or depth > 20:
            return
        ours, theirs = first.kinds - {"null"}, second.kinds - {"null"}
        shared = ours & theirs
        if not shared:
            if ours and theirs:
                yield _told(
                    "type",
                    pointer,
                    first,
                    second,
                    "|".join(sorted(ours)),
                    "|".join(sorted(theirs)),
                )
            return
        if (
            shared == {"string"}
            and first.words is not None
            and second.words is not None
            and not first.words & second.words
        ):
            yield _told(
                "enum",
                pointer,
                first,
                second,
                f"one of {len(first.words)} texts",
                f"one of {len(second.words)} others",
            )
        if shared <= {"integer", "number"} and (
            first.low > second.high or second.low > first.high
        ):
            above = first.low > second.high
            yield _told(
                "minimum" if above else "maximum",
                pointer,
                first,
                second,
                "higher numbers" if above else "lower numbers",
                "others",
            )
        if shared == {"object"}:
            yield from self._objects(first, second, pointer, depth)
        if shared == {"array"} and first.items is not None and second.items is not None:
            yield from self.compare(first.items(), second.items(), f"{pointer}/*", depth + 1)

    def _objects(self, first: Said, second: Said, pointer: str, depth: int) -> Iterator[Conflict]:
        for name in first.fields:
            if name in second.fields:
                yield from self.compare(
                    first.fields[name](),
                    second.fields[name](),
                    f"{pointer}/{escaped(name)}",
                    depth + 1,
                )
        for needs, holds, ours in ((first, second, True), (second, first, False)):
            for name in sorted(needs.required) if holds.closed else ():
                if name not in holds.fields:
                    words = ("required", "not allowed") if ours else ("not allowed", "required")
                    yield _told(
                        "additionalProperties", f"{pointer}/{escaped(name)}", first, second, *words
                    )


def _told(
    rule: str, pointer: str, first: Said, second: Said, text: str, other_text: str
) -> Conflict:
    return Conflict(rule, pointer, first.clause, second.clause, text, other_text)
