"""A public recording judged: single KPIs by the minute around software changes, of which nobody
knows what they measure.

`python -m tests.bench.detection.kontrast FOLDER`, where FOLDER is the `dataset` folder of Kontrast
(NetManAIOps, ISSRE 2022). It is read where it lies; nothing of it is kept here. Each KPI is a
node's metric without callers, told as the mean latency in ms (`--told` names another column): so a
fall of it is no harm by itself. One that goes below zero is raised by its lowest value before the
change.

A KPI with a harmful change comes with a twin: its own past with a harmless change two hours
earlier. Every other pair was looked at while rules were made; the figures of the others are those
that count.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.detection.bench import judged, show
from tests.bench.detection.score import Scored

STEP = 60
DAYS = 3
TOLD = ("mean_ms", "p50_ms", "count", "success_rate")
HALVES = ("looked at", "held out")
Line = Mapping[str, str]


def pair_of(instance: str) -> int:
    """A KPI and its twin have one number, in the order of the file."""
    return int(instance.rsplit("_", 1)[1]) // 2


def changes(folder: Path) -> Iterator[Line]:
    """The labelled KPIs: instance, moment of the change, whether it did harm."""
    with (folder / "config" / "aiops2018.csv").open() as file:
        yield from csv.DictReader(file)


def values_of(folder: Path, line: Line, days: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of so many days before the change, and of all that came after."""
    path = folder / "data" / "aiops2018" / f"{line['instance_name']}${line['metric']}.csv"
    at = float(line["change_start"])
    times, values = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    known = (times >= at - days * 86400.0) & ~np.isnan(values)
    times, values = times[known], values[known]
    lowest = float(values[times < at].min())
    return times, np.maximum(values - min(lowest, 0.0), 0.0)


def write(folder: Path, into: Path, half: int, told: str, days: float) -> None:
    """The KPIs of one half as edges, deploys and truths."""
    columns: dict[str, list[np.ndarray]] = {"case": [], "ts": [], told: []}
    deploys, truths = [], []
    for line in changes(folder):
        name, at, bad = line["metric"], float(line["change_start"]), line["label"] == "1"
        if pair_of(name) % 2 != half:
            continue
        times, values = values_of(folder, line, days)
        if told == "success_rate":
            values = 1.0 - values / max(2.0 * float(values[times < at].max()), 1e-9)
        columns["case"].append(np.full(times.size, name, dtype=object))
        columns["ts"].append(times)
        columns[told].append(
            np.rint(values)
            if told == "count"
            else np.clip(values, 0.0, 1.0)
            if told == "success_rate"
            else values
        )
        until = float(times[-1]) + STEP
        deploys.append(
            {
                "deploy_id": name,
                "case": name,
                "service": "node",
                "at": _iso(at),
                "version_from": None,
                "version_to": None,
            }
            | {"evaluate_until": _iso(until)}
        )
        truths.append(
            {
                "deploy_id": name,
                "case": name,
                "bad": bad,
                "fault": "incident" if bad else "",
                "size": 2.0,
                "world": HALVES[half],
            }
            | {
                "style": "unversioned",
                "record": told,
                "step_s": STEP,
                "calls_per_minute": 0.0,
                "share": 1.0,
                "group": 1,
            }
            | {"cause": name if bad else "", "harm_from": at if bad else None}
        )
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    size = joined["ts"].size
    table = {name: pa.array(column) for name, column in joined.items()}
    table |= {
        "step_s": pa.array(np.full(size, STEP)),
        "caller": pa.array(["<any>"] * size),
        "callee": pa.array(["node"] * size),
    }
    pq.write_table(pa.table(table), into / "edges.parquet")
    for file, lines in (("deploys.jsonl", deploys), ("truth.jsonl", truths)):
        (into / file).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def misses(rows: list[Scored]) -> None:
    """Who was judged otherwise than the truth is."""
    for word, wrong in (("missed", True), ("false", False)):
        print(
            f"  {word}: {' '.join(row.case.rsplit('_', 1)[1] for row in rows if row.bad == wrong and row.failed != wrong)}"
        )


def main() -> None:
    """Convert to a folder of its own, judge, print."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("folder", type=Path)
    words.add_argument("--half", choices=(*HALVES, "both"), default="both")
    words.add_argument(
        "--told", choices=TOLD, default="mean_ms", help="the column as which the KPI is told"
    )
    words.add_argument(
        "--days", type=float, default=DAYS, help="of the KPI's past, so many are told"
    )
    words.add_argument("--alone", action="store_true", help="without the peers")
    words.add_argument(
        "--misses", action="store_true", help="name the instances that ours judges wrongly"
    )
    given = words.parse_args()
    for half, name in enumerate(HALVES):
        if given.half not in (name, "both"):
            continue
        with tempfile.TemporaryDirectory(prefix="seamwatch-kontrast-") as into:
            write(given.folder, Path(into), half, given.told, given.days)
            scored = judged(Path(into), with_peers=not given.alone)
        show(f"Kontrast, {name}", scored)
        if given.misses:
            misses(scored["seamwatch"])


if __name__ == "__main__":
    main()
