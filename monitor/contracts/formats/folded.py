"""Remarks on what is not judged, folded: of one kind in many places the first is told, and how
many more there are.
"""

from dataclasses import dataclass, field

from monitor.contracts.remarks import Remark

_MOST = 50


@dataclass(slots=True)
class Unjudged:
    """What is not judged: by object, member and why, the first place and how many there are; of at
    most 50 different ones.
    """

    places: dict[tuple[str, str, str], str] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, kind: str, member: str, sentence: str, pointer: str) -> None:
        """One more place."""
        key = (kind, member, sentence)
        if key not in self.places and len(self.places) >= _MOST:
            return
        self.places.setdefault(key, pointer)
        self.counts[key] = self.counts.get(key, 0) + 1

    def remarks(self) -> list[Remark]:
        """In the order of their first places."""
        remarks = []
        for key, pointer in self.places.items():
            others = self.counts[key] - 1
            more = f" ({others:,} more places have it)" if others > 1 else ""
            more = " (one more place has it)" if others == 1 else more
            remarks.append(Remark(pointer, f"{key[2]}{more}", grave=False, kind="unjudged"))
        return remarks
