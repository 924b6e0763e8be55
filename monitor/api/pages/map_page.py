"""The map: which service calls which, how it goes, and what changed lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api import formatting
from monitor.api.access import Opened, Reading
from monitor.api.map_layout import Box, Curve, Layout, lay_out
from monitor.api.moments import Name, Since, Until
from monitor.api.pages.incidents import incidents
from monitor.api.pages.lines import STATES, MapLine, Names, map_lines, services_of
from monitor.api.questions import RANGES, Range, Row, data_range, listed_in, windows_state
from monitor.api.sharing import PageRoute
from monitor.api.templating import link, render
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.control import verdicts as kept_verdicts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_LINES = 120
MOST_LISTED = 500
MOST_ROWS = 50_000
"""Pairs of services that one page reads; far more than anybody looks at, and it says so when there
are more.
"""
SHOWN, SHOWN_DEPLOYS = 3, 4
SUSPECT = frozenset({"violating", "failing"})
STRIP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class MapNode:
    """A service on the map."""

    box: Box
    versions: str
    kind: str
    ramp: bool
    href: str


@router.get("/")
def map_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
) -> HTMLResponse:
    """The map of one environment, over the last hour by default."""
    asked = data_range(parts, since, until)
    overview = listed_in(parts, "edges_overview", asked, MOST_ROWS, environment=None)
    rows = overview.rows
    environments = _environments(rows)
    chosen = environment if environment is not None else (environments[0] if environments else "")
    opened = kept_findings.list_findings(parts.engine, state="open")
    findings = [
        finding for finding in opened if finding.edge.environment == chosen or not environments
    ]
    live = listed_in(parts, "services", asked, MOST_ROWS, environment=chosen, service=None)
    versions = live.rows
    here = [row for row in rows if row["environment"] == chosen]
    lines = map_lines(
        here, findings, {(row["namespace"], row["service"]) for row in versions}, asked
    )
    drawn, layout = _drawn(lines)
    lately = parts.clock() - STRIP
    deploys = kept_deploys.list_deploys(parts.engine, since=lately, limit=SHOWN_DEPLOYS)
    blamed = incidents(opened)
    top = {incident.deploy_id for incident in blamed[:SHOWN]}
    return render(
        request,
        "map.html",
        {
            "range": asked,
            "ranges": RANGES,
            "environments": environments,
            "environment": chosen,
            "lines": lines[:MOST_LISTED],
            "lines_in_all": len(lines),
            "drawn": drawn,
            "layout": layout,
            "nodes": _nodes(layout, versions, drawn, Names(services_of(here)), chosen, asked),
            "states": STATES,
            "deploys": deploys,
            "deploys_in_all": kept_deploys.count_deploys(parts.engine, since=lately),
            "open_findings": len(opened),
            "suspect": sum(line.state in SUSPECT for line in lines),
            "rows": overview,
            "incidents": blamed,
            "shown": SHOWN,
            "blamed_deploys": kept_deploys.by_id(parts.engine, top),
            "verdicts": {
                deploy_id: kept_verdicts.latest_verdict(parts.engine, deploy_id)
                for deploy_id in top
            },
            "windows": windows_state(parts),
        },
    )


def _drawn(lines: Sequence[MapLine]) -> tuple[list[MapLine], Layout]:
    """The lines that fit on the map, with their curves."""
    chosen = lines[:MOST_LINES]
    layout = lay_out((line.caller, line.callee) for line in chosen)
    curves = {(curve.caller, curve.callee): curve for curve in layout.curves}
    return [_with_curve(line, curves[line.caller, line.callee]) for line in chosen], layout


def _with_curve(line: MapLine, curve: Curve) -> MapLine:
    values = {name: getattr(line, name) for name in MapLine.__slots__}
    return MapLine(**{**values, "curve": curve})


def _nodes(
    layout: Layout,
    versions: Sequence[Row],
    lines: Sequence[MapLine],
    names: Names,
    environment: str,
    asked: Range,
) -> list[MapNode]:
    newest = max((row["last_window"] for row in versions), default=None)
    alive: dict[str, list[str]] = {}
    for row in versions:
        if newest is not None and newest - row["last_window"] <= timedelta(minutes=2):
            alive.setdefault(names.shown(row["namespace"], row["service"]), []).append(
                row["version"]
            )
    kinds: Mapping[str, str] = {line.callee: line.protocols for line in lines}
    wanted = {line.caller: line.asked_caller for line in lines} | {
        line.callee: line.asked_callee for line in lines
    }
    nodes = []
    for box in layout.boxes:
        live = sorted({version for version in alive.get(box.name, ()) if version})
        shown = " · ".join(formatting.name(version, 12) for version in live[:2]) + (
            f" +{len(live) - 2}" if len(live) > 2 else ""
        )
        kind = (
            "service"
            if box.name in alive
            else "user"
            if box.name == "user"
            else "unknown"
            if box.name == "unknown"
            else _outside(kinds.get(box.name, ""))
        )
        nodes.append(
            MapNode(
                box,
                shown or ("" if kind in ("service", box.name) else kind),
                kind,
                len(live) > 1,
                link(
                    "/edges",
                    service=wanted.get(box.name, box.name),
                    environment=environment,
                    since=asked.text,
                    until=asked.until_text,
                ),
            )
        )
    return nodes


def _outside(protocols: str) -> str:
    return (
        "database"
        if "database" in protocols or protocols == "db"
        else "queue"
        if "messaging" in protocols
        else "outside"
    )


def _environments(rows: Sequence[Row]) -> list[str]:
    calls: dict[str, int] = {}
    for row in rows:
        calls[row["environment"]] = calls.get(row["environment"], 0) + row["calls"]
    return sorted(calls, key=lambda name: (-calls[name], name))
