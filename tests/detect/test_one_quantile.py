"""A page and a finding show the same figure of the same calls."""

from collections import Counter

import numpy as np

from monitor.detect.evidence.latency import three
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.quantiles import quantile
from tests.detect.traffic import Behaviour, Traffic, cells, deploy, edge, now_after


def test_a_findings_quantiles_are_those_that_pages_show() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(latency=0.17))], 8)
    _, (finding,) = judge(deploy(), rows, (), (), JudgeSettings(), now_after(8))
    met = {row.window for row in rows if row.callee_version == "2.0.0"} & {
        row.window for row in rows if row.callee_version == "1.9.0"
    }
    told = finding.evidence.latency
    assert told is not None
    new: Counter[int] = Counter()
    for row in rows:
        if row.callee_version == "2.0.0" and row.window in met:
            new.update(row.client_histogram if told.side == "client" else row.server_histogram)
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        shown = quantile(new, share)
        assert getattr(told.new, name) == shown


def test_a_dense_histogram_and_a_sparse_one_have_the_same_quantiles() -> None:
    counts = np.array([0.0, 3.0, 0.0, 50.0, 7.0, 0.0, 1.0])
    sparse = {place - 40: int(count) for place, count in enumerate(counts) if count}
    assert three(counts, -40) == tuple(quantile(sparse, share) for share in (0.5, 0.9, 0.99))


def test_so_few_calls_have_no_quantile_in_a_finding() -> None:
    assert three(np.array([4.0]), 0) == (None, None, None)
