"""Names from telemetry never drive a terminal, a spreadsheet or a log."""

import json
import logging
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from monitor.cli.edges import _accepted
from monitor.cli.gate import junit
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain, show

HOSTILE = "a\x1b[2J\r\nb\u202ec\x9b31m"


def test_control_and_direction_characters_are_replaced() -> None:
    assert plain(HOSTILE) == "a�[2J��b�c�31m"
    assert plain("Zürich → 東京") == "Zürich → 東京"


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_hostile_name_stays_on_its_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": HOSTILE, "calls": 1}], ["name", "calls"], form)  # type: ignore[arg-type]  # parametrized
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert len(output.splitlines()) == 2


def test_markup_in_a_name_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": "[red]x[/red]"}], ["name"], "table")
    assert "[red]x[/red]" in capsys.readouterr().out


def test_a_sheet_takes_no_name_for_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": '=HYPERLINK("x")'}], ["name"], "csv")
    assert "\"'=HYPERLINK(" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["+1", "-1", "@SUM(1)", " =1", "\t=1", "＝1", "\u3000=1"])
def test_no_way_to_write_a_formula_is_let_through(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show([{"name": name}], ["name"], "csv")
    cell = capsys.readouterr().out.splitlines()[1]
    assert cell[:1] in {"'", "\N{REPLACEMENT CHARACTER}"}, cell


def test_a_name_of_ten_kilobytes_does_not_make_every_line_as_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"name": "x" * 10_000, "calls": 1}, {"name": "y", "calls": 2}]
    show(rows, ["name", "calls"], "table")
    assert len(capsys.readouterr().out) < 2000
    show(rows, ["name", "calls"], "csv")
    assert "x" * 10_000 in capsys.readouterr().out


def test_an_empty_answer_is_an_empty_array_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([], ["name"], "json")
    assert json.loads(capsys.readouterr().out) == []


def test_a_junit_report_is_xml_whatever_the_names() -> None:
    answer = {
        "outcome": "fail",
        "reasons": [{"text": HOSTILE + '<&"', "code": "told"}],
        "settles": [{"text": "]]>", "code": "told"}],
        "exit_code": 1,
    }
    case = ET.fromstring(junit("pay<ment>", "2.0\x00", answer)).find(".//testcase")
    assert case is not None
    assert case.get("name") == "pay<ment> 2.0�"
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "told"
    assert failure.text is not None
    assert "]]> [told]" in failure.text


def test_a_junit_report_has_a_case_for_each_demand_and_an_override_skips_without_hiding() -> None:
    short = {"text": "policy all: 3 calls <of> 2", "code": "minimum_calls"}
    rules = [
        {"rule": "all", "demand": "calls", "outcome": "not_met", "reason": short},
        {"rule": "all", "demand": "minutes", "outcome": "met", "reason": short},
        {"rule": "staging", "demand": "inconclusive", "outcome": "not_judged", "reason": short},
    ]
    answer = {
        "outcome": "fail",
        "reasons": [{"text": "worse", "code": "worse_errors"}],
        "settles": [],
        "rules": rules,
        "override": None,
    }

    def suite(**changes: object) -> tuple[dict[str, str], list[list[str]], str]:
        (suite,) = ET.fromstring(junit("pay", "2", {**answer, **changes}))
        return (
            dict(suite.attrib),
            [[inner.tag for inner in case] for case in suite],
            ET.tostring(suite, "unicode"),
        )

    counts, cases, _ = suite()
    assert (counts["tests"], counts["failures"], counts["errors"], counts["skipped"]) == (
        "4",
        "2",
        "0",
        "1",
    )
    assert cases == [["failure"], ["failure"], ["system-out"], ["skipped", "system-out"]]
    counts, _, _ = suite(outcome="inconclusive")
    assert (counts["failures"], counts["errors"]) == ("0", "2")
    counts, cases, text = suite(override={"person": "kim"})
    assert (counts["failures"], counts["errors"], counts["skipped"]) == ("0", "0", "3")
    assert "worse [worse_errors]" in text


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Set the logs up as they were."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs_as_before")
def test_a_log_line_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json")
    structlog.get_logger("t").info("seen", service=HOSTILE)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["service"] == plain(HOSTILE)


FINDING = {
    "edge": "checkout → payment POST /payments/{payment_id}/capture",
    "last_seen": "2026-11-30T14:50:30Z",
    "owner": "",
    "calls": 12,
    "id": "9456c7d9cb63b7808713",
}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_whole_words_however_narrow_it_is(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal does
    monkeypatch.setenv("COLUMNS", str(width))
    show([FINDING, FINDING], list(FINDING), "table")
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in capsys.readouterr().out.splitlines()]
    text = "\n".join(lines)
    assert text.count(FINDING["id"]) == 2
    assert text.count(FINDING["last_seen"]) == 2
    assert ("last seen: 2026-11-30T14:50:30Z" in lines) == (width < 100), text


def test_a_table_tells_times_to_the_second_and_programs_get_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {"a": "2026-03-04T05:06:07.123456Z", "b": "2026-03-04T05:06:07.123", "c": "at 1.123456"}
    show([told], told, "table")
    assert capsys.readouterr().out.split("\n")[1].split() == [
        "2026-03-04T05:06:07Z", "2026-03-04T05:06:07", "at", "1.123456",
    ]  # fmt: skip
    show([told], told, "csv")
    assert "07.123456Z" in capsys.readouterr().out


def test_an_acceptance_that_is_over_is_told_as_over() -> None:
    row = {"accepted_by": "grace", "accepted_until": "2026-11-21T12:00:00Z"}
    until = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert _accepted(row, until - timedelta(seconds=1)).startswith("grace until 2026-11-21")
    assert _accepted(row, until).startswith("no more (grace until 2026-11-21")
    assert _accepted({"accepted_by": "", "accepted_until": None}, until) == ""
