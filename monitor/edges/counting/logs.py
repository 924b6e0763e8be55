"""What API logs add to calls: what was checked of them, failures that only a log tells of, and
calls that no span shows.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.edges.columns import mix
from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import Column, Frame, Keys, Mask, Rows, Words, keys_of
from monitor.edges.counting.joins import lookup, members
from monitor.edges.counting.rows import Calls

_FAILURES = ("server_error", "timeout")


@dataclass(frozen=True, slots=True, eq=False)
class Checks:
    """One check a span: columns by span, ordered as `keys`. Failures are rows of two numbers:
    outcome and error type.
    """

    keys: Keys
    found: Frame

    def of(self, trace: Column, span: Column) -> Rows:
        """The row of each span, -1 for one of which nothing was checked."""
        return lookup(self.keys, keys_of(trace, span))


def checks_of(exchanges: Frame, joints: Frame | None, words: Words) -> Checks:
    """Two logs of one call by the same span count once, the server's. What was checked on a span
    that is part of a call counts for the call: a clause that it breaks is broken, whatever else
    was checked. Its failure is none of the call's: of attempts the last may have gone well.
    """
    rows = np.flatnonzero(exchanges["has_trace"] == 1)
    trace, span = exchanges["trace"][rows], exchanges["span"][rows]
    folded, call = np.zeros(len(rows), bool), span
    if joints is not None:
        gone = np.flatnonzero(joints["dropped"] == 1)
        at = lookup(keys_of(joints["trace"][gone], joints["span"][gone]), keys_of(trace, span))
        into = joints.at("key_span", np.where(at >= 0, gone[at] if len(gone) else -1, -1))
        folded, call = into != 0, np.where(into != 0, into, span)
    checked, violated = (
        exchanges["checked"][rows],
        exchanges["checked"][rows] == words.number("violated"),
    )
    side, outcome = exchanges["side"][rows], exchanges["outcome"][rows]
    keys = keys_of(trace, call)
    broken_message = violated & (exchanges["protocol"][rows] == words.number("messaging"))
    last = _last_by(keys, (*_place(exchanges, rows, words), broken_message, side, ~folded))
    telling = (
        ~folded & (exchanges["status"][rows] != 0) & np.isin(outcome, words.numbers(_FAILURES))
    )
    keys_found = keys[last]
    columns = {"verdict": checked[last], "why": exchanges["reason"][rows][last]}
    columns["folded_broken"] = members(keys_found, keys[folded & violated])
    for name, number in (("client_failure", 1), ("server_failure", 2)):
        mine = np.flatnonzero(telling & (side == number))
        worst = mine[
            _last_by(
                keys[mine],
                (_ranks(exchanges["error_type"][rows][mine], words), _ranks(outcome[mine], words)),
            )
        ]
        at = lookup(keys[worst], keys_found)
        for word, values in (("", outcome), ("_error", exchanges["error_type"][rows])):
            columns[name + word] = np.where(at >= 0, values[worst[at]] if len(worst) else 0, 0)
    framed = Frame({}, len(last))
    for name, values in columns.items():
        framed.add(name, values)
    return Checks(keys_found, framed)


def checked_calls(calls: Calls, checks: Checks, words: Words) -> Calls:
    """The calls with what was checked of them. A failure that an API log tells of is one, whatever
    the spans say: the caller's log is the caller's word.
    """
    ok = words.number("ok")
    by_server, by_client = (
        checks.of(calls["trace"], calls["server_span"]),
        checks.of(calls["trace"], calls["client_span"]),
    )
    by_server = np.where(calls["has_server"], by_server, -1)
    by_client = np.where(calls["leads"], by_client, -1)
    at = checks.found.at
    broken = at("folded_broken", by_client)
    server_says = at("verdict", by_server) != 0
    verdict = np.where(
        broken,
        words.number("violated"),
        np.where(server_says, at("verdict", by_server), at("verdict", by_client)),
    )
    why = np.where(broken, 0, np.where(server_says, at("why", by_server), at("why", by_client)))
    caller_told = at("client_failure", by_client) != 0
    failure = np.where(
        caller_told,
        at("client_failure", by_client),
        np.where(
            at("server_failure", by_server) != 0,
            at("server_failure", by_server),
            at("server_failure", by_client),
        ),
    )
    error = np.where(
        caller_told,
        at("client_failure_error", by_client),
        np.where(
            at("server_failure", by_server) != 0,
            at("server_failure_error", by_server),
            at("server_failure_error", by_client),
        ),
    )
    logged = (calls["outcome"] == ok) & (failure != 0)
    return Calls(
        {
            **calls.columns,
            "verdict": verdict,
            "why": why,
            "outcome": np.where(logged, failure, calls["outcome"]),
            "error_type": np.where(logged, error, calls["error_type"]),
            "is_failed": calls["is_failed"] | logged,
            "told": calls["told"] | (logged & calls["has_client"] & ~caller_told),
        }
    )


def log_calls(scene: Scene, exchanges: Frame, under_way: Mask | None = None) -> Calls:
    """Exchanges of the windows due that no span shows make calls of their own; but for those whose
    spans are `under_way`.
    """
    words = scene.words
    number = words.number
    due = np.isin(exchanges["window"], scene.due) & (exchanges["mine"] == 1)
    rows = np.flatnonzero(due if under_way is None else due & ~under_way)
    traced = exchanges["has_trace"][rows] == 1
    place = _place(exchanges, rows, words)
    of_its_own = ~traced | (exchanges["protocol"][rows] == number("messaging"))
    places = [
        np.where(of_its_own, column.astype(np.uint64) + np.uint64(1), np.uint64(0))
        for column in place
    ]
    keys = mix(
        keys_of(exchanges["trace"][rows], exchanges["span"][rows]),
        traced.astype(np.uint64),
        *places,
    )
    order = np.lexsort((*place, -exchanges["side"][rows].astype(np.int64)))
    rows = rows[order[np.unique(keys[order], return_index=True)[1]]]
    traced = exchanges["has_trace"][rows] == 1
    rows = rows[~traced | ~_spanned(scene, exchanges, rows)]
    count = len(rows)
    none, no = np.zeros(count, np.int32), np.zeros(count, bool)

    def named(name: str) -> Column:
        return np.where(exchanges[name][rows] != 0, exchanges[name][rows], number("unknown"))

    took = exchanges["has_duration"][rows] == 1
    duration = exchanges["duration_ns"][rows].astype(np.int64)
    outcome, side = exchanges["outcome"][rows], exchanges["side"][rows]
    same = {
        name: exchanges[name][rows]
        for name in ("window", "environment", "protocol", "operation", "error_type", "trace")
    }
    versions = {
        name: exchanges[name][rows]
        for name in ("caller_version", "callee_version", "callee_namespace")
    }
    return Calls(
        {
            **same,
            **versions,
            "cluster": none,
            "region": none,
            "caller_namespace": none,
            "caller": named("caller"),
            "callee": named("callee"),
            "counts": ~no,
            "has_client": (side == 1) & took,
            "has_server": (side == 2) & took,
            "paired": no,
            "from_log": ~no,
            "has_queue": no,
            "outcome": outcome,
            "told": no,
            "is_failed": np.isin(outcome, words.numbers(_FAILURES)),
            "folds": np.zeros(count, np.int64),
            "client_time": duration,
            "server_time": duration,
            "self_time": duration,
            "queue_time": np.zeros(count, np.int64),
            "weight": np.ones(count, np.float64),
            "sampling": np.zeros(count, np.uint8),
            "verdict": exchanges["checked"][rows],
            "why": exchanges["reason"][rows],
        }
    )


def spans_under_way(scene: Scene, exchanges: Frame, young: AbstractSet[int]) -> Mask:
    """Exchanges of these windows whose spans have yet to come: they have a trace and no span shows
    them, as one does for at least half of what the same service logged with a trace until then.

    A log arrives at once, and exporters flush spans every few seconds. Where most logs have no
    span, as under head sampling, nothing is waited for.
    """
    until = max(young, default=-1)
    rows = np.flatnonzero((exchanges["has_trace"] == 1) & (exchanges["window"] <= until))
    shown = _spanned(scene, exchanges, rows)
    by_server = exchanges["side"][rows] == 2
    service = np.where(by_server, exchanges["callee"][rows], exchanges["caller"][rows])
    _, at = np.unique(service, return_inverse=True)
    mostly = 2 * np.bincount(at, shown) >= np.bincount(at)
    waits = ~shown & mostly[at] & np.isin(exchanges["window"][rows], sorted(young))
    mask = np.zeros(exchanges.count, bool)
    mask[rows[waits]] = True
    return mask


def _spanned(scene: Scene, exchanges: Frame, rows: Rows) -> Mask:
    """Of these exchanges the ones that a span nearby shows."""
    near, halves = scene.near, scene.halves
    keys = keys_of(exchanges["trace"][rows], exchanges["span"][rows])
    own, call = halves.keys("own_trace", "own_span"), halves.keys("trace", "call_span")
    return members(keys, own[near]) | members(keys, call[near])


def _place(exchanges: Frame, rows: Rows, words: Words) -> tuple[Column, Column, Column, Column]:
    """Where the records of exchanges stand, the last of these telling most."""
    source = _ranks(exchanges["source_id"][rows], words)
    return (
        exchanges["index"][rows],
        exchanges["offset"][rows],
        exchanges["partition"][rows],
        source,
    )


def _ranks(numbers: Column, words: Words) -> NDArray[np.int64]:
    """Words as numbers in the order of their texts."""
    distinct, at = np.unique(numbers, return_inverse=True)
    texts = words.texts()
    order = sorted(range(len(distinct)), key=lambda place: texts[distinct[place]])
    ranks = np.zeros(len(distinct), np.int64)
    ranks[order] = np.arange(len(distinct))
    return ranks[at]


def _last_by(keys: Keys, order: Sequence[Column]) -> Rows:
    """Of each key the row that comes last in this order; as in np.lexsort the last column tells
    most.
    """
    rows = np.lexsort((*order, keys))
    ends = np.append(keys[rows][1:] != keys[rows][:-1], True) if len(rows) else np.zeros(0, bool)
    last: Rows = rows[ends]
    return last
