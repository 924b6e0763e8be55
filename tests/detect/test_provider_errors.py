"""What only the provider calls a failure is judged like any failure: it makes no pass, and has a
finding of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.detect.judging.gone import brought_up_to_date
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.wording.findings import summary, what
from tests.detect.traffic import START, Behaviour, Traffic, cells, deploy, edge, now_after, steady

SETTINGS = JudgeSettings()
REST = [Traffic(edge(operation=f"GET /{name}")) for name in ("orders", "refunds", "cards")]


def unexplained(rows: Sequence[EdgeCell]) -> list[EdgeCell]:
    """The same calls as rows from before `provider_only` hold them: outcome ok, yet failed."""
    return [
        replace(
            row,
            outcomes={
                **row.outcomes,
                "ok": row.outcomes["ok"] + row.provider_only.get("server_error", 0),
                "server_error": row.outcomes["server_error"]
                - row.provider_only.get("server_error", 0),
            },
            provider_only={},
        )
        for row in rows
    ]


def test_failures_that_callers_take_for_answers_fail_a_deploy() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(told=0.35)), *REST], 12)
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    assert verdict.outcome == "fail"
    (finding,) = findings
    assert (finding.edge, finding.signal) == (edge(), "provider_errors")
    assert 0.3 < finding.evidence.new_bad / finding.evidence.new_calls < 0.4
    assert finding.evidence.old_bad == 0
    assert "failures that only the provider tells of" in summary(finding)
    assert what(finding) == "fails, as only the provider tells"


def test_failed_calls_of_which_no_outcome_tells_fail_a_deploy_too() -> None:
    rows = unexplained(cells([Traffic(edge(), new=Behaviour(told=0.35)), *REST], 12))
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    assert (verdict.outcome, [finding.signal for finding in findings]) == (
        "fail",
        ["provider_errors"],
    )


@pytest.mark.parametrize("share", [0.006, 0.01, 0.02])
def test_a_few_of_them_never_make_a_pass(share: float) -> None:
    rows = cells([Traffic(edge(), 1000, new=Behaviour(told=share)), *REST], 30, share=steady(0.5))
    verdict, _ = judge(deploy(), rows, (), (), SETTINGS, now_after(30))
    assert verdict.outcome != "pass"


def test_errors_that_a_new_version_hides_in_answers_are_worse_though_there_are_no_more_of_them() -> (
    None
):
    rows = cells(
        [Traffic(edge(), 1000, Behaviour(server_error=0.05), Behaviour(told=0.05)), *REST], 12
    )
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    assert (verdict.outcome, [finding.signal for finding in findings]) == (
        "fail",
        ["provider_errors"],
    )


def test_a_provider_that_always_told_of_as_many_passes() -> None:
    both = Behaviour(told=0.05)
    rows = cells([Traffic(edge(), 2000, both, both), *REST], 60, share=steady(0.5))
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(60))
    assert (verdict.outcome, findings) == ("pass", [])


def test_three_small_kinds_of_failure_together_make_no_pass() -> None:
    """Each is below the floor by itself, all of them are not."""
    new = Behaviour(server_error=0.003, timeout=0.003, told=0.003)
    rows = cells([Traffic(edge(), 4000, new=new)], 60, share=steady(0.5))
    verdict, _ = judge(deploy(), rows, (), (), SETTINGS, now_after(60))
    assert verdict.outcome != "pass"


def test_more_answers_of_not_found_are_client_errors_and_no_outage() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(client_error=0.4)), *REST], 12)
    rows = [replace(row, failed=row.failed + row.outcomes["client_error"]) for row in rows]
    _, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    assert [(finding.signal, what(finding)) for finding in findings] == [
        ("errors", "answers with client errors")
    ]


def test_before_and_after_sees_them_where_the_versions_never_met() -> None:
    rows = cells(
        [Traffic(edge(), new=Behaviour(told=0.35)), *REST], 30, share=steady(1.0), before=90
    )
    _, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(30))
    assert [(finding.signal, finding.strength) for finding in findings] == [
        ("provider_errors", "weaker")
    ]


def test_a_finding_of_them_is_over_when_the_provider_tells_of_no_more() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(told=0.35))], 12)
    _, (finding,) = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    later = [
        replace(row, window=row.window + timedelta(seconds=10 * 60))
        for row in cells([Traffic(edge())], 120, share=steady(1.0), before=0)
    ]
    until = START + timedelta(seconds=10 * 180)
    assert (
        brought_up_to_date(finding, "payment", "2.0.0", [*rows, *later], until).state == "resolved"
    )
    still = [
        replace(
            row,
            outcomes={**row.outcomes, "ok": 0, "server_error": row.calls},
            provider_only={"server_error": row.calls},
        )
        for row in later
    ]
    assert brought_up_to_date(finding, "payment", "2.0.0", [*rows, *still], until).state == "open"


def test_an_accepted_finding_of_them_sets_aside_their_part_of_all_failures() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(told=0.35)), *REST], 12)
    verdict, _ = judge(
        deploy(),
        rows,
        (),
        (),
        SETTINGS,
        now_after(12),
        accepted=lambda finding: finding.signal == "provider_errors",
    )
    assert verdict.outcome == "pass"
