"""One scorer for all rules: answers held against planted truths, with 95 % intervals by drawing
whole cases anew.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

BASE = 0.02
"""The share of deploys that are harmful in a usual fleet: precision is told for it."""
A_WEEK = 900 * 7
BUSY, SEEN = 200.0, 0.1
DRAWS = 400


@dataclass(frozen=True)
class Scored:
    """One deploy: the truth, and what one rule said of it. Times in seconds since the epoch."""

    case: str
    truth: Mapping[str, object]
    at: float
    verdict: str
    decided_at: float | None
    suspects: Sequence[str] = ()
    paged: bool = False
    confidence: float = 0.0
    weaker_at: float | None = None
    """When it was first said to be no worse as far as can be told: a pass where a policy takes
    that for one.
    """

    @property
    def bad(self) -> bool:
        return bool(self.truth["bad"])

    @property
    def failed(self) -> bool:
        return self.verdict == "fail"


Figure = Callable[[Sequence[Scored]], float]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def recall(rows: Sequence[Scored]) -> float:
    """Harmful deploys that fail."""
    bad = [row for row in rows if row.bad]
    return _share(sum(row.failed for row in bad), len(bad))


def false_findings(rows: Sequence[Scored]) -> float:
    """Harmless deploys that fail."""
    fine = [row for row in rows if not row.bad]
    return _share(sum(row.failed for row in fine), len(fine))


def false_pages(rows: Sequence[Scored]) -> float:
    """Harmless deploys that page."""
    fine = [row for row in rows if not row.bad]
    return _share(sum(row.paged for row in fine), len(fine))


def precision(rows: Sequence[Scored]) -> float:
    """Of deploys that fail, those that are harmful, where a share BASE of all are."""
    hits, false = recall(rows), false_findings(rows)
    return BASE * hits / max(BASE * hits + (1 - BASE) * false, 1e-12) if hits > 0 else float("nan")


def f1(rows: Sequence[Scored]) -> float:
    """As it lies, at the set's own share of harmful deploys."""
    true = sum(row.failed for row in rows if row.bad)
    wrong = sum(row.failed != row.bad for row in rows)
    return _share(2 * true, 2 * true + wrong)


def delay(rows: Sequence[Scored]) -> float:
    """Median minutes from the first harm to the decision."""
    delays = [
        row.decided_at - _harm_from(row)
        for row in rows
        if row.bad and row.failed and row.decided_at is not None
    ]
    return float(np.median(delays)) / 60.0 if delays else float("nan")


def attribution(rows: Sequence[Scored]) -> float:
    """Where releases come together and one of a harmful group fails: the harmful one fails, and is
    named first by all who fail.
    """
    groups: dict[str, list[Scored]] = {}
    for row in rows:
        if row.truth["cause"] and int(row.truth["group"]) > 1:  # type: ignore[call-overload]
            groups.setdefault(row.case, []).append(row)
    accused = [[row for row in group if row.failed] for group in groups.values()]
    right = [
        all(row.suspects[:1] == (row.truth["cause"],) for row in group)
        for group in accused
        if group
    ]
    return _share(sum(right), len(right))


def false_passes(rows: Sequence[Scored]) -> float:
    """Harmful deploys that pass; a leak may, before it began."""
    return float(
        sum(
            row.bad and row.verdict == "pass" and (row.decided_at or 0.0) > _harm_from(row)
            for row in rows
        )
    )


def decided_soon(rows: Sequence[Scored]) -> float:
    """Pass or fail within 15 minutes of the moment at which the first instance is there."""
    return _share(
        sum(
            row.verdict != "inconclusive"
            and row.decided_at is not None
            and row.decided_at - row.at - float(str(row.truth.get("ready_after", 0.0))) <= 900.0
            for row in rows
        ),
        len(rows),
    )


def weaker_passes(rows: Sequence[Scored]) -> float:
    """Harmful deploys that pass, or are no worse as far as could be told, after their harm began
    and before they failed.
    """
    return false_passes([_with_weaker(row) for row in rows])


def asked_for(rows: Sequence[Scored]) -> list[Scored]:
    """Harmless deploys of which a decision is asked for: BUSY calls a minute of the service, a
    share of SEEN for the new version.
    """
    return [
        row
        for row in rows
        if not row.bad
        and float(str(row.truth["calls_per_minute"])) >= BUSY
        and float(str(row.truth["share"])) >= SEEN
    ]


def asked_soon(rows: Sequence[Scored]) -> float:
    """Of those, pass or fail within 15 minutes."""
    return decided_soon(asked_for(rows))


def asked_weaker(rows: Sequence[Scored]) -> float:
    """Of those, pass, weaker pass or fail within 15 minutes."""
    return decided_soon([_with_weaker(row) for row in asked_for(rows)])


def _with_weaker(row: Scored) -> Scored:
    """As a policy sees it that takes a weaker pass for a pass, and waits for nothing else."""
    if row.weaker_at is None or (row.decided_at is not None and row.decided_at <= row.weaker_at):
        return row
    return replace(row, verdict="pass", decided_at=row.weaker_at)


def pages_a_week(rows: Sequence[Scored]) -> float:
    """False pages in a week of 6,300 deploys, 2 % of them harmful."""
    return false_pages(rows) * A_WEEK * (1 - BASE)


FIGURES: dict[str, Figure] = {
    "F1": f1,
    "recall": recall,
    "false": false_findings,
    "prec@2%": precision,
    "pages/week": pages_a_week,
    "delay min": delay,
    "attribution": attribution,
    "false passes": false_passes,
    "weaker passes": weaker_passes,
    "decided 15": decided_soon,
    "asked 15": asked_soon,
    "with weaker": asked_weaker,
}


def interval(
    rows: Sequence[Scored], figure: Figure, draws: int = DRAWS
) -> tuple[float, float, float]:
    """The figure and its 95 % bounds, by drawing cases with replacement."""
    groups: dict[str, list[Scored]] = {}
    for row in rows:
        groups.setdefault(row.case, []).append(row)
    parts = list(groups.values())
    rng = np.random.default_rng(0)
    drawn = [
        figure(
            [row for place in rng.integers(len(parts), size=len(parts)) for row in parts[place]]
        )
        for _ in range(draws)
    ]
    known = [value for value in drawn if not math.isnan(value)]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (float("nan"), float("nan"))
    return figure(rows), float(low), float(high)


def _harm_from(row: Scored) -> float:
    moment = row.truth["harm_from"]
    return max(row.at, float(moment)) if isinstance(moment, int | float) else row.at


def told(value: float) -> str:
    """Short: shares with two places, larger numbers with one."""
    if math.isnan(value):
        return "–"
    return (
        f"{value:.2f}".lstrip("0")
        if 0 < abs(value) < 1
        else f"{value:.0f}"
        if value == round(value)
        else f"{value:.1f}"
    )
