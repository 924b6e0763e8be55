"""What a pair of versions is called by what is known of it."""

import pytest

from monitor.detect.ramps.cells import Harm, RampCell
from monitor.detect.ramps.pairs import PairInputs, pair_states

OLD, NEW = ("", "payment", "1"), ("", "payment", "2")
WEB = ("", "web", "7")


def cell(version: str, at: int, calls: int, bad: int) -> RampCell:
    return RampCell(
        at=at, caller_namespace="", caller="web", caller_version="7", callee_namespace="", callee="payment",
        callee_version=version, protocol="http", operation="POST /pay", calls=calls, bad=bad,
        outcomes={"ok": calls - bad, "server_error": bad}, valid=0, violated=0, not_checked={},
        client_histogram={}, server_histogram={}, queue_histogram={}, both=calls, biased=False, last=at + 10,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("signals", "word"),
    [
        ((), "unproven"),
        ((("errors", False),), "broken"),
        ((("errors", True),), "accepted"),
        ((("errors", True), ("latency", False)), "broken"),
        ((("latency", True),), "unproven"),  # that calls fail, nobody accepted
    ],
)
def test_what_a_person_accepted_is_borne_and_nothing_beside_it(
    signals: tuple[tuple[str, bool], ...], word: str
) -> None:
    cells = [
        cell(version, at, 400, bad)
        for at in range(0, 300, 10)
        for version, bad in (("1", 4), ("2", 40))
    ]
    harms = [
        Harm(f"f{number}", "web", "payment", "2", "", signal, accepted)
        for number, (signal, accepted) in enumerate(signals)
    ]
    ages = {WEB: "old", OLD: "old", NEW: "new"}
    states = pair_states(PairInputs(cells, ages, (), harms, 10, 300))  # type: ignore[arg-type]
    assert {state.callee_version: state.word for state in states} == {"1": "proven", "2": word}
