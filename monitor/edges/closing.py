"""Which windows to close now, in which order and company. Pure: states in, a plan out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.model.edges import WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class ClosingSettings:
    """Seconds unless said. `rows_a_statement` bounds how much one closing reads; a larger window is split by trace."""

    provisional_after: float = 5.0
    seal_after: float = 60.0
    close_again_after: float = 30.0
    rows_a_statement: int = 1_000_000
    windows_a_statement: int = 30
    halves_kept: float = 3 * 86400.0


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window that batches touched: what arrived, and what its last publishing had seen (zeros when never)."""

    window: int
    arrivals: int
    rows: int
    oldest_ingested_s: int
    seen: int
    rows_seen: int
    late: int
    sealed: bool
    generation: int
    closed_s: int
    now_s: int

    @property
    def dirty(self) -> bool:
        """Rows came since it was closed, or it was never closed."""
        return self.arrivals > self.seen

    def faded(self, halves_kept: float) -> bool:
        """Its first halves may be gone by now, so closing it again would lose them."""
        return bool(self.seen) and self.now_s - self.oldest_ingested_s > 0.9 * halves_kept


@dataclass(frozen=True, slots=True)
class Run:
    """Adjacent windows closed by one statement, `parts` > 1 when they hold more rows than one may read."""

    first: int
    last: int
    parts: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to close (and then publish together), and what only to seal."""

    close: Sequence[WindowState]
    runs: Sequence[Run]
    seal: Sequence[WindowState]


def watermark_of(rows: Iterable[Mapping[str, int]], stale_seconds: float = 120.0, replaced_seconds: float = 15.0) -> float | None:
    """The event time that all live partitions have reached, in seconds; None when none is known.

    A partition that nobody has spoken of for `stale_seconds` less than the newest word (a broker or topic that is no more)
    does not hold the others back, nor, after `replaced_seconds`, one of a topic that another source has taken the place of (a
    broker or topic made anew); nor does a replayed file, whose windows are closed when it ends.
    """
    rows = [row for row in rows if not str(row.get("source_id", "")).startswith("file:")]
    if not rows:
        return None
    newest = max(row["seen_ms"] for row in rows)
    spoken: dict[tuple[object, object], int] = {}
    for row in rows:
        place = (row.get("topic"), row.get("partition"))
        spoken[place] = max(spoken.get(place, 0), row["seen_ms"])
    live = [
        row["watermark_ms"]
        for row in rows
        if row["seen_ms"] >= newest - stale_seconds * 1e3
        and row["seen_ms"] >= spoken[row.get("topic"), row.get("partition")] - replaced_seconds * 1e3
    ]
    return min(live) / 1e3


def plan_closing(
    states: Iterable[WindowState], watermark: float | None, settings: ClosingSettings, *, finish: bool = False
) -> Plan:
    """Decide. A row in w dirties w-1, w and w+1, which are closed together. `finish`: nothing more will come, close and seal all."""
    known = {state.window: state for state in states}

    def ended(state: WindowState, after: float) -> bool:
        return finish or (watermark is not None and state.window + WINDOW_SECONDS + after <= watermark)

    def waits(state: WindowState) -> bool:
        return not finish and state.seen > 0 and state.now_s - state.closed_s < settings.close_again_after

    due: dict[int, WindowState] = {}
    for state in known.values():
        if (
            state.dirty
            and ended(state, settings.provisional_after)
            and not waits(state)
            and not state.faded(settings.halves_kept)
        ):
            for window in (state.window - WINDOW_SECONDS, state.window, state.window + WINDOW_SECONDS):
                near = known.get(window)
                if near and (near.seen or ended(near, settings.provisional_after)) and not near.faded(settings.halves_kept):
                    due[window] = near
    seal = [
        state
        for state in known.values()
        if state.seen and not state.sealed and state.window not in due and ended(state, settings.seal_after)
    ]
    close = [due[window] for window in sorted(due)]
    return Plan(close, _runs(close, settings), seal)


def sealed_now(state: WindowState, watermark: float | None, settings: ClosingSettings, *, finish: bool = False) -> bool:
    """Whether a window that is being published has passed its lateness bound."""
    return state.sealed or finish or (watermark is not None and state.window + WINDOW_SECONDS + settings.seal_after <= watermark)


def _runs(close: Sequence[WindowState], settings: ClosingSettings) -> list[Run]:
    runs: list[Run] = []
    rows = first = last = 0
    for state in close:
        apart = state.window != last + WINDOW_SECONDS
        full = (
            rows + state.rows > settings.rows_a_statement
            or (state.window - first) // WINDOW_SECONDS >= settings.windows_a_statement
        )
        if rows and (apart or full):
            runs.append(_run(first, last, rows, settings))
            rows = 0
        if not rows:
            first = state.window
        rows, last = rows + max(1, state.rows), state.window
    if rows:
        runs.append(_run(first, last, rows, settings))
    return runs


def _run(first: int, last: int, rows: int, settings: ClosingSettings) -> Run:
    return Run(first, last, 1 + rows // (2 * settings.rows_a_statement))
