"""The closer joins, counts and publishes what the collectors wrote: one per store."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import structlog

from monitor import telemetry
from monitor.clock import monotonic_seconds
from monitor.edges.closing import (
    NEARLY_FULL,
    Batch,
    ClosingSettings,
    Plan,
    WindowState,
    cut,
    plan_closing,
    sealed_now,
    told_at_seal,
    watermark_of,
)
from monitor.edges.counting.messages import other_ends
from monitor.joining.counting import Counter, Hand, Range
from monitor.joining.publications import HOUR, Published, publications, roll, rolled_anew
from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store

log = structlog.get_logger(__name__)

SWEPT = ("edge_windows", "sightings", "edge_hours", "sighting_hours", "joints")
LOOK_BACK_SECONDS = 600
"""An insert may be seen so much later than the time that stands beside its rows; another process
may have closed windows meanwhile.
"""
LOOK_AGAIN_SECONDS = 600.0
SLOW_INSERT_SECONDS = 2
"""Rows may be seen so much later than the time that stands beside them."""
MOST_MARKS = 10_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a closer's numbers come from: a sequence of the control store, never reused, and a
    check that the lease is unbroken.

    `draw()` gives the next number; `publish_number()` gives one too, but None once another process
    has held the lease.
    """

    draw: Callable[[], int]
    publish_number: Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Closed:
    """What one step did: windows published, sealed, those still due, the event time it saw, and
    the newest window sealed.
    """

    published: int
    sealed: int
    left: int
    watermark: float | None
    newest_sealed: int | None


Progress = Callable[[int, int], object]
"""Told after each batch: windows closed so far, and of how many."""


class Closer:
    """Closes dirty windows and publishes them. Idempotent: killed anywhere, the next one closes
    the same windows again.
    """

    def __init__(
        self,
        store: Store,
        numbers: Numbers,
        settings: ClosingSettings,
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._store = store
        self._numbers = numbers
        self._settings = settings
        self._counter = Counter(store)
        self._seconds = seconds
        self._sweep_bound = self._next_bound = 0
        self._unswept: list[str] = []
        self._open: set[int] = set()
        self._fresh: dict[int, WindowState] = {}
        self._looked: float | None = None
        self._mark = 0
        self._hours_sealed: set[int] = set()
        self._marks: dict[int, int] = {}
        self._hours_looked: float | None = None

    def step(self) -> Closed:
        """Seal what is due, and close and publish batch by batch for `work_seconds`; at least one
        batch, so it always gets on.

        Order: a generation is drawn before anything is read; rows are written under it; last, one
        insert into `windows` publishes the batch. A reader that took its sequence before sees
        nothing of it.
        """
        watermark, plan = self._plan(finish=False)
        return self._carry_out(
            plan, watermark, self._seconds() + self._settings.work_seconds, finish=False
        )

    def finish(self, progress: Progress = lambda _done, _total: None) -> Closed:
        """Nothing more will come: close, publish and seal every window, however long it takes.
        What comes meanwhile stays dirty.
        """
        watermark, plan = self._plan(finish=True)
        return self._carry_out(plan, watermark, math.inf, finish=True, progress=progress)

    def fills_no_batch(self, rows: int) -> bool:
        """Whether so few rows would make a thin batch, each of which has its fixed cost."""
        return rows < NEARLY_FULL * self._settings.batch_rows

    def close_left(self, windows: AbstractSet[int]) -> set[int]:
        """Close those of these windows that fill batches and were not closed by this closer, and
        seal none of them; which. For who reads to an end and has left them behind: their rows are
        still at hand, and `finish` has them to do only where more comes.
        """
        assert self._store.window_log is not None
        self._mark, self._fresh = self._store.window_log.mark(), {}
        self._looked = None  # what came before this mark is looked for anew
        states = [state for state in self._some(windows - self._marks.keys()) if state.dirty]
        closed: set[int] = set()
        for batch in cut(states, self._settings):
            if not self.fills_no_batch(batch.rows):
                for piece, _ in self._close_with_others(batch, None, lambda _: False):
                    closed |= set(piece.due)
        return closed

    def _plan(self, *, finish: bool) -> tuple[float | None, Plan]:
        watermark = watermark_of(self._store.ask("watermark_states"))
        return watermark, plan_closing(
            self._states(everything=finish), watermark, self._settings, finish=finish
        )

    def _carry_out(
        self,
        plan: Plan,
        watermark: float | None,
        until: float,
        *,
        finish: bool,
        progress: Progress = lambda _done, _total: None,
    ) -> Closed:
        waiting = (
            sorted(plan.batches, key=lambda batch: batch.due) if finish else list(plan.batches)
        )
        total = left = sum(len(batch.states) for batch in waiting)
        sealed = [state.window for state in plan.seal if state.window < _unsealed_from(waiting)]
        self._seal([state for state in plan.seal if state.window in set(sealed)])
        self._hours_sealed |= {window // HOUR * HOUR for window in sealed}
        sealings, published = len(sealed), 0
        provisional = None if finish else watermark
        while waiting and (left == total or self._seconds() < until):
            batch = waiting.pop(0)
            # a window is sealed after all older ones: the judge takes what is sealed for the whole
            bound = math.inf if finish else _unsealed_from(waiting)
            ripe_now = partial(self._ripe, bound=bound, watermark=watermark, finish=finish)
            for piece, ripe in self._close_with_others(batch, provisional, ripe_now):
                sealed.extend(ripe)
                self._hours_sealed |= {window // HOUR * HOUR for window in ripe}
                published += len(piece.states)
            left -= len(batch.states)
            progress(total - left, total)
        if finish:  # those that waited for older ones
            rest = [state for state in plan.seal if state.window not in set(sealed)]
            self._seal(rest)
            self._hours_sealed |= {state.window // HOUR * HOUR for state in rest}
            sealed.extend(state.window for state in rest)
            sealings += len(rest)
        return Closed(published, sealings, left, watermark, max(sealed, default=None))

    def _close_with_others(
        self, batch: Batch, provisional: float | None, ripe: Callable[[WindowState], bool]
    ) -> list[tuple[Batch, set[int]]]:
        """Close a batch, and before it the windows with other ends of what is in it; each with the
        windows that were sealed, those which are `ripe`.
        """
        first, closed = self._read(batch), []
        for piece, read in [
            *((other, None) for other in self._counterparts(batch, first, provisional)),
            (batch, first),
        ]:
            sealed = {state.window for state in piece.states if ripe(state)}
            self._close(piece, read or self._read(piece), sealed)
            closed.append((piece, sealed))
        return closed

    def _ripe(
        self, state: WindowState, *, bound: float, watermark: float | None, finish: bool
    ) -> bool:
        return state.window < bound and sealed_now(state, watermark, self._settings, finish=finish)

    def roll_hours(self, until: float) -> int:
        """Sum sealed hours that ended before `until` (s since the epoch) into edge_hours, the
        oldest first and for `work_seconds`, but one at least; how many.
        """
        ended = {hour for hour in self._hours_sealed if hour + HOUR <= until}
        now = self._seconds()
        if (
            not ended
            and self._hours_looked is not None
            and now - self._hours_looked < LOOK_AGAIN_SECONDS
        ):
            return 0
        hours = [
            int(row["hour"]) for row in self._store.ask("hours_to_roll", {"until": int(until)})
        ]
        enough = now + self._settings.work_seconds
        for number, hour in enumerate(hours):
            if number and self._seconds() >= enough:
                return number
            generation = self._numbers.draw()
            roll(self._store, hour, generation, [])
            self._publish([(1, hour, generation, 1, 0, 0, 0, int(until))])
        self._hours_sealed -= ended
        self._hours_looked = now
        return len(hours)

    def sweep(self) -> bool:
        """Delete superseded and never published generations of one table; whether all tables are
        swept.

        None that is younger than the last sweep: a reader may be at them.
        """
        if not self._unswept:
            self._sweep_bound, self._next_bound = self._next_bound, self._numbers.draw()
            self._unswept = list(SWEPT) if self._sweep_bound else []
        if self._unswept:
            self._store.execute(f"sweep_{self._unswept[0]}", {"bound": self._sweep_bound})
            del self._unswept[0]
        return not self._unswept

    def _states(self, *, everything: bool) -> list[WindowState]:
        """States of all windows that are dirty or not sealed, and of their neighbours. All that
        the store knows is looked through at first, and for `everything`; from then on the windows
        that were open at the last look, and those in which anything arrived since.
        """
        now, log = self._seconds(), self._store.window_log
        mark = 0 if log is None else log.mark()
        if everything or self._looked is None:
            states = [self._state(row) for row in self._store.ask("window_states")]
            known = {state.window for state in states}
            states += self._some(_near(known) - known)
        else:
            touched = None if log is None else log.touched_since(self._mark)
            if touched is None:
                lately = {"seconds": int(now - self._looked) + LOOK_BACK_SECONDS}
                touched = {int(row["window"]) for row in self._store.ask("arrived_lately", lately)}
            states = self._some(_near(self._open | touched))
        self._looked, self._mark = now, mark
        self._fresh = {state.window: state for state in states}
        self._open = {state.window for state in states if state.dirty or not state.sealed}
        return states

    def _as_now(self, windows: AbstractSet[int]) -> list[WindowState]:
        """As `_some`; of those that were not published since this step began as it saw them."""
        known = [self._fresh[window] for window in sorted(windows & self._fresh.keys())]
        return sorted(
            known + self._some(windows - self._fresh.keys()), key=lambda state: state.window
        )

    def _some(self, windows: AbstractSet[int]) -> list[WindowState]:
        """States of these windows, those in which anything ever arrived."""
        if not windows:
            return []
        log = self._store.window_log
        rows = (
            self._store.ask("window_states", {"only": sorted(windows)}, given={"only"})
            if log is None
            else log.states(windows)
        )
        return [self._state(row) for row in rows]

    def _state(self, row: Mapping[str, Any]) -> WindowState:
        window = int(row["window"])
        came = self._came_since(window, _near({window})) if row["seen"] else None
        return WindowState(**{**row, "sealed": bool(row["sealed"])}, settled=came == set())

    def _read(self, batch: Batch) -> "_Read":
        """A generation, and then what the store holds of these windows, or of their first part
        where there are several.
        """
        generation = self._numbers.draw()
        ranges = self._counter.ranges(batch)
        hand = self._counter.hand(batch, ranges[0], self._counter.contents(batch))
        return _Read(generation, ranges, [hand])

    def _counterparts(self, batch: Batch, read: "_Read", watermark: float | None) -> list[Batch]:
        """The windows that hold the other ends of messages, or of long calls, which came after
        their closing; but for those that wait for their seal at this `watermark`. They are
        published before the batch: if this process ends in between, the batch is still dirty, and
        the next one finds them again.
        """
        hand = read.hand
        told: dict[int, list[tuple[int, float]]] = {}  # windows due that tell so, and when stored
        if batch.parts > 1 or "long" in hand.holds:
            rows = self._store.ask(
                "counterpart_windows", {"due": batch.due}, given=hand.holds & {"long", "asked"}
            )
            told = {int(row["window"]): [(due, math.inf) for due in batch.due] for row in rows}
        elif hand.ends is not None:
            for (other, due), stored in other_ends(hand.scene, hand.ends).items():
                told.setdefault(other, []).append((due, stored))
        if not told:
            return []
        kept = self._settings.halves_kept
        return cut(
            [
                s
                for s in self._as_now(told.keys())
                if s.seen
                and self._missed(s, told.get(s.window, ()))
                and not s.faded(kept)
                and not told_at_seal(s, batch.states, watermark, self._settings)
            ],
            self._settings,
        )

    def _missed(self, closed: WindowState, told: Iterable[tuple[int, float]]) -> bool:
        """Whether any of these rows, by window and when they were stored, may have come after a
        window was closed: by what this closer knows, or else by the clock.
        """
        came = self._came_since(closed.window, {window for window, _ in told})
        if came is not None:
            return bool(came)
        return any(stored >= closed.closed_s - SLOW_INSERT_SECONDS for _, stored in told)

    def _came_since(self, closed: int, windows: AbstractSet[int]) -> set[int] | None:
        """Of these windows those in which anything arrived since this closer closed that one; None
        where it does not know.
        """
        mark, log = self._marks.get(closed), self._store.window_log
        return None if mark is None or log is None else log.arrived_after(mark, windows)

    def _close(self, batch: Batch, read: "_Read", ripe: AbstractSet[int]) -> None:
        """Close and publish these windows; `ripe` are those to seal."""
        generation, holds, hand = read.generation, read.hand.holds, read.hands.pop()
        whole = {**_where(batch), "generation": generation}
        # what waits is counted at the seal, so one arrival is left to be seen then
        young = {s.window for s in batch.states if s.is_young and s.arrivals > 1} - ripe
        waiting: set[int] = set()
        for number, part in enumerate(read.ranges):
            if number:
                del hand  # what one part takes is free for the next
                hand = self._counter.hand(batch, part, holds)
            edges, waits = self._counter.count(hand, generation, batch.states[0].now_s, young)
            waiting |= waits
            self._store.insert("edge_windows", edges)
            for rows_seen in self._counter.sightings(hand, edges, generation):
                self._store.insert("sightings", rows_seen)
            if hand.joints is not None and "violations" in hand.holds:
                generations = pa.array([generation] * hand.joints.num_rows, pa.uint64())
                self._store.insert("joints", hand.joints.append_column("generation", generations))
            self._counter.keep_evidence(hand, edges)
        if "violations" in hand.holds:
            self._store.execute("pair_violations", whole)
        rows = []
        for state in batch.states:
            late = state.late + (state.rows - state.rows_seen if state.sealed else 0)
            telemetry.LATE.inc(late - state.late)
            sealed = int(state.sealed or state.window in ripe)
            rows.append(
                (
                    0,
                    state.window,
                    generation,
                    sealed,
                    state.arrivals - (state.window in waiting),
                    state.rows,
                    late,
                    state.now_s,
                )
            )
        now_s, mark = batch.states[0].now_s, self._mark
        self._publish(rows + rolled_anew(self._store, batch.due, generation, now_s))
        telemetry.WINDOWS_CLOSED.inc(len(batch.states))
        if len(self._marks) > MOST_MARKS:
            self._marks.clear()
        self._marks |= dict.fromkeys(batch.due, mark)

    def _seal(self, states: Sequence[WindowState]) -> None:
        """Publish again, unchanged, the windows that have passed their lateness bound."""
        if states:
            self._publish(
                [
                    (0, s.window, s.generation, 1, s.seen, s.rows_seen, s.late, s.closed_s)
                    for s in states
                ]
            )

    def _publish(self, rows: Sequence[Published]) -> None:
        for row in rows:
            self._fresh.pop(row[1], None)
        self._store.insert("windows", publications(rows, self._numbers.publish_number()))
        if any(level for level, *_ in rows):
            self._store.forget_answers()


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What was read of the first part of some windows, under a generation drawn before: it alone
    is in `hands`, until it is counted. `ranges`: all parts.
    """

    generation: int
    ranges: Sequence[Range]
    hands: list[Hand]

    @property
    def hand(self) -> Hand:
        return self.hands[0]


def _where(batch: Batch) -> dict[str, list[int]]:
    return {"due": batch.due, "near": batch.near, "around": batch.around}


def _near(windows: AbstractSet[int]) -> set[int]:
    """These windows and their neighbours."""
    return {window + step for window in windows for step in (-WINDOW_SECONDS, 0, WINDOW_SECONDS)}


def _unsealed_from(batches: Sequence[Batch]) -> float:
    """The oldest window of these that was never sealed; infinity when there is none."""
    return min(
        (state.window for batch in batches for state in batch.states if not state.sealed),
        default=math.inf,
    )
