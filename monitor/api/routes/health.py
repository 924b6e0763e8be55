"""/healthz, /readyz, /metrics for platforms; /v1/health, /v1/rejects, /v1/ledger, /v1/coverage,
/v1/size for people and programs.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from monitor import telemetry
from monitor.advice import Unchecked, unchecked
from monitor.api.access import Opened, Reading, parts_of, requires
from monitor.api.faults import ERRORS
from monitor.api.moments import Limit, Name, Since, Until
from monitor.api.paging import Paged
from monitor.api.parts import Parts
from monitor.api.questions import (
    Asking,
    WindowsState,
    ask,
    data_range,
    glance,
    listed,
    listed_in,
    newest_row,
    range_of,
    windows_state,
)
from monitor.api.strict import StrictRoute
from monitor.control import findings as kept_findings
from monitor.control.gate_answers import gate_counts
from monitor.errors import StoreError
from monitor.joining.shard_states import states_of
from monitor.model.edges import WINDOW_SECONDS

MOST_PARTITIONS = 10_000
PROBE_THREADS = CapacityLimiter(4)
"""Probes run in threads of their own: questions that wait for a silent store may hold all the
others.
"""

probes = APIRouter(tags=["probes"])
router = APIRouter(prefix="/v1", tags=["health"], responses=ERRORS, route_class=StrictRoute)


class Component(BaseModel):
    """A component's last word; `stale` when it has been silent for too long."""

    component: str
    ready: bool
    reason: str
    at: datetime
    age_seconds: float
    stale: bool
    details: Mapping[str, str | int | float | None]


class PartitionTime(BaseModel):
    """Event time that a partition has reached."""

    source_id: str
    topic: str
    partition: int
    watermark: datetime
    drained: bool
    seen_at: datetime


class DataAge(BaseModel):
    """How old the newest data is: the newest window, the newest sealed one, and the event time
    that each topic has reached.
    """

    newest_window: datetime | None
    newest_window_age_seconds: float | None
    sealed_window: datetime | None
    sealed_window_age_seconds: float | None
    topics: Mapping[str, float]


class ShardHealth(BaseModel):
    """A shard by its number in the settings; `behind_seconds`: how far its newest closed window is
    behind that of the farthest shard. A window is shown once all shards have closed it.
    """

    number: int
    answers: bool
    trouble: str
    newest_window: datetime | None
    sealed_window: datetime | None
    behind_seconds: float | None


class GateMind(BaseModel):
    """What gates answered since then, each change of mind once; `flips` are those on code that
    stayed the same. `overrides` are in force.
    """

    since: datetime
    answers: int
    flips: int
    overrides: int


class Health(BaseModel):
    """Everything an operator asks first. `watermarks` are of at most 10,000 of the `partitions`
    there are, those behind first.
    """

    ready: bool
    reasons: Sequence[str]
    notes: Sequence[str]
    data: DataAge | None
    components: Sequence[Component]
    windows: WindowsState
    watermarks: Sequence[PartitionTime]
    partitions: int
    gates: GateMind
    shards: Sequence[ShardHealth]


class RejectGroup(BaseModel):
    """What could not be read, by reason; never a payload."""

    topic: str
    reason: str
    parts: int
    records: int
    whole_records: int
    last_seen: datetime
    last_source_id: str
    last_partition: int
    last_offset: int
    last_detail: str


class LedgerLine(BaseModel):
    """What became of the records of one partition; `missing` offsets are in no row (0 when the
    ledger tiles the log).
    """

    source_id: str
    topic: str
    partition: int
    records: int
    first_offset: int
    last_offset: int
    lost: int
    missing: int
    spans: int
    halves: int
    filtered: int
    rejected: int
    exchanges: int
    last_ingested: datetime


class CoverageLine(BaseModel):
    """Which sides of the calls between two services were seen, and how they were sampled and
    checked.
    """

    environment: str
    caller_namespace: str
    caller: str
    callee_namespace: str
    callee: str
    protocol: str
    calls: int
    both: int
    client_only: int
    server_only: int
    log_only: int
    both_share: float
    checked: int
    not_checked: Mapping[str, int]
    unchecked: Sequence[Unchecked]
    unsampled: int
    head_sampled: int
    biased: int
    weighted_calls: float
    rows_without_version: int


class TableSize(BaseModel):
    """Room of one table on disk."""

    table: str
    rows: int
    bytes: int
    uncompressed_bytes: int
    parts: int


class EdgeSize(BaseModel):
    """Rows of one pair of services."""

    environment: str
    caller_namespace: str
    caller: str
    callee_namespace: str
    callee: str
    rows: int
    operations: int
    version_pairs: int
    calls: int


class Size(BaseModel):
    """Room on disk. `gigabytes_per_million_spans` and `gigabytes_per_day` are null while nothing
    was read. `edges`: how many pairs of services the last 24 hours have; `largest_edges` are the
    largest of them.
    """

    tables: Sequence[TableSize]
    bytes: int
    spans: int
    gigabytes_per_million_spans: float | None
    gigabytes_per_day: float | None
    largest_edges: Sequence[EdgeSize]
    edges: int


def components(parts: Parts) -> list[Component]:
    """The board's reports with their age."""
    now = parts.clock()
    reports = []
    for report in parts.board.reports():
        age = (now - report.at).total_seconds()
        reports.append(
            Component(
                component=report.component,
                ready=report.ready,
                reason=report.reason,
                at=report.at,
                age_seconds=round(age, 3),
                stale=age > parts.config.stale_seconds,
                details=dict(report.details),
            )
        )
    return reports


def unready(parts: Parts) -> list[str]:
    """Why this process is not ready; empty when it is."""
    reasons = []
    try:
        parts.store.ping()
    except StoreError as error:
        reasons.append(f"store: {error}")
    else:
        if parts.store.trouble:
            reasons.append(f"store: {parts.store.trouble}")
    reasons += [
        f"store: shard {state.number}: {state.trouble}"
        for state in states_of(parts.shards)
        if not state.answers
    ]
    for report in components(parts):
        if not report.ready:
            reasons.append(f"{report.component}: {report.reason or 'not ready'}")
        elif report.stale:
            reasons.append(f"{report.component}: silent for {report.age_seconds:.0f} s")
    return reasons


def notes(parts: Parts) -> list[str]:
    """What is worth knowing and keeps nothing from working: an optional topic that is
    not there.
    """
    return [
        f"{report.component}: {report.reason}"
        for report in components(parts)
        if report.ready and not report.stale and report.reason
    ]


def gate_mind(parts: Parts) -> GateMind:
    """How steady the gate's word was in the last week."""
    now = parts.clock()
    since = now - timedelta(days=7)
    counts = gate_counts(parts.engine, since=since, now=now)
    return GateMind(
        since=since, answers=counts.answers, flips=counts.flips, overrides=counts.overrides
    )


def data_age(parts: Parts, asking: Asking = ask) -> DataAge | None:
    """How old the data is; None where the store does not tell."""
    try:
        state = windows_state(parts, asking)
        marks = asking(parts, "watermarks", limit=MOST_PARTITIONS, offset=0)
    except StoreError:
        return None
    now = parts.clock()
    topics: dict[str, float] = {}
    for mark in marks:
        age = round((now - mark["watermark"]).total_seconds(), 1)
        topics[mark["topic"]] = min(age, topics.get(mark["topic"], age))
    return DataAge(
        newest_window=state.last_closed,
        newest_window_age_seconds=_age(state.last_closed, now),
        sealed_window=state.last_sealed,
        sealed_window_age_seconds=_age(state.last_sealed, now),
        topics=topics,
    )


def _age(window: datetime | None, now: datetime) -> float | None:
    return None if window is None else round((now - window).total_seconds() - WINDOW_SECONDS, 1)


def readiness(parts: Parts) -> tuple[int, dict[str, object]]:
    """Status and body of /readyz. Old data is told and is no fault: nothing may be
    sent just now.
    """
    reasons = unready(parts)
    age = (
        None
        if any(reason.startswith("store: ") for reason in reasons)
        else data_age(parts, glance)
    )
    body: dict[str, object] = {"ready": not reasons, "reasons": reasons, "notes": notes(parts)}
    body["data"] = None if age is None else age.model_dump(mode="json")
    return 503 if reasons else 200, body


@probes.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Always 200 while requests are answered; needs no thread, which questions to a silent store
    may all hold.
    """
    return {"status": "alive"}


@probes.get(
    "/readyz",
    summary="Does everything run?",
    responses={503: {"description": "Not ready; says why"}},
)
async def readyz(request: Request) -> Response:
    """503 with reasons when the store does not answer within 2 s, or a component is unready or
    silent.
    """
    status, body = await to_thread.run_sync(readiness, parts_of(request), limiter=PROBE_THREADS)
    return JSONResponse(body, status)


@probes.get(
    "/metrics",
    summary="Prometheus metrics",
    responses={200: {"content": {"text/plain": {}}}, **ERRORS},
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    """What Seamwatch says of itself; needs the scope read unless opened by a setting. Figures of a
    store that does not answer stay as they were.
    """
    text = await to_thread.run_sync(_measured, request, limiter=PROBE_THREADS)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


KEEP_FINDINGS = frozenset({"detection", "notify"})
"""Parts that keep the count of open findings themselves, and wait for a silent control store in
our stead.
"""


def _measured(request: Request) -> bytes:
    parts = parts_of(request)
    if not parts.config.open_metrics:
        requires("read")(request)
    reports = components(parts)
    for report in reports:
        telemetry.READY.labels(report.component).set(report.ready and not report.stale)
    if not KEEP_FINDINGS & {report.component for report in reports}:
        with suppress(StoreError):
            telemetry.FINDINGS.set(kept_findings.count_open(parts.engine))
    with suppress(StoreError):
        parts.store.ping()
        state = windows_state(parts)
        for gauge, at in (
            (telemetry.LAST_CLOSED, state.last_closed),
            (telemetry.LAST_SEALED, state.last_sealed),
        ):
            if at is not None:
                gauge.set(at.timestamp())
    return generate_latest(telemetry.REGISTRY)


@router.get("/health", summary="Components, watermarks, how far windows are closed and sealed")
def health(_caller: Reading, parts: Opened) -> Health:
    """The same as /readyz, with figures."""
    reasons = unready(parts)
    marks = listed(parts, "watermarks", MOST_PARTITIONS)
    return Health(
        ready=not reasons,
        reasons=reasons,
        notes=notes(parts),
        data=data_age(parts),
        components=components(parts),
        windows=windows_state(parts),
        watermarks=[PartitionTime.model_validate(row) for row in marks.rows],
        partitions=marks.total,
        gates=gate_mind(parts),
        shards=[
            ShardHealth(
                number=state.number,
                answers=state.answers,
                trouble=state.trouble,
                newest_window=state.newest_window,
                sealed_window=state.sealed_window,
                behind_seconds=state.behind_seconds,
            )
            for state in states_of(parts.shards)
        ],
    )


@router.get("/rejects", summary="What could not be read, by reason")
def rejects(
    _caller: Reading, parts: Opened, paged: Paged, since: Since = None, until: Until = None
) -> list[RejectGroup]:
    """By the time of reading; the last 24 hours by default."""
    asked = range_of(since, until, parts.clock(), "24h")
    listing = listed_in(parts, "rejects_by_reason", asked, paged.limit, paged.offset)
    paged.answered(listing, asked, newest_row(parts, "last_reject"))
    return [RejectGroup.model_validate(row) for row in listing.rows]


@router.get("/ledger", summary="What became of every record read")
def ledger(_caller: Reading, parts: Opened, paged: Paged) -> list[LedgerLine]:
    """By source and partition; those with missing or lost records first, then the newest."""
    listing = listed(parts, "ledger_totals", paged.limit, paged.offset)
    paged.told(len(listing.rows), listing.total)
    return [LedgerLine.model_validate(row) for row in listing.rows]


@router.get("/coverage", summary="Which sides of calls were seen, checked and sampled how")
def coverage(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
) -> list[CoverageLine]:
    """The last hour by default, or the last hour that the data has; what is seen worst first."""
    asked = data_range(parts, since, until)
    listing = listed_in(
        parts, "coverage", asked, paged.limit, paged.offset, environment=environment
    )
    paged.answered(listing, asked, windows_state(parts).last_closed)
    return [CoverageLine.model_validate({**row, "unchecked": missed(row)}) for row in listing.rows]


def missed(row: Mapping[str, Any]) -> list[Unchecked]:
    """Why calls of one row of the panel `coverage` were not checked, and what would help."""
    return unchecked(row["calls"], row["checked"], row["not_checked"], row["protocol"])


@router.get("/size", summary="Room on disk")
def size(_caller: Reading, parts: Opened, limit: Limit = 20) -> Size:
    """GB per million spans and per day at the pace of the last 24 hours, tables, and the edges with the
    most rows in the last hour that the data has.
    """
    tables = [TableSize.model_validate(row) for row in ask(parts, "size")]
    totals = ask(parts, "span_totals")[0]
    asked = data_range(parts, None, None)
    edges = listed_in(parts, "size_by_edge", asked, limit)
    taken, spans = sum(table.bytes for table in tables), int(totals["spans"])
    per_million = taken / 1e9 / (spans / 1e6) if spans else None
    days = (totals["last_ingested"] - totals["first_ingested"]).total_seconds() / 86400
    return Size(
        tables=tables,
        bytes=taken,
        spans=spans,
        gigabytes_per_million_spans=per_million,
        gigabytes_per_day=taken / 1e9 / days if days > 0 else None,
        largest_edges=[EdgeSize.model_validate(row) for row in edges.rows],
        edges=edges.total,
    )
