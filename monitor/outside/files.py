"""Files of an outsider to typed columns; what cannot be read is an error that says file, line or
row, column, and what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitor.errors import UsageError
from monitor.model.deploys import DeployKind
from monitor.outside.releases import Deploys
from monitor.outside.told import NUMBERS, TEXTS, Floats, Rows, Text, Told

NEEDED = ("ts", "callee")
MOMENTS = ("at", "evaluate_until", "data_from", "canary_ready", "full_rollout_from")
SIDES = ("", "client", "server")
_SECONDS_UP_TO = 1e11
"""Larger numbers are milliseconds, micro- or nanoseconds since 1970."""
MOST_CALLS, MOST_MS, MOST_STEP = 1e12, 1e9, 86_400.0
"""Calls of a bin, milliseconds of a call, seconds of a bin: more is no such thing."""
FEW = 20
"""Rows of so few calls may be alike by chance."""


@dataclass(frozen=True, slots=True)
class Aside:
    """How many rows are left out: without a time or a callee, and told twice."""

    nowhere: int
    twice: int


def edges_of(path: Path) -> tuple[Rows, Aside]:
    """The rows that have a time and a callee, each once, and how many are left out; UsageError for
    what cannot be read.
    """
    file = _Parquet(path)
    missing = [name for name in NEEDED if name not in file.names]
    if missing:
        raise UsageError(
            f"{path}: column {missing[0]} is missing; see `seamwatch judge --help` for the columns"
        )
    size = file.rows
    moments = _moments(path, file.column("ts"))
    texts = {name: _text(path, name, file.column(name), size) for name in TEXTS}
    numbers = {name: _numbers(path, name, file.column(name), size) for name in NUMBERS}
    histogram = _histograms(path, file.column("histogram"), size)
    # what it read with is of no more use, and as much as what it keeps
    pa.default_memory_pool().release_unused()
    columns: dict[str, Any] = {**texts, **numbers}
    rows = Rows(place=np.arange(size, dtype=np.int64), ts=moments, histogram=histogram, **columns)
    _checked(path, rows)
    kept = ~np.isnan(moments) & ~texts["callee"].is_any("")
    rows = rows.take(kept) if not kept.all() else rows
    once = ~_told_before(rows)
    rows = rows.take(once) if not once.all() else rows
    aside = Aside(int(size - kept.sum()), int(once.size - once.sum()))
    return _with_steps(_zones_of_answers(rows)), aside


def _told_before(rows: Rows) -> NDArray[np.bool_]:
    """Rows that are equal to an earlier one in every column: a file that holds something twice
    tells it once. Not of few calls of unnamed instances, which may be alike by chance.
    """
    hashed = np.zeros(len(rows), dtype=np.uint64)
    texts = (getattr(rows, name).codes.astype(np.uint64) for name in TEXTS)
    numbers = (
        np.ascontiguousarray(getattr(rows, name) + 0.0).view(np.uint64)
        for name in ("ts", *NUMBERS)
    )
    held = np.fromiter(
        (hash(text) if text else 0 for text in rows.histogram.tolist()),
        dtype=np.int64,
        count=len(rows),
    )
    for column in chain(texts, numbers, (held.view(np.uint64),)):
        hashed = (hashed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    out = np.ones(len(rows), dtype=np.bool_)
    out[np.unique(hashed, return_index=True)[1]] = False
    return out & ~(rows.instance.is_any("") & (rows.count < FEW))


def deploys_of(path: Path) -> Deploys:
    """The deploys in the file's order; UsageError for a line that is none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text; write a JSON object a line") from error
    deploys: dict[str, Told] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise UsageError(f"{where}: is no JSON ({error}); write one object a line") from error
        if not isinstance(record, Mapping):
            raise UsageError(f"{where}: is no JSON object; write one object a line")
        stated = _told(where, record)
        if stated.deploy_id in deploys:
            raise UsageError(
                f"{where}: deploy_id {stated.deploy_id} stands in an earlier line too; give each deploy its own"
            )
        deploys[stated.deploy_id] = stated
    return Deploys(deploys.values())


def _told(where: str, record: Mapping[str, Any]) -> Told:
    for name in ("deploy_id", "service", "at"):
        if record.get(name) in (None, ""):
            raise UsageError(f"{where}: {name} is missing; a deploy has deploy_id, service and at")
    ready = record.get("canary_ready")
    moments = {
        name: _moment(where, name, record.get(name))
        for name in MOMENTS
        if not (name == "canary_ready" and isinstance(ready, bool))
    }
    at = moments.pop("at")
    assert at is not None
    # told as a fact: ready from the start, or not while all this was recorded
    if isinstance(ready, bool):
        moments["canary_ready"] = (
            at if ready else None if moments["full_rollout_from"] is not None else float("inf")
        )
    until = moments["evaluate_until"]
    if until is not None and until <= at:
        raise UsageError(f"{where}: evaluate_until is not after at; give a later time, or null")
    kind = record.get("kind") or "deploy"
    if kind not in get_args(DeployKind):
        raise UsageError(f"{where}: kind {kind!r} is none of {', '.join(get_args(DeployKind))}")
    names = (
        "deploy_id",
        "case",
        "service",
        "version_from",
        "version_to",
        "history_case",
        "environment",
    )
    words = {name: _word(where, name, record.get(name)) for name in names}
    return Told(at=at, kind=kind, **moments, **words)  # type: ignore[arg-type]


def _word(where: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise UsageError(f"{where}: {name} is {value!r}; write a text")


def _moment(where: str, name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        moment = float(_scaled(np.array([float(value)]))[0])
        if abs(moment) <= _SECONDS_UP_TO:
            return moment
    if isinstance(value, str):
        try:
            return _utc(datetime.fromisoformat(value))
        except ValueError:
            pass
    raise UsageError(
        f"{where}: {name} is {value!r}; write a time such as 2026-03-24T12:38:33Z, or seconds since 1970"
    )


def _utc(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class _Parquet:
    """A file's columns one by one: all of them at once are as much again as what is kept."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UsageError(f"{path}: no such file; give the edges as a Parquet file")
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise self._refused(error) from error
        self.names = self._file.schema_arrow.names
        self.rows = self._file.metadata.num_rows
        wanted = ("ts", "histogram", *TEXTS, *NUMBERS)
        twice = [name for name in wanted if self.names.count(name) > 1]
        if twice:
            raise UsageError(f"{path}: column {twice[0]} stands there twice; write it once")

    def column(self, name: str) -> pa.ChunkedArray | None:
        """None where the file has no such column, or nothing in it."""
        if name not in self.names:
            return None
        try:
            column = self._file.read(columns=[name]).column(name)
        except (pa.ArrowException, OSError) as error:
            raise self._refused(error) from error
        return None if pa.types.is_null(column.type) else column

    def _refused(self, error: Exception) -> UsageError:
        return UsageError(
            f"{self._path}: cannot be read as Parquet ({str(error).splitlines()[0]}); write it anew"
        )


def _histograms(path: Path, column: pa.ChunkedArray | None, size: int) -> NDArray[np.object_]:
    out = np.empty(size, dtype=object)
    if column is not None:
        if not _is_text(column.type):
            raise UsageError(
                f'{path}: column histogram is {column.type}; write texts such as "112:4 113:9"'
            )
        out[:] = column.to_pylist()
    return out


def _text(path: Path, name: str, column: pa.ChunkedArray | None, size: int) -> Text:
    if column is None:
        return Text(np.broadcast_to(np.int32(0), size), ("",))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    if not _is_text(column.type):
        raise UsageError(f"{path}: column {name} is {column.type}; write texts")
    coded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
    names = tuple(coded.dictionary.to_pylist())
    if name == "side" and not set(names) <= set(SIDES):
        odd = next(text for text in names if text not in SIDES)
        row = int(np.flatnonzero(np.asarray(coded.indices) == names.index(odd))[0])
        raise UsageError(f"{path} row {row}: side is {odd!r}; write client, server or null")
    return Text(np.array(coded.indices, dtype=np.int32), names or ("",))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _numbers(path: Path, name: str, column: pa.ChunkedArray | None, size: int) -> Floats:
    if column is None:
        return np.broadcast_to(np.nan, size)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise UsageError(
            f"{path}: column {name} is {column.type}; write numbers, or null where nothing is known"
        )
    return np.array(
        pc.fill_null(column.cast(pa.float64(), safe=False), float("nan")).to_numpy(),
        dtype=np.float64,
    )


def _moments(path: Path, column: pa.ChunkedArray | None) -> Floats:
    column = pa.chunked_array([], type=pa.null()) if column is None else column
    kind = column.type
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
        return (
            np.array(
                pc.fill_null(micros.cast(pa.float64(), safe=False), float("nan")).to_numpy(),
                dtype=np.float64,
            )
            / 1e6
        )
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _scaled(
            np.array(
                pc.fill_null(column.cast(pa.float64(), safe=False), float("nan")).to_numpy(),
                dtype=np.float64,
            )
        )
    if _is_text(kind):
        out = np.full(len(column), np.nan)
        for row, text in enumerate(column.to_pylist()):
            if text is not None:
                out[row] = _moment(f"{path} row {row}", "ts", text)
        return out
    raise UsageError(
        f"{path}: column ts is {kind}; write timestamps, ISO 8601 texts or seconds since 1970"
    )


def _scaled(values: Floats) -> Floats:
    """Seconds, of seconds, milliseconds, micro- or nanoseconds since 1970."""
    out = values.copy()
    for _ in range(3):
        out = np.where(np.abs(out) > _SECONDS_UP_TO, out / 1000.0, out)
    return out


def _checked(path: Path, rows: Rows) -> None:
    """Values that cannot be: the first such row is named."""
    wrong = {
        "ts": (
            np.abs(rows.ts) > _SECONDS_UP_TO,
            "write a time such as 2026-03-24T12:38:33Z, or seconds since 1970",
        ),
        "step_s": (
            (~(rows.step_s > 0) & ~np.isnan(rows.step_s)) | (rows.step_s > MOST_STEP),
            f"write its length in seconds, above 0 and at most {MOST_STEP:g}",
        ),
        "count": (
            (rows.count < 0) | (rows.count > MOST_CALLS),
            f"write 0 or more, at most {MOST_CALLS:g}",
        ),
        "errors": ((rows.errors < 0) | (rows.errors > rows.count), "write 0 to count"),
        "success_rate": ((rows.success_rate < 0) | (rows.success_rate > 1), "write 0 to 1"),
        **{
            name: (
                (getattr(rows, name) < 0) | (getattr(rows, name) > MOST_MS),
                f"write milliseconds, 0 or more and at most {MOST_MS:g}",
            )
            for name in NUMBERS
            if name.endswith("_ms")
        },
    }
    for name, (bad, advice) in wrong.items():
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise UsageError(
                f"{path} row {row} (from 0): {name} is {getattr(rows, name)[row]:g}; {advice}"
            )


def _zones_of_answers(rows: Rows) -> Rows:
    """A zone is where calls were answered; on edges that clients tell of too, who cannot know it,
    there is none: one call has one cell.
    """
    if rows.zone.names == ("",):
        return rows
    client = rows.side.is_any("client")
    edges = np.stack([rows.case.codes, rows.caller.codes, rows.callee.codes, rows.operation.codes])
    code = np.ravel(np.unique(edges, axis=1, return_inverse=True)[1])
    names = ("", *rows.zone.names)
    codes = np.where(np.isin(code, code[client]), np.int32(0), rows.zone.codes + np.int32(1))
    return replace(rows, zone=Text(codes, names))


def _with_steps(rows: Rows) -> Rows:
    """Where no length of the bin is told, it is the shortest time between two bins of the case, or
    60 s.
    """
    unknown = np.isnan(rows.step_s)
    if not unknown.any():
        return rows
    steps = rows.step_s.copy()
    for code in np.unique(rows.case.codes[unknown]):
        mine = rows.case.codes == code
        gaps = np.diff(np.unique(rows.ts[mine]))
        steps[mine & unknown] = max(float(gaps.min()), 1.0) if gaps.size else 60.0
    values = {name: getattr(rows, name) for name in rows.__slots__}
    return Rows(**{**values, "step_s": steps})
