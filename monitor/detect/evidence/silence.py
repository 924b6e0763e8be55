"""A new version that is there and never answers, while its siblings, minute by minute, do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model.edges import Sighting

ALWAYS_SILENT = 0.98
"""Under the alternative an instance stays silent in a window with this probability."""


@dataclass(frozen=True, slots=True)
class SilenceTest:
    """`log_e` against chance: an instance of the old version is silent in a window as often as the
    old ones were.

    `instances` and `windows` are of the new version while siblings answered; `chance` is the
    probability that all these instance-windows were silent by chance.
    """

    windows: int
    instances: int
    new_calls: int
    old_calls: int
    presence: float
    chance: float
    log_e: float
    first: float | None
    last: float | None


def silence_test(
    sightings: Sequence[Sighting],
    service: str,
    new_version: str,
    old_version: str,
    since: float,
    last: int,
) -> SilenceTest:
    """Per window and instance of the new version, over the last `last` windows in which it was
    seen; all since `since` (seconds).
    """
    new: dict[float, dict[str, int]] = {}
    old: dict[float, dict[str, int]] = {}
    for sighting in sightings:
        stamp = sighting.window.timestamp()
        if (
            sighting.service == service
            and stamp >= since
            and sighting.version in (new_version, old_version)
        ):
            side = new if sighting.version == new_version else old
            seen = side.setdefault(stamp, {})
            seen[sighting.instance] = seen.get(sighting.instance, 0) + sighting.server_calls
    windows = sorted(new.keys() & old.keys())[-last:]
    log_chance = 0.0
    presences: list[float] = []
    held: dict[str, float] = {}
    for stamp in windows:
        siblings = list(old[stamp].values())
        answering = sum(calls > 0 for calls in siblings)
        presence = answering / (len(siblings) + 1.0) if answering else 0.0
        presences.append(presence)
        for instance, calls in new[stamp].items():
            quiet = 1.0 - presence
            log_chance += np.log(max(quiet, 1e-300)) if calls == 0 else 0.0
            # it stood ready: silence begins anew, at odds that it should; its siblings may be gone
            # by now
            if calls:
                held[instance] = min(held.get(instance, 0.0), 0.0) + np.log(1.0 - ALWAYS_SILENT)
            else:
                held[instance] = held.get(instance, 0.0) + (
                    np.log(ALWAYS_SILENT / quiet) if presence > 0 else 0.0
                )
    log_e = sum(held.values())
    # whoever answers by now stood ready, and is not silent
    if windows and all(new[windows[-1]].values()):
        log_e = min(log_e, 0.0)
    return SilenceTest(
        windows=len(windows),
        instances=len(held),
        new_calls=sum(sum(new[stamp].values()) for stamp in windows),
        old_calls=sum(sum(old[stamp].values()) for stamp in windows),
        presence=float(np.mean(presences)) if presences else 0.0,
        chance=float(np.exp(log_chance)),
        log_e=float(log_e),
        first=windows[0] if windows else None,
        last=windows[-1] if windows else None,
    )
