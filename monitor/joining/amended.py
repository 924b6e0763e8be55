"""What is told of a proposed revision: its changes, whom they concern, and what was not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.contracts.amendment import Bearing, Weighed
from monitor.contracts.shown_headers import OpenCode


@dataclass(frozen=True, slots=True)
class Met:
    """How many live payloads a change concerns, of those that were looked at; `upper` is Clopper
    and Pearson's upper limit of their share, at 95 %.
    """

    change: int
    consumer: str
    consumer_namespace: str
    consumer_version: str
    provider_version: str
    operation: str
    status: int
    side: str
    pointer: str
    rule: str
    looked_at: int
    affected: int
    share: float
    upper: float


@dataclass(frozen=True, slots=True)
class Told:
    """How much of an operation was seen. `enough`: what was met by none is surely below 1 %."""

    operation: str
    looked_at: int
    unseen: int
    upper: float
    enough: bool


@dataclass(frozen=True, slots=True, order=True)
class Unsettled:
    """Why what is kept of live payloads does not settle a change, and at which place."""

    why: OpenCode
    pointer: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A change, how it bears by documents and live traffic together, and why; `looked_at` and
    `affected` over all consumers. Of a change about values, `looked_at` payloads were marked, and
    what is kept of `untold` of them does not tell whether they are affected, for the reasons that
    `unsettled` names.
    """

    weighed: Weighed
    looked_at: int
    affected: int
    upper: float
    untold: int = 0
    unsettled: Sequence[Unsettled] = ()


@dataclass(frozen=True, slots=True)
class Amendment:
    """`result` is the worst of all; undecided where nothing live was seen. `lost` are fields that
    consumers receive and would not any more, though the older revision never demanded them.
    `change` of a row is its place among `changes`.
    """

    result: Bearing
    exit_code: Literal[0, 1, 2]
    reason: str
    seen: int
    changes: Sequence[Settled]
    met: Sequence[Met]
    lost: Sequence[Met]
    operations: Sequence[Told]
