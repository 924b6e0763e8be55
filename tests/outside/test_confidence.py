"""Confidence is a chance, and grows with what speaks for the verdict."""

from dataclasses import replace

from monitor.outside.confidence import FAIL, OPEN, confidence_of
from monitor.outside.told import Told
from monitor.outside.watching import Decision

TOLD = Told("d", "c", "pay", 0.0, "1", "2", None, None, None, None, "", "", "deploy")
SEEN = Decision(TOLD, "inconclusive", None, None, (), frozenset(), withheld=False, calls=10)


def test_more_calls_without_harm_make_surer() -> None:
    few, many = confidence_of(SEEN), confidence_of(replace(SEEN, calls=100_000))
    assert 0.0 < few <= many < 1.0


def test_a_pass_is_surer_than_an_open_verdict() -> None:
    assert confidence_of(replace(SEEN, outcome="pass")) > confidence_of(SEEN)


def test_stronger_evidence_of_harm_makes_surer() -> None:
    assert FAIL[1] >= 0.0
    assert len(FAIL) == len(OPEN) == 4
