"""What happens in the shop and when: one bad ramp of payment among harmless changes. Pure: a list
of steps, times in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monitor.demo.deploy_events import Change

RAMP = (0.1, 0.3, 0.7, 1.0)
PREPARE_SECONDS = 10.0
"""New instances are started so long before they take calls."""

BAD_SERVICE, BAD_VERSION, GOOD_VERSION = "payment", "2.0.0", "1.9.2"


@dataclass(frozen=True, slots=True)
class Scenario:
    """When the bad ramp begins, how long a share stands, and whether anything happens at all."""

    after: float = 60.0
    step: float = 30.0
    harmless: bool = True
    bad: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do at a time: start a version's instance, shift calls and tell it, only tell
    it, or stop the old version.
    """

    at: float
    action: Literal["start", "shift", "tell", "retire"]
    change: Change


def steps(scenario: Scenario) -> tuple[Step, ...]:
    """The whole scenario in order of time, seconds counted from the shop's opening."""
    after, step = scenario.after, scenario.step
    planned: list[Step] = []
    if scenario.harmless:
        planned += [
            Step(
                after * 0.3,
                "tell",
                Change("pricing", "1.7.0", "1.7.0", 1.0, "succeeded", "config"),
            )
        ]
        planned += _ramp("search", "3.2.1", "3.2.0", after * 0.6, step / 3, (0.5, 1.0))
        planned += _ramp("catalog", "1.1.0", "1.0.3", after + step * 0.5, step, RAMP)
        planned += _ramp("shipping", "2.2.1", "2.2.0", after + step * 9, step, (0.2, 0.5, 1.0))
        planned += _ramp("inventory", "0.9.0", "0.8.4", after + step * 14, step, RAMP)
    if scenario.bad:
        planned += _ramp(BAD_SERVICE, BAD_VERSION, GOOD_VERSION, after, step, RAMP)
    return tuple(sorted(planned, key=lambda each: each.at))


def _ramp(
    service: str, version: str, previous: str, at: float, step: float, shares: tuple[float, ...]
) -> Iterator[Step]:
    yield Step(
        max(0.0, at - PREPARE_SECONDS), "start", Change(service, version, previous, 0.0, "started")
    )
    for number, share in enumerate(shares):
        state: Literal["started", "progressing", "succeeded"] = (
            "started" if number == 0 else "progressing"
        )
        if number == len(shares) - 1:
            state = "succeeded"
        yield Step(at + number * step, "shift", Change(service, version, previous, share, state))
    gone = at + (len(shares) - 1) * step + min(15.0, step)
    yield Step(gone, "retire", Change(service, previous, previous, 0.0, "succeeded"))
