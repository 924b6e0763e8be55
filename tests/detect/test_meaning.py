"""A value that means something else under an unchanged schema is told by its place and what
changed; what drifts is not, and the mix of callers is no change.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from monitor.alerts.lifecycle import worth_a_page
from monitor.contracts.marks import MARKED, SEPARATOR
from monitor.contracts.skeleton import Skeleton
from monitor.detect.evidence.meaning import meaning_changes
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.joining.meaning import Marked, sketches_of
from monitor.model.meaning import MeaningChange, MeaningCode, Meant, MeantKind, Place, Sketch
from monitor.wording.meaning import meaning_sentence
from tests.detect.traffic import START, Traffic, cells, deploy, edge, now_after, steady

KIND = Place("GET /orders", 200, "response", "")
NOW = datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC).timestamp()


def sketch(payloads: Iterable[Any], stratum: str = "web") -> Sketch:
    counts: dict[str, Counter[str]] = {}
    for payload in payloads:
        marks = Skeleton(payload, at=NOW).marks
        assert marks is not None
        for place, mark in marks:
            counts.setdefault(place, Counter())[mark] += 1
    return Sketch(stratum, counts)


def told(old: Iterable[Any], new: Iterable[Any]) -> list[MeaningChange]:
    return meaning_changes({KIND: [sketch(old)]}, {KIND: [sketch(new)]})


TOTALS = [1.0 + (7 * count % 100) / 4 for count in range(300)]
STATES = ["open"] * 150 + ["paid"] * 100 + ["sent"] * 50
AT = "2026-11-21T10:00:02.125Z"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (TOTALS, [100 * total for total in TOTALS], "numbers are about 100 times larger"),
        (TOTALS, [-total for total in TOTALS], "it is negative in 100 %, before in 0 %"),
        (TOTALS, [0.0, 5.5] * 150, "it is zero in"),
        (TOTALS, [float(int(total)) for total in TOTALS], "it is a whole number in 100 %"),
        ([AT] * 99, [AT[:-1]] * 99, "100 % are with the zone none, before 0 %"),
        ([AT] * 99, [AT[:19] + ".000Z"] * 99, "100 % are told down to s, before 0 %"),
        ([AT] * 99, [AT.replace("T10", "T12")] * 99, "times lie otherwise from now, towards later"),
        (STATES, ["paid"] * 150 + ["sent"] * 100 + ["open"] * 50, "one of its words is seen in"),
        (STATES, ["opened", *STATES[150:]] * 150, "a word that was 50 % is not seen any more"),
        ([[1]] * 200, [[1], [], []] * 60, "the list is empty in 67 %, before in 0 %"),
        ([[1, 2]] * 200, [[1] * 9] * 200, "lists are"),
        ([True, False] * 99, [True] * 99, "it is true in 100 %, before in 50 %"),
        (["ab12cd34ef"] * 99, ["1234567890"] * 99, "are made of digits"),
        (["x"] * 99, ["a longer text"] * 99, "texts are"),
        ([1, None] * 99, [None] * 99, "it is null in 100 %, before in 50 %"),
        (TOTALS, [f"{total}" for total in TOTALS], "100 % are of the type text, before 0 %"),
        (TOTALS, [{"amount": total} for total in TOTALS], "100 % are of the type object, before 0 %"),
    ],
)  # fmt: skip
def test_what_changed_is_told_of_its_place(old: list[Any], new: list[Any], said: str) -> None:
    (change,) = told([{"it": value} for value in old], [{"it": value} for value in new])
    assert change.place == Place("GET /orders", 200, "response", "/it")
    assert meaning_sentence(change).startswith("GET /orders 200 response /it: ")
    assert said in meaning_sentence(change)


def test_an_object_that_became_a_list_is_told() -> None:
    change, field = told([{"it": {"a": 1}}] * 99, [{"it": [{"a": 1}]}] * 99)
    if change.place.pointer != "/it":
        change, field = field, change
    assert (change.code, change.place.pointer, field.place.pointer) == ("type", "/it", "/it/a")


def test_a_type_that_was_there_before_and_one_that_is_masked_are_no_new_one() -> None:
    old: list[Any] = [1, "a"]
    new: list[Any] = ["a", 1, 1]
    assert told([{"it": it} for it in 99 * old], [{"it": it} for it in 99 * new]) == []
    masked = [{"it": "[REDACTED]"} for _ in TOTALS]
    assert "type" not in {change.code for change in told([{"it": it} for it in TOTALS], masked)}
    asked = Place("GET /orders", 200, "query", "")
    words = [sketch([{"q": it} for it in held]) for held in (["12"] * 99, ["ab"] * 99)]
    changes = meaning_changes({asked: words[:1]}, {asked: words[1:]})
    assert "type" not in {change.code for change in changes}


def test_a_field_that_is_mostly_gone_is_told() -> None:
    (change,) = told([{"a": 1, "it": 1}] * 200, [{"a": 1}, {"a": 1, "it": 1}] * 100)
    assert (change.code, change.place.pointer, change.new_share) == ("missing", "/it", 0.5)


def test_what_drifts_is_not_told() -> None:
    """Prices, ids that grow, a mix that shifts, a new word, longer lists of the same."""
    old = [
        {"price": total, "id": 1_000 + place, "state": state, "items": [{"sku": "A"}]}
        for place, (total, state) in enumerate(zip(TOTALS, STATES, strict=True))
    ]
    new = [
        {"price": round(1.4 * total, 2), "id": 3_000 + place, "state": "held" if place < 40 else state, "items": [{"sku": "A"}, {"sku": "B"}]}
        for place, (total, state) in enumerate(zip(TOTALS, STATES, strict=True))
    ]  # fmt: skip
    assert told(old, new) == []
    assert told(old, old) == []
    assert told(old[:20], [{"price": 100 * order["price"]} for order in old[:20]]) == []  # few


def by_hours(*hours: Iterable[float]) -> list[Sketch]:
    """Payloads of hours after one another, as they come from the store."""
    marked = []
    for at, values in enumerate(hours):
        keys = Counter(
            f"{place}{SEPARATOR}{mark}"
            for value in values
            for place, mark in [*(Skeleton({"it": value}).marks or ()), ("", MARKED)]
        )
        hour = START + timedelta(hours=at)
        marked.append(Marked("web", "", hour, keys[f"{SEPARATOR}{MARKED}"], 1.0, keys))
    return sketches_of(marked, at_once=False)


def test_a_counter_that_goes_on_growing_is_no_change_and_one_that_leaps_is() -> None:
    old = by_hours(range(1, 100), range(100, 200), range(200, 300))
    on = [range(300 * 2**at, 600 * 2**at, 2**at) for at in range(7)]
    assert meaning_changes({KIND: old}, {KIND: by_hours(*on)}) == []
    later = [range(300, 400), *([value * 100 for value in hour] for hour in on[1:])]
    for leaps in ([[value * 100 for value in hour] for hour in on], later):
        (change,) = meaning_changes({KIND: old}, {KIND: by_hours(*leaps)})
        assert change.code == "larger"
    # fractions are no counter: three times as much is told, whenever it came
    (change,) = meaning_changes({KIND: old}, {KIND: by_hours(*on, [0.5] * 20)})
    assert change.code == "larger"


def test_the_mix_of_callers_is_no_change() -> None:
    cheap, dear = [{"it": 1.5}] * 300, [{"it": 900.5}] * 300
    old = {KIND: [sketch(cheap, "web"), sketch(dear[:60], "batch")]}
    new = {
        KIND: [sketch(cheap[:60], "web"), sketch(dear, "batch"), sketch([{"it": 0}] * 300, "b")]
    }
    assert meaning_changes(old, new) == []
    swapped = {KIND: [sketch(dear, "web"), sketch(dear, "batch")]}
    (change,) = meaning_changes(old, swapped)
    assert change.code == "larger"


@pytest.mark.parametrize("met", [True, False])
def test_what_versions_that_never_met_mean_wakes_nobody_and_a_release_below_explains_it(
    met: bool,
) -> None:
    place = Place("POST /pay", 200, "response", "")
    totals = [{"total": total} for total in TOTALS]
    in_cents = [{"total": 100 * total} for total in TOTALS]
    old, new = [sketch(totals)], [sketch(in_cents)]
    kind = MeantKind(place, "http", "callee", ["web"], met, 300, 300, START, START, old, new)
    rows = [
        *cells([Traffic(edge())], 12, share=steady(0.3 if met else 1.0)),
        *cells([Traffic(edge("payment", "bank"))], 12, role="caller"),
    ]
    others, now = (deploy("bank", "7"),), now_after(12)
    meant = Meant("1.9.0", "2.0.0", [kind])
    findings = judge(deploy(), rows, (), others, JudgeSettings(), now, meant=meant)[1]
    (finding,) = [it for it in findings if it.signal == "meaning"]
    explained = finding.explained and finding.explained.code
    assert (finding.strength, explained) == (
        ("concurrent", None) if met else ("weaker", "callee_released")
    )
    assert worth_a_page([finding], 0.0) == met


def test_every_change_has_its_sentence() -> None:
    for code in get_args(MeaningCode):
        change = MeaningChange(KIND, code, "Z", 0.1, 0.9, 4.0, 100, 100, 50.0)
        assert meaning_sentence(change)
