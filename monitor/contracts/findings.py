"""What the sides of one exchange said so far: broken clauses, clauses left open, and what was only
seen.
"""

from dataclasses import dataclass, field
from typing import Literal

from monitor.contracts.broken import Broken
from monitor.model.exchanges import Remark

Side = Literal["request", "response"]


@dataclass(slots=True)
class Findings:
    """Filled in place by the checks of one exchange. `shape_only`: somewhere only presence and
    types could be judged.
    """

    broken: list[tuple[Side, Broken]] = field(default_factory=list)
    unchecked: list[Remark] = field(default_factory=list)
    observations: list[Remark] = field(default_factory=list)
    shape_only: bool = False

    def add(self, side: Side, broken: Broken) -> None:
        """A clause is broken."""
        self.broken.append((side, broken))

    def leave(self, reason: str, side: Side, clause: str) -> None:
        """A clause cannot be held against this exchange, and why."""
        self.unchecked.append(Remark(reason, side, clause))

    def observe(self, code: str, side: Side, clause: str, subject: str = "") -> None:
        """Something worth telling that breaks nothing; `subject` is what it is of, where the
        operation alone does not tell.
        """
        self.observations.append(Remark(code, side, clause, subject))

    def take(self, others: "Findings") -> None:
        """What another look said, too."""
        self.broken += others.broken
        self.unchecked += others.unchecked
        self.observations += others.observations
        self.shape_only = self.shape_only or others.shape_only

    @property
    def reason(self) -> str:
        """Why something was left open: the first reason, or ""."""
        return self.unchecked[0].code if self.unchecked else ""
