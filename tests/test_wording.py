"""Sentences are made of codes and parameters, and every code has one."""

import ast
import string
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from monitor.contracts.shown_headers import OpenCode
from monitor.model.edges import Edge
from monitor.model.reasons import Code, Reason, reason
from monitor.wording.amendments import UNSETTLED
from monitor.wording.findings import SHORTLY
from monitor.wording.ramps import short_span
from monitor.wording.reasons import SENTENCES, plain, sentence

ROOT = Path(__file__).parents[1]
EDGE = Edge("production", "web", "pay", "http", "POST /pay")
MADE_BY_FINDINGS = {code for code in get_args(Code) if code in SHORTLY}
FOLLOWS = {"pace", "who", "edge", "rates", "callee"}


@cache
def calls_of_reason() -> list[tuple[str, int, str, set[str]]]:
    """(file, line, code, names of parameters) of every `reason("code", …)` in the product."""
    calls: list[tuple[str, int, str, set[str]]] = []
    for path in [*(ROOT / "monitor").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "reason"
                and node.args
            ):
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    names = {word.arg for word in node.keywords if word.arg}
                    calls.append(
                        (str(path.relative_to(ROOT)), node.lineno, str(code.value), names)
                    )
    return calls


def test_every_code_has_one_sentence() -> None:
    assert set(SENTENCES) == set(get_args(Code))


def test_every_code_of_what_an_amendment_leaves_open_has_one_sentence() -> None:
    assert UNSETTLED.keys() == {code for code in get_args(OpenCode) if code}


def test_whoever_gives_a_reason_gives_the_parameters_that_its_sentence_names() -> None:
    given = calls_of_reason()
    assert len(given) > 40
    for path, line, code, names in given:
        wanted = {
            field for _, field, _, _ in string.Formatter().parse(SENTENCES[code]) if field
        } - FOLLOWS  # type: ignore[index]
        assert wanted <= names, (path, line, code, wanted - names)


def test_every_code_is_given_somewhere() -> None:
    elsewhere = {"told", "environment_without_service", "environment_without_traffic"}
    assert {code for _, _, code, _ in calls_of_reason()} | MADE_BY_FINDINGS | elsewhere == set(
        get_args(Code)
    )


def test_times_shares_and_distances_read_as_people_write_them() -> None:
    late = reason("late", data_until=datetime(2026, 1, 5, 12, 0, tzinfo=UTC), seconds=312.4)
    assert (
        sentence(late) == "late: the newest sealed data is of 2026-01-05 12:00:00 UTC, 312 s ago"
    )
    more = reason("more_calls", EDGE, calls=412.3, version="2.0.0", eta_seconds=61.2)
    assert (
        sentence(more)
        == "about 412 more calls of 2.0.0 on web → pay POST /pay, about 61 s at the present rate"
    )
    assert sentence(reason("more_calls", EDGE, calls=1, version="2", eta_seconds=None)).endswith(
        "; it has no traffic now"
    )
    spans = {119: "119 s", 150: "2 minutes", 7500: "2 hours", 500_000: "6 days"}
    told = {eta: sentence(reason("more_time", version="2", eta_seconds=eta)) for eta in spans}
    assert told == {
        eta: f"about {span} more in which 2 serves as it does now" for eta, span in spans.items()
    }


def test_of_two_spans_that_are_compared_seconds_are_told() -> None:
    skew = reason("plan_skew", versions="1, 2", seconds=8440.0, wanted_seconds=7200.0)
    assert sentence(skew) == (
        "ramp plan: 1, 2 are live together for 2:20:40 h, longer than 2:00:00 h"
    )


def test_a_long_wait_is_told_in_hours_and_days() -> None:
    spans = {90: "90 s", 600: "10 min", 7300: "2 h", 376_587 * 60: "262 days"}
    assert {seconds: short_span(seconds) for seconds in spans} == spans


def test_a_reason_of_an_edge_names_the_edge() -> None:
    assert (
        sentence(reason("few_windows", EDGE, wanted=3))
        == "web → pay POST /pay: fewer than 3 windows with both versions"
    )


@pytest.mark.parametrize(
    "of_tomorrow",
    [
        Reason("learned_by_heart", {"heart": "red", "beats": 3}),
        Reason("thin", {"heart": "red", "beats": 3}),
    ],
)
def test_what_a_newer_program_wrote_is_told_with_its_parameters(of_tomorrow: Reason) -> None:
    assert sentence(of_tomorrow) == f"{of_tomorrow.code}: beats 3, heart red"


def test_names_with_braces_are_names() -> None:
    hostile = "{0.__class__} {share:.0%}"
    assert (
        sentence(reason("no_other_version", service=hostile))
        == f"missing: no other version of {hostile} to compare with"
    )


def test_large_numbers_of_calls_are_told_in_thousands_as_everywhere() -> None:
    parameters = {"calls": 3784.0, "version": "3.2.1", "service": "search", "eta_seconds": 300.0}
    assert "about 3,784 more calls of 3.2.1" in plain("more_calls_in_all", parameters, None)
