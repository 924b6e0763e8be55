"""What a verdict tells beside its outcome: which version it compared with, on what it rests, what
would settle it.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Verdict
from monitor.wording.findings import summary
from monitor.wording.reasons import sentence
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    deploy,
    edge,
    now_after,
    sighting,
    steady,
)
from tests.fixtures.told import sentences

SETTINGS = JudgeSettings()
ONE = [Traffic(edge())]


def verdict_on(rows: list[EdgeCell], windows: int = 12, *, of: Any = None, **more: Any) -> Verdict:
    return judge(
        of or deploy(),
        rows,
        more.pop("seen", ()),
        more.pop("others", ()),
        SETTINGS,
        now_after(windows),
        **more,
    )[0]


def renamed(rows: list[EdgeCell], old: str, new: str, until: int = 10**6) -> list[EdgeCell]:
    """The rows of one callee version as of another, up to a window."""
    end = START + timedelta(seconds=10 * until)
    return [
        replace(row, callee_version=new) if row.callee_version == old and row.window < end else row
        for row in rows
    ]


# ---- which version it is compared with


def test_the_announced_version_is_compared_with_when_it_has_calls() -> None:
    rows = cells(ONE, 12) + renamed(cells([Traffic(edge(), 5000)], 12, seed=2), "1.9.0", "1.8.0")
    assert verdict_on(rows).against_version == "1.9.0"


@pytest.mark.parametrize("announced", ["", "0.1.0", "2.0.0"])
def test_else_the_version_with_most_calls(announced: str) -> None:
    rows = cells(ONE, 12) + renamed(cells([Traffic(edge(), 50)], 12, seed=2), "1.9.0", "1.8.0")
    assert verdict_on(rows, of=deploy(previous_version=announced)).against_version == "1.9.0"


def test_calls_that_only_sightings_know_count_and_no_version_is_none() -> None:
    seen = [
        sighting(0, "1.7.0", "a", 10),
        sighting(1, "1.7.0", "a", 10),
        sighting(0, "1.6.0", "b", 15),
        sighting(0, "", "c", 99),
    ]
    told = verdict_on(
        [], seen=[*seen, sighting(0, "1.5.0", "d", 0)], of=deploy(previous_version="")
    )
    assert told.against_version == "1.7.0"


def test_with_nothing_to_compare_it_says_so() -> None:
    alone = [row for row in cells(ONE, 12, share=steady(1.0)) if row.callee_version == "2.0.0"]
    told = verdict_on(alone, of=deploy(previous_version=""))
    assert (told.outcome, told.against_version) == ("inconclusive", "")
    assert "missing: no other version of payment to compare with" in sentences(told.reasons)


# ---- on what it rests


def test_it_names_the_deploy_and_the_end_of_its_data() -> None:
    told = verdict_on(cells(ONE, 12))
    asked = deploy()
    assert (told.deploy_id, told.environment, told.service, told.version) == (
        asked.id,
        "production",
        "payment",
        "2.0.0",
    )
    assert told.judged_at == now_after(12)
    assert told.data_until == START + timedelta(seconds=120)
    assert re.fullmatch(r"[0-9a-f]{20}", told.id)


def test_the_same_inputs_in_any_order_have_the_same_hash() -> None:
    rows, seen = cells(ONE, 6), [sighting(n, "2.0.0", f"i{n}", 9) for n in range(4)]
    others = [deploy("web", "3"), deploy("cart", "7")]
    first = verdict_on(rows, seen=seen, others=others)
    second = verdict_on(rows[::-1], seen=seen[::-1], others=others[::-1])
    assert (first.inputs_hash, first.id) == (second.inputs_hash, second.id)


def test_what_lies_elsewhere_is_no_input() -> None:
    rows, seen = cells(ONE, 6), [sighting(0, "2.0.0", "i", 9)]
    elsewhere = [replace(seen[0], environment="staging"), replace(seen[0], service="cart")]
    strangers = cells(
        [Traffic(edge("web", "cart")), Traffic(replace(edge(), environment="staging"))], 6
    )
    assert (
        verdict_on(rows + strangers, seen=seen + elsewhere).inputs_hash
        == verdict_on(rows, seen=seen).inputs_hash
    )


def test_any_other_input_has_another_hash() -> None:
    rows, seen, others = cells(ONE, 6), (sighting(0, "2.0.0", "i", 9),), (deploy("web", "3"),)
    base = judge(deploy(), rows, seen, others, SETTINGS, now_after(6))[0].inputs_hash
    for asked in (
        (deploy(), rows[:-1], seen, others, SETTINGS),
        (deploy(), rows, (replace(seen[0], server_calls=8),), others, SETTINGS),
        (deploy(), rows, seen, (deploy("web", "4"),), SETTINGS),
        (replace(deploy(), actor="somebody"), rows, seen, others, SETTINGS),
        (deploy(), rows, seen, others, replace(SETTINGS, alpha=0.02)),
    ):
        assert judge(*asked, now_after(6))[0].inputs_hash != base


def test_each_edge_tells_its_versions_its_share_and_its_numbers() -> None:
    asked = deploy("web", "2.0.0", previous_version="1.9.0")
    told = verdict_on(
        cells(
            [Traffic(edge(), 300), Traffic(edge(operation="GET /x"), 100)],
            12,
            poisson=False,
            role="caller",
        ),
        of=asked,
    )
    shares = {
        judgement.edge.operation: round(judgement.share_of_calls, 2) for judgement in told.edges
    }
    assert shares == {"POST /pay": 0.75, "GET /x": 0.25}
    assert {(judgement.caller_version, judgement.callee_version) for judgement in told.edges} == {
        ("2.0.0", "1.0.0")
    }
    (pay,) = (judgement for judgement in verdict_on(cells(ONE, 12)).edges)
    assert (pay.caller_version, pay.callee_version) == ("1.0.0", "2.0.0")
    assert pay.evidence["server_error"].new_calls > 100
    mixed = cells([Traffic(edge(), callers={"1.0.0": 0.5, "1.1.0": 0.5})], 12)
    assert {judgement.caller_version for judgement in verdict_on(mixed).edges} == {""}, (
        "several callers' versions: none is named"
    )


# ---- why not, and what would settle it


def test_late_data_is_late_after_three_minutes() -> None:
    rows = cells(ONE, 12)

    def late(seconds: float) -> bool:
        now = START + timedelta(seconds=120 + seconds)
        return any(
            reason.startswith("late:")
            for reason in sentences(judge(deploy(), rows, (), (), SETTINGS, now)[0].reasons)
        )

    assert not late(180)
    assert late(181)


def test_a_service_never_seen_is_unmatched_where_one_looked() -> None:
    assert sentences(verdict_on([]).reasons) == (
        "unmatched: payment was never seen in production in sealed windows",
    )
    anywhere = verdict_on([], of=deploy(environment=""))
    assert sentences(anywhere.reasons) == (
        "unmatched: payment was never seen in any environment in sealed windows",
    )


def test_a_deploy_without_a_version_is_unmatched() -> None:
    assert "unmatched: the deploy names no version" in sentences(
        verdict_on(cells(ONE, 12), of=deploy(version="")).reasons
    )


def test_sightings_alone_are_no_calls() -> None:
    seen = [sighting(0, "2.0.0", "i", 9), sighting(0, "1.9.0", "j", 9)]
    told = verdict_on([], seen=seen)
    assert (told.outcome, told.data_until) == ("inconclusive", None)
    assert "missing: no sealed window holds a call of this service" in sentences(told.reasons)


def open_edges(rows: list[EdgeCell], windows: int) -> Verdict:
    told = verdict_on(rows, windows)
    assert told.outcome == "inconclusive", sentences(told.reasons)
    return told


def test_a_thin_edge_tells_how_many_calls_would_settle_it_and_how_long_that_takes() -> None:
    thin = [Traffic(edge(), 20, Behaviour(0.01), Behaviour(0.01))]
    told = open_edges(cells(thin, 12, share=steady(0.5), poisson=False), 12)
    in_all, line = sentences(told.settles)
    assert in_all.startswith("about ")
    assert re.fullmatch(
        r"about [\d,]+ more calls of 2\.0\.0 on web → payment POST /pay, about \d+ minutes at the present rate",
        line,
    )
    calls, seconds = (
        float(told.settles[1].parameters[name] or 0.0) for name in ("calls", "eta_seconds")
    )
    assert calls > 100
    assert seconds == pytest.approx(calls, rel=0.2), "about a call a second"
    assert re.fullmatch(
        r"about [\d,]+ more calls of 2\.0\.0 on the edges of payment together, about \d+ \w+ at the present rate",
        in_all,
    )
    assert told.eta_seconds == told.settles[0].parameters["eta_seconds"]
    assert sentences(told.reasons)[0].startswith(
        "thin: edges with only 0% of the calls are shown to be no worse (95% wanted)"
    )
    assert any(
        reason.startswith("web → payment POST /pay: ") for reason in sentences(told.reasons)
    )


def test_the_rate_is_that_of_the_last_two_minutes_with_the_new_version() -> None:
    slow_then_fast = [
        Traffic(
            edge(),
            20,
            Behaviour(0.01),
            Behaviour(0.01),
            load=lambda window: 1 if window < 12 else 4,
        )
    ]
    told = open_edges(cells(slow_then_fast, 24, share=steady(0.5), poisson=False), 24)
    calls, seconds = (
        float(told.settles[1].parameters[name] or 0.0) for name in ("calls", "eta_seconds")
    )
    assert calls / seconds == pytest.approx(4, rel=0.2)


def test_the_wait_of_the_whole_is_told_and_five_edges_at_most() -> None:
    names = [f"GET /{number}" for number in range(7)]
    thin = [
        Traffic(edge(operation=name), 4 + 4 * number, Behaviour(0.01), Behaviour(0.01))
        for number, name in enumerate(names)
    ]
    told = open_edges(cells(thin, 12, share=steady(0.5), poisson=False), 12)
    assert len(sentences(told.settles)) == 5
    waits = [float(need.parameters["eta_seconds"] or 0.0) for need in told.settles]
    assert told.eta_seconds == waits[0]
    assert waits[0] < max(waits), "together they need less than one alone"
    assert "send_probes" not in {need.code for need in told.settles}, "it takes minutes"
    listed = [reason for reason in sentences(told.reasons) if reason.startswith("web → payment")]
    assert len(listed) == 5
    assert listed[0].startswith("web → payment GET /6"), "the heaviest first"


def test_an_edge_without_new_calls_says_so() -> None:
    rows = cells(ONE, 12)
    other = [
        row
        for row in cells([Traffic(edge(operation="GET /old"), 2000)], 12)
        if row.callee_version == "1.9.0"
    ]
    told = open_edges(rows + other, 12)
    (old,) = (judgement for judgement in told.edges if judgement.edge.operation == "GET /old")
    assert (old.outcome, sentences(old.reasons)[-1]) == ("inconclusive", "2.0.0 has no calls here")


def test_fewer_than_three_windows_with_both_never_pass() -> None:
    rows = cells([Traffic(edge(), 100_000)], 2, share=steady(0.5))
    told = open_edges(rows, 2)
    assert "fewer than 3 windows with both versions" in sentences(told.edges[0].reasons)
    three = verdict_on(cells([Traffic(edge(), 100_000)], 4, share=steady(0.5)), 4)
    assert "fewer than 3 windows with both versions" not in sentences(three.edges[0].reasons)


def test_where_traffic_is_too_low_probes_are_named_with_their_number_and_operation() -> None:
    seldom = [Traffic(edge(), 0.5), Traffic(edge(operation="GET /status"), 1)]
    told = open_edges(cells(seldom, 60, share=steady(0.3)), 60)
    in_all, probes, *each = told.settles
    assert [need.code for need in (in_all, probes, *each)] == [
        "more_calls_in_all",
        "send_probes",
        "more_calls",
        "more_calls",
    ]
    eta, rate = (
        float(probes.parameters["eta_seconds"] or 0.0),
        float(probes.parameters["per_minute"] or 0.0),
    )
    assert eta > 1800
    assert rate * eta / 60 == pytest.approx(float(probes.parameters["calls"] or 0.0), rel=0.05)
    assert probes.parameters["calls"] == in_all.parameters["calls"]
    assert re.fullmatch(
        r"at [\d.]+ calls of 2\.0\.0 a minute that takes \d+ minutes: send about [\d,]+ probe calls to GET /status of payment, "
        r"or give 2\.0\.0 a larger share of the traffic",
        sentences(told.settles)[1],
    )


def test_an_edge_that_the_new_version_was_never_asked_on_tells_how_many_calls_it_lacks() -> None:
    rare = edge(operation="POST /refund")
    rows = [
        row
        for row in cells([Traffic(edge(), 20), Traffic(rare, 20)], 60)
        if row.edge != rare or row.callee_version != "2.0.0"
    ]
    told = open_edges(rows, 60)
    lacks = next(need for need in told.settles if need.edge == rare)
    assert (lacks.code, lacks.parameters["eta_seconds"]) == ("more_calls", None)
    assert float(lacks.parameters["calls"] or 0.0) > 300
    probes = next(need for need in told.settles if need.code == "send_probes")
    assert probes.parameters["per_minute"] == 0.0
    assert sentence(probes).startswith("no call of 2.0.0 is seen there: send about ")


def test_the_more_calls_the_smaller_the_effect_that_could_have_been_seen() -> None:
    def smallest(calls: float) -> float:
        how = Behaviour(0.02)
        effect = verdict_on(
            cells([Traffic(edge(), calls, how, how)], 12, share=steady(0.3))
        ).minimum_detectable_effect
        assert effect is not None
        return effect

    assert 1.25 < smallest(20_000) < smallest(2000)
    assert verdict_on([]).minimum_detectable_effect is None


def test_a_pass_names_what_it_rests_on_and_needs_nothing_more() -> None:
    told = verdict_on(cells([Traffic(edge(), 20_000)], 24, share=steady(0.5)), 24)
    assert told.outcome == "pass"
    assert sentences(told.reasons) == (
        "no relevant harm is possible on edges with 100% of the calls, 2.0.0 against 1.9.0",
    )
    assert (sentences(told.settles), told.eta_seconds) == ((), None)
    assert [judgement.outcome for judgement in told.edges] == ["pass"]


# ---- failing and accepted


def bad() -> list[EdgeCell]:
    return cells(
        [
            Traffic(edge(), new=Behaviour(server_error=0.5)),
            Traffic(edge(operation="GET /fine"), 20_000),
        ],
        12,
    )


def test_a_failing_edge_fails_and_its_neighbour_does_not() -> None:
    told, findings = judge(deploy(), bad(), (), (), SETTINGS, now_after(12))
    assert told.outcome == "fail"
    assert sentences(told.reasons) == tuple(summary(finding) for finding in findings)
    assert told.findings == tuple(finding.id for finding in findings)
    outcomes = {judgement.edge.operation: judgement for judgement in told.edges}
    assert (outcomes["POST /pay"].outcome, sentences(outcomes["POST /pay"].reasons)) == (
        "fail",
        sentences(told.reasons),
    )
    assert outcomes["GET /fine"].outcome == "pass"
    assert sentences(told.settles) == ()


def test_what_is_accepted_is_named_and_fails_nothing() -> None:
    def known(finding: Finding) -> bool:
        return finding.signal == "errors"

    told, findings = judge(deploy(), bad(), (), (), SETTINGS, now_after(12), accepted=known)
    assert {finding.state for finding in findings} == {"accepted"}
    assert told.outcome != "fail"
    assert [reason for reason in sentences(told.reasons) if reason.startswith("accepted: ")] == [
        f"accepted: {summary(finding)} (known, set aside)" for finding in findings
    ]


def test_traffic_seen_before_the_announcement_counts_from_its_first_window() -> None:
    late = deploy(started=START + timedelta(seconds=60), first_traffic=START)
    (judgement,) = verdict_on(cells(ONE, 12), of=late).edges
    (same,) = verdict_on(cells(ONE, 12)).edges
    assert judgement.evidence["server_error"].new_calls == same.evidence["server_error"].new_calls


def test_an_old_first_sighting_of_a_version_deployed_again_is_not_its_beginning() -> None:
    long_ago: datetime = START - timedelta(seconds=SETTINGS.concurrent_seconds)
    (judgement,) = verdict_on(cells(ONE, 12), of=deploy(first_traffic=long_ago)).edges
    (same,) = verdict_on(cells(ONE, 12)).edges
    assert (
        judgement.evidence["server_error"].first_window
        == same.evidence["server_error"].first_window
    )


def test_an_edge_where_the_versions_never_met_says_so() -> None:
    first_old_then_new = cells(
        [Traffic(edge(operation="GET /apart"))], 12, share=lambda window: float(window >= 6)
    )
    told = open_edges(cells(ONE, 12) + first_old_then_new, 12)
    (apart,) = (judgement for judgement in told.edges if judgement.edge.operation == "GET /apart")
    assert (apart.outcome, sentences(apart.reasons)[-1]) == (
        "inconclusive",
        "the versions had no calls here in the same window",
    )


def test_how_much_more_is_possible_is_told_in_percentage_points() -> None:
    told = open_edges(
        cells(
            [Traffic(edge(), 20, Behaviour(0.01), Behaviour(0.01))],
            12,
            share=steady(0.5),
            poisson=False,
        ),
        12,
    )
    (errors,) = (
        reason
        for reason in sentences(told.edges[0].reasons)
        if reason.startswith("server error: up to ")
    )
    match = re.fullmatch(
        r"server error: up to ([\d.]+) percentage points more are possible after (\d+) calls",
        errors,
    )
    assert match
    assert 0.5 < float(match[1]) < 20
    assert int(match[2]) == pytest.approx(120, abs=15)
