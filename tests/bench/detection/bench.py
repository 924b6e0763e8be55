"""Ours beside the peers' rules on generated deploys, by one scorer: `python -m
tests.bench.detection.bench [--quick] [--deploys N]`.

Thresholds and confidences were fitted on seeds below 100; what is reported comes from others.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from monitor.alerts.lifecycle import worth_a_page
from monitor.detect.settings import JudgeSettings
from monitor.outside.answers import answer_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.told import apart
from monitor.outside.watching import decide
from tests.bench.detection import pairs, peers
from tests.bench.detection.generate import generate
from tests.bench.detection.score import BUSY, FIGURES, Scored, asked_for, interval, told

OURS = "seamwatch"
PAGE_E = 1000.0
BIG = 2.0
PARTS = ("recall", "false", "false passes", "weaker passes", "asked 15", "with weaker")
CHUNK = 50
PAIRS = 400
"""Draws of version pairs, at most."""


def run(seed: int, deploys: int, bad: float, *, with_peers: bool) -> dict[str, list[Scored]]:
    """All rules on one generated set."""
    with tempfile.TemporaryDirectory(prefix="seamwatch-bench-") as name:
        folder = Path(name)
        generate(folder, deploys, bad, seed)
        return judged(folder, with_peers=with_peers)


def judged(folder: Path, *, with_peers: bool) -> dict[str, list[Scored]]:
    """All rules on the set in a folder, as `generate` writes it."""
    rows, _ = edges_of(folder / "edges.parquet")
    cases, deploys = apart(rows), deploys_of(folder / "deploys.jsonl")
    truths = {
        truth["deploy_id"]: truth
        for truth in map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
    }
    out: dict[str, list[Scored]] = {OURS: []} | (
        {name: [] for name in peers.RULES} if with_peers else {}
    )
    for deploy in deploys:
        decision = decide(cases, deploy, deploys, JudgeSettings(), "edges")
        answer = answer_of(decision)
        paged = decision.outcome == "fail" and worth_a_page(decision.findings, PAGE_E)
        moment = decision.decided_at.timestamp() if decision.decided_at else None
        weaker = decision.weaker_at.timestamp() if decision.weaker_at else None
        truth = truths[deploy.deploy_id]
        out[OURS].append(
            Scored(
                deploy.case,
                truth,
                deploy.at,
                answer.verdict,
                moment,
                answer.suspects,
                paged,
                answer.confidence,
                weaker,
            )
        )
        for name, alarm in (peers.decided(cases, deploy) if with_peers else {}).items():
            verdict, when = ("pass", deploy.evaluate_until) if alarm is None else ("fail", alarm)
            out[name].append(
                Scored(
                    deploy.case,
                    truth,
                    deploy.at,
                    verdict,
                    when,
                    (deploy.deploy_id,),
                    verdict == "fail",
                )
            )
    return out


def gathered(
    first: int, deploys: int, bad: float, *, with_peers: bool, workers: int
) -> dict[str, list[Scored]]:
    """As many deploys, in chunks of a seed each."""
    seeds = range(first, first + max(1, -(-deploys // CHUNK)))
    job = partial(run, deploys=min(deploys, CHUNK), bad=bad, with_peers=with_peers)
    whole: dict[str, list[Scored]] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for part in track(
            pool.map(job, seeds),
            f"{bad:.0%} harmful",
            total=len(seeds),
            console=Console(stderr=True),
        ):
            for name, rows in part.items():
                whole.setdefault(name, []).extend(rows)
    return whole


def show(title: str, whole: dict[str, list[Scored]]) -> None:
    """All figures of all rules, with bounds."""
    some = next(iter(whole.values()))
    table = Table(
        title=f"{title}: {len(some)} deploys, {sum(row.bad for row in some)} harmful",
        title_justify="left",
        box=None,
    )
    for name in ("rule", *FIGURES):
        table.add_column(name)
    for rule, rows in whole.items():
        table.add_row(rule, *(_with_bounds(rows, name) for name in FIGURES))
    Console(width=220).print(table)


def _with_bounds(rows: Sequence[Scored], name: str) -> str:
    value, low, high = interval(rows, FIGURES[name])
    return f"{told(value)} ({told(low)}–{told(high)})"


def show_parts(rows: Sequence[Scored]) -> None:
    """Ours by what was planted."""
    for key in ("fault", "world", "style", "record"):
        table = Table(title=f"ours by {key}", title_justify="left", box=None)
        for name in (key, "harmful", "harmless", "asked", *PARTS):
            table.add_column(name)
        for value in sorted({str(row.truth[key]) for row in rows}):
            part = [row for row in rows if row.truth[key] == value]
            bad = sum(row.bad for row in part)
            counted = (bad, len(part) - bad, len(asked_for(part)))
            table.add_row(
                value or "(none)",
                *map(str, counted),
                *(told(FIGURES[name](part)) for name in PARTS),
            )
        Console(width=160).print(table)
    gross = [row for row in rows if row.bad and _gross(row)]
    soon = [
        row
        for row in gross
        if row.failed and row.decided_at is not None and row.decided_at - row.at <= 1800.0
    ]
    print(
        f"effects of 2 × and more at 200 calls a minute and more, found within 30 min: {len(soon)} of {len(gross)}"
    )


def _gross(row: Scored) -> bool:
    """Doubled at least, in calls enough of the new version."""
    calls = float(str(row.truth["calls_per_minute"])) * float(str(row.truth["share"]))
    size, fault = float(str(row.truth["size"])), row.truth["fault"]
    large = fault == "silent" or (
        size >= BIG if fault in ("latency", "one_pod", "tail", "slow_callers") else size >= 0.03
    )
    return large and fault != "leak" and calls >= BUSY and row.truth["world"] != "head"


def show_confidence(rows: Sequence[Scored]) -> None:
    """How often verdicts were right, by how sure they were."""
    table = Table(title="confidence: said and kept", title_justify="left", box=None)
    for name in ("verdict", "said", "kept", "deploys"):
        table.add_column(name)
    for verdict in ("fail", "pass", "inconclusive"):
        mine = sorted(
            (row for row in rows if row.verdict == verdict), key=lambda row: row.confidence
        )
        for part in np.array_split(np.arange(len(mine)), max(1, min(5, len(mine) // 20))):
            some = [mine[place] for place in part.tolist()]
            if some:
                right = sum(row.bad == row.failed for row in some) / len(some)
                table.add_row(
                    verdict,
                    f"{np.mean([row.confidence for row in some]):.2f}",
                    f"{right:.2f}",
                    str(len(some)),
                )
    brier = np.mean([(row.confidence - (row.bad == row.failed)) ** 2 for row in rows])
    table.caption = f"Brier score {brier:.3f}"
    Console(width=120).print(table)


def main() -> None:
    """Read the arguments, print the tables."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument(
        "--quick", action="store_true", help="a few minutes: 150 deploys of each base rate"
    )
    words.add_argument("--deploys", type=int, default=1000)
    words.add_argument(
        "--seed", type=int, default=100, help="the first seed; fitting used those below 100"
    )
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--alone", action="store_true", help="without the peers")
    given = words.parse_args()
    deploys = 150 if given.quick else given.deploys
    started = time.monotonic()
    pooled: list[Scored] = []
    for place, bad in enumerate((0.2, 0.02)):
        first = given.seed + place * 10_000
        whole = gathered(first, deploys, bad, with_peers=not given.alone, workers=given.workers)
        show(f"{bad:.0%} harmful", whole)
        pooled += whole[OURS]
    show_parts(pooled)
    show_confidence(pooled)
    pairs.show(pairs.scored(min(deploys, PAIRS), given.seed))
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
