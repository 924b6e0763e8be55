"""Messages of the windows due to calls: a consumer's call stands in the consumer's window, its
producer is looked up however long ago; a producer that nobody has consumed stands in its own.
"""

from dataclasses import dataclass

import numpy as np

from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import (
    Column,
    Frame,
    Keys,
    Mask,
    Rows,
    Words,
    keys_of,
)
from monitor.edges.counting.joins import lookup, members
from monitor.edges.counting.logs import Checks
from monitor.edges.counting.own_time import busy_ns
from monitor.edges.counting.rows import Calls
from monitor.model.spans import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER

TELLS, RECEIVES, DELIVERS_NOTHING, RECEIVES_LINKED = 0, 1, 2, 3  # as edges.messages


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """All messaging spans known of the traces at hand, of whatever window: each once."""

    rows: Frame

    def keys(self, which: Mask, *more: str, span: str = "call_span") -> Keys:
        """Keys of some rows: their trace, a span and further columns."""
        rows = np.flatnonzero(which)
        return keys_of(
            self.rows["trace"][rows],
            self.rows[span][rows],
            *(self.rows[name][rows] for name in more),
        )


def ends_of(read: Frame) -> Ends:
    """Of the copies of a span the one that a merge of the store would keep."""
    keys = keys_of(read["trace"], read["call_span"], read["side"], read["own_span"])
    order = np.lexsort((read["content_hash"], keys))
    last = (
        np.append(keys[order][1:] != keys[order][:-1], True) if read.count else np.zeros(0, bool)
    )
    rows = order[last]
    kept = Frame({}, len(rows))
    for name in read.columns:
        kept.add(name, read[name][rows])
    return Ends(kept)


def queued(scene: Scene) -> Mask:
    """Halves of the windows due that send, receive or process messages."""
    halves = scene.halves
    kind = halves["kind"]
    which = (
        (kind == KIND_PRODUCER)
        | (kind == KIND_CONSUMER)
        | (halves["protocol"] == scene.words.number("messaging"))
    )
    answer: Mask = which & halves["due"]
    return answer


def other_ends(scene: Scene, ends: Ends) -> dict[tuple[int, int], int]:
    """Windows other than those due that hold the other end of a message of theirs, or the span
    that received what a consumer now says to process, each with the window due that tells so; and
    when the newest row there that does was stored (s since the epoch).
    """
    halves, far = scene.halves, ends.rows
    mine = np.flatnonzero(queued(scene))
    elsewhere = np.flatnonzero(~np.isin(far["window"], scene.due))
    keys = keys_of(halves["trace"][mine], halves["call_span"][mine])
    newest: dict[tuple[int, int], int] = {}
    for receiving in (False, True):
        there = (
            elsewhere[(far["side"][elsewhere] > 1) & (far["step"][elsewhere] == RECEIVES)]
            if receiving
            else elsewhere
        )
        here = np.flatnonzero(halves["side"][mine] > 1) if receiving else np.arange(len(mine))
        span = "own_span" if receiving else "call_span"
        theirs = keys_of(far["trace"][there], far[span][there])
        order = np.argsort(theirs, kind="stable")
        first, last = (
            np.searchsorted(theirs[order], keys[here], side) for side in ("left", "right")
        )
        for at in np.flatnonzero(last > first).tolist():
            row = mine[here[at]]
            for place in range(first[at], last[at]):
                other = there[order[place]]
                other_tells = halves["step"][row] == TELLS and far["step"][other] != TELLS
                if receiving or far["side"][other] != halves["side"][row] or other_tells:
                    stored = int(halves["ingested"][row])
                    windows = int(far["window"][other]), int(halves["window"][row])
                    newest[windows] = max(newest.get(windows, 0), stored)
    return newest


def message_calls(
    scene: Scene, ends: Ends, joints: Frame | None, checks: Checks | None, sent: Checks | None
) -> list[Calls]:
    """Deliveries, and messages that nobody has consumed so far. `sent`: what was checked of the
    messages themselves.
    """
    return [_deliveries(scene, ends, joints, checks, sent), _lone(scene, ends, joints, checks)]


def _deliveries(
    scene: Scene, ends: Ends, joints: Frame | None, checks: Checks | None, sent: Checks | None
) -> Calls:
    """Which consumers' halves are calls. Of a consumer with links the parent counts only where it
    is a producer, and then links to what is none do not; a link to a span that receives is no
    message. A span that receives is no call of its own where processing tells of the same message,
    or its child does: that child takes the message over.
    """
    halves, words = scene.halves, scene.words
    far = ends.rows
    rows = np.flatnonzero(
        scene.once
        & halves["due"]
        & (halves["own_mine"] == 1)
        & (halves["kind"] == KIND_CONSUMER)
        & (halves["step"] != DELIVERS_NOTHING)
    )
    c = {
        name: halves[name][rows]
        for name in (
            "trace",
            "call_span",
            "own_trace",
            "own_span",
            "side",
            "step",
            "service",
            "primary",
        )
    }
    receives = np.flatnonzero(
        (far["side"] > 1) & np.isin(far["step"], (RECEIVES, RECEIVES_LINKED))
    )
    receives = receives[np.argsort(-far["step"][receives].astype(np.int64), kind="stable")]
    receiver = keys_of(far["trace"][receives], far["own_span"][receives], far["service"][receives])
    at = _through(receives, lookup(receiver, keys_of(c["trace"], c["call_span"], c["service"])))
    does, message = far.at("step", at), far.at("call_span", at)
    stands_apart = c["call_span"] != c["own_span"]
    through = (c["side"] == 2) & (c["step"] == TELLS) & stands_apart & (does == RECEIVES)
    key = np.where(through, message, c["call_span"])
    sender = np.flatnonzero((far["side"] == 1) & (far["step"] == TELLS))
    p = _through(
        sender,
        lookup(keys_of(far["trace"][sender], far["call_span"][sender]), keys_of(c["trace"], key)),
    )
    clients = np.flatnonzero(
        scene.once
        & scene.near
        & (halves["kind"] == KIND_CLIENT)
        & (halves["protocol"] != words.number("messaging"))
    )
    q = _through(
        clients,
        lookup(
            keys_of(halves["trace"][clients], halves["call_span"][clients]),
            keys_of(c["trace"], key),
        ),
    )
    # a client that sends otherwise counts under the message's own span
    q = np.where((p < 0) & (c["side"] == 2) & ~through, q, -1)
    is_sent = (p >= 0) | (q >= 0)

    def from_sender(name: str) -> Column:
        return np.where(p >= 0, far.at(name, p), halves.at(name, q))

    own = keys_of(c["own_trace"], c["own_span"])
    _, group, count = np.unique(own, return_inverse=True, return_counts=True)
    keys = count[group]
    parent_sent = np.bincount(group[(c["side"] == 3) & (p >= 0)], minlength=len(count))[group] > 0
    in_receive = np.where(stands_apart, does, 0)
    is_call = _are_calls(ends, c, is_sent, keys, in_receive, parent_sent)
    order = np.lexsort(
        (
            _order(c["call_span"]),
            _order(c["trace"][:, 1]),
            _order(c["trace"][:, 0]),
            -c["primary"].astype(np.int64),
            ~is_call,
            own,
        )
    )
    first = np.zeros(len(rows), bool)
    first[order[np.append(True, own[order][1:] != own[order][:-1])[: len(order)]]] = True
    busy = np.zeros(len(rows), np.int64)
    busy[:] = busy_ns(halves, rows, scene.outgoing())
    sent_trace, sent_span = c["trace"], np.where(is_sent, key, np.uint64(0))
    parts = _folds(joints, sent_trace, sent_span)
    number = words.number
    start, end = halves["start_ns"][rows].astype(np.int64), halves["end_ns"][rows].astype(np.int64)
    sent_from, sent_at = (
        from_sender("start_ns").astype(np.int64),
        from_sender("end_ns").astype(np.int64),
    )
    outcome, sender_failed = halves["outcome"][rows], is_sent & (from_sender("failed") == 1)
    bad = first & (outcome != number("ok"))
    named = {
        name: halves[name][rows]
        for name in ("window", "environment", "cluster", "region", "protocol", "operation")
    }
    nobody = np.where(c["call_span"] == c["own_span"], number("user"), number("unknown"))
    server_time = end - start
    verdict, why = _checked(checks, c["own_trace"], c["own_span"])
    if sent is not None:
        sent_row = np.where(is_sent, sent.of(sent_trace, sent_span), -1)
        why = np.where(verdict != 0, why, sent.found.at("why", sent_row))
        verdict = np.where(verdict != 0, verdict, sent.found.at("verdict", sent_row))
    calls = {
        **named,
        "caller_namespace": np.where(is_sent, from_sender("namespace"), 0),
        "caller": np.where(is_sent, from_sender("service"), nobody),
        "caller_version": np.where(is_sent, from_sender("version"), 0),
        "callee_namespace": halves["namespace"][rows],
        "callee": c["service"],
        "callee_version": halves["version"][rows],
        "counts": np.ones(len(rows), bool),
        # what became of a batch of messages counts once, as does how long it took
        "outcome": np.where(
            bad, outcome, np.where(sender_failed, number("server_error"), number("ok"))
        ),
        "error_type": np.where(
            bad, halves["error_type"][rows], np.where(sender_failed, number("send"), 0)
        ),
        "told": np.zeros(len(rows), bool),
        "is_failed": sender_failed | (first & (halves["failed"][rows] == 1)),
        "has_client": is_sent,
        "has_server": first,
        "from_log": np.zeros(len(rows), bool),
        # of a message taken in a later window they are not known: which windows are closed
        # together must not matter
        "folds": np.where(is_sent & (from_sender("window") == named["window"]), parts, 0),
        "paired": is_sent,
        "client_time": sent_at - sent_from,
        "server_time": server_time,
        "self_time": np.maximum(server_time - busy, 0),
        "queue_time": np.where(is_sent & (start > sent_at), start - sent_at, 0),
        "has_queue": is_sent,
        "weight": np.where(is_sent, from_sender("weight"), halves["weight"][rows]),
        "sampling": np.maximum(
            np.where(is_sent, from_sender("sampling"), 0), halves["sampling"][rows]
        ),
        "trace": c["own_trace"],
        "verdict": verdict,
        "why": why,
    }
    return Calls({name: values[is_call] for name, values in calls.items()})


def _are_calls(
    ends: Ends,
    c: dict[str, Column],
    is_sent: Mask,
    keys: Column,
    in_receive: Column,
    parent_sent: Mask,
) -> Mask:
    """Which of the consumers' halves `c` are calls; `keys` tells how many halves their
    spans have.
    """
    far = ends.rows
    processed = ends.keys((far["side"] > 1) & (far["step"] == TELLS), "service")
    is_processed = members(keys_of(c["trace"], c["call_span"], c["service"]), processed)
    taking_over = (
        (far["side"] > 1)
        & ((far["step"] == TELLS) | (far["side"] == 3))
        & (far["own_span"] != far["call_span"])
    )
    handed_on = members(
        keys_of(c["own_trace"], c["own_span"], c["service"]), ends.keys(taking_over, "service")
    )
    answer: Mask = np.select(
        [
            (c["step"] != TELLS) & (is_processed | ((c["step"] == RECEIVES) & handed_on)),
            is_sent,
            c["side"] == 3,
            (c["step"] == TELLS) & (in_receive == RECEIVES_LINKED) & (keys == 1),
            keys == 1,
        ],
        [False, True, False, False, True],
        (in_receive == 0) & ~parent_sent,
    ).astype(bool)
    return answer


def _lone(scene: Scene, ends: Ends, joints: Frame | None, checks: Checks | None) -> Calls:
    """Messages that nobody has consumed so far."""
    halves, words, far = scene.halves, scene.words, ends.rows
    number = words.number
    sends = (halves["kind"] == KIND_PRODUCER) | (halves["protocol"] == number("messaging"))
    rows = np.flatnonzero(
        scene.once
        & halves["due"]
        & scene.mine
        & sends
        & (halves["side"] == 1)
        & (halves["step"] != DELIVERS_NOTHING)
    )
    keys = keys_of(halves["trace"][rows], halves["call_span"][rows])
    consumed = ends.keys((far["side"] > 1) & (far["step"] != DELIVERS_NOTHING))
    taken = (halves["step"][rows] == TELLS) & members(keys, consumed)
    answered = np.flatnonzero(scene.near & (halves["kind"] == KIND_SERVER))
    by_server = members(keys, keys_of(halves["trace"][answered], halves["call_span"][answered]))
    taken |= (halves["kind"][rows] == KIND_PRODUCER) & by_server
    if joints is not None:
        outer, dropped = joints["side"] == 1, joints["dropped"] == 1
        spans, into = (
            keys_of(joints["trace"], joints["span"]),
            keys_of(joints["trace"], joints["key_span"]),
        )
        taken |= members(keys, spans[outer & dropped]) | members(keys, into[~outer & ~dropped])
        # the outer of two sending spans is one message with the inner one, under which its
        # consumer stands
        taken |= members(keys, into[outer & dropped & members(spans, consumed)])
    rows = rows[~taken]
    count = len(rows)
    no, none = np.zeros(count, bool), np.zeros(count, np.int32)
    verdict, why = _checked(checks, halves["trace"][rows], halves["own_span"][rows])
    same = {
        name: halves[name][rows]
        for name in ("window", "environment", "cluster", "region", "protocol", "operation", "outcome", "error_type", "weight", "sampling", "trace")
    }  # fmt: skip
    zeros = np.zeros(count, np.int64)
    return Calls(
        {
            **same,
            "caller_namespace": halves["namespace"][rows],
            "caller": halves["service"][rows],
            "caller_version": halves["version"][rows],
            "callee_namespace": none,
            "callee": np.where(halves["peer"][rows] != 0, halves["peer"][rows], number("unknown")),
            "callee_version": none,
            "counts": ~no,
            "told": no,
            "is_failed": halves["failed"][rows] == 1,
            "has_client": ~no,
            "has_server": no,
            "from_log": no,
            "folds": _folds(joints, halves["trace"][rows], halves["own_span"][rows]),
            "paired": no,
            "client_time": halves["end_ns"][rows].astype(np.int64)
            - halves["start_ns"][rows].astype(np.int64),
            "server_time": zeros,
            "self_time": zeros,
            "queue_time": zeros,
            "has_queue": no,
            "verdict": verdict,
            "why": why,
        }
    )


def sent_checks(exchanges: Frame, words: Words) -> Checks:
    """What was checked of messages by their own span: a violation tells most, then the later
    record.
    """
    keys = keys_of(exchanges["trace"], exchanges["span"])
    violated = exchanges["checked"] == words.number("violated")
    order = np.lexsort(
        (exchanges["offset"], exchanges["partition"], exchanges["source_id"], violated, keys)
    )
    last = (
        order[np.append(keys[order][1:] != keys[order][:-1], True)] if exchanges.count else order
    )
    frame = Frame({}, len(last))
    frame.add("verdict", exchanges["checked"][last])
    frame.add("why", exchanges["reason"][last])
    return Checks(keys[last], frame)


def _checked(checks: Checks | None, trace: Column, span: Column) -> tuple[Column, Column]:
    if checks is None:
        return np.zeros(len(span), np.int32), np.zeros(len(span), np.int32)
    at = checks.of(trace, span)
    return checks.found.at("verdict", at), checks.found.at("why", at)


def _folds(joints: Frame | None, trace: Column, span: Column) -> Column:
    """How many spans are part of a sending, as the HTTP call under it."""
    if joints is None:
        return np.zeros(len(span), np.int64)
    rows = np.flatnonzero((joints["side"] == 1) & (joints["dropped"] == 0) & (joints["folds"] > 0))
    at = _through(
        rows, lookup(keys_of(joints["trace"][rows], joints["span"][rows]), keys_of(trace, span))
    )
    return joints.at("folds", at).astype(np.int64)


def _through(rows: Rows, at: Rows) -> Rows:
    """Rows by their places in a choice of them; -1 stays."""
    if not len(rows):
        return at
    chosen: Rows = np.where(at >= 0, rows[at], -1)
    return chosen


def _order(span: Column) -> Column:
    """Numbers of bytes in the order of these bytes."""
    return span.astype(np.uint64).byteswap()
