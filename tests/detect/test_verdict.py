"""Planted harms are found and named, harmless deploys are not, and what cannot be known is said to
be so.
"""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.wording.findings import summary
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
REST = [Traffic(edge(operation=f"GET /{name}")) for name in ("orders", "refunds", "cards")]
CLAUSE = "payments 3 · POST /pay · response · type · /amount"


def test_a_silent_schema_change_is_found_in_two_windows_with_zero_errors() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 2)
    clauses = {(edge(), "2.0.0", "1.0.0"): [(CLAUSE, 44, "ab" * 16)]}
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(2), clauses=clauses)
    assert verdict.outcome == "fail"
    (finding,) = findings
    assert (finding.edge, finding.signal, finding.clause) == (edge(), "violations", CLAUSE)
    assert (finding.caller_version, finding.callee_version, finding.against_version) == (
        "1.0.0",
        "2.0.0",
        "1.9.0",
    )
    assert finding.evidence.new_bad == finding.evidence.new_calls > 0
    assert finding.evidence.old_bad == 0
    assert finding.evidence.exemplars[0] == "ab" * 16
    assert finding.suspects[0].deploy_id == deploy().id


def test_a_clause_the_old_version_broke_as_often_is_not_blamed_on_the_new_one() -> None:
    rows = cells([Traffic(edge(), old=Behaviour(violated=0.3), new=Behaviour(violated=1.0))], 4)
    clauses = {
        (edge(), "2.0.0", "1.0.0"): [("old sin", 30, ""), (CLAUSE, 120, "")],
        (edge(), "1.9.0", "1.0.0"): [("old sin", 200, "")],
    }
    _, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(4), clauses=clauses)
    assert [finding.clause for finding in findings] == [CLAUSE]


def _unchecked(row: EdgeCell, share: float) -> EdgeCell:
    """The cell with so much of its valid exchanges not checked for want of a body."""
    lost = round(row.conformance["valid"] * share)
    return replace(
        row,
        conformance={
            **row.conformance,
            "valid": row.conformance["valid"] - lost,
            "not_checked:truncated": lost,
        },
    )


def test_violations_are_found_where_good_exchanges_cannot_be_checked_as_a_whole() -> None:
    rows = [
        _unchecked(row, 1.0)
        for row in cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 3)
    ]
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(3))
    assert verdict.outcome == "fail"
    assert [finding.signal for finding in findings] == ["violations"]


def test_a_version_whose_exchanges_can_no_longer_be_checked_never_passes() -> None:
    rows = [
        _unchecked(row, 1.0 if row.callee_version == "2.0.0" else 0.0)
        for row in cells([Traffic(edge()), *REST], 12)
    ]
    verdict, _ = judge(deploy(), rows, (), (), SETTINGS, now_after(12))
    assert verdict.outcome == "inconclusive"
    assert any("could not be checked" in reason for reason in sentences(verdict.reasons))


def test_three_times_the_errors_are_found() -> None:
    rows = cells(
        [Traffic(edge(), 2000, Behaviour(0.02), Behaviour(0.06)), *REST], 18, share=steady(0.1)
    )
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(18))
    assert verdict.outcome == "fail"
    (finding,) = findings
    assert finding.signal == "errors"
    assert finding.evidence.effect is not None
    assert 2 < finding.evidence.effect < 4.5


def test_one_slow_operation_is_found_and_its_neighbours_are_not() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(latency=0.17)), *REST], 8)
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(8))
    assert verdict.outcome == "fail"
    assert [(finding.edge, finding.signal) for finding in findings] == [(edge(), "latency")]
    assert "20 → 168 ms" in summary(findings[0])


def test_a_few_per_cent_slower_fail_nobody() -> None:
    rows = cells(
        [Traffic(edge(), 2000, new=Behaviour(latency=0.022)), *REST], 60, share=steady(0.5)
    )
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(60))
    assert (verdict.outcome, findings) == ("pass", [])


def test_a_failure_of_one_older_caller_version_names_the_pair() -> None:
    broken = Traffic(
        edge(), callers={"1.2.3": 0.3, "1.3.0": 0.7}, pairs={"1.2.3": Behaviour(client_error=1.0)}
    )
    verdict, findings = judge(deploy(), cells([broken, *REST], 3), (), (), SETTINGS, now_after(3))
    assert verdict.outcome == "fail"
    (finding,) = findings
    assert (finding.caller_version, finding.callee_version) == ("1.2.3", "2.0.0")
    assert finding.evidence.new_bad == finding.evidence.new_calls


def test_a_failure_of_all_caller_versions_names_them_all() -> None:
    broken = Traffic(edge(), callers={"1.2.3": 0.5, "1.3.0": 0.5}, new=Behaviour(server_error=0.6))
    _, findings = judge(deploy(), cells([broken], 6), (), (), SETTINGS, now_after(6))
    assert [finding.caller_version for finding in findings] == ["1.2.3, 1.3.0"]


def test_the_deployed_service_is_judged_as_a_caller_too_and_the_deepest_edge_is_the_root() -> None:
    below = cells(
        [Traffic(edge("payment", "bank", "POST /charge"), new=Behaviour(server_error=0.5))],
        6,
        role="caller",
    )
    above = cells([Traffic(edge(), new=Behaviour(server_error=0.5))], 6, seed=2)
    verdict, findings = judge(deploy(), [*below, *above], (), (), SETTINGS, now_after(6))
    assert verdict.outcome == "fail"
    assert [(finding.edge.callee, finding.role) for finding in findings] == [
        ("bank", "root"),
        ("payment", "propagated"),
    ]
    assert (findings[0].caller_version, findings[0].callee_version) == ("2.0.0", "1.0.0")


def test_a_shared_outage_in_a_ramp_raises_nothing() -> None:
    outage = Traffic(edge(), outage=lambda window: 0.3 if 3 <= window < 9 else 0.0)
    verdict, findings = judge(
        deploy(), cells([outage, *REST], 30), (), (), SETTINGS, now_after(30)
    )
    assert findings == []
    assert verdict.outcome in ("pass", "inconclusive")


def test_a_harmless_ramp_passes_once_there_is_enough_traffic() -> None:
    rows = cells([Traffic(edge()), *REST], 12)
    early, _ = judge(deploy(), rows, (), (), SETTINGS, now_after(4))
    assert judge(deploy(), rows, (), (), SETTINGS, now_after(12))[0].outcome == "pass"
    thin = [row for row in rows if row.window < START + timedelta(seconds=40)]
    early, _ = judge(deploy(), thin, (), (), SETTINGS, now_after(4))
    assert early.outcome == "inconclusive"
    assert any("more calls of 2.0.0" in text for text in sentences(early.settles))
    assert early.eta_seconds is not None
    assert early.minimum_detectable_effect is not None


def test_thin_data_is_inconclusive() -> None:
    verdict, findings = judge(
        deploy(), cells([Traffic(edge(), 2)], 6), (), (), SETTINGS, now_after(6)
    )
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert any(reason.startswith("thin") for reason in sentences(verdict.reasons))


def test_a_silent_new_version_fails_while_its_siblings_answer() -> None:
    rows = cells([Traffic(edge())], 18, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(18) for n in range(3)]
    seen += [sighting(window, "2.0.0", "new-0", 0) for window in range(18)]
    verdict, findings = judge(deploy(), rows, seen, (), SETTINGS, now_after(18))
    assert verdict.outcome == "fail"
    assert [
        (finding.signal, finding.edge.callee, finding.callee_version) for finding in findings
    ] == [("silence", "payment", "2.0.0")]


def test_a_green_side_that_stands_ready_for_two_minutes_is_not_silent_unless_traffic_was_told() -> (
    None
):
    rows = cells([Traffic(edge())], 12, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(12) for n in range(3)]
    seen += [sighting(window, "2.0.0", "green-0", 0) for window in range(12)]
    assert judge(deploy(state="started"), rows, seen, (), SETTINGS, now_after(12))[1] == []
    switched = [
        *seen,
        *(
            sighting(12, version, name, 60)
            for version, name in (("1.9.0", "old-0"), ("2.0.0", "green-0"))
        ),
    ]
    assert judge(deploy(state="started"), rows, switched, (), SETTINGS, now_after(13))[1] == [], (
        "it answers by now"
    )
    told = judge(deploy(state="started"), rows, seen, (), SETTINGS, now_after(12), share=0.1)[1]
    assert [finding.signal for finding in told] == ["silence"]


def test_a_green_side_that_took_thin_traffic_over_is_not_silent_where_an_instance_rests_for_a_window() -> (
    None
):
    rows = cells([Traffic(edge())], 40, share=steady(0.0))
    seen = [
        sighting(window, "1.9.0", f"old-{n}", int(window < 12))
        for window in range(40)
        for n in range(3)
    ]
    seen += [
        sighting(window, "2.0.0", f"green-{n}", int(window >= 12 and window % 2 == n))
        for window in range(40)
        for n in range(2)
    ]
    assert judge(deploy(), rows, seen, (), SETTINGS, now_after(40))[1] == []


def test_a_quiet_service_is_not_called_silent() -> None:
    rows = cells([Traffic(edge(), 1)], 18, share=steady(0.0))
    seen = [
        sighting(window, "1.9.0", f"old-{n}", int(window % 9 == n))
        for window in range(18)
        for n in range(3)
    ]
    seen += [sighting(window, "2.0.0", "new-0", 0) for window in range(18)]
    verdict, findings = judge(deploy(), rows, seen, (), SETTINGS, now_after(18))
    assert (verdict.outcome, findings) == ("inconclusive", [])


def test_a_version_announced_as_done_and_never_seen_is_weaker_evidence_unless_it_is_written_otherwise() -> (
    None
):
    rows = cells([Traffic(edge())], 40, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(40) for n in range(3)]
    done = deploy(state="succeeded", finished=START, first_traffic=None)
    verdict, findings = judge(done, rows, seen, (), SETTINGS, now_after(40))
    assert (verdict.outcome, findings[0].strength, findings[0].signal) == (
        "fail",
        "weaker",
        "silence",
    )
    other = deploy(version="abcdef1234", state="succeeded", finished=START, first_traffic=None)
    verdict, findings = judge(other, rows, seen, (), SETTINGS, now_after(40))
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert any(reason.startswith("unmatched") for reason in sentences(verdict.reasons))


def test_a_version_never_seen_is_given_the_time_a_rollout_takes_and_the_calls_a_small_share_needs() -> (
    None
):
    rows = cells([Traffic(edge())], 90, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(90) for n in range(3)]
    begun = deploy(state="progressing", first_traffic=None)
    early = [row for row in seen if row.window < START + timedelta(seconds=500)]
    assert judge(begun, rows[:200], early, (), SETTINGS, now_after(50))[1] == []
    assert [
        finding.signal for finding in judge(begun, rows, seen, (), SETTINGS, now_after(90))[1]
    ] == ["silence"]
    told = judge(begun, rows, early, (), SETTINGS, now_after(50), share=0.1)[1]
    assert [finding.signal for finding in told] == ["silence"]
    assert told[0].evidence.e_value > 1000, "strong enough to page"
    assert judge(begun, rows, seen, (), SETTINGS, now_after(90), share=0.0)[1] == []
    assert (
        judge(deploy(state="failed", first_traffic=None), rows, seen, (), SETTINGS, now_after(90))[
            1
        ]
        == []
    )
    quiet = [
        sighting(window, "1.9.0", f"old-{n}", int(window % 30 == n))
        for window in range(90)
        for n in range(3)
    ]
    assert judge(begun, rows, quiet, (), SETTINGS, now_after(90))[1] == [], (
        "three calls in five minutes"
    )


def test_where_only_the_start_is_told_a_missing_version_is_noticed_sooner_and_before_that_it_is_not_there_yet() -> (
    None
):
    rows = cells([Traffic(edge())], 50, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(50) for n in range(3)]
    begun = deploy(state="started", first_traffic=None)
    part = [row for row in rows if row.window < START + timedelta(seconds=200)]
    early = [row for row in seen if row.window < START + timedelta(seconds=200)]
    verdict, findings = judge(begun, part, early, (), SETTINGS, now_after(20))
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert [reason.code for reason in verdict.reasons][:2] == ["version_not_seen", "not_there_yet"]
    assert [
        finding.signal for finding in judge(begun, rows, seen, (), SETTINGS, now_after(50))[1]
    ] == ["silence"]
    slow, findings = judge(begun, rows, seen, (), SETTINGS, now_after(50), share=0.0)
    assert (slow.outcome, findings) == ("inconclusive", [])
    assert "not_there_yet" in [reason.code for reason in slow.reasons], "its pods are not ready"
    under_way, findings = judge(
        deploy(state="progressing", first_traffic=None), rows, seen, (), SETTINGS, now_after(50)
    )
    assert (under_way.outcome, findings) == ("inconclusive", [])
    assert "not_there_yet" in [reason.code for reason in under_way.reasons]


def test_a_version_never_seen_is_noticed_where_only_api_logs_tell_of_calls() -> None:
    rows = cells([Traffic(edge())], 40, share=steady(0.0))
    done = deploy(state="succeeded", finished=START, first_traffic=None)
    assert [
        finding.signal for finding in judge(done, rows, (), (), SETTINGS, now_after(40))[1]
    ] == ["silence"]


def test_a_config_change_is_judged_by_before_and_after_and_never_passes() -> None:
    change = deploy(version="1.9.0", kind="config")
    worse = cells(
        [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.08))], 18, share=steady(1.0), before=90
    )
    worse = [replace(row, callee_version="1.9.0") for row in worse]
    verdict, findings = judge(change, worse, (), (), SETTINGS, now_after(18))
    assert (verdict.outcome, [(finding.signal, finding.strength) for finding in findings]) == (
        "fail",
        [("errors", "weaker")],
    )
    same = cells([Traffic(edge(), 200, Behaviour(0.005))], 18, share=steady(0.0), before=90)
    verdict, findings = judge(change, same, (), (), SETTINGS, now_after(18))
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert "a config change" in sentences(verdict.reasons)[0]


def test_the_same_version_deployed_again_is_judged_by_before_and_after() -> None:
    rows = cells([Traffic(edge(), 200, Behaviour(0.005))], 18, share=steady(0.0), before=90)
    verdict, findings = judge(
        deploy(version="1.9.0", previous_version=""), rows, (), (), SETTINGS, now_after(18)
    )
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert any("the version stayed" in reason for reason in sentences(verdict.reasons))


def test_an_unknown_service_is_inconclusive() -> None:
    verdict, _ = judge(
        deploy("nobody"), cells([Traffic(edge())], 6), (), (), SETTINGS, now_after(6)
    )
    assert verdict.outcome == "inconclusive"
    assert sentences(verdict.reasons)[0].startswith("unmatched: nobody was never seen")


def test_late_one_sided_biased_and_confounded_data_never_passes() -> None:
    rows = cells([Traffic(edge()), *REST], 12)
    cases = {
        "late": (rows, now_after(90)),
        "one-sided": (
            [
                replace(row, coverage={"client_only": row.calls})
                if row.callee_version == "2.0.0"
                else row
                for row in rows
            ],
            now_after(12),
        ),
        "biased": ([replace(row, sampling="biased") for row in rows], now_after(12)),
        "confounded": (
            [
                replace(row, region="north" if row.callee_version == "2.0.0" else "south")
                for row in rows
            ],
            now_after(12),
        ),
    }
    for word, (given, now) in cases.items():
        verdict, findings = judge(deploy(), given, (), (), SETTINGS, now)
        assert (verdict.outcome, findings) == ("inconclusive", []), word
        assert any(word in reason for reason in sentences(verdict.reasons)), (
            word,
            sentences(verdict.reasons),
        )


def test_without_overlap_only_a_step_that_stands_out_is_found_and_called_weaker() -> None:
    worse = cells(
        [Traffic(edge(), 200, Behaviour(0.002), Behaviour(0.1))], 12, share=steady(1.0), before=60
    )
    verdict, findings = judge(deploy(), worse, (), (), SETTINGS, now_after(12))
    assert verdict.outcome == "fail"
    assert [(finding.signal, finding.strength) for finding in findings] == [("errors", "weaker")]
    same = cells(
        [Traffic(edge(), 200, Behaviour(0.002), Behaviour(0.002))],
        12,
        share=steady(1.0),
        before=60,
    )
    verdict, findings = judge(deploy(), same, (), (), SETTINGS, now_after(12))
    assert (verdict.outcome, findings) == ("inconclusive", [])
    assert any(reason.startswith("no overlap") for reason in sentences(verdict.reasons))


def test_a_callee_released_at_the_same_time_with_stronger_evidence_clears_the_service() -> None:
    bank = deploy("bank", "5.0.0", previous_version="4.0.0")
    charge = Traffic(
        edge("payment", "bank", "POST /charge"),
        2000,
        new=Behaviour(server_error=0.9),
        callers={"1.9.0": 0.5, "2.0.0": 0.5},
    )
    below = [
        replace(row, callee_version="5.0.0" if row.callee_version == "2.0.0" else "4.0.0")
        for row in cells([charge], 12, share=steady(0.5))
    ]
    above = cells([Traffic(edge(), 200, new=Behaviour(server_error=0.15))], 6)
    verdict, findings = judge(deploy(), [*below, *above], (), [bank], SETTINGS, now_after(12))
    mine = [finding for finding in findings if finding.edge == edge()]
    assert [finding.role for finding in mine] == ["propagated"]
    assert any("not this deploy's: bank 5.0.0" in reason for reason in sentences(verdict.reasons))


def test_an_accepted_finding_fails_nobody_and_is_told() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(violated=1.0)), *REST], 12)
    verdict, findings = judge(
        deploy(),
        rows,
        (),
        (),
        SETTINGS,
        now_after(12),
        accepted=lambda finding: finding.signal == "violations",
    )
    assert verdict.outcome != "fail"
    assert [finding.state for finding in findings] == ["accepted"]
    assert any(reason.startswith("accepted: ") for reason in sentences(verdict.reasons))


def test_a_verdict_can_be_recomputed_from_the_same_inputs_in_any_order() -> None:
    rows = cells([Traffic(edge(), new=Behaviour(violated=1.0, latency=0.1)), *REST], 6)
    seen = [sighting(window, "1.9.0", "old-0", 60) for window in range(6)]
    first = judge(deploy(), rows, seen, (), SETTINGS, now_after(6))
    shuffled = rows.copy()
    random.Random(7).shuffle(shuffled)
    assert judge(deploy(), shuffled, seen[::-1], (), SETTINGS, now_after(6)) == first
    changed = [replace(rows[0], calls=rows[0].calls + 1), *rows[1:]]
    assert (
        judge(deploy(), changed, seen, (), SETTINGS, now_after(6))[0].inputs_hash
        != first[0].inputs_hash
    )


def test_a_finding_keeps_its_id_while_evidence_grows() -> None:
    rows = cells(
        [Traffic(edge(), callers={"1.2.3": 0.3, "1.3.0": 0.7}, new=Behaviour(server_error=0.4))], 9
    )
    ids = set()
    for windows in (3, 5, 9):
        part = [row for row in rows if row.window < START + timedelta(seconds=10 * windows)]
        ids |= {
            finding.id
            for finding in judge(deploy(), part, (), (), SETTINGS, now_after(windows))[1]
        }
    assert len(ids) == 1


def test_provisional_windows_are_not_judged() -> None:
    rows = [
        replace(row, sealed=False)
        for row in cells([Traffic(edge(), new=Behaviour(violated=1.0))], 6)
    ]
    assert judge(deploy(), rows, (), (), SETTINGS, now_after(6))[0].outcome == "inconclusive"


def test_the_last_look_of_a_gate_sees_what_asking_often_must_leave_open() -> None:
    rows = cells(
        [Traffic(edge(), 400, Behaviour(0.01), Behaviour(0.035))],
        6,
        share=steady(0.3),
        before=3,
        seed=2,
    )
    often, _ = judge(deploy(), rows, (), (), SETTINGS, now_after(6))
    last, findings = judge(deploy(), rows, (), (), replace(SETTINGS, deadline=True), now_after(6))
    assert (often.outcome, last.outcome) == ("inconclusive", "fail")
    assert [finding.signal for finding in findings] == ["errors"]


def test_a_database_that_bears_the_services_name_is_not_the_service() -> None:
    own_database = cells(
        [Traffic(edge("payment", "payment", "SELECT"), callers={"": 1.0})], 12, role="caller"
    )
    verdict, findings = judge(
        deploy(),
        [*own_database, *cells([Traffic(edge()), *REST], 12)],
        (),
        (),
        SETTINGS,
        now_after(12),
    )
    assert (verdict.outcome, findings) == ("pass", [])
    assert all(judgement.outcome == "pass" for judgement in verdict.edges)


def test_timeouts_of_a_cold_start_are_not_held_against_a_version() -> None:
    rows = cells([Traffic(edge()), *REST], 12)
    first = [
        row
        for row in rows
        if row.callee_version == "2.0.0" and row.edge == edge() and row.window == START
    ]
    cold = [
        replace(row, outcomes={**row.outcomes, "ok": 0, "timeout": row.calls}) for row in first
    ]
    assert cold
    _, findings = judge(
        deploy(), [row for row in rows if row not in first] + cold, (), (), SETTINGS, now_after(12)
    )
    assert findings == []


def test_what_a_fresh_instance_does_in_its_first_minute_is_not_held_against_its_version() -> None:
    usual = cells([Traffic(edge()), *REST], 30, share=steady(0.3))
    cold = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.3, latency=0.2)), *REST],
        30,
        share=steady(0.3),
    )
    minute = START + timedelta(seconds=60)
    rows = [row for row in cold if row.window < minute] + [
        row for row in usual if row.window >= minute
    ]
    for deadline in (False, True):
        verdict, findings = judge(
            deploy(), rows, (), (), replace(SETTINGS, deadline=deadline), now_after(30)
        )
        assert (verdict.outcome, findings) == ("inconclusive", []), (
            "it did fail calls: that is no pass"
        )


def test_an_instance_no_odder_than_the_old_ones_are_among_themselves_is_no_finding() -> None:
    rows = cells(
        [Traffic(edge(), 400, Behaviour(0.02), Behaviour(0.06)), *REST], 12, share=steady(0.25)
    )
    alike = [sighting(window, "1.9.0", f"old-{n}", 100) for window in range(12) for n in range(4)]
    assert [
        finding.signal for finding in judge(deploy(), rows, alike, (), SETTINGS, now_after(12))[1]
    ] == ["errors"]
    odd = [replace(row, failed=(0, 1, 1, 9)[int(row.instance[-1])]) for row in alike]
    assert judge(deploy(), rows, odd, (), SETTINGS, now_after(12))[1] == []


def test_instances_that_differ_by_timeouts_are_given_the_same_allowance() -> None:
    rows = cells(
        [Traffic(edge(), 400, Behaviour(timeout=0.02), Behaviour(timeout=0.06)), *REST],
        24,
        share=steady(0.25),
    )
    alike = [sighting(window, "1.9.0", f"old-{n}", 100) for window in range(24) for n in range(4)]
    assert [
        finding.signal for finding in judge(deploy(), rows, alike, (), SETTINGS, now_after(24))[1]
    ] == ["timeouts"]
    odd = [replace(row, failed=(0, 1, 1, 9)[int(row.instance[-1])]) for row in alike]
    assert judge(deploy(), rows, odd, (), SETTINGS, now_after(24))[1] == []


def test_where_telemetry_names_no_version_before_and_after_are_compared() -> None:
    for harm, outcome, signals in ((0.0, "inconclusive", []), (0.1, "fail", ["errors"])):
        rows = cells(
            [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.005 + harm))],
            24,
            share=steady(1.0),
            before=90,
        )
        nameless = [replace(row, callee_version="") for row in rows]
        verdict, findings = judge(
            deploy(first_traffic=None), nameless, (), (), SETTINGS, now_after(24)
        )
        assert (verdict.outcome, [finding.signal for finding in findings]) == (outcome, signals)
        if not harm:
            assert verdict.reasons[0].code == "versions_unnamed"


def first_found(rows: list[EdgeCell], looks: range) -> int | None:
    """Windows until something is found, at any of these looks."""
    for look in looks:
        seen = [row for row in rows if row.window < START + timedelta(seconds=10 * look)]
        if judge(deploy(), seen, (), (), SETTINGS, now_after(look))[1]:
            return look
    return None


@pytest.mark.long
@pytest.mark.parametrize("before", [12, 180])
def test_a_tenth_of_the_calls_tells_errors_that_treble_within_ten_minutes(before: int) -> None:
    """A simple test that knows the size beforehand would find 75 % with the same error budget."""
    traffic = [Traffic(edge(), 200, Behaviour(0.01), Behaviour(0.03)), *REST[:3]]
    hits = [
        first_found(
            cells(traffic, 60, share=steady(0.1), before=before, seed=20_000 + seed),
            range(18, 61, 6),
        )
        for seed in range(40)
    ]
    assert sum(hit is not None for hit in hits) >= 24
