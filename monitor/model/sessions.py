"""What became of the exchanges of one test run: which clauses they broke, and what could be checked
at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SessionResult = Literal["kept", "broken", "kept_in_part", "nothing_checked"]


@dataclass(frozen=True, slots=True)
class BrokenClause:
    """One clause that exchanges of the run broke, by whom. Places and types, never values."""

    fingerprint: str
    contract: str
    revision: int
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    exchanges: int


@dataclass(frozen=True, slots=True)
class SeenEdge:
    """Who called whom in the run."""

    caller: str
    callee: str
    protocol: str
    operation: str
    calls: int
    failed: int


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    """`exit_code` 0 kept, 1 broken, 2 else: silence is never green.

    `not_checked` counts exchanges by reason, `refused` requests and entries that could not be read
    by reason. `untouched` are contracts in force of providers of which no exchange was checked;
    `missing` those of them that the run is about. `kept_in_part`: what was checked is kept, but
    something was refused, or a contract is missing.
    """

    result: SessionResult
    exit_code: Literal[0, 1, 2]
    since: datetime
    valid: int
    violated: int
    not_checked: Mapping[str, int]
    refused: Mapping[str, int]
    untouched: Sequence[str]
    missing: Sequence[str]
    violations: Sequence[BrokenClause]
    edges: Sequence[SeenEdge]
