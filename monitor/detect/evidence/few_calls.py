"""How large latencies are where nearly nobody calls: a gross step, by the order of windows.

Blocks of calls want forty before and eight since. A service that is called ten times in half an
hour has neither, and yet when each call since takes a hundred times as long there is no doubt. So
windows are ranked by their median call, and the evidence is how seldom chance alone puts the slow
ones last. Ranks say nothing of size, so three calls in four must be slower than usual by FEW_STEP,
and by more than in any earlier run of windows.
"""

import math

import numpy as np

from monitor.detect.arrays import Floats
from monitor.detect.evidence.sizes import SizeTest, log_quantile, sizes, surely_below

FEW_STEP = math.log(3.0)
CALLS_BEFORE, CALLS_SINCE = 8, 5
WINDOWS_BEFORE, WINDOWS_SINCE = 5, 3
MOST_BEFORE, MOST_SINCE = 100, 50
"""Of as many calls on both sides blocks tell as much."""
MOST_REACH = 0.25
"""The quantile that three calls in four reach."""
MOST_PARTS = 30
LAST = 2
"""So many windows before the deploy must be faster than halfway to those since."""


def few_calls_test(
    before: Floats, after: Floats, lowest: int, *, grown: float = 0.0, placebos: int = 24
) -> SizeTest | None:
    """Histograms per window in time order. `grown`: log ratio by which neighbours grew. None where
    there are too few calls even for this, or so many that blocks tell as much, or no gross step.

    Its log e is less by what having two tests costs.
    """
    if before.sum() >= MOST_BEFORE and after.sum() >= MOST_SINCE:
        return None
    before, after = (part[part.sum(axis=1) > 0] for part in (before, after))
    if (
        before.shape[0] < WINDOWS_BEFORE
        or after.shape[0] < WINDOWS_SINCE
        or before.sum() < CALLS_BEFORE
        or after.sum() < CALLS_SINCE
    ):
        return None
    usual = log_quantile(before.sum(axis=0), lowest, 0.5)
    step, middle = (
        log_quantile(after.sum(axis=0), lowest, share) - usual - grown
        for share in (MOST_REACH, 0.5)
    )
    if step < FEW_STEP:
        return None
    span = min(after.shape[0], before.shape[0] // 3)
    starts = np.unique(np.linspace(0, before.shape[0] - span, placebos).astype(int)).tolist()
    rivals = [
        log_quantile(before[start : start + span].sum(axis=0), lowest, MOST_REACH) - usual
        for start in starts
    ]
    halves = [
        log_quantile(half.sum(axis=0), lowest, 0.5) - usual - grown
        for half in np.array_split(after, 2)
    ]
    lately = log_quantile(before[-LAST:].sum(axis=0), lowest, 0.5) - usual
    return SizeTest(
        before_blocks=before.shape[0],
        after_blocks=after.shape[0],
        step=step,
        middle=middle,
        added_seconds=math.exp(usual) * (math.exp(step) - 1.0) * math.exp(grown),
        log_e=_by_order(*(_in_parts(part, lowest) for part in (before, after))) - math.log(2.0),
        placebos=len(rivals),
        beaten=sum(rival < surely_below(step) for rival in rivals),
        lasting=min(halves) >= FEW_STEP and lately < step / 2.0,
    )


def _in_parts(histograms: Floats, lowest: int) -> Floats:
    """Log seconds of the median call of each window; of neighbours together where they are many."""
    parts = np.array_split(histograms, min(histograms.shape[0], MOST_PARTS))
    return sizes(np.array([part.sum(axis=0) for part in parts]), lowest, "p50")


def _by_order(before: Floats, after: Floats) -> float:
    """Log of one over the chance of this order of sizes, or a clearer one, were it chance alone
    (Mann and Whitney's test, exact; a tie counts against the deploy).
    """
    past, now = before.size, after.size
    lost = int((before[:, None] >= after[None, :]).sum())
    # ways to lose so many comparisons: the Gaussian binomial's coefficients
    ways = np.zeros(lost + 1)
    ways[0] = 1.0
    for step in range(1, now + 1):
        if past + step <= lost:
            ways[past + step :] -= ways[: -(past + step)].copy()
        for place in range(step, lost + 1):
            ways[place] += ways[place - step]
    every = math.lgamma(past + now + 1) - math.lgamma(past + 1) - math.lgamma(now + 1)
    return every - math.log(float(ways.sum()))
