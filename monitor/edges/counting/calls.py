"""Half edges to calls that wait for an answer: client and server side by side, one call a client
however many servers answer.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import mix
from monitor.edges.counting.asked import ask_servers
from monitor.edges.counting.frame import Column, Frame, Keys, Mask, Rows, Words, frame_of, keys_of
from monitor.edges.counting.joins import distinct, firsts, lookup, matches, members
from monitor.edges.counting.own_time import busy_ns
from monitor.edges.counting.rows import Calls
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.spans import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER

Services = Mapping[tuple[str, str], tuple[str, str]]
"""The one service (namespace, name) that answers under an address of an environment."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Halves at hand and what is known of them.

    `halves`: rows as the store holds them, copies included, and whether they are of a window `due`.
    `once`: the ones that count. `near`: those in a window due or next to one. `mine`: those of the traces to count now, where a window
    is counted trace by trace. `words` numbers all their texts.
    """

    halves: Frame
    words: Words
    due: Sequence[int]
    once: Mask
    near: Mask
    mine: Mask

    def outgoing(self) -> Rows:
        """Rows near that call others, copies too."""
        return np.flatnonzero(self.near & self.mine & (self.halves["side"] == 1))


def with_joints(halves: Frame, relations: pa.Table | None, words: Words) -> None:
    """Put what the spans of a trace say of each other beside the halves: rows of `joints` as
    edges.kin finds them.
    """
    names = (
        "dropped",
        "far",
        "folds",
        "key_span",
        "told_namespace",
        "told_service",
        "told_version",
        "told_outcome",
        "told_error",
        "told_failed",
    )
    if relations is None or not relations.num_rows:
        kinds = {"key_span": np.uint64, "folds": np.int64}
        for name in names:
            halves.add(name, np.zeros(halves.count, kinds.get(name, np.int32)))
        return
    joints = frame_of(
        [relations.rename_columns([_TOLD.get(name, name) for name in relations.column_names])],
        words,
    )
    keys = keys_of(joints["trace"], joints["span"], joints["side"])
    side = np.where(halves["side"] == 1, 1, 2)
    at = lookup(keys, keys_of(halves["trace"], halves["own_span"], side))
    answering = (halves["side"] == 1) | (halves["kind"] == KIND_SERVER)
    at = np.where(answering, at, -1)
    for name in names:
        halves.add(
            name, joints.at(name, at).astype(np.int64) if name == "folds" else joints.at(name, at)
        )
    if len(distinct(keys)) < len(keys):  # a span that is no call under one of two windows is none
        gone = (
            members(
                keys_of(halves["trace"], halves["own_span"], side), keys[joints["dropped"] == 1]
            )
            & answering
        )
        halves.add("dropped", np.where(gone, 1, halves["dropped"]))


_TOLD = {"outcome": "told_outcome", "error_type": "told_error", "failed": "told_failed"}


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Clients and servers side by side, as rows of halves, -1 where one is missing. Of those under
    one client one leads, and of each group of like ones one counts.
    """

    c: Rows
    s: Rows
    leads: Mask
    counts: Mask

    def only(self, rows: Mask) -> "Pairs":
        """Those of these rows."""
        return Pairs(self.c[rows], self.s[rows], self.leads[rows], self.counts[rows])


def callers_under_way(scene: Scene, pairs: Pairs, young: AbstractSet[int]) -> Mask:
    """Servers alone in these windows whose client's span has yet to come: something called them
    that no span shows yet, as one does for at least half of the calls that their service got there.

    Of the two exporters of a call one may flush seconds after the other.
    """
    halves, c, s = scene.halves, pairs.c, pairs.s
    mine = (s >= 0) & np.isin(halves.at("window", np.where(c >= 0, c, s)), sorted(young))
    waits: Mask = mine & (c < 0) & (halves.at("told_service", s) == 0) & ~_roots(halves, s)
    if waits.any():
        service = halves.at("service", s)
        whole = np.bincount(service[mine & (c >= 0)], minlength=service.max() + 1)
        waits &= (whole >= np.bincount(service[waits], minlength=len(whole)))[service]
    return waits


def paired(scene: Scene, inner: Frame | None = None) -> Pairs:
    """Calls of the windows due, their servers called by what they were asked for where `inner`
    spans tell it. Of halves that are not near only servers far away from their
    clients count.

    Of several servers of one call the answer that the caller got leads: it is of the service that
    the caller named, tells the outcome that it saw, and came while it waited; of more such the
    last. Of each group of like servers one counts. A server too far away from the client stands
    alone, else the answer would change with the windows closed together.
    """
    halves, words = scene.halves, scene.words
    kind, side = halves["kind"], halves["side"]
    counted = scene.once & scene.mine & (halves["dropped"] == 0)
    clients = np.flatnonzero(
        counted
        & scene.near
        & (side == 1)
        & ((kind == KIND_PRODUCER) | (halves["protocol"] != words.number("messaging")))
    )
    keys = halves.keys("trace", "call_span")
    clients = clients[~_taken(halves, keys, clients)]
    servers = np.flatnonzero(
        counted & (scene.near | (halves["far"] == 1)) & (side == 2) & (kind == KIND_SERVER)
    )
    key_span = np.where(halves["key_span"] != 0, halves["key_span"], halves["call_span"])
    halves.add("key_span", key_span)
    c, s = _side_by_side(halves, clients, servers, keys)
    wanted = halves.at("due", np.where(c >= 0, c, s))
    c, s = c[wanted], s[wanted]
    if inner is not None and inner.count:
        ask_servers(halves, words, c, s, inner)
    return Pairs(c, s, *_leading(halves, words, c, s))


def _taken(halves: Frame, keys: Keys, clients: Rows) -> Mask:
    """Those that a consumer took as a message in their window or one next to it: which windows are
    counted together changes nothing.
    """
    takers = np.flatnonzero((halves["side"] == 2) & (halves["kind"] == KIND_CONSUMER))
    if not len(takers):
        return np.zeros(len(clients), bool)
    window = halves["window"].astype(np.int64)
    near = [
        mix(keys[takers], (window[takers] + step).astype(np.uint64))
        for step in (-WINDOW_SECONDS, 0, WINDOW_SECONDS)
    ]
    return members(mix(keys[clients], window[clients].astype(np.uint64)), np.concatenate(near))


def _side_by_side(halves: Frame, clients: Rows, servers: Rows, keys: Keys) -> tuple[Rows, Rows]:
    """Rows of clients and servers that belong together; -1 where a side is missing. A producer
    that no server answered is none.
    """
    left, right = matches(
        keys[clients], keys_of(halves["trace"][servers], halves["key_span"][servers])
    )
    c, s = clients[left], servers[right]
    window = halves["window"].astype(np.int64)
    meets = (np.abs(window[c] - window[s]) <= WINDOW_SECONDS) | (halves["far"][s] == 1)
    c, s = c[meets], s[meets]
    lone = np.ones(halves.count, bool)
    lone[c] = lone[s] = False
    lone_clients = clients[lone[clients] & (halves["kind"][clients] == KIND_CLIENT)]
    lone_servers = servers[lone[servers]]
    none = np.full
    return (
        np.concatenate([c, lone_clients, none(len(lone_servers), -1)]),
        np.concatenate([s, none(len(lone_clients), -1), lone_servers]),
    )


def _leading(halves: Frame, words: Words, c: Rows, s: Rows) -> tuple[Mask, Mask]:
    """Of the servers of one call the one that leads, and of each group of like ones the one that
    counts.
    """
    leads, counts = np.ones(len(c), bool), np.ones(len(c), bool)
    # a call is its client; without one, what stands under one unknown client
    key = np.where(
        c >= 0,
        c.astype(np.uint64),
        keys_of(halves.at("trace", s), halves.at("key_span", s)) | np.uint64(1 << 63),
    )
    first = firsts(key)
    again = first != np.arange(len(c))
    if not again.any():
        return leads, counts
    crowded = again.copy()
    crowded[first[again]] = True
    rows = np.flatnonzero(crowded)
    of, with_c, with_s = key[rows], c[rows], s[rows]
    named = (with_c >= 0) & (
        (halves.at("peer", with_c) == halves.at("service", with_s))
        | (_hosts(halves.at("address", with_c), words) == halves.at("service", with_s))
    )
    agrees = (with_c >= 0) & (halves.at("outcome", with_c) == halves.at("outcome", with_s))
    in_time = (with_c >= 0) & (halves.at("end_ns", with_s) <= halves.at("end_ns", with_c))
    best = np.lexsort(
        (
            _text_order(halves.at("own_span", with_s)),
            halves.at("end_ns", with_s),
            in_time,
            agrees,
            named,
        )
    )[::-1]
    rows, of, with_s = rows[best], of[best], with_s[best]
    leads[rows] = _firsts(of)
    like = [
        halves.at(name, with_s).astype(np.uint64)
        for name in ("namespace", "service", "version", "operation", "environment")
    ]
    counts[rows] = _firsts(mix(of, *like))
    return leads, counts


def sync_calls(scene: Scene, pairs: Pairs, services: Services) -> Calls:
    """What the windows due say of each pair; `known` names who answers where only an address was
    called.
    """
    halves, words = scene.halves, scene.words
    c, s, leads, counts = pairs.c, pairs.s, pairs.leads, pairs.counts
    with_client, has_server = c >= 0, s >= 0
    number = words.number
    ok = number("ok")

    def at(name: str, rows: Rows) -> Column:
        return halves.at(name, rows)

    def either(name: str, first: Rows, second: Rows) -> Column:
        """The column of one side, of the other where that one is missing."""
        return at(name, np.where(first >= 0, first, second))

    own_told = np.where(at("told_outcome", s) != 0, at("outcome", s) == ok, False)
    server_outcome = np.where(own_told, at("told_outcome", s), at("outcome", s))
    server_error = np.where(own_told, at("told_error", s), at("error_type", s))
    server_failed = np.maximum(at("failed", s), at("told_failed", s)) > 0
    nobody = np.where(_roots(halves, s), number("user"), number("unknown"))
    caller = np.where(
        with_client,
        at("service", c),
        np.where(at("told_service", s) != 0, at("told_service", s), nobody),
    )
    answers_namespace, answers = _by_address(halves, words, c, s, services)
    guess = np.where(at("peer", c) != 0, at("peer", c), number("unknown"))
    told_callee = at("told_service", c)
    callee = np.where(
        has_server,
        at("service", s),
        np.where(told_callee != 0, told_callee, np.where(answers != 0, answers, guess)),
    )
    callee_namespace = np.where(
        has_server,
        at("namespace", s),
        np.where(
            told_callee != 0,
            at("told_namespace", c),
            np.where(answers != 0, answers_namespace, at("peer_namespace", c)),
        ),
    )
    by_server = has_server & ((at("protocol", s) != number("other")) | ~with_client)
    has_client = with_client & leads
    client_outcome, client_error = at("outcome", c), at("error_type", c)
    client_leads = has_client & ((client_outcome != ok) | ~has_server)
    server_time = at("end_ns", s).astype(np.int64) - at("start_ns", s).astype(np.int64)
    busy = np.zeros(halves.count + 1, np.int64)
    busy[s] = 1
    answering = np.flatnonzero(busy[:-1])
    busy[answering], busy[-1] = busy_ns(halves, answering, scene.outgoing()), 0
    key_span = np.where(with_client, at("call_span", c), at("key_span", s))
    return Calls(
        {
            "window": either("window", c, s),
            "environment": either("environment", s, c),
            "cluster": either("cluster", s, c),
            "region": either("region", s, c),
            "caller_namespace": np.where(with_client, at("namespace", c), at("told_namespace", s)),
            "caller": caller,
            "caller_version": np.where(with_client, at("version", c), at("told_version", s)),
            "callee_namespace": callee_namespace,
            "callee": callee,
            "callee_version": at("version", s),
            "protocol": np.where(by_server, at("protocol", s), at("protocol", c)),
            "operation": either("operation", s, c),
            "counts": counts,
            "leads": leads,
            "has_client": has_client,
            "has_server": has_server,
            "paired": with_client & has_server,
            "from_log": np.zeros(len(c), bool),
            "has_queue": np.zeros(len(c), bool),
            "outcome": np.where(client_leads, client_outcome, server_outcome),
            "error_type": np.where(
                has_client & (client_outcome != ok) & (client_error != 0),
                client_error,
                server_error,
            ),
            "told": has_client & (client_outcome == ok) & has_server & (server_outcome != ok),
            "is_failed": (has_client & (at("failed", c) == 1)) | server_failed,
            "folds": np.where(has_client, at("folds", c), 0) + at("folds", s),
            "client_time": at("end_ns", c).astype(np.int64) - at("start_ns", c).astype(np.int64),
            "server_time": server_time,
            "self_time": np.maximum(server_time - busy[s], 0),
            "queue_time": np.zeros(len(c), np.int64),
            "weight": either("weight", c, s),
            "sampling": np.maximum(at("sampling", c), at("sampling", s)),
            "trace": either("trace", c, s),
            "client_span": key_span,
            "server_span": at("own_span", s),
        }
    )


def _roots(halves: Frame, s: Rows) -> Mask:
    """Servers that nothing called, as far as their spans tell."""
    own = halves.at("own_span", s)
    alone: Mask = (halves.at("key_span", s) == own) & (halves.at("parent", s) != own)
    return alone


def _by_address(
    halves: Frame, words: Words, c: Rows, s: Rows, by_address: Services
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Who answers under the address that a client alone named, as namespace and service."""
    namespace, service = np.zeros(len(c), np.int32), np.zeros(len(c), np.int32)
    if not by_address:
        return namespace, service
    rows = np.flatnonzero(_unanswered(halves, words, c, s))
    texts = words.texts()
    pairs = halves.at("environment", c[rows]).astype(np.int64) << 32 | halves.at(
        "address", c[rows]
    )
    called, at = np.unique(pairs, return_inverse=True)
    services = [
        by_address.get((texts[pair >> 32], texts[pair & 0xFFFFFFFF]), ("", ""))
        for pair in called.tolist()
    ]
    namespace[rows] = words.numbers(space for space, _ in services)[at]
    service[rows] = words.numbers(name for _, name in services)[at]
    return namespace, service


def called_addresses(scene: Scene, pairs: Pairs) -> set[tuple[str, str]]:
    """Environment and address of clients of which nobody says who answered."""
    halves, texts = scene.halves, scene.words.texts()
    rows = pairs.c[_unanswered(halves, scene.words, pairs.c, pairs.s)]
    named = distinct(
        halves.at("environment", rows).astype(np.int64) << 32 | halves.at("address", rows)
    )
    return {(texts[pair >> 32], texts[pair & 0xFFFFFFFF]) for pair in named.tolist()}


def _unanswered(halves: Frame, words: Words, c: Rows, s: Rows) -> Mask:
    """Clients alone that called an address, other than that of a database."""
    silent: Mask = (
        (c >= 0)
        & (s < 0)
        & (halves.at("address", c) != 0)
        & (halves.at("protocol", c) != words.number("database"))
    )
    return silent


def _hosts(address: Column, words: Words) -> Column:
    """Addresses up to their first dot or colon."""
    named, at = np.unique(address, return_inverse=True)
    texts = words.texts()
    return words.numbers(texts[number].split(":")[0].split(".")[0] for number in named)[at]


def _text_order(span: Column) -> Column:
    """Spans as numbers in the order of their bytes."""
    return span.astype(np.uint64).byteswap()


def _firsts(key: Keys) -> Mask:
    """Whether a row is the first with its key."""
    first = np.zeros(len(key), bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first
