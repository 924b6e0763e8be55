"""Files of many cases and deploys: each is judged as it would be alone, by its own rows."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.detect.settings import JudgeSettings
from monitor.outside.answers import Answer, answer_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.releases import Releases
from monitor.outside.told import apart
from monitor.outside.watching import decide
from tests.outside.rows import AT, Row, beside, deploy, minutes, replaced, written

SERVICES = ("pay", "stock", "mail")
HARMS = ({}, {"errors": 60}, {"errors": 9})


def answers(folder: Path, rows: list[Row], deploys: list[Row]) -> dict[str, Answer]:
    edges, lines = written(folder, rows, deploys)
    cases, stated = apart(edges_of(edges)[0]), deploys_of(lines)
    return {
        mine.deploy_id: answer_of(decide(cases, mine, stated, JudgeSettings(), "edges"))
        for mine in stated
    }


def case(name: str, place: int) -> tuple[list[Row], Row]:
    """Rows and deploy of a case whose names no other has."""
    how = (beside, replaced)[place % 2](HARMS[place % 3])
    service, versions = f"{SERVICES[place % 3]}{place}", {"1.0": f"1.{place}", "2.0": f"2.{place}"}
    rows = [
        {
            **entry,
            "case": name,
            "caller": f"web{place}",
            "callee": service if entry["callee"] == "pay" else entry["callee"],
            "version": versions.get(entry["version"], entry["version"]),
        }
        for entry in minutes(how, before=30, after=16)
    ]
    told = deploy(
        deploy_id=f"d{place}",
        case=name,
        service=service,
        version_from=versions["1.0"],
        version_to=versions["2.0"],
        evaluate_until=(AT + timedelta(minutes=16)).isoformat(),
    )
    return rows, told


def test_a_case_among_many_is_judged_as_alone(tmp_path: Path) -> None:
    cases = {f"case {place}": case(f"case {place}", place) for place in range(9, 0, -1)}
    rows = [entry for mine, _ in cases.values() for entry in mine]
    np.random.default_rng(1).shuffle(rows)  # type: ignore[arg-type]
    together = answers(tmp_path, rows, [told for _, told in cases.values()])
    for mine, told in cases.values():
        (alone,) = answers(tmp_path, mine, [told]).values()
        assert together[told["deploy_id"]] == alone
    assert len({answer.verdict for answer in together.values()}) > 1


@pytest.mark.parametrize("hours", [3, 40])
def test_what_was_released_hours_before_bears_on_no_deploy(hours: int, tmp_path: Path) -> None:
    rows = minutes(replaced({"errors": 60}))
    before = [
        deploy(
            deploy_id=f"e{number}",
            service="stock",
            at=(AT - timedelta(hours=hours, minutes=number)).isoformat(),
            evaluate_until=None,
            version_from="6",
            version_to="7",
        )
        for number in range(4)
    ]
    alone = answers(tmp_path, rows, [deploy()])["d1"]
    assert answers(tmp_path, rows, [*before, deploy()])["d1"] == alone
    assert alone.verdict == "fail"


def test_rows_of_a_service_are_found_as_they_stand(tmp_path: Path) -> None:
    rows = minutes(replaced({}), before=5, after=5)
    rows += [{**entry, "caller": "pay", "callee": "bank"} for entry in rows[::3]]
    edges, _ = written(tmp_path, rows, [deploy()])
    read = edges_of(edges)[0]
    mine = apart(read).of("c")
    for service in ("pay", "bank", "web", "nobody"):
        ends = read.callee.is_any(service) | read.caller.is_any(service)
        assert mine.touching(service).place.tolist() == read.place[ends].tolist()
    callee = read.callee.is_any("pay", "bank")
    assert mine.answers(["bank", "pay", "pay"]).place.tolist() == read.place[callee].tolist()
    assert len(mine.answers([])) == 0
    other = apart(read)
    assert len(other.of("no such case").rows) == 0
    assert other.of("c").rows.version.texts() == read.version.texts()


def test_versions_of_a_service_are_those_of_its_deploys(tmp_path: Path) -> None:
    named = [
        deploy(deploy_id="a"),
        deploy(deploy_id="b", version_from="2.0", version_to="3.0"),
        deploy(deploy_id="e", service="bank", version_from="", version_to=""),
    ]
    _, lines = written(tmp_path, minutes(replaced({}), 1, 1), named)
    first, second, bank = deploys_of(lines)
    releases = Releases([second, bank, first])
    assert releases.versions("pay") == {"1.0", "2.0", "3.0"}
    assert releases.versions("pay", first) == {"2.0", "3.0"}
    assert releases.versions("bank") == frozenset()
    assert releases.names_version("pay", first)
    assert not releases.names_version("bank", first)
    assert list(releases.between(first.at, first.at)) == [second, bank, first]
    assert list(releases.between(first.at + 1, first.at + 2)) == []
