"""Steps of pointers, marks that cannot be seen, pauses that grow: each stands once, and does the
same everywhere.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import growing_pause
from monitor.model.pointers import escaped, unescaped
from monitor.model.printable import printable


@given(st.text())
def test_a_key_comes_back_from_its_step_of_a_pointer(key: str) -> None:
    assert unescaped(escaped(key)) == key
    assert "/" not in escaped(key)


@given(st.text(), st.sampled_from([" ", "\ufffd", "·"]))
def test_what_cannot_be_seen_is_replaced_mark_by_mark(text: str, instead: str) -> None:
    shown = printable(text, instead, keep="\n")
    assert len(shown) == len(text)
    assert shown.replace("\n", " ").isprintable()
    assert printable(text).isprintable()


def test_a_pause_doubles_up_to_the_longest_and_for_any_number_of_tries() -> None:
    assert [growing_pause(0.5, tries, 10.0) for tries in (0, 1, 2, 5)] == [0.5, 1.0, 2.0, 10.0]
    for tries in (60, 1024, 10**9):  # an optional topic may be missing for years
        assert growing_pause(0.5, tries, 10.0) == pytest.approx(10.0)
