"""What live exchanges showed of each stub, by rows of `mocks_met_of`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from monitor.contracts.inferring.held import Held
from monitor.contracts.mapped import maps_of, unkeyed
from monitor.contracts.mocking import Differing, differences
from monitor.contracts.skeleton import Node
from monitor.contracts.stubs import Stub
from monitor.joining.mocking import NO_TIME, differs_by


@dataclass(slots=True)
class StubMet:
    """What was seen of one stub. Bodies are those of its own status; `maps` are the places of them
    where keys are data.
    """

    stub: Stub
    calls: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    open: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    met: set[str] = field(default_factory=set)
    operations: Counter[str] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    bodies: int = 0
    like: int = 0
    places: Counter[str] = field(default_factory=Counter)
    differing: Counter[Differing] = field(default_factory=Counter)
    versions: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    refused: Counter[tuple[str, ...]] = field(default_factory=Counter)
    maps: frozenset[str] = frozenset()

    @property
    def exchanges(self) -> int:
        return sum(self.calls.values())

    @property
    def judged(self) -> int:
        return self.exchanges - self.open

    @property
    def of_status(self) -> int:
        """Of those that are judged, how many were answered with the stub's status."""
        return self.statuses[self.stub.status]

    @property
    def operation(self) -> str:
        asked = f"{self.stub.method} {self.stub.path}".strip()
        return next((name for name, _ in self.operations.most_common(1)), asked)


def maps_by_stub(
    stubs: Sequence[Stub], rows: Iterable[Mapping[str, Any]]
) -> Mapping[str, frozenset[str]]:
    """The places of each stub's live bodies where keys are data."""
    status = {stub.name: stub.status for stub in stubs}
    bodies: dict[str, Counter[str]] = {stub.name: Counter() for stub in stubs}
    for row in rows:
        if row["word"] == "shape" and row["text"] and row["met"] != "perhaps":
            name = row["interaction"]
            if status.get(name) == row["status"]:
                bodies[name][row["text"]] += stands_for(row)
    maps: dict[str, frozenset[str]] = {}
    for name, texts in bodies.items():
        held = Held()
        for text, count in texts.items():
            held.add(orjson.loads(text), count)
        maps[name] = maps_of(held)
    return maps


def stands_for(row: Mapping[str, Any]) -> int:
    """How many exchanges a row stands for."""
    return int(row["exchanges"]) * int(row["stands_for"])


def counted(entry: StubMet, row: Mapping[str, Any], nodes: dict[str, Node]) -> None:
    """Add a row to what a stub has met; `nodes` keeps the bodies that were read already."""
    count, version = stands_for(row), str(row["callee_version"])
    if row["word"] == "call":
        entry.calls[(row["operation"], row["status"], version)] += count
        entry.operations[row["operation"]] += count
        entry.met.add(row["met"])
        if row["met"] == "perhaps":
            entry.open += count
            return
        entry.statuses[row["status"]] += count
        if row["bucket"] != NO_TIME and row["status"] == entry.stub.status:
            entry.times[row["bucket"]] += count
    elif row["word"] == "broken":
        key = tuple(differs_by(row["detail"]))
        entry.refused[key] += count
        entry.versions.setdefault(key, set()).add(version)
    elif row["met"] == "perhaps":
        return
    elif row["status"] == entry.stub.status and row["text"] and entry.stub.node is not None:
        text = str(row["text"])
        node = nodes.get(text)
        if node is None:
            node = nodes[text] = orjson.loads(text)
        _compared(entry, node, str(row["shown"]), count, version)


def _compared(entry: StubMet, live: Node, shown: str, count: int, version: str) -> None:
    """One kind of live body beside the stub's."""
    assert entry.stub.node is not None
    drifts = False
    seen: set[str] = set()
    stub = unkeyed(entry.stub.node, entry.maps)
    for difference in differences(stub, unkeyed(live, entry.maps)):
        if difference.code == "seen":
            seen.add(difference.pointer)
            continue
        if shown == "kept" and difference.code != "more":
            continue  # its matchers allow it
        key = (difference.code, difference.pointer, difference.expected, difference.actual)
        entry.differing[key] += count
        entry.versions.setdefault(key, set()).add(version)
        drifts = drifts or difference.code != "more"
    if seen:
        entry.bodies += count
        entry.like += 0 if drifts else count
    for pointer in seen:
        entry.places[pointer] += count
