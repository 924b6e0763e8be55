"""What is said of the calls between two services: the lines of the map and of lists."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log10

from monitor.api import wording
from monitor.api.map_layout import Curve
from monitor.api.questions import Range, Row
from monitor.api.templating import link
from monitor.model.judging import Finding

FAILING = 0.05
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
    """What the map and its list say of the calls between two services."""

    caller: str
    callee: str
    protocols: str
    calls: int
    failed: int
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


def map_lines(rows: Sequence[Row], findings: Sequence[Finding], alive: Collection[str], asked: Range) -> list[MapLine]:
    """One line for each pair of services, the worst first, then the busiest. `alive`: services with spans of their own."""
    broken: dict[tuple[str, str], int] = {}
    for one in findings:
        pair = (one.edge.caller, one.edge.callee)
        broken[pair] = broken.get(pair, 0) + 1
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        pairs.setdefault((row["caller"], row["callee"]), []).append(row)
    lines = [_line(pair, group, broken.get(pair, 0), alive, asked) for pair, group in pairs.items()]
    order = list(STATES)
    return sorted(lines, key=lambda line: (order.index(line.state), -line.calls, line.caller, line.callee))


def _line(pair: tuple[str, str], rows: Sequence[Row], findings: int, alive: Collection[str], asked: Range) -> MapLine:
    calls, failed = sum(row["calls"] for row in rows), sum(row["failed"] for row in rows)
    violated, valid = sum(row["violated"] for row in rows), sum(row["valid"] for row in rows)
    first, last = min(row["first_window"] for row in rows), max(row["last_window"] for row in rows)
    lived = min(asked.seconds, (last - first).total_seconds() + 10)
    environment = rows[0]["environment"]
    state = "well"
    if findings:
        state = "broken"
    elif violated:
        state = "violating"
    elif calls and failed / calls >= FAILING:
        state = "failing"
    elif _partial(pair, rows, alive):
        state = "partial"
    return MapLine(
        caller=pair[0],
        callee=pair[1],
        protocols=", ".join(sorted({row["protocol"] for row in rows})),
        calls=calls,
        failed=failed,
        violated=violated,
        checked=violated + valid,
        operations=sum(row["operations"] for row in rows),
        state=state,
        sign=STATES[state][0],
        said=STATES[state][1],
        findings=findings,
        rate=wording.rate(calls, lived),
        width=round(1.2 + 1.4 * log10(calls / lived + 1), 2),
        href=link(
            "/edges/view", environment=environment, caller=pair[0], callee=pair[1], since=asked.text, until=asked.until_text
        ),
    )


def _partial(pair: tuple[str, str], rows: Sequence[Row], alive: Collection[str]) -> bool:
    """True when a side that should show spans does not. Users, databases and what is outside never do."""
    if any(row["sampling"] == BIASED for row in rows) or "unknown" in pair:
        return True
    return set(pair) <= set(alive) and not any(row["both"] for row in rows)
