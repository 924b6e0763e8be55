"""Which copies count of spans that were sent more than once."""

import numpy as np

from monitor.edges.columns import mix
from monitor.edges.counting.frame import Column, Frame, Mask
from monitor.edges.counting.joins import firsts
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.spans import KIND_CONSUMER


def counted_once(halves: Frame) -> Mask:
    """Of the copies of a span the ones that count. Of one window it is the one that a merge of the
    store would keep. Sent again with another end or parent, the copy in the later of two
    neighbouring windows counts. A consumer's links are told apart.
    """
    count = halves.count
    keeps = np.ones(count, bool)
    key = _span_keys(halves)
    first = firsts(key)
    again = first != np.arange(count)
    if not again.any():
        return keeps
    doubled = again
    doubled[first[again]] = True
    rows = np.flatnonzero(doubled)
    window, content = halves["window"][rows].astype(np.int64), halves["content_hash"][rows]
    rows = rows[np.lexsort((content, window, key[rows]))]
    step = halves["window"][rows][1:].astype(np.int64) - halves["window"][rows][:-1]
    outdone = (key[rows][1:] == key[rows][:-1]) & ((step == 0) | (step == WINDOW_SECONDS))
    keeps[rows[:-1][outdone]] = False
    return keeps


def _span_keys(halves: Frame) -> Column:
    side = halves["side"].astype(np.uint64)
    link = np.where(halves["kind"] == KIND_CONSUMER, halves["call_span"], np.uint64(0))
    trace = halves["trace"]
    return mix(trace, halves["own_span"], side, link)
