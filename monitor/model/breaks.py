"""Broken clauses as events: one for each clause and environment, however many exchanges, callers
and versions break it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.model.timing import TimingReason

UNSEEN = "unseen"
"""The rule of the one event of a contract of which something was not seen for days; `count` is how
much, `actual` names it.
"""
SHAPE, MEANING = "shape", "meaning"
"""The rules of answers that are otherwise than they were: no contract says anything of them."""
WATCHED = frozenset({UNSEEN, SHAPE, MEANING})
"""Rules of events that others than stored violations tell: they are gone when that says so."""
BreakState = Literal["new", "again", "gone"]
"""Seen for the first time, seen again after it was gone, not seen any more."""


@dataclass(frozen=True, slots=True)
class BreakPair:
    """One version pair that breaks a clause."""

    caller: str
    caller_version: str
    callee: str
    callee_version: str
    exchanges: int


@dataclass(frozen=True, slots=True)
class ContractBreak:
    """A clause that live exchanges of one environment break, folded by fingerprint. Names of
    places and types, never values.

    `count` is of what the store still keeps. `began` is when this spell began: the first time, or
    the first time again. `deploy_id` is of the last deploy of either side before that, "" where
    none is known. `owner` is the contract's. `revision` grows with each event. `told` counts what
    receivers were told, by turns that it is broken and that this is over; `told_to` are those that
    know of it as broken. Quiet until
    `accepted_until`, where it is accepted. `time` are the numbers of a clause on time. `untested`:
    it was not seen for so long that it would be gone, but neither was a call in which it could
    have shown: silence is not health. `observed`: its contract is only observed, and nobody is
    told. `flips`: how often it was gone and came back while neither the contract nor the versions
    that break it had changed: a flaky check.
    """

    id: str
    fingerprint: str
    environment: str
    contract: str
    contract_revision: int
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    callee: str
    state: BreakState
    first_seen: datetime
    last_seen: datetime
    began: datetime
    count: int
    pairs: Sequence[BreakPair]
    deploy_id: str = ""
    deploy: str = ""
    owner: str = ""
    contact: str = ""
    revision: int = 1
    told: int = 0
    told_to: Sequence[str] = ()
    accepted_by: str = ""
    accepted_because: str = ""
    accepted_until: datetime | None = None
    time: TimingReason | None = None
    untested: bool = False
    observed: bool = False
    flips: int = 0

    @property
    def is_told(self) -> bool:
        """Whether receivers know of it as broken."""
        return self.told % 2 == 1

    def quiet(self, now: datetime) -> bool:
        """Whether its contract is only observed, or somebody said that it is known, and that holds
        now.
        """
        return self.observed or (self.accepted_until is not None and now < self.accepted_until)
