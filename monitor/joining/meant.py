"""What two versions of a deployed service sent, from marks of payloads, for judging whether it means
something else: read little, and only where something was marked since.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from monitor.detect.judging.meaning import changes_of, clause_of
from monitor.joining.meaning import Marked, at_once, marked_of, sketches_of
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.meaning import Meant, MeantKind, Place
from monitor.store.reader import MeantQuery, Reader

BEFORE = timedelta(days=7)
"""So much of what an old version sent before is read."""
LATELY = timedelta(hours=6)
"""So much of it by hour: a counter goes on from there. All of it, where that is no more than `FEW`
payloads: of a slow service hours of several days tell how a counter went.
"""
FEW = 500
SOONEST = timedelta(seconds=20)
SHARE_OF_AGE = 0.05
"""A deploy is looked at again after so long, or so much of its age."""
LONG_AGO = timedelta(hours=2)
"""A version that sent payloads so long before its deploy comes back: what it means is known."""
AGAIN = 200
"""So many of the newest marked payloads, of whole hours and after others, that tell no change any
more end a finding: of so many a change that is told would show.
"""
STILL_COMING = timedelta(seconds=5)
"""What was written so lately may have more of its second to come."""
Key = tuple[str, str, str]
"""Environment, service, version."""


@dataclass(slots=True)
class _Kept:
    """What is kept of one deploy between judgements. `before` is what the old version had sent by
    the hour of the deploy, packed; None before it was read.
    """

    against: str
    looked: datetime | None = None
    revision: int = -1
    before: bytes | None = None
    returns: bool = False
    meant: Meant | None = None
    over: frozenset[str] = frozenset()


class Meanings:
    """Lives between judgements: most deploys have no new marks and cost nothing, the others read
    what was marked since their hour. For one thread. Equal to what the store would tell as of the
    last look; a fresh one looks at once.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[str, _Kept] = {}
        self._marked: dict[Key, tuple[datetime, int]] | None = None
        self._after = datetime.fromtimestamp(0, UTC)
        self._revision = 0

    def refresh(self, deploys: Iterable[str] = ()) -> None:
        """Learn whose payloads were marked since the last time; forget other deploys than these."""
        self._revision += 1
        self._marked = {} if self._marked is None else self._marked
        newest = self._after
        for row in self._reader.marked_since(self._after - STILL_COMING):
            at = row["ingested"]
            newest = max(newest, at)
            coming = at >= row["now"] - STILL_COMING
            for side in ("caller", "callee"):
                key = (row["environment"], row[side], row[f"{side}_version"])
                before = self._marked.get(key)
                if before is None or at > before[0] or coming:
                    self._marked[key] = at, self._revision
        self._after = newest
        ids = set(deploys)
        self._kept = {key: kept for key, kept in self._kept.items() if key in ids}

    def of(
        self, deploy: Deploy, against: str, until: datetime, alpha: float, now: datetime
    ) -> Meant | None:
        """What both versions sent until then, where that tells a change of meaning; else None, so
        that what tells nothing is not kept with a verdict.
        """
        if deploy.kind not in VERSION_CHANGES or not against or against == deploy.version:
            return None
        kept = self._kept.get(deploy.id)
        if kept is None or kept.against != against:
            kept = self._kept[deploy.id] = _Kept(against)
        if not self._due(kept, deploy, now):
            return kept.meant
        kept.looked, kept.revision = now, self._revision
        kept.meant, kept.over = None, frozenset()
        rows = self._read(kept, deploy, until)
        meant = meant_of(rows, kept.against, deploy.version)
        if meant is not None and changes_of(meant, alpha):
            kept.meant = meant
            kept.over = as_before(rows, meant, alpha)
        return kept.meant

    def over(self, deploy: str) -> frozenset[str]:
        """The clauses of a deploy whose values mean again what they meant before it."""
        kept = self._kept.get(deploy)
        return frozenset() if kept is None else kept.over

    def _due(self, kept: _Kept, deploy: Deploy, now: datetime) -> bool:
        if kept.returns:
            return False
        if self._marked is not None:
            key = (deploy.environment, deploy.service, deploy.version)
            _, revision = self._marked.get(key, (None, -1))
            if revision <= kept.revision:
                return False
        if kept.looked is None:
            return True
        return now - kept.looked >= max(SOONEST, SHARE_OF_AGE * (now - deploy.started))

    def _read(self, kept: _Kept, deploy: Deploy, until: datetime) -> list[dict[str, Any]]:
        started = min(deploy.started, deploy.first_traffic or deploy.started)
        hour = started.replace(minute=0, second=0, microsecond=0)
        asked = MeantQuery(
            deploy.service,
            deploy.namespace or "",
            deploy.environment,
            (kept.against, deploy.version),
        )
        after = self._reader.meant(asked, hour, until, by_hour=True)
        if not any(row["version"] == deploy.version for row in after):
            return []
        if kept.before is None:
            before = self._before(asked, hour)
            own = [row for row in before if row["version"] == deploy.version]
            kept.returns = any(row["last"] < started - LONG_AGO for row in own)
            if kept.returns:
                return []
            kept.before = zlib.compress(msgspec.msgpack.encode(before), 1)
        else:
            before = msgspec.msgpack.decode(zlib.decompress(kept.before))
        return [*before, *after]

    def _before(self, asked: MeantQuery, hour: datetime) -> list[dict[str, Any]]:
        """What was sent in the days before an hour."""
        lately = self._reader.meant(asked, hour - LATELY, hour, by_hour=True)
        few = sum(marked.taken for row in lately if (marked := marked_of(row))) <= FEW
        return self._reader.meant(asked, hour - BEFORE, hour - LATELY, by_hour=few) + lately


def as_before(rows: Sequence[dict[str, Any]], meant: Meant, alpha: float) -> frozenset[str]:
    """The clauses of changes that the newest payloads of their kind do not show any more."""
    over = set[str]()
    for kind, change in changes_of(meant, alpha):
        place = change.place
        mine = [
            row
            for row in rows
            if row["version"] == meant.new
            and (row["role"], row["operation"], int(row["status"]), row["side"])
            == (kind.role, place.operation, place.status, place.side)
        ]
        newest = _newest(mine)
        if not newest or len(newest) == len(mine):
            continue
        again = meant_of(
            [*(row for row in rows if row["version"] == meant.old), *newest], meant.old, meant.new
        )
        changes = () if again is None else changes_of(again, alpha)
        if again is not None and clause_of(change) not in {clause_of(it) for _, it in changes}:
            over.add(clause_of(change))
    return frozenset(over)


def _newest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the newest hours that have payloads enough together; none where all have not."""
    taken, newest = 0, list[dict[str, Any]]()
    for hour in sorted({row["hour"] for row in rows}, reverse=True):
        for row in rows:
            marked = marked_of(row) if row["hour"] == hour else None
            if marked is not None:
                newest.append(row)
                taken += marked.taken
        if taken >= AGAIN:
            return newest
    return []


def meant_of(rows: Sequence[dict[str, Any]], old: str, new: str) -> Meant | None:
    """What two versions of a service sent, from rows of its marks; None where no kind was sent by
    both.
    """
    sides: dict[str, dict[tuple[str, Place], list[Marked]]] = {old: {}, new: {}}
    protocols: dict[tuple[str, Place], str] = {}
    for row in rows:
        marked = marked_of(row)
        if marked is None:
            continue
        place = (row["role"], Place(row["operation"], int(row["status"]), row["side"], ""))
        sides[row["version"]].setdefault(place, []).append(marked)
        protocols.setdefault(place, row["protocol"])
    both = sides[old].keys() & sides[new].keys()
    kinds = [
        _kind(place, protocols[place], sides[old][place], sides[new][place])
        for place in sorted(
            both, key=lambda it: (it[0], it[1].operation, it[1].status, it[1].side)
        )
    ]
    return Meant(old, new, kinds) if kinds else None


def _kind(
    place: tuple[str, Place], protocol: str, old: Sequence[Marked], new: Sequence[Marked]
) -> MeantKind:
    beside = at_once(old, new)
    role: Literal["callee", "caller"] = "callee" if place[0] == "callee" else "caller"
    return MeantKind(
        place=place[1],
        protocol=protocol,
        role=role,
        # whoever tells no name comes last
        partners=sorted({part.partner for part in new}, key=lambda name: (not name, name)),
        at_once=beside,
        old_payloads=sum(part.taken for part in old),
        new_payloads=sum(part.taken for part in new),
        first=min(part.hour for part in new),
        last=max(part.hour for part in new),
        old=sketches_of(old, at_once=beside),
        new=sketches_of(new, at_once=beside),
    )
