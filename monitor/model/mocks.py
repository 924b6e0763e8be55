"""How true a mock is to the provider that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

MockCode = Literal[
    "stale",
    "sometimes_absent",
    "type_drift",
    "outside_matchers",
    "matcher_broken",
    "status_never_live",
    "status_never_mocked",
    "latency_drift",
    "dead",
    "missing",
]
MOCK_CODES: tuple[MockCode, ...] = get_args(MockCode)
WORST_FIRST = (1, 2, 0)
"""Exit codes of several mocks: drifted, then undecided."""
Faithfulness = Literal["faithful", "drifted", "undecided"]
MockReason = Literal["", "no_traffic", "no_stub_met", "nothing_judged"]
"""Why it is not told: nobody called the provider, none of the calls is one that a stub stands for,
or of those that are too little was seen to judge them.
"""


@dataclass(frozen=True, slots=True)
class MockFinding:
    """One way in which a mock is not as the provider. `exchanges` of `of` show it, at least
    `lower` and at most `upper` of all such (Clopper and Pearson, 95 %). Of many alike exchanges one
    in sixteen is looked at, and stands for as many; the limits allow for that.

    `gap`: nothing that it says is wrong, but something is not covered, or never used. `stub` is ""
    where it is of the whole operation. `pointer` is a place in the answer's body or headers.
    `versions` are those of the provider that show it.
    """

    code: MockCode
    gap: bool
    stub: str
    clause: str
    operation: str
    status: int
    pointer: str
    expected: str
    actual: str
    exchanges: int
    of: int
    share: float
    lower: float
    upper: float
    versions: Sequence[str]


@dataclass(frozen=True, slots=True)
class StubScore:
    """One stub beside the exchanges that it stands for. `met` tells why it does: `predicate`, its
    predicates fit; `perhaps`, they may; `operation`, none fit, but it asks for the same operation;
    "" for no exchange.

    `score` is the share of the judged exchanges that have its status and a body like its own;
    None where none could be judged. `open` could not be told. Times in ms.
    """

    stub: str
    clause: str
    operations: Sequence[str]
    status: int
    met: Literal["predicate", "perhaps", "operation", ""]
    exchanges: int
    open: int
    bodies: int
    score: float | None
    delay_ms: float | None
    live_p50_ms: float | None
    live_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """`exchanges` of the provider were seen, `covered` of them asked for what a stub answers.
    `exit_code` 0 faithful, 1 drifted, 2 undecided. Findings that are gaps alone leave it faithful.
    `score` is that of all stubs, weighed by their exchanges.
    """

    result: Faithfulness
    exit_code: Literal[0, 1, 2]
    reason: MockReason
    exchanges: int
    covered: int
    open: int
    score: float | None
    stubs: Sequence[StubScore]
    findings: Sequence[MockFinding]
