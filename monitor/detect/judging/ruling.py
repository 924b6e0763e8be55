"""A policy applied to a verdict: the doubts it names, the demands that are met, and what the gate
answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.model.judging import Outcome
from monitor.model.policy import Criticality, Demand, Doubt, Level, Policy, Rule, RuleResult
from monitor.model.reasons import Reason, reason

WEAKER = ("weaker_pass", "weaker_pass_untold", "weaker_pass_few")
"""Codes of what is no worse as far as can be told, and is a pass where a policy says so."""
DOUBTS: Mapping[Doubt, frozenset[str]] = {
    "weaker_pass": frozenset(WEAKER),
    "unmatched": frozenset(
        (
            "kind_not_judged several_environments several_namespaces environment_without_service environment_without_traffic "
            "service_unmatched deploy_untold version_unmatched version_not_told version_written_otherwise service_unknown"
        ).split()
    ),
    "no_data": frozenset(
        "nothing_sealed no_calls late version_not_seen not_there_yet edge_without_version".split()
    ),
    "few_calls": frozenset(
        "thin harm_possible slowness_possible tail_possible few_windows".split()
    ),
    "no_overlap": frozenset(
        "no_overlap zones_in_turn version_stayed versions_unnamed no_other_version edge_without_meeting operation_new".split()
    ),
    "untrusted": frozenset(
        "confounded zones_aligned neighbours_untold calls_uncounted sampling_changed coverage_differs not_checked biased versions_missing".split()
    ),
    "suspected": frozenset(
        (
            "worse_errors worse_client_errors worse_provider_errors worse_timeouts worse_violations worse_latency silent never_seen "
            "shared_state callers_fail callers_explained calls_fail worse_elsewhere worse_than_before worse_alone fanout_changed "
            "calls_missing calls_repeated calls_attempted calls_misrouted calls_added calls_asked meaning_changed"
        ).split()
    ),
}
STRICTEST: Mapping[Outcome, int] = {"pass": 0, "inconclusive": 1, "fail": 2}


@dataclass(frozen=True, slots=True)
class Traffic:
    """A service over the last days: by how many others it is called, and with which share of the
    environment's calls.
    """

    callers: int
    share_of_calls: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What the new version has shown since the deploy: calls, minutes served, windows in which it
    met the old one, share of calls on quiet edges.
    """

    calls: float
    minutes: float
    windows_met: int
    share_of_calls: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Which service is ruled on, and what is known of it. `changes` and `traffic` are of the
    policy's days, None where nobody looked. `without_meaning` is as a verdict has it.
    """

    service: str
    environment: str
    version: str
    against_version: str
    outcome: Outcome
    reasons: Sequence[Reason]
    shown: Shown | None = None
    changes: int | None = None
    traffic: Traffic | None = None
    without_meaning: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policy makes of a verdict. `reasons` say what it changed, `settles` what it lacks;
    `rules` are all that applied.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    settles: tuple[Reason, ...]
    rules: tuple[RuleResult, ...]
    criticality: Reason | None


def ruled(policy: Policy, asked: Asked) -> Ruling:
    """Pure: the same policy and facts give the same ruling. A verdict that fails stays failing.

    Only where nothing fails but what values mean, a rule may say what that counts as: never better
    than the rest of the verdict. Of several doubts the strictest meaning counts; what no rule names stays inconclusive. A pass,
    or a weaker pass that counts as one, must meet the minimum of every rule that applies.
    """
    level, criticality = _criticality(policy, asked)
    rules = [rule for rule in policy.rules if rule.is_for(asked.service, asked.environment, level)]
    asked, meant = _apart(asked, rules)
    doubts = _doubts(asked.reasons) if asked.outcome == "inconclusive" else []
    meanings = {doubt: _meaning(rules, doubt) for doubt in doubts}
    outcome = max(
        (meant for meant, _ in meanings.values()), key=STRICTEST.__getitem__, default=asked.outcome
    )
    stands = outcome == "pass" and set(doubts) <= {"weaker_pass"}
    results = [result for rule in rules for result in _of_minimum(rule, asked, judged=stands)]
    short = [result for result in results if result.outcome == "not_met"]
    if short:
        meanings["minimum"] = _meaning(rules, "minimum")
        outcome = meanings["minimum"][0]
    if meant is not None:
        outcome = max(outcome, meant.outcome, key=STRICTEST.__getitem__)
        results.append(meant.result)
    reasons = tuple(
        reason("counts_as", rule=rule, doubt=doubt, meaning=meant)
        for doubt, (meant, rule) in meanings.items()
        if rule
    )
    results += [_of_meaning(rule, asked, meanings) for rule in rules if rule.inconclusive]
    order = {rule.name: number for number, rule in enumerate(rules)}
    return Ruling(
        outcome,
        (
            *(result.reason for result in short),
            *reasons,
            *([meant.result.reason] if meant else ()),
        ),
        tuple(settled for result in short if (settled := _settled(result, asked))),
        tuple(sorted(results, key=lambda result: order[result.rule])),
        criticality,
    )


def stricter(answer: Ruling, other: Ruling) -> Ruling:
    """Both policies apply: the stricter answer counts, and all rules are told."""
    first, second = sorted((answer, other), key=lambda ruling: -STRICTEST[ruling.outcome])
    reasons = (
        first.reasons
        if STRICTEST[first.outcome] > STRICTEST[second.outcome]
        else (*first.reasons, *second.reasons)
    )
    return Ruling(
        first.outcome,
        reasons,
        first.settles,
        (*answer.rules, *other.rules),
        answer.criticality or other.criticality,
    )


@dataclass(frozen=True, slots=True)
class _Meant:
    """What values that mean something else count as, by which rule."""

    outcome: Outcome
    result: RuleResult


def _apart(asked: Asked, rules: Sequence[Rule]) -> tuple[Asked, _Meant | None]:
    """The rest of the verdict, and what a rule makes of values that mean something else; all of it
    as it is where they are not what fails, or no rule speaks of them.
    """
    deciding = [rule for rule in rules if rule.meaning is not None]
    if asked.without_meaning is None or not deciding:
        return asked, None
    rule = deciding[-1]
    meaning: Outcome = rule.meaning or "fail"
    rest = tuple(why for why in asked.reasons if why.code != "meaning_changed")
    why = reason("meaning_counts_as", rule=rule.name, meaning=meaning)
    result = RuleResult(rule.name, "meaning", "met" if meaning == "pass" else "not_met", why)
    return replace(asked, outcome=asked.without_meaning, reasons=rest), _Meant(meaning, result)


def _doubts(reasons: Sequence[Reason]) -> list[Doubt]:
    """The kinds of doubt among the reasons, in their order. That the versions never met is what
    makes a weaker pass weaker.
    """
    doubts: list[Doubt] = []
    for why in reasons:
        if not why.accepted:
            kind: Doubt = next(
                (doubt for doubt, codes in DOUBTS.items() if why.code in codes), "other"
            )
            doubts.append("suspected" if why.explained_by else kind)
    if "weaker_pass" in doubts:
        return ["weaker_pass"]
    return list(dict.fromkeys(doubts)) or ["other"]


def _meaning(rules: Sequence[Rule], doubt: Doubt) -> tuple[Outcome, str]:
    """What a doubt counts as, by the last rule that says so, and that rule; "" where none does."""
    deciding = [rule for rule in rules if doubt in rule.inconclusive]
    return (
        (deciding[-1].inconclusive[doubt], deciding[-1].name) if deciding else ("inconclusive", "")
    )


def _of_minimum(rule: Rule, asked: Asked, *, judged: bool) -> Iterator[RuleResult]:
    least, shown = rule.minimum, asked.shown or Shown(0.0, 0.0, 0, 0.0)
    name, version = rule.name, asked.version
    lines: list[tuple[Demand, float, float | None, Reason]] = [
        (
            "calls",
            shown.calls,
            least.calls,
            reason(
                "minimum_calls", rule=name, version=version, calls=shown.calls, wanted=least.calls
            ),
        ),
        (
            "minutes",
            shown.minutes,
            least.minutes,
            reason(
                "minimum_minutes",
                rule=name,
                version=version,
                minutes=shown.minutes,
                wanted=least.minutes,
            ),
        ),
        (
            "share_of_calls",
            shown.share_of_calls,
            least.share_of_calls,
            reason(
                "minimum_share",
                rule=name,
                version=version,
                share=shown.share_of_calls,
                wanted=least.share_of_calls,
            ),
        ),
        (
            "windows_met",
            shown.windows_met,
            least.windows_met,
            reason(
                "minimum_windows",
                rule=name,
                version=version,
                against_version=asked.against_version,
                windows=shown.windows_met,
                wanted=least.windows_met,
            ),
        ),
    ]
    for demand, has, wanted, why in lines:
        if wanted is not None:
            yield RuleResult(
                rule.name,
                demand,
                ("met" if has >= wanted else "not_met") if judged else "not_judged",
                why,
            )


def _of_meaning(
    rule: Rule, asked: Asked, meanings: Mapping[Doubt, tuple[Outcome, str]]
) -> RuleResult:
    """What became of a rule that says what doubts count as: whether one that it decided stands in
    the way.
    """
    mine = [(doubt, meant) for doubt, (meant, name) in meanings.items() if name == rule.name]
    if not mine:
        why = reason(
            "no_doubt_of_it",
            rule=rule.name,
            outcome=asked.outcome,
            doubts=", ".join(rule.inconclusive),
        )
        return RuleResult(rule.name, "inconclusive", "not_judged", why)
    doubt, meant = max(mine, key=lambda pair: STRICTEST[pair[1]])
    why = reason("counts_as", rule=rule.name, doubt=doubt, meaning=meant)
    return RuleResult(rule.name, "inconclusive", "met" if meant == "pass" else "not_met", why)


def _settled(result: RuleResult, asked: Asked) -> Reason | None:
    """What would meet a demand that is not met: calls or minutes, at the rate so far."""
    shown = asked.shown or Shown(0.0, 0.0, 0, 0.0)
    wanted = float(result.reason.parameters["wanted"] or 0.0)
    per_second = shown.calls / shown.minutes / 60.0 if shown.minutes else 0.0
    if result.demand == "calls":
        missing = wanted - shown.calls
        eta = missing / per_second if per_second else None
        return reason(
            "more_calls_in_all",
            calls=missing,
            version=asked.version,
            service=asked.service,
            eta_seconds=eta,
        )
    if result.demand == "minutes":
        return reason(
            "more_time", version=asked.version, eta_seconds=60.0 * (wanted - shown.minutes)
        )
    if result.demand == "windows_met":
        return reason(
            "more_windows",
            version=asked.version,
            against_version=asked.against_version,
            eta_seconds=None,
        )
    return None


def _criticality(policy: Policy, asked: Asked) -> tuple[Level, Reason | None]:
    """The level, and why; high where nothing is known. No reason where no rule asks."""
    if not policy.asks_criticality:
        return "high", None
    how = policy.criticality
    by_hand = how.told(asked.service, asked.environment)
    if by_hand:
        return by_hand, reason("criticality_by_hand", level=by_hand, service=asked.service)
    if asked.changes is None or asked.traffic is None:
        return "high", reason(
            "criticality_unknown", level="high", service=asked.service, days=how.days
        )
    level = _derived(how, asked.changes, asked.traffic)
    return level, reason(
        "criticality_derived",
        level=level,
        service=asked.service,
        changes=asked.changes,
        days=how.days,
        callers=asked.traffic.callers,
        share=asked.traffic.share_of_calls,
    )


def _derived(how: Criticality, changes: int, traffic: Traffic) -> Level:
    per_week = changes * 7.0 / how.days
    frequency = 1 + sum(per_week >= bound for bound in how.changes_per_week)
    by_callers = 1 + sum(traffic.callers >= bound for bound in how.callers)
    by_calls = 1 + sum(traffic.share_of_calls >= bound for bound in how.share_of_calls)
    weight = frequency * max(by_callers, by_calls)
    return "high" if weight >= 6 else "medium" if weight >= 3 else "low"
