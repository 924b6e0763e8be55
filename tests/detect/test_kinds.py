"""Failures are told by kinds: what the old version never said is new, unless its type was seen in
the day before.
"""

from dataclasses import replace

from monitor.detect.evidence.kinds import failure_kinds
from monitor.model.judging import Evidence, FailureKind
from monitor.wording.findings import facts
from tests.detect.test_differs import alike


def calls(version: str, *failures: tuple[str, str, int], every: int = 1000) -> list:
    row = alike("pod", version, 10)[0]
    return [replace(row, calls=every, failures=failures)]


OLD = calls("1.9.0", ("503", "no healthy upstream", 9))


def test_what_the_old_version_never_said_is_a_new_kind() -> None:
    new = calls(
        "2.0.0",
        ("TimeoutError", "pool of <num> connections is empty", 40),
        ("503", "no healthy upstream", 9),
    )
    first, second = failure_kinds([*OLD, *new], "callee", "2.0.0", "1.9.0", (), known_long=True)
    assert first == FailureKind(
        "TimeoutError", "pool of <num> connections is empty", 40, is_new=True, not_for_a_day=True
    )
    assert (second.error_type, second.is_new) == ("503", False)


def test_another_message_of_a_type_that_was_seen_is_new_but_not_its_type() -> None:
    new = calls("2.0.0", ("503", "no route to host", 40))
    (kind,) = failure_kinds([*OLD, *new], "callee", "2.0.0", "1.9.0", ("503",), known_long=True)
    assert (kind.is_new, kind.not_for_a_day) == (True, False)


def test_a_type_without_a_message_that_was_seen_in_the_day_before_is_not_new() -> None:
    new = calls("2.0.0", ("504", "", 40))
    assert not failure_kinds([*OLD, *new], "callee", "2.0.0", "1.9.0", ("504",), known_long=True)[
        0
    ].is_new
    assert failure_kinds([*OLD, *new], "callee", "2.0.0", "1.9.0", (), known_long=True)[0].is_new


def test_few_calls_or_an_old_version_with_few_calls_tell_nothing_new() -> None:
    few, little = calls("2.0.0", ("504", "", 4)), calls("1.9.0", every=50)
    assert not failure_kinds([*OLD, *few], "callee", "2.0.0", "1.9.0")[0].is_new
    assert not failure_kinds(
        [*little, *calls("2.0.0", ("504", "", 40))], "callee", "2.0.0", "1.9.0"
    )[0].is_new


def test_messages_that_differ_in_a_word_are_one_kind() -> None:
    new = calls(
        "2.0.0",
        ("E", "cannot open file alpha for reading", 20),
        ("E", "cannot open file beta for reading", 10),
    )
    (kind,) = failure_kinds(new, "callee", "2.0.0", "1.9.0")
    assert (kind.template, kind.calls) == ("cannot open file <any> for reading", 30)


def test_a_new_kind_is_told_in_words() -> None:
    seen = Evidence(
        1,
        1,
        1,
        1,
        1,
        None,
        None,
        None,
        1.0,
        None,
        None,
        failures=(FailureKind("E", "it broke", 9, True, True),),
    )
    assert (
        "new kind of failure",
        "E: it broke, 9 calls; the old version had none, nor had anybody in the day before",
    ) in facts(seen)
