"""Labelled deploys with planted truths, in the outside format: `python -m
tests.bench.detection.generate FOLDER --deploys 1000`.

Writes edges.parquet and deploys.jsonl (what `seamwatch judge` reads) and truth.jsonl (what only a
scorer reads). Same arguments, same files.
"""

import argparse
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.detection.plan import NEW, OLD, Release, Shop, shops, truths
from tests.bench.detection.record import SCHEMA, recorded

AFTER = {10: 1500.0, 60: 2100.0, 300: 3600.0}
"""How long after a deploy it is evaluated, by the length of a bin."""


def generate(folder: Path, deploys: int, bad: float, seed: int) -> int:
    """Write the three files; returns how many deploys there are."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with (
        pq.ParquetWriter(folder / "edges.parquet", SCHEMA, compression="zstd") as edges,
        (folder / "deploys.jsonl").open("w") as told,
        (folder / "truth.jsonl").open("w") as truth,
    ):
        for shop in shops(deploys, bad, seed):
            edges.write_table(recorded(shop))
            if shop.history:
                edges.write_table(recorded(_day_before(shop), f"{shop.case}-past"))
            for release, known in zip(shop.releases, truths(shop), strict=True):
                told.write(json.dumps(_told(shop, release)) + "\n")
                truth.write(json.dumps(asdict(known)) + "\n")
                written += 1
    return written


def _day_before(shop: Shop) -> Shop:
    """The same hours of the day before, in which nothing was released."""
    return replace(shop, seed=shop.seed + 7, begins=shop.begins - 86400.0, releases=())


def _told(shop: Shop, release: Release) -> dict[str, str | None]:
    """What is announced of a release. Half of the announcements tell when its pods were ready and
    when all traffic was its.
    """
    talkative = shop.seed % 4 < 2
    ready = (
        release.ready
        if release.ready is not None
        else release.at + 30.0
        if release.style == "canary"
        else None
    )
    return {
        "deploy_id": release.id,
        "case": shop.case,
        "service": release.service,
        "at": _moment(shop.begins + release.at),
        "version_from": OLD,
        "version_to": NEW,
        "evaluate_until": _moment(shop.begins + release.at + AFTER[shop.step_s]),
        "data_from": _moment(shop.begins),
        "canary_ready": _moment(shop.begins + ready)
        if ready is not None and (talkative or shop.world == "unready")
        else None,
        "full_rollout_from": _moment(shop.begins + release.whole)
        if release.whole is not None and talkative
        else None,
        "history_case": f"{shop.case}-past" if shop.history else None,
    }


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(round(epoch), UTC).isoformat()


def main() -> None:
    """Read the arguments, write the files."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=Path)
    words.add_argument("--deploys", type=int, default=200)
    words.add_argument("--bad", type=float, default=0.2, help="share of harmful deploys")
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    print(
        f"{generate(given.folder, given.deploys, given.bad, given.seed)} deploys in {given.folder}"
    )


if __name__ == "__main__":
    main()
