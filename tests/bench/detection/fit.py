"""Fits the numbers of `monitor.outside.confidence`: `python -m tests.bench.detection.fit
[--deploys N]`, on seeds below 100.
"""

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from monitor.detect.settings import JudgeSettings
from monitor.outside.confidence import features_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.told import apart
from monitor.outside.watching import decide
from tests.bench.detection.generate import generate

CHUNK, BAD = 50, 0.2
Example = tuple[bool, tuple[float, ...], bool]
"""Whether it failed, the features, whether the verdict was right."""


def examples(seed: int) -> list[Example]:
    """Verdicts on one generated set."""
    with tempfile.TemporaryDirectory(prefix="seamwatch-fit-") as name:
        folder = Path(name)
        generate(folder, CHUNK, BAD, seed)
        rows, _ = edges_of(folder / "edges.parquet")
        cases, deploys = apart(rows), deploys_of(folder / "deploys.jsonl")
        truths = {
            truth["deploy_id"]: truth
            for truth in map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
        }
    samples: list[Example] = []
    for told in deploys:
        decision = decide(cases, told, deploys, JudgeSettings(), "edges")
        failed = decision.outcome == "fail"
        samples.append((failed, features_of(decision), failed == truths[told.deploy_id]["bad"]))
    return samples


def fitted(rows: list[Example]) -> tuple[float, ...]:
    """Constant first. A weak prior, and one example of each outcome that nothing tells apart, keep
    it from certainty.
    """
    features, right = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    features = np.concatenate([features, [features.mean(axis=0)] * 2])
    model = LogisticRegression(C=1.0).fit(features, np.concatenate([right, [True, False]]))
    return (
        round(float(model.intercept_[0]), 2),
        *(round(float(weight), 2) for weight in model.coef_[0]),
    )


def main() -> None:
    """Print the two rows of numbers."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--deploys", type=int, default=600)
    words.add_argument("--seed", type=int, default=60)
    words.add_argument("--workers", type=int, default=2)
    given = words.parse_args()
    seeds = range(given.seed, min(given.seed + -(-given.deploys // CHUNK), 100))
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        rows = [row for part in pool.map(examples, seeds) for row in part]
    for name, failed in (("FAIL", True), ("OPEN", False)):
        mine = [row for row in rows if row[0] == failed]
        print(
            f"{name} = {fitted(mine)}  # {len(mine)} deploys, {sum(row[2] for row in mine)} of them judged right"
        )


if __name__ == "__main__":
    main()
