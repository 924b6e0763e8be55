"""What differs: which instance, build, zone, operation, caller, version or payload's shape
separates a version's bad calls from its good ones.

A shallow tree learns a rule from one half of the calls and is tried on the other, which holds
other traces. It abstains unless there, with ENOUGH_BAD bad calls or more, the rule holds MOST of
them, calls under it are LIFT times as often bad as the others, and so many would be there by
chance in one of a thousand cases at most (CHANCE; exact, given how many calls fall under the
rule).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.latency import lifted
from monitor.detect.evidence.rates import exact_tail
from monitor.detect.measure.contrasts import Role
from monitor.detect.measure.table import within_bounds
from monitor.model.alike import Alike
from monitor.model.builds import BUILD
from monitor.model.edges import Edge, Histogram
from monitor.model.judging import Attribute, Condition, Difference, Side

ENOUGH_BAD, MOST, LIFT, CHANCE = 10, 0.6, 3.0, 1e-3
WORTH = 0.1
"""A second condition must part bad from good better by so much: share of the bad calls under the
rule less share of the good ones.
"""
MOST_VALUES = 40
"""So many values of an attribute, those with most bad calls, are told apart."""
OF_CALLEE: tuple[Attribute, ...] = (
    "instance",
    "zone",
    "operation",
    "caller",
    "caller_version",
    "payload_shape",
)
OF_CALLER: tuple[Attribute, ...] = (
    "instance",
    "zone",
    "operation",
    "callee",
    "callee_version",
    "payload_shape",
)
Key = tuple[Edge, str]
"""An edge and a side of it."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Calls with these attributes, and how many of them are bad."""

    attributes: Mapping[Attribute, str]
    fold: int
    bad: int
    calls: int


def marked(
    calls: Sequence[Alike],
    role: Role,
    version: str,
    kind: str,
    slow: Mapping[Key, int] | None = None,
) -> list[Marked]:
    """The version's calls; bad are those of the kind, or, with `slow`, those of the side `kind`
    above its edge's bucket.
    """
    built = {name for alike in calls for name in alike.build}
    names = (
        *(OF_CALLEE if role == "callee" else OF_CALLER),
        *(name for name in BUILD if name in built),
    )
    rows: list[Marked] = []
    for alike in calls:
        if alike.version_of(role) != version:
            continue
        every, bad = alike.calls, alike.bad.get(kind, 0)
        if slow is not None:
            bound = slow.get((alike.edge, kind))
            if bound is None:
                continue
            histogram = _side(alike, cast("Side", kind))
            every, bad = (
                sum(histogram.values()),
                sum(count for bucket, count in histogram.items() if bucket > bound),
            )
        if every:
            rows.append(
                Marked({name: _value(alike, name) for name in names}, alike.fold, bad, every)
            )
    return rows


def slow_above(
    calls: Sequence[Alike],
    role: Role,
    old: str,
    side: Side,
    floor_buckets: int,
    floor_seconds: float,
    share: float = 0.9,
) -> dict[Key, int]:
    """Per edge the bucket above which a call is slow: that of the old version's quantile, lifted
    by the floor.
    """
    sums: dict[Edge, dict[int, int]] = {}
    for alike in calls:
        if alike.version_of(role) == old:
            histogram = sums.setdefault(alike.edge, {})
            for bucket, count in _side(alike, side).items():
                histogram[bucket] = histogram.get(bucket, 0) + count
    return {
        (edge, side): _lifted(histogram, floor_buckets, floor_seconds, share)
        for edge, histogram in sums.items()
        if histogram
    }


def what_differs(rows: Sequence[Marked]) -> Difference | None:
    """The rule that separates bad from good calls, by fold 0, as it did on fold 1; None where none
    clearly does.

    Equal rows in any order give equal rules. Cost: some ms, and a second for the library when it
    is first asked.
    """
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415  # a second to import, rarely used

    rows = sorted(
        rows, key=lambda row: (tuple(sorted(row.attributes.items())), row.fold, row.bad, row.calls)
    )
    learned, held = ([row for row in rows if row.fold % 2 == fold] for fold in (0, 1))
    if min(sum(row.bad for row in learned), sum(row.bad for row in held)) < ENOUGH_BAD:
        return None
    columns = _columns(learned)
    if not columns:
        return None
    x, bad, calls = _told(learned, columns)
    best: tuple[float, tuple[Condition, ...]] | None = None
    for depth in (1, 2):
        tree = DecisionTreeClassifier(max_depth=depth, class_weight="balanced", random_state=0)
        weights = np.concatenate([bad, calls - bad])
        tree.fit(np.concatenate([x, x]), np.repeat([1, 0], len(learned)), sample_weight=weights)
        for rule in _rules(tree.tree_, columns, learned):
            parted = _parted(_under(rule, learned), bad, calls)
            if best is None or parted > best[0] + (WORTH if len(rule) > len(best[1]) else 0.0):
                best = parted, rule
    if best is None:
        return None
    return _tried(best[1], columns, held)


def _tried(
    rule: tuple[Condition, ...], columns: Sequence[tuple[Condition, ...]], held: Sequence[Marked]
) -> Difference | None:
    under = _under(rule, held)
    bad, calls = (
        np.array([getattr(row, name) for row in held], dtype=np.int64) for name in ("bad", "calls")
    )
    k, a, s, b = (
        int(part.sum()) for part in (bad[under], calls[under], bad[~under], calls[~under])
    )
    if not a or not b or k < MOST * (k + s) or k / a < LIFT * (s + 0.5) / (b + 1.0):
        return None
    chance = exact_tail((np.array([k]), np.array([a])), (np.array([s]), np.array([b])), 1.0)
    if chance > CHANCE:
        return None
    same = tuple(
        other
        for column in columns
        for other in column[1:]
        if len(rule) == 1 and column[0] == rule[0]
    )
    return Difference(rule, same, k, a, s, b, chance)


def _columns(rows: Sequence[Marked]) -> list[tuple[Condition, ...]]:
    """What may be asked of a call, each with what else is true of just the same calls."""
    columns: dict[bytes, tuple[Condition, ...]] = {}
    for name in rows[0].attributes:
        counts: dict[str, tuple[int, int]] = {}
        for row in rows:
            bad, calls = counts.get(row.attributes[name], (0, 0))
            counts[row.attributes[name]] = bad + row.bad, calls + row.calls
        if len(counts) < 2:
            continue
        ranked = sorted(counts, key=lambda value: (-counts[value][0], -counts[value][1], value))
        for value in ranked[:MOST_VALUES]:
            key = bytes(row.attributes[name] == value for row in rows)
            if value:
                columns[key] = (*columns.get(key, ()), Condition(name, value))
    return list(columns.values())


def _told(
    rows: Sequence[Marked], columns: Sequence[tuple[Condition, ...]]
) -> tuple[Floats, Floats, Floats]:
    x = np.array(
        [[float(_holds(column[0], row)) for column in columns] for row in rows], dtype=np.float64
    )
    bad, calls = (
        np.array([getattr(row, name) for row in rows], dtype=np.float64)
        for name in ("bad", "calls")
    )
    return x, bad, calls


def _rules(
    tree: object, columns: Sequence[tuple[Condition, ...]], rows: Sequence[Marked]
) -> list[tuple[Condition, ...]]:
    """The way to each leaf of a fitted tree, as conditions that hold together; of two values the
    one that holds is said.
    """
    left, right, features = (
        getattr(tree, name).tolist() for name in ("children_left", "children_right", "feature")
    )
    first = {condition: column[0] for column in columns for condition in column}
    rules: list[tuple[Condition, ...]] = []

    def otherwise(condition: Condition) -> Condition:
        others = {row.attributes[condition.attribute] for row in rows} - {condition.value}
        plain = Condition(condition.attribute, min(others), holds=True)
        return (
            first[plain]
            if len(others) == 1 and plain in first
            else Condition(condition.attribute, condition.value, holds=False)
        )

    def walk(node: int, way: frozenset[Condition]) -> None:
        if left[node] < 0:
            if way:
                rules.append(
                    tuple(
                        sorted(
                            way,
                            key=lambda condition: (
                                not condition.holds,
                                condition.attribute,
                                condition.value,
                            ),
                        )
                    )
                )
            return
        split = columns[features[node]][0]
        walk(left[node], way | {otherwise(split)})
        walk(right[node], way | {split})

    walk(0, frozenset())
    return rules


def _under(rule: Sequence[Condition], rows: Sequence[Marked]) -> Bools:
    return np.array(
        [all(_holds(condition, row) for condition in rule) for row in rows], dtype=np.bool_
    )


def _holds(condition: Condition, row: Marked) -> bool:
    return (row.attributes[condition.attribute] == condition.value) == condition.holds


def _parted(under: Bools, bad: Floats, calls: Floats) -> float:
    good = calls - bad
    return float(bad[under].sum() / max(bad.sum(), 1.0) - good[under].sum() / max(good.sum(), 1.0))


def _value(alike: Alike, name: Attribute) -> str:
    if name in ("caller", "callee", "operation"):
        return str(getattr(alike.edge, name))
    return alike.build.get(name, "") if name in BUILD else str(getattr(alike, name))


def _side(alike: Alike, side: Side) -> Histogram:
    """The side's; where no caller tells of its wait, what the callee took is most of it."""
    return (
        (alike.client_histogram or alike.server_histogram)
        if side == "client"
        else alike.server_histogram
    )


def _lifted(histogram: Histogram, floor_buckets: int, floor_seconds: float, share: float) -> int:
    buckets: Ints = np.array(sorted(histogram), dtype=np.int64)
    line = np.cumsum([histogram[int(bucket)] for bucket in buckets])
    place = int(np.searchsorted(line, share * line[-1] - 1e-9))
    return int(lifted(int(within_bounds(buckets)[place]), 0, floor_buckets, floor_seconds))
