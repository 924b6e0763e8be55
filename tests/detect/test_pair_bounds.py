"""What version pairs can show at most is never less than what they show: pairs that are not tested
would have changed nothing.
"""

import math

import numpy as np
import pytest

from monitor.detect.evidence import edge_tests, tested
from monitor.detect.evidence.pair_bounds import Bounded
from monitor.detect.evidence.signal_tests import OldCounts
from monitor.detect.measure.columns import tables
from monitor.detect.settings import JudgeSettings
from tests.detect.traffic import START, Behaviour, Traffic, cells, edge, ramp, steady

SETTINGS = JudgeSettings()


def drawn(seed: int) -> tested.EdgeTests:
    """An edge of several callers' versions, some of which get on badly with the new version, with
    fresh instances and bursts in some.
    """
    rng = np.random.default_rng(seed)

    def behaviour() -> Behaviour:
        return Behaviour(
            *(float(chance) for chance in rng.choice([0.0, 0.0, 0.004, 0.03], 5)),
            latency=float(rng.choice([0.02, 0.023, 0.04])),
            checked=bool(rng.integers(2)),
        )

    callers = {f"{number}.0": 0.25 for number in range(int(rng.integers(2, 6)))}
    traffic = Traffic(
        edge(),
        float(rng.choice([8.0, 60.0, 400.0])),
        behaviour(),
        behaviour(),
        {caller: behaviour() for caller in callers if rng.random() < 0.3},
        callers,
        outage=lambda window: 0.3 if seed % 3 == 0 and 4 <= window < 8 else 0.0,
    )
    share = ramp if rng.random() < 0.5 else steady(0.4)
    rows = cells(
        [traffic],
        int(rng.integers(2, 40)),
        before=int(rng.choice([0, 12, 200])),
        seed=seed,
        share=share,
    )
    (table,) = tables(rows, -math.inf, math.inf)
    since = START.timestamp()
    fresh = {int(since) + 10 * window: 0.5 for window in range(6)} if seed % 2 else {}
    scatter = {"server_error": 1.5}
    (tests,) = edge_tests.tests_of_edges(
        [(table, "callee")], "2.0.0", "1.9.0", since, SETTINGS, 1.0, fresh, 10, scatter
    )
    return tests


def begun(judged: tested.EdgeTests) -> edge_tests.Begun:
    """The edge as it is when its pairs are bounded."""
    met = [judged.table.caller_versions.index(name) for name in judged.counterparts]
    return edge_tests.Begun(
        judged.contrast,
        np.array(met, dtype=np.int64),
        judged.counterparts,
        judged.problems,
        biased=False,
        old=OldCounts.of(judged.contrast),
        tests=judged.whole,
        pairs=judged.pairs,
    )


@pytest.mark.parametrize("seed", range(24))
def test_pairs_never_show_more_than_their_bounds(seed: int) -> None:
    judged = drawn(seed)
    shown: dict[str, list[tested.SignalTest]] = {}
    for test in judged.pairs():  # in order of the counterparts, as bounds are
        shown.setdefault(test.kind, []).append(test)
    bounded: dict[str, list[Bounded]] = {}
    (bounds,) = edge_tests.at_most([begun(judged)], judged.fresh, SETTINGS)
    for bound in bounds:
        bounded.setdefault(bound.kind, []).append(bound)
    assert shown.keys() == bounded.keys()
    for kind, tests in shown.items():
        for test, bound in zip(tests, bounded[kind], strict=True):
            assert test.log_e <= bound.log_e + edge_tests.ROUNDING
            if bound.is_rate:
                assert bound.bad == (test.evidence.new_bad + test.evidence.old_bad > 0)
    exact = edge_tests.mean_of(edge_tests.weighed(judged.tests), len(judged.counterparts))
    if max(exact, judged.log_e) >= tested.LEANING:
        assert judged.log_e == exact
    else:
        assert judged.log_e >= exact - edge_tests.ROUNDING


def test_the_drawn_edges_are_of_both_kinds() -> None:
    leaning = [drawn(seed).log_e >= tested.LEANING for seed in range(24)]
    assert 5 <= sum(leaning) <= 19


def test_edges_bounded_together_have_the_bounds_that_each_has_alone() -> None:
    edges = [drawn(seed) for seed in range(1, 24, 2)]  # all with the same fresh instances
    asked = [edge for edge in edges if len(edge.counterparts) > 1]
    together = edge_tests.at_most([begun(edge) for edge in asked], asked[0].fresh, SETTINGS)
    assert len({(edge.table.lowest, edge.contrast.windows.size) for edge in asked}) > 3
    for several, bounds in zip(asked, together, strict=True):
        (alone,) = edge_tests.at_most([begun(several)], several.fresh, SETTINGS)
        assert [(bound.kind, bound.bad) for bound in bounds] == [
            (bound.kind, bound.bad) for bound in alone
        ]
        assert [bound.log_e for bound in bounds] == pytest.approx(
            [bound.log_e for bound in alone], abs=edge_tests.ROUNDING
        )
