"""A bound on distinct names, so that a flood of them cannot drown the stores: overflow goes to
`__other__`.
"""

from collections.abc import Iterable

OTHER = "__other__"


class NameCap:
    """Remembers the first `limit` names of each owner; later ones read `__other__`. Lives between
    batches.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.overflowed = 0
        self._known: dict[str, set[str]] = {}

    def within(self, owner: str, names: Iterable[str]) -> list[str]:
        """The names, those beyond the owner's limit replaced."""
        taken = self._known.setdefault(owner, set())
        kept: list[str] = []
        for name in names:
            if name not in taken:
                if len(taken) >= self.limit:
                    self.overflowed += 1
                    kept.append(OTHER)
                    continue
                taken.add(name)
            kept.append(name)
        return kept
