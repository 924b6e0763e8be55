"""Calls counted by all that tells one from another: who made them, who answered, where. What they
differ by is learned from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from monitor.model.edges import Edge, Histogram


@dataclass(frozen=True, slots=True)
class Alike:
    """Calls of one edge that are alike in all that is known of them. `instance` and `zone` are of
    the service that is judged.

    `fold` is 0 or 1: what was learned of one fold can be tried on the other, which holds other
    traces. `bad` counts calls by kind: server_error, provider_error, client_error, timeout. A side
    that no span showed has an empty histogram. `failures`: (type, template of what was said or "",
    calls). `payload_shape`: the shape of what was sent, "" where no exchange tells. `build`: what
    the instance says of its build, by resource attribute.
    """

    edge: Edge
    caller_version: str
    callee_version: str
    instance: str
    zone: str
    fold: int
    calls: int
    bad: Mapping[str, int] = field(default_factory=dict)
    client_histogram: Histogram = field(default_factory=dict)
    server_histogram: Histogram = field(default_factory=dict)
    failures: tuple[tuple[str, str, int], ...] = ()
    payload_shape: str = ""
    build: Mapping[str, str] = field(default_factory=dict, repr=False)

    def version_of(self, role: Literal["callee", "caller"]) -> str:
        """The version that the service of this role had."""
        return self.callee_version if role == "callee" else self.caller_version
