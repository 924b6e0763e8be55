"""Halves to published windows: read here what the store's one closer does every few seconds."""

import threading
from datetime import datetime

from monitor import telemetry
from monitor.clock import Clock
from monitor.control.turn import Done, Turn, in_turns
from monitor.edges.closing import ClosingSettings
from monitor.joining.closing import Closed, Closer, Numbers
from monitor.store import Store
from monitor.telemetry import HealthBoard


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
) -> None:
    """Close windows until told to stop; only while it is this process's `turn` to be the store's closer."""
    closer = Closer(store, numbers, settings)
    last_sweep = clock().timestamp()

    def step(now: datetime) -> Done:
        nonlocal last_sweep
        done = closer.step()
        if not done.left and done.watermark is not None:
            closer.roll_hours(done.watermark - settings.seal_after)
        if now.timestamp() - last_sweep > sweep_seconds and closer.sweep():
            last_sweep = now.timestamp()
        return _told(done)

    in_turns("windows", "closes the windows", step, turn=turn, stop=stop, board=board, clock=clock, tick_seconds=tick_seconds)


def _told(done: Closed) -> Done:
    if done.watermark is not None:
        telemetry.WATERMARK.labels("windows").set(done.watermark)
    if done.newest_sealed is not None:
        telemetry.LAST_SEALED.set(done.newest_sealed)
    reason = f"catching up: {done.left} windows wait to be closed" if done.left else ""
    details = {"published": done.published, "sealed": done.sealed, "waiting": done.left, "watermark": done.watermark}
    return Done(reason, details, more=bool(done.left))
