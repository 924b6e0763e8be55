"""What keeps a reader from reading what a writer wrote, by the words of each
language's own rules.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One incompatible change. `pointer` is a place in the data (`/lines/*/sku`), `expected` the
    reader's word, `actual` the writer's.
    """

    rule: str
    pointer: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.pointer or '/'}: the reader has {self.expected}, the writer {self.actual}"
