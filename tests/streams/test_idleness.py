"""A consumer without records is left alone while nothing waits, and called stuck when something
does.
"""

from collections.abc import Mapping

import pytest

from monitor.streams.idleness import Idleness


class Looked:
    """Who is asked is noted."""

    def __init__(
        self, unread: int = 0, ends: Mapping[str, int] | None = None, reached: int = 0
    ) -> None:
        self.idle = Idleness[str](60, 5)
        self.answers, self.asked = (unread, ends, reached), list[str]()

    def trouble(self, *, assigned: bool = True) -> str:
        def ask(name: str, number: int) -> int:
            self.asked.append(name)
            return number

        unread, ends, reached = self.answers
        return self.idle.trouble(
            assigned=assigned,
            unread=lambda: ask("unread", unread),
            ends=lambda: ends if ask("ends", 1) else None,
            reached=lambda _place: ask("reached", reached),
        )


def test_nobody_is_asked_before_patience_is_over_or_after_a_record_came() -> None:
    looked = Looked(unread=2)
    looked.idle.polled(59, found=False)
    assert looked.trouble(assigned=False) == ""
    looked.idle.polled(0.1, found=True)
    looked.idle.polled(59, found=False)
    assert looked.trouble(assigned=False) == ""
    assert looked.asked == []


@pytest.mark.parametrize(
    ("unread", "said"), [(2, "no partition was assigned, and 2 have no reader,"), (0, "")]
)
def test_a_member_without_partitions_is_stuck_only_when_some_have_no_reader(
    unread: int, said: str
) -> None:
    looked = Looked(unread=unread)
    looked.idle.polled(60, found=False)
    assert looked.trouble(assigned=False) == said


def test_records_that_were_there_at_the_look_before_and_are_not_read_yet_are_waiting() -> None:
    looked = Looked(ends={"a": 7}, reached=4)
    looked.idle.polled(60, found=False)
    assert looked.trouble() == "", "what came only now is given a while"
    looked.idle.polled(5, found=False)
    assert looked.trouble() == "nothing was read though 3 records wait"


def test_a_partition_read_to_its_end_and_a_broker_that_is_silent_are_no_trouble() -> None:
    for looked in (Looked(ends={"a": 7}, reached=7), Looked(ends=None)):
        for _ in range(3):
            looked.idle.polled(60, found=False)
            assert looked.trouble() == ""
