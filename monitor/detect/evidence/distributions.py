"""The few functions of scipy that judging needs, behind one typed face."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from monitor.detect.arrays import Floats


def log_mean_exp(logs: Floats, weights: Floats | None = None) -> float:
    """Log of the (weighted) mean of exp(logs); weights sum to 1. -inf for no entry."""
    if logs.size == 0:
        return float("-inf")
    top = float(np.max(logs))
    if not np.isfinite(top):
        return top
    terms = np.exp(logs - top)
    mean = float(np.mean(terms)) if weights is None else float(np.dot(terms, weights))
    return top + float(np.log(mean))


def log_mean_exps(logs: Floats) -> Floats:
    """The same of each row; there is one column at least, and nothing infinite."""
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)), dtype=np.float64)


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """The standard normal's quantile."""
    return float(scipy.special.ndtri(probability))


def normal_tail(z: float) -> float:
    """P(Z >= z) for a standard normal."""
    return float(scipy.special.ndtr(-z))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The Beta(a, b) quantile; 0 or 1 at the degenerate ends, as Clopper and Pearson's bounds want
    it.
    """
    return beta_quantiles(probability, [a], [b])[0]


def beta_quantiles(probability: float, a: Sequence[float], b: Sequence[float]) -> list[float]:
    """The same of many: the Beta(a[i], b[i]) quantiles."""
    if not len(a):
        return []
    quantiles = scipy.special.betaincinv(a, b, probability).tolist()
    return [
        0.0 if first <= 0 else 1.0 if second <= 0 else quantile
        for first, second, quantile in zip(a, b, quantiles, strict=True)
    ]


def binomial_pmf(count: int, probability: float) -> Floats:
    """Probabilities of 0..count under Binomial(count, probability)."""
    k: NDArray[Any] = np.arange(count + 1)
    if probability <= 0 or probability >= 1:
        pmf = np.zeros(count + 1)
        pmf[0 if probability <= 0 else count] = 1.0
        return pmf
    choose = (
        scipy.special.gammaln(count + 1)
        - scipy.special.gammaln(k + 1)
        - scipy.special.gammaln(count - k + 1)
    )
    return np.asarray(
        np.exp(choose + k * np.log(probability) + (count - k) * np.log1p(-probability)),
        dtype=np.float64,
    )
