"""What one request or response fails to match, said without its values, and what could not be
looked at.
"""

from dataclasses import replace

from monitor.contracts.broken import Broken, json_type
from monitor.contracts.loose import is_mask

_MOST_WORK = 50_000
_STATUS = ("status", "/status")


class Mismatches:
    """Filled by the parts of one matcher, in their order. Folded by rule and place, at most `most`
    of them.

    `open` is the first reason why something could not be held against the exchange, "" when all
    could, `left` each with the clause. `shape_only`: a mask stood where a value is asked for, so
    that only its type was looked at.
    """

    __slots__ = ("_most", "_redacted", "found", "left", "shape_only", "work")

    def __init__(self, *, redacted: bool = False, most: int = 20, work: int = 0) -> None:
        self.found: dict[tuple[str, str], Broken] = {}
        self._most = most
        self._redacted = redacted
        self.work = work
        self.left: list[tuple[str, str]] = []
        self.shape_only = False

    @property
    def broken(self) -> list[Broken]:
        """The broken clauses."""
        return list(self.found.values())

    def __bool__(self) -> bool:
        """Whether something is broken."""
        return bool(self.found)

    @property
    def redacted(self) -> bool:
        """Whether values were masked before they came."""
        return self._redacted

    @property
    def wrong_status(self) -> bool:
        """Whether the answer has another status than the one that is asked for."""
        return _STATUS in self.found

    @property
    def status(self) -> Broken | None:
        """The broken clause on the status, where it has another one."""
        return self.found.get(_STATUS)

    @property
    def open(self) -> str:
        """The first reason for what was left open, or ""."""
        return self.left[0][0] if self.left else ""

    def add(self, broken: Broken) -> None:
        """A clause is broken."""
        if len(self.found) < self._most:
            self.found.setdefault((broken.rule, broken.pointer), broken)

    def value(self, rule: str, pointer: str, clause: str, expected: str, actual: object) -> None:
        """A value breaks a clause, unless it is a mask, or one of the expected type where all
        values were masked.
        """
        kind = json_type(actual)
        if is_mask(actual, words=self._redacted) or (self._redacted and kind == expected):
            self.shape_only = True
            return
        self.add(Broken(rule, pointer, clause, expected, kind))

    def leave(self, reason: str, clause: str) -> None:
        """A clause cannot be held against this exchange, and why."""
        self.left.append((reason, clause))

    def inner(self) -> "Mismatches":
        """An empty one for a part that has places of its own; `below` takes over what it found."""
        return Mismatches(redacted=self._redacted, most=self._most, work=self.work)

    def below(self, pointer: str, inner: "Mismatches") -> None:
        """Take over what a part said, its places below a pointer."""
        for broken in inner.broken:
            self.add(replace(broken, pointer=f"{pointer}{broken.pointer}"))
        self.left += inner.left
        self.spent(inner)

    def exhausted(self, steps: int, clause: str) -> bool:
        """Count steps of a search; whether they are more than one exchange may ask for, which
        leaves the clause open.
        """
        self.work += steps
        if self.work <= _MOST_WORK:
            return False
        self.leave("undecidable", clause)
        return True

    def apart(self) -> "Mismatches":
        """An empty one for a trial whose outcome is only asked for as a yes or no."""
        return Mismatches(redacted=self._redacted, most=1, work=self.work)

    def spent(self, trial: "Mismatches") -> None:
        """Take over what a trial has cost."""
        self.work = trial.work
        self.shape_only = self.shape_only or trial.shape_only
