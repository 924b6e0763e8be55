"""The weaker leg: after against before, where the versions never met; and damage to what both
share.

A step is believed only if it stands out from placebos: the same comparison at earlier moments at
which nothing was deployed. What is compared is the mildest part of each span, so that an incident
that came and went hides no harm that stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.distributions import log_mean_exp
from monitor.detect.evidence.rates import GRID, PRIOR

MIN_RATIO = 2.0
MARGIN = 1.5
"""A step that only time speaks for must be so many times the largest placebo."""
ENOUGH_PLACEBOS = 5
MOST_PARTS = 4
LAST = 6
"""So many windows before the deploy must not be nearly as bad as those after."""
LEAST_THERE = 3.0
STOPPED = 6
"""After so many windows that are as before, thrice as many as it ever paused, harm is over."""
MILDEST = 0.25
"""The mildest part of the time after must have so much of the step (in logs): it begins at the
deploy and stays.
"""
DOSES = 4
"""Levels of the new version's share, none among them, at which the old one's calls must have been
seen.
"""
TANGENTS = np.linspace(0.02, 0.98, 33)
ROUNDING = 1e-6
ENOUGH_BAD = 6.0
MOST_BEATEN = 0.9
OUTLASTS = 180.0
"""Gross harm that lasted so many seconds need not be larger than each earlier incident, only than
nearly all other times.
"""
GROSS = 3.0
HUGE, FEW_PLACEBOS, HUGE_OUTLASTS = 10.0, 3, 60.0
"""So many times as bad, for so many seconds, is no chance, however short the past: then a few
other times do.
"""
LASTING = 1.4
"""Both halves of the time after must be worse by this: a passing incident is no release."""
ENOUGH_WINDOWS = 4
"""Of so many windows since, both halves must be worse, and the worst one counts for nothing."""


@dataclass(frozen=True, slots=True)
class StepTest:
    """Bad calls after against before; `placebos` comparisons at times when nothing was deployed,
    `beaten` of them smaller than the real one.

    `seasonal`: earlier days say what was to be expected; `growth`: how much neighbours grew worse
    at the same time. `lasting`: it is there early and late, and was not there just before.
    `controls`: neighbours that could have told of the same.
    """

    before_calls: int
    before_bad: int
    after_calls: int
    after_bad: int
    log_e: float
    ratio: float | None
    placebos: int
    beaten: int
    seasonal: bool
    growth: float
    lasting: bool
    controls: int = 0

    def stands_out(self, seconds: float) -> bool:
        """Larger than every placebo, and there were enough of them; than nearly every one where it
        is gross and has lasted for `seconds`.
        """
        return stands_out(
            self.placebos, self.beaten, self.ratio or max(GROSS, self._at_least()), seconds
        )

    def _at_least(self) -> float:
        """How many times as bad at least, where nothing was bad before."""
        return (
            (self.after_bad + 0.5)
            / max(self.after_calls, 1)
            * max(self.before_calls, 1)
            / (self.before_bad + 0.5)
        )


def stands_out(placebos: int, beaten: int, ratio: float, seconds: float) -> bool:
    """Whether a step of `ratio` is larger than what time does alone."""
    if placebos < ENOUGH_PLACEBOS:
        return FEW_PLACEBOS <= placebos == beaten and ratio >= HUGE and seconds >= HUGE_OUTLASTS
    return beaten == placebos or (
        ratio >= GROSS and seconds >= OUTLASTS and beaten >= MOST_BEATEN * placebos
    )


def step_test(
    before: tuple[Ints, Ints],
    after: tuple[Ints, Ints],
    phi: float,
    placebos: int,
    *,
    expected: tuple[Floats, Floats] | None = None,
    former: Sequence[float] = (),
    growth: float = 1.0,
    floor_ratio: float = MIN_RATIO,
    margin: float = 1.0,
) -> StepTest:
    """`before` and `after` are (bad, calls) per window, in time order.

    `expected` are a seasonal baseline's rates for both; `former` log ratios of the same hours of
    earlier days, each a placebo; `growth` is how much neighbours that were not deployed grew worse
    (difference in differences): the step must exceed it.
    """
    (s, b), (k, a) = before, after
    base = (b * expected[0], a * expected[1]) if expected else (b.astype(float), a.astype(float))
    base = base[0], base[1] * growth
    span = max(1, min(a.size, b.size // 3))
    real = log_ratio((k, base[1]), (s, base[0]))
    parts = _parts(k, span, phi)
    least = _least(k, base[1], parts)
    starts = (
        np.unique(np.linspace(0, b.size - span, placebos).astype(int))
        if b.size > 3
        else np.array([], dtype=int)
    )
    rivals = [
        _least(s[start : start + span], base[0][start : start + span], parts)
        for start in starts.tolist()
    ]
    beaten = sum(least - np.log(margin) > rival for rival in rivals) + sum(
        real - np.log(margin) > rival for rival in former
    )
    halves = (slice(0, a.size // 2), slice(a.size // 2, None)) if a.size >= ENOUGH_WINDOWS else ()
    lasting = all(
        log_ratio((k[half], base[1][half]), (s, base[0])) >= np.log(LASTING) for half in halves
    )
    usual = float(np.log((s.sum() + 0.5) / (base[0].sum() + 1e-9)))
    # an incident later on leaves its first part well
    lasting = lasting and least - usual >= max(np.log(LASTING), MILDEST * real)
    lasting = lasting and not _was_there((k, base[1]), (s, base[0]))
    lasting = lasting and not _is_over((k, base[1]), (s, base[0]))
    share = base[1].sum() / max(base[1].sum() + base[0].sum(), 1e-9)
    return StepTest(
        before_calls=int(b.sum()),
        before_bad=int(s.sum()),
        after_calls=int(a.sum()),
        after_bad=int(k.sum()),
        log_e=min(
            fixed_e(float(k.sum()) / phi, float(s.sum()) / phi, float(share), floor_ratio),
            _without_worst((k, base[1]), (s, base[0]), phi, floor_ratio),
        ),
        ratio=float(np.exp(real)) if s.sum() > 0 and k.sum() > 0 else None,
        placebos=len(rivals) + len(former),
        beaten=int(beaten),
        seasonal=expected is not None,
        growth=growth,
        lasting=bool(lasting),
    )


def _without_worst(
    after: tuple[Ints, Floats], before: tuple[Ints, Floats], phi: float, floor_ratio: float
) -> float:
    """Log e-value without the worst window since: one alone makes no finding. Of windows so few
    that each counts, no bound.
    """
    (k, a), (s, b) = after, before
    if k.size < ENOUGH_WINDOWS:
        return np.inf
    worst = int(np.argmax(k - a * (s.sum() + 0.5) / (b.sum() + 1e-9)))
    bad, calls = float(k.sum() - k[worst]), float(a.sum() - a[worst])
    share = calls / max(calls + float(b.sum()), 1e-9)
    return fixed_e(bad / phi, float(s.sum()) / phi, share, floor_ratio)


def _was_there(after: tuple[Ints, Floats], before: tuple[Ints, Floats]) -> bool:
    """Whether the last moments before were nearly as bad: then it is no step of this moment."""
    (k, a), (s, b) = after, before
    last = max(2, min(LAST, k.size))
    usual, now = (s.sum() + 0.5) / (b.sum() + 1e-9), (k.sum() + 0.5) / (a.sum() + 1e-9)
    bad = float(s[-last:].sum())
    return bad >= LEAST_THERE and bad > float(np.sqrt(usual * now)) * float(b[-last:].sum())


def _is_over(after: tuple[Ints, Floats], before: tuple[Ints, Floats]) -> bool:
    """Whether it came and went while the new version stayed: quiet for longer than it ever paused
    since it began, in windows each of which it would have shown in.
    """
    (k, a), (s, b) = after, before
    usual, now = (s.sum() + 0.5) / (b.sum() + 1e-9), (k.sum() + 0.5) / (a.sum() + 1e-9)
    worse = np.flatnonzero((k >= LEAST_THERE) & (k > float(np.sqrt(usual * now)) * a))
    if not worse.size:
        return False
    quiet = k.size - 1 - int(worse[-1])
    paused = int(np.diff(worse).max(initial=1))
    due = float(now) * float(a[worse[-1] + 1 :].min(initial=np.inf))
    return quiet >= max(STOPPED, 3 * paused) and due >= LEAST_THERE


def _parts(bad: Ints, span: int, phi: float) -> int:
    """Into so many parts a span is cut: each with enough bad calls to tell, no more of them than
    windows.
    """
    return max(1, min(MOST_PARTS, span, int(float(bad.sum()) / phi / ENOUGH_BAD)))


def _least(bad: Ints, exposure: Floats, parts: int) -> float:
    """Log rate of the mildest of so many parts, each of as many calls (a ramp begins with few):
    harm that stays is bad in each, an incident that came and went is not.
    """
    line = np.cumsum(exposure)
    inner = np.abs(line[:, None] - line[-1] * np.arange(1, parts) / parts).argmin(axis=0) + 1
    ends = np.unique(np.concatenate([[0], np.minimum(inner, bad.size), [bad.size]]))
    return float(
        min(
            np.log((bad[low:high].sum() + 0.5) / (exposure[low:high].sum() + 1e-9))
            for low, high in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        )
    )


def dose_response(
    old_bad: Ints, old_calls: Ints, new_share: Floats, before_bad: Ints, before_calls: Ints
) -> float:
    """Z of the old version's bad calls growing with the new one's share of traffic: what harm to
    shared state looks like.

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


def dose_over_step(bad: Ints, calls: Ints, share: Floats, least: float) -> float:
    """Log likelihood ratio of "the rate grows with the share" to the best "it stepped at one
    moment" (or never), Poisson both; 0 where it is surely below `least`.

    Windows in time order, those before the deploy with share 0. An outage is a step whatever the
    ramp does meanwhile; damage to what both versions share follows the new one's traffic up each
    of its levels, three at least.
    """
    if np.unique(np.round(share[calls > 0], 1)).size < DOSES or not bad.sum():
        return 0.0
    k, a = np.cumsum(bad), np.cumsum(calls)
    with_step = float(np.max(_two_levels(k, a, k[-1], a[-1])))
    for tangents in (TANGENTS[:1], TANGENTS):  # of most series the first is low enough
        if _dose_at_most(bad, calls, share, tangents) - with_step < least - ROUNDING:
            return 0.0
    return _fit_of(bad, calls, share, *dose_rates(bad, calls, share)) - with_step


def _dose_at_most(bad: Ints, calls: Ints, share: Floats, tangents: Floats) -> float:
    """No rates that grow with the share are likelier (as `_fit_of` tells it).

    The best ones explain as many bad calls as there were, so they lie between "all of them without
    the new version" and "all by it". There the logarithm is concave: no point of it is above the
    higher end of any tangent.
    """
    some = bad > 0
    total, seen = float(bad.sum()), bad[some]
    none = total / float(calls.sum())
    by_dose = total / max(float((calls * share).sum()), 1e-12) * share[some]
    rates = none + tangents[:, None] * (by_dose - none)
    slopes = ((by_dose - none) / rates) @ seen
    ends = np.maximum(slopes * (1.0 - tangents), -slopes * tangents)
    return float((np.log(rates) @ seen - total + ends).min())


def dose_rates(bad: Ints, calls: Ints, share: Floats) -> tuple[float, float]:
    """The rate without the new version, and what all of it adds: Poisson, neither below 0."""
    base, dose = calls.astype(float), calls * share
    low = high = float(bad.sum()) / max(float(base.sum()), 1.0)
    for _ in range(80):  # expectation and maximisation: both rates stay above 0
        mean = np.maximum(low * base + high * dose, 1e-12)
        low *= float((bad * base / mean).sum()) / max(float(base.sum()), 1e-12)
        high *= float((bad * dose / mean).sum()) / max(float(dose.sum()), 1e-12)
    return low, high


def _two_levels(k: Ints, a: Ints, whole_k: int, whole_a: int) -> Floats:
    """Log likelihood, but for what no rate changes, of k bad of `a` calls at one rate and of all
    others at another.
    """
    ends = ((k, a), (whole_k - k, whole_a - a))
    return np.asarray(
        sum(
            part * np.log(np.maximum(part, 1e-12) / np.maximum(of, 1e-12)) - part
            for part, of in ends
        ),
        dtype=np.float64,
    )


def _fit_of(bad: Ints, calls: Ints, share: Floats, low: float, high: float) -> float:
    """The same of rates that grow with the share."""
    mean = np.maximum(low + high * share, 1e-12)
    return float((bad * np.log(mean) - mean * calls).sum())


def seasonal_rates(windows: Ints, bad: Ints, calls: Ints, later: Ints) -> tuple[Floats, Floats]:
    """Expected rate per window by hour and weekday (scikit-learn, Poisson loss), for the past and
    for `later`.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  # a second to import, rarely used
    from threadpoolctl import (  # type: ignore[import-untyped]  # noqa: PLC0415  # comes with scikit-learn
        threadpool_limits,
    )

    busy = calls > 0
    model = HistGradientBoostingRegressor(
        loss="poisson", max_iter=60, random_state=0, early_stopping=False
    )
    # so few rows are fitted 40 times faster alone: threads wait for each other
    with threadpool_limits(1, user_api="openmp"):
        model.fit(
            _clock_features(windows[busy]), bad[busy] / calls[busy], sample_weight=calls[busy]
        )
        return np.asarray(model.predict(_clock_features(windows))), np.asarray(
            model.predict(_clock_features(later))
        )


def _clock_features(windows: Ints) -> Floats:
    day = (windows % 86400) / 86400.0
    return np.stack([day, np.floor(windows / 86400.0) % 7], axis=1)


def log_ratio(after: tuple[Ints, Floats], before: tuple[Ints, Floats]) -> float:
    """Log of the ratio of rates, (bad, exposure) each."""
    (k, a), (s, b) = after, before
    return float(
        np.log((k.sum() + 0.5) / (a.sum() + 1e-9)) - np.log((s.sum() + 0.5) / (b.sum() + 1e-9))
    )


def fixed_e(k: float, s: float, share: float, floor_ratio: float) -> float:
    """Log e-value of one comparison: k of k + s bad calls fell to the later part, whose share of
    the exposure is `share`.
    """
    share = min(max(share, 1e-6), 1.0 - 1e-6)
    theta = floor_ratio * GRID
    p1 = theta * share / (theta * share + 1.0 - share)
    p0 = floor_ratio * share / (floor_ratio * share + 1.0 - share)
    return log_mean_exp(
        np.asarray(k * np.log(p1 / p0) + s * np.log((1.0 - p1) / (1.0 - p0)), dtype=np.float64),
        PRIOR,
    )
