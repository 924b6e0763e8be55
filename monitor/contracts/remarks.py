"""What is to be said of a contract's text, by place: reasons to refuse it, and clauses that will
not be judged.
"""

from dataclasses import dataclass
from typing import Literal

RemarkKind = Literal["text", "unjudged", "example"]
"""Of the text itself; a clause that will not be judged; an own example that does not fit."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing at one place. `grave`: the contract is refused for it.

    `pointer` is a JSON pointer into the document; `line` counts from 1, 0 while nobody has looked.
    """

    pointer: str
    said: str
    grave: bool
    line: int = 0
    kind: RemarkKind = "text"

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        return f"{place}{self.pointer or '/'}: {self.said}"
