"""All that one verdict is reached from, as one value: what is kept beside the verdict, so that it
can be reached again.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from monitor.detect.judging.findings import Clause, ClauseKey, Clauses
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.columns import Measured
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.cells import CellColumns, Packed, packed, unpacked
from monitor.model.deploys import Deploy
from monitor.model.edges import EdgeCell, Sighting
from monitor.model.judging import Finding, Verdict
from monitor.model.meaning import Meant

_CELLS = ("cells", "neighbours", "former")
_BY_COLUMN = b"\x01"
"""Begins what is packed by column; what zlib packs begins otherwise."""
_QUICKLY = 1  # of zlib: level 6 takes three times as long for a tenth less


@dataclass(frozen=True, slots=True)
class Inputs:
    """`called` is the service's name in the verdict; `accepted` are fingerprints of findings that
    are known; `neighbours` and `former` are what a step in time is held against, `calls` tell what
    bad calls have in common (empty where none was looked at). `meant` is there where what the service
    sent means something else.
    """

    deploy: Deploy
    called: str
    cells: Sequence[EdgeCell]
    sightings: Sequence[Sighting]
    others: Sequence[Deploy]
    settings: JudgeSettings
    now: datetime
    clauses: Sequence[tuple[ClauseKey, Sequence[Clause]]] = ()
    accepted: Sequence[str] = ()
    neighbours: Sequence[EdgeCell] = ()
    former: Sequence[EdgeCell] = ()
    share: float | None = None
    calls: Sequence[Alike] = ()
    failures_before: Sequence[str] | None = None
    meant: Meant | None = None

    def packed(self) -> bytes:
        """To be kept: MessagePack, compressed. Some 10 bytes a row and side of latency."""
        if not any(isinstance(getattr(self, name), CellColumns) for name in _CELLS):
            return zlib.compress(msgspec.msgpack.encode(self), _QUICKLY)
        kept = _ByColumn(
            replace(self, cells=(), neighbours=(), former=()),
            *(_packed(getattr(self, name)) for name in _CELLS),
        )
        return _BY_COLUMN + zlib.compress(msgspec.msgpack.encode(kept), _QUICKLY)

    @classmethod
    def unpacked(cls, packed: bytes) -> "Inputs | None":
        """What `packed` gave; None for what another version of this program packed in another
        form.
        """
        try:
            if not packed.startswith(_BY_COLUMN):
                return msgspec.msgpack.decode(zlib.decompress(packed), type=cls)
            kept = msgspec.msgpack.decode(zlib.decompress(packed[1:]), type=_ByColumn)
            cells, neighbours, former = map(_unpacked, (kept.cells, kept.neighbours, kept.former))
            return replace(kept.inputs, cells=cells, neighbours=neighbours, former=former)
        except (msgspec.ValidationError, msgspec.DecodeError, zlib.error, KeyError, ValueError):
            return None

    def judged(self, measured: Measured | None = None) -> tuple[Verdict, list[Finding]]:
        """The verdict and its findings: the same whenever it is asked. `measured` keeps tables
        for inputs that share cells with these.
        """
        accepted = frozenset(self.accepted)
        around = Around(self.neighbours, self.former) if self.neighbours or self.former else None
        verdict, findings = judge(
            self.deploy,
            self.cells,
            self.sightings,
            self.others,
            self.settings,
            self.now,
            clauses=clauses_from(self.clauses),
            accepted=lambda finding: finding.fingerprint in accepted,
            around=around,
            share=self.share,
            calls=self.calls,
            failures_before=self.failures_before,
            meant=self.meant,
            measured=measured,
        )
        return replace(verdict, service=self.called), findings


@dataclass(frozen=True, slots=True)
class _ByColumn:
    """Inputs, their cells apart."""

    inputs: Inputs
    cells: Sequence[EdgeCell] | Packed
    neighbours: Sequence[EdgeCell] | Packed
    former: Sequence[EdgeCell] | Packed


def _packed(cells: Sequence[EdgeCell]) -> Sequence[EdgeCell] | Packed:
    return packed(cells) if isinstance(cells, CellColumns) else cells


def _unpacked(kept: Sequence[EdgeCell] | Packed) -> Sequence[EdgeCell]:
    return unpacked(kept) if isinstance(kept, Packed) else kept


def clauses_from(rows: Sequence[tuple[ClauseKey, Sequence[Clause]]]) -> Clauses:
    """Rows as judging asks for them."""
    return {key: [(text, count, trace) for text, count, trace in clauses] for key, clauses in rows}
