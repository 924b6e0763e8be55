"""Skeletons of which the keys of maps are told as keys: what varies from payload to payload is no
field, although each key may look like a name.
"""

from collections.abc import Iterator
from functools import reduce

from monitor.contracts.inferring.held import Held
from monitor.contracts.skeleton import Node, merged
from monitor.model.pointers import escaped

Places = frozenset[str]


def maps_of(held: Held) -> Places:
    """The places, with `*` for items and keys, where these payloads held maps."""
    return frozenset(_maps(held, ""))


def _maps(held: Held, at: str) -> Iterator[str]:
    if held.is_map:
        yield at
        yield from _maps(held.under_keys(), f"{at}/*")
    else:
        for name, below in held.fields.items():
            yield from _maps(below, f"{at}/{escaped(name)}")
    if held.items is not None:
        yield from _maps(held.items, f"{at}/*")


def unkeyed(node: Node, maps: Places, at: str = "") -> Node:
    """The skeleton with no key of a map in it: what stands under its keys is one node."""
    if not maps:
        return node
    copy = dict(node)
    if "o" in node:
        is_map = at in maps
        fields = {
            name: unkeyed(below, maps, f"{at}/*" if is_map else f"{at}/{escaped(name)}")
            for name, below in node["o"].items()
        }
        copy["o"] = {} if is_map else fields
        if is_map:
            copy.pop("q", None)
            copy["m"] = reduce(merged, fields.values(), _below_keys(node, maps, at))
    if node.get("m") and at not in maps:
        copy["m"] = _below_keys(node, maps, at)
    if node.get("a"):
        copy["a"] = unkeyed(node["a"], maps, f"{at}/*")
    return copy


def _below_keys(node: Node, maps: Places, at: str) -> Node:
    return unkeyed(node["m"], maps, f"{at}/*") if node.get("m") else {}
