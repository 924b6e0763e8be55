"""All tests of one edge for one deploy: each signal, over all counterpart versions and for every
version pair apart.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from monitor.detect.arrays import Ints, once
from monitor.detect.evidence.at_worst import beyond_of, equivalences_of, slower_at_most
from monitor.detect.evidence.distributions import log_mean_exp
from monitor.detect.evidence.pair_bounds import ROUNDING, Asked, Bounded, Rate, bounds_of_pairs
from monitor.detect.evidence.signal_tests import (
    OldCounts,
    Tested,
    latency_of_sides,
    learn_scatter,
    signal_tests,
    slower_sides,
)
from monitor.detect.evidence.tested import (
    FROM_TRACES,
    LEANING,
    RATES,
    WARM,
    WEIGHTS,
    Beyond,
    EdgeTests,
    SignalTest,
    sides_of,
)
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import (
    Contrast,
    Role,
    Side,
    contrast,
    other_codes,
    own_codes,
)
from monitor.detect.measure.warmup import Shares
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Bounds
from monitor.model.reasons import Reason, reason

AT_ONCE = 32
"""Edges whose pairs are bounded together: enough that calls of numpy cost little, few enough that
their numbers stay near the processor.
"""


def tests_of_edges(
    edges: Sequence[tuple[EdgeTable, Role]],
    new_version: str,
    old_version: str,
    since: float,
    settings: JudgeSettings,
    between_instances: float,
    fresh: Shares,
    grain: int,
    by_kind: Mapping[str, float],
) -> Iterator[EdgeTests]:
    """Every signal of these edges, new against old version of the deployed service, which stands
    on the side of its role.

    `between_instances`: the dispersion of failures between instances of the old version, for calls
    that the service answers; `by_kind`: that of each kind of bad calls, and of slow calls by side,
    where single instances' calls are known; `fresh`: the share of calls that fresh instances of
    the new one had; `grain`: how many seconds a window holds.
    """
    for first in range(0, len(edges), AT_ONCE):
        begun = _begun(
            [
                contrast(table, role, new_version, old_version, since)
                for table, role in edges[first : first + AT_ONCE]
            ],
            settings,
            fresh,
            {"callee": (between_instances, by_kind), "caller": (1.0, {})},
        )
        several = [edge for edge in begun if len(edge.counterparts) > 1]
        highest = dict(zip(map(id, several), at_most(several, fresh, settings), strict=True))
        bounded = equivalences_of([(edge.whole, edge.old) for edge in begun], settings)
        measured = beyond_of([edge.whole for edge in begun], settings, fresh, grain)
        for edge, equivalences, beyond in zip(begun, bounded, measured, strict=True):
            at_most_of = highest.get(id(edge))
            yield _finished(edge, at_most_of, equivalences, beyond, settings, fresh, grain)


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """An edge with the tests over all counterparts. `met`: codes of the counterparts that met both
    versions; `biased`: what traces tell is not judged.
    """

    whole: Contrast
    met: Ints
    counterparts: tuple[str, ...]
    problems: tuple[Reason, ...]
    biased: bool
    old: OldCounts
    tests: Sequence[SignalTest]
    pairs: Callable[[], tuple[SignalTest, ...]]


Scatter = tuple[float, Mapping[str, float]]
"""How much failures scatter at least: of all kinds, and of each."""


def _begun(
    wholes: Sequence[Contrast],
    settings: JudgeSettings,
    fresh: Shares,
    scatter: Mapping[Role, Scatter],
) -> list[Begun]:
    """These edges, `scatter` by the service's role on them."""
    problems_of = [_problems(whole, settings) for whole in wholes]
    judged = [whole for whole, (_, biased) in zip(wholes, problems_of, strict=True) if not biased]
    by_role = [scatter[whole.role][1] for whole in judged]
    slower = iter(slower_sides(judged, settings, fresh, by_role))
    olds = [OldCounts.of(whole) for whole in wholes]
    learn_scatter(olds)
    tested = [
        Tested(whole, old, *scatter[whole.role], [] if biased else next(slower), biased)
        for whole, old, (_, biased) in zip(wholes, olds, problems_of, strict=True)
    ]
    return [
        _one_begun(of, problems, tests, settings, fresh)
        for of, (problems, _), tests in zip(
            tested, problems_of, signal_tests(tested, settings, fresh), strict=True
        )
    ]


def _one_begun(
    tested: Tested,
    problems: tuple[Reason, ...],
    tests: Sequence[SignalTest],
    settings: JudgeSettings,
    fresh: Shares,
) -> Begun:
    whole, biased = tested.contrast, tested.biased
    names, codes = other_codes(whole.table, whole.role)
    met = once(np.sort(codes[whole.new_rows])) if whole.overlap else np.array([], dtype=np.int64)
    counterparts = tuple(names[code] for code in met.tolist())

    @cache
    def pairs() -> tuple[SignalTest, ...]:
        versions = whole.new_version, whole.old_version
        contrasts = [
            contrast(whole.table, whole.role, *versions, whole.since, counterpart)
            for counterpart in counterparts
        ]
        sides: list[list[SignalTest | None]] = [[] for _ in contrasts]
        if not biased:
            least_of = [tested.least_of] * len(contrasts)
            sides = slower_sides(contrasts, settings, fresh, least_of)
        several = [
            Tested(pair, OldCounts.of(pair), tested.least, tested.least_of, slower, biased)
            for pair, slower in zip(contrasts, sides, strict=True)
        ]
        return tuple(
            test for of_pair in signal_tests(several, settings, fresh) for test in of_pair
        )

    return Begun(whole, met, counterparts, problems, biased, tested.old, tests, pairs)


def _finished(
    begun: Begun,
    highest: Sequence[Bounded] | None,
    equivalences: Mapping[str, Bounds],
    beyond: Mapping[Side, Beyond],
    settings: JudgeSettings,
    fresh: Shares,
    grain: int,
) -> EdgeTests:
    """The edge as it is judged. `highest`: what its pairs show at most, where it has several."""
    whole, tests = begun.whole, begun.tests
    table, role, counterparts = whole.table, whole.role, begun.counterparts
    slow = _is_slow(tests, settings)
    if highest is None:
        log_e = mean_of(weighed(tests), 0)
    else:
        bounded = [*weighed(tests), *highest]
        log_e = mean_of(bounded, len(counterparts)) + ROUNDING
        if log_e >= min(LEANING, -math.log(settings.alpha)) or _may_be_slow(bounded, settings):
            every = [*tests, *begun.pairs()]
            log_e, slow = mean_of(weighed(every), len(counterparts)), _is_slow(every, settings)
    own = (
        latency_of_sides([(whole, "own", 1.0)], settings, fresh)[0]
        if slow and role == "callee"
        else None
    )
    slow_more, far_more = slower_at_most(beyond, settings)
    whole.sides.clear()  # summed, and by far the most that an edge takes
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
        problems=begun.problems,
        grain=grain,
        beyond=beyond,
        pairs=begun.pairs if len(counterparts) > 1 else tuple,
    )


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


def at_most(edges: Sequence[Begun], fresh: Shares, settings: JudgeSettings) -> list[list[Bounded]]:
    """Of each of these edges, what the tests of its version pairs would show at most."""
    return bounds_of_pairs(
        [
            Asked(
                edge.whole,
                edge.met,
                [
                    Rate(kind, bad, calls, kind == "provider_error", signal in WARM)
                    for signal, kind, bad, calls in RATES
                    if not (edge.biased and signal in FROM_TRACES)
                ],
                () if edge.biased else sides_of(edge.whole.table, edge.whole.role),
            )
            for edge in edges
        ],
        fresh,
        settings,
    )


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
