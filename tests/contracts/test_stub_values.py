"""Moments, numbers, lines of a header and Jayway's operators, as WireMock compares them; what
Mountebank asks of the case of names.
"""

import json
from typing import Any

import pytest

from monitor.contracts.formats.wiremock_dates import compared_moment, compared_number
from monitor.contracts.matching.jsonpath import compile_path
from monitor.contracts.read import read_contract
from monitor.errors import ContractError
from tests.contracts.examples import interaction, judged, live, pact
from tests.contracts.test_stubs import imposter, stub, wiremock

MAY = "2021-05-01T00:00:00Z"


@pytest.mark.parametrize(
    ("matcher", "text", "fits"),
    [
        ({"after": MAY}, "2021-05-01T00:00:00.000000001Z", True),
        ({"after": MAY}, "2021-05-01T01:59:59+02:00", False),
        ({"before": MAY}, "2021-05-01t01:59:59+02:00", True),
        ({"before": MAY}, "Fri, 30 Apr 2021 23:59:59 GMT", True),
        ({"equalToDateTime": MAY}, "2021-04-30T22:00 -02:00", None),
        ({"equalToDateTime": MAY}, "2021-05-01T02:00:00 02:00", True),  # a plus became a space
        # an offset on neither side, on one, on the other
        ({"equalToDateTime": "2021-05-01"}, "2021-05-01T00:00:00", True),
        ({"equalToDateTime": "2021-05-01T02:00:00"}, "2021-05-01T02:00:00+02:00", True),
        ({"after": MAY}, "2022-01-01", None),
        ({"after": "2021"}, "2021-06", True),
        # no date, and one in a form that is not read
        ({"after": MAY}, "soon", False),
        ({"after": MAY}, "Saturday, 01-May-21 15:16:17 GMT", None),
        ({"after": MAY}, "2021-13-01", None),
        ({"after": MAY, "actualFormat": "unix"}, "1700000000", True),
        ({"before": MAY, "actualFormat": "epoch"}, "1600000000000", True),
        ({"before": MAY, "actualFormat": "epoch"}, "today", None),
    ],
)
def test_a_fixed_moment_is_compared_as_wiremock_does(
    matcher: dict[str, Any], text: str, fits: bool | None
) -> None:
    compared = compared_moment(next(iter(matcher)), matcher)
    assert not isinstance(compared, str)
    assert compared(text) is fits


@pytest.mark.parametrize(
    "matcher",
    [
        {"before": "now"},
        {"after": "now +3 days"},
        {"after": "-15 seconds"},
        {"before": MAY, "actualFormat": "dd/MM/yyyy"},
        {"equalToDateTime": MAY, "truncateActual": "first hour of day"},
        {"equalToDateTime": "May"},
        {"equalToNumber": "ten"},
    ],
)
def test_a_moment_that_is_not_judged_is_named(matcher: dict[str, Any]) -> None:
    held = stub({"urlPath": "/orders/7", "headers": {"X-At": matcher}})
    promise = read_contract("wiremock", json.dumps(held), where="x")
    assert [left.pointer for left in promise.left] == [
        f"/request/headers/X-At/{next(iter(matcher))}"
    ]
    call = live(request_headers={"x-at": MAY}, answer={"id": "broken"})
    assert wiremock(call, held).outcome == "not_checked"


@pytest.mark.parametrize(
    ("word", "expected", "text", "fits"),
    [
        ("equalToNumber", 10, "1e1", True),
        ("greaterThanNumber", 3, "3", False),
        ("greaterThanEqualNumber", 3, " 3.0", True),
        ("lessThanNumber", 3, "-4", True),
        ("lessThanEqualNumber", 3.5, "3.51", False),
        ("equalToNumber", 1, "abc", False),
        ("equalToNumber", 1, "1d", None),  # Java's parser takes it
    ],
)
def test_numbers_are_compared_as_numbers(
    word: str, expected: float, text: str, fits: bool | None
) -> None:
    compared = compared_number(word, expected)
    assert not isinstance(compared, str)
    assert compared(text) is fits


@pytest.mark.parametrize(
    ("matcher", "header", "outcome"),
    [
        ({"hasExactly": [{"equalTo": "a"}]}, "a", "violated"),
        ({"hasExactly": [{"equalTo": "a"}, {"equalTo": "b"}]}, "a, b", "not_checked"),
        ({"includes": [{"contains": "a"}]}, "a, b", "violated"),
        ({"includes": [{"equalTo": "c"}]}, "a, b", "not_checked"),
    ],
)
def test_lines_of_a_header_that_a_log_may_have_joined_stay_open(
    matcher: dict[str, Any], header: str, outcome: str
) -> None:
    held = stub({"urlPath": "/orders/7", "headers": {"X-A": matcher}})
    checked = wiremock(live(request_headers={"x-a": header}, answer={"id": "broken"}), held)
    assert checked.outcome == outcome
    if matcher == {"includes": [{"equalTo": "c"}]}:
        assert checked.reason == "no_interaction"
    elif outcome == "not_checked":
        assert checked.reason != "no_interaction"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("@.a in ['x', 'z']", "x"),
        ("@.a nin ['x']", "y-"),  # what is not there is in no list
        ("@.n in [2, 5]", "y"),
        ('@.a IN ["x"] && @.n == 1', "x"),
        ("@.t size 2", "x"),
        ("@.a size 1", "xy"),
        ("@.t empty true", "y"),
        ("@.t empty false", "x"),
        ("@.t contains 'q'", "x"),
        ("@.a contains 'x'", "x"),
        ("@.t subsetof ['p', 'q', 'r']", "xy"),
        ("@.t anyof ['q']", "x"),
        ("@.t noneof ['q']", "y"),
    ],
)
def test_jayways_operators_that_are_words(asked: str, found: str) -> None:
    items = [{"a": "x", "n": 1, "t": ["p", "q"]}, {"a": "y", "n": "2", "t": []}, {"b": 1}]
    find = compile_path(f"$.items[?({asked})]", jayway=True)
    assert "".join(item.get("a", "-") for item in find({"items": items}) or ()) == found


@pytest.mark.parametrize(
    "path",
    [
        "$.n.max()",
        "$..n.sum()",
        "$[?(@.a in 'x')]",
        "$[?(@.a in [x])]",
        "$[?(@.t size 'x')]",
        "$[?(@.t size true)]",
        "$[?(@.t empty 1)]",
        "$[?(@.t all ['x'])]",
    ],
)
def test_what_is_not_read_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(ContractError, match="not understood"):
        compile_path(path, jayway=True)


@pytest.mark.parametrize(
    ("cookies", "outcome", "reason"),
    [
        ("token=[redacted text]", "valid", ""),
        ("[redacted]", "valid", ""),
        ("other=[redacted text]", "not_checked", "no_interaction"),
        ("token=abc", "not_checked", "no_interaction"),
    ],
)
def test_a_cookie_whose_value_was_masked_is_told_by_its_name(
    cookies: str, outcome: str, reason: str
) -> None:
    held = pact(interaction(asks={"headers": {"Cookie": "token=1234"}}))
    checked = judged(live(request_headers={"cookie": cookies}), held)
    assert (checked.outcome, checked.reason) == (outcome, reason)


def test_a_header_with_a_mask_in_it_leaves_open_which_stub_is_meant() -> None:
    held = stub({"urlPath": "/orders/7", "headers": {"Cookie": {"contains": "token=1"}}})
    for cookies in ("token=[redacted text]", "a=1; token=[redacted text]"):
        checked = wiremock(
            live(request_headers={"cookie": cookies}, answer={"id": "broken"}), held
        )
        assert checked.outcome == "not_checked"
        assert checked.reason != "no_interaction"
    held = stub({"urlPath": "/orders/7", "cookies": {"token": {"equalTo": "1"}}})
    for cookies, seen in (("token=[redacted text]", False), ("a=[redacted text]", True)):
        checked = wiremock(live(request_headers={"cookie": cookies}, answer={"id": 7}), held)
        assert (checked.reason == "no_interaction") is seen


def test_the_case_of_header_names_that_no_log_keeps_is_named() -> None:
    for case, named in ((True, True), (False, False)):
        predicate = {"equals": {"headers": {"X-A": "b"}}, "caseSensitive": case}
        text = json.dumps(imposter(predicate))
        left = read_contract("mountebank", text, where="x").left
        assert any("case in which header names" in clause.said for clause in left) is named
