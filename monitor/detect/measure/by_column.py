"""Tables of cells that stand in columns already: equal to those of the same cells one by one, at a
small part of the cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.measure.kinds import FAILURES
from monitor.detect.measure.refusals import refusal_of
from monitor.detect.measure.table import (
    ATTEMPTS,
    COUNTS,
    UNPROMISED,
    EdgeTable,
    Entries,
    Traces,
    edge_table,
    within_bounds,
)
from monitor.model.cells import BY_WORD, CellColumns, Columns, Lists
from monitor.model.edges import OUTCOMES, SAMPLINGS, WINDOW_SECONDS

NOTHING: Ints = np.zeros(0, dtype=np.int64)
SIDES = ("client_histogram", "server_histogram", "self_histogram")


def tables_by_column(cells: CellColumns, since: float, until: float) -> list[EdgeTable]:
    """As `tables`."""
    columns = cells.columns
    within = (columns.windows >= since) & (columns.windows < until)
    rows = np.flatnonzero(within)
    order = np.lexsort(
        (
            columns.column("failed")[rows],
            columns.column("calls")[rows],
            columns.region[rows],
            columns.callee_version[rows],
            columns.caller_version[rows],
            columns.windows[rows],
            columns.edge[rows],
        )
    )
    rows = rows[order]
    if not rows.size:
        return []
    taken = _narrowed(columns).taken(rows)
    counts, beside = _counts(taken), _beside(taken)
    sides = [columns.lists[name] for name in SIDES]
    cuts = np.flatnonzero(np.diff(taken.edge, prepend=-1))
    return [
        _table(taken, counts, beside, sides, columns.exemplars, rows, slice(int(first), int(end)))
        for first, end in zip(cuts, [*cuts[1:], rows.size], strict=True)
    ]


def _narrowed(columns: Columns) -> Columns:
    """What is counted of each cell, without histograms and traces: these are by far the most, and
    are taken edge by edge.
    """
    none = Lists(np.zeros(columns.windows.size + 1, dtype=np.int64), NOTHING, NOTHING)
    return replace(
        columns,
        windows=columns.windows // WINDOW_SECONDS * WINDOW_SECONDS,
        nanoseconds=columns.nanoseconds[:, :0],
        lists={name: columns.lists[name] for name in BY_WORD},
        exemplars=none,
    )


def _table(
    columns: Columns,
    counts: Ints,
    all_beside: Mapping[str, Ints],
    sides: Sequence[Lists],
    exemplars: Lists,
    rows: Ints,
    part: slice,
) -> EdgeTable:
    """The table of the edge whose cells are this part of the ordered `columns`; `rows`: where each
    stands in the lists of `sides` and `exemplars`.
    """
    edge = columns.edges[int(columns.edge[part.start])]
    (caller_versions, caller), (callee_versions, callee), (regions, region) = (
        _codes(columns.words, codes[part])
        for codes in (columns.caller_version, columns.callee_version, columns.region)
    )
    biased = (columns.sampling[part] == SAMPLINGS.index("biased")).astype(np.int64)
    return edge_table(
        edge,
        columns.windows[part],
        (caller_versions, callee_versions, regions),
        (caller, callee, region),
        np.ascontiguousarray(counts[part]),
        biased,
        [_flat(lists.taken(rows[part])) for lists in sides],
        Traces(exemplars, rows[part]),
        {},
        {
            name: counted
            for name, column in sorted(all_beside.items())
            if (counted := column[part]).any()
        },
    )


def _counts(columns: Columns) -> Ints:
    """Rows x COUNTS."""
    number = columns.column
    hidden = _of_words(columns, "provider_only", OUTCOMES)
    by_outcome = sum((number(name) for name in OUTCOMES), np.zeros(columns.windows.size, np.int64))
    bad = by_outcome - number("ok")
    hidden_failures = sum((hidden[name] for name in FAILURES), np.zeros_like(by_outcome))
    checked = number("valid") + number("violated")
    columns_of = {
        "calls": number("calls") - np.maximum(0, number("calls") - by_outcome),
        "server_error": number("server_error") - hidden["server_error"],
        "provider_error": np.maximum(hidden_failures, number("failed") - bad),
        "client_error": number("client_error"),
        "timeout": number("timeout") - hidden["timeout"] + number("cancelled"),
        "failed": np.maximum(
            number("failed"), number("server_error") + number("timeout") + number("cancelled")
        ),
        "examined": checked + _promised(columns),
        "checked": checked,
        **{name: number(name) for name in ("violated", "both", "client_calls", "server_calls")},
    }
    return np.stack([columns_of[name] for name in COUNTS], axis=1)


def _of_words(columns: Columns, name: str, words: Sequence[str]) -> dict[str, Ints]:
    """For each of these words, what each row counts of it."""
    lists, size = columns.lists[name], columns.windows.size
    out = {word: np.zeros(size, dtype=np.int64) for word in words}
    if lists.keys.size:
        owners = lists.owners()
        for code in np.unique(lists.keys).tolist():
            word = columns.words[code]
            if word in out:
                here = lists.keys == code
                out[word] = _sums(owners[here], lists.values[here], size)
    return out


def _promised(columns: Columns) -> Ints:
    """Exchanges that met a promise and could not be checked wholly."""
    lists, size = columns.lists["not_checked"], columns.windows.size
    if not lists.keys.size:
        return np.zeros(size, dtype=np.int64)
    met = np.array(
        [f"not_checked:{word}" not in UNPROMISED for word in columns.words], dtype=np.bool_
    )[lists.keys]
    return _sums(lists.owners()[met], lists.values[met], size)


def _beside(columns: Columns) -> dict[str, Ints]:
    lists, size = columns.lists["error_types"], columns.windows.size
    out = {ATTEMPTS: columns.column("failed_attempts")}
    if lists.keys.size:
        owners = lists.owners()
        for code in np.unique(lists.keys).tolist():
            kind = refusal_of(columns.words[code])
            if kind:
                here = lists.keys == code
                counted = _sums(owners[here], lists.values[here], size)
                out[kind] = out.get(kind, 0) + counted
    return out


def _sums(owners: Ints, values: Ints, size: int) -> Ints:
    return np.bincount(owners, weights=values, minlength=size).astype(np.int64)


def _codes(words: Sequence[str], places: Ints) -> tuple[tuple[str, ...], Ints]:
    """The words that these places name, and each row's."""
    here = np.zeros(len(words), dtype=np.bool_)
    here[places] = True
    codes = np.cumsum(here) - 1
    return tuple(words[place] for place in np.flatnonzero(here).tolist()), codes[places]


def _flat(lists: Lists) -> Entries:
    """Buckets, counts and rows of all entries."""
    return within_bounds(lists.keys), lists.values, lists.owners()
