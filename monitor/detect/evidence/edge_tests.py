"""All tests of one edge for one deploy: each signal, over all counterpart versions and for every
version pair apart.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, runs, summed
from monitor.detect.evidence.distributions import log_mean_exp
from monitor.detect.evidence.equivalence import bounds, difference_bound
from monitor.detect.evidence.latency import (
    LatencyTest,
    exceedance_counts,
    far_counts,
    latency_test,
)
from monitor.detect.evidence.pair_bounds import Bounded, Rate, bounds_of_pairs
from monitor.detect.evidence.rates import (
    LEANS,
    RateTest,
    between_versions,
    dispersion,
    exact_tail,
    lasting,
    rate_test,
    surely_scattered,
    without_incident,
)
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import (
    Contrast,
    Role,
    Side,
    contrast,
    histograms,
    other_codes,
    own_codes,
)
from monitor.detect.measure.warmup import Shares, fresh_calls, settled
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import (
    Bounds,
    Evidence,
    LatencyEvidence,
    Quantiles,
    RateEvidence,
    RateKind,
    Signal,
)
from monitor.model.reasons import Reason, reason

RATES: tuple[tuple[Signal, RateKind, str, str], ...] = (
    ("errors", "server_error", "server_error", "calls"),
    ("provider_errors", "provider_error", "provider_error", "calls"),
    ("errors", "client_error", "client_error", "calls"),
    ("timeouts", "timeout", "timeout", "calls"),
    ("violations", "violated", "violated", "examined"),
)
"""Signal, its kind, the column of bad calls, the column of all calls.

A violation is found even in an exchange of which a part could not be checked, so its rate is over
all exchanges that met a promise; but that nothing is wrong is shown by wholly checked ones only.
"""
WEIGHTS: Mapping[str, float] = {
    "server_error": 0.3,
    "provider_error": 0.1,
    "client_error": 0.1,
    "timeout": 0.1,
    "violated": 0.15,
    "client": 0.1,
    "server": 0.1,
    "own": 0.05,
}
"""How much of an edge's alpha each kind gets. Chosen before any data, as an average of e-values
wants it; a kind of failure of which neither version has any leaves its part to the other kinds.
"""
LEANING = math.log(20.0)
"""Evidence of harm on an edge, though not enough for a finding: nothing goes by less."""
ROUNDING = 1e-6
"""So much may sums in another order differ by, and far less."""
ALL_FAILURES = "failed"
"""A pass needs this rate, too: of all failures, whatever kind they are and whichever side tells of
them.
"""
SIDES: tuple[Side, ...] = ("client", "server")
OWN: tuple[Side, ...] = ("own",)
FROM_TRACES: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts", "latency")
WARM: tuple[Signal, ...] = ("timeouts", "latency")
"""What a cold start looks like: judged by warm instances only."""


@dataclass(frozen=True, slots=True)
class SignalTest:
    """One signal of one edge; `counterpart` names the other side's version, None for all of them
    together.

    `deadline_p` is the exact test's, 1.0 where it was not asked for.
    """

    signal: Signal
    kind: str
    counterpart: str | None
    log_e: float
    bad_windows: int
    evidence: Evidence
    deadline_p: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class EdgeTests:
    """`log_e` is the log of the weighted mean of all tests' e-values: the edge's one e-value for
    e-BH. Where that is below what anything goes by, it is so much at most.

    `whole` are the tests over all counterparts, `pairs` gives those of each version pair: they are
    made when they are asked for.

    `own_time_log_e` tells whether the callee's own time (without its own calls) grew. `problems`
    say why this edge cannot pass, `untrusted` signals are not judged at all.
    """

    table: EdgeTable
    role: Role
    contrast: Contrast
    counterparts: tuple[str, ...]
    whole: tuple[SignalTest, ...]
    log_e: float
    own_time_log_e: float
    equivalences: Mapping[str, Bounds]
    latency_difference: Mapping[str, float]
    tail_difference: Mapping[str, float]
    fresh: Shares
    problems: tuple[Reason, ...]
    grain: int
    sides: Mapping[Side, tuple[Floats, Floats, Floats]]
    """Histograms of the new version, the old one beside it, once settled, and of what
    was before.
    """
    pairs: Callable[[], tuple[SignalTest, ...]] = tuple

    @property
    def tests(self) -> tuple[SignalTest, ...]:
        """All of them."""
        return (*self.whole, *self.pairs())


def tests_of_edge(
    table: EdgeTable,
    role: Role,
    new_version: str,
    old_version: str,
    since: float,
    settings: JudgeSettings,
    between_instances: float,
    fresh: Shares,
    grain: int,
    by_kind: Mapping[str, float],
) -> EdgeTests:
    """Every signal of one edge, new against old version of the deployed service, which stands on
    side `role`.

    `between_instances`: the dispersion of failures between instances of the old version, for calls
    that the service answers; `by_kind`: that of each kind of bad calls, and of slow calls by side,
    where single instances' calls are known; `fresh`: the share of calls that fresh instances of
    the new one had; `grain`: how many seconds a window holds.
    """
    least = between_instances if role == "callee" else 1.0
    least_of = by_kind if role == "callee" else {}
    whole = contrast(table, role, new_version, old_version, since)
    names, codes = other_codes(table, role)
    met = np.unique(codes[whole.new_rows]) if whole.overlap else np.array([], dtype=np.int64)
    counterparts = tuple(names[int(code)] for code in met)
    problems, biased = _problems(whole, settings)
    old = _Old.of(whole)
    tests = _tests(whole, old, settings, least, least_of, fresh, biased=biased)

    @cache
    def pairs() -> tuple[SignalTest, ...]:
        made: list[SignalTest] = []
        for counterpart in counterparts:
            pair = contrast(table, role, new_version, old_version, since, counterpart)
            made += _tests(pair, _Old.of(pair), settings, least, least_of, fresh, biased=biased)
        return tuple(made)

    log_e, slow = mean_of(weighed(tests), 0), _is_slow(tests, settings)
    if len(counterparts) > 1:
        bounded = [
            *weighed(tests),
            *at_most(whole, met, fresh, settings, biased=biased),
        ]
        log_e = mean_of(bounded, len(counterparts)) + ROUNDING
        if log_e >= min(LEANING, -math.log(settings.alpha)) or _may_be_slow(bounded, settings):
            every = [*tests, *pairs()]
            log_e, slow = mean_of(weighed(every), len(counterparts)), _is_slow(every, settings)
    own = _latency(whole, "own", settings, fresh) if slow and role == "callee" else None
    equivalences: dict[str, Bounds] = {}
    unharmed: Bounds | None = None
    for kind, bad, of in (
        *((kind, bad, of) for _, kind, bad, of in RATES),
        (ALL_FAILURES, ALL_FAILURES, "calls"),
    ):
        calls = "checked" if kind == "violated" else of
        (k, s), (a, b) = whole.column(bad), whole.column(calls)
        if kind == "violated" and a.sum() == 0 and b.sum() == 0:
            continue
        alone = int(whole.after_new[COUNTS.index(bad)]), int(whole.after_new[COUNTS.index(calls)])
        none = calls == "calls" and not alone[0] and not s.any() and old.phi(bad, calls) == 1.0
        if none and unharmed is not None:  # most kinds have no bad call at all, and then one bound
            equivalences[kind] = unharmed
            continue
        if kind == ALL_FAILURES and only_server_errors(table):
            equivalences[kind] = equivalences["server_error"]
            continue
        phi = old.phi(bad, calls)
        beside = between_versions((k, a), (s, b)) if phi > 1.0 else None
        bound = bounds(
            (k, a),
            (s, b),
            alone,
            settings.equivalence_alpha,
            phi,
            settings.floor_difference,
            beside,
        )
        equivalences[kind] = bound
        unharmed = bound if none else unharmed
    sides = _settled_sides(whole, settled(whole, fresh, grain, settings.min_windows))
    slow_more, far_more = _slower(whole, settings, sides)
    return EdgeTests(
        table=table,
        role=role,
        contrast=whole,
        counterparts=counterparts,
        whole=tuple(tests),
        log_e=log_e,
        own_time_log_e=own.log_e if own else 0.0,
        equivalences=equivalences,
        latency_difference=slow_more,
        tail_difference=far_more,
        fresh=fresh,
        problems=problems,
        grain=grain,
        sides=sides,
        pairs=pairs if len(counterparts) > 1 else tuple,
    )


def only_server_errors(table: EdgeTable) -> bool:
    """Whether all failures of an edge are server errors: then both rates are one."""
    server, every = (COUNTS.index(name) for name in ("server_error", ALL_FAILURES))
    return bool((table.counts[:, server] == table.counts[:, every]).all())


def sides_of(table: EdgeTable, role: Role) -> tuple[Side, ...]:
    """Sides by which an edge's latency is judged: the service's own time, too, where it makes
    calls while it answers.

    Starved of its processor, a service that waits for others most of the time is hardly slower as
    a whole.
    """
    if role != "callee" or table.own is None or not table.own.any():
        return SIDES
    same = table.server is not None and np.array_equal(
        table.own.sum(axis=0), table.server.sum(axis=0)
    )
    return SIDES if same else SIDES + OWN


def _is_slow(tests: Sequence[SignalTest], settings: JudgeSettings) -> bool:
    return any(
        test.signal == "latency" and test.log_e >= -math.log(settings.alpha) for test in tests
    )


def _may_be_slow(bounded: Sequence[Bounded], settings: JudgeSettings) -> bool:
    return any(
        not test.is_rate and test.log_e + ROUNDING >= -math.log(settings.alpha) for test in bounded
    )


def weighed(tests: Sequence[SignalTest]) -> list[Bounded]:
    """What a mean of e-values is made of."""
    return [
        Bounded(
            test.kind,
            test.counterpart is None,
            test.evidence.rate is not None,
            test.evidence.new_bad + test.evidence.old_bad > 0,
            test.log_e,
        )
        for test in tests
    ]


def at_most(
    whole: Contrast, met: Ints, fresh: Shares, settings: JudgeSettings, *, biased: bool
) -> list[Bounded]:
    """What the tests of version pairs would show at most."""
    rates = [
        Rate(kind, bad, calls, kind == "provider_error", signal in WARM)
        for signal, kind, bad, calls in RATES
        if not (biased and signal in FROM_TRACES)
    ]
    sides = () if biased else sides_of(whole.table, whole.role)
    return bounds_of_pairs(whole, met, rates, sides, fresh, settings)


def mean_of(tests: Sequence[Bounded], counterparts: int) -> float:
    """All counterparts together have half of the weight and the pairs share the rest, however many
    there are.

    Rates of which neither version has a bad call have an e-value of one whichever of them is the
    new one: they leave their weight to the other rates, not to latency.
    """
    if not tests:
        return 0.0
    pairs = 0.5 / counterparts if counterparts > 1 else 0.0
    weights = np.array([WEIGHTS[test.kind] * (0.5 if test.of_all else pairs) for test in tests])
    rates = np.array([test.is_rate for test in tests])
    bad = np.array([test.bad for test in tests])
    shown = rates & bad
    if shown.any():
        weights[shown] *= weights[rates].sum() / weights[shown].sum()
        weights[rates & ~bad] = 0.0
    return log_mean_exp(np.array([test.log_e for test in tests]), weights / weights.sum())


def _evidence(
    test: RateTest | LatencyTest,
    contrast: Contrast,
    shown: str,
    *,
    rate: RateEvidence | None = None,
    latency: LatencyEvidence | None = None,
) -> Evidence:
    """The numbers of a test as they are stored, with traces of the new version from windows that
    count something in the column `shown`.
    """
    return Evidence(
        windows=test.windows,
        new_calls=test.new_calls,
        new_bad=test.new_bad,
        old_calls=test.old_calls,
        old_bad=test.old_bad,
        effect=test.ratio,
        effect_low=test.ratio_low,
        effect_high=test.ratio_high,
        e_value=finite_exp(test.log_e),
        first_window=_moment(contrast, first=True),
        last_window=_moment(contrast, first=False),
        exemplars=_exemplars(contrast, shown, new=True),
        old_exemplars=_exemplars(contrast, "calls", new=False),
        rate=rate,
        latency=latency,
    )


def finite_exp(log_e: float) -> float:
    """exp, kept below infinity so that it can be stored as JSON."""
    return math.exp(min(log_e, 700.0))


@dataclass(frozen=True, slots=True)
class _Old:
    """The old version's counts per window, before the deploy and beside the new one; and how its
    bad calls scatter, each kind reckoned once.
    """

    before: Ints
    beside: Ints
    known: dict[tuple[str, str], float]

    @classmethod
    def of(cls, contrast: Contrast) -> "_Old":
        windows, places = runs(contrast.windows)
        return cls(contrast.before, summed(contrast.old, places, windows.size), {})

    def phi(self, bad: str, calls: str) -> float:
        """Variance over mean, without an incident before the deploy that was over."""
        if (bad, calls) not in self.known:
            column = [COUNTS.index(name) for name in (bad, calls)]
            past = without_incident(self.before[:, column[0]], self.before[:, column[1]])
            k, n = (
                np.concatenate([earlier, self.beside[:, place]])
                for earlier, place in zip(past, column, strict=True)
            )
            self.known[bad, calls] = dispersion(k, n)
        return self.known[bad, calls]

    def surely(self, bad: str, calls: str) -> float:
        """The same, as far as it is surely more than chance."""
        windows = self.before.shape[0] + self.beside.shape[0]
        return surely_scattered(self.phi(bad, calls), windows)


def _tests(
    contrast: Contrast,
    old: _Old,
    settings: JudgeSettings,
    least: float,
    least_of: Mapping[str, float],
    fresh: Shares,
    *,
    biased: bool,
) -> list[SignalTest]:
    tests: list[SignalTest] = []
    for signal, kind, bad, calls in RATES:
        if biased and signal in FROM_TRACES:
            continue
        (k, s), (a, b) = contrast.column(bad), contrast.column(calls)
        if kind == "violated" and not (a + b).any():
            continue  # no contract here: no part of alpha is spent on it
        if kind == "provider_error" and not (k + s).any():
            # neither version has any: the test's e-value is one, whichever of them is the new one
            continue
        every = (k, a)
        if signal in WARM:
            aside = fresh_calls(fresh, contrast.windows, a).astype(np.int64)
            k, a = np.maximum(k - aside, 0), a - aside
        usual = least if kind in ("server_error", "provider_error", "timeout") else 1.0
        phi = max(old.surely(bad, calls), usual, least_of.get(kind, 1.0))
        rates = rate_test(
            contrast.windows, (k, a), (s, b), floor_ratio=settings.floor_ratio, phi=phi
        )
        if (
            signal in WARM
            and rates.log_e >= LEANS
            and lasting(contrast.windows, (k, a), (s, b), settings.floor_ratio)
        ):
            # warm instances lean the same way: then fresh ones count as well
            rates = rate_test(
                contrast.windows, every, (s, b), floor_ratio=settings.floor_ratio, phi=phi
            )
        evidence = _evidence(rates, contrast, bad, rate=RateEvidence(kind, rates.dispersion))
        last_look = settings.deadline and contrast.counterpart is None and not rates.over
        p = exact_tail((k, a), (s, b), settings.floor_ratio, phi) if last_look else 1.0
        tests.append(
            SignalTest(
                signal, kind, contrast.counterpart, rates.log_e, rates.bad_windows, evidence, p
            )
        )
    if not biased:
        sides = sides_of(contrast.table, contrast.role)
        tests += [
            test
            for test in (_latency(contrast, side, settings, fresh, least_of) for side in sides)
            if test
        ]
    return tests


def _latency(
    contrast: Contrast,
    side: Side,
    settings: JudgeSettings,
    fresh: Shares,
    least: Mapping[str, float] | None = None,
) -> SignalTest | None:
    data = histograms(contrast, side)
    if data is None:
        return None
    new, old, before = data
    if not new.any() or not old.any():
        return None
    least_of_side = (least or {}).get(side, 1.0)
    if not contrast.table.is_counted:
        # one number a bin is one thing seen, however many calls are assumed behind it
        a_bin = new.sum(axis=1)
        least_of_side = max(least_of_side, float(a_bin[a_bin > 0].mean()))
    test = latency_test(
        contrast.windows,
        new,
        old,
        before,
        lowest=contrast.table.lowest,
        floor_buckets=settings.latency_floor_buckets,
        floor_seconds=settings.latency_floor_seconds,
        fresh=fresh_calls(fresh, contrast.windows, new.sum(axis=1)),
        least=least_of_side,
    )
    latency = LatencyEvidence(side, Quantiles(*test.new_quantiles), Quantiles(*test.old_quantiles))
    evidence = _evidence(test, contrast, "calls", latency=latency)
    return SignalTest(
        "latency", side, contrast.counterpart, test.log_e, test.bad_windows, evidence
    )


def _settled_sides(contrast: Contrast, strata: Bools) -> dict[Side, tuple[Floats, Floats, Floats]]:
    """What both sides of the edge measured of new and old version in these strata, and of what was
    before; only where both have calls.
    """
    by_side: dict[Side, tuple[Floats, Floats, Floats]] = {}
    for side in SIDES:
        data = histograms(contrast, side)
        if data is not None:
            new, old, before = data[0][strata], data[1][strata], data[2]
            if new.any() and old.any():
                by_side[side] = new, old, before
    return by_side


def _slower(
    contrast: Contrast,
    settings: JudgeSettings,
    sides: Mapping[Side, tuple[Floats, Floats, Floats]],
) -> tuple[dict[str, float], dict[str, float]]:
    """By side, how many more calls at most are slow (above the old p90) and far slower than the
    old p99.
    """
    slow, far = dict[str, float](), dict[str, float]()
    lowest, floor, alpha = (
        contrast.table.lowest,
        settings.latency_floor_seconds,
        settings.equivalence_alpha,
    )
    for side, (new, old, before) in sides.items():
        k, a, s, b = exceedance_counts(new, old, lowest, settings.latency_floor_buckets, floor)
        slow[side] = difference_bound(k / a, float(a), s / b, float(b), alpha)
        (k_far, a_far), (s_far, b_far), *_ = far_counts(new, old, before, lowest, floor)
        far[side] = difference_bound(k_far / a_far, a_far, s_far / b_far, b_far, alpha)
    return slow, far


def _problems(contrast: Contrast, settings: JudgeSettings) -> tuple[tuple[Reason, ...], bool]:
    table = contrast.table
    problems: list[Reason] = []
    after = table.windows >= contrast.since
    calls = table.counts[:, 0]
    names, codes = own_codes(table, contrast.role)
    total = int(calls[after].sum())
    if "" in names and total:
        unknown = after & (codes == names.index(""))
        share = int(calls[unknown].sum()) / total
        if share > settings.unknown_version_share:
            problems.append(reason("versions_missing", share=share))
    if contrast.confounded:
        problems.append(reason("confounded"))
    new, old = contrast.after_new, contrast.after_old
    both, enough = COUNTS.index("both"), 50
    if new[0] >= enough and old[0] >= enough:
        gap = abs(new[both] / new[0] - old[both] / old[0])
        if gap > settings.coverage_difference:
            problems.append(reason("coverage_differs", gap=float(gap)))
    examined, checked = COUNTS.index("examined"), COUNTS.index("checked")
    if new[examined] >= enough and old[examined] >= enough:
        gap = old[checked] / old[examined] - new[checked] / new[examined]
        if gap > settings.coverage_difference:
            problems.append(reason("not_checked", gap=float(gap)))
    biased = bool(table.biased[after].any()) if after.any() else False
    if biased:
        problems.append(reason("biased"))
    return tuple(problems), biased


@lru_cache(maxsize=16)
def _exemplars(contrast: Contrast, bad: str, *, new: bool) -> tuple[str, ...]:
    """Up to five traces of one version's rows, from windows with something bad, newest first;
    remembered, as each test of an edge shows them.
    """
    rows = contrast.new_rows if new else contrast.old_rows
    rows = rows[contrast.table.counts[rows, COUNTS.index(bad)] > 0]
    traces: list[str] = []
    for row in rows[::-1].tolist():
        traces += [trace for trace in contrast.table.exemplars[row] if trace not in traces]
        if len(traces) >= 5:
            break
    return tuple(traces[:5])


def _moment(contrast: Contrast, *, first: bool) -> datetime | None:
    if not contrast.overlap:
        return None
    return datetime.fromtimestamp(int(contrast.windows[0 if first else -1]), UTC)
