"""What a version calls: swallowed exceptions, retries and misrouted calls are found; what may be
meant only stands against a pass.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.alerts.lifecycle import worth_a_page
from monitor.detect.judging.gone import brought_up_to_date
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import Finding, Verdict
from monitor.wording.findings import summary
from tests.detect.traffic import (
    START,
    Behaviour,
    Share,
    Traffic,
    cells,
    deploy,
    edge,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
HALF, AT_ONCE = steady(0.5), steady(1.0)
BANK, LEDGER = edge("payment", "bank", "POST /charge"), edge("payment", "ledger", "POST /write")
FAILING = Behaviour(server_error=0.4)


def below(
    where: Edge = BANK, seed: int = 3, share: Share = HALF, new: Behaviour | None = None
) -> list[EdgeCell]:
    return cells(
        [Traffic(where, 3000, new=new or Behaviour())],
        24,
        share=share,
        before=60,
        seed=seed,
        role="caller",
    )


def answered(share: Share = HALF, seed: int = 1) -> list[EdgeCell]:
    return cells([Traffic(edge(), 3000)], 24, share=share, before=60, seed=seed)


def judged(
    needs: Sequence[EdgeCell],
    share: Share = HALF,
    around: Sequence[EdgeCell] = (),
    answers: Sequence[EdgeCell] = (),
) -> tuple[Verdict, list[Finding]]:
    rows = [*(answers or answered(share)), *needs]
    return judge(deploy(), rows, (), (), SETTINGS, now_after(24), around=Around(neighbours=around))


def verdict(needs: Sequence[EdgeCell], share: Share = HALF) -> Verdict:
    return judged(needs, share)[0]


def kinds(judgement: tuple[Verdict, list[Finding]]) -> list[tuple[str, str]]:
    return [
        (finding.evidence.fanout.kind, finding.edge.callee)
        for finding in judgement[1]
        if finding.evidence.fanout
    ]


def changed(told: Verdict) -> list[str]:
    return [
        reason.edge.callee
        for reason in told.reasons
        if reason.code == "fanout_changed" and reason.edge
    ]


def times(rows: Sequence[EdgeCell], part: float) -> list[EdgeCell]:
    """The new version makes so many times its calls."""
    return [
        replace(
            row,
            calls=round(row.calls * part),
            failed=round(row.failed * part),
            outcomes={name: round(count * part) for name, count in row.outcomes.items()},
        )
        if row.caller_version == "2.0.0"
        else row
        for row in rows
    ]


def moved(rows: Sequence[EdgeCell], where: Edge) -> list[EdgeCell]:
    """The new version makes these calls elsewhere."""
    return [replace(row, edge=where) if row.caller_version == "2.0.0" else row for row in rows]


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
@pytest.mark.parametrize("seed", range(4))
def test_a_version_that_calls_as_often_as_the_old_one_shows_nothing(
    share: Share, seed: int
) -> None:
    told, findings = judged(
        below(share=share, seed=seed + 20), share, answers=answered(share, seed + 50)
    )
    assert (findings, changed(told)) == ([], [])
    assert share is AT_ONCE or told.outcome == "pass"


@pytest.mark.parametrize("part", [0.2, 0.4])
@pytest.mark.parametrize(("share", "strength"), [(HALF, "concurrent"), (AT_ONCE, "weaker")])
def test_calls_that_are_no_longer_made_are_found_side_by_side_and_over_time(
    share: Share, strength: str, part: float
) -> None:
    told, findings = judged(times(below(share=share), part), share)
    assert (told.outcome, kinds((told, findings))) == ("fail", [("missing", "bank")])
    assert findings[0].strength == strength
    assert "no longer made" in summary(findings[0])
    assert not worth_a_page(findings, 1000.0), "it may be meant: nobody is woken for it alone"


def test_calls_that_vanish_altogether_are_found() -> None:
    assert kinds(judged([row for row in below() if row.caller_version != "2.0.0"])) == [
        ("missing", "bank")
    ]


def test_a_version_that_says_that_it_fails_before_it_calls_is_found_by_its_failures_alone() -> (
    None
):
    failing = cells(
        [Traffic(edge(), 3000, new=Behaviour(server_error=0.8))], 24, share=HALF, before=60
    )
    told, findings = judged(times(below(), 0.2), answers=failing)
    assert told.outcome == "fail"
    assert kinds((told, findings)) == []


def test_fewer_of_the_requests_that_need_a_call_are_no_missing_calls() -> None:
    other = edge(operation="GET /price")
    answers = [
        *cells([Traffic(edge(), 1500)], 24, share=HALF, before=60),
        *cells([Traffic(other, 1500)], 24, share=HALF, before=60, seed=2),
    ]
    answers = [
        row
        if row.edge == other or row.callee_version != "2.0.0"
        else replace(row, calls=row.calls // 6)
        for row in answers
    ]
    needs = times(
        cells([Traffic(BANK, 1500)], 24, share=HALF, before=60, seed=3, role="caller"), 1 / 6
    )
    assert kinds(judged(needs, answers=answers)) == []


def test_all_who_call_a_service_calling_it_less_is_not_this_versions_doing() -> None:
    needs = times(below(share=AT_ONCE), 0.2)
    everybody = [
        *cells(
            [Traffic(edge("web", "shop", "GET /"), 2000)], 24, share=steady(0.0), before=60, seed=8
        ),
        *(
            replace(row, calls=row.calls // 5) if row.window >= START else row
            for row in cells(
                [Traffic(edge("shop", "bank", "POST /charge"), 2000)],
                24,
                share=steady(0.0),
                before=60,
                seed=9,
            )
        ),
    ]
    alone = everybody[: len(everybody) // 2]
    alone += cells(
        [Traffic(edge("shop", "bank", "POST /charge"), 2000)],
        24,
        share=steady(0.0),
        before=60,
        seed=9,
    )
    assert kinds(judged(needs, AT_ONCE, everybody)) == []
    assert kinds(judged(needs, AT_ONCE, alone)) == [("missing", "bank")]


def test_calls_whose_maker_is_no_longer_told_are_not_missing() -> None:
    """The callee answers them: only the new version's spans of them are not there."""
    needs = times(below(share=AT_ONCE), 0.1)
    nameless = [
        replace(row, edge=edge("unknown", "bank", "POST /charge"), caller_version="")
        for row in below(share=AT_ONCE, seed=4)
        if row.window >= START
    ]
    assert kinds(judged(needs, AT_ONCE, nameless)) == []


def test_calls_that_stray_to_another_service_are_misrouted() -> None:
    astray = edge("payment", "bank-test", BANK.operation)
    told, findings = judged(moved(below(), astray))
    assert (told.outcome, kinds((told, findings))) == ("fail", [("misrouted", "bank-test")])
    assert "made to bank go here" in summary(findings[0])


def test_calls_to_a_new_service_that_answers_are_told_with_both_ends_and_fail_nobody() -> None:
    told, findings = judged(moved(below(), LEDGER))
    assert (told.outcome, kinds((told, findings)), changed(told)) == (
        "inconclusive",
        [],
        ["bank", "ledger"],
    )


def test_calls_to_a_new_service_that_fail_are_misrouted() -> None:
    assert kinds(judged(moved(below(new=FAILING), LEDGER))) == [("misrouted", "ledger")]


def test_a_new_version_of_an_interface_is_no_strange_place() -> None:
    newer = edge("payment", "bank", "POST /v2/charge")
    assert kinds(judged(moved(below(), newer))) == []


@pytest.mark.parametrize(("new", "wanted"), [(FAILING, [("added", "ledger")]), (Behaviour(), [])])
def test_calls_never_made_before_are_held_against_a_version_only_where_they_fail(
    new: Behaviour, wanted: list[tuple[str, str]]
) -> None:
    more = [row for row in below(LEDGER, seed=7, new=new) if row.caller_version == "2.0.0"]
    assert kinds(judged([*below(), *more])) == wanted


PRICE = edge(operation="GET /price")


@pytest.mark.parametrize(("new", "wanted"), [(FAILING, [("asked", "payment")]), (Behaviour(), [])])
def test_an_operation_that_only_the_new_version_answers_is_told_and_is_held_against_it_where_it_fails(
    new: Behaviour, wanted: list[tuple[str, str]]
) -> None:
    more = [
        row
        for row in cells([Traffic(PRICE, 600, new=new)], 24, share=HALF, seed=8)
        if row.callee_version == "2.0.0"
    ]
    told, findings = judged(below(), answers=[*answered(), *more])
    assert kinds((told, findings)) == wanted
    if not wanted:
        (judgement,) = [judgement for judgement in told.edges if judgement.edge == PRICE]
        assert [reason.code for reason in judgement.reasons] == ["operation_new"]


def test_an_operation_asked_so_rarely_that_nobody_might_have_before_is_not_called_new() -> None:
    rare = [
        row
        for row in cells([Traffic(PRICE, 0.4)], 24, share=HALF, seed=8)
        if row.callee_version == "2.0.0"
    ]
    told, _ = judged(below(), answers=[*answered(), *rare])
    assert all(
        reason.code != "operation_new" for judgement in told.edges for reason in judgement.reasons
    )


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
def test_calls_that_fail_and_are_made_again_and_again_are_retries(share: Share) -> None:
    told, findings = judged(times(below(share=share, new=FAILING), 3.0), share)
    assert ("repeated", "bank") in kinds((told, findings))
    assert any("retries" in summary(finding) for finding in findings)


def test_calls_made_more_often_that_are_answered_fail_nobody() -> None:
    told, findings = judged(times(below(), 3.0))
    assert (told.outcome, findings, changed(told)) == ("inconclusive", [], ["bank"])


@pytest.mark.parametrize("share", [HALF, AT_ONCE])
@pytest.mark.parametrize(("new", "wanted"), [(0.3, [("attempted", "payment")]), (0.02, [])])
def test_failed_attempts_that_a_proxy_hides_are_found(
    share: Share, new: float, wanted: list[tuple[str, str]]
) -> None:
    def tried(row: EdgeCell) -> EdgeCell:
        part = new if row.callee_version == "2.0.0" else 0.01
        return replace(row, coverage={**row.coverage, "failed_attempts": round(row.calls * part)})

    assert kinds(judged((), share, answers=[tried(row) for row in answered(share)])) == wanted


def test_calls_that_are_gone_hold_a_pass_back_and_fail_nobody_where_nothing_tells_which_version_called() -> (
    None
):
    untold = [replace(row, caller_version="") for row in below()]
    told, findings = judged([row for row in untold if row.window < START])
    assert (findings, changed(told), told.outcome) == ([], ["bank"], "inconclusive")
    told, findings = judged(untold)
    assert (findings, changed(told)) == ([], [])


@pytest.mark.parametrize(("part", "callees"), [(0.1, ["bank"]), (1.0, [])])
def test_calls_that_go_as_the_new_version_comes_hold_a_pass_back_though_as_few_were_made_earlier(
    part: float, callees: list[str]
) -> None:
    """A third of the calls; a while before the deploy each answer took fewer of them."""
    third = steady(0.35)
    made = times(below(share=third), part)
    early = START - timedelta(seconds=200)
    rows = [
        replace(row, calls=count, outcomes={"ok": count}, failed=0, caller_version="")
        for row in made
        for count in [round(row.calls * (0.75 if row.window < early else 1.0))]
    ]
    told, findings = judged(rows, third)
    assert (findings, changed(told)) == ([], callees)


@pytest.mark.parametrize(("part", "callees"), [(0.5, ["bank"]), (1.0, [])])
def test_calls_count_in_windows_whose_answers_are_told(part: float, callees: list[str]) -> None:
    """The bins around the release do not tell who answered, as half of each was the old version's:
    calls in these are held against no answers.
    """
    third = steady(0.35)
    blind = [START - timedelta(seconds=10 * place) for place in range(1, 10)]
    answers = [row for row in answered(third) if row.window not in blind]
    calls = [replace(row, caller_version="") for row in times(below(share=third), part * 0.6)]
    fewer = [row for row in calls if part < 1.0 or row.window < START]
    rows = fewer if part < 1.0 else [replace(row, caller_version="") for row in below(share=third)]
    told, findings = judged(rows, answers=answers)
    assert (findings, changed(told)) == ([], callees)


@pytest.mark.parametrize(("whole", "callees"), [(0.35, ["bank"]), (1.0, [])])
def test_what_a_small_share_hinted_at_a_large_one_shows_or_it_is_not_there(
    whole: float, callees: list[str]
) -> None:
    """For three minutes since the release a third of the calls is lost on the way."""
    ramp = lambda window: 0.35 if window < 20 else whole  # noqa: E731
    answers = cells([Traffic(edge(), 3000)], 60, share=ramp, before=60, seed=1)
    calls = cells([Traffic(BANK, 3000)], 60, share=ramp, before=60, seed=3, role="caller")
    until = START + timedelta(seconds=200)
    rows = [
        replace(row, calls=count, outcomes={"ok": count}, failed=0, caller_version="")
        for row in calls
        for count in [round(row.calls * (0.6 if START <= row.window < until else 1.0))]
    ]
    told, findings = judge(deploy(), [*answers, *rows], (), (), SETTINGS, now_after(60))
    assert (findings, changed(told)) == ([], callees)


@pytest.mark.parametrize("part", [0.25, 1.0])
def test_few_answers_are_looked_at_for_longer_before_their_missing_calls_are_taken_for_none(
    part: float,
) -> None:
    """Two answers in ten seconds: of late there are 36, in ten minutes 120."""
    answers = cells([Traffic(edge(), 2)], 60, share=AT_ONCE, before=180)
    calls = cells([Traffic(BANK, 2)], 60, share=AT_ONCE, before=180, seed=3, role="caller")
    rng = np.random.default_rng(7)
    made = [
        replace(row, calls=count, failed=0, outcomes={"ok": count})
        for row in calls
        if (count := int(rng.binomial(row.calls, part if row.window >= START else 1.0)))
    ]
    rows = [*answers, *(replace(row, caller_version="") for row in made)]
    around = Around(neighbours=[row for row in rows if row.edge == BANK])
    told = judge(deploy(), answers, (), (), SETTINGS, now_after(60), around=around)[0]
    assert changed(told) == (["bank"] if part < 1.0 else [])


def test_all_calls_changing_alike_is_another_sampling_and_no_changed_behaviour() -> None:
    told = verdict([*times(below(), 0.2), *times(below(LEDGER, seed=5), 0.2)])
    assert told.outcome == "inconclusive"
    assert changed(told) == []
    (sampling,) = [reason for reason in told.reasons if reason.code == "sampling_changed"]
    assert 0.15 < float(str(sampling.parameters["ratio"])) < 0.25


def test_all_calls_that_are_gone_are_no_other_sampling() -> None:
    rows = [row for row in [*below(), *below(LEDGER, seed=5)] if row.caller_version != "2.0.0"]
    assert kinds(judged(rows)) == [("missing", "bank"), ("missing", "ledger")]


def test_calls_that_change_differently_are_changed_behaviour() -> None:
    told, findings = judged([*times(below(), 0.2), *below(LEDGER, seed=5)])
    assert kinds((told, findings)) == [("missing", "bank")]


def test_a_version_of_which_fewer_traces_are_kept_is_no_finding() -> None:
    answers = cells([Traffic(edge(), 3000)], 24, share=HALF, before=60)
    kept = [
        replace(
            row,
            calls=round(row.calls * 0.1),
            outcomes={"ok": round(row.calls * 0.1)},
            sampling="head",
        )
        if row.callee_version == "2.0.0"
        else row
        for row in answers
    ]
    assert judge(deploy(), kept, (), (), SETTINGS, now_after(24))[1] == []


def test_missing_calls_are_over_when_they_are_made_again() -> None:
    (missing,) = judged(times(below(), 0.2))[1]
    later = timedelta(minutes=30)
    until = START + later + timedelta(minutes=5)

    def after(part: float) -> Finding:
        rows = [*answered(), *times(below(), part)]
        moved_on = [replace(row, window=row.window + later) for row in rows]
        return brought_up_to_date(missing, "payment", "2.0.0", moved_on, until)

    again, still = after(1.0), after(0.2)
    assert again.ended is not None
    assert (again.state, again.ended.code) == ("resolved", "recovered")
    assert (still.state, still.last_seen > missing.last_seen) == ("open", True)
