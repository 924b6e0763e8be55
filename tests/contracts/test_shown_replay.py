"""What skeletons of live answers tell of a changed example, and what they leave open."""

from typing import Any

import pytest

from monitor.contracts.affected import Kind
from monitor.contracts.amendment import weighed
from monitor.contracts.replayed import by_marks
from monitor.contracts.shown_replay import Outcome, ShownReplay
from monitor.contracts.skeleton import WHOLE_HEADERS, Skeleton
from tests.contracts.examples import ORDER, interaction, matchers, pact
from tests.contracts.test_changes import read

TYPED = {"body": {"$": matchers({"match": "type"})}}


def told(
    newer: dict[str, Any], value: Any, *, side: str = "response", media: str = "application/json"
) -> Outcome:
    """What an answer, or its headers, make of a newer example of an order."""
    old = read(pact(interaction(answers={"body": ORDER, "matchingRules": TYPED})), "pact")
    new = read(pact(interaction(answers={"body": ORDER, "matchingRules": TYPED} | newer)), "pact")
    shown = ShownReplay("pact", old, new, weighed(old, new))
    node = Skeleton(value, marked=False).node
    (outcome,) = shown.outcomes(Kind("GET /orders/{id}", 200, side, media, node))
    return outcome


def ruled(place: str, **rule: Any) -> dict[str, Any]:
    return {"matchingRules": {"body": TYPED["body"] | {place: matchers(rule)}}}


@pytest.mark.parametrize(
    ("headers", "rules", "word", "why"),
    [
        ({"ETag": "a"}, {"match": "type"}, "keeps", ""),
        ({"ETag": "a"}, None, "values", "header_value"),
        ({"ETag": "a"}, {"match": "regex", "regex": "a+"}, "values", "header_value"),
        ({"X-New": "a"}, None, "values", "header_unseen"),
        ({"X-New": "a"}, {"match": "type"}, "values", "header_unseen"),
    ],
)
def test_a_header_is_told_by_presence_and_its_text_by_nothing(
    headers: dict[str, str], rules: dict[str, Any] | None, word: str, why: str
) -> None:
    asked: dict[str, Any] = {"headers": {"Content-Type": "application/json"} | headers}
    if rules is not None:
        asked["matchingRules"] = TYPED | {"header": {name: matchers(rules) for name in headers}}
    outcome = told(asked, {"etag": "", "x-trace": ""}, side="headers", media="")
    assert (outcome.word, outcome.why) == (word, why)
    assert (outcome.pointer == f"/headers/{next(iter(headers)).lower()}") == bool(why)


def test_a_header_that_is_not_there_is_missing_where_the_log_tells_all() -> None:
    asked = {"headers": {"Content-Type": "application/json", "X-New": "a"}}
    there = {"etag": "", WHOLE_HEADERS: ""}
    outcome = told(asked, there, side="headers", media="")
    assert (outcome.word, outcome.rule) == ("breaks", "missing_header")
    asked = {"headers": {"Content-Type": "application/json", "Date": "a"}}
    outcome = told(asked, there, side="headers", media="")  # whose presence is not kept
    assert (outcome.word, outcome.why) == ("values", "header_unseen")


@pytest.mark.parametrize(
    ("asked", "media", "word", "rule"),
    [
        ("application/json", "application/json", "keeps", ""),
        ("application/json; charset=utf-8", "application/json", "values", ""),
        ("application/hal+json", "application/json", "breaks", "header"),
        ("application/hal+json", "application/hal+json", "keeps", ""),
    ],
)
def test_a_media_type_is_told_and_its_parameters_are_not(
    asked: str, media: str, word: str, rule: str
) -> None:
    outcome = told(
        {"headers": {"Content-Type": asked}, **ruled("$.id", match="type")}, ORDER, media=media
    )
    assert (outcome.word, outcome.rule) == (word, rule)


def test_what_one_value_happens_to_keep_is_no_proof() -> None:
    assert told(ruled("$.state", match="regex", regex=r"\w+"), ORDER).word == "values"
    assert told(ruled("$.state", match="include", value="te"), ORDER).word == "values"
    assert told(ruled("$.id", match="integer"), ORDER).word == "values"
    assert told(ruled("$.id", match="number"), ORDER).word == "keeps"


@pytest.mark.parametrize(
    ("regex", "values", "broken", "left"),
    [
        ("open|done", ["open", "done"], 0, 0),
        ("^(?:open|paid)$", ["open", "done"], 0.5, 0),
        (r"\w+", ["open", "done"], 0, 0),
        ("[a-z]{4}", ["open", "done"], 0, 0),
        ("[a-z]{5,9}", ["open", "closed"], 0.5, 0),
        ("[0-9]+", ["open", "12"], 0.5, 0),
        ("[A-Z]+", ["open", "OPEN"], 0.5, 0),
        ("[a-z]*", ["open", ""], 0, 0),
        ("[a-z]+", ["open", ""], 0.5, 0),
        ("[a-m]+", ["open", "done"], 0, 1),
        ("(o|d).*", ["open", "done"], 0, 1),
    ],
)
def test_a_pattern_is_told_where_marks_tell_its_words_or_signs(
    regex: str, values: list[str], broken: float, left: float
) -> None:
    outcome = told(ruled("$.state", match="regex", regex=regex), ORDER)
    marks: dict[str, dict[str, int]] = {}
    for value in values:
        for place, mark in Skeleton(ORDER | {"state": value}).marks or ():
            held = marks.setdefault(place, {})
            held[mark] = held.get(mark, 0) + 1
    share, _, unsure = by_marks(outcome.values, marks)
    assert (share, unsure) == (broken, left)


@pytest.mark.parametrize(
    ("length", "asked", "word", "why"),
    [
        (1_000, {"list": [1]}, "keeps", ""),
        (1_001, {"list": [1]}, "values", "payload_unseen"),
        (1_001, {}, "keeps", ""),  # nothing is asked of the list
        (1_001, {"list": ["a"]}, "breaks", ""),
    ],
)
def test_items_that_were_not_looked_at_keep_nothing_that_is_asked_of_them(
    length: int, asked: dict[str, Any], word: str, why: str
) -> None:
    body = {name: value for name, value in ORDER.items() if name != "lines"}
    outcome = told({"body": body | asked}, ORDER | {"list": [2] * length})
    assert (outcome.word, outcome.why) == (word, why)
