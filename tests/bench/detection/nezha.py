"""A public recording of two shops judged: injected faults, seen by spans of some minutes around
each.

`python -m tests.bench.detection.nezha FOLDER DAY`, where FOLDER is the Nezha repository
(IntelligentDDS, FSE 2023) and DAY one of its four: 2022-08-22 and 2022-08-23 are of Online
Boutique, 2023-01-29 and 2023-01-30 of Train Ticket. It is read where it lies; nothing of it is
kept here. A fault is taken for a deploy of the faulty service at the moment it was injected, an
instant replacement of which telemetry names no version. Harmless deploys are of services drawn at
random, at the beginning of the calm minute before each fault: the last fault has been over for
some minutes then; and, at the moment of each fault, of services that it cannot reach. What was
before are the calm minutes before it and before earlier faults, and the recording's minute without
faults. Of Train Ticket's faults in code (return, exception) many began before they are said to, or
show nowhere in spans and logs; they are told apart by kind.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tests.bench.detection.bench import judged, show
from tests.bench.detection.score import Scored

STEP = 10
NULLS, BESIDE = 12, 3
"""Harmless deploys drawn for each calm minute and each fault at most."""
BEFORE, AFTER, FAULT = 2400.0, 150.0, 240.0
"""Seconds of the recording around a deploy; faults come every eight minutes, and are over after
four.
"""
USUAL = "usual"
FEWEST_BINS = 6
QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}
TEXT = {
    "TraceID": pa.string(),
    "SpanID": pa.string(),
    "ParentID": pa.string(),
    "PodName": pa.string(),
}


@dataclass(frozen=True)
class Fault:
    """One injection: the service, what was done to it, and when (seconds since the epoch)."""

    service: str
    kind: str
    at: float


@dataclass
class Written:
    """Cases, deploys and truths gathered so far; `groups` name the moment that a deploy's case
    shares with others.
    """

    tables: list[pa.Table] = field(default_factory=list)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)

    def case(self, rows: pa.Table, name: str) -> None:
        """Rows that stand together."""
        self.tables.append(
            rows.append_column("case", pa.array([name] * len(rows)).dictionary_encode())
        )

    def deploy(
        self,
        rows: pa.Table,
        name: str,
        service: str,
        at: float,
        until: float,
        shop: str,
        fault: str,
        group: str,
    ) -> None:
        """One release, told and known, with a case of its own: those of one moment were not
        released together.
        """
        self.case(rows, name)
        self.groups[name] = group
        self.deploys.append(
            {
                "deploy_id": name,
                "case": name,
                "service": service,
                "at": _iso(at),
                "version_from": None,
                "version_to": None,
            }
            | {"evaluate_until": _iso(until), "history_case": USUAL}
        )
        bad = bool(fault)
        self.truths.append(
            {
                "deploy_id": name,
                "case": name,
                "bad": bad,
                "fault": fault,
                "size": 2.0,
                "world": shop,
                "style": "unversioned",
            }
            | {
                "record": "spans",
                "step_s": STEP,
                "calls_per_minute": 0.0,
                "share": 1.0,
                "group": 1,
            }
            | {"cause": name if bad else "", "harm_from": at if bad else None}
        )


def faults_of(folder: Path, day: str) -> list[Fault]:
    """The day's injections in time order. Their texts are UTC; of the numbers beside them some are
    of another zone.
    """
    told = json.loads((folder / "rca_data" / day / f"{day}-fault_list.json").read_text())
    faults = [
        Fault(
            _service(injection["inject_pod"]),
            injection["inject_type"],
            datetime.fromisoformat(injection["inject_time"] + "+00:00").timestamp(),
        )
        for hour in told.values()
        for injection in hour
    ]
    return sorted(faults, key=lambda fault: fault.at)


@dataclass(frozen=True)
class Spans:
    """All spans of a day by column, each once. `parent` is the row of the span above, -1 for none
    that was recorded.
    """

    service: np.ndarray
    names: Sequence[str]
    parent: np.ndarray
    operation: np.ndarray
    operations: Sequence[str]
    ends: np.ndarray
    micros: np.ndarray
    identity: pa.Array

    @classmethod
    def of(cls, files: Sequence[Path]) -> "Spans":
        """Read from the recording's files, some of which hold the same spans."""
        options = pacsv.ConvertOptions(column_types=TEXT)
        table = pa.concat_tables(
            pacsv.read_csv(file, convert_options=options) for file in files
        ).combine_chunks()
        own = table["SpanID"].combine_chunks()
        first = np.sort(
            np.unique(own.dictionary_encode().indices.to_numpy(), return_index=True)[1]
        )
        table = table.take(pa.array(first))
        own = table["SpanID"].combine_chunks()
        parent = pc.fill_null(
            pc.index_in(table["ParentID"].combine_chunks(), value_set=own), -1
        ).to_numpy()
        pods, operations = (
            table[name].combine_chunks().dictionary_encode()
            for name in ("PodName", "OperationName")
        )
        services = [_service(pod) for pod in pods.dictionary.to_pylist()]
        names = sorted(set(services))
        place = np.array([names.index(service) for service in services])
        return cls(
            service=place[pods.indices.to_numpy()],
            names=names,
            parent=parent,
            operation=operations.indices.to_numpy(),
            operations=operations.dictionary.to_pylist(),
            ends=table["EndTimeUnixNano"].to_numpy() / 1e9,
            micros=np.maximum(table["Duration"].to_numpy(), 1),
            identity=own,
        )

    @property
    def entries(self) -> np.ndarray:
        """Whether the span answers another service, or is the first of its trace."""
        above = np.where(self.parent >= 0, self.service[self.parent], -1)
        return above != self.service

    def answering(self, rows: np.ndarray) -> np.ndarray:
        """The span of the same service by which each of these rows was reached."""
        entries, rows = self.entries, rows.copy()
        while not entries[rows].all():
            rows = np.where(entries[rows], rows, self.parent[rows])
        return rows


def failed(folder: Path, spans: Spans) -> np.ndarray | None:
    """Spans in whose service an error was logged; None where the day's logs are not all there:
    gaps would look like steps.
    """
    traces, logs = (sorted((folder / kind).glob("*.csv")) for kind in ("trace", "log"))
    if len(logs) < len(traces):
        return None
    span_ids: set[str] = set()
    csv.field_size_limit(1 << 24)
    for path in logs:
        with path.open(encoding="utf-8", errors="replace") as file:
            span_ids.update(
                row["SpanID"] for row in csv.DictReader(file) if " ERROR " in (row["Log"] or "")
            )
    places = (
        pc.index_in(pa.array(sorted(span_ids)), value_set=spans.identity).drop_null().to_numpy()
    )
    out = np.zeros(spans.parent.size, dtype=bool)
    out[spans.answering(places)] = True
    return out


def edges_of_spans(spans: Spans, errors: np.ndarray | None, *, operations: bool) -> pa.Table:
    """Calls between services by bin, of both sides, as rows of the outside format; what nobody in
    it calls is called by the user.
    """
    entries = np.flatnonzero(spans.entries)
    above = spans.parent[entries]
    paired = above >= 0
    lone = _unanswered(spans)
    caller = np.where(paired, spans.service[above], -1)
    halves = [
        ("server", entries, caller, spans.service[entries], entries),
        ("client", above[paired], caller[paired], spans.service[entries[paired]], entries[paired]),
        ("client", lone[0], spans.service[lone[0]], lone[1], lone[0]),
    ]
    columns: dict[str, list[object]] = {}
    for side, measured, callers, callees, named in halves:
        if not measured.size:
            continue
        bins = (spans.ends[measured] // STEP * STEP).astype(np.int64)
        what = spans.operation[named] if operations else np.zeros(measured.size, dtype=np.int64)
        keys = np.stack([bins, callers, callees, what])
        groups, places = np.unique(keys, axis=1, return_inverse=True)
        order = np.argsort(np.ravel(places), kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(np.ravel(places)))[:-1])
        for (moment, source, target, operation), rows in zip(
            groups.T.tolist(), parts, strict=True
        ):
            micros = spans.micros[measured[rows]]
            line = {
                "ts": moment,
                "step_s": STEP,
                "caller": spans.names[source] if source >= 0 else "user",
                "callee": spans.names[target],
                "operation": spans.operations[operation] if operations else None,
                "side": side,
                "count": int(rows.size),
                "errors": None
                if errors is None or side == "client"
                else int(errors[measured[rows]].sum()),
                "mean_ms": float(micros.mean()) / 1000.0,
                **{
                    name: float(np.quantile(micros, share)) / 1000.0
                    for name, share in QUANTILES.items()
                },
                "histogram": _histogram(micros),
            }
            for name, value in line.items():
                columns.setdefault(name, []).append(value)
    table = pa.table(columns)
    return table.set_column(
        table.schema.get_field_index("ts"), "ts", table["ts"].cast(pa.float64())
    )


def _unanswered(spans: Spans) -> tuple[np.ndarray, np.ndarray]:
    """Calls that nobody answered: spans without any below, named as calls that only one other
    service answers; and which one.
    """
    entries = np.flatnonzero(spans.entries & (spans.parent >= 0))
    above = spans.parent[entries]
    width = len(spans.operations)
    pairs = np.unique(
        np.stack([spans.service[above] * width + spans.operation[above], spans.service[entries]]),
        axis=1,
    )
    names, first, counts = np.unique(pairs[0], return_index=True, return_counts=True)
    callee = dict(
        zip(names[counts == 1].tolist(), pairs[1, first[counts == 1]].tolist(), strict=True)
    )
    childless = np.ones(spans.parent.size, dtype=bool)
    childless[spans.parent[spans.parent >= 0]] = False
    rows = np.flatnonzero(childless)
    known = [
        callee.get(key, -1)
        for key in (spans.service[rows] * width + spans.operation[rows]).tolist()
    ]
    callees = np.array(known, dtype=np.int64)
    return rows[callees >= 0], callees[callees >= 0]


def _histogram(micros: np.ndarray) -> str:
    bins = np.maximum(np.ceil(8.0 * np.log2(micros) - 1e-9).astype(np.int64) - 1, 0)
    return " ".join(
        f"{place}:{count}"
        for place, count in zip(*np.unique(bins, return_counts=True), strict=True)
    )


def gathered(folder: Path, day: str, seed: int, *, operations: bool) -> Written:
    """The day's faults that were recorded, and harmless deploys before each."""
    rows, usual = (
        _rows(folder / part / day, operations=operations)
        for part in ("rca_data", "construct_data")
    )
    shop = "Online Boutique" if day < "2023" else "Train Ticket"
    faults = faults_of(folder, day)
    moments = rows["ts"].to_numpy()
    calm = np.all(
        [(moments + STEP <= fault.at) | (moments >= fault.at + FAULT) for fault in faults], axis=0
    )
    out, rng = Written(), np.random.default_rng(seed)
    if usual is not None:
        out.case(usual, USUAL)
    for number, (fault, last) in enumerate(zip(faults, [None, *faults], strict=False)):
        group, before = (
            f"{day}-{number}",
            calm & (moments < fault.at) & (moments >= fault.at - BEFORE),
        )
        own = np.unique(moments[before & (moments >= fault.at - AFTER)])
        since = (moments + STEP > fault.at) & (moments < fault.at + AFTER)
        if np.unique(moments[since]).size >= FEWEST_BINS and (before.any() or usual is not None):
            until = float(moments[since].max()) + STEP
            seen = rows.filter(pa.array(before | since))
            out.deploy(seen, group, fault.service, fault.at, until, shop, fault.kind, group)
            for place, service in enumerate(_drawn(_unrelated(seen, fault), BESIDE, rng)):
                out.deploy(
                    seen, f"{group}-beside-{place}", service, fault.at, until, shop, "", group
                )
        if (
            own.size > FEWEST_BINS
            and (last is None or own[0] > last.at + FAULT + 60.0)
            and ((moments[before] < own[0]).any())
        ):
            at, until = float(own[0]) + 1.0, float(own[-1]) + STEP
            lately = rows.filter(pa.array(before & (moments >= own[0])))
            for place, service in enumerate(
                _drawn(set(lately["callee"].to_pylist()) - {fault.service}, NULLS, rng)
            ):
                out.deploy(
                    rows.filter(pa.array(before)),
                    f"{group}-null-{place}",
                    service,
                    at,
                    until,
                    shop,
                    "",
                    group,
                )
    return out


def _rows(folder: Path, *, operations: bool) -> pa.Table | None:
    """Calls between services, from all spans of a folder; None where it holds none."""
    files = sorted((folder / "trace").glob("*.csv"))
    if not files:
        return None
    spans = Spans.of(files)
    return edges_of_spans(spans, failed(folder, spans), operations=operations)


def _drawn(services: Collection[str], most: int, rng: np.random.Generator) -> list[str]:
    return [
        str(service)
        for service in rng.choice(sorted(services), size=min(most, len(services)), replace=False)
    ]


def _unrelated(rows: pa.Table, fault: Fault) -> set[str]:
    """Services that neither call the faulty one, however far up, nor are called by it, however far
    down: nothing of it reaches them.
    """
    calls = set(zip(rows["caller"].to_pylist(), rows["callee"].to_pylist(), strict=True))
    near = {fault.service}
    for side, opposite in ((0, 1), (1, 0)):
        reached = {fault.service}
        while more := {call[opposite] for call in calls if call[side] in reached} - reached:
            reached |= more
        near |= reached
    return {callee for _, callee in calls} - near


def _service(pod: str) -> str:
    return pod.rsplit("-", 2)[0]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def by_kind(rows: Sequence[Scored]) -> None:
    """Found of each kind of fault."""
    for kind in sorted({str(row.truth["fault"]) for row in rows if row.bad}):
        part = [row for row in rows if row.truth["fault"] == kind]
        print(f"  {kind:<15} found {sum(row.failed for row in part)} of {len(part)}")


def main() -> None:
    """Convert to a folder of its own, judge, print."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("folder", type=Path)
    words.add_argument("day")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--operations", action="store_true", help="edges apart by operation")
    words.add_argument("--alone", action="store_true", help="without the peers")
    words.add_argument("--keep", type=Path, help="write the files here, and keep them")
    given = words.parse_args()
    whole = gathered(given.folder, given.day, given.seed, operations=given.operations)
    with tempfile.TemporaryDirectory(prefix="seamwatch-nezha-") as name:
        folder = given.keep or Path(name)
        folder.mkdir(exist_ok=True)
        pq.write_table(
            pa.concat_tables(table.unify_dictionaries() for table in whole.tables),
            folder / "edges.parquet",
        )
        for file, lines in (("deploys.jsonl", whole.deploys), ("truth.jsonl", whole.truths)):
            (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
        scored = judged(folder, with_peers=not given.alone)
    grouped = {
        rule: [replace(row, case=whole.groups[row.case]) for row in rows]
        for rule, rows in scored.items()
    }
    show(f"Nezha {given.day}", grouped)
    by_kind(grouped["seamwatch"])


if __name__ == "__main__":
    main()
