"""What is reckoned of many edges at once is what each gives alone."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.evidence.equivalence import Compared, bounds_of
from monitor.detect.evidence.latency import (
    beneath,
    exceedance_counts,
    exceedances,
    far_counts,
    fars,
)
from monitor.detect.evidence.latency_tests import Measured, latency_tests
from monitor.detect.evidence.rate_tests import Rates, rate_tests
from monitor.detect.evidence.rates import dispersion, without_incident
from monitor.detect.evidence.scatter import dispersions, without_incidents
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.by_column import tables_by_column
from monitor.detect.measure.columns import Measured as Tables
from monitor.detect.measure.columns import tables
from monitor.detect.measure.table import EdgeTable, edge_table
from monitor.detect.settings import JudgeSettings
from monitor.model.cells import CellColumns, Lists
from monitor.model.edges import ZERO_BUCKET
from tests.bench.bench_judging import AFTER, made
from tests.detect.traffic import deploy, now_after


def side(rng: np.random.Generator) -> Measured:
    """One side of an edge: few or many strata, slower than before or not, cold at first or not."""
    windows = np.sort(rng.integers(0, 40, int(rng.integers(1, 60)))) * 10
    width, before = int(rng.integers(1, 30)), int(rng.integers(0, 70))
    shape = rng.dirichlet(np.ones(width))
    slower = np.roll(shape, int(rng.integers(0, 4)))
    calls = float(rng.choice([0.3, 5.0, 400.0]))
    new, old, past = (
        rng.poisson(calls * form, (rows, width)).astype(np.float64)
        for form, rows in ((slower, windows.size), (shape, windows.size), (shape, before))
    )
    fresh = np.minimum(np.floor(new.sum(axis=1) * rng.choice([0.0, 0.4])), new.sum(axis=1))
    return Measured(
        windows, new, old, past, int(rng.integers(-80, 3)), fresh, float(rng.choice([1.0, 2.5]))
    )


@pytest.mark.parametrize("seed", range(12))
def test_sides_together_are_tested_as_each_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [side(rng) for _ in range(9)]
    together = latency_tests(sides, 2, 0.005)
    assert together == [latency_tests([alone], 2, 0.005)[0] for alone in sides]
    assert any(test.log_e for test in together)


def drawn_rates(rng: np.random.Generator, size: int) -> Rates:
    """Strata of two versions, some without calls; bad calls of neither, one or both."""
    windows = np.sort(rng.integers(0, 40, size)) * 10
    calls, often = float(rng.choice([0.7, 30.0])), rng.choice([0.0, 0.02, 0.3], 2)
    new_calls, old_calls = (rng.poisson(calls, size) for _ in range(2))
    new, old = (
        (rng.binomial(of, rate), of)
        for of, rate in zip((new_calls, old_calls), often, strict=True)
    )
    return Rates(windows, new, old, float(rng.choice([1.0, 1.7])))


def test_rates_together_are_tested_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    several = [drawn_rates(rng, size) for size in (0, 1, 2, 9, 60, 0, 130) for _ in range(6)]
    together = rate_tests(several, 1.25)
    assert together == [rate_tests([alone], 1.25)[0] for alone in several]
    assert {bool(test.log_e) for test in together} == {True, False}
    for rates, test in zip(several, together, strict=True):
        used = (rates.new[1] > 0) & (rates.old[1] > 0)
        assert test.windows == np.unique(rates.windows[used]).size
        assert test.strata == int(used.sum())
        assert (test.new_calls, test.old_bad) == (rates.new[1].sum(), rates.old[0].sum())


def test_comparisons_together_are_bounded_as_each_alone() -> None:
    rng = np.random.default_rng(4)
    several = [
        Compared(rates.new, rates.old, (int(rates.new[0].sum()), alone), rates.phi, beside)
        for size in (0, 1, 2, 9, 60, 130)
        for beside in (None, 1.2)
        for more in (0, 400, 90_000)
        for rates in [drawn_rates(rng, size)]
        for alone in [int(rates.new[1].sum()) + more]
    ]
    together = bounds_of(several, 0.05, 0.005)
    assert together == [bounds_of([alone], 0.05, 0.005)[0] for alone in several]
    assert {bound.equivalent(1.25, 0.005) for bound in together} == {True, False}
    assert {bound.calls_needed is None for bound in together} == {True, False}
    assert bounds_of([], 0.05, 0.005) == []


def test_dispersions_are_those_of_each_series() -> None:
    rng = np.random.default_rng(5)
    calls = [rng.integers(0, 90, size) for size in (0, 1, 3, 4, 17, 60, 61, 400)]
    series = [
        (rng.binomial(of, rate), of) for of in calls for rate in (0.0, 0.01, 0.3) for _ in range(3)
    ]
    series.append((np.ones(9, dtype=np.int64), np.zeros(9, dtype=np.int64)))
    assert dispersions(series) == [dispersion(*pair) for pair in series]
    assert max(dispersions(series)) > 1.0
    assert dispersions([]) == []


def test_incidents_are_left_out_of_many_as_of_each() -> None:
    rng = np.random.default_rng(6)
    series = []
    for size in (0, 1, 8, 9, 30, 61, 90) * 4:
        calls = rng.integers(0, 300, size)
        bad = rng.binomial(calls, 0.01)
        where, length = int(rng.integers(0, max(size, 1))), int(rng.integers(0, 6))
        bad[where : where + length] = calls[where : where + length] // 2
        series.append((bad, calls))
    series.append((np.ones(20, dtype=np.int64) * 2, np.zeros(20, dtype=np.int64)))
    left = without_incidents(series)
    for mine, pair in zip(left, series, strict=True):
        for column, alone in zip(mine, without_incident(*pair), strict=True):
            assert column.tolist() == alone.tolist()
    shorter = [len(mine[0]) < len(pair[0]) for mine, pair in zip(left, series, strict=True)]
    assert 3 <= sum(shorter) < len(series) - 3


def test_slow_and_far_calls_of_many_edges_are_those_of_each() -> None:
    rng = np.random.default_rng(7)
    sides = [side(rng) for _ in range(40)]
    sides = [edge for edge in sides if edge.new.any() and edge.old.any()]
    lowest = min(edge.lowest for edge in sides)
    width = max(edge.lowest + edge.new.shape[1] for edge in sides) - lowest
    lows = [edge.lowest - lowest for edge in sides]
    new, old = (
        beneath([part.sum(axis=0)[None] for part in parts], lows, width)
        for parts in ([edge.new for edge in sides], [edge.old for edge in sides])
    )
    slow = exceedances(new, old, lowest, 2, 0.005)
    far = fars(new, old, [(edge.before, edge.lowest) for edge in sides], lowest, 0.005)
    for edge, mine, beyond in zip(sides, slow, far, strict=True):
        assert mine == exceedance_counts(edge.new, edge.old, edge.lowest, 2, 0.005)
        assert beyond == far_counts(edge.new, edge.old, edge.before, edge.lowest, 0.005)
        held = edge.old.sum(axis=0)
        p90 = np.flatnonzero(np.cumsum(held) >= 0.9 * held.sum() - 1e-9)[0]
        assert mine[2:] == (held[p90 + 1 :].sum(), held.sum())
    assert any(mine[0] for mine in slow)


def odd(lists: Lists, rng: np.random.Generator) -> Lists:
    """Buckets in no order, beyond the ends, twice in a row, some of nothing; rows without any."""
    keys = rng.permutation(lists.keys)
    keys = np.where(rng.random(keys.size) < 0.1, ZERO_BUCKET, keys - 150 * (keys % 7 == 0))
    lengths = np.where(rng.random(lists.lengths.size) < 0.3, 0, lists.lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    some = slice(0, int(starts[-1]))
    return Lists(starts, keys[some], (lists.values * (rng.random(keys.size) < 0.9))[some])


def made_again(table: EdgeTable) -> EdgeTable:
    """The table of what this one holds."""
    filled = [
        (buckets + table.lowest, data[rows, buckets], rows)
        for data in (table.client, table.server)
        if data is not None
        for rows, buckets in [np.nonzero(data)]
    ]
    return edge_table(
        table.edge,
        table.windows,
        (table.caller_versions, table.callee_versions, table.regions),
        (table.caller, table.callee, table.region),
        table.counts,
        table.biased,
        [*filled, (np.zeros(0, dtype=np.int64),) * 3],
        table.exemplars,
        table.told,
        table.beside,
    )


@pytest.mark.parametrize("how", ["as they are", "odd", "none"])
def test_tables_of_columns_are_those_of_their_cells(how: str) -> None:
    rng = np.random.default_rng(11)
    cells, _ = made(9, 3)
    columns = cells.columns
    lists = dict(columns.lists)
    for name in ("client_histogram", "server_histogram", "self_histogram"):
        if how == "odd" and name != "self_histogram":
            lists[name] = odd(columns.lists[name], rng)
        elif how == "none":
            lists[name] = columns.lists["queue_histogram"]
    mixed = rng.permutation(len(cells))
    cells = CellColumns(replace(columns, lists=lists).taken(mixed))
    ours = tables_by_column(cells, -np.inf, np.inf)
    # an odd row may have a bucket twice, which no cell can
    theirs = list(map(made_again, ours)) if how == "odd" else tables(list(cells), -np.inf, np.inf)
    assert [table.edge for table in ours] == sorted({cell.edge for cell in cells})
    for mine, their in zip(ours, theirs, strict=True):
        assert mine.digest == their.digest
        for name in ("windows", "caller", "callee", "region", "counts", "client", "server", "own"):
            assert np.array_equal(getattr(mine, name), getattr(their, name)), name
    by_side = {"client": "client_histogram", "server": "server_histogram"}
    for short, name in by_side.items():
        counted = sum(
            float(table.latency(short).sum())  # type: ignore[union-attr]
            for table in ours
            if table.latency(short) is not None
        )
        assert counted == float(cells.columns.lists[name].values.sum())


def test_tables_are_made_once_a_judgement_and_say_the_same() -> None:
    cells, alive = made(5, 2)
    kept, settings, now = Tables(), JudgeSettings(), now_after(AFTER)
    first = kept.tables(cells, -np.inf, np.inf)
    again = kept.tables(cells, -np.inf, np.inf)
    assert all(mine is same for mine, same in zip(first, again, strict=True))
    late = kept.tables(cells, float(cells.columns.windows.max()), np.inf)
    assert {int(table.windows.min()) for table in late} == {int(cells.columns.windows.max())}
    alone = judge(deploy(), cells, alive, [], settings, now)
    assert judge(deploy(), cells, alive, [], settings, now, measured=kept) == alone
    assert judge(deploy(), list(cells), alive, [], settings, now) == alone
