"""Does a new version's value mean something else, though its type is the same? Shares of marks,
stratum by stratum, each with an effect floor.

Each question is of a share: of values at a place, so many are zero, of a format, far above what was
usual. The e-value is that of rates.py, both ways and of the complement as well, averaged. What
drifts without meaning something else (prices, mixes of customers and currencies, growing ids)
stays below the floors; the mix of callers is no difference, for it is the stratum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.evidence.distributions import log_mean_exp, normal_quantile
from monitor.detect.evidence.ebh import e_bh
from monitor.detect.evidence.meaning_questions import FEWEST, Share, questions
from monitor.detect.evidence.rates import log_e_of_rates
from monitor.model.meaning import MeaningChange, MeaningCode, Place, Sketch

FLOOR_RATIO = 1.25
ALPHA = 0.01
_TELLING: Mapping[MeaningCode, int] = {
    "type": 3, "zone": 2, "precision": 2, "category_went": 2, "format": 0, "signs": 0,
}  # fmt: skip


def meaning_changes(
    old: Mapping[Place, Sequence[Sketch]],
    new: Mapping[Place, Sequence[Sketch]],
    alpha: float = ALPHA,
) -> list[MeaningChange]:
    """What changed between two versions, the surest first; of each pointer the strongest change.

    Sketches are by kind of exchange (`pointer` ""). All questions of the pair are one family
    (e-BH at `alpha`). Valid whenever it is asked.
    """
    return compared_meanings(old, new, alpha).changes


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed, and by how much any share that was asked about may differ at most, at 95 % for
    all together; None where nothing could be asked.
    """

    changes: list[MeaningChange]
    upper: float | None


def compared_meanings(
    old: Mapping[Place, Sequence[Sketch]],
    new: Mapping[Place, Sequence[Sketch]],
    alpha: float = ALPHA,
) -> Compared:
    """The changes as `meaning_changes` has them, and what bounds all others."""
    asked = [
        _judged(place, share)
        for kind in sorted(new.keys() & old.keys(), key=repr)
        for place, share in questions(kind, old[kind], new[kind])
    ]
    return Compared(_told(asked, alpha), _most(asked))


def _most(asked: Sequence[tuple[MeaningChange, bool]]) -> float | None:
    """Agresti and Caffo's interval (https://doi.org/10.1080/00031305.2000.10474560), at 5 % shared
    out among all questions of which enough was seen.
    """
    seen = [it for it, _ in asked if min(it.old_values, it.new_values) >= FEWEST]
    if not seen:
        return None
    z = normal_quantile(1.0 - 0.05 / (2.0 * len(seen)))
    olds, news = (
        np.array([[share * of + 1.0, of + 2.0] for share, of in sides])
        for sides in (
            [(it.old_share, it.old_values) for it in seen],
            [(it.new_share, it.new_values) for it in seen],
        )
    )
    p, q = olds[:, 0] / olds[:, 1], news[:, 0] / news[:, 1]
    spread = np.sqrt(p * (1.0 - p) / olds[:, 1] + q * (1.0 - q) / news[:, 1])
    return float(min(1.0, np.max(np.abs(q - p) + z * spread)))


def _told(asked: Sequence[tuple[MeaningChange, bool]], alpha: float) -> list[MeaningChange]:
    rejected = e_bh([change.log_e for change, _ in asked], alpha)
    by_place: dict[Place, MeaningChange] = {}
    for (change, large), sure in zip(asked, rejected, strict=True):
        if not (sure and large):
            continue
        held = by_place.get(change.place)
        if held is None or _rank(change) > _rank(held):
            by_place[change.place] = change
    return sorted(by_place.values(), key=lambda change: -change.log_e)


def _rank(change: MeaningChange) -> tuple[int, bool, float]:
    """What is larger tells more than what is of another kind, and this more than which format; what
    came more than what went.
    """
    by = change.new_share - change.old_share
    telling = 2 if change.factor != 1.0 else _TELLING.get(change.code, 1)
    return telling, by > 0, abs(by)


def _judged(place: Place, share: Share) -> tuple[MeaningChange, bool]:
    """The change, and whether it is as large as it must be; what is not has an e-value of one, so
    that it need not be reckoned.
    """
    (k, a), (s, b) = share.new, share.old
    used = (a > 0) & (b > 0)
    k, a, s, b = k[used], a[used], s[used], b[used]
    weights = a * b / (a + b) if used.any() else a
    total = float(weights.sum())
    old_share = float((weights * s / b).sum()) / total if total else 0.0
    new_share = float((weights * k / a).sum()) / total if total else 0.0
    sizes = int(b.sum()), int(a.sum())
    large = share.moved and abs(new_share - old_share) >= share.least and min(sizes) >= FEWEST
    log_e = 0.0
    if total and large:
        part = a / (a + b)
        logs = [
            log_e_of_rates(k, s, part, FLOOR_RATIO),
            log_e_of_rates(s, k, 1.0 - part, FLOOR_RATIO),
            log_e_of_rates(a - k, b - s, part, FLOOR_RATIO),
            log_e_of_rates(b - s, a - k, 1.0 - part, FLOOR_RATIO),
        ]
        log_e = log_mean_exp(np.array(logs))
    change = MeaningChange(
        place, share.code, share.kind, old_share, new_share, share.factor, *sizes, log_e
    )
    return change, large
