"""Halves to published windows: read here what the store's one closer does every few seconds, and
what becomes of the windows that several shards closed.
"""

import threading
from datetime import datetime

from monitor import telemetry
from monitor.clock import Clock, monotonic_seconds
from monitor.control.turn import Done, Turn, in_turns
from monitor.edges.closing import ClosingSettings
from monitor.joining.closing import Closed, Closer, Numbers
from monitor.joining.summing import Summer
from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store
from monitor.store.shards import Shards
from monitor.telemetry import HealthBoard

LOOK_SECONDS = 1.0


def windows(
    store: Store,
    numbers: Numbers,
    settings: ClosingSettings,
    *,
    stop: threading.Event,
    turn: Turn,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float = 5.0,
    sweep_seconds: float = 600.0,
    shard: int = 0,
) -> None:
    """Close windows until told to stop; only while it is this process's `turn` to be the store's
    closer. `shard`: the store is this one of several, and its hours are summed in their house.

    A step is taken when a collector of this process has written a batch, or else when the next
    window may be shown, so that it waits for nothing; what is to be sealed is sealed with it.
    """
    _in_turns(
        Closer(store, numbers, settings),
        store.news,
        settings,
        f"windows-{shard}" if shard else "windows",
        f"closes the windows of shard {shard}" if shard else "closes the windows",
        rolls=not shard,
        stop=stop,
        turn=turn,
        board=board,
        clock=clock,
        tick_seconds=tick_seconds,
        sweep_seconds=sweep_seconds,
    )


def summed_windows(
    shards: Shards,
    numbers: Numbers,
    settings: ClosingSettings,
    *,
    stop: threading.Event,
    turn: Turn,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float = 2.0,
    sweep_seconds: float = 600.0,
) -> None:
    """Sum and publish what the shards published until told to stop; only while it is this
    process's `turn`.
    """
    _in_turns(
        Summer(shards, numbers, settings),
        shards.house.news,
        settings,
        "windows",
        "sums the windows of the shards",
        rolls=True,
        stop=stop,
        turn=turn,
        board=board,
        clock=clock,
        tick_seconds=tick_seconds,
        sweep_seconds=sweep_seconds,
    )


def _in_turns(
    closer: Closer | Summer,
    news: threading.Event,
    settings: ClosingSettings,
    component: str,
    work: str,
    *,
    rolls: bool,
    stop: threading.Event,
    turn: Turn,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float,
    sweep_seconds: float,
) -> None:
    last_sweep = clock().timestamp()

    def step(now: datetime) -> Done:
        nonlocal last_sweep
        news.clear()
        done = closer.step()
        if rolls and not done.left and done.watermark is not None:
            closer.roll_hours(done.watermark - settings.seal_after)
        if now.timestamp() - last_sweep > sweep_seconds and closer.sweep():
            last_sweep = now.timestamp()
        pause = tick_seconds
        if isinstance(closer, Closer):
            pause = _pause(now.timestamp(), settings.provisional_after, tick_seconds)
        return _told(done, pause)

    in_turns(
        component,
        work,
        step,
        turn=turn,
        stop=stop,
        board=board,
        clock=clock,
        tick_seconds=tick_seconds,
        wait=lambda seconds: _wait(news, stop, seconds),
    )


def _wait(news: threading.Event, stop: threading.Event, seconds: float) -> None:
    """Until there is news, or so long; with one look a second at most."""
    until = monotonic_seconds() + seconds
    stop.wait(min(seconds, LOOK_SECONDS))
    while not stop.is_set() and (left := until - monotonic_seconds()) > 0:
        if news.wait(min(left, LOOK_SECONDS)):
            return


def _pause(now: float, provisional_after: float, tick_seconds: float) -> float:
    """Seconds until a window may be shown and its last batch is written; two ticks at most."""
    left = (provisional_after + LOOK_SECONDS - now) % WINDOW_SECONDS
    return min(max(left, LOOK_SECONDS), 2 * tick_seconds)


def _told(done: Closed, pause: float) -> Done:
    if done.watermark is not None:
        telemetry.WATERMARK.labels("windows").set(done.watermark)
    if done.newest_sealed is not None:
        telemetry.LAST_SEALED.set(done.newest_sealed)
    reason = f"catching up: {done.left} windows wait to be closed" if done.left else ""
    details = {
        "published": done.published,
        "sealed": done.sealed,
        "waiting": done.left,
        "watermark": done.watermark,
    }
    return Done(reason, details, more=bool(done.left), pause=pause)
