"""What the shards of a house published is summed and published in the house: a window once all
shards have published it, sealed once all have sealed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitor.clock import monotonic_seconds
from monitor.edges.closing import ClosingSettings, watermark_of
from monitor.edges.counting.summed import EDGES, SEEN, summed
from monitor.joining.closing import Closed, Closer, Numbers
from monitor.joining.publications import HOUR, Published, publications, rolled_anew
from monitor.store import Store
from monitor.store.shards import Shards

BATCH_WINDOWS = 60
ASKED_AT_ONCE = 2000
"""Windows in one question: a server takes 128 KB."""
LOOK_BACK = 5000
"""Publications may be seen out of order where a closer took over from another: so many numbers
before the newest are looked at again.
"""
LOOK_AGAIN_SECONDS = 600.0
SLOW_INSERT_SECONDS = 60
"""Evidence may be seen so much later than the time that stands beside it."""
MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class _Told:
    """The newest publication of a window, in a shard or in the house."""

    publications: int
    generation: int
    sealed: bool
    arrivals: int
    rows: int
    late: int
    closed_s: int


@dataclass(frozen=True, slots=True)
class _Due:
    """A window that all shards have published: what each told last, in their order."""

    window: int
    parts: Sequence[_Told]
    ours: _Told | None

    @property
    def publications(self) -> int:
        """Of all shards together. The house keeps how many it has summed."""
        return sum(part.publications for part in self.parts)

    @property
    def sealed(self) -> bool:
        """Whether all shards have sealed it."""
        return all(part.sealed for part in self.parts)

    @property
    def generations(self) -> tuple[int, ...]:
        """What there is to be summed."""
        return tuple(part.generation for part in self.parts)

    @property
    def is_new(self) -> bool:
        """Whether any shard published it since it was summed."""
        return self.ours is None or self.publications > self.ours.arrivals


class Summer:
    """Sums and publishes what shards published. Idempotent: killed anywhere, the next one finds the
    same windows. A shard that does not answer ends a step: nothing is published without it.
    """

    def __init__(self, shards: Shards, numbers: Numbers, settings: ClosingSettings) -> None:
        self._house, self._stores = shards.house, shards.stores
        self._numbers, self._settings = numbers, settings
        self._closer = Closer(shards.house, numbers, settings)  # rolls and sweeps
        self._after = [0] * len(self._stores)
        self._looked: float | None = None
        self._held: set[int] = set()
        self._generations: dict[int, tuple[int, ...]] = {}

    def step(self, *, whole: bool = False) -> Closed:
        """Sum batch by batch for `work_seconds`, the oldest windows first; at least one batch.
        `whole`: all that is due, however long it takes.
        """
        begun = monotonic_seconds()
        newest, due = self._due()
        left, published, sealed = len(due), 0, []
        held: set[int] = set()
        waiting = due
        while waiting and (
            whole or left == len(due) or monotonic_seconds() - begun < self._settings.work_seconds
        ):
            batch, waiting = waiting[:BATCH_WINDOWS], waiting[BATCH_WINDOWS:]
            done = self._sum(batch)
            left -= len(batch)
            published += len(done)
            sealed += [entry.window for entry in done if entry.sealed]
            held |= {entry.window for entry in batch} - {entry.window for entry in done}
        self._held = held | {entry.window for entry in waiting}
        self._after = newest
        watermark = watermark_of(self._house.ask("watermark_states"))
        return Closed(published, len(sealed), left, watermark, max(sealed, default=None))

    def roll_hours(self, until: float) -> int:
        """As the closer's, of the house."""
        return self._closer.roll_hours(until)

    def sweep(self) -> bool:
        """As the closer's, of the house."""
        return self._closer.sweep()

    def _due(self) -> tuple[list[int], list[_Due]]:
        """How far each shard has published, and the windows to be summed, the oldest first."""
        now = monotonic_seconds()
        if self._looked is None or now - self._looked >= LOOK_AGAIN_SECONDS:
            self._after, self._looked = [0] * len(self._stores), now
        by_store, newest = [], []
        for store, after in zip(self._stores, self._after, strict=True):
            rows = store.ask_here("shard_windows", {"after": max(0, after - LOOK_BACK)})
            newest.append(max((int(row["newest"]) for row in rows), default=after))
            by_store.append(_by_window(rows))
        windows = self._held.union(*by_store)
        parts = [
            {**of_store, **_only(store, windows - of_store.keys())}
            for store, of_store in zip(self._stores, by_store, strict=True)
        ]
        ours = _only(self._house, windows)
        due = [
            _Due(window, [part[window] for part in parts], ours.get(window))
            for window in sorted(windows)
            if all(window in part for part in parts)
        ]
        return newest, [entry for entry in due if entry.is_new]

    def _sum(self, batch: Sequence[_Due]) -> list[_Due]:
        """Publish these windows; those that are done. One that a shard published anew meanwhile is
        left for the next step: its old rows may be swept away while they are read.
        """
        counted = [
            entry for entry in batch if self._generations.get(entry.window) != entry.generations
        ]
        generation = self._numbers.draw()
        if counted:
            self._write(counted, generation)
        moved = self._moved(counted)
        done = [entry for entry in batch if entry.window not in moved]
        now = {entry.window for entry in counted} - moved
        rows = [
            (0, entry.window, generation if entry.window in now else _generation(entry), entry)
            for entry in done
        ]
        self._publish(rows, generation, sorted(now))
        if len(self._generations) > MOST_KNOWN:
            self._generations.clear()
        self._generations |= {entry.window: entry.generations for entry in done}
        return done

    def _write(self, batch: Sequence[_Due], generation: int) -> None:
        """Rows of a generation that nothing names yet; and what is under no generation."""
        due = [entry.window for entry in batch]
        edges, seen = [], []
        for number, store in enumerate(self._stores):
            asked = {"due": due, "generations": [entry.generations[number] for entry in batch]}
            edges.append(store.columns_here("shard_edges", asked))
            seen.append(store.columns_here("shard_sightings", asked))
            self._house.insert_here(
                "violations", _stored(store.columns_here("shard_violations", {"due": due}))
            )
            since = min(entry.parts[number].closed_s for entry in batch) - SLOW_INSERT_SECONDS
            hours = sorted({window // HOUR * HOUR for window in due})
            kept = store.columns_here("shard_evidence", {"hours": hours, "since": max(0, since)})
            self._house.insert_here("evidence", _stored(kept))
        self._house.insert_here("edge_windows", summed(edges, EDGES, generation))
        self._house.insert_here("sightings", summed(seen, SEEN, generation))

    def _moved(self, batch: Sequence[_Due]) -> set[int]:
        """Windows of which a shard's rows may have gone while they were read."""
        windows = {entry.window for entry in batch}
        moved: set[int] = set()
        for number, store in enumerate(self._stores):
            now = _only(store, windows)
            moved |= {
                entry.window
                for entry in batch
                if entry.window not in now
                or now[entry.window].generation != entry.generations[number]
            }
        return moved

    def _publish(
        self, rows: Sequence[tuple[int, int, int, _Due]], generation: int, counted: list[int]
    ) -> None:
        if not rows:
            return
        columns: list[Published] = [
            (
                level,
                window,
                number,
                int(entry.sealed),
                entry.publications,
                sum(part.rows for part in entry.parts),
                sum(part.late for part in entry.parts),
                min(part.closed_s for part in entry.parts),
            )
            for level, window, number, entry in rows
        ]
        columns += rolled_anew(self._house, counted, generation, columns[0][-1])
        table = publications(columns, self._numbers.publish_number())
        self._house.insert_here("windows", table)
        self._house.forget_answers()


def _generation(entry: _Due) -> int:
    """Under which it is published already."""
    assert entry.ours is not None
    return entry.ours.generation


def _by_window(rows: Sequence[Mapping[str, int]]) -> dict[int, _Told]:
    return {
        int(row["window"]): _Told(
            int(row["publications"]),
            int(row["generation"]),
            bool(row["sealed"]),
            int(row["arrivals"]),
            int(row["rows"]),
            int(row["late"]),
            int(row["closed_s"]),
        )
        for row in rows
    }


def _only(store: Store, windows: set[int]) -> dict[int, _Told]:
    """What a store published of these windows."""
    told: dict[int, _Told] = {}
    ordered = sorted(windows)
    for at in range(0, len(ordered), ASKED_AT_ONCE):
        asked = {"only": ordered[at : at + ASKED_AT_ONCE]}
        told |= _by_window(store.ask_here("shard_windows", asked, given={"only"}))
    return told


def _stored(rows: pa.Table) -> pa.Table:
    """Rows as they were read, ready to be written: texts as texts, whatever the engine calls
    them.
    """
    columns = {}
    for name in rows.column_names:
        column = rows.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_binary(column.type):
            column = column.cast(pa.string())
        columns[name] = column
    return pa.table(columns)
