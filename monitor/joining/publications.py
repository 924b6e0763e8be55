"""Publishing windows: the rows that make a generation visible, and hours summed anew for them."""

from collections.abc import Sequence

import pyarrow as pa

from monitor.errors import LeaseLost
from monitor.store import Store

HOUR = 3600
Published = tuple[int, int, int, int, int, int, int, int]
"""Level (0: window, 1: hour), its first second, generation, sealed, arrivals or publications
counted, rows, late rows, and when it was closed, in s.
"""


def publications(rows: Sequence[Published], seq: int | None) -> pa.Table:
    """Rows of the table `windows` under one publish number. LeaseLost where there is none."""
    if seq is None:
        raise LeaseLost(
            "another process has closed windows since this one's lease ran out; what this one had not published yet is left to it"
        )
    level, window, generation, sealed, arrivals, count, late, closed = zip(*rows, strict=True)
    table = {
        "seq": pa.array([seq] * len(rows), pa.uint64()),
        "level": pa.array(level, pa.uint8()),
        "window": pa.array(window, pa.uint32()),
        "generation": pa.array(generation, pa.uint64()),
        "sealed": pa.array(sealed, pa.uint8()),
        "arrivals": pa.array(arrivals, pa.uint64()),
        "rows": pa.array(count, pa.uint64()),
        "late": pa.array(late, pa.uint64()),
        "closed_at": pa.array([seconds * 1000 for seconds in closed], pa.int64()).cast(
            pa.timestamp("ms", "UTC")
        ),
    }
    return pa.table(table)


def roll(store: Store, hour: int, generation: int, fresh: Sequence[int]) -> None:
    """Sum an hour of what is published, and of `fresh` windows under this generation."""
    what = {"hour": hour, "generation": generation, "fresh": list(fresh)}
    for statement in ("roll_hour", "roll_sightings"):
        store.execute(statement, what, repeatable=False)


def rolled_anew(
    store: Store, windows: Sequence[int], generation: int, closed_s: int
) -> list[Published]:
    """Hours that were summed before these windows changed, summed again; their rows."""
    hours = sorted({window // HOUR * HOUR for window in windows})
    rows: list[Published] = []
    for row in store.ask("rolled_hours", {"hours": hours}) if hours else ():
        hour = int(row["hour"])
        fresh = [window for window in windows if window // HOUR * HOUR == hour]
        roll(store, hour, generation, fresh)
        rows.append((1, hour, generation, 1, 0, 0, 0, closed_s))
    return rows
