"""Which windows to close now, in which order and company. Pure: states in, a plan out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.model.edges import WINDOW_SECONDS

NEWEST_SECONDS = 60
"""The windows that a person looks at now."""
LAG_SECONDS = 1.0
"""So far before a window's end event time may stand when it is first shown, where it goes on with
the clock: it is what 95 % of a batch ended by, some 3 s before what exporters flushed last.
"""
NEARLY_FULL = 0.8


@dataclass(frozen=True, slots=True)
class ClosingSettings:
    """Seconds unless said.

    A batch of windows is closed and published together: it reads `batch_rows` rows at most, and
    costs its fixed part once, so it holds up to `batch_windows` windows when they are thin: with
    their neighbours these are 10,000 numbers in a statement's parameter, and a server takes 128
    KB. A single window above `part_rows` is split by trace. `work_seconds` is how long a step goes
    on taking batches. While more is due than one batch holds, a window that was closed before
    waits `backlog_patience` times as long before it is closed again. One that is not sealed yet is
    closed again when it is sealed, or after `provisional_patience` when that takes longer.
    """

    provisional_after: float = 4.0
    seal_after: float = 60.0
    close_again_after: float = 30.0
    provisional_patience: float = 120.0
    batch_rows: int = 200_000
    batch_windows: int = 2000
    part_rows: int = 1_000_000
    work_seconds: float = 5.0
    backlog_patience: float = 4.0
    halves_kept: float = 3 * 86400.0


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window that batches touched: what arrived, and what its last publishing had seen (zeros
    when never).
    """

    window: int
    arrivals: int
    rows: int
    oldest_ingested_s: int
    newest_arrival_s: int
    seen: int
    rows_seen: int
    late: int
    sealed: bool
    generation: int
    closed_s: int
    """When it was last closed, by the store's clock: before its halves were read."""
    now_s: int
    settled: bool = False
    """Nothing came to it or to its neighbours since it was closed, as its closer knows."""

    @property
    def dirty(self) -> bool:
        """Rows came since it was closed, or it was never closed."""
        return self.arrivals > self.seen

    @property
    def is_young(self) -> bool:
        """It ended so lately that spans of its calls may be under way while their logs are here."""
        return self.now_s - self.window - WINDOW_SECONDS < NEWEST_SECONDS

    def outdates(self, other: "WindowState") -> bool:
        """Rows came here that the last closing of the other window may not have seen: arrivals are
        told of after their rows are there.
        """
        return not other.settled and self.newest_arrival_s >= other.closed_s

    def faded(self, halves_kept: float) -> bool:
        """Its first halves may be gone by now, so closing it again would lose them."""
        return bool(self.seen) and self.now_s - self.oldest_ingested_s > 0.9 * halves_kept


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows that one set of statements closes and publishes; `parts` > 1 when they hold more
    rows than one may read.
    """

    states: Sequence[WindowState]
    parts: int

    @property
    def due(self) -> list[int]:
        """The windows to close (s since the epoch)."""
        return [state.window for state in self.states]

    @property
    def near(self) -> list[int]:
        """Where their calls' other halves may stand: they and their neighbours."""
        return _around(self.due, 1)

    @property
    def around(self) -> list[int]:
        """Where copies of those halves may stand."""
        return _around(self.due, 2)

    @property
    def rows(self) -> int:
        """How many halves and exchanges arrived in them."""
        return sum(state.rows for state in self.states)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to close, batch by batch in this order, and what only to seal."""

    batches: Sequence[Batch]
    seal: Sequence[WindowState]


def watermark_of(
    rows: Iterable[Mapping[str, int]], stale_seconds: float = 120.0, replaced_seconds: float = 15.0
) -> float | None:
    """The event time that all live partitions have reached, in seconds; None when none is known.

    A partition that nobody has spoken of for `stale_seconds` less than the newest word (a broker
    or topic that is no more) does not hold the others back, nor, after `replaced_seconds`, one of
    a topic that another source has taken the place of (a broker or topic made anew); nor does a
    replayed file, whose windows are closed when it ends.
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
        and row["seen_ms"]
        >= spoken[row.get("topic"), row.get("partition")] - replaced_seconds * 1e3
    ]
    return min(live) / 1e3


def plan_closing(
    states: Iterable[WindowState],
    watermark: float | None,
    settings: ClosingSettings,
    *,
    finish: bool = False,
) -> Plan:
    """Decide. A row in w dirties w-1, w and w+1. A window is closed once provisionally; once more
    when it is sealed, if anything came to it or to its neighbours since; and after that whenever
    something comes. `finish`: nothing more will come, close and seal all.

    The newest windows come first where they are of now, since a person waits for them; then the
    oldest and so on.
    """
    by_window = {state.window: state for state in states}

    def ended(state: WindowState, after: float) -> bool:
        return finish or (
            watermark is not None and state.window + WINDOW_SECONDS + after <= watermark
        )

    def shown(state: WindowState) -> bool:
        """Event time, or where it goes on with the clock this one, has passed the end by enough.
        By its own rule the watermark lags: what exporters flush every 5 s ends 1 to 4 s before.
        What they flush later is counted when the window is sealed.
        """
        since = state.now_s - state.window - WINDOW_SECONDS
        live = settings.provisional_after <= since <= NEWEST_SECONDS and ended(state, -LAG_SECONDS)
        return live or ended(state, settings.provisional_after)

    dirty = [
        state
        for state in by_window.values()
        if state.dirty and shown(state) and not state.faded(settings.halves_kept)
    ]
    backlog = (
        sum(state.rows for state in dirty) > settings.batch_rows
        or len(dirty) > settings.batch_windows
    )
    patience = settings.close_again_after * (settings.backlog_patience if backlog else 1.0)

    def is_provisional(state: WindowState) -> bool:
        return (
            not finish
            and state.seen > 0
            and not state.sealed
            and not ended(state, settings.seal_after)
        )

    def waits(state: WindowState) -> bool:
        longest = (
            max(patience, settings.provisional_patience) if is_provisional(state) else patience
        )
        return (
            not finish
            and state.seen > 0
            and state.now_s - state.closed_s < longest
            and (state.sealed or is_provisional(state))
        )

    def neighbours(state: WindowState) -> list[WindowState]:
        windows = (state.window - WINDOW_SECONDS, state.window + WINDOW_SECONDS)
        near = [by_window[window] for window in windows if window in by_window]
        return [neighbour for neighbour in near if not neighbour.faded(settings.halves_kept)]

    due: dict[int, WindowState] = {}
    for state in dirty:
        if not waits(state):
            due[state.window] = state
            due |= {
                near.window: near
                for near in neighbours(state)
                if (near.seen or shown(near)) and state.outdates(near) and not is_provisional(near)
            }
    # its neighbours may be clean again by now, and what came to them unseen by this one
    for state in by_window.values():
        ripe = (
            state.seen
            and not state.sealed
            and ended(state, settings.seal_after)
            and not state.faded(settings.halves_kept)
        )
        if ripe and any(near.outdates(state) for near in neighbours(state)):
            due[state.window] = state
    seal = [
        state
        for state in by_window.values()
        if state.seen
        and not state.sealed
        and state.window not in due
        and ended(state, settings.seal_after)
    ]
    fresh = math.inf if watermark is None or finish else watermark - 2 * NEWEST_SECONDS
    batches = cut([due[window] for window in sorted(due)], settings, fresh)
    if batches and batches[-1].due[-1] >= fresh:
        batches = [batches[-1], *batches[:-1]]
    return Plan(batches, seal)


def cut(
    states: Sequence[WindowState], settings: ClosingSettings, fresh: float = math.inf
) -> list[Batch]:
    """Windows in order, cut into batches within the bounds; at a gap rather than between
    neighbours, once a batch is nearly full.

    Where there is more than one, the newest minute is a batch alone if it is younger than `fresh`
    (s since the epoch): people wait for it, and it must not wait for the rest.
    """
    if not states:
        return []
    whole = (
        sum(state.rows for state in states) <= settings.batch_rows
        and len(states) <= settings.batch_windows
    )
    newest = states[-1].window - NEWEST_SECONDS if states[-1].window >= fresh else math.inf
    batches: list[list[WindowState]] = [[]]
    rows = 0
    for state in states:
        last = batches[-1]
        share = max(
            (rows + state.rows) / settings.batch_rows, (len(last) + 1) / settings.batch_windows
        )
        apart = bool(last) and state.window != last[-1].window + WINDOW_SECONDS
        turns_new = bool(last) and not whole and last[-1].window <= newest < state.window
        if last and (share > 1.0 or (apart and share > NEARLY_FULL) or turns_new):
            batches.append([])
            rows = 0
        batches[-1].append(state)
        rows += state.rows
    return [
        Batch(group, 1 + sum(state.rows for state in group) // (2 * settings.part_rows))
        for group in batches
    ]


def told_at_seal(
    state: WindowState,
    closing: Iterable[WindowState],
    watermark: float | None,
    settings: ClosingSettings,
) -> bool:
    """Whether a window that holds other ends of what is being closed may wait: it is provisional,
    and rows came next to it that it has not seen, so that it is closed again when it is sealed,
    whoever is the closer by then.
    """
    provisional = (
        not state.sealed
        and watermark is not None
        and state.window + WINDOW_SECONDS + settings.seal_after > watermark
    )
    return provisional and any(
        abs(near.window - state.window) == WINDOW_SECONDS and near.outdates(state)
        for near in closing
    )


def sealed_now(
    state: WindowState, watermark: float | None, settings: ClosingSettings, *, finish: bool = False
) -> bool:
    """Whether a window that is being published has passed its lateness bound."""
    return (
        state.sealed
        or finish
        or (
            watermark is not None
            and state.window + WINDOW_SECONDS + settings.seal_after <= watermark
        )
    )


def _around(windows: Sequence[int], steps: int) -> list[int]:
    """These windows and as many neighbours on either side, in order."""
    return sorted(
        {window + step * WINDOW_SECONDS for window in windows for step in range(-steps, steps + 1)}
    )
