"""CPU seconds of judging 200 deploys among 60 edges each: `python -m tests.bench.detection.cost
[deploys] [edges] [step]`.
"""

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.cli.long_work import arrow_without_pandas, calm_collector
from monitor.detect.settings import JudgeSettings
from monitor.outside.answers import answer_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.told import apart
from monitor.outside.watching import decide

AT = 1_774_350_000.0
BEFORE, AFTER = 60, 30
TOUCHING = 8


def written(folder: Path, deploys: int, edges: int, step: int) -> None:
    """A case per deploy; TOUCHING of its edges lead to the deployed service, half of whose calls
    the new version takes.
    """
    rng = np.random.default_rng(1)
    told = []
    with pq.ParquetWriter(
        folder / "edges.parquet", _case("c", edges, step, rng).schema, compression="zstd"
    ) as out:
        for number in range(deploys):
            out.write_table(_case(f"c{number}", edges, step, rng))
            until = datetime.fromtimestamp(AT + AFTER * step, UTC).isoformat()
            at = datetime.fromtimestamp(AT, UTC).isoformat()
            told.append(
                {
                    "deploy_id": f"d{number}",
                    "case": f"c{number}",
                    "service": "s0",
                    "at": at,
                    "version_from": "1",
                    "version_to": "2",
                }
                | {"evaluate_until": until}
            )
    (folder / "deploys.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))


def _case(case: str, edges: int, step: int, rng: np.random.Generator) -> pa.Table:
    columns: dict[str, list[object]] = {
        name: [] for name in ("ts", "caller", "callee", "version", "count", "errors", "histogram")
    }
    for edge in range(edges):
        callee = "s0" if edge < TOUCHING else f"s{1 + edge % 12}"
        for place in range(-BEFORE, AFTER):
            for version in ("1", "2") if place >= 0 and edge < TOUCHING else ("1",):
                held = rng.poisson(10.0, 20)
                columns["ts"].append(datetime.fromtimestamp(AT + place * step, UTC))
                columns["caller"].append(f"c{edge % 10}")
                columns["callee"].append(callee)
                columns["version"].append(version)
                columns["count"].append(int(held.sum()))
                columns["errors"].append(int(rng.random() < 0.3))
                columns["histogram"].append(
                    " ".join(
                        f"{100 + bin_}:{count}"
                        for bin_, count in enumerate(held.tolist())
                        if count
                    )
                )
    size = len(columns["ts"])
    return pa.table({"case": [case] * size, "step_s": [step] * size, **columns})


def main() -> None:
    """Write the files, judge them, print what it cost."""
    deploys, edges, step = (
        int(word) for word in (*sys.argv[1:], *("200", "60", "60")[len(sys.argv) - 1 :])
    )
    with tempfile.TemporaryDirectory(prefix="seamwatch-cost-") as name:
        folder = Path(name)
        written(folder, deploys, edges, step)
        started = time.process_time()
        arrow_without_pandas()
        rows, _ = edges_of(folder / "edges.parquet")
        cases, told = apart(rows), deploys_of(folder / "deploys.jsonl")
        calm_collector()  # as the command does
        read = time.process_time() - started
        outcomes = [
            answer_of(decide(cases, deploy, told, JudgeSettings(), "edges")).verdict
            for deploy in told
        ]
        whole = time.process_time() - started
    print(
        f"{deploys} deploys x {edges} edges, bins of {step} s, {len(rows)} rows: {whole:.1f} CPU s ({read:.1f} of it reading)"
    )
    print({outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))})


if __name__ == "__main__":
    main()
