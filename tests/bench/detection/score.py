"""One scorer for all rules: answers held against planted truths, with 95 % intervals by drawing whole cases anew."""

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
    """When it was first said to be no worse as far as can be told: a pass where a policy takes that for one."""

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
    bad = [one for one in rows if one.bad]
    return _share(sum(one.failed for one in bad), len(bad))


def false_findings(rows: Sequence[Scored]) -> float:
    """Harmless deploys that fail."""
    fine = [one for one in rows if not one.bad]
    return _share(sum(one.failed for one in fine), len(fine))


def false_pages(rows: Sequence[Scored]) -> float:
    """Harmless deploys that page."""
    fine = [one for one in rows if not one.bad]
    return _share(sum(one.paged for one in fine), len(fine))


def precision(rows: Sequence[Scored]) -> float:
    """Of deploys that fail, those that are harmful, where a share BASE of all are."""
    found, false = recall(rows), false_findings(rows)
    return BASE * found / max(BASE * found + (1 - BASE) * false, 1e-12) if found > 0 else float("nan")


def f1(rows: Sequence[Scored]) -> float:
    """As it lies, at the set's own share of harmful deploys."""
    true = sum(one.failed for one in rows if one.bad)
    wrong = sum(one.failed != one.bad for one in rows)
    return _share(2 * true, 2 * true + wrong)


def delay(rows: Sequence[Scored]) -> float:
    """Median minutes from the first harm to the decision."""
    found = [one.decided_at - _harm_from(one) for one in rows if one.bad and one.failed and one.decided_at is not None]
    return float(np.median(found)) / 60.0 if found else float("nan")


def attribution(rows: Sequence[Scored]) -> float:
    """Where releases come together and one of a harmful group fails: the harmful one fails, and is named first by all who fail."""
    groups: dict[str, list[Scored]] = {}
    for one in rows:
        if one.truth["cause"] and int(one.truth["group"]) > 1:  # type: ignore[call-overload]
            groups.setdefault(one.case, []).append(one)
    accused = [[one for one in group if one.failed] for group in groups.values()]
    right = [all(one.suspects[:1] == (one.truth["cause"],) for one in group) for group in accused if group]
    return _share(sum(right), len(right))


def false_passes(rows: Sequence[Scored]) -> float:
    """Harmful deploys that pass; a leak may, before it began."""
    return float(sum(one.bad and one.verdict == "pass" and (one.decided_at or 0.0) > _harm_from(one) for one in rows))


def decided_soon(rows: Sequence[Scored]) -> float:
    """Pass or fail within 15 minutes."""
    return _share(
        sum(one.verdict != "inconclusive" and one.decided_at is not None and one.decided_at - one.at <= 900.0 for one in rows),
        len(rows),
    )


def weaker_passes(rows: Sequence[Scored]) -> float:
    """Harmful deploys that pass, or are no worse as far as could be told, after their harm began and before they failed."""
    return false_passes([_with_weaker(one) for one in rows])


def asked_for(rows: Sequence[Scored]) -> list[Scored]:
    """Harmless deploys of which a decision is asked for: BUSY calls a minute of the service, a share of SEEN for the new version."""
    return [
        one
        for one in rows
        if not one.bad and float(str(one.truth["calls_per_minute"])) >= BUSY and float(str(one.truth["share"])) >= SEEN
    ]


def asked_soon(rows: Sequence[Scored]) -> float:
    """Of those, pass or fail within 15 minutes."""
    return decided_soon(asked_for(rows))


def asked_weaker(rows: Sequence[Scored]) -> float:
    """Of those, pass, weaker pass or fail within 15 minutes."""
    return decided_soon([_with_weaker(one) for one in asked_for(rows)])


def _with_weaker(one: Scored) -> Scored:
    """As a policy sees it that takes a weaker pass for a pass, and waits for nothing else."""
    if one.weaker_at is None or (one.decided_at is not None and one.decided_at <= one.weaker_at):
        return one
    return replace(one, verdict="pass", decided_at=one.weaker_at)


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


def interval(rows: Sequence[Scored], figure: Figure, draws: int = DRAWS) -> tuple[float, float, float]:
    """The figure and its 95 % bounds, by drawing cases with replacement."""
    groups: dict[str, list[Scored]] = {}
    for one in rows:
        groups.setdefault(one.case, []).append(one)
    parts = list(groups.values())
    rng = np.random.default_rng(0)
    drawn = [figure([one for place in rng.integers(len(parts), size=len(parts)) for one in parts[place]]) for _ in range(draws)]
    known = [value for value in drawn if not math.isnan(value)]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (float("nan"), float("nan"))
    return figure(rows), float(low), float(high)


def _harm_from(one: Scored) -> float:
    moment = one.truth["harm_from"]
    return max(one.at, float(moment)) if isinstance(moment, int | float) else one.at


def told(value: float) -> str:
    """Short: shares with two places, larger numbers with one."""
    if math.isnan(value):
        return "–"
    return f"{value:.2f}".lstrip("0") if 0 < abs(value) < 1 else f"{value:.0f}" if value == round(value) else f"{value:.1f}"
