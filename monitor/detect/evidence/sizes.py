"""How large latencies are, block by block: a step in size, where exceeding a bound would count
fifty times slower like one bucket.

A block is as many calls as another (a median of three calls is no evidence): of the time after a
deploy up to ten, of the time before as many as there were. What is compared is the log of each
block's quantile or mean; its scale is the blocks' median absolute deviation, never less than the
sampling error of so many calls. The evidence is Student's likelihood ratio of that step, so that
few blocks say little and a gross step much; and a step must stand out from every earlier run of as
many blocks, of which most must be slow.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.detect.arrays import Floats
from monitor.model.quantiles import BUCKETS_A_DOUBLING

Statistic = Literal["p50", "p90", "p99", "mean"]
FEWEST_CALLS: dict[Statistic, int] = {"p50": 8, "p90": 40, "p99": 400, "mean": 30}
SHARES: dict[Statistic, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
MOST_BLOCKS = 10
FEWEST_BLOCKS = 5
FINEST = 0.05
"""The smallest scale believed, in logs: buckets are 9 % wide."""
FREEDOM = 30
"""Degrees of freedom at most: blocks that follow each other are alike."""
PRICE = 2.0
"""What fitting the step's size costs, in log e."""
SLOWER = math.log(1.3)
CLOSE = 0.25
"""An earlier run that came so near (of the step's log) is no smaller one."""


@dataclass(frozen=True, slots=True)
class SizeTest:
    """`step`: log ratio that three blocks in four reach at least; `middle` that of the median
    block; earlier runs of blocks beaten, of `placebos`.

    `lasting`: it is there early and late, and was not there in the last two blocks before.
    """

    before_blocks: int
    after_blocks: int
    step: float
    middle: float
    added_seconds: float
    log_e: float
    placebos: int
    beaten: int
    lasting: bool


def size_test(
    before: Floats,
    after: Floats,
    lowest: int,
    statistic: Statistic,
    *,
    grown: float = 0.0,
    placebos: int = 24,
) -> SizeTest | None:
    """Histograms per window in time order. `grown`: log ratio by which neighbours grew. None where
    there are too few calls.
    """
    least = FEWEST_CALLS[statistic]
    past, now = float(before.sum()), float(after.sum())
    size = max(float(least), min(now / MOST_BLOCKS, past / (2 * FEWEST_BLOCKS)))
    if now < least or past < FEWEST_BLOCKS * least:
        return None
    x, y = (
        sizes(blocks(before, size), lowest, statistic),
        sizes(blocks(after, size), lowest, statistic),
    )
    if x.size < FEWEST_BLOCKS or not y.size:
        return None
    usual = float(np.median(x))
    scale = max(
        1.4826 * float(np.median(np.abs(x - usual))),
        _error(before.sum(axis=0), lowest, statistic, size),
        FINEST,
    )
    step, middle = _most(y) - usual - grown, float(np.median(y)) - usual - grown
    alike = 1.0 + (min(y.size, 5) - 1) / 2.0
    t = middle / (scale * math.sqrt(1.0 / alike + 1.57 / x.size))
    freedom = min(x.size, FREEDOM)
    log_e = 0.5 * freedom * math.log1p(t * t / freedom) - PRICE if t > 0 else 0.0
    span = min(y.size, max(1, x.size // 3))
    starts = np.unique(np.linspace(0, x.size - span, placebos).astype(int))
    rivals = np.array([_most(x[start : start + span]) - usual for start in starts.tolist()])
    halves = (
        (y[: y.size // 2], y[y.size // 2 :])
        if y.size >= 4
        else (y,)
        if y.size > 1
        else _halves(after, lowest, statistic)
    )
    return SizeTest(
        before_blocks=x.size,
        after_blocks=y.size,
        step=step,
        middle=middle,
        added_seconds=math.exp(usual) * (math.exp(step) - 1.0) * math.exp(grown),
        log_e=log_e,
        placebos=rivals.size,
        beaten=int((rivals < surely_below(step)).sum()),
        lasting=all(float(np.median(half)) - usual - grown >= SLOWER for half in halves)
        and float(x[-2:].min()) < usual + max(step, SLOWER) / 2.0,
    )


def surely_below(step: float) -> float:
    """The bound (logs) below which an earlier run is surely smaller than the step."""
    return step - max(SLOWER / 2.0, CLOSE * step)


def blocks(histograms: Floats, size: float) -> Floats:
    """Neighbouring windows summed until they hold `size` calls; what is left at the end joins the
    last block.
    """
    calls = histograms.sum(axis=1)
    ends: list[int] = []
    held = 0.0
    for place, count in enumerate(calls.tolist()):
        held += count
        if held >= size:
            ends.append(place + 1)
            held = 0.0
    if not ends:
        return np.zeros((0, histograms.shape[1]))
    return np.asarray(np.add.reduceat(histograms, [0, *ends[:-1]], axis=0), dtype=np.float64)


def sizes(histograms: Floats, lowest: int, statistic: Statistic) -> Floats:
    """Log seconds of the statistic of each histogram, none of which may be empty."""
    if not histograms.shape[0]:
        return np.zeros(0)
    if statistic == "mean":
        middles = 2.0 ** ((np.arange(histograms.shape[1]) + lowest + 0.5) / BUCKETS_A_DOUBLING)
        return np.asarray(np.log(histograms @ middles / histograms.sum(axis=1)), dtype=np.float64)
    return _quantiles(histograms, lowest, SHARES[statistic])


def _quantiles(histograms: Floats, lowest: int, share: float) -> Floats:
    line = np.cumsum(histograms, axis=1)
    wanted = share * line[:, -1]
    place = np.minimum((line < wanted[:, None] - 1e-9).sum(axis=1), histograms.shape[1] - 1)
    rows = np.arange(place.size)
    count = np.maximum(histograms[rows, place], 1e-9)
    inside = np.clip((wanted - (line[rows, place] - count)) / count, 0.0, 1.0)
    return np.asarray(
        (place + lowest + inside) * (math.log(2.0) / BUCKETS_A_DOUBLING), dtype=np.float64
    )


def log_quantile(histogram: Floats, lowest: int, share: float) -> float:
    """Log seconds of one histogram's quantile."""
    return float(_quantiles(histogram[None, :], lowest, share)[0])


def _error(histogram: Floats, lowest: int, statistic: Statistic, calls: float) -> float:
    """The sampling error of so many calls' statistic, in logs, from all calls before."""
    whole = histogram[None, :]
    if statistic == "mean":
        middles = 2.0 ** ((np.arange(histogram.size) + lowest + 0.5) / BUCKETS_A_DOUBLING)
        mean = float(histogram @ middles) / float(histogram.sum())
        return (
            math.sqrt(
                max(float(histogram @ middles**2) / float(histogram.sum()) - mean**2, 0.0) / calls
            )
            / mean
        )
    share = SHARES[statistic]
    off = math.sqrt(share * (1.0 - share) / calls)
    low, high = (
        float(_quantiles(whole, lowest, min(max(share + by, 0.0), 1.0))[0]) for by in (-off, off)
    )
    return (high - low) / 2.0


def _halves(histograms: Floats, lowest: int, statistic: Statistic) -> tuple[Floats, ...]:
    """One block's earlier and later windows apart: what one window did alone has not lasted."""
    busy = histograms[histograms.sum(axis=1) > 0]
    if busy.shape[0] < 2:
        return (np.array([-math.inf]),)
    parts = np.stack([half.sum(axis=0) for half in np.array_split(busy, 2)])
    return tuple(sizes(parts[place : place + 1], lowest, statistic) for place in range(2))


def _most(values: Floats) -> float:
    """What three values in four reach."""
    return float(np.sort(values)[values.size // 4])
