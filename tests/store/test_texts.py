"""What statements share stands once: parts include parts, and no copy of a part stays behind in a statement."""

from importlib.resources import files
from itertools import combinations

import pytest

from monitor.store.texts import statement

STATEMENTS = files("monitor.store") / "statements"
NUMBER = "reinterpretAsUInt64(own_span) + side"


@pytest.mark.parametrize("name", ["settle", "run_contents", "close_windows", "kin"])
def test_a_part_may_include_another(name: str) -> None:
    text = statement(name, frozenset({"resent"}))
    assert NUMBER in text
    assert "-- include" not in text


def test_the_number_of_a_span_stands_once() -> None:
    parts = [*STATEMENTS.iterdir(), *(STATEMENTS / "parts").iterdir()]
    holders = [one.name for one in parts if one.name.endswith(".sql") and NUMBER in one.read_text(encoding="utf-8")]
    assert holders == ["span_number.sql"]


@pytest.mark.parametrize(
    "given", [frozenset(words) for size in range(3) for words in combinations(("resent", "joints", "crowded"), size)]
)
def test_no_word_of_a_choice_is_left(given: frozenset[str]) -> None:
    text = statement("close_windows", given)
    assert not any(f"-- {word}" in text for word in ("if ", "else", "end", "include"))
