"""Calls to others for each call answered: what changes when an exception is swallowed before the
call, or calls go elsewhere.

No error and no latency tells of that. It may be meant (a cache, a new dependency): any such change
stands against a pass. What fails a version is held to more: see `judging/fanout.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Ints, placed
from monitor.detect.evidence.before_after import fixed_e
from monitor.detect.evidence.history import LATE_SECONDS, LATE_WINDOWS, late_from
from monitor.detect.evidence.rates import LEANS
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import own_codes
from monitor.model.edges import Edge

FLOOR = 2.0
"""Half as many calls or twice as many are a change."""
BAR = math.log(1000.0)
ALIKE = 1.25
NEAR_ALIKE = 1.15
"""What minutes side by side may differ by, as hours may by ALIKE."""
GROWN_TIMES, GROWN_TO = 2.0, 0.5
"""So many times the share, and at least so much of all, shows by itself what a smaller one hinted
at.
"""
ENOUGH_ANSWERS, ENOUGH_BEFORE = 100.0, 30.0
EXPECTED = 7.0
"""So many calls must be missing for their absence to be no chance."""
ANYBODY = "<any>"
"""The caller of a node's totals: who calls it, and whom it calls, is not told at all."""
NAMELESS = frozenset({"", "unknown", ANYBODY})
"""What stands where a caller was not told."""
NOBODY = NAMELESS | {"user", "__other__"}
"""Names of callers that are no service."""


@dataclass(frozen=True, slots=True)
class Fanout:
    """Calls on `edge` for each call that the service answered, of the old and of the
    new version.
    """

    edge: Edge
    old: float
    new: float


def changed_fanout(edges: Sequence[EdgeTests], untold: Sequence[EdgeTable] = ()) -> list[Fanout]:
    """Edges by the service that its new version calls far less or far more often than the old one;
    in the same windows where they met.

    `untold` are its calls by rows that do not tell which version called: these are held against
    what was before.
    """
    answering = [edge for edge in edges if edge.role == "callee"]
    if not all(edge.table.is_counted for edge in answering):
        return []
    met = (
        np.unique(np.concatenate([edge.contrast.windows for edge in answering]))
        if answering
        else np.zeros(0, dtype=np.int64)
    )
    old_answers, new_answers = (
        sum(_calls(edge, new=new, met=met) for edge in answering) for new in (False, True)
    )
    enough = min(old_answers, new_answers) >= ENOUGH_ANSWERS
    share = new_answers / (new_answers + old_answers) if enough else 0.0
    changes: list[Fanout] = []
    for edge in edges:
        if edge.role != "caller" or not edge.table.is_counted:
            continue
        if not any(own_codes(edge.table, "caller")[0]):
            untold = [*untold, edge.table]
            continue
        if not enough:
            continue
        old, new = (_calls(edge, new=new, met=met) for new in (False, True))
        if max(fixed_e(new, old, share, FLOOR), fixed_e(old, new, 1.0 - share, FLOOR)) >= BAR:
            changes.append(Fanout(edge.table.edge, old / old_answers, new / new_answers))
    over_time = _changed_over_time(untold, answering)
    edges_told = {change.edge for change in over_time}
    as_it_came = _changed_as_it_came(untold, answering)
    return [
        *changes,
        *over_time,
        *(change for change in as_it_came if change.edge not in edges_told),
    ]


def _changed_over_time(
    untold: Sequence[EdgeTable], answering: Sequence[EdgeTests]
) -> list[Fanout]:
    """Calls for each answer, of late against before, where they changed as if the new version made
    half of them at most, or twice as many.

    Calls to where none went before are such a change, too, however few.
    """
    if not untold or not answering:
        return []
    since, grain, version = (
        answering[0].contrast.since,
        answering[0].grain,
        answering[0].contrast.new_version,
    )
    tables = [edge.table for edge in answering]
    newest = max((int(table.windows[-1]) for table in tables if table.windows.size), default=0)
    # few answers of late: then the later half of the time since, or all of it
    spans = (0.0, (newest - since) / 2.0, newest - since + grain)
    seconds = next(
        (span for span in spans if volumes(tables, since, grain, span=span)[1] >= ENOUGH_ANSWERS),
        None,
    )
    if seconds is None:
        return []
    before, late = volumes(tables, since, grain, span=seconds)
    if before < ENOUGH_ANSWERS:
        return []
    answered = volumes(tables, since, grain, version, span=seconds)[1]
    of_new, share = answered / late, late / (before + late)
    (fewer, more), bar = _as_if_half(of_new, ALIKE), BAR
    if seconds:  # so few cannot show that half are missing: that they lean so is enough to wait
        fewer, more, bar = ALIKE, ALIKE, LEANS
    changes: list[Fanout] = []
    for table in (table for table in untold if table.is_counted):
        then, now = volumes([table], since, grain, span=seconds)
        e_value = _other_than(then, now, share, fewer, more)
        if (then >= ENOUGH_ANSWERS or _is_new(then, now)) and e_value >= bar:
            changes.append(Fanout(table.edge, then / before, now / late))
    return changes


def _changed_as_it_came(
    untold: Sequence[EdgeTable], answering: Sequence[EdgeTests]
) -> list[Fanout]:
    """The same of the minutes before and after the new version's first answers.

    Minutes so near drift less than hours do, so a smaller change is told: that of a version which
    answers a third of the calls. Calls count in those windows in which answers are told. Once the
    version has a far larger share, its change would be larger too: then it is seen of late or not
    at all.
    """
    if not untold or not answering:
        return []
    whole, grain = answering[0].contrast, answering[0].grain
    tables = [edge.table for edge in answering]
    first = min(
        (
            int(table.windows[rows].min())
            for table in tables
            if (rows := _answered_by(table, whole.new_version)).any()
        ),
        default=None,
    )
    if first is None or whole.new_version == whole.old_version:
        return []
    span = max(LATE_SECONDS, float(LATE_WINDOWS * grain))
    times = ((first - span, float(first)), (first + grain, first + grain + span))
    before, since = (math.fsum(_between(table, *time) for table in tables) for time in times)
    if min(before, since) < ENOUGH_ANSWERS:
        return []
    answered = math.fsum(_between(table, *times[1], whole.new_version) for table in tables)
    of_new, share = answered / since, since / (before + since)
    late, late_of_new = (
        volumes(tables, whole.since, grain, version)[1] for version in (None, whole.new_version)
    )
    if late >= ENOUGH_ANSWERS and late_of_new / late >= max(GROWN_TIMES * of_new, GROWN_TO):
        return []
    fewer, more = _as_if_half(of_new, NEAR_ALIKE)
    changes: list[Fanout] = []
    told = np.unique(np.concatenate([table.windows for table in tables]))
    for table in (table for table in untold if table.is_counted):
        then, now = (_between(table, begin, end, told=told) for begin, end in times)
        if then >= ENOUGH_ANSWERS and _other_than(then, now, share, fewer, more) >= BAR:
            changes.append(Fanout(table.edge, then / before, now / since))
    return changes


def _as_if_half(of_new: float, alike: float) -> tuple[float, float]:
    """How many times fewer and more calls there are in all where the new version, of that share of
    the answers, makes half of them, or twice as many; `alike` at least.
    """
    fewer = 1.0 / (1.0 - of_new * (1.0 - 1.0 / FLOOR))
    return max(alike, fewer), max(alike, 1.0 + of_new * (FLOOR - 1.0))


def _other_than(then: float, now: float, share: float, fewer: float, more: float) -> float:
    """Log e-value that calls fell, or rose, by more than so many times; `share`: of answers now."""
    return max(fixed_e(then, now, 1.0 - share, fewer), fixed_e(now, then, share, more))


def _answered_by(table: EdgeTable, version: str) -> Bools:
    names = table.callee_versions
    return np.asarray(table.callee == (names.index(version) if version in names else -1))


def _between(
    table: EdgeTable,
    begin: float,
    end: float,
    version: str | None = None,
    told: Ints | None = None,
) -> float:
    """Calls from `begin` up to `end`, answered by `version` where one is named, and in `told`
    windows.
    """
    rows = (table.windows >= begin) & (table.windows < end)
    if told is not None:
        rows &= np.isin(table.windows, told)
    if version is not None:
        rows &= _answered_by(table, version)
    return float(table.counts[rows, 0].sum())


def _is_new(then: float, now: float) -> bool:
    """Whether calls that nobody made before are made now: to a place that the service never
    called.
    """
    return then == 0.0 and now >= EXPECTED


def volumes(
    tables: Sequence[EdgeTable],
    since: float,
    grain: int,
    version: str | None = None,
    span: float = 0.0,
) -> tuple[float, float]:
    """Calls before the deploy, and of late: the last minutes since it, when its share is largest,
    or a longer `span` of seconds; answered by `version` where one is named.
    """
    before = late = 0.0
    last = max((float(table.windows[-1]) for table in tables if table.windows.size), default=since)
    from_then = max(min(late_from(last, grain), last - span), since)
    for table in tables:
        calls = table.counts[:, 0]
        if version is not None:
            calls = np.where(_answered_by(table, version), calls, 0)
        before += float(calls[table.windows <= since - grain].sum())
        late += float(calls[table.windows > from_then].sum())
    return before, late


def sampled_otherwise(edges: Sequence[EdgeTests], changed: Sequence[Fanout]) -> float | None:
    """By how much all outgoing edges changed alike, two of them or more: then another share of
    calls is recorded, not another is made.

    None where edges changed differently, or one did not.
    """
    ratios = {
        change.edge: change.new / change.old for change in changed if change.old and change.new
    }
    outgoing = [
        edge.table.edge
        for edge in edges
        if edge.role == "caller" and edge.table.counts[:, 0].sum() >= ENOUGH_ANSWERS
    ]
    if len(ratios) < 2 or any(edge not in ratios for edge in outgoing):
        return None
    middle = float(np.median(list(ratios.values())))
    return (
        middle
        if all(1.0 / ALIKE <= ratio / middle <= ALIKE for ratio in ratios.values())
        else None
    )


def _calls(edge: EdgeTests, *, new: bool, met: Ints) -> float:
    """The version's calls in the windows where the versions met; else the old one's before and the
    new one's since.
    """
    table, whole = edge.table, edge.contrast
    names, codes = own_codes(table, edge.role)
    since: Bools = table.windows >= whole.since
    if met.size and whole.new_version != whole.old_version:
        version = whole.new_version if new else whole.old_version
        if version not in names:
            return 0.0
        rows = since & (codes == names.index(version))
        _, together = placed(table.windows[rows], met)
        return float(table.counts[rows, 0][together].sum())
    mine = whole.since_rows if new else whole.before_rows
    return float(table.counts[mine, 0].sum())


def is_new_with_version(edge: EdgeTests, answering: tuple[float, float] | None) -> bool:
    """Whether nobody had these calls before the new version, though at its rate EXPECTED of them
    should have been seen.

    `answering`: answers of the old version that were looked at, and of the new one.
    """
    whole = edge.contrast
    since = set(whole.since_rows.tolist())
    if whole.new_version == whole.old_version or len(since) != int(
        (edge.table.counts[:, 0] > 0).sum()
    ):
        return False
    if answering is None or not answering[1]:
        return False
    return float(whole.after_new[0]) / answering[1] * answering[0] >= EXPECTED


def answers_of(edges: Sequence[EdgeTests]) -> tuple[float, float] | None:
    """All answers of the old version that are known, before and since, and all of the new one;
    None where one has too few.
    """
    old = new = 0.0
    for edge in edges:
        if edge.role == "callee":
            old += float(edge.contrast.after_old[0] + edge.contrast.before[:, 0].sum())
            new += float(edge.contrast.after_new[0])
    return (old, new) if min(old, new) >= ENOUGH_ANSWERS else None
