"""The Grafana dashboard is made of the panels, and every statement in it runs. It was not loaded
in a Grafana here.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from dashboards.grafana.build import VARIABLES, dashboard
from monitor.store import Store
from tests.fixtures.shop_day import NOON, edge_row, publish, write, write_shop_day

MADE = dashboard()
SINCE = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def expanded(text: str, interval_seconds: int = 60, **chosen: str) -> str:
    """The statement as Grafana sends it: exactly the macros and variables that we use; anything
    else is left and fails.
    """
    for name in VARIABLES:
        value = chosen.get(name)
        quoted = "''" if value is None else "'" + value.replace("'", "''") + "'"
        text = text.replace(f"${{{name}:sqlstring}}", quoted)
    text = text.replace("$__fromTime", f"toDateTime({int(SINCE.timestamp())})").replace(
        "$__toTime", f"toDateTime({int(NOON.timestamp())})"
    )
    text = text.replace("$__interval_s", str(interval_seconds))
    assert "$" not in text
    return text


def statements() -> Iterator[tuple[str, str, str, str]]:
    """(title, kind, unit, statement) of every panel, variable and annotation."""
    for panel in MADE["panels"]:
        for target in panel.get("targets", []):
            yield (
                panel["title"],
                panel["type"],
                panel["fieldConfig"]["defaults"]["unit"],
                target["rawSql"],
            )
    for variable in MADE["templating"]["list"][1:]:
        yield variable["name"], "variable", "", variable["query"]["rawSql"]
    for annotation in MADE["annotations"]["list"]:
        yield annotation["name"], "annotation", "", annotation["target"]["rawSql"]


def told(name: str) -> dict[str, object]:
    """A row of a deploy."""
    words = ("id", "kind", "environment", "service", "version", "previous_version", "state")
    deploy = dict(
        zip(
            words,
            (name, "deploy", "production", "payment", "2.0.0", "1.4.2", "started"),
            strict=True,
        )
    )
    return deploy | {"started": NOON - timedelta(minutes=10), "updated": NOON}


@pytest.fixture
def client(store: Store, chdb_path: Path) -> Client:
    write_shop_day(store)
    write(store, "deploys", [told("d1")])
    made = clickhouse_connect.get_client(interface="chdb", path=str(chdb_path), query_limit=0)
    made.command(f"USE `{store.database}`")
    made.command("SET readonly = 1")
    return made


def test_the_file_is_what_the_panels_make() -> None:
    """When this fails: python -m dashboards.grafana.build."""
    assert (
        json.loads(
            files("dashboards").joinpath("grafana", "seamwatch.json").read_text(encoding="utf-8")
        )
        == MADE
    )


def test_every_statement_runs_and_answers_in_its_shape(client: Client) -> None:
    for title, kind, unit, text in statements():
        answer = client.query(expanded(text, callee="payment" if kind == "timeseries" else ""))
        types = [column.name for column in answer.column_types]
        if kind == "timeseries":
            assert answer.result_rows, title
            assert answer.column_names[0] == "time", title
            assert types[0].startswith("DateTime"), title
            assert re.match(r"(Nullable\()?(Float|UInt)", types[-1]), (title, types)
            values = [row[-1] for row in answer.result_rows]
            assert unit != "percentunit" or all(0 <= value <= 1 for value in values), title
        elif kind in {"stat", "variable"}:
            assert len(types) == 1, title
            assert answer.result_rows, title
        elif kind == "annotation":
            assert answer.column_names[0] == "time", title


def test_a_choice_narrows_and_all_does_not(client: Client) -> None:
    calls = next(text for title, _, _, text in statements() if title == "Calls a second")
    everything = client.query(expanded(calls)).result_rows
    payment = client.query(expanded(calls, callee="payment")).result_rows
    assert 0 < sum(row[-1] for row in payment) < sum(row[-1] for row in everything)


def test_a_hostile_name_stays_text(client: Client) -> None:
    calls = next(text for title, _, _, text in statements() if title == "Calls a second")
    assert client.query(expanded(calls, callee="x' OR 1=1 --")).result_rows == []


def test_it_is_a_classic_dashboard_with_everything_a_panel_needs() -> None:
    assert MADE["schemaVersion"] == 39
    ids = [panel["id"] for panel in MADE["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in MADE["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel.get("targets", []):
            assert target["editorType"] == "sql"
            assert target["datasource"] == {
                "type": "grafana-clickhouse-datasource",
                "uid": "${datasource}",
            }


def test_services_of_one_name_are_chosen_and_shown_apart(client: Client, store: Store) -> None:
    window = NOON - timedelta(minutes=5)
    rows = [
        edge_row(
            window,
            100,
            ("web", "pay", "http", "POST /pay"),
            ("1", "2"),
            calls,
            callee_namespace=space,
        )
        for space, calls in {"team-a": 30, "team-b": 50}.items()
    ]
    write(store, "edge_windows", rows)
    publish(store, 100, [window], NOON)
    calls = next(text for title, _, _, text in statements() if title == "Calls a second")

    def counted(callee: str) -> float:
        return sum(row[-1] for row in client.query(expanded(calls, callee=callee)).result_rows)

    assert 0 < counted("team-a/pay") * 5 == pytest.approx(counted("team-b/pay") * 3)
    assert counted("pay") == pytest.approx(counted("team-a/pay") + counted("team-b/pay"))
    assert counted("team-c/pay") == 0
    write(store, "deploys", [told("d2") | {"namespace": "team-a", "service": "pay"}])
    marks = next(text for name, kind, _, text in statements() if kind == "annotation")
    shown = client.query(expanded(marks))
    assert any("team-a/pay" in str(row) for row in shown.result_rows)
