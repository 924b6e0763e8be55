"""A public recording judged: injected issues of a cloud application in bins of 5 minutes, metrics
of nodes without callers.

`python -m tests.bench.detection.petshop FOLDER`, where FOLDER is the `dataset` folder of the
PetShop data (amazon-science, petshop-root-cause-analysis, CC-BY-4.0). It is read where it lies;
nothing of it is kept here. An issue is taken for a deploy of its root cause's node at the moment
it was injected; harmless deploys are as many moments of other nodes in the days without issues.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.detection.bench import judged, show
from tests.bench.detection.score import Scored

STEP = 300
NULLS = 200
AFTER_BINS = 3
NAMES = {"Average": "mean_ms", "p50": "p50_ms", "p90": "p90_ms", "p95": "p95_ms", "p99": "p99_ms"}
Rows = list[dict[str, Any]]


@dataclass
class Written:
    """Rows, deploys and truths gathered so far."""

    rows: Rows = field(default_factory=list)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)

    def deploy(
        self,
        name: str,
        case: str,
        service: str,
        at: float,
        history: str | None,
        *,
        bad: bool,
        world: str,
    ) -> None:
        """One release, told and known."""
        self.deploys.append(
            {
                "deploy_id": name,
                "case": case,
                "service": service,
                "at": _iso(at),
                "version_from": None,
                "version_to": None,
            }
            | {"evaluate_until": _iso(at + (AFTER_BINS + 1) * STEP), "history_case": history}
        )
        self.truths.append(
            {
                "deploy_id": name,
                "case": case,
                "bad": bad,
                "fault": "issue" if bad else "",
                "size": 2.0,
                "world": world,
            }
            | {
                "style": "unversioned",
                "record": "node",
                "step_s": STEP,
                "calls_per_minute": 0.0,
                "share": 1.0,
                "group": 1,
            }
            | {"cause": name if bad else "", "harm_from": at if bad else None}
        )


def metrics(path: Path, case: str) -> Rows:
    """A file of metrics (node, metric, statistic by column) as rows of the outside format."""
    with path.open() as file:
        lines = list(csv.reader(file))
    nodes, kinds, statistics = (line[1:] for line in lines[:3])
    rows: dict[tuple[float, str], dict[str, Any]] = {}
    for line in lines[4:]:
        moment = float(line[0])
        for node, kind, statistic, text in zip(nodes, kinds, statistics, line[1:], strict=True):
            if not text:
                continue
            row = rows.setdefault(
                (moment, node),
                {"case": case, "ts": moment, "step_s": STEP, "caller": "<any>", "callee": node},
            )
            if kind == "latency" and statistic in NAMES:
                row[NAMES[statistic]] = float(text) * 1000.0
            elif kind == "requests":
                row["count"] = round(float(text))
            elif kind == "availability":
                row["success_rate"] = min(max(float(text) / 100.0, 0.0), 1.0)
    return list(rows.values())


def gathered(folder: Path, seed: int) -> Written:
    """All scenarios' issues, and deploys of which nothing came."""
    out, rng = Written(), np.random.default_rng(seed)
    scenarios = sorted(path.parent.parent for path in folder.glob("*/noissue/metrics.csv"))
    for scenario in scenarios:
        usual = f"{scenario.name}-usual"
        quiet = metrics(scenario / "noissue" / "metrics.csv", usual)
        out.rows += quiet
        nodes = sorted({row["callee"] for row in quiet})
        for path, target in _issues(scenario):
            case = f"{scenario.name}-{path.parent.name}-{path.name}"
            out.rows += metrics(path / "metrics.csv", case)
            service, at = target["root_cause"]["node"], float(target["target"]["timestamp"])
            out.deploy(case, case, service, at, usual, bad=True, world=scenario.name)
        moments = sorted({row["ts"] for row in quiet})
        for number in range(NULLS // len(scenarios)):
            service, at = (
                str(rng.choice(nodes)),
                float(rng.choice(moments[80:-6])) + float(rng.uniform(0, STEP)),
            )
            out.deploy(
                f"{scenario.name}-null-{number}",
                usual,
                service,
                at,
                None,
                bad=False,
                world=scenario.name,
            )
    return out


def _issues(scenario: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(scenario.glob("*/issue_*")):
        yield path, json.loads((path / "target.json").read_text())


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def by_scenario(rows: list[Scored]) -> None:
    """Found and false of each scenario."""
    for world in sorted({str(row.truth["world"]) for row in rows}):
        part = [row for row in rows if row.truth["world"] == world]
        bad, false = (
            [row for row in part if row.bad],
            [row for row in part if not row.bad and row.failed],
        )
        print(
            f"  {world:<18} found {sum(row.failed for row in bad)} of {len(bad)}, false {len(false)} of {len(part) - len(bad)}"
        )


def main() -> None:
    """Convert to a folder of its own, judge, print."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("folder", type=Path)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--alone", action="store_true", help="without the peers")
    given = words.parse_args()
    whole = gathered(given.folder, given.seed)
    with tempfile.TemporaryDirectory(prefix="seamwatch-petshop-") as name:
        folder = Path(name)
        names = (
            "case",
            "ts",
            "step_s",
            "caller",
            "callee",
            "count",
            "success_rate",
            *NAMES.values(),
        )
        pq.write_table(
            pa.table({column: [row.get(column) for row in whole.rows] for column in names}),
            folder / "edges.parquet",
        )
        for file, lines in (("deploys.jsonl", whole.deploys), ("truth.jsonl", whole.truths)):
            (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
        scored = judged(folder, with_peers=not given.alone)
    show("PetShop", scored)
    by_scenario(scored["seamwatch"])


if __name__ == "__main__":
    main()
