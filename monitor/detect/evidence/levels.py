"""A number told once a window, of which nobody knows how many calls it stands for: its level since
a deploy against all that it did before.

There is no sampling error to reckon with, so only the number's own past can tell what is unusual.
What is compared is a run: how far above the level before it the number stays for windows in a row;
a window that is missing ends it.
The run since the deploy must be higher, by a margin, than every run that began at any earlier
moment; the past is as good as it is long. And it must go on: a number that is where it
was again has passed by; one that was there in the last window before is no step of this moment. Of n
runs beside it that might as well have been the
highest, chance makes it so once in n + 1; and how much higher it is than they, once in the square
of that (a heavy tail's law). But no run is rarer than what single windows make by chance: where
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
MARGIN = 1.25
"""A run since the deploy must be so many times the highest before."""
LEAST = 0.1
"""A level that rose by less than a tenth harms nobody."""
LEAST_SHORT = 0.3
"""Less than a day of past does not show how a level wanders: only a rise that matters by itself
stands out of it.
"""
LEAST_BARE, RARELY = 1.0, 0.1
"""A past so short that its level is one shows nothing of its wandering: only a rise to twice the
level stands out of it, above what more than so many of its windows reach.
"""
GOES_ON = 0.5
"""From a run's begin on, the number's median must stay above its level by so much of what a run
must be above it.
"""
HIGHER = 2.0
"""The power by which the chance falls as the run is higher than any before."""
THERE = 0.75
"""The last window before had so much of the rise, and more than any before it: it began earlier."""
GAP = 1.5
"""Windows so many steps apart are not in a row."""


@dataclass(frozen=True, slots=True)
class LevelTest:
    """`usual` before and the `run` since: what every window of the highest run reaches at least;
    `highest`: the highest run of before.

    `spans`: how many earlier runs there were that do not overlap; `beyond`: windows since the
    deploy that are above all that was before; `goes_on`: how far the median from the run's begin on
    is above the usual level; `was_there`: the rise had begun before the deploy; `least`: the share of
    the usual level that a rise must be; `begins`: the place of the highest run among the windows since.
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
    least: float = LEAST

    @property
    def ratio(self) -> float | None:
        """How many times the usual level; None where that is nothing."""
        return 1.0 + self.run / self.usual if self.usual > 0 else None

    def stands_out(self) -> bool:
        """Whether it is higher than every run before by the margin, and by enough to matter; and
        whether it began with the deploy and goes on.
        """
        bar = max(MARGIN * self.highest, self.least * self.usual, 0.0)
        return self.run > bar and self.goes_on > GOES_ON * bar and not self.was_there


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A number over time: windows (seconds, in order) and values."""

    windows: Floats
    values: Floats

    def step(self, grain: float) -> float:
        """Seconds from one window to the next: those of its teller may be longer than others'."""
        return (
            max(grain, float(np.median(np.diff(self.windows)))) if self.windows.size > 1 else grain
        )

    def lows(self, width: int, step: float) -> Floats:
        """The least of every `width` neighbours; none (-inf) where a window is missing between."""
        if self.values.size < width:
            return np.zeros(0)
        lows = np.lib.stride_tricks.sliding_window_view(self.values, width).min(axis=1)
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
    highest = max(float(rises.max()), 0.0)
    spans = int(past.size - np.isneginf(ahead).sum()) // max(SPAN, now.size)
    higher = run / highest if highest > 0 else math.inf
    log_e = 0.0
    if run > 0 and higher > 1.0:
        log_e = math.log1p(spans) + HIGHER * math.log(min(higher, 1e3))
        single = (float((above >= run).sum()) + 1.0) / (past.size + 1.0)
        log_e = min(log_e, -width * math.log(single) - math.log(lows.size))
        if bare and single > RARELY:
            log_e = 0.0
    least = LEAST_BARE if bare else LEAST if past.size * step >= DAY else LEAST_SHORT
    last, earlier = float(past[-1]), float(past[-LEVEL_WINDOWS:-1].max())
    return LevelTest(
        usual,
        run,
        highest,
        spans,
        log_e,
        int((now - due > highest).sum()),
        goes_on,
        was_there=run > 0 and last > earlier and last - due >= THERE * run,
        begins=int(lows.argmax()),
        least=least,
    )


def _highest_within(values: Floats, size: int) -> Floats:
    """From each place on, the highest of so many."""
    padded = np.concatenate([values, np.full(size - 1, -math.inf)])
    return np.asarray(
        np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1), dtype=np.float64
    )
