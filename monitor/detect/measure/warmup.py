"""Calls that fresh instances may have had: slow or timed out, they are no evidence against their
version.

Windows hold calls by version, not by instance, but sightings tell how many calls each instance
answered in each window. Of a version's slow calls as many are set aside as its fresh instances can
have had; what remains is judged. So a rollout whose instances start one by one is judged by those
that are warm, and one whose instances are all new waits a minute.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, once, runs
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import Contrast, own_codes, role_on
from monitor.model.edges import WINDOW_SECONDS, Sighting

CHANCE = 1.0
"""Standard deviations by which an edge's fresh calls may exceed their share of all calls."""

FIRST = 0.5
"""Of a first window as long as the warm-up or longer so much at most is fresh while no second one
tells when in it the instance began.
"""

SETTLES = 60.0
"""Seconds after a version's first call from which on it is settled, whatever is known of its
instances.
"""

Shares = Mapping[int, float]
"""Window (seconds since the epoch) to the share of the version's calls that fresh instances had;
none where nothing was fresh.
"""


def fresh_shares(
    sightings: Sequence[Sighting],
    edge_tables: Sequence[EdgeTable],
    service: str,
    version: str,
    since: float,
    seconds: float,
    *,
    stayed: bool,
    grain: int = WINDOW_SECONDS,
) -> Shares:
    """An instance is fresh for `seconds` from the window of its first call. In long windows, of
    `grain` seconds, its calls in the first tell how late it began. `sightings` are the service's.

    Instances without a name are taken for one that began with the deploy, or long before it where
    the version `stayed`. Where no sighting knows the version, its first call on any edge begins
    it.
    """
    mine = [sighting for sighting in sightings if sighting.version == version]
    # who only calls others answers nothing, and has spans
    answers = any(sighting.server_calls for sighting in mine)
    calls: dict[int, dict[str, int]] = {}
    first: dict[str, int] = {}
    for sighting in mine:
        window, count = (
            int(sighting.window.timestamp()),
            sighting.server_calls if answers else sighting.spans,
        )
        if count and (sighting.instance or (window >= since and not stayed)):
            first[sighting.instance] = min(window, first.get(sighting.instance, window))
        if window >= since:
            seen = calls.setdefault(window, {})
            seen[sighting.instance] = seen.get(sighting.instance, 0) + count
    if not mine and not stayed:
        begins = _first_call(edge_tables, service, version, since)
        if begins is None:
            return {}
        return {
            begins + age: _part(age, seconds, grain, None)
            for age in range(0, int(np.ceil(seconds)), grain)
        }
    shares: dict[int, float] = {}
    served = {name: _served(calls, name, window, grain) for name, window in first.items()}
    for window, seen in calls.items():
        total = sum(seen.values())
        fresh = sum(
            count * _part(window - first[name], seconds, grain, served[name])
            for name, count in seen.items()
            if name in first
        )
        if fresh:
            shares[window] = fresh / total
    return shares


def grain_of(edge_tables: Sequence[EdgeTable]) -> int:
    """How many seconds a window of these tables holds: the shortest time between two."""
    stamps = (
        np.unique(np.concatenate([once(table.windows) for table in edge_tables]))
        if edge_tables
        else np.array([], dtype=np.int64)
    )
    return max(WINDOW_SECONDS, int(np.diff(stamps).min())) if stamps.size > 1 else WINDOW_SECONDS


def _served(
    calls: Mapping[int, Mapping[str, int]], name: str, first: int, grain: int
) -> float | None:
    """Seconds that an instance served of its `first` window, by its calls there and in the next
    one; None where windows are short, or no next one tells.
    """
    after = calls.get(first + grain, {}).get(name, 0)
    if grain <= WINDOW_SECONDS or not after:
        return None
    return grain * min(calls.get(first, {}).get(name, 0) / after, 1.0)


def _part(age: int, seconds: float, grain: int, served: float | None) -> float:
    """The part of an instance's calls in a window, `age` seconds after its first one, in which it
    is fresh; of the first one it `served` so many seconds.
    """
    if served is None:
        if grain < seconds:
            return float(age < seconds)
        return min(seconds / grain, FIRST) if age == 0 else 0.0
    if age == 0:
        return min(seconds / served, 1.0) if served else 1.0
    left = seconds - served - (age - grain)
    return min(max(left / grain, 0.0), 1.0)


def fresh_calls(shares: Shares, windows: Ints, calls: Floats | Ints) -> Floats:
    """So many of the version's `calls` per stratum (or window) fresh instances may have had, by
    their share and chance.
    """
    if not shares:
        return np.zeros(calls.size)
    share = np.array([shares.get(window, 0.0) for window in windows.tolist()])
    return np.asarray(
        np.minimum(
            calls, np.ceil(share * calls + CHANCE * np.sqrt(share * (1.0 - share) * calls))
        ),
        dtype=np.float64,
    )


def settled(contrast: Contrast, fresh: Shares, grain: int, fewest: int) -> Bools:
    """Strata in which the new version was settled: for a pass, what a cold start does to latency
    is neither here nor there.

    All of them where fewer than the `fewest` windows would be left. In a long window nobody knows
    when an instance began.
    """
    return settled_windows(contrast, contrast.windows, fresh, grain, fewest)


def settled_windows(
    contrast: Contrast, windows: Ints, fresh: Shares, grain: int, fewest: int
) -> Bools:
    """The same of any windows since the deploy."""
    first = int(contrast.table.windows[contrast.since_rows[0]]) if contrast.since_rows.size else 0
    moments, places = runs(windows)
    warm = np.array([not fresh.get(window) for window in moments.tolist()], dtype=bool)[places]
    begins = first + SETTLES + (grain if grain > WINDOW_SECONDS else 0)
    if grain > SETTLES and _settles_in_first(contrast, first, grain):
        begins = first + grain
    warm &= windows >= begins
    enough = once(windows[warm]).size >= fewest
    return warm if enough else np.ones(warm.size, dtype=bool)


def _settles_in_first(contrast: Contrast, first: int, grain: int) -> bool:
    """Whether the version served for as long as a cold start takes within its first long window:
    it had so large a part there of the calls that it had in the next one.
    """
    rows = contrast.since_rows
    windows, calls = contrast.table.windows[rows], contrast.table.counts[rows, 0]
    then, after = (float(calls[windows == window].sum()) for window in (first, first + grain))
    return then * grain >= SETTLES * after > 0


def _first_call(
    edge_tables: Sequence[EdgeTable], service: str, version: str, since: float
) -> int | None:
    begins: list[int] = []
    for table in edge_tables:
        names, codes = own_codes(table, role_on(table, service) or "callee")
        if version in names:
            rows = (
                (codes == names.index(version))
                & (table.windows >= since)
                & (table.counts[:, 0] > 0)
            )
            begins += table.windows[rows][:1].tolist()
    return min(begins, default=None)
