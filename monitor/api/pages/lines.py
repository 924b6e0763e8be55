"""What is said of the calls between two services: the lines of the map and of lists."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log10

from monitor.api import formatting
from monitor.api.map_layout import Curve
from monitor.api.questions import FAILING, Range, Row
from monitor.api.templating import link
from monitor.model.edges import WINDOW_SECONDS, qualified
from monitor.model.judging import Finding

BIASED = 2

STATES = {
    "broken": ("✖", "open finding"),
    "violating": ("▲", "breaks its contract"),
    "failing": ("▲", f"{FAILING:.0%} of calls or more fail"),
    "partial": ("◌", "seen from one side only, or sampled unfairly"),
    "well": ("", "nothing found worse"),
}


@dataclass(frozen=True, slots=True)
class MapLine:
    """What the map and its list say of the calls between two services. `failed` by either side's
    word, `provider_only` of these.
    """

    caller: str
    callee: str
    asked_caller: str
    asked_callee: str
    protocols: str
    calls: int
    failed: int
    provider_only: int
    violated: int
    checked: int
    operations: int
    state: str
    sign: str
    said: str
    findings: int
    rate: str
    width: float
    href: str
    curve: Curve | None = None


class Names:
    """How services are shown and asked for: by their plain name, and by `namespace/name` where two
    namespaces share it.
    """

    def __init__(self, services: Iterable[tuple[str, str]]) -> None:
        spaces: dict[str, set[str]] = {}
        for namespace, service in services:
            spaces.setdefault(service, set()).add(namespace)
        self._shared = {service for service, namespaces in spaces.items() if len(namespaces) > 1}

    def shown(self, namespace: str, service: str) -> str:
        """What stands on the page."""
        return qualified(namespace, service) if namespace and service in self._shared else service

    def asked(self, namespace: str, service: str) -> str:
        """What a link asks for: just this one."""
        return qualified(namespace, service) if service in self._shared else service


def services_of(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Namespace and name of every caller and callee."""
    for row in rows:
        yield row["caller_namespace"], row["caller"]
        yield row["callee_namespace"], row["callee"]


Ends = tuple[str, str, str, str]
"""Caller's namespace and name, callee's namespace and name."""


def map_lines(
    rows: Sequence[Row],
    findings: Sequence[Finding],
    alive: Collection[tuple[str, str]],
    asked: Range,
) -> list[MapLine]:
    """One line for each pair of services, the worst first, then the busiest. `alive`: namespace
    and name of services with spans.
    """
    names = Names(services_of(rows))
    broken: dict[Ends, int] = {}
    for finding in findings:
        edge = finding.edge
        ends = (edge.caller_namespace, edge.caller, edge.callee_namespace, edge.callee)
        broken[ends] = broken.get(ends, 0) + 1
    pairs: dict[Ends, list[Row]] = {}
    for row in rows:
        ends = (row["caller_namespace"], row["caller"], row["callee_namespace"], row["callee"])
        pairs.setdefault(ends, []).append(row)
    lines = [
        _line(ends, group, broken.get(ends, 0), alive, names, asked)
        for ends, group in pairs.items()
    ]
    order = list(STATES)
    return sorted(
        lines, key=lambda line: (order.index(line.state), -line.calls, line.caller, line.callee)
    )


def _line(
    ends: Ends,
    rows: Sequence[Row],
    findings: int,
    alive: Collection[tuple[str, str]],
    names: Names,
    asked: Range,
) -> MapLine:
    caller, callee = ends[:2], ends[2:]
    calls, failed = sum(row["calls"] for row in rows), sum(row["failed"] for row in rows)
    violated, valid = sum(row["violated"] for row in rows), sum(row["valid"] for row in rows)
    first, last = min(row["first_window"] for row in rows), max(row["last_window"] for row in rows)
    lived = min(asked.seconds, (last - first).total_seconds() + WINDOW_SECONDS)
    environment = rows[0]["environment"]
    state = "well"
    if findings:
        state = "broken"
    elif violated:
        state = "violating"
    elif calls and failed / calls >= FAILING:
        state = "failing"
    elif _partial(caller, callee, rows, alive):
        state = "partial"
    return MapLine(
        caller=names.shown(*caller),
        callee=names.shown(*callee),
        asked_caller=names.asked(*caller),
        asked_callee=names.asked(*callee),
        protocols=", ".join(sorted({row["protocol"] for row in rows})),
        calls=calls,
        failed=failed,
        provider_only=sum(row["failed_by_provider_only"] for row in rows),
        violated=violated,
        checked=violated + valid,
        operations=sum(row["operations"] for row in rows),
        state=state,
        sign=STATES[state][0],
        said=STATES[state][1],
        findings=findings,
        rate=formatting.rate(calls, lived),
        width=round(1.2 + 1.4 * log10(calls / lived + 1), 2),
        href=link(
            "/edges/view",
            environment=environment,
            caller=names.asked(*caller),
            callee=names.asked(*callee),
            since=asked.text,
            until=asked.until_text,
        ),
    )


def _partial(
    caller: tuple[str, str],
    callee: tuple[str, str],
    rows: Sequence[Row],
    alive: Collection[tuple[str, str]],
) -> bool:
    """True when a side that should show spans does not. Users, databases and what is outside never
    do.
    """
    if any(row["sampling"] == BIASED for row in rows) or "unknown" in (caller[1], callee[1]):
        return True
    return {caller, callee} <= set(alive) and not any(row["both"] for row in rows)
