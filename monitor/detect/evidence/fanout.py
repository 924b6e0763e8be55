"""Calls to others for each call answered: what changes when an exception is swallowed before the call, or calls go elsewhere.

No error and no latency tells of that. It may be meant (a cache, a new dependency), so it stands against a pass and fails nobody.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Ints
from monitor.detect.evidence.before_after import fixed_e
from monitor.detect.evidence.edge_tests import EdgeTests
from monitor.detect.measure.contrasts import own_codes
from monitor.model.edges import Edge

FLOOR = 2.0
"""Half as many calls or twice as many are a change."""
BAR = math.log(1000.0)
ALIKE = 1.25
ENOUGH_ANSWERS = 100.0


@dataclass(frozen=True, slots=True)
class Fanout:
    """Calls on `edge` for each call that the service answered, of the old and of the new version."""

    edge: Edge
    old: float
    new: float


def changed_fanout(edges: Sequence[EdgeTests]) -> list[Fanout]:
    """Edges by the service that its new version calls far less or far more often than the old one; in the same windows where they met."""
    answering = [edge for edge in edges if edge.role == "callee"]
    met = np.unique(np.concatenate([edge.contrast.windows for edge in answering])) if answering else np.zeros(0, dtype=np.int64)
    old_answers, new_answers = (sum(_calls(edge, new=new, met=met) for edge in answering) for new in (False, True))
    if min(old_answers, new_answers) < ENOUGH_ANSWERS:
        return []
    share = new_answers / (new_answers + old_answers)
    found: list[Fanout] = []
    for edge in edges:
        if edge.role != "caller" or not any(own_codes(edge.table, "caller")[0]):
            continue  # nothing tells which version called
        old, new = (_calls(edge, new=new, met=met) for new in (False, True))
        if max(fixed_e(new, old, share, FLOOR), fixed_e(old, new, 1.0 - share, FLOOR)) >= BAR:
            found.append(Fanout(edge.table.edge, old / old_answers, new / new_answers))
    return found


def sampled_otherwise(edges: Sequence[EdgeTests], changed: Sequence[Fanout]) -> float | None:
    """By how much all outgoing edges changed alike, two of them or more: then another share of calls is recorded, not another is made.

    None where edges changed differently, or one did not.
    """
    ratios = {one.edge: one.new / one.old for one in changed if one.old and one.new}
    told = [edge.table.edge for edge in edges if edge.role == "caller" and edge.table.counts[:, 0].sum() >= ENOUGH_ANSWERS]
    if len(ratios) < 2 or any(edge not in ratios for edge in told):
        return None
    middle = float(np.median(list(ratios.values())))
    return middle if all(1.0 / ALIKE <= ratio / middle <= ALIKE for ratio in ratios.values()) else None


def _calls(edge: EdgeTests, *, new: bool, met: Ints) -> float:
    """The version's calls in the windows where the versions met; else the old one's before and the new one's since."""
    table, whole = edge.table, edge.contrast
    names, codes = own_codes(table, edge.role)
    since: Bools = table.windows >= whole.since
    if met.size and whole.new_version != whole.old_version:
        version = whole.new_version if new else whole.old_version
        rows = np.isin(table.windows, met) & since & (codes == (names.index(version) if version in names else -1))
    else:
        rows = np.zeros(table.windows.size, dtype=bool)
        rows[whole.since_rows if new else whole.before_rows] = True
    return float(table.counts[rows, 0].sum())
