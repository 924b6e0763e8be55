"""What an outsider tells: deploys, and rows of edges as columns. Times are seconds since the
epoch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.model.deploys import DeployKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
TEXTS = (
    "case",
    "environment",
    "caller",
    "callee",
    "operation",
    "side",
    "version",
    "instance",
    "zone",
)
LATENCIES = ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms")
NUMBERS = ("step_s", "count", "errors", "success_rate", *LATENCIES)
MOST_COMBINATIONS = 2**62
KEPT = 2
"""Cases of which rows are kept: the one that is judged, and its history."""
QUANTILES = (("p50_ms", 0.5), ("p90_ms", 0.9), ("p95_ms", 0.95), ("p99_ms", 0.99))


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the deploys' file; None and "" where nothing is told."""

    deploy_id: str
    case: str
    service: str
    at: float
    version_from: str
    version_to: str
    evaluate_until: float | None
    data_from: float | None
    canary_ready: float | None
    full_rollout_from: float | None
    history_case: str
    environment: str
    kind: DeployKind

    @property
    def expected_from(self) -> float | None:
        """From when the new version is said to answer; None when nothing is said."""
        return self.canary_ready if self.canary_ready is not None else self.full_rollout_from


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A column of texts: a code per row into `names`; "" stands for null."""

    codes: Codes
    names: tuple[str, ...]

    def is_any(self, *wanted: str) -> NDArray[np.bool_]:
        """Rows whose text is one of these."""
        is_wanted = np.array([name in wanted for name in self.names], dtype=np.bool_)
        return np.asarray(is_wanted[self.codes], dtype=np.bool_)

    def narrowed(self) -> Self:
        """The same with those names alone that come, in their order."""
        codes, places = np.unique(self.codes, return_inverse=True)
        if codes.size == len(self.names):
            return self
        return replace(
            self,
            codes=places.astype(np.int32),
            names=tuple(self.names[code] for code in codes.tolist()),
        )

    def texts(self) -> list[str]:
        """Row by row."""
        names = self.names
        return [names[code] for code in self.codes.tolist()]


def numbered(*columns: Text) -> tuple[Ints, Ints]:
    """One row of each combination of texts that comes, in the order of their codes, and each
    row's combination among these.
    """
    code, size = np.zeros(columns[0].codes.size, dtype=np.int64), 1
    for column in columns:
        if size * len(column.names) > MOST_COMBINATIONS:
            once, code = np.unique(code, return_inverse=True)
            size = once.size
        code = code * len(column.names) + column.codes
        size *= len(column.names)
    _, rows, places = np.unique(code, return_index=True, return_inverse=True)
    return rows, places


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of edges, by column; NaN and None for null. `place` is the row's number in the file,
    from 0. In no order.
    """

    place: Ints
    ts: Floats
    step_s: Floats
    case: Text
    environment: Text
    caller: Text
    callee: Text
    operation: Text
    side: Text
    version: Text
    instance: Text
    zone: Text
    count: Floats
    errors: Floats
    success_rate: Floats
    mean_ms: Floats
    p50_ms: Floats
    p90_ms: Floats
    p95_ms: Floats
    p99_ms: Floats
    histogram: NDArray[np.object_]

    def __len__(self) -> int:
        return int(self.ts.size)

    def take(self, rows: Any) -> Self:
        """These rows (places or a mask)."""
        values: dict[str, Any] = {}
        for column_of in fields(self):
            column = getattr(self, column_of.name)
            values[column_of.name] = (
                replace(column, codes=column.codes[rows])
                if isinstance(column, Text)
                else column[rows]
            )
        return replace(self, **values)

    def narrowed(self) -> Self:
        """The same rows, whose texts have no names but those that come here: of a file of many
        cases each has few.
        """
        texts = {name: getattr(self, name).narrowed() for name in TEXTS} if len(self) else {}
        return replace(self, **texts)

    @property
    def ends(self) -> Floats:
        """When each row's bin is over, and the row known."""
        return self.ts + self.step_s


def numbers_only(rows: Rows) -> NDArray[np.bool_]:
    """Rows that tell of latency by numbers of the whole bin, and by no histogram."""
    bare = np.array([not text for text in rows.histogram.tolist()], dtype=bool)
    silent: NDArray[np.bool_] = np.isnan(
        np.stack([getattr(rows, name) for name in LATENCIES])
    ).all(axis=0)
    return bare & ~silent


class _Places:
    """Where the rows are that bear each name of a column."""

    def __init__(self, text: Text) -> None:
        self._order = np.argsort(text.codes, kind="stable")
        self._starts = np.searchsorted(
            text.codes[self._order], np.arange(len(text.names) + 1)
        ).tolist()
        self._codes: dict[str, list[int]] = {}
        for code, name in enumerate(text.names):
            self._codes.setdefault(name, []).append(code)

    def of(self, names: Collection[str]) -> list[Ints]:
        codes = [code for name in set(names) for code in self._codes.get(name, ())]
        return [self._order[self._starts[code] : self._starts[code + 1]] for code in codes]


class Case:
    """The rows of one case, in the order of the file."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @cached_property
    def _callers(self) -> _Places:
        return _Places(self.rows.caller)

    @cached_property
    def _callees(self) -> _Places:
        return _Places(self.rows.callee)

    def touching(self, service: str) -> Rows:
        """Rows of edges that lead to the service, or from it."""
        return self.rows.take(_once([*self._callers.of([service]), *self._callees.of([service])]))

    def answers(self, services: Collection[str]) -> Rows:
        """Rows of edges that lead to any of these services."""
        return self.rows.take(_once(self._callees.of(services)))


def _once(places: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *places]))


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """All rows of a file, apart by case."""

    rows: Rows
    by_case: dict[str, Ints]
    _kept: dict[str, Case] = field(default_factory=dict, init=False, repr=False)

    def of(self, name: str) -> Case:
        """The rows of one case; none when the file has no such case. Not to be changed."""
        if name not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            places = self.by_case.get(name, np.array([], dtype=np.int64))
            self._kept[name] = Case(self.rows.take(places).narrowed())
        return self._kept[name]


def apart(rows: Rows) -> Cases:
    """The rows grouped by case."""
    order = np.argsort(rows.case.codes, kind="stable")
    codes, starts = np.unique(rows.case.codes[order], return_index=True)
    parts: Sequence[Ints] = np.split(order, starts[1:]) if codes.size else []
    return Cases(
        rows,
        {rows.case.names[code]: part for code, part in zip(codes.tolist(), parts, strict=True)},
    )
