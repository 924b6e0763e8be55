"""Drawn calls as an outsider records them: rows of the outside format, in the grain and with the
holes of each kind of recording.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tests.bench.detection.plan import NEW, OLD, Shop
from tests.bench.detection.traffic import AGAIN, BOUNDS, LOWEST, Calls, Drawing

MIDDLE_MS = 2.0 ** ((BOUNDS[:-1] + 0.5) / 8.0) / 1000.0
QUANTILES = (("p50_ms", 0.5), ("p90_ms", 0.9), ("p95_ms", 0.95), ("p99_ms", 0.99))
TOLD = {
    "node": (0, 1, 2, 3),
    "five_minutes": (0, 1, 2, 3),
    "quantiles": (0, 1, 3),
    "rates": (0, 2),
}
"""Which quantiles each kind of recording knows; the others hold histograms or a mean."""
SCHEMA = pa.schema(
    [
        ("case", pa.string()),
        ("ts", pa.timestamp("ms", tz="UTC")),
        ("step_s", pa.int32()),
        *(
            (name, pa.string())
            for name in (
                "environment",
                "caller",
                "callee",
                "operation",
                "side",
                "version",
                "instance",
                "zone",
            )
        ),
        ("count", pa.int64()),
        ("errors", pa.int64()),
        ("success_rate", pa.float64()),
        *((name, pa.float64()) for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms")),
        ("histogram", pa.string()),
    ]
)


def recorded(shop: Shop, case: str | None = None) -> pa.Table:
    """All rows of one case."""
    drawing = Drawing(shop)
    tables = [
        _rows(shop, case or shop.case, calls, caller) for calls, caller in _views(shop, drawing)
    ]
    return pa.concat_tables([table for table in tables if table.num_rows])


def _views(shop: Shop, drawing: Drawing) -> Iterator[tuple[Calls, str | None]]:
    """(calls, the caller's version where it is the caller who tells)."""
    drawn = drawing.calls()
    plain = {release.service for release in shop.releases if release.style == "unversioned"}
    merged: dict[tuple[str, ...], Calls] = {}
    for calls in drawn:
        version = "" if calls.seam.callee in plain else calls.version
        caller = "<any>" if shop.record == "node" else calls.seam.caller
        key = (
            caller,
            calls.seam.callee,
            calls.seam.operation if shop.record != "node" else "",
            version,
            calls.instance,
            calls.zone,
        )
        known = merged.get(key)
        if known is None:
            merged[key] = replace(calls, version=version)
        else:
            there = known.there | calls.there
            both = known.latency + calls.latency, known.errors + calls.errors
            merged[key] = replace(known, latency=both[0], errors=both[1], there=there)
    for group in merged.values():
        yield group, None
    if shop.record == "seconds" and shop.seed % 2 and not shop.tells_zones:
        yield from _told_by_callers(shop, drawing, drawn)


def _told_by_callers(
    shop: Shop, drawing: Drawing, drawn: list[Calls]
) -> Iterator[tuple[Calls, str]]:
    """The same calls as client spans show them: with the caller's version, a bucket slower,
    whatever version answered.
    """
    for seam in dict.fromkeys(calls.seam for calls in drawn):
        mine = [calls for calls in drawn if calls.seam is seam]
        latency, errors = (
            sum(getattr(calls, name) for calls in mine) for name in ("latency", "errors")
        )
        latency = np.concatenate(
            [np.zeros((latency.shape[0], 1), dtype=np.int64), latency[:, :-1]], axis=1
        )
        release = next(
            (release for release in shop.releases if release.service == seam.caller), None
        )
        there = np.zeros(latency.shape[0], dtype=bool)
        if release is None:
            yield Calls(seam, "7.0.0", "", latency, errors, there), "7.0.0"
            continue
        share = drawing.newer(seam)
        guilty = share * ((AGAIN if release.fault == "retries" else 0.0) + seam.error)
        guilty = np.where(
            seam.error + guilty > 0,
            guilty / np.maximum(guilty + (1.0 - share) * seam.error, 1e-9),
            share,
        )
        newer, newer_bad = (
            drawing.rng.binomial(latency, share[:, None]),
            drawing.rng.binomial(errors, guilty),
        )
        newer_bad = np.minimum(newer_bad, newer.sum(axis=1))
        yield Calls(seam, OLD, "", latency - newer, errors - newer_bad, there), OLD
        yield Calls(seam, NEW, "", newer, newer_bad, there), NEW


def _rows(shop: Shop, case: str, calls: Calls, caller_version: str | None) -> pa.Table:
    counts = calls.latency.sum(axis=1)
    rows = np.flatnonzero((counts > 0) | (calls.there if calls.instance else False))
    size, record = rows.size, shop.record
    errors = np.minimum(calls.errors, counts)[rows]
    counts, latency = counts[rows], calls.latency[rows]
    side = (
        "client"
        if caller_version is not None
        else "server"
        if record in ("seconds", "instances", "node")
        else None
    )
    columns: dict[str, pa.Array] = {
        name: pa.nulls(size, SCHEMA.field(name).type) for name in SCHEMA.names
    }
    columns["ts"] = pa.array(
        ((shop.begins + rows * float(shop.step_s)) * 1000).astype(np.int64), pa.int64()
    ).cast(SCHEMA.field("ts").type)
    columns["step_s"] = pa.array(np.full(size, shop.step_s, dtype=np.int32))
    texts = {
        "case": case,
        "environment": "production",
        "caller": "<any>" if record == "node" else calls.seam.caller,
        "callee": calls.seam.callee,
        "operation": calls.seam.operation if record != "node" else None,
        "side": side,
        "version": calls.version or None,
        "instance": calls.instance or None,
        "zone": calls.zone or None,
    }
    for name, text in texts.items():
        if text is not None:
            columns[name] = pa.array([text] * size, pa.string())
    if record == "rates":
        columns["success_rate"] = pa.array(np.round(1.0 - errors / np.maximum(counts, 1), 6))
    else:
        columns["count"], columns["errors"] = pa.array(counts), pa.array(errors)
    if record in TOLD:
        for place in TOLD[record]:
            name, share = QUANTILES[place]
            columns[name] = pa.array(_quantile(latency, counts, share), mask=counts == 0)
    elif record == "means":
        columns["mean_ms"] = pa.array(
            latency @ MIDDLE_MS / np.maximum(counts, 1), mask=counts == 0
        )
    else:
        columns["histogram"] = pa.array([_text(row) for row in latency], pa.string())
    return pa.table(columns, schema=SCHEMA)


def _quantile(latency: np.ndarray, counts: np.ndarray, share: float) -> np.ndarray:
    """Interpolated within its bucket, in ms."""
    line = np.cumsum(latency, axis=1)
    wanted = share * np.maximum(counts, 1)
    place = np.minimum((line < wanted[:, None]).sum(axis=1), latency.shape[1] - 1)
    row = np.arange(counts.size)
    inside = (wanted - (line[row, place] - latency[row, place])) / np.maximum(
        latency[row, place], 1
    )
    return np.asarray(2.0 ** ((place + LOWEST + np.clip(inside, 0.0, 1.0)) / 8.0) / 1000.0)


def _text(row: np.ndarray) -> str | None:
    filled = np.flatnonzero(row)
    return " ".join(f"{place + LOWEST}:{row[place]}" for place in filled.tolist()) or None
