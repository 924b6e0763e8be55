"""Halves to published windows: one closer per store joins, counts and publishes what the collectors wrote."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import structlog

from monitor import telemetry
from monitor.clock import Clock
from monitor.edges.closing import ClosingSettings, Plan, WindowState, plan_closing, sealed_now, watermark_of
from monitor.errors import MonitorError, StoreError
from monitor.store import Store
from monitor.telemetry import HealthBoard, Report

log = structlog.get_logger(__name__)

HOUR = 3600
LEARN_FROM_EVERY = 16
SMALL_RUN_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a closer's numbers come from: a sequence of the control store, never reused, and a check that the lease is still ours.

    `draw()` gives the next number; `publish_number()` gives one too, but only while the lease is held, else None.
    """

    draw: Callable[[], int]
    publish_number: Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Closed:
    """What one step did: windows published, sealed, and the event time it saw."""

    published: int
    sealed: int
    watermark: float | None
    newest_sealed: int | None


class Closer:
    """Closes dirty windows and publishes them. Idempotent: killed anywhere, the next one closes the same windows again."""

    def __init__(self, store: Store, numbers: Numbers, settings: ClosingSettings) -> None:
        self._store = store
        self._numbers = numbers
        self._settings = settings
        self._sweep_bound = 0

    def step(self, *, finish: bool = False) -> Closed:
        """Close, publish and seal what is due. `finish`: nothing more will come, close and seal everything.

        Order: a generation is drawn before anything is read; rows are written under it; last, one insert into `windows`
        publishes them all. A reader that took its sequence before sees nothing of it.
        """
        watermark = watermark_of(self._store.ask("watermark_states"))
        plan = plan_closing(self._states(), watermark, self._settings, finish=finish)
        if plan.close:
            plan = self._with_counterparts(plan)
        sealing = self._seal(plan)
        published = self._close(plan, watermark, finish=finish) if plan.close else 0
        newest = max(
            (s.window for s in [*plan.seal, *plan.close] if sealed_now(s, watermark, self._settings, finish=finish)), default=None
        )
        return Closed(published, sealing, watermark, newest)

    def roll_hours(self, until: float) -> int:
        """Sum sealed hours that ended before `until` (s since the epoch) into edge_hours; how many."""
        hours = [int(row["hour"]) for row in self._store.ask("hours_to_roll", {"until": int(until)})]
        for hour in hours:
            generation = self._numbers.draw()
            self._store.execute("roll_hour", {"hour": hour, "generation": generation, "fresh": []}, repeatable=False)
            self._publish([(1, hour, generation, 1, 0, 0, 0)])
        return len(hours)

    def sweep(self) -> None:
        """Delete superseded and never published generations, but none younger than the last sweep: a reader may be at them."""
        bound, self._sweep_bound = self._sweep_bound, self._numbers.draw()
        if bound:
            for table in ("edge_windows", "sightings", "shape_counts", "edge_hours"):
                self._store.execute(f"sweep_{table}", {"bound": bound})

    def _states(self, also: Sequence[int] = ()) -> list[WindowState]:
        rows = self._store.ask("window_states", {"also": list(also)})
        first = [WindowState(**{**row, "sealed": bool(row["sealed"])}) for row in rows]
        known = {state.window for state in first}
        near = {w + step for s in first if s.dirty for w, step in ((s.window, -10), (s.window, 10))} - known
        return self._states([*also, *sorted(near)]) if near - set(also) else first

    def _with_counterparts(self, plan: Plan) -> Plan:
        """Also close the windows that hold the other ends of messages which came after their closing."""
        others: set[int] = set()
        for run in plan.runs:
            others |= {
                int(row["window"]) for row in self._store.ask("counterpart_windows", {"first": run.first, "last": run.last})
            }
        others -= {state.window for state in plan.close}
        if not others:
            return plan
        states = [
            WindowState(**{**row, "sealed": bool(row["sealed"])})
            for row in self._store.ask("window_states", {"also": sorted(others)})
        ]
        forced = [s for s in states if s.window in others and s.seen and not s.faded(self._settings.halves_kept)]
        touched = {s.window for s in [*plan.close, *forced]}
        close = sorted([*plan.close, *forced], key=lambda s: s.window)
        again = plan_closing([_as_dirty(s) for s in close], None, self._settings, finish=True)
        return Plan(close, again.runs, [s for s in plan.seal if s.window not in touched])

    def _close(self, plan: Plan, watermark: float | None, *, finish: bool) -> int:
        generation = self._numbers.draw()
        total = sum(state.rows for state in plan.close)
        held: list[set[str]] = []
        for run in plan.runs:
            span = {"first": run.first, "last": run.last}
            every = LEARN_FROM_EVERY if total > SMALL_RUN_ROWS else 1
            self._store.execute("learn_addresses", {**span, "every": every})
            (counts,) = self._store.ask("run_contents", span)
            holds = {word for word, count in counts.items() if count}
            held.append(holds)
            for part in range(run.parts):
                slice_of = {**span, "generation": generation, "part": part, "parts": run.parts}
                self._store.execute("close_windows", slice_of, given=holds, repeatable=False)
                if "messages" in holds:
                    self._store.execute("close_messages", slice_of, given=holds, repeatable=False)
                if "exchanges" in holds:
                    self._store.execute("close_logs", slice_of, repeatable=False)
            self._store.execute("close_sightings", {**span, "generation": generation}, given=holds, repeatable=False)
            if "exchanges" in holds:
                self._store.execute("close_shapes", {**span, "generation": generation}, repeatable=False)
            if "violations" in holds:
                self._store.execute("pair_violations", span)
        rows = []
        for state in plan.close:
            late = state.late + (state.rows - state.rows_seen if state.sealed else 0)
            telemetry.LATE.inc(late - state.late)
            sealed = int(sealed_now(state, watermark, self._settings, finish=finish))
            rows.append((0, state.window, generation, sealed, state.arrivals, state.rows, late))
        hours = sorted({state.window // HOUR * HOUR for state in plan.close})
        fresh = [state.window for state in plan.close]
        for row in self._store.ask("rolled_hours", {"hours": hours}):
            hour = int(row["hour"])
            mine = [window for window in fresh if window // HOUR * HOUR == hour]
            self._store.execute("roll_hour", {"hour": hour, "generation": generation, "fresh": mine}, repeatable=False)
            rows.append((1, hour, generation, 1, 0, 0, 0))
        self._publish(rows)
        for run, holds in zip(plan.runs, held, strict=True):
            self._store.execute("keep_evidence", {"first": run.first, "last": run.last, "generation": generation}, given=holds)
        telemetry.WINDOWS_CLOSED.inc(len(plan.close))
        return len(plan.close)

    def _seal(self, plan: Plan) -> int:
        """Publish again, unchanged, the windows that have passed their lateness bound."""
        if not plan.seal:
            return 0
        rows = [(0, s.window, s.generation, 1, s.seen, s.rows_seen, s.late) for s in plan.seal]
        self._publish(rows)
        return len(rows)

    def _publish(self, rows: Sequence[tuple[int, int, int, int, int, int, int]]) -> None:
        seq = self._numbers.publish_number()
        if seq is None:
            raise StoreError("another closer has taken over the lease; this one published nothing and stops")
        level, window, generation, sealed, arrivals, count, late = zip(*rows, strict=True)
        table = {
            "seq": pa.array([seq] * len(rows), pa.uint64()),
            "level": pa.array(level, pa.uint8()),
            "window": pa.array(window, pa.uint32()),
            "generation": pa.array(generation, pa.uint64()),
            "sealed": pa.array(sealed, pa.uint8()),
            "arrivals": pa.array(arrivals, pa.uint64()),
            "rows": pa.array(count, pa.uint64()),
            "late": pa.array(late, pa.uint64()),
        }
        self._store.insert("windows", pa.table(table))


def _as_dirty(state: WindowState) -> WindowState:
    """The state as if something had come, so that planning takes it as it is."""
    return WindowState(
        state.window,
        state.seen + 1,
        state.rows,
        state.now_s,
        state.seen,
        state.rows_seen,
        state.late,
        state.sealed,
        state.generation,
        0,
        state.now_s,
    )


def windows(
    store: Store,
    numbers: Numbers,
    settings: ClosingSettings,
    *,
    stop: threading.Event,
    keep_lease: Callable[[], bool],
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float = 5.0,
    sweep_seconds: float = 600.0,
) -> None:
    """Close windows until told to stop; only while `keep_lease` says that this process is the store's closer."""
    closer = Closer(store, numbers, settings)
    last_sweep = clock().timestamp()
    while not stop.is_set():
        now = clock()
        if not keep_lease():
            board.report(Report("windows", True, "another process closes the windows", now))
        else:
            try:
                done = closer.step()
                if done.watermark is not None:
                    closer.roll_hours(done.watermark - settings.seal_after)
                    telemetry.WATERMARK.labels("windows").set(done.watermark)
                if done.newest_sealed is not None:
                    telemetry.LAST_SEALED.set(done.newest_sealed)
                if now.timestamp() - last_sweep > sweep_seconds:
                    closer.sweep()
                    last_sweep = now.timestamp()
            except MonitorError as error:
                log.warning("closing failed; it is tried again", error=str(error))
                board.report(Report("windows", False, str(error), now))
            else:
                board.report(
                    Report(
                        "windows",
                        True,
                        "",
                        now,
                        {"published": done.published, "sealed": done.sealed, "watermark": done.watermark},
                    )
                )
        stop.wait(tick_seconds)
