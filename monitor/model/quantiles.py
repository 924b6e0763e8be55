"""Quantiles of exponential histograms: the one formula behind pages, findings, commands and
answers.
"""

import math
from collections.abc import Mapping, Sequence

from monitor.model.edges import HISTOGRAM_SCALE, ZERO_BUCKET

BUCKETS_A_DOUBLING = 1 << HISTOGRAM_SCALE


def bucket_of(seconds: float) -> int:
    """The bucket of a duration that is not below zero."""
    if not seconds:
        return ZERO_BUCKET
    return math.ceil(math.log2(seconds) * BUCKETS_A_DOUBLING) - 1


def upper_bound(bucket: int) -> float:
    """The inclusive upper bound of a bucket, in seconds."""
    return 0.0 if bucket == ZERO_BUCKET else 2.0 ** ((bucket + 1) / BUCKETS_A_DOUBLING)


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """The share-quantile in seconds, interpolated in log space within its bucket (error at most 9
    %); None when empty.
    """
    return next(iter(quantiles(histogram, (share,))), None)


def quantiles(histogram: Mapping[int, int], shares: Sequence[float]) -> list[float]:
    """As `quantile`, for shares that rise; none of an empty histogram."""
    total = sum(histogram.values())
    if not total:
        return []
    ordered = sorted(histogram)
    values: list[float] = []
    at, seen = 0, 0
    for share in shares:
        rank = share * total
        while at < len(ordered) and not (
            (count := histogram[ordered[at]]) and seen + count >= rank
        ):
            seen += count
            at += 1
        if at == len(ordered):
            values.append(upper_bound(ordered[-1]))
        elif ordered[at] == ZERO_BUCKET:
            values.append(0.0)
        else:
            share_of_bucket = (rank - seen) / histogram[ordered[at]]
            values.append(float(2.0 ** ((ordered[at] + share_of_bucket) / BUCKETS_A_DOUBLING)))
    return values
