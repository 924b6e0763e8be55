"""A number told once a window, of which nobody knows how many calls it stands for: its level since
a deploy against all that it did before.

There is no sampling error to reckon with, so only the number's own past can tell what is unusual.
What is compared is a run: how far above the level before it the number stays for windows in a row,
as three in four of them reach; a window that is missing ends it.
The run since the deploy must be higher, by a margin, than every run that began at any earlier
moment; the past is as good as it is long. And it must go on: a number that is where it
was again has passed by; one that was there in the last window before is no step of this moment. Of n
runs beside it that might as well have been the
highest, chance makes it so once in n + 1; and how much higher it is than they, once in the square
of that (a heavy tail's law). A past long enough may hold incidents of its own that were higher: k
of n make it once in (n + 1) / (k + 1), and what it must leave behind is the highest run but those,
and all of the same hour of earlier days: a nightly job is no incident.
But no run is rarer than what single windows make by chance: where
one in ten is as high, two in a row come once in a hundred places.
"""

import math
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Floats
from monitor.detect.measure.series import DAY

RUN_SECONDS = 120.0
"""A run lasts so long, and two windows at least."""
LEVEL_WINDOWS = 60
"""The level before a moment is the median of so many windows."""
FEWEST_BEFORE = 12
SPAN = 30
"""Runs nearer to each other than so many windows are one and the same."""
MARGIN, MARGIN_DAY = 1.25, 1.1
"""A run since the deploy must be so many times the highest before; of a day and more, which shows
what is unusual by itself, hardly more than that.
"""
LEAST = 0.1
"""A level that rose by less than a tenth harms nobody."""
LEAST_SHORT = 0.3
"""Less than a day of past does not show how a level wanders: only a rise that matters by itself
stands out of it.
"""
LEAST_BARE, RARELY = 0.5, 0.16
"""A past so short that its level is one shows little of its wandering: only a rise by half of the
level stands out of it, above what more than so many of its windows reach; and all windows since
must differ from all before, by their own spread and as far as they follow each other.
"""
SHIFTS = 2.0
"""Log e of that: the run's own evidence stands beside it."""
MOST_REACH = 0.25
"""So many of a run's windows may be lower: one of eight that is as before ends no harm."""
ALIKE, STICKY, FINEST = 12.0, 0.1, 0.05
"""Windows since that count as different ones, at most; what a short past understates of how far
windows follow each other; the smallest spread believed, in logs.
"""
LAG = 4
"""The step of windows is told over so many: bins of 15 seconds begin in windows 10 and 20 apart."""
GOES_ON = 0.5
"""From a run's begin on, the number's median must stay above its level by so much of what a run
must be above it.
"""
HIGHER = 2.0
"""The power by which the chance falls as the run is higher than any before."""
SELDOM = 0.02
"""Of all runs so many may be as high, itself among them: so often one comes by itself."""
CHOICE = math.log(10.0 / 3.0)
"""What choosing how many were higher costs (log e)."""
THERE = 0.75
"""The last window before had so much of the rise, and more than any before it: it began earlier."""
MEDIAN, PRICE = 1.57, 2.0
"""How many times as much a median varies as a mean does; what fitting a step's size costs (log e)."""
GAP = 1.5
"""Windows so many steps apart are not in a row."""


@dataclass(frozen=True, slots=True)
class LevelTest:
    """`usual` before and the `run` since: what three in four windows of the highest run reach at
    least; `highest`: the highest run of before, but for `higher` ones.

    `spans`: how many earlier runs there were that do not overlap; `beyond`: windows since the
    deploy that are above all that was before; `goes_on`: how far the median from the run's begin on
    is above the usual level; `was_there`: the rise had begun before the deploy; `least`: the share of
    the usual level that a rise must be; `begins`: the place of the highest run among the windows since,
    `grows`: from where on runs are higher than any before, up to that one.
    """

    usual: float
    run: float
    highest: float
    spans: int
    log_e: float
    beyond: int
    goes_on: float
    was_there: bool
    begins: int
    grows: int
    least: float = LEAST
    margin: float = MARGIN
    higher: int = 0

    @property
    def ratio(self) -> float | None:
        """How many times the usual level; None where that is nothing."""
        return 1.0 + self.run / self.usual if self.usual > 0 else None

    def stands_out(self) -> bool:
        """Whether it is higher than the `highest` run before by the margin, and by enough to
        matter; and whether it began with the deploy and goes on.
        """
        bar = max(self.margin * self.highest, self.least * self.usual, 0.0)
        return self.run > bar and self.goes_on > GOES_ON * bar and not self.was_there


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A number over time: windows (seconds, in order) and values."""

    windows: Floats
    values: Floats

    def step(self, grain: float) -> float:
        """Seconds from one window to the next: those of its teller may be longer than others'."""
        lag = min(LAG, self.windows.size - 1)
        if lag < 1:
            return grain
        return max(grain, float(np.median(self.windows[lag:] - self.windows[:-lag])) / lag)

    def lows(self, width: int, step: float) -> Floats:
        """What three in four of every `width` neighbours reach; none (-inf) where a window is
        missing between.
        """
        if self.values.size < width:
            return np.zeros(0)
        runs = np.lib.stride_tricks.sliding_window_view(self.values, width)
        place = int(MOST_REACH * width)
        lows = np.partition(runs, place, axis=1)[:, place]
        gaps = np.concatenate([[0], np.cumsum(np.diff(self.windows) > GAP * step)])
        return np.where(gaps[width - 1 :] == gaps[: gaps.size - width + 1], lows, -math.inf)


def run_of(grain: float) -> int:
    """Windows in a row that make a run."""
    return max(2, math.ceil(RUN_SECONDS / grain))


def level_test(before: Line, since: Line, grain: float, grown: float = 0.0) -> LevelTest | None:
    """`grain`: seconds of a window at least; `grown`: the share by which neighbours rose. None where
    either is too short, or no windows are in a row.
    """
    step = before.step(grain)
    width = run_of(step)
    past, now = before.values, since.values
    if now.size < width or past.size < FEWEST_BEFORE:
        return None
    size = min(LEVEL_WINDOWS, past.size // 2)
    bare = size < FEWEST_BEFORE
    usual = float(np.median(past[-LEVEL_WINDOWS:]))
    due = usual * (1.0 + grown)
    lows = since.lows(width, step)
    run = float(lows.max()) - due
    if run == -math.inf:
        return None
    goes_on = float(np.median(now[int(lows.argmax()) :])) - due
    ahead = before.lows(width, step)
    if bare:
        rises, above = ahead - usual, past - usual
    else:
        levels = np.median(np.lib.stride_tricks.sliding_window_view(past, size), axis=1)
        rises = _highest_within(ahead, SPAN)[size:] - levels[: max(ahead.size - size, 0)]
        above = past - np.concatenate([np.full(size, levels[0]), levels[: past.size - size]])
    if not np.isfinite(rises).any():
        return None
    spans = int(past.size - np.isneginf(ahead).sum()) // max(SPAN, now.size)
    most = 0 if bare else max(int(SELDOM * (spans + 1)) - 1, 0)
    hourly = _of_this_hour(before.windows[size:], rises, since, step) if most else 0.0
    highest, higher, log_e = _left_behind(run, rises, hourly, most, spans)
    if log_e > 0.0:
        single = (float((above >= run).sum()) + 1.0) / (past.size + 1.0)
        log_e = min(log_e, -width * math.log(single) - math.log(lows.size))
        if bare and (single > RARELY or _shift_e(past, now, grown) < SHIFTS):
            log_e = 0.0
    of_a_day = past.size * step >= DAY
    least = LEAST_BARE if bare else LEAST if of_a_day else LEAST_SHORT
    last, earlier = float(past[-1]), float(past[-LEVEL_WINDOWS:-1].max())
    top = int(lows.argmax())
    as_before = np.flatnonzero(lows[:top] - due <= highest)
    return LevelTest(
        usual,
        run,
        highest,
        spans,
        log_e,
        int((now - due > highest).sum()),
        goes_on,
        was_there=run > 0 and last > earlier and last - due >= THERE * run,
        begins=top,
        grows=int(as_before[-1]) + 1 if as_before.size else 0,
        least=least,
        margin=MARGIN_DAY if of_a_day else MARGIN,
        higher=higher,
    )


def _left_behind(
    run: float, rises: Floats, least: float, most: int, spans: int
) -> tuple[float, int, float]:
    """The highest earlier run, but for so many (`most` at most) as make the strongest evidence,
    and never lower than `least`; their number; and the log e-value.
    """
    left = rises.copy()
    best = max(float(rises.max()), 0.0), 0, 0.0
    for higher in range(most + 1):
        top = int(left.argmax())
        bar = max(float(left[top]), least if higher else 0.0, 0.0)
        times = run / bar if bar > 0 else math.inf
        if run > 0 and times > 1.0:
            log_e = math.log((spans + 1.0) / (higher + 1.0)) - (CHOICE if higher else 0.0)
            log_e += HIGHER * math.log(min(times, 1e3))
            if log_e > best[2]:
                best = bar, higher, log_e
        # what an incident raised lies around its highest place
        left[max(top - 2 * SPAN, 0) : top + 2 * SPAN] = -math.inf
    return best


def _of_this_hour(windows: Floats, rises: Floats, since: Line, step: float) -> float:
    """The highest run of earlier days around the same hour; -inf without any. `rises` are of the
    spans that begin with these windows.
    """
    apart = windows[: rises.size] - since.windows[0]
    near = np.abs((apart + DAY / 2) % DAY - DAY / 2) <= SPAN * step
    return float(rises[near].max(initial=-math.inf))


def _highest_within(values: Floats, size: int) -> Floats:
    """From each place on, the highest of so many."""
    padded = np.concatenate([values, np.full(size - 1, -math.inf)])
    return np.asarray(
        np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1), dtype=np.float64
    )


def _shift_e(past: Floats, now: Floats, grown: float) -> float:
    """Log e-value (Student's likelihood ratio, less the price of fitting) of the median since
    against the one before, in logs. Windows that follow each other count for fewer.
    """
    usual = float(np.median(past))
    if usual <= 0:
        return math.inf
    x, y = (np.log(np.maximum(values, usual * FINEST)) for values in (past, now))
    apart = x - x.mean()
    spread = float((apart**2).sum())
    follows = float((apart[1:] * apart[:-1]).sum()) / spread if spread > 0 else 0.0
    follows = min(max(follows + STICKY, 0.0), 0.9)
    apart_before, apart_since = (
        max(size * (1.0 - follows) / (1.0 + follows), 1.0) for size in (x.size, y.size)
    )
    scale = max(math.sqrt(spread / (x.size - 1)), FINEST)
    step = float(np.median(y)) - math.log(usual * (1.0 + grown))
    if step <= 0:
        return 0.0
    t = step / (scale * math.sqrt(MEDIAN / min(apart_since, ALIKE) + MEDIAN / apart_before))
    freedom = max(apart_before, 3.0)
    return 0.5 * freedom * math.log1p(t * t / freedom) - PRICE
