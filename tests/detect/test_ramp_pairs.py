"""What a pair of versions is called by what is known of it."""

from dataclasses import replace

import pytest

from monitor.contracts.marks import number_mark
from monitor.detect.ramps.cells import Harm, RampCell, Side
from monitor.detect.ramps.meaning import MOST_COMPARED, Sent, pair_meanings
from monitor.detect.ramps.pairs import PairInputs, pair_states
from monitor.detect.ramps.traffic import doses, mixed, moved_back
from monitor.model.meaning import Place, Sketch
from monitor.model.ramps import Age
from monitor.wording.ramps import WHY_UNPROVEN, meaning_text, ramp_sentence

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


def sent(version: str, count: int, factor: float, caller_version: str = "7") -> Sent:
    """Answers of `payment` to `web`, of two kinds of amounts."""
    marks = {"/sum": {"": count, number_mark(factor * 12.5): count, "d1": count}}
    sketch = Sketch("web", {"": {"": count}, **marks})
    place = Place("POST /pay", 200, "response", "")
    return Sent(place, True, "payment", version, "web", caller_version, count, [sketch])


def test_callers_of_one_name_in_two_namespaces_are_two() -> None:
    """What one gets of the old version and the other of the new one is mixed for nobody."""
    cells = [
        replace(cell(version, 60 * step, 500, 0), caller_namespace=space)
        for step in range(3)
        for space, version in (("team-a", "1"), ("team-b", "2"))
    ]
    assert mixed(cells) == []
    cells.append(replace(cell("1", 120, 500, 0), caller_namespace="team-b"))
    assert [(it.caller, it.versions) for it in mixed(cells)] == [("team-b/web", ["1", "2"])]
    assert [it.caller for it in moved_back(cells, frozenset("2"))] == ["", "team-b/web"]
    alone = [it for it in cells if it.caller_namespace == "team-b"]
    assert [it.caller for it in mixed(alone)] == ["web"]


def test_many_and_odd_versions_are_told_one_by_one() -> None:
    """Builds, long ones, of any script; calls that tell no version are evidence for none."""
    versions = [f"1.{number}.0+build.{'x' * 200}ü" for number in range(60)]
    cells = [
        replace(cell(version, at, 400, 0), caller_version=caller)
        for at in (0, 60) for version in ("", *versions) for caller in ("", "é")
    ]  # fmt: skip
    assert {len(it.versions) for it in mixed(cells)} == {len(versions)}
    age: dict[Side, Age] = {
        ("", "payment", version): "old" if version == versions[0] else "new"
        for version in versions
    }
    age |= {("", "payment", ""): "unknown", ("", "web", ""): "unknown", ("", "web", "é"): "old"}
    states = pair_states(PairInputs(cells, age, [], [], 60, 120))
    assert len(states) == 2 * (len(versions) + 1)
    told = {(it.caller_version, it.callee_version) for it in states if it.role == "backward"}
    assert told == {("é", version) for version in versions[1:]}
    assert not any(it.rises for it in doses([], cells, frozenset(versions[1:])))


@pytest.mark.parametrize(
    ("new", "accepted", "word", "told"),
    [
        (sent("2", 3_000, 100), False, "broken", "1 place means something else"),
        (sent("2", 3_000, 100), True, "accepted", "1 place means something else"),
        (sent("2", 3_000, 1), False, "proven", "the same; ≤ 0.09 %"),
        (sent("2", 400, 1), False, "proven", "the same; ≤ 0.71 %; not enough payloads: 400 of 2,000"),
        (sent("2", 20, 100), False, "proven", "not enough payloads: 20 of 2,000"),
        (replace(sent("2", 99, 1), partner="ios"), False, "proven", "none seen"),
        (None, False, "proven", "none seen"),
    ],
)  # fmt: skip
def test_a_pair_tells_what_the_new_version_means_and_how_much_may_differ(
    new: Sent | None, accepted: bool, word: str, told: str
) -> None:
    cells = [cell(version, at, 4_000, 0) for at in range(0, 300, 10) for version in ("1", "2")]
    olds = [sent("1", 2_000, 1), sent("1", 1_000, 1, "6")]
    meanings = pair_meanings([*olds, *([new] if new else [])], {"1": "old", "2": "new"})
    # the finding stands on another caller's edge: what is accepted of it is so for all
    harms = [Harm("f", "ios", "payment", "2", "", "meaning", accepted)] if accepted else []
    ages = {WEB: "old", OLD: "old", NEW: "new"}
    inputs = PairInputs(cells, ages, (), harms, 10, 300, meanings=meanings)  # type: ignore[arg-type]
    state = next(it for it in pair_states(inputs) if it.callee_version == "2")
    assert (state.word, meaning_text(state.meaning)) == (word, told)
    said = [ramp_sentence(reason) for reason in state.reasons]
    changed = "POST /pay response /sum means something else: numbers are about 100 times larger"
    assert any(text.startswith(changed) for text in said) == (word != "proven")


def test_payloads_that_no_old_version_sent_are_told_as_such() -> None:
    told = pair_meanings([sent("2", 70, 1)], {"1": "old", "2": "new"})
    (meaning,) = told.values()
    assert meaning_text(meaning) == "70 payloads, none to hold them against"


def test_pairs_that_are_too_many_to_compare_are_told_as_such() -> None:
    news = [sent("2", 3_000 + number, 1, str(number)) for number in range(MOST_COMPARED + 1)]
    told = pair_meanings([sent("1", 2_000, 1), *news], {"1": "old", "2": "new"})
    least = told["web", "0", "payment", "2"]
    assert meaning_text(least) == "3,000 payloads, not compared: other pairs have more"
    assert [it.passed_over for it in told.values()].count(True) == 1


@pytest.mark.parametrize(
    ("checked", "word", "needed"),
    [(349, "unproven", 387), (735, "unproven", 1), (736, "proven", None), (200, "unproven", 871)],
)
def test_a_pair_that_is_unproven_says_what_it_wants(
    checked: int, word: str, needed: int | None
) -> None:
    """Pairs that were there before were told unproven without a word why."""
    calls = 325 if checked == 200 else checked  # of some there was nothing to check
    seen = replace(cell("1", 0, calls, 0), valid=checked, not_checked={"no_body": calls - checked})
    ages = {WEB: "old", OLD: "old"}
    (state,) = pair_states(PairInputs([seen], ages, (), (), 10, 10))  # type: ignore[arg-type]
    assert (state.role, state.word, state.needed) == ("established", word, needed)


def test_what_no_more_calls_would_prove_says_so() -> None:
    unread = replace(cell("1", 0, 400, 0), not_checked={"no_body": 400})
    (state,) = pair_states(PairInputs([unread], {WEB: "old", OLD: "old"}, (), (), 10, 10))  # type: ignore[arg-type]
    assert (state.word, state.needed) == ("unproven", None)
    assert {it.code for it in state.reasons} & WHY_UNPROVEN == {"ramp_not_checked"}


def test_a_version_that_surely_fails_more_says_so_and_asks_for_no_more_calls() -> None:
    """It was unproven, and nothing said why."""
    cells = [
        cell(version, at, 400, bad)
        for at in range(0, 300, 10)
        for version, bad in (("1", 4), ("2", 40))
    ]
    ages = {WEB: "old", OLD: "old", NEW: "new"}
    states = pair_states(PairInputs(cells, ages, (), (), 10, 300))  # type: ignore[arg-type]
    (worse,) = (state for state in states if state.callee_version == "2")
    assert (worse.word, worse.needed) == ("unproven", None)
    (why,) = (it for it in worse.reasons if it.code in WHY_UNPROVEN)
    assert (why.code, why.parameters["count"]) == ("ramp_errors_more", 1_200)
    assert ramp_sentence(why).startswith("1,200 of 12,000 calls fail; ")
