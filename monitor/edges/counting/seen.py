"""What halves show beside calls: versions and instances alive, addresses under which services
answer.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import groups_of
from monitor.edges.counting.joins import matches, members
from monitor.model.spans import KIND_CLIENT, KIND_SERVER

Reached = tuple[str, str, str, str]
"""Environment, address, and the namespace and name of the service that answered there."""
NO_INSTANCE = "(logs)"
"""Stands in `sightings` for the instance of what only API logs tell of: they name none. Statements
name it, too.
"""
_ALIVE = ("window", "environment", "namespace", "service", "version", "instance")


def sighting_rows(scene: Scene, generation: int) -> pa.Table:
    """Rows of `sightings` of the windows due."""
    halves = scene.halves
    rows = np.flatnonzero(halves["due"] & scene.once & scene.mine)
    if not len(rows):
        return pa.table({})
    group, first = groups_of(*(halves[name][rows] for name in _ALIVE))
    primary = halves["primary"][rows] == 1
    answers = primary & (halves["side"][rows] == 2)
    keys = rows[first]
    made = {
        "window": pa.array(halves["window"][keys].astype(np.uint32)),
        "generation": pa.array(np.full(len(keys), generation, np.uint64)),
    }
    for name in _ALIVE[1:]:
        made[name] = scene.words.column(halves[name][keys])
    counted = {
        "spans": primary,
        "server_calls": answers,
        "failed": answers & (halves["failed"][rows] == 1),
    }
    for name, which in counted.items():
        made[name] = pa.array(np.bincount(group[which], minlength=len(keys)).astype(np.uint64))
    return pa.table(made)


def logged_sightings(edges: pa.Table, generation: int) -> pa.Table:
    """Rows of `sightings` of versions that API logs alone tell of, from rows of `edge_windows`:
    without spans, and as of no instance.
    """
    if not edges.num_rows:
        return edges
    logs = edges.filter(pc.greater(edges["log_only"], 0))
    sides = []
    for side in ("callee", "caller"):
        versions = logs[f"{side}_version"].cast(pa.string())
        named = pc.not_equal(versions, "")
        rows, versions = logs.filter(named), versions.filter(named)
        count = rows.num_rows
        none = pa.array(np.zeros(count, np.uint64))
        alone = pc.equal(rows["log_only"], rows["calls"])
        bad = pc.add(rows["server_error"], rows["timeout"])
        answers = side == "callee"
        made = {
            "window": rows["window"],
            "generation": pa.array(np.full(count, generation, np.uint64)),
            "environment": rows["environment"].cast(pa.string()),
            "namespace": rows[f"{side}_namespace"].cast(pa.string()),
            "service": rows[side].cast(pa.string()),
            "version": versions,
            "instance": pa.array([NO_INSTANCE] * count, pa.string()),
            "spans": none,
            "server_calls": rows["log_only"] if answers else none,
            "failed": pc.if_else(alone, bad, none) if answers else none,
        }
        sides.append(pa.table(made))
    return pa.concat_tables(sides)


def reached_addresses(scene: Scene) -> set[Reached]:
    """Addresses of the windows due under which paired calls reached a service."""
    halves, words = scene.halves, scene.words
    kind, side = halves["kind"], halves["side"]
    clients = np.flatnonzero(
        halves["due"] & scene.mine & (side == 1) & (kind == KIND_CLIENT) & (halves["address"] != 0)
    )
    servers = np.flatnonzero(scene.near & scene.mine & (side == 2) & (kind == KIND_SERVER))
    keys, own = halves.keys("trace", "call_span"), halves.keys("trace", "own_span")
    # a server that shares its client's id stands under another call's client, and one under it is
    # not that client's
    servers = servers[~members(keys[servers], own[servers])]
    servers = servers[~members(own[servers], keys[scene.outgoing()])]
    left, right = matches(keys[clients], keys[servers])
    if not len(left):
        return set()
    called, answered = clients[left], servers[right]
    columns = [
        halves["environment"][called],
        halves["address"][called],
        halves["namespace"][answered],
        halves["service"][answered],
    ]
    _, first = groups_of(*columns)
    texts = words.texts()
    rows = np.stack([column[first] for column in columns], axis=1).tolist()
    return {(texts[a], texts[b], texts[c], texts[d]) for a, b, c, d in rows}
