"""Quantiles of exponential histograms: the one formula behind pages, findings, commands and
answers.
"""

import math
from collections.abc import Mapping

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
    total = sum(histogram.values())
    if not total:
        return None
    rank, seen = share * total, 0
    for bucket in sorted(histogram):
        count = histogram[bucket]
        if seen + count >= rank and count:
            if bucket == ZERO_BUCKET:
                return 0.0
            return float(2.0 ** ((bucket + (rank - seen) / count) / BUCKETS_A_DOUBLING))
        seen += count
    return upper_bound(max(histogram))
