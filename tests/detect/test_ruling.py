"""Policies applied to verdicts: what doubts count as, the least evidence, criticality."""

from dataclasses import replace
from typing import get_args

import pytest

from monitor.detect.judging.ruling import DOUBTS, STRICTEST, Asked, Shown, Traffic, ruled, stricter
from monitor.model.judging import Outcome
from monitor.model.policy import ByHand, Criticality, Doubt, Minimum, Policy, Rule
from monitor.model.reasons import Code, Reason, reason
from monitor.wording.reasons import sentence
from monitor.wording.shown import DOUBTS_TOLD

THIN = reason("thin", share=0.2, wanted=0.95)
WEAKER = reason("weaker_pass", version="2", against_version="1")
APART = reason("no_overlap", version="2", against_version="1")
WORSE = Reason("worse_errors", {}, explained_by="callee_released")
MUCH = Shown(calls=1000.0, minutes=20.0, windows_met=100, share_of_calls=1.0)


def asked(outcome: Outcome, *reasons: Reason, **changes: object) -> Asked:
    about = Asked("shop/pay", "production", "2", "1", outcome, reasons, MUCH)
    return replace(about, **changes)  # type: ignore[arg-type]  # a test's shorthand


def policy(*rules: Rule, **more: object) -> Policy:
    return Policy(rules=rules, **more)  # type: ignore[arg-type]  # a test's shorthand


def doubts(**outcomes: Outcome) -> Rule:
    return Rule("doubts", inconclusive=outcomes)  # type: ignore[arg-type]  # names of doubts


def test_without_rules_the_verdict_is_the_answer() -> None:
    for outcome in get_args(Outcome):
        ruling = ruled(Policy(), asked(outcome, THIN))
        assert (ruling.outcome, ruling.reasons, ruling.rules, ruling.criticality) == (
            outcome,
            (),
            (),
            None,
        )


@pytest.mark.parametrize("meaning", get_args(Outcome))
def test_a_doubt_counts_as_what_the_policy_says_and_that_is_told(meaning: Outcome) -> None:
    ruling = ruled(policy(doubts(few_calls=meaning)), asked("inconclusive", THIN))
    assert ruling.outcome == meaning
    (told,) = ruling.reasons
    assert (told.code, told.parameters["rule"], told.parameters["meaning"]) == (
        "counts_as",
        "doubts",
        meaning,
    )
    assert [(result.demand, result.outcome) for result in ruling.rules] == [
        ("inconclusive", "met" if meaning == "pass" else "not_met")
    ]


def test_of_several_doubts_the_strictest_meaning_counts_and_an_unnamed_one_stays() -> None:
    both = asked("inconclusive", THIN, reason("biased"))
    assert ruled(policy(doubts(few_calls="pass")), both).outcome == "inconclusive"
    assert ruled(policy(doubts(few_calls="pass", untrusted="pass")), both).outcome == "pass"
    assert ruled(policy(doubts(few_calls="pass", untrusted="fail")), both).outcome == "fail"


def test_a_failing_verdict_stays_failing_and_a_pass_needs_no_meaning() -> None:
    lax = policy(doubts(**dict.fromkeys(get_args(Doubt), "pass")))
    assert ruled(lax, asked("fail", Reason("worse_errors"))).outcome == "fail"
    strict = policy(doubts(**dict.fromkeys(get_args(Doubt), "fail")))
    ruling = ruled(strict, asked("pass", reason("no_calls")))
    assert (ruling.outcome, [result.outcome for result in ruling.rules]) == (
        "pass",
        ["not_judged"],
    )


def test_harm_that_another_deploy_explains_is_suspected_and_no_lack_of_calls() -> None:
    seen = asked("inconclusive", WORSE, THIN)
    assert ruled(policy(doubts(few_calls="pass")), seen).outcome == "inconclusive"
    assert ruled(policy(doubts(few_calls="pass", suspected="fail")), seen).outcome == "fail"


def test_a_weaker_pass_is_one_doubt_though_the_versions_never_met() -> None:
    ruling = ruled(policy(doubts(weaker_pass="pass")), asked("inconclusive", WEAKER, APART, THIN))
    assert ruling.outcome == "pass"


def test_of_several_rules_the_last_that_names_a_doubt_decides() -> None:
    general, special = (
        Rule("all", inconclusive={"few_calls": "fail"}),
        Rule("pay", ("pay",), inconclusive={"few_calls": "pass"}),
    )
    ruling = ruled(policy(general, special), asked("inconclusive", THIN))
    assert ruling.outcome == "pass"
    assert {result.rule: result.outcome for result in ruling.rules} == {
        "all": "not_judged",
        "pay": "met",
    }


@pytest.mark.parametrize(
    ("minimum", "demand", "settles"),
    [
        (Minimum(calls=1001), "calls", "more_calls_in_all"),
        (Minimum(minutes=20.5), "minutes", "more_time"),
        (Minimum(windows_met=101), "windows_met", "more_windows"),
        (Minimum(share_of_calls=1.0), "share_of_calls", None),
    ],
)
def test_a_pass_on_less_than_the_minimum_is_inconclusive_with_numbers(
    minimum: Minimum, demand: str, settles: str | None
) -> None:
    about = asked("pass", shown=replace(MUCH, share_of_calls=0.99))
    ruling = ruled(policy(Rule("all", minimum=minimum)), about)
    assert (ruling.outcome, [need.code for need in ruling.settles]) == (
        "inconclusive",
        [settles] if settles else [],
    )
    (result,) = ruling.rules
    assert (result.demand, result.outcome, ruling.reasons[0]) == (demand, "not_met", result.reason)
    assert "at least" in sentence(result.reason)


def test_just_the_minimum_is_enough_and_every_rule_asks_for_its_own() -> None:
    enough = Rule(
        "all", minimum=Minimum(calls=1000, minutes=20.0, windows_met=100, share_of_calls=1.0)
    )
    ruling = ruled(policy(enough), asked("pass"))
    assert (ruling.outcome, {result.outcome for result in ruling.rules}) == ("pass", {"met"})
    more = Rule("pay", ("shop/*",), minimum=Minimum(calls=5000))
    both = ruled(policy(enough, more), asked("pass"))
    assert both.outcome == "inconclusive"
    assert [result.rule for result in both.rules if result.outcome == "not_met"] == ["pay"]
    missing = both.settles[0].parameters
    assert (missing["calls"], missing["eta_seconds"]) == (4000, pytest.approx(4800))


def test_a_weaker_pass_needs_the_minimum_too_and_a_waived_doubt_does_not() -> None:
    rules = (
        Rule("all", minimum=Minimum(calls=5000)),
        doubts(weaker_pass="pass", few_calls="pass"),
    )
    assert ruled(policy(*rules), asked("inconclusive", WEAKER)).outcome == "inconclusive"
    waived = ruled(policy(*rules), asked("inconclusive", THIN))
    assert (waived.outcome, [result.outcome for result in waived.rules]) == (
        "pass",
        ["not_judged", "met"],
    )


def test_too_little_evidence_may_fail_where_the_policy_says_so() -> None:
    rules = (Rule("all", minimum=Minimum(calls=5000)), doubts(minimum="fail"))
    assert ruled(policy(*rules), asked("pass")).outcome == "fail"
    assert ruled(policy(*rules), asked("pass", shown=None)).outcome == "fail", "nothing was shown"


@pytest.mark.parametrize(
    ("service", "environment", "matches"),
    [
        ("pay", "production", True), ("shop/pay", "production", True), ("shop/payments", "production", True),
        ("pay", "staging", False), ("cart", "production", False), ("pay", "", False),
    ],
)  # fmt: skip
def test_a_rule_is_for_the_services_and_environments_that_it_names(
    service: str, environment: str, matches: bool
) -> None:
    rule = Rule("pay", ("pay*",), ("prod*",), minimum=Minimum(calls=5000))
    ruling = ruled(policy(rule), asked("pass", service=service, environment=environment))
    assert (ruling.outcome == "inconclusive", bool(ruling.rules)) == (matches, matches)


@pytest.mark.parametrize(
    ("changes", "traffic", "level"),
    [
        (1, Traffic(0, 0.0), "low"), (2, Traffic(1, 0.019), "low"), (2, Traffic(2, 0.0), "medium"), (14, Traffic(0, 0.0), "medium"),
        (1, Traffic(5, 0.0), "medium"), (2, Traffic(5, 0.0), "high"), (2, Traffic(0, 0.1), "high"), (14, Traffic(2, 0.0), "high"),
        (None, Traffic(9, 0.9), "high"), (99, None, "high"), (0, None, "high"),
    ],
)  # fmt: skip
def test_criticality_is_change_frequency_times_impact_and_high_where_unknown(
    changes: int | None, traffic: Traffic | None, level: str
) -> None:
    rules = [
        Rule(name, criticality=(name,), minimum=Minimum(calls=1))
        for name in ("low", "medium", "high")
    ]
    ruling = ruled(policy(*rules), asked("pass", changes=changes, traffic=traffic))
    assert [result.rule for result in ruling.rules] == [level]
    assert ruling.criticality is not None
    assert ruling.criticality.parameters["level"] == level
    assert ruling.criticality.code == (
        "criticality_unknown" if None in (changes, traffic) else "criticality_derived"
    )


def test_criticality_set_by_hand_comes_first() -> None:
    by_hand = Criticality(by_hand=(ByHand(("pay",), "low"), ByHand(("*",), "high")))
    rule = Rule("high", criticality=("high",), minimum=Minimum(calls=5000))
    about = asked("pass", changes=99, traffic=Traffic(9, 0.9))
    assert ruled(policy(rule, criticality=by_hand), about).outcome == "pass"
    assert (
        ruled(policy(rule, criticality=by_hand), replace(about, service="cart")).outcome
        == "inconclusive"
    )


def test_of_two_policies_the_stricter_answer_counts_and_all_rules_are_told() -> None:
    lax, strict = (
        policy(doubts(few_calls="pass")),
        policy(Rule("strict", inconclusive={"few_calls": "fail"})),
    )
    first, second = (ruled(rules, asked("inconclusive", THIN)) for rules in (lax, strict))
    for both in (stricter(first, second), stricter(second, first)):
        assert both.outcome == "fail"
        assert {result.rule for result in both.rules} == {"doubts", "strict"}
        assert [told.parameters["rule"] for told in both.reasons] == ["strict"]


def test_every_code_of_an_open_verdict_is_of_one_kind_of_doubt() -> None:
    known = [code for codes in DOUBTS.values() for code in codes]
    assert len(known) == len(set(known))
    assert set(known) <= set(get_args(Code))
    assert set(get_args(Doubt)) == set(DOUBTS) | {"minimum", "other"} == set(DOUBTS_TOLD)
    assert (
        ruled(policy(doubts(other="pass")), asked("inconclusive", Reason("of_tomorrow"))).outcome
        == "pass"
    )
    assert set(STRICTEST) == set(get_args(Outcome))
    codes = get_args(Code)
    why_not = codes[codes.index("thin") : codes.index("callee_stronger")]
    aside = {"accepted_whole"}
    assert set(why_not) - aside <= set(known), set(why_not) - set(known)
