"""In which traces spans say something of each other than client and server do, and what it is
(edges.kin finds that out).
"""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.edges import kin
from monitor.edges.counting.frame import (
    Column,
    Frame,
    Keys,
    Mask,
    Words,
    spans_column,
    traces_column,
)
from monitor.edges.counting.joins import distinct, members
from monitor.model.spans import KIND_CONSUMER, KIND_INTERNAL, KIND_SERVER

_PORT = re.compile(r":[0-9]+$")
_SIDECAR = re.compile(r"sidecar|envoy|istio|linkerd|mesh|proxy|consul-dataplane|daprd")
"""Sidecars by name may tell both what came and what went, as any service does."""
_WORDS = ("namespace", "service", "version", "protocol", "host", "outcome", "error_type")


def families(
    halves: Frame, near: Mask, inner_span: Column, inner_parent: Column, words: Words
) -> Keys:
    """Keys of the traces to look at: those with a client over a client, a server right under a
    server, a consumer or an internal span, two spans with one id, a client over an internal span;
    and sidecars'.
    """
    rows = np.flatnonzero(near)
    kind, own, parent = halves["kind"][rows], halves["own_span"][rows], halves["parent"][rows]
    server, consumer = kind == KIND_SERVER, kind == KIND_CONSUMER
    outgoing = ~server & ~consumer
    clients, servers = own[outgoing], own[server]
    over_servers, over_clients = parent[server], parent[outgoing]
    names = [
        servers[members(servers, clients)],
        over_clients[members(over_clients, clients)],
        over_servers[members(over_servers, servers)],
        over_servers[members(over_servers, own[consumer])],
        inner_parent[members(inner_parent, clients)],
        over_servers[members(over_servers, inner_span)],
    ]
    numbers = distinct(np.concatenate(names))
    numbers = numbers[numbers != 0]
    texts = words.texts()
    services = np.unique(halves["service"][rows])
    sidecars = [
        service for service in services.tolist() if _SIDECAR.search(texts[service].lower())
    ]
    related = np.zeros(len(rows), bool)
    if len(numbers):
        related = members(own, numbers) | members(parent, numbers)
    if sidecars:
        related |= np.isin(halves["service"][rows], sidecars)
    return distinct(halves.keys("own_trace")[rows[related]])


def joints_of(
    halves: Frame, members: Mask, inner: Frame | None, words: Words, near: Sequence[int]
) -> pa.Table:
    """What these spans say of each other: rows of `joints`, without generation. `inner`: internal
    spans of their traces.
    """
    rows = np.flatnonzero(members)
    hosts = words.numbers(_PORT.sub("", text) for text in words.texts())
    columns = {
        "trace": halves["own_trace"][rows],
        "span": halves["own_span"][rows],
        "parent": halves["parent"][rows],
        "kind": halves["kind"][rows],
        "window": halves["window"][rows],
        "host": hosts[halves["address"][rows]],
    }
    for name in (
        "start_ns",
        "end_ns",
        "namespace",
        "service",
        "version",
        "protocol",
        "outcome",
        "error_type",
        "failed",
    ):
        columns[name] = halves[name][rows]
    if inner is not None and inner.count:
        for name, values in columns.items():
            columns[name] = np.concatenate([values, _inner(inner, name, values)])
    made: dict[str, pa.Array] = {"trace": traces_column(columns["trace"])}
    for name in ("span", "parent"):
        made[name] = spans_column(columns[name])
    for name in ("kind", "window", "start_ns", "end_ns", "failed"):
        made[name] = pa.array(columns[name])
    for name in _WORDS:
        made[name] = words.column(columns[name])
    return kin.joints(pa.table(made), near)


def _inner(inner: Frame, name: str, like: Column) -> Column:
    if name == "kind":
        return np.full(inner.count, KIND_INTERNAL, like.dtype)
    if name in inner.columns:
        return inner[name].astype(like.dtype)
    return np.zeros(inner.count, like.dtype)
