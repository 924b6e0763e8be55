"""The Grafana dashboard out of the panels' SQL: `python -m dashboards.grafana.build` writes
seamwatch.json.

Classic dashboard JSON, schema 39, for the plugin grafana-clickhouse-datasource 4.x (Grafana 11.6
or newer). Each typed parameter of a panel becomes a macro or a quoted variable of Grafana:
https://grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/
"""

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from dashboards.templates import templates

PLUGIN = "grafana-clickhouse-datasource"
DATASOURCE = {"type": PLUGIN, "uid": "${datasource}"}
TIME_SERIES, TABLE = 0, 1
LIMIT = 500
MOST_CHOICES = 100_000  # the menus of services hold all
# How a panel's parameter is said in Grafana. Variables are quoted by Grafana itself: `sqlstring`
# doubles quotes.
MACROS = {
    "since": "$__fromTime",
    "until": "$__toTime",
    "bucket_seconds": "greatest($__interval_s, 10)",
    "limit": str(LIMIT),
    "offset": "0",
}
VARIABLES = ("environment", "caller", "callee")
FREE = ("protocol", "operation", "contract", "service")

Panel = dict[str, Any]


def sql(panel: str, wanted: str = "*", where: str = "", **bound: str) -> str:
    """A panel's statement with Grafana's words in it; `wanted` picks columns, `bound` gives
    parameters other words.
    """
    text = templates(files("dashboards")).get_template(f"panels/{panel}.sql").render()
    words = {
        **MACROS,
        **{name: f"${{{name}:sqlstring}}" for name in VARIABLES},
        **dict.fromkeys(FREE, "''"),
        **bound,
    }
    text = re.sub(r"\{(\w+):\w+\}", lambda match: words[match[1]], text)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    if wanted == "*":
        return text
    outer = f"SELECT {wanted} FROM (\n{text}\n)"  # noqa: S608 - our own words, when the dashboard is built
    return f"{outer} WHERE {where}" if where else outer


def dashboard() -> dict[str, Any]:
    """The whole dashboard, the same each time."""
    pair = "concat(caller_version, ' → ', callee_version) AS pair"
    panels = [
        _row("How far the data is"),
        _stat("Newest sealed window", sql("windows_state", "last_sealed"), "dateTimeFromNow"),
        _stat("Rows that came late", sql("windows_state", "late_rows"), "short"),
        _stat("Spans read", sql("span_totals", "spans"), "short"),
        _row("One edge, by version pair: choose caller and callee above"),
        _series("Calls a second", sql("edge_rates", f"time, {pair}, calls_per_second"), "reqps"),
        _series("Share that fails", sql("edge_rates", f"time, {pair}, failed_share"), "percentunit"),
        _series("Share that only the provider calls failed", sql("edge_rates", f"time, {pair}, failed_by_provider_only_share"), "percentunit"),
        _series("Share of checked exchanges that break their contract", sql("edge_rates", f"time, {pair}, violated_share", "violated_share IS NOT NULL"), "percentunit"),
        _series("95 of 100 calls take at most, as the caller sees it", sql("edge_latency", f"time, {pair}, client_p95", "client_p95 IS NOT NULL"), "s"),
        _series("The same as the callee sees it", sql("edge_latency", f"time, {pair}, server_p95", "server_p95 IS NOT NULL"), "s"),
        _series("Share of the callee's calls by version", sql("version_share", "time, concat(service, ' ', version) AS live, share", service="${callee:sqlstring}"), "percentunit"),
        _series("Violations by version of the callee", sql("violations_over_time", "time, concat(if(callee_namespace = '', '', concat(callee_namespace, '/')), callee, ' ', callee_version) AS provider, violations"), "short"),
        _row("All"),
        _table("Edges", sql("edges_overview")),
        _table("Clauses that are broken", sql("violations_by_fingerprint", "caller_namespace, caller, callee_namespace, callee, operation, side, rule, pointer, expected, actual, exchanges, first_seen, last_seen, in_all")),
        _table("Services and versions alive", sql("services")),
        _table("What was seen of both sides", sql("coverage", "environment, caller_namespace, caller, callee_namespace, callee, calls, both_share, checked, head_sampled, biased, rows_without_version, in_all")),
        _table("What could not be read", sql("rejects_by_reason", "topic, reason, parts, records, last_seen, last_detail, in_all")),
    ]  # fmt: skip
    return {
        "title": "Seamwatch: edges",
        "uid": "seamwatch-edges",
        "tags": ["seamwatch"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "annotations": {"list": [_deploy_markers()]},
        "templating": {"list": [_datasource(), *(_variable(name) for name in VARIABLES)]},
        "panels": _placed(panels),
    }


def _target(text: str, form: int) -> dict[str, Any]:
    kind = "timeseries" if form == TIME_SERIES else "table"
    return {
        "refId": "A",
        "datasource": DATASOURCE,
        "editorType": "sql",
        "rawSql": text,
        "format": form,
        "queryType": kind,
        "pluginVersion": "4.20.0",
    }


def _row(title: str) -> Panel:
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "panels": [],
        "gridPos": {"w": 24, "h": 1},
    }


def _stat(title: str, text: str, unit: str) -> Panel:
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False}}
    return _panel("stat", title, text, TABLE, unit, 8, 4) | {"options": options}


def _series(title: str, text: str, unit: str) -> Panel:
    return _panel("timeseries", title, text, TIME_SERIES, unit, 12, 8) | {"interval": "10s"}


def _table(title: str, text: str) -> Panel:
    return _panel("table", title, text, TABLE, "short", 24, 8)


def _panel(
    kind: str, title: str, text: str, form: int, unit: str, width: int, height: int
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "datasource": DATASOURCE,
        "targets": [_target(text, form)],
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0} if kind == "timeseries" else {"unit": unit},
            "overrides": [],
        },
        "gridPos": {"w": width, "h": height},
    }


def _placed(panels: Sequence[Panel]) -> list[Panel]:
    """Panels from left to right, top to bottom, on Grafana's grid of 24 columns."""
    placed, x, y, line = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
        if x + width > 24:
            x, y, line = 0, y + line, 0
        placed.append(panel | {"id": number, "gridPos": {"w": width, "h": height, "x": x, "y": y}})
        x, line = x + width, max(line, height)
    return placed


def _datasource() -> dict[str, Any]:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "ClickHouse",
        "query": PLUGIN,
        "current": {},
        "hide": 0,
    }


def _variable(name: str) -> dict[str, Any]:
    text = sql("edges_overview", f"DISTINCT {name}", environment="''", limit=str(MOST_CHOICES))
    return {
        "type": "query",
        "name": name,
        "datasource": DATASOURCE,
        "query": {
            "rawSql": f"{text} ORDER BY {name}",
            "refId": "A",
            "editorType": "sql",
            "queryType": "table",
            "format": TABLE,
            "pluginVersion": "4.20.0",
        },
        "definition": f"{text} ORDER BY {name}",
        "refresh": 2,
        "includeAll": True,
        "allValue": "''",
        "multi": False,
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _deploy_markers() -> dict[str, Any]:
    text = sql(
        "deploy_markers",
        "time, concat(if(namespace = '', '', concat(namespace, '/')), service, ' ', version) AS title, concat(kind, ' ', state) AS text, environment AS tags",
    )
    return {
        "name": "Deploys",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "orange",
        "target": _target(text, TABLE),
    }


def main() -> None:
    """Write seamwatch.json beside this file."""
    text = json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
    Path(str(files("dashboards").joinpath("grafana", "seamwatch.json"))).write_text(
        text, encoding="utf-8"
    )


if __name__ == "__main__":
    main()
