"""Confidence is a chance, and grows with what speaks for the verdict."""

from dataclasses import replace

from monitor.outside.confidence import FAIL, OPEN, confidence_of
from monitor.outside.told import Told
from monitor.outside.watching import Decision

TOLD = Told("d", "c", "pay", 0.0, "1", "2", None, None, None, None, "", "", "deploy")
SEEN = Decision(TOLD, "inconclusive", None, None, (), frozenset(), withheld=False, calls=10)


def test_it_is_a_chance_however_many_calls_there_were() -> None:
    assert all(
        0.5 < confidence_of(replace(SEEN, calls=calls)) < 1.0 for calls in (0, 10, 10_000_000)
    )


def test_a_pass_is_surer_than_an_open_verdict() -> None:
    assert confidence_of(replace(SEEN, outcome="pass")) > confidence_of(SEEN)


def test_stronger_evidence_of_harm_makes_surer() -> None:
    assert FAIL[1] >= 0.0
    assert len(FAIL) == len(OPEN) == 4
