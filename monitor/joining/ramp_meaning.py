"""What versions of a ramp mean by what they send, pair by pair, from marks of payloads."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.detect.ramps.meaning import Pair, Sent, pair_meanings
from monitor.joining.meaning import Marked, at_once, marked_of, sketches_of
from monitor.joining.meant import BEFORE, LATELY
from monitor.model.meaning import Place as PayloadPlace
from monitor.model.ramps import Age, PairMeaning
from monitor.store import Store
from monitor.store.ramps import Place
from monitor.store.reader import MeantQuery, Reader

_Kind = tuple[str, PayloadPlace]
_Whose = tuple[str, str, str]
"""Version, partner, the partner's version."""


def meanings_of(
    store: Store,
    place: Place,
    ages: Mapping[str, Age],
    since: datetime,
    until: datetime,
    *,
    newest: bool,
) -> dict[Pair, PairMeaning]:
    """By pair, from what new versions sent since a time and old ones in the week before it too. Marks
    are of whole hours: only where `until` is the `newest` data the last hour is one that goes on.
    """
    versions = [version for version, age in ages.items() if age in ("old", "new")]
    if "new" not in ages.values() or "old" not in ages.values():
        return {}
    if store.holds_nothing("shape_marks"):
        return {}
    hour = since.replace(minute=0, second=0, microsecond=0)
    ends = until if newest else until.replace(minute=0, second=0, microsecond=0)
    asked = MeantQuery(
        place.service, place.namespace or "", place.environment, versions, by_partner=True
    )
    reader = Reader(store)
    rows = reader.meant(asked, hour, ends, by_hour=True) if ends > hour else []
    if not any(ages.get(row["version"]) == "new" for row in rows):
        return {}
    rows += reader.meant(asked, hour - BEFORE, hour - LATELY, by_hour=False)
    rows += reader.meant(asked, hour - LATELY, hour, by_hour=True)
    kinds: dict[_Kind, dict[_Whose, list[Marked]]] = {}
    for row in rows:
        marked = marked_of(row)
        if marked is not None:
            place_of = PayloadPlace(row["operation"], int(row["status"]), row["side"], "")
            whose = (row["version"], row["partner"], row["partner_version"])
            by_whom = kinds.setdefault((row["role"], place_of), {})
            by_whom.setdefault(whose, []).append(marked)
    return pair_meanings(
        [
            sent
            for kind, by_whom in kinds.items()
            for sent in _sent(place.service, kind, by_whom, ages)
        ],
        ages,
    )


def _sent(
    service: str,
    kind: _Kind,
    by_whom: Mapping[_Whose, Sequence[Marked]],
    ages: Mapping[str, Age],
) -> list[Sent]:
    old, new = (
        [part for whose, parts in by_whom.items() if ages[whose[0]] == age for part in parts]
        for age in ("old", "new")
    )
    beside = at_once(old, new)
    return [
        Sent(
            place=kind[1],
            answers=kind[0] == "callee",
            service=service,
            version=version,
            partner=partner,
            partner_version=partner_version,
            taken=sum(part.taken for part in parts),
            sketches=sketches_of(parts, at_once=beside),
        )
        for (version, partner, partner_version), parts in by_whom.items()
    ]
