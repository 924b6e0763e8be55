"""The weaker leg: after against before, where the versions never met; and damage to what both share.

A step is believed only if it stands out from every placebo: the same comparison at earlier moments at which nothing was deployed.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detect.distributions import Floats, Ints, log_mean_exp
from monitor.detect.rates import GRID

SEASONAL_WINDOWS = 2 * 8640
"""Two days of windows: below this a seasonal baseline would be a guess."""
MIN_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class StepTest:
    """Bad calls after against before; `placebos` earlier comparisons, `beaten` of them smaller than the real one."""

    before_calls: int
    before_bad: int
    after_calls: int
    after_bad: int
    log_e: float
    ratio: float | None
    placebos: int
    beaten: int
    seasonal: bool

    @property
    def stands_out(self) -> bool:
        """Larger than every placebo, and there were enough of them."""
        return self.placebos >= 10 and self.beaten == self.placebos


def step_test(
    before: tuple[Ints, Ints], after: tuple[Ints, Ints], phi: float, placebos: int, windows: tuple[Ints, Ints] | None = None
) -> StepTest:
    """`before` and `after` are (bad, calls) per window, in time order. `windows` (seconds) lets a long history become a seasonal baseline."""
    (s, b), (k, a) = before, after
    base, seasonal = (b.astype(float), a.astype(float)), False
    if windows is not None and b.size >= SEASONAL_WINDOWS:
        expected_before, expected_after = seasonal_rates(windows[0], s, b, windows[1])
        base, seasonal = (b * expected_before, a * expected_after), True
    span = max(1, min(a.size, b.size // 3))
    real = _log_ratio(float(k.sum()), float(base[1].sum()), float(s.sum()), float(base[0].sum()))
    cuts = (
        np.unique(np.linspace(span, b.size - span, placebos).astype(int))
        if b.size >= 3 * span and b.size > 3
        else np.array([], dtype=int)
    )
    beaten = 0
    for cut in cuts.tolist():
        earlier, later = slice(0, cut), slice(cut, cut + span)
        beaten += real > _log_ratio(
            float(s[later].sum()), float(base[0][later].sum()), float(s[earlier].sum()), float(base[0][earlier].sum())
        )
    share = base[1].sum() / max(base[1].sum() + base[0].sum(), 1e-9)
    log_e = _fixed_e(float(k.sum()) / phi, float(s.sum()) / phi, float(share))
    ratio = float(np.exp(real)) if s.sum() > 0 and k.sum() > 0 else None
    return StepTest(int(b.sum()), int(s.sum()), int(a.sum()), int(k.sum()), log_e, ratio, int(cuts.size), int(beaten), seasonal)


def dose_response(old_bad: Ints, old_calls: Ints, new_share: Floats, before_bad: Ints, before_calls: Ints) -> float:
    """Z of the old version's bad calls growing with the new one's share of traffic: what harm to shared state looks like.

    Needs three levels of share or more, else 0: a shared outage at one moment is no dose.
    """
    levels = np.unique(np.round(new_share, 1))
    calls = float(before_calls.sum() + old_calls.sum())
    if levels.size < 3 or calls == 0:
        return 0.0
    rate = (before_bad.sum() + old_bad.sum() + 0.5) / (calls + 1.0)
    centred = new_share - float((new_share * old_calls).sum() / max(old_calls.sum(), 1))
    spread = float((centred**2 * old_calls).sum()) * rate
    return float(((old_bad - old_calls * rate) * centred).sum() / max(spread, 1e-9) ** 0.5)


def seasonal_rates(windows: Ints, bad: Ints, calls: Ints, later: Ints) -> tuple[Floats, Floats]:
    """Expected rate per window by hour and weekday (scikit-learn, Poisson loss), for the past and for `later`."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  # a second to import, rarely used

    busy = calls > 0
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=60, random_state=0, early_stopping=False)
    model.fit(_clock_features(windows[busy]), bad[busy] / calls[busy], sample_weight=calls[busy])
    return np.asarray(model.predict(_clock_features(windows))), np.asarray(model.predict(_clock_features(later)))


def _clock_features(windows: Ints) -> Floats:
    day = (windows % 86400) / 86400.0
    return np.stack([day, np.floor(windows / 86400.0) % 7], axis=1)


def _log_ratio(k: float, a: float, s: float, b: float) -> float:
    return float(np.log((k + 0.5) / (a + 1e-9)) - np.log((s + 0.5) / (b + 1e-9)))


def _fixed_e(k: float, s: float, share: float) -> float:
    share = min(max(share, 1e-6), 1.0 - 1e-6)
    theta = MIN_RATIO * GRID
    p1, p0 = theta * share / (theta * share + 1.0 - share), MIN_RATIO * share / (MIN_RATIO * share + 1.0 - share)
    return log_mean_exp(np.asarray(k * np.log(p1 / p0) + s * np.log((1.0 - p1) / (1.0 - p0)), dtype=np.float64))
