"""Upper limits by Clopper and Pearson (https://doi.org/10.2307/2331986), of shares and of
quantiles that histograms hold.
"""

from collections.abc import Mapping
from math import ceil, log, log1p

from monitor.detect.evidence.distributions import beta_quantile
from monitor.model.quantiles import quantile, upper_bound
from monitor.model.ramps import Bound, LatencyBound

CONFIDENCE = 0.95
QUANTILES = (0.5, 0.95, 0.99)


def upper_share(count: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The upper end of the two-sided interval for a share; 1 where nothing was seen."""
    if not of:
        return 1.0
    return beta_quantile(1.0 - (1.0 - confidence) / 2, count + 1.0, float(of - count))


def lower_share(count: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The lower end; 0 where nothing was seen."""
    if not of:
        return 0.0
    return beta_quantile((1.0 - confidence) / 2, float(count), of - count + 1.0)


def least_without(share: float, confidence: float = CONFIDENCE) -> int:
    """How many must be seen with none among them, so that the upper end is at most `share`."""
    return ceil(log((1.0 - confidence) / 2) / log1p(-share))


def bound(count: int, of: int) -> Bound:
    """So many of so many, with what is possible."""
    return Bound(count, of, upper_share(count, of))


def latency_bounds(histogram: Mapping[int, int], side: str) -> list[LatencyBound]:
    """The median, p95 and p99 with what each is at most: the first bucket's end of which surely no
    more than the rest of the calls is slower.
    """
    calls = sum(histogram.values())
    return [
        LatencyBound(
            share,
            quantile(histogram, share) or 0.0,
            _surely_below(histogram, calls, share),
            calls,
            side,  # type: ignore[arg-type]
        )
        for share in (QUANTILES if calls else ())
    ]


def _surely_below(histogram: Mapping[int, int], calls: int, share: float) -> float | None:
    slower = calls
    for bucket in sorted(histogram):
        slower -= histogram[bucket]
        if upper_share(slower, calls) <= 1.0 - share:
            return upper_bound(bucket)
    return None
