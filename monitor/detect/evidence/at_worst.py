"""How much worse the new version may be at most, of many edges in one go: what must be shut out for
a pass.
"""

from collections.abc import Mapping, Sequence

from monitor.detect.arrays import Floats
from monitor.detect.evidence.equivalence import Compared, bounds_of, difference_bound
from monitor.detect.evidence.latency import beneath, exceedances, fars
from monitor.detect.evidence.rates import between_versions
from monitor.detect.evidence.signal_tests import OldCounts
from monitor.detect.evidence.tested import (
    ALL_FAILURES,
    RATES,
    SIDES,
    Beyond,
    only_server_errors,
)
from monitor.detect.measure.contrasts import COLUMN, Contrast, Side, histograms
from monitor.detect.measure.warmup import Shares, settled
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Bounds

BAD_OF = {kind: (bad, "checked" if kind == "violated" else of) for _, kind, bad, of in RATES} | {
    ALL_FAILURES: (ALL_FAILURES, "calls")
}
"""By kind that must be shut out for a pass: the columns of bad calls and of all."""


def equivalences_of(
    edges: Sequence[tuple[Contrast, OldCounts]], settings: JudgeSettings
) -> list[dict[str, Bounds]]:
    """Of each of these edges, by kind of bad calls: how much worse the new version may be."""
    same: list[dict[str, str]] = []
    asked: list[tuple[int, str]] = []
    compared: list[Compared] = []
    for place, (whole, old) in enumerate(edges):
        same.append(kinds := _kinds(whole, old))
        for kind in dict.fromkeys(kinds.values()):
            asked.append((place, kind))
            compared.append(_compared(whole, old, *BAD_OF[kind]))
    bounded = bounds_of(compared, settings.equivalence_alpha, settings.floor_difference)
    by_kind = dict(zip(asked, bounded, strict=True))
    return [
        {kind: by_kind[place, like] for kind, like in kinds.items()}
        for place, kinds in enumerate(same)
    ]


def _kinds(whole: Contrast, old: OldCounts) -> dict[str, str]:
    """The kinds to bound on an edge, each with the one that has the same bound: most have no bad
    call at all.
    """
    kinds: dict[str, str] = {}
    unharmed: str | None = None
    for kind, (bad, calls) in BAD_OF.items():
        if (
            kind == "violated"
            and not whole.new[:, COLUMN[calls]].any()
            and not whole.old[:, COLUMN[calls]].any()
        ):
            continue
        none = (
            calls == "calls"
            and not whole.after_new[COLUMN[bad]]
            and not whole.old[:, COLUMN[bad]].any()
            and old.phi(bad, calls) == 1.0
        )
        if none and unharmed is not None:
            kinds[kind] = unharmed
        elif kind == ALL_FAILURES and only_server_errors(whole.table):
            kinds[kind] = kinds["server_error"]
        else:
            kinds[kind] = kind
            unharmed = kind if none else unharmed
    return kinds


def _compared(whole: Contrast, old: OldCounts, bad: str, calls: str) -> Compared:
    phi = old.phi(bad, calls)
    (k, s), (a, b) = whole.column(bad), whole.column(calls)
    alone = int(whole.after_new[COLUMN[bad]]), int(whole.after_new[COLUMN[calls]])
    beside = between_versions((k, a), (s, b)) if phi > 1.0 else None
    return Compared((k, a), (s, b), alone, phi, beside)


def beyond_of(
    wholes: Sequence[Contrast], settings: JudgeSettings, fresh: Shares, grain: int
) -> list[dict[Side, Beyond]]:
    """Of each edge, by side, the calls above the old p90 and those far slower than the old p99,
    once the new version is settled; only where both versions have calls.
    """
    out: list[dict[Side, Beyond]] = [{} for _ in wholes]
    strata = [settled(whole, fresh, grain, settings.min_windows) for whole in wholes]
    floor = settings.latency_floor_seconds
    for side in SIDES:
        places: list[int] = []
        totals: list[tuple[Floats, Floats]] = []
        befores: list[tuple[Floats, int]] = []
        for place, (whole, chosen) in enumerate(zip(wholes, strata, strict=True)):
            data = histograms(whole, side)
            if data is None:
                continue
            new, old = (data[version][chosen].sum(axis=0) for version in (0, 1))
            if new.any() and old.any():
                places.append(place)
                totals.append((new, old))
                befores.append((data[2], whole.table.lowest))
        if not places:
            continue
        lowest = min(low for _, low in befores)
        width = max(low + before.shape[1] for before, low in befores) - lowest
        lows = [low - lowest for _, low in befores]
        new, old = (
            beneath([total[None] for total in column], lows, width)
            for column in zip(*totals, strict=True)
        )
        slow = exceedances(new, old, lowest, settings.latency_floor_buckets, floor)
        far = fars(new, old, befores, lowest, floor)
        for place, slow_of, far_of in zip(places, slow, far, strict=True):
            out[place][side] = Beyond(slow_of, far_of)
    return out


def slower_at_most(
    beyond: Mapping[Side, Beyond], settings: JudgeSettings
) -> tuple[dict[str, float], dict[str, float]]:
    """By side, how many more calls at most are slow (above the old p90) and far slower than the
    old p99.
    """
    slow, far = dict[str, float](), dict[str, float]()
    alpha = settings.equivalence_alpha
    for side, counts in beyond.items():
        k, a, s, b = counts.slow
        slow[side] = difference_bound(k / a, float(a), s / b, float(b), alpha)
        (k_far, a_far), (s_far, b_far), *_ = counts.far
        far[side] = difference_bound(k_far / a_far, a_far, s_far / b_far, b_far, alpha)
    return slow, far
