"""The generator of labelled deploys: what is planted is in the rows, and the same arguments give
the same files.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bench.detection.generate import generate
from tests.bench.detection.plan import FAULTS, NEW, RECORDS, STYLES, WORLDS, Fault, shops, truths
from tests.bench.detection.traffic import Drawing


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        generate(tmp_path / name, 4, 0.5, 3)
    for file in ("edges.parquet", "deploys.jsonl", "truth.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_every_world_record_style_and_fault_is_planted_and_the_base_rate_is_kept() -> None:
    told = [truth for shop in shops(1000, 0.2, 5) for truth in truths(shop)]
    assert {truth.world for truth in told} == set(WORLDS)
    assert {truth.record for truth in told} == set(RECORDS)
    assert {truth.style for truth in told} == set(STYLES)
    assert {truth.fault for truth in told} == {"", *FAULTS}
    assert 0.1 < np.mean([truth.bad for truth in told]) < 0.25


@pytest.mark.parametrize(
    "fault",
    ["errors", *(pytest.param(it, marks=pytest.mark.long) for it in ("latency", "callers"))],
)
def test_a_planted_fault_is_in_the_calls_of_the_new_version_or_its_callers(fault: str) -> None:
    shop = next(
        shop
        for seed in range(20)
        for shop in shops(200, 0.9, seed)
        if shop.world == "steady"
        and any(release.fault == fault and release.style == "instant" for release in shop.releases)
    )
    release = shop.releases[0]
    callers = {seam.caller for seam in shop.seams if seam.callee == release.service}
    calls = Drawing(shop).calls()
    if fault == "callers":
        since = Drawing(shop).seconds > release.harm_from
        hit = [call for call in calls if call.seam.callee in callers]
        bad, fine = (
            sum(call.errors[when].sum() / call.latency[when].sum() for call in hit)
            for when in (since, ~since)
        )
        assert bad > 2.0 * fine
        return
    mine = [call for call in calls if call.seam.callee == release.service]
    new, old = (
        [call for call in mine if (call.version == NEW) == newer] for newer in (True, False)
    )
    if fault == "errors":
        rates = [
            sum(call.errors.sum() for call in part) / sum(call.latency.sum() for call in part)
            for part in (new, old)
        ]
        assert rates[0] > rates[1] + release.size / 2
    else:
        middles = [
            np.average(np.arange(160), weights=sum(call.latency.sum(axis=0) for call in part))
            for part in (new, old)
        ]
        assert middles[0] > middles[1] + 4


def test_what_is_told_of_a_deploy_holds_no_truth(tmp_path: Path) -> None:
    generate(tmp_path, 10, 0.5, 4)
    told = [json.loads(line) for line in (tmp_path / "deploys.jsonl").read_text().splitlines()]
    assert all(not {"bad", "fault", "cause"} & deploy.keys() for deploy in told)
    rows = (
        pq.read_table(tmp_path / "edges.parquet", columns=["case"])
        .column("case")
        .unique()
        .to_pylist()
    )
    assert {deploy["case"] for deploy in told} <= set(rows)


@pytest.mark.parametrize(
    ("fault", "size"), [("misrouted", 0.8), ("retries", 3.0), ("refusals", 0.2)]
)
def test_planted_calls_go_astray_are_made_again_or_are_refused_soon(
    fault: Fault, size: float
) -> None:
    shop = next(
        shop
        for shop in shops(200, 0.0, 3)
        if shop.world == "steady" and shop.releases[0].service.startswith("mid")
    )
    service = shop.releases[0].service
    called = [seam.callee for seam in shop.seams if seam.caller == service]
    strange = (
        next(name for name in ("back0", "back1", "back2") if name not in called)
        if fault == "misrouted"
        else ""
    )
    release = replace(
        shop.releases[0], fault=fault, size=size, style="instant", child=called[0], strange=strange
    )
    shop = replace(shop, releases=(release,))
    drawing = Drawing(shop)
    calls, since = drawing.calls(), drawing.seconds > release.harm_from
    made = {
        callee: [sum(float(call.latency[when].sum()) for call in calls if call.seam.caller == release.service and call.seam.callee == callee)
                 for when in (since, ~since)]
        for callee in {call.seam.callee for call in calls}
    }  # fmt: skip
    usual = float(since.sum() / (~since).sum())
    if fault == "misrouted":
        assert made[release.strange][0] > 0 == made[release.strange][1]
        assert made[release.child][0] < 0.6 * usual * made[release.child][1]
    elif fault == "retries":
        assert all(after > 2.0 * usual * before for after, before in made.values() if before)
    else:
        new, old = ([call for call in calls if call.seam.callee == release.service and (call.version == NEW) == newer]
                    for newer in (True, False))  # fmt: skip
        fast = [sum(call.latency.cumsum(axis=1)[:, 40].sum() for call in part) / sum(call.latency.sum() for call in part)
                for part in (new, old)]  # fmt: skip
        assert (
            sum(call.errors.sum() for call in new) / sum(call.latency.sum() for call in new)
            > release.size / 2
        )
        assert fast[0] > fast[1]


def test_zones_get_a_version_one_after_the_other_and_their_rows_say_which(tmp_path: Path) -> None:
    seed = next(
        seed for seed in range(30) if any(shop.tells_zones for shop in shops(8, 0.2, seed))
    )
    generate(tmp_path, 8, 0.2, seed)
    rows = pq.read_table(tmp_path / "edges.parquet").to_pylist()
    first = {
        zone: min(row["ts"] for row in rows if row["zone"] == zone and row["version"] == NEW)
        for zone in {row["zone"] for row in rows if row["zone"]}
    }
    assert len(first) == 3
