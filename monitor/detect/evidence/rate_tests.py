"""The rates of bad calls of many edges tested in one go: hardly more calls of numpy than for one
where nothing is bad, and most kinds have no bad call on most edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.detect.arrays import Bools, Ints, once
from monitor.detect.evidence.rates import EXPECTED, gone_away, log_e_of_rates, ratio_bounds

CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class RateTest:
    """Sums over the strata used, log of the e-value, and bounds of the ratio of rates (None:
    unbounded or no data).

    `over`: what was bad has gone away (then the e-value is one at most).
    """

    strata: int
    windows: int
    bad_windows: int
    new_calls: int
    new_bad: int
    old_calls: int
    old_bad: int
    log_e: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    dispersion: float
    over: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """(bad, calls) of the new and of the old version by stratum, `windows` the stratum's window;
    `phi`: variance over mean.
    """

    windows: Ints
    new: tuple[Ints, Ints]
    old: tuple[Ints, Ints]
    phi: float = 1.0


def rate_tests(several: Sequence[Rates], floor_ratio: float) -> list[RateTest]:
    """The test of each. Cost: strata x 48 where a call was bad."""
    if not several:
        return []
    strata = _Strata.of(several)
    return [
        _test(rates, met, sums, strata.used[begin:end], floor_ratio)
        if any_bad
        else RateTest(*met, 0, *sums, 0.0, None, None, None, rates.phi)
        for rates, met, sums, any_bad, (begin, end) in zip(
            several,
            strata.met,
            strata.sums,
            strata.any_bad,
            pairwise(strata.cuts.tolist()),
            strict=True,
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The strata of all, one after the other; `cuts`: where those of each begin.

    `used`: both versions have calls. Of each, `met`: strata used, and windows of these; `sums`:
    calls and bad ones of the new version, and of the old one; `any_bad`: whether a call in strata
    used was.
    """

    cuts: Ints
    used: Bools
    met: list[tuple[int, int]]
    sums: list[tuple[int, int, int, int]]
    any_bad: list[bool]

    @classmethod
    def of(cls, several: Sequence[Rates]) -> "_Strata":
        windows, new_bad, new_calls, old_bad, old_calls = (
            np.concatenate(column)
            for column in zip(
                *((rates.windows, *rates.new, *rates.old) for rates in several), strict=True
            )
        )
        cuts = np.cumsum([0, *(rates.windows.size for rates in several)])
        used = (new_calls > 0) & (old_calls > 0)
        bad = used & (new_bad + old_bad > 0)
        owner = np.repeat(np.arange(len(several)), np.diff(cuts))
        span = int(windows.max(initial=0)) + 1
        moments = once(owner[used] * span + windows[used])
        distinct = np.bincount(moments // span, minlength=len(several))
        return cls(
            cuts,
            used,
            list(zip(_sums(used, cuts), distinct.tolist(), strict=True)),
            list(
                zip(
                    _sums(new_calls, cuts),
                    _sums(new_bad, cuts),
                    _sums(old_calls, cuts),
                    _sums(old_bad, cuts),
                    strict=True,
                )
            ),
            [count > 0 for count in _sums(bad, cuts)],
        )


def _sums(column: Ints | Bools, cuts: Ints) -> list[int]:
    line = np.concatenate([[0], np.cumsum(column)])
    counted: list[int] = (line[cuts[1:]] - line[cuts[:-1]]).tolist()
    return counted


def _test(
    rates: Rates,
    met: tuple[int, int],
    sums: tuple[int, int, int, int],
    used: Bools,
    floor_ratio: float,
) -> RateTest:
    """The test of one that has bad calls in the strata `used`."""
    (new_bad, new_calls), (old_bad, old_calls) = rates.new, rates.old
    bad = used & (new_bad + old_bad > 0)
    k, s = new_bad[bad].astype(float), old_bad[bad].astype(float)
    share = new_calls[bad] / (new_calls[bad] + old_calls[bad])
    bad_windows = int(once(rates.windows[bad & (new_bad > 0)]).size)
    phi = rates.phi
    log_e = log_e_of_rates(k / phi, s / phi, share, floor_ratio, EXPECTED)
    over = gone_away(
        rates.windows[used],
        (new_bad[used], new_calls[used]),
        (old_bad[used], old_calls[used]),
        floor_ratio,
    )
    log_e = min(log_e, 0.0) if over else log_e
    ratio, low, high = ratio_bounds(k, s, share, phi, CONFIDENCE)
    return RateTest(*met, bad_windows, *sums, log_e, ratio, low, high, phi, over)
