"""What is said of a time that a contract tells: a code with its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TimingCode = Literal[
    "timeout_too_short", "latency_promise_broken", "timing_kept", "timing_open", "timing_unseen"
]


@dataclass(frozen=True, slots=True)
class TimingReason:
    """Why a clause on time counts as kept, broken or open. Seconds, shares and names, by the
    parameter's own name.
    """

    code: TimingCode
    parameters: Mapping[str, str | float | int] = field(default_factory=dict)


def timing_reason(code: TimingCode, /, **parameters: str | float) -> TimingReason:
    """A reason whose code the type checker knows."""
    return TimingReason(code, parameters)
