"""A recorded deploy judged as the detector would have: at one sealed moment after another, until a
decision stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Literal

from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Finding, Outcome, Verdict
from monitor.outside.cells import Known
from monitor.outside.moments import LONG_STEP, PASS_AFTER, STANDS, STANDS_SECONDS, Look, Watch
from monitor.outside.releases import Deploys
from monitor.outside.told import Cases, Told

Nothing = Literal["case", "service", "bin"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a deploy and when (None: never); `verdict` and `findings` are the last
    ones reached, none without any data.
    """

    told: Told
    outcome: Outcome
    decided_at: datetime | None
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    assumed: frozenset[str]
    withheld: bool
    """Whether it would have been a pass, but for what had to be assumed."""
    calls: int = 0
    """Calls of the service's edges since the deploy, up to the decision."""
    weaker_at: datetime | None = None
    """When it was first no worse as far as could be told, for as long as a decision must stand:
    who takes that for a pass need not wait longer.
    """
    nothing: Nothing | None = None
    """What is missing where there was nothing to judge by."""


def decide(
    cases: Cases, subject: Told, deploys: Sequence[Told], settings: JudgeSettings, source: str
) -> Decision:
    """`deploys` are all of the file; `source` names the edges' file in errors. What ends after
    `decided_at` has no part in it.

    Cost: some 20 judgements of the edges that touch the service.
    """
    known = deploys if isinstance(deploys, Deploys) else Deploys(deploys)
    watch = Watch(cases, subject, known.of(subject.case), settings, source)
    looks: list[Look] = []
    weaker: float | None = None
    for moment, is_last in watch.moments():
        so_far = watch.known(moment)
        watch.pass_from, watch.passes = _seen_from(so_far, subject.at) + PASS_AFTER, False
        early = not is_last and moment < watch.first_look
        failing = bool(looks) and looks[-1].outcome == "fail"
        if early and not so_far.stirs and not failing and not watch.callers_stir(moment):
            continue
        look = watch.look(so_far, moment)
        if look is None:
            continue
        looks.append(look)
        long = watch.step >= LONG_STEP
        if (
            weaker is None
            and moment >= watch.pass_from
            and _lasts(looks, lambda each: each.is_weaker, once=long)
        ):
            weaker = moment
        if _stands(looks, watch.pass_from, once=long):
            break
        watch.passes = look.outcome == "pass" or (weaker is None and look.is_weaker)
    if not looks:
        nothing: Nothing = (
            "case"
            if not len(cases.of(subject.case).rows)
            else "bin"
            if len(watch.recording.rows)
            else "service"
        )
        return Decision(
            subject, "inconclusive", None, None, (), frozenset(), withheld=False, nothing=nothing
        )
    last = looks[-1]
    outcome = last.outcome
    decided = datetime.fromtimestamp(last.moment, UTC) if outcome != "inconclusive" else None
    withheld = outcome == "inconclusive" and last.verdict.outcome == "pass"
    calls = sum(cell.calls for cell in last.known.cells if cell.window.timestamp() >= subject.at)
    weaker_at = datetime.fromtimestamp(weaker, UTC) if weaker is not None else None
    return Decision(
        subject,
        outcome,
        decided,
        last.verdict,
        last.findings,
        last.known.assumed,
        withheld,
        calls,
        weaker_at,
    )


def _stands(looks: Sequence[Look], pass_from: float, *, once: bool) -> bool:
    last = looks[-1]
    if last.outcome == "inconclusive":
        return False
    lasts = _lasts(
        looks, lambda look: look.outcome == last.outcome, once=once and last.outcome == "pass"
    )
    return lasts and (last.outcome == "fail" or last.moment >= pass_from)


def _lasts(looks: Sequence[Look], says: Callable[[Look], bool], *, once: bool) -> bool:
    """Whether moments enough in a row say so, over time enough; or the last one, where `once` is
    enough.
    """
    same = list(takewhile(says, reversed(looks)))
    return bool(same) and (
        once or (len(same) >= STANDS and looks[-1].moment - same[-1].moment >= STANDS_SECONDS)
    )


def _seen_from(so_far: Known, at: float) -> float:
    return max(at, so_far.first.timestamp() if so_far.first else at)
