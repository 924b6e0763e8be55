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

from monitor.joining.kept_packed import PackedCells, asked_for, places_of
from monitor.model.cells import CellColumns, concatenated, narrowed, once, widened
from monitor.model.edges import WINDOW_SECONDS, Sighting
from monitor.store.reader import Reader

SPAN = timedelta(hours=6, minutes=40)
"""All that any judgement reads lies within so much of the newest data."""
MOST_ROWS = 900_000
"""So many cells are kept as they are, some 250 bytes each; of more the older half is packed."""
MOST_BYTES = 150_000_000
"""So much is kept of packed cells, some 30 bytes each: what is older is read from the store."""
MOST_BYTES_SEEN = 20_000_000
"""So much is kept of who was seen alive."""
AT_ONCE = timedelta(minutes=10)
"""So much is read by one look."""


_Question = tuple[str, str, datetime]
"""Of which environment and service sightings were asked for, and from when on."""


class KeptCells:
    """Cells of sealed windows: from memory, and from the store what is older, or newer, than what
    is kept. Equal to what the store would answer as of the last `refresh`. For one thread.
    """

    def __init__(self, reader: Reader, most_rows: int = MOST_ROWS) -> None:
        self._reader, self._most = reader, most_rows
        self._blocks: list[_Block] = []
        self._whole = 0  # since when cells are kept as they are
        self._past: list[PackedCells] = []  # the oldest first
        self._sequence = 0
        self._since = self._until = 0
        self._grows = True  # backwards, as far as is allowed, where more was asked for
        self._wanted = False
        self._seen: OrderedDict[_Question, tuple[datetime, bytes]] = OrderedDict()

    @property
    def rows(self) -> int:
        """Cells that are kept as they are."""
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
            self._grow()
            return None, []
        changed = self._reader.sealed_since(self._sequence, sequence, _moment(0))
        fresh: list[CellColumns] = []
        inside = [window for window in changed if window >= self._since]
        for first, end in _runs(inside):
            if first < before:
                self._let_go(first, end)
                for past in self._past:
                    past.let_go(range(first, end, WINDOW_SECONDS))
            for begin in range(first, end, int(AT_ONCE.total_seconds())):
                until = min(end, begin + int(AT_ONCE.total_seconds()))
                cells = self._read(begin, until, sequence)
                fresh.append(cells)
                self._add(cells)
        late = [window for window in changed if window < before]
        self._seen = OrderedDict(
            (question, answer)
            for question, answer in self._seen.items()
            if not any(
                question[-1].timestamp() <= window < answer[0].timestamp() for window in late
            )
        )
        self._sequence = sequence
        self._until = max([before, *(window + WINDOW_SECONDS for window in inside)])
        self._trim()
        self._grow()
        return concatenated(fresh) if fresh else None, late

    def sealed_cells(
        self, environment: str, services: Sequence[str], since: datetime, until: datetime
    ) -> CellColumns:
        """As the reader's."""
        low, high = _moment(self._since), _moment(self._until)
        if not self._sequence or max(since, low) >= min(high, until):
            return self._reader.sealed_cells(environment, services, since, until)
        self._wanted |= since < low
        pieces = self._kept(environment, services, max(since, low), min(until, high))
        for begin, end in ((since, min(low, until)), (max(high, since), until)):
            if begin < end:
                pieces.append(self._reader.sealed_cells(environment, services, begin, end))
        if not pieces:
            return self._reader.sealed_cells(environment, services, since, until)
        return once(concatenated(pieces))

    def sightings(
        self,
        since: datetime,
        until: datetime,
        environment: str | None = None,
        service: str | None = None,
    ) -> list[Sighting]:
        """As the reader's: what was read before is not read again."""
        question = (environment or "", service or "", since)
        begin, data = self._remembered(question, until)
        seen = msgspec.msgpack.decode(data, type=list[Sighting]) if data else []
        if begin < until:
            seen += self._reader.sightings(begin, until, environment, service)
            settled = min(until, _moment(self._until))
            if begin < settled:
                there = [sighting for sighting in seen if sighting.window < settled]
                self._remember(question, settled, msgspec.msgpack.encode(there))
        return seen

    def _remembered(self, question: _Question, until: datetime) -> tuple[datetime, bytes]:
        """Until when the question was answered, and that answer; nothing if that was no shorter
        time.
        """
        end, data = self._seen.get(question, (until, b""))
        if not data or end > until:
            return question[-1], b""
        self._seen.move_to_end(question)
        return end, zlib.decompress(data)

    def _remember(self, question: _Question, until: datetime, answer: bytes) -> None:
        self._seen[question] = until, zlib.compress(answer, 1)
        self._seen.move_to_end(question)
        while sum(len(data) for _, data in self._seen.values()) > MOST_BYTES_SEEN:
            self._seen.popitem(last=False)

    def _kept(
        self, environment: str, services: Sequence[str], since: datetime, until: datetime
    ) -> list[CellColumns]:
        """Cells between these times, each piece with no edge that none of its cells is of."""
        first, end = int(np.ceil(since.timestamp())), int(np.ceil(until.timestamp()))
        found = [past.cells(environment, services, first, end) for past in self._past]
        pieces = [cells for cells in found if cells is not None]
        for block in self._blocks:
            rows = block.rows(environment, services, first, end)
            pieces.append(widened(CellColumns(block.cells.columns.taken(rows))))
        return pieces

    def _begin(self, until: int) -> None:
        """Fill from the newest backwards, as far as cells are kept as they are."""
        self._sequence = self._reader.newest_sequence()
        pieces, self._since = self._read_back(until, until, self._most)
        self._whole, self._until = self._since, until
        self._blocks = [_Block(narrowed(concatenated(pieces)))] if pieces else []

    def _grow(self) -> None:
        """Pack some more of the past, if somebody asked for it: a quarter of what is kept as it is,
        so that no step waits long for it.
        """
        if not (self._grows and self._wanted):
            return
        self._wanted = False
        pieces, since = self._read_back(self._since, self._until, self._most // 4, looks=1)
        self._grows = since < self._since
        if self._grows:
            self._since = since
            self._past = [*_packed(pieces), *self._past]
            self._trim()

    def _read_back(
        self, since: int, newest: int, most: int, looks: int = 0
    ) -> tuple[list[CellColumns], int]:
        """What was before, the oldest first, and from when on: `most` cells, or those of so many
        looks if that is more, of what lies within the span of the newest.
        """
        step, pieces, rows = int(AT_ONCE.total_seconds()), list[CellColumns](), 0
        while since > newest - SPAN.total_seconds():
            cells = self._read(since - step, since, self._sequence)
            rows += len(cells)
            if rows > most and len(pieces) >= looks:
                break
            since -= step
            pieces.insert(0, cells)
        return pieces, since

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
        """Pack what is too much, let go what is too old."""
        while self.rows > self._most and self._whole < self._until - WINDOW_SECONDS:
            half = (self._until - self._whole) // 2 // WINDOW_SECONDS * WINDOW_SECONDS
            self._whole += max(WINDOW_SECONDS, half)
            self._past += _packed([_earlier(block.cells, self._whole) for block in self._blocks])
            self._let_go(0, self._whole)
        while sum(past.size for past in self._past) > MOST_BYTES:
            self._since = max(self._since, self._past.pop(0).ends)
            self._grows = False
        oldest = self._until - int(SPAN.total_seconds())
        if self._since < oldest - AT_ONCE.total_seconds():
            self._since = oldest
            self._past = [past for past in self._past if past.ends > oldest]
            self._let_go(0, oldest)

    def _let_go(self, first: int, end: int) -> None:
        """Forget the cells of these windows that are kept as they are."""
        blocks: list[_Block] = []
        for block in self._blocks:
            gone = _within(block.cells.columns.windows, first, end)
            blocks.append(_Block(block.cells.where(~gone)) if gone.any() else block)
        self._blocks = [block for block in blocks if len(block.cells)]


class _Block:
    """Cells that are kept, and where those of each edge and service are: who asks for a service
    reads its cells alone.
    """

    def __init__(self, cells: CellColumns) -> None:
        self.cells = cells
        columns = cells.columns
        self._order = np.argsort(columns.edge, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(
            columns.edge[self._order], np.arange(len(columns.edges) + 1)
        ).tolist()
        self._of = places_of(columns.edges)

    def rows(
        self, environment: str, services: Sequence[str], first: int, end: int
    ) -> NDArray[np.int64]:
        """The cells of windows from `first` to `end` on edges that one of the services takes part
        in (none named are all), in their order.
        """
        columns = self.cells.columns
        if not services and not environment:
            return np.flatnonzero(_within(columns.windows, first, end))
        pieces = [
            self._order[self._starts[place] : self._starts[place + 1]]
            for place in asked_for(self._of, services, len(columns.edges))
            if not environment or columns.edges[place].environment == environment
        ]
        if not pieces:
            return np.zeros(0, dtype=np.int64)
        rows = np.sort(np.concatenate(pieces)).astype(np.int64)
        return rows[_within(columns.windows[rows], first, end)]


def _earlier(cells: CellColumns, than: int) -> CellColumns:
    return cells.where(cells.columns.windows < than)


def _packed(pieces: Sequence[CellColumns]) -> list[PackedCells]:
    """All together, if they hold anything."""
    return [PackedCells(concatenated(pieces))] if any(map(len, pieces)) else []


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
