"""Which services share a name, so that pages say `namespace/name` of these and only of these."""

from collections.abc import Iterable

from monitor.api.pages.lines import Names
from monitor.api.parts import Parts
from monitor.api.questions import live_services
from monitor.model.edges import Edge


def names_known(parts: Parts, ends: Iterable[tuple[str, str]] = ()) -> Names:
    """From the services that telemetry showed in the last day of the data, and these (namespace,
    name) beside them.
    """
    return Names([*ends, *((row["namespace"], row["service"]) for row in live_services(parts))])


def ends_of(edges: Iterable[Edge]) -> list[tuple[str, str]]:
    """Namespace and name of every caller and callee."""
    return [
        pair
        for edge in edges
        for pair in ((edge.caller_namespace, edge.caller), (edge.callee_namespace, edge.callee))
    ]
