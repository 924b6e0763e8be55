"""Incompatible version pairs, planted, and whether the right pair is named: `python -m
tests.bench.detection.pairs [--draws N] [--seed S]`.

A service is released while its caller runs in two versions. In half of the draws only one pair is
at odds (the old caller, or the new one, with the new callee), in the others the new callee fails
for all of its callers alike, and no pair may be named. Judged as it would be, minute by minute:
the first finding counts, and the last of a quarter of an hour.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, Edge, EdgeCell
from monitor.model.judging import Finding

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD_CALLER, NEW_CALLER, OLD, NEW = "3.0.0", "3.1.0", "1.9.0", "2.0.0"
BEFORE, MINUTES = 90, 15
EDGE = Edge("production", "cart", "prices", "http", "GET /price")
ASIDE = Edge("production", "search", "prices", "http", "GET /price")
SURELY = 1.96


@dataclass(frozen=True)
class Plant:
    """One draw: calls a minute, the new callee's share, the new caller's, the usual and the added
    chance of an error, and which caller's version is at odds ("" for all).
    """

    per_minute: float
    share: float
    callers: float
    usual: float
    added: float
    pair: str


def plants(draws: int, seed: int) -> list[Plant]:
    """Same arguments, same plants."""
    rng = np.random.default_rng(seed)
    return [
        Plant(
            per_minute=float(np.exp(rng.uniform(np.log(200), np.log(20_000)))),
            share=float(rng.choice([0.1, 0.2, 0.34, 0.5])),
            callers=float(rng.uniform(0.15, 0.85)),
            usual=float(np.exp(rng.uniform(np.log(0.0005), np.log(0.02)))),
            added=float(np.exp(rng.uniform(np.log(0.02), np.log(0.8)))),
            pair=str(rng.choice([OLD_CALLER, NEW_CALLER])) if place % 2 == 0 else "",
        )
        for place in range(draws)
    ]


def cells_of(plant: Plant, seed: int) -> list[EdgeCell]:
    """An hour and a half of cells of 10 s would cost more and tell no more: a quarter of an hour
    before, as much after.
    """
    rng = np.random.default_rng(seed)
    cells: list[EdgeCell] = []
    for window in range(-BEFORE, MINUTES * 6):
        share = plant.share if window >= 0 else 0.0
        for edge, versions in (
            (EDGE, {OLD_CALLER: 1.0 - plant.callers, NEW_CALLER: plant.callers}),
            (ASIDE, {"8.0.0": 0.5}),
        ):
            for caller, part in versions.items():
                for callee, weight in ((OLD, 1.0 - share), (NEW, share)):
                    harmed = callee == NEW and plant.pair in ("", caller)
                    chance = min(plant.usual + (plant.added if harmed else 0.0), 0.98)
                    calls = int(
                        rng.poisson(plant.per_minute * part * weight * WINDOW_SECONDS / 60.0)
                    )
                    if calls:
                        bad = int(rng.binomial(calls, chance))
                        cells.append(_cell(window, edge, caller, callee, calls, bad))
    return cells


def _cell(window: int, edge: Edge, caller: str, callee: str, calls: int, bad: int) -> EdgeCell:
    return EdgeCell(
        window=START + timedelta(seconds=window * WINDOW_SECONDS),
        edge=edge,
        caller_version=caller,
        callee_version=callee,
        region="",
        calls=calls,
        weighted_calls=float(calls),
        failed=bad,
        outcomes={
            "ok": calls - bad, "client_error": 0, "server_error": bad, "timeout": 0, "cancelled": 0,
        },
        error_types={},
        conformance={},
        coverage={"both": calls},
        sampling="none",
        client_calls=calls,
        server_calls=calls,
        client_seconds_sum=0.0,
        server_seconds_sum=0.0,
        client_histogram={},
        server_histogram={},
        self_histogram={},
        queue_histogram={},
        provider_only={},
        exemplars=(),
    )  # fmt: skip


def findings_of(plant: Plant, seed: int) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """What is said at the first moment at which the release fails, and at the last; nothing if it
    never does.
    """
    cells, deploy = cells_of(plant, seed), _deploy()
    said: list[Sequence[Finding]] = []
    for minute in (1, 2, 3, 4, 5, 7, 10, MINUTES):
        if said and minute < MINUTES:
            continue
        until = START + timedelta(minutes=minute)
        verdict, findings = judge(
            deploy,
            [cell for cell in cells if cell.window < until],
            (),
            (),
            JudgeSettings(),
            until,
            share=plant.share,
        )
        if verdict.outcome == "fail":
            said.append(findings)
    return (said[0], said[-1]) if said else ((), ())


def _deploy() -> Deploy:
    return Deploy(
        "d-prices-2.0.0", "service", "production", "prices", NEW, OLD, "progressing", START, None,
        START, ("bench",),
    )  # fmt: skip


def named(findings: Sequence[Finding]) -> str:
    """The caller's version of the pair that the strongest finding names; "" where it names none,
    or each.
    """
    if not findings:
        return "nothing"
    best = max(findings, key=lambda finding: finding.evidence.e_value)
    if best.edge != EDGE and not any(finding.edge == EDGE for finding in findings):
        return "another edge"
    here = [finding for finding in findings if finding.edge == EDGE]
    version = max(here, key=lambda finding: finding.evidence.e_value).caller_version
    return "" if set(version.split(", ")) == {OLD_CALLER, NEW_CALLER} else version


Counted = Counter[tuple[bool, str, str]]
"""Draws by whether a pair was planted, when it was looked (first, last), and right, wrong or
missed.
"""


def scored(draws: int, seed: int) -> Counted:
    """Each draw, at the first word and at the last."""
    counted: Counted = Counter()
    for place, plant in enumerate(plants(draws, seed)):
        for when, findings in zip(
            ("first", "last"), findings_of(plant, seed + place), strict=True
        ):
            there = named(findings)
            aside = any(finding.edge == ASIDE for finding in findings)
            right = there == plant.pair and not (plant.pair and aside)
            word = "missed" if there == "nothing" else "right" if right else "wrong"
            counted[bool(plant.pair), when, word] += 1
    return counted


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's bounds of a share at 95 %."""
    if not whole:
        return 0.0, 1.0
    share, square = part / whole, SURELY**2
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    half = (
        SURELY
        / (1 + square / whole)
        * (share * (1 - share) / whole + square / (4 * whole**2)) ** 0.5
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def show(counted: Counted) -> None:
    """How often the right pair was named, of those that were found, with bounds."""
    for pair, what in ((True, "one pair at odds"), (False, "all callers alike")):
        for when in ("first", "last"):
            right, wrong, missed = (
                counted[pair, when, word] for word in ("right", "wrong", "missed")
            )
            low, high = interval(right, right + wrong)
            print(
                f"{what}, {when} word: found {right + wrong} of {right + wrong + missed}, "
                f"rightly named {right} of {right + wrong} ({low:.3f} to {high:.3f})"
            )


def main() -> None:
    """Read the arguments, print the shares."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--draws", type=int, default=400)
    words.add_argument("--seed", type=int, default=100)
    given = words.parse_args()
    show(scored(given.draws, given.seed))


if __name__ == "__main__":
    main()
