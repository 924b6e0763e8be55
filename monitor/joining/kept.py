"""Sealed windows of the whole estate by column, kept between judgements and extended by what was
sealed since.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.model.cells import (
    CellColumns,
    Packed,
    concatenated,
    narrowed,
    once,
    packed,
    unpacked,
    widened,
)
from monitor.model.edges import WINDOW_SECONDS, Sighting, qualified
from monitor.store.reader import Reader

SPAN = timedelta(hours=6, minutes=40)
"""All that any judgement reads lies within so much of the newest data."""
MOST_ROWS = 900_000
"""So many cells are kept, some 250 bytes each: what is older is read from the store."""
MOST_BYTES = 150_000_000
"""So much is kept of answers that begin before the cells that are kept, some 25 bytes a cell."""
SOON = timedelta(minutes=20)
"""What begins so little after the oldest cells that are kept will soon begin before them."""
AT_ONCE = timedelta(minutes=10)
"""So much is read by one look."""


_Question = tuple[str, str, tuple[str, ...], datetime]
"""What was asked for, the environment, the services, and from when on."""


class KeptCells:
    """Cells of sealed windows: from memory, and from the store what is older, or newer, than what
    is kept. Equal to what the store would answer as of the last `refresh`. For one thread.
    """

    def __init__(self, reader: Reader, most_rows: int = MOST_ROWS) -> None:
        self._reader, self._most = reader, most_rows
        self._blocks: list[_Block] = []
        self._sequence = 0
        self._since = self._until = 0
        self._answers: OrderedDict[_Question, tuple[datetime, bytes]] = OrderedDict()

    @property
    def rows(self) -> int:
        """Cells that are kept."""
        return sum(len(block.cells) for block in self._blocks)

    def refresh(self) -> tuple[CellColumns | None, list[int]]:
        """Take in what was sealed since the last time: its cells (None the first time, when all
        is new), and windows of before that late rows changed since.
        """
        newest = self._reader.last_sealed()
        if newest is None:
            return None, []
        if not self._sequence:
            self._begin(int(newest.timestamp()) + WINDOW_SECONDS)
            return None, []
        sequence, before = self._reader.newest_sequence(), self._until
        if sequence == self._sequence:
            return None, []
        changed = self._reader.sealed_since(self._sequence, sequence, _moment(0))
        fresh: list[CellColumns] = []
        inside = [window for window in changed if window >= self._since]
        for first, end in _runs(inside):
            if first < before:
                self._let_go(first, end)
            for begin in range(first, end, int(AT_ONCE.total_seconds())):
                until = min(end, begin + int(AT_ONCE.total_seconds()))
                cells = self._read(begin, until, sequence)
                fresh.append(cells)
                self._add(cells)
        late = [window for window in changed if window < before]
        self._answers = OrderedDict(
            (question, answer)
            for question, answer in self._answers.items()
            if not any(
                question[-1].timestamp() <= window < answer[0].timestamp() for window in late
            )
        )
        self._sequence = sequence
        self._until = max([before, *(window + WINDOW_SECONDS for window in inside)])
        self._trim()
        return concatenated(fresh) if fresh else None, late

    def sealed_cells(
        self, environment: str, services: Sequence[str], since: datetime, until: datetime
    ) -> CellColumns:
        """As the reader's."""
        low, high = _moment(self._since), _moment(self._until)
        if not self._blocks or since >= min(high, until):
            return self._reader.sealed_cells(environment, services, since, until)
        question = ("cells", environment, tuple(services), since)
        pieces, begin = self._answered(question, until) if since < low + SOON else ([], since)
        if begin < min(low, until):
            pieces.append(self._reader.sealed_cells(environment, services, begin, min(low, until)))
        if max(begin, low) < min(until, high):
            pieces.append(self._kept(environment, services, max(begin, low), min(until, high)))
        if until > max(high, begin):
            pieces.append(
                self._reader.sealed_cells(environment, services, max(high, begin), until)
            )
        cells = widened(once(concatenated(pieces)))
        if since < low + SOON and begin < min(until, high):
            self._answer(question, min(until, high), cells)
        return cells

    def sightings(
        self,
        since: datetime,
        until: datetime,
        environment: str | None = None,
        service: str | None = None,
    ) -> list[Sighting]:
        """As the reader's: what was read before is not read again."""
        question = ("sightings", environment or "", (service or "",), since)
        begin, data = self._remembered(question, until)
        seen = msgspec.msgpack.decode(data, type=list[Sighting]) if data else []
        if begin < until:
            seen += self._reader.sightings(begin, until, environment, service)
            settled = min(until, _moment(self._until))
            if self._blocks and begin < settled:
                there = [sighting for sighting in seen if sighting.window < settled]
                self._remember(question, settled, msgspec.msgpack.encode(there))
        return seen

    def _answered(
        self, question: "_Question", until: datetime
    ) -> tuple[list[CellColumns], datetime]:
        """What was answered before to the same question of a shorter time, and until when."""
        end, data = self._remembered(question, until)
        if not data:
            return [], end
        return [unpacked(msgspec.msgpack.decode(data, type=Packed))], end

    def _remembered(self, question: _Question, until: datetime) -> tuple[datetime, bytes]:
        """Until when the question was answered, and that answer; nothing if that was no shorter
        time.
        """
        end, data = self._answers.get(question, (until, b""))
        if not data or end > until:
            return question[-1], b""
        self._answers.move_to_end(question)
        return end, zlib.decompress(data)

    def _answer(self, question: "_Question", until: datetime, cells: CellColumns) -> None:
        if cells.columns.windows.size and cells.columns.windows.max() >= until.timestamp():
            cells = cells.where(~cells.since(until))
        self._remember(question, until, msgspec.msgpack.encode(packed(cells)))

    def _remember(self, question: _Question, until: datetime, answer: bytes) -> None:
        self._answers[question] = until, zlib.compress(answer, 1)
        self._answers.move_to_end(question)
        while sum(len(data) for _, data in self._answers.values()) > MOST_BYTES:
            self._answers.popitem(last=False)

    def _kept(
        self, environment: str, services: Sequence[str], since: datetime, until: datetime
    ) -> CellColumns:
        first, end = int(np.ceil(since.timestamp())), int(np.ceil(until.timestamp()))
        return concatenated(
            [
                CellColumns(
                    block.cells.columns.taken(block.rows(environment, services, first, end))
                )
                for block in self._blocks
            ]
        )

    def _begin(self, until: int) -> None:
        """Fill from the newest backwards, as far as is allowed."""
        sequence = self._reader.newest_sequence()
        step, since = int(AT_ONCE.total_seconds()), until
        pieces: list[CellColumns] = []
        while since > until - SPAN.total_seconds():
            cells = self._read(since - step, since, sequence)
            if sum(map(len, pieces)) + len(cells) > self._most:
                break
            since -= step
            pieces.append(cells)
        self._blocks = [_Block(narrowed(concatenated(pieces[::-1])))] if pieces else []
        self._sequence, self._since, self._until = sequence, since, until

    def _read(self, since: int, until: int, sequence: int) -> CellColumns:
        return self._reader.sealed_cells("", [], _moment(since), _moment(until), sequence)

    def _add(self, cells: CellColumns) -> None:
        """Blocks grow in size, so that there are few and each row is moved seldom."""
        self._blocks.append(_Block(narrowed(cells)))
        while len(self._blocks) > 1 and len(self._blocks[-2].cells) <= 2 * len(
            self._blocks[-1].cells
        ):
            last, before = self._blocks.pop().cells, self._blocks.pop().cells
            self._blocks.append(_Block(narrowed(concatenated([before, last]))))

    def _trim(self) -> None:
        """Let go what is too old, and what is too much."""
        self._since = max(self._since, self._until - int(SPAN.total_seconds()))
        while self.rows > self._most and self._since < self._until - WINDOW_SECONDS:
            # a tenth at once: each time all that is left is moved
            self._since += max(
                WINDOW_SECONDS,
                (self._until - self._since) // 10 // WINDOW_SECONDS * WINDOW_SECONDS,
            )
            self._cut()
        if any(block.begins < self._since - AT_ONCE.total_seconds() for block in self._blocks):
            self._cut()

    def _cut(self) -> None:
        self._let_go(0, self._since)

    def _let_go(self, first: int, end: int) -> None:
        """Forget the cells of these windows."""
        blocks: list[_Block] = []
        for block in self._blocks:
            gone = _within(block.cells.columns.windows, first, end)
            blocks.append(_Block(block.cells.where(~gone)) if gone.any() else block)
        self._blocks = blocks


class _Block:
    """Cells that are kept, and where those of each edge and service are: who asks for a service
    reads its cells alone.
    """

    def __init__(self, cells: CellColumns) -> None:
        self.cells = cells
        columns = cells.columns
        self.begins = int(columns.windows.min()) if len(cells) else 2**62
        self._order = np.argsort(columns.edge, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(
            columns.edge[self._order], np.arange(len(columns.edges) + 1)
        ).tolist()
        self._of: dict[str, list[int]] = {}
        for place, edge in enumerate(columns.edges):
            for namespace, name in (
                (edge.caller_namespace, edge.caller),
                (edge.callee_namespace, edge.callee),
            ):
                for called in {name, qualified(namespace, name)}:
                    self._of.setdefault(called, []).append(place)

    def rows(
        self, environment: str, services: Sequence[str], first: int, end: int
    ) -> NDArray[np.int64]:
        """The cells of windows from `first` to `end` on edges that one of the services takes part
        in (none named are all), in their order.
        """
        columns = self.cells.columns
        if not services and not environment:
            return np.flatnonzero(_within(columns.windows, first, end))
        places = (
            {place for name in services for place in self._of.get(name, ())}
            if services
            else range(len(columns.edges))
        )
        pieces = [
            self._order[self._starts[place] : self._starts[place + 1]]
            for place in places
            if not environment or columns.edges[place].environment == environment
        ]
        if not pieces:
            return np.zeros(0, dtype=np.int64)
        rows = np.sort(np.concatenate(pieces)).astype(np.int64)
        return rows[_within(columns.windows[rows], first, end)]


def _runs(windows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Windows that follow each other, from and until."""
    begin: int | None = None
    for place, window in enumerate(windows):
        begin = window if begin is None else begin
        if place + 1 == len(windows) or windows[place + 1] != window + WINDOW_SECONDS:
            yield begin, window + WINDOW_SECONDS
            begin = None


def _within(windows: NDArray[np.int64], first: int, end: int) -> NDArray[np.bool_]:
    return np.asarray((windows >= first) & (windows < end))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
