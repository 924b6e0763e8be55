"""How large a share of calls is slower than a limit, from a histogram: what is sure, and what is
possible.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from monitor.model.edges import ZERO_BUCKET
from monitor.model.quantiles import BUCKETS_A_DOUBLING, quantile, upper_bound

SURE = 2.576
"""Standard deviations of a bound on each side, 99.5 %."""
LEAST_SLOW = 5
"""So many calls must surely be slower before anything is said to be."""
LADDER = (0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class Tail:
    """`calls` in all; of these `slower` are surely slower than the limit. Their share lies between
    `low` and `high`.

    A bucket that holds the limit counts for `high` only: its calls may lie on either side.
    """

    calls: int
    slower: int
    low: float
    high: float


def tail(histogram: Mapping[int, int], limit_seconds: float) -> Tail:
    """The share of calls above a limit, with bounds by Wilson's score
    (https://doi.org/10.2307/2276774).
    """
    calls = sum(histogram.values())
    slower = sum(
        count for bucket, count in histogram.items() if _lower_bound(bucket) >= limit_seconds
    )
    possible = sum(
        count for bucket, count in histogram.items() if upper_bound(bucket) > limit_seconds
    )
    if not calls:
        return Tail(0, 0, 0.0, 1.0)
    return Tail(
        calls,
        slower,
        _wilson(slower, calls)[0] if slower >= LEAST_SLOW else 0.0,
        _wilson(possible, calls)[1],
    )


def exceeding(
    histogram: Mapping[int, int], limit_seconds: float, low: float
) -> tuple[float, float] | None:
    """The lowest quantile that surely exceeds a limit, and what it is at least, in seconds:
    (0.995, 2.1). None where none does.
    """
    for share in LADDER:
        if low > 1 - share:
            seconds = quantile(histogram, share)
            return share, max(limit_seconds, seconds or 0.0)
    return None


def _lower_bound(bucket: int) -> float:
    return 0.0 if bucket == ZERO_BUCKET else float(2.0 ** (bucket / BUCKETS_A_DOUBLING))


def _wilson(count: int, total: int) -> tuple[float, float]:
    share, z2 = count / total, SURE * SURE
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = SURE * sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, middle - reach), min(1.0, middle + reach)
