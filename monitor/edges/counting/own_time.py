"""How long spans were busy with outgoing calls of their own: an estimate by trace and instance."""

import numpy as np
from numpy.typing import NDArray

from monitor.edges.columns import mix
from monitor.edges.counting.frame import Frame, Rows
from monitor.edges.counting.joins import matches
from monitor.native import BUILT


def busy_ns(halves: Frame, answering: Rows, outgoing: Rows) -> NDArray[np.int64]:
    """Of each answering span the time in which one or more of the outgoing ones ran, in ns: the
    union of their intervals, to which copies add nothing. `answering`, `outgoing`: rows of
    `halves`; those of one trace, service and instance belong together.
    """
    if BUILT is None:
        return busy_by_reference(halves, answering, outgoing)
    busy = np.empty(len(answering), np.int64)
    BUILT.busy(
        halves["own_trace"].reshape(-1),
        [halves[name].astype(np.int32, copy=False) for name in ("service", "instance")],
        halves["start_ns"],
        halves["end_ns"],
        answering,
        outgoing,
        busy,
    )
    return busy


def busy_by_reference(halves: Frame, answering: Rows, outgoing: Rows) -> NDArray[np.int64]:
    """The same by nothing but Python."""
    busy = np.zeros(len(answering), np.int64)
    place, other = matches(_places(halves, answering), _places(halves, outgoing))
    start, end = halves["start_ns"], halves["end_ns"]
    own, inner = answering[place], outgoing[other]
    begin, until = np.maximum(start[own], start[inner]), np.minimum(end[own], end[inner])
    meets = until > begin
    place, begin, until = (
        place[meets],
        begin[meets].astype(np.int64),
        until[meets].astype(np.int64),
    )
    # they come in the order of `answering`: only those of one span are put in order
    same = place[1:] == place[:-1]
    several = np.flatnonzero(np.append(False, same) | np.append(same, False))
    order = several[np.lexsort((begin[several], place[several]))]
    begin[several], until[several] = begin[order], until[order]
    first = np.flatnonzero(np.append(True, ~same)) if len(place) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(first, len(place)))
    owner, reached = place[first], until[first]
    busy[owner] = reached - begin[first]
    step = 1
    while True:  # the next interval of all that have one: few have many
        more = sizes > step
        if not more.any():
            return busy
        first, sizes, owner, reached = first[more], sizes[more], owner[more], reached[more]
        at = first + step
        busy[owner] += np.maximum(until[at] - np.maximum(begin[at], reached), 0)
        reached = np.maximum(reached, until[at])
        step += 1


def _places(halves: Frame, rows: Rows) -> NDArray[np.uint64]:
    trace = halves.at("own_trace", rows)
    service, instance = halves.at("service", rows), halves.at("instance", rows)
    return mix(trace, service.astype(np.uint64), instance.astype(np.uint64))
