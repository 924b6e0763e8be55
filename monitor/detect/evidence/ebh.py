"""Which edges of a deploy to report: e-BH (Wang and Ramdas, arXiv 2009.02824), valid under any
dependence; Holm at a deadline.
"""

import math
from collections.abc import Sequence


def e_bh(log_es: Sequence[float], alpha: float) -> list[bool]:
    """Reject the k largest with e >= m / (alpha k) for the largest such k: the false discovery
    rate stays below alpha.
    """
    m = len(log_es)
    order = sorted(range(m), key=lambda place: -log_es[place])
    kept = 0
    for rank, place in enumerate(order, start=1):
        if log_es[place] >= math.log(m) - math.log(alpha) - math.log(rank):
            kept = rank
    chosen = set(order[:kept])
    return [place in chosen for place in range(m)]


def holm(p_values: Sequence[float], alpha: float) -> float:
    """Holm's step-down: reject every hypothesis whose p-value is at most the number returned
    (-1.0: none).
    """
    bar = -1.0
    for rank, p in enumerate(sorted(p_values)):
        if p > alpha / (len(p_values) - rank):
            break
        bar = p
    return bar
