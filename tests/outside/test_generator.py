"""The generator of labelled deploys: what is planted is in the rows, and the same arguments give the same files."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bench.detection.generate import generate
from tests.bench.detection.plan import FAULTS, NEW, RECORDS, STYLES, WORLDS, shops, truths
from tests.bench.detection.traffic import Drawing


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        generate(tmp_path / name, 4, 0.5, 3)
    for file in ("edges.parquet", "deploys.jsonl", "truth.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_every_world_record_style_and_fault_is_planted_and_the_base_rate_is_kept() -> None:
    told = [truth for shop in shops(1000, 0.2, 5) for truth in truths(shop)]
    assert {one.world for one in told} == set(WORLDS)
    assert {one.record for one in told} == set(RECORDS)
    assert {one.style for one in told} == set(STYLES)
    assert {one.fault for one in told} == {"", *FAULTS}
    assert 0.1 < np.mean([one.bad for one in told]) < 0.25


@pytest.mark.parametrize("fault", ["errors", "latency", "callers"])
def test_a_planted_fault_is_in_the_calls_of_the_new_version_or_its_callers(fault: str) -> None:
    shop = next(
        shop
        for seed in range(20)
        for shop in shops(200, 0.9, seed)
        if shop.world == "steady" and any(one.fault == fault and one.style == "instant" for one in shop.releases)
    )
    release = shop.releases[0]
    callers = {seam.caller for seam in shop.seams if seam.callee == release.service}
    calls = Drawing(shop).calls()
    if fault == "callers":
        since = Drawing(shop).seconds > release.harm_from
        hit = [one for one in calls if one.seam.callee in callers]
        bad, fine = (sum(one.errors[when].sum() / one.latency[when].sum() for one in hit) for when in (since, ~since))
        assert bad > 2.0 * fine
        return
    mine = [one for one in calls if one.seam.callee == release.service]
    new, old = ([one for one in mine if (one.version == NEW) == newer] for newer in (True, False))
    if fault == "errors":
        rates = [sum(one.errors.sum() for one in part) / sum(one.latency.sum() for one in part) for part in (new, old)]
        assert rates[0] > rates[1] + release.size / 2
    else:
        middles = [np.average(np.arange(160), weights=sum(one.latency.sum(axis=0) for one in part)) for part in (new, old)]
        assert middles[0] > middles[1] + 4


def test_what_is_told_of_a_deploy_holds_no_truth(tmp_path: Path) -> None:
    generate(tmp_path, 10, 0.5, 4)
    told = [json.loads(line) for line in (tmp_path / "deploys.jsonl").read_text().splitlines()]
    assert all(not {"bad", "fault", "cause"} & one.keys() for one in told)
    rows = pq.read_table(tmp_path / "edges.parquet", columns=["case"]).column("case").unique().to_pylist()
    assert {one["case"] for one in told} <= set(rows)
