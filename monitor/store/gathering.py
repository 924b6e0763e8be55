"""Answers of several stores as one: counts and histograms add up, times are the first and the
last of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """How rows of one question are put together: alike are those that are equal but for these
    columns. `lists` stand one behind the other. `order`: by these columns, "-" before one that falls. `house`: the house has rows too.
    """

    sums: Sequence[str] = ()
    least: Sequence[str] = ()
    most: Sequence[str] = ()
    maps: Sequence[str] = ()
    lists: Sequence[str] = ()
    order: Sequence[str] = ()
    house: bool = False


MERGES: Mapping[str, Merge] = {
    "alike": Merge(
        sums=("count", "server_error", "provider_error", "client_error", "timeout"),
        maps=("failures", "client_histogram", "server_histogram"),
        order=("environment", "caller", "callee", "operation", "caller_version", "callee_version", "instance", "zone", "fold", "caller_namespace", "callee_namespace", "protocol", "payload_shape"),
    ),
    "could_have_shown": Merge(
        order=("kind", "environment", "callee", "operation", "caller"), house=True
    ),
    "exchange_verdicts": Merge(
        sums=("exchanges",),
        least=("first_ns",),
        most=("last_ns",),
        order=("-exchanges", "checked", "reason"),
    ),
    "newest_numbers": Merge(most=("seq", "generation"), house=True),
    "panels/size": Merge(
        sums=("rows", "bytes", "uncompressed_bytes", "parts"),
        order=("-bytes", "table"),
        house=True,
    ),
    "ramp_paths": Merge(
        sums=("exchanges", "valid", "violated"),
        order=("from_service", "from_version", "to_version", "operation", "status"),
    ),
    "ramp_retries": Merge(
        sums=("retries", "recovered"),
        order=("-retries", "caller", "caller_version", "operation", "from_version", "to_version"),
    ),
    "recorded_exchanges": Merge(
        sums=("exchanges",),
        order=("-exchanges", "operation", "status", "caller", "checked", "reason", "contract", "revision", "clauses"),
    ),
    "senders": Merge(order=("message",)),
    "session_exchanges": Merge(
        sums=("exchanges",), order=("-exchanges", "checked", "reason", "contract")
    ),
}  # fmt: skip
"""Questions about rows that stand in the shards. All others are of the house alone."""


def merged(answers: Iterable[Sequence[Row]], how: Merge) -> list[Row]:
    """The rows of all answers, alike ones as one, in their order."""
    rows: dict[object, Row] = {}
    counted = {*how.sums, *how.least, *how.most, *how.maps, *how.lists}
    for row in (row for answer in answers for row in answer):
        key = tuple(
            tuple(value) if isinstance(value, list) else value
            for name, value in row.items()
            if name not in counted
        )
        kept = rows.get(key)
        if kept is None:
            rows[key] = dict(row)
            continue
        for name in how.sums:
            kept[name] += row[name]
        for name in how.least:
            kept[name] = min(kept[name], row[name])
        for name in how.most:
            kept[name] = max(kept[name], row[name])
        for name in how.maps:
            kept[name] = _added(kept[name], row[name])
        for name in how.lists:
            kept[name] = [*kept[name], *row[name]]
    ordered = list(rows.values())
    for name in reversed(how.order):
        column = name.removeprefix("-")
        ordered.sort(key=lambda row: row[column], reverse=name.startswith("-"))
    return ordered


def _added(left: Mapping[Any, int], right: Mapping[Any, int]) -> dict[Any, int]:
    whole = dict(left)
    for key, count in right.items():
        whole[key] = whole.get(key, 0) + count
    return dict(sorted(whole.items()))
