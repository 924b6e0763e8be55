"""Is harm improbable, taken over all edges of one role together? Where no single edge has calls
enough to show it.

Bad calls of the new version are held against those that the old version's rates let expect of the
same mix of edges: its rate beside the new one, and over the half hour before where that rate is
steady. Two things must be shown. *Improbable*: given a stated prior, that one release in twenty is
harmful and that its harm may be of any size (log-uniform, from the floor to all calls), relevant
harm has a probability of one in a thousand at most; the others are no worse, or half of them are,
by less than the floor (log-uniform, too): whichever explains better what is bad. *Bounded*: at 99
%, at most two points more fail. Both hold for one look; what is looked at again and again has at
most a few times that error. So few calls pass only where nothing, or next to nothing, is bad.

Failures that come in bursts hide no harm that lasts: harm comes on top of them. So what is usual
scatters as the old version's windows do, and harm as the new one's (negative binomial, the
variance a multiple of the mean); and however much it scatters, no more was added than was bad.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from monitor.detect.arrays import Floats, Ints, runs, summed
from monitor.detect.evidence.equivalence import difference_bound, standardised
from monitor.detect.evidence.latency import Counted, exceedance_counts, far_counts
from monitor.detect.evidence.scatter import dispersions, without_incidents
from monitor.detect.evidence.tested import (
    ALL_FAILURES,
    RATES,
    SIDES,
    EdgeTests,
    only_server_errors,
)
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import Role, Side
from monitor.detect.measure.warmup import settled_windows
from monitor.detect.settings import JudgeSettings

PRIOR = 0.05
"""One release in twenty is taken to be harmful before anything is seen of it."""
IMPROBABLE = 0.001
CONFIDENCE = 0.99
MOST_POINTS = 0.02
ODDS, POINTS_OF_FEW = 0.005, 0.03
"""Where calls are few: harm as improbable as that is a weaker pass."""
CLIENT_ERROR_POINTS = 0.03
"""What callers do wrong varies with the callers: no prior speaks of it, a bound does."""
GROSS = 0.3
"""Harm of so many calls must be excluded on each edge by itself, at 95 %: ten calls of which none
is bad do.
"""
STEADY = 3.0
"""Standard deviations that the old version's rate beside the new one may be off its
rate before.
"""
NONE: Ints = np.zeros(0, dtype=np.int64)
SIZES: Floats = np.asarray((np.arange(40) + 0.5) / 40.0, dtype=np.float64)
BELOW: Floats = np.asarray(0.5 ** (np.arange(5) + 0.5), dtype=np.float64)
"""Parts of the floor by which a harmless release may be worse."""
LARGEST = 1e12
"""Of a negative binomial's size: the logs of larger factorials are not told apart."""
BASES = (np.arange(9) + 0.5) / 9.0


@dataclass(frozen=True, slots=True)
class Pooled:
    """One kind of bad calls over all edges of a role: what the new version had, and what the old
    one's rates let expect.

    `harm`: probability of relevant harm; `difference_high`: how much more of all calls may be bad,
    at 99 %. `enough`: both are small; `nearly`: small enough for a weaker pass. `calls_needed`: so many calls would show it if all goes on
    as the old version did (None: no number below ten million).
    """

    kind: str
    calls: float
    bad: float
    expected: float
    harm: float
    difference_high: float
    enough: bool
    nearly: bool
    calls_needed: float | None


def pooled(
    edges: Sequence[EdgeTests], role: Role, settings: JudgeSettings, *, apart: bool = False
) -> list[Pooled]:
    """Each kind that the edges of this role have, latency by side included. `apart`: the versions
    never met, what was before is all there is.
    """
    mine = [edge for edge in edges if edge.role == role and edge.contrast.after_new[0]]
    kinds = [(kind, bad, calls) for _, kind, bad, calls in RATES] + [
        (ALL_FAILURES, ALL_FAILURES, "calls")
    ]
    pools: list[Pooled | None] = []
    unharmed: Pooled | None = None
    for kind, bad, calls in kinds:
        none = calls == "calls" and not any(_has_any(edge, bad) for edge in mine)
        # most kinds have no bad call at all, and then one bound
        if none and unharmed is not None and kind != "client_error":
            pools.append(replace(unharmed, kind=kind))
            continue
        if kind == ALL_FAILURES and pools[0] and all(only_server_errors(e.table) for e in mine):
            pools.append(replace(pools[0], kind=kind))
            continue
        pool = pooled_rate(mine, kind, bad, "checked" if kind == "violated" else calls, apart)
        pools.append(pool)
        unharmed = pool if none and kind != "client_error" else unharmed
    pools += [part(mine, side, settings, apart) for side in SIDES for part in (_latency, _tail)]
    return [pool for pool in pools if pool is not None]


def _has_any(edge: EdgeTests, bad: str) -> bool:
    """Whether either version has any such call, before or since."""
    place, contrast = COUNTS.index(bad), edge.contrast
    return bool(
        contrast.after_new[place] or contrast.after_old[place] or contrast.before[:, place].any()
    )


def without_gross_harm(edge: EdgeTests) -> bool:
    """Whether on this edge alone, harm of a third of all calls is excluded."""
    new = edge.contrast.after_new
    calls, bad = float(new[COUNTS.index("calls")]), float(new[COUNTS.index(ALL_FAILURES)])
    usual = (
        edge.contrast.before[:, COUNTS.index(ALL_FAILURES)].sum()
        + edge.contrast.after_old[COUNTS.index(ALL_FAILURES)]
    )
    past = edge.contrast.before[:, 0].sum() + edge.contrast.after_old[0]
    base = float(usual) / max(float(past), 1.0)
    return calls > 0 and float(scipy.special.gammaincinv(bad + 1.0, 0.95)) / calls - base < GROSS


@dataclass(slots=True)
class _Sums:
    """What edges have together of one kind: calls and bad ones of the new version, and what is to
    be expected by the old one's rates.
    """

    calls: float = 0.0
    found: float = 0.0
    expected: float = 0.0
    usual: float = 0.0
    weight: float = 0.0
    scatter: float = 0.0
    clumped: float = 0.0

    def add(
        self,
        new: Counted,
        old: Counted,
        before: Counted,
        phi: float,
        clumps: float,
        *,
        apart: bool,
        alone: bool = True,
    ) -> None:
        """One edge's (bad, calls) of each; what was before counts where the old rate is steady, or
        is all there is (`apart`).

        `phi` and `clumps`: variance over mean of the old version's bad calls, and of the new
        one's. `alone`: it counts without an old call to expect anything by, too: whatever is bad
        is more then.
        """
        (k, a), (s, b) = new, old
        if apart or _steady(s, b, *before):
            s, b = s + before[0], b + before[1]
        if not b and not alone:
            return
        self.calls, self.found = self.calls + a, self.found + k
        self.clumped += a * clumps
        if a and b:
            self.expected += a * s / b
            self.usual, self.weight = (
                self.usual + (s + 0.5) * (a / b),
                self.weight + (s + 0.5) * (a / b) ** 2,
            )
            self.scatter += phi * (s + 0.5) * (a / b)

    def told(self, kind: str) -> Pooled | None:
        """The whole; None without calls."""
        if not self.calls:
            return None
        law = _Law(
            phi=self.scatter / self.usual if self.usual else 1.0,
            clumps=self.clumped / self.calls,
            shape=self.usual**2 / self.weight if self.weight else 0.5,
        )
        harm, high = _harm(self.found, self.expected, self.calls, law)
        enough = _enough(kind, harm, high)
        needed = None if enough else _needed(kind, self.expected / self.calls, law)
        nearly = enough or (kind != "client_error" and harm <= ODDS and high < POINTS_OF_FEW)
        return Pooled(
            kind, self.calls, self.found, self.expected, harm, high, enough, nearly, needed
        )


@dataclass(frozen=True, slots=True)
class _Law:
    """How bad calls scatter: variance over mean of what is usual, and of what is added; and the
    shape of a gamma law as uncertain as the usual rate.
    """

    phi: float = 1.0
    clumps: float = 1.0
    shape: float = 0.5


def pooled_rate(
    edges: Sequence[EdgeTests],
    kind: str,
    bad: str,
    of: str,
    apart: bool,
    since: int | None = None,
) -> Pooled | None:
    """One kind of bad calls over these edges; `since`: the new version's count from this moment on."""
    place = COUNTS.index(bad), COUNTS.index(of)
    sums = _Sums()
    # an incident of before is nothing to expect
    calm = without_incidents(
        [(edge.contrast.before[:, place[0]], edge.contrast.before[:, place[1]]) for edge in edges]
    )
    scattered = dispersions(calm), dispersions([_by_window(edge, place) for edge in edges])
    for edge, usual, phi, clumps in zip(edges, calm, *scattered, strict=True):
        contrast = edge.contrast
        new, old = (
            (float(counts[place[0]]), float(counts[place[1]]))
            for counts in (contrast.after_new, contrast.after_old)
        )
        if since is not None:
            late = contrast.since_rows[edge.table.windows[contrast.since_rows] >= since]
            bad_late, calls_late = edge.table.counts[late][:, place].sum(axis=0).tolist()
            new = float(bad_late), float(calls_late)
        past = float(usual[0].sum()), float(usual[1].sum())
        sums.add(new, old, past, phi, clumps, apart=apart, alone=kind != "violated")
    return sums.told(kind)


def _by_window(edge: EdgeTests, place: tuple[int, int]) -> tuple[Ints, Ints]:
    """(bad, calls) of the new version per window; none where none is bad."""
    if not edge.contrast.after_new[place[0]]:
        return NONE, NONE
    rows = edge.contrast.since_rows
    windows, places = runs(edge.table.windows[rows])
    counts = summed(edge.table.counts[rows], places, windows.size)
    return counts[:, place[0]], counts[:, place[1]]


def _harm(bad: float, expected: float, calls: float, law: _Law) -> tuple[float, float]:
    """(probability of relevant harm, upper bound of the added share at 99 %)."""
    shape = max(law.shape / law.phi, 0.5)
    bases = np.maximum(expected * scipy.special.gammaincinv(shape, BASES) / shape, 1e-9)
    floor = max(0.005, 0.25 * expected / calls)
    added: Floats = np.asarray(calls * floor ** (1.0 - SIZES), dtype=np.float64)
    same, slight = (
        _likelihood(bad, bases, calls * floor * part, law) for part in (np.zeros(1), BELOW)
    )
    none = max(same, (same + slight) / 2.0)
    some = _likelihood(bad, bases, added, law)
    odds = some / max(none, 1e-300)
    if bad <= expected:
        odds = min(odds, _so_few(bad, added, law))
    odds *= PRIOR / (1.0 - PRIOR)
    high = law.phi * float(scipy.special.gammaincinv(bad / law.phi + 1.0, CONFIDENCE))
    if bad:  # the limits of both combine as roots of squares (MOVER, Newcombe 1998)
        low = expected * float(scipy.special.gammaincinv(shape, 1.0 - CONFIDENCE)) / shape
        high = bad - expected + math.hypot(high - bad, expected - min(low, expected))
    alone = law.clumps * float(scipy.special.gammaincinv(bad / law.clumps + 1.0, CONFIDENCE))
    return odds / (1.0 + odds), max(0.0, min(high, alone)) / calls


def _so_few(bad: float, added: Floats, law: _Law) -> float:
    """How probable it is, on average over what may be added, that no more of it came than was
    bad.
    """
    if law.clumps <= 1.0:
        return float(scipy.special.gammaincc(bad + 1.0, added).mean())
    size = added / (law.clumps - 1.0)
    return float(scipy.special.betainc(size, bad + 1.0, 1.0 / law.clumps).mean())


def _likelihood(bad: float, bases: Floats, added: Floats, law: _Law) -> float:
    """Of so many bad calls, on average over what may be usual and what may be added; negative
    binomial, Poisson where nothing clumps.
    """
    mean = bases[:, None] + added[None, :]
    least = np.maximum(1e-6 * mean, mean * (mean / LARGEST))
    excess = (
        np.maximum((law.phi - 1.0) * bases[:, None] + (law.clumps - 1.0) * added[None, :], least)
        / mean
    )
    size = mean / excess
    log = (
        scipy.special.gammaln(bad + size)
        - scipy.special.gammaln(size)
        - scipy.special.gammaln(bad + 1.0)
    )
    log = log + bad * np.log(excess / (1.0 + excess)) - size * np.log1p(excess)
    return float(np.exp(log).mean())


def _steady(s: float, b: float, before_bad: float, before_calls: float) -> bool:
    """Whether the old version's rate beside the new one is what it was before; also where it has
    no calls there any more.
    """
    if not before_calls:
        return False
    if not b:
        return True
    rate = (s + before_bad + 1.0) / (b + before_calls + 2.0)
    spread = (rate * (1.0 - rate) * (1.0 / b + 1.0 / before_calls)) ** 0.5
    return bool(abs(s / b - before_bad / before_calls) <= STEADY * max(spread, 1e-9))


def _needed(kind: str, rate: float, law: _Law) -> float | None:
    """Calls of the new version that would be enough if they went on at the old version's rate."""
    low, high = 10.0, 1e7
    if not _would(kind, high, rate, law):
        return None
    while high / low > 1.05:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if _would(kind, middle, rate, law) else (middle, high)
    return high


def _would(kind: str, calls: float, rate: float, law: _Law) -> bool:
    return _enough(kind, *_harm(calls * rate, calls * rate, calls, law))


def _enough(kind: str, harm: float, difference_high: float) -> bool:
    if kind == "client_error":
        return difference_high < CLIENT_ERROR_POINTS
    return harm <= IMPROBABLE and difference_high < MOST_POINTS


def _latency(
    edges: Sequence[EdgeTests], side: Side, settings: JudgeSettings, apart: bool
) -> Pooled | None:
    rows: list[tuple[int, int, int, int]] = []
    floors = settings.latency_floor_buckets, settings.latency_floor_seconds
    for edge in edges:
        if not apart:
            rows += [edge.beyond[side].slow] if side in edge.beyond else []
            continue
        new, old = _after_and_before(edge, side, settings)
        if new.any() and old.any():
            rows.append(exceedance_counts(new, old, edge.table.lowest, *floors))
    if not rows:
        return None
    k, a, s, b = np.array(rows, dtype=np.float64).T
    weight = a * b / (a + b)
    new_rate, new_size = standardised(k / a, a, weight)
    old_rate, old_size = standardised(s / b, b, weight)
    high = difference_bound(new_rate, new_size, old_rate, old_size, settings.equivalence_alpha)
    enough = high < settings.latency_floor_points
    return Pooled(
        side,
        float(a.sum()),
        float(k.sum()),
        old_rate * float(a.sum()),
        0.0,
        high,
        enough,
        enough,
        None,
    )


def _tail(
    edges: Sequence[EdgeTests], side: Side, settings: JudgeSettings, apart: bool
) -> Pooled | None:
    """Calls far slower than the old p99, held against what the old version has of them, as
    failures are.
    """
    sums = _Sums()
    floor = settings.latency_floor_seconds
    for edge in edges:
        if apart:
            new, old = _after_and_before(edge, side, settings)
            if not new.any() or not old.any():
                continue
            far = far_counts(new, old, old[:0], edge.table.lowest, floor)
        elif side in edge.beyond:
            far = edge.beyond[side].far
        else:
            continue
        fresh, beside, past, phi = far
        sums.add(fresh, beside, past, phi, phi, apart=apart)
    return sums.told(f"{side} tail")


def _after_and_before(
    edge: EdgeTests, side: Side, settings: JudgeSettings
) -> tuple[Floats, Floats]:
    """The new version's, once settled, and what was before: rows x buckets."""
    whole = edge.table.latency(side)
    if whole is None:
        nothing = np.zeros((0, 1))
        return nothing, nothing
    since = edge.contrast.since_rows
    warm = settled_windows(
        edge.contrast, edge.table.windows[since], edge.fresh, edge.grain, settings.min_windows
    )
    return whole[since[warm]], whole[edge.contrast.before_rows]
