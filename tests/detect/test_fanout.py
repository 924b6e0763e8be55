"""Calls to others for each call answered: swallowed exceptions and misrouted calls stand against a pass."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Verdict
from tests.detect.traffic import START, Traffic, cells, deploy, edge, now_after, steady

SETTINGS = JudgeSettings()
HALF, AT_ONCE = steady(0.5), steady(1.0)
BANK, LEDGER = edge("payment", "bank", "POST /charge"), edge("payment", "ledger", "POST /write")


def below(where: object = BANK, seed: int = 3, share: object = HALF) -> list[EdgeCell]:
    return cells([Traffic(where, 3000)], 24, share=share, before=60, seed=seed, role="caller")  # type: ignore[arg-type]


def verdict(needs: Sequence[EdgeCell], share: object = HALF) -> Verdict:
    answers = cells([Traffic(edge(), 3000)], 24, share=share, before=60)  # type: ignore[arg-type]
    return judge(deploy(), [*answers, *needs], (), (), SETTINGS, now_after(24))[0]


def changed(told: Verdict) -> list[str]:
    return [reason.edge.callee for reason in told.reasons if reason.code == "fanout_changed" and reason.edge]


def thinned(rows: Sequence[EdgeCell], part: float) -> list[EdgeCell]:
    """The new version makes only so many of its calls."""
    return [
        replace(row, calls=round(row.calls * part), outcomes={"ok": round(row.calls * part)})
        if row.caller_version == "2.0.0"
        else row
        for row in rows
    ]


def test_a_version_that_calls_as_often_as_the_old_one_passes() -> None:
    told = verdict(below())
    assert (told.outcome, changed(told)) == ("pass", [])
    assert changed(verdict(below(share=AT_ONCE), AT_ONCE)) == []


def test_a_version_that_hardly_calls_what_it_needs_any_more_does_not_pass() -> None:
    told = verdict(thinned(below(), 0.2))
    assert (told.outcome, changed(told)) == ("inconclusive", ["bank"])
    assert changed(verdict(thinned(below(share=AT_ONCE), 0.2), AT_ONCE)) == ["bank"], "by time, where they never met"
    gone = [row for row in below() if row.caller_version != "2.0.0"]
    assert changed(verdict(gone)) == ["bank"], "all of its calls are swallowed"


def test_calls_that_go_elsewhere_are_named_with_both_ends() -> None:
    rows = [replace(row, edge=LEDGER) if row.caller_version == "2.0.0" else row for row in below()]
    assert changed(verdict(rows)) == ["bank", "ledger"]


def test_where_nothing_tells_which_version_called_nothing_is_said() -> None:
    rows = [replace(row, caller_version="", window=row.window) for row in below() if row.window < START]
    assert changed(verdict(rows)) == []


def test_all_calls_changing_alike_is_another_sampling_and_no_changed_behaviour() -> None:
    told = verdict([*thinned(below(), 0.2), *thinned(below(LEDGER, seed=5), 0.2)])
    assert told.outcome == "inconclusive"
    assert changed(told) == []
    (found,) = [reason for reason in told.reasons if reason.code == "sampling_changed"]
    assert 0.15 < float(str(found.parameters["ratio"])) < 0.25


def test_calls_that_change_differently_are_changed_behaviour() -> None:
    told = verdict([*thinned(below(), 0.2), *below(LEDGER, seed=5)])
    assert changed(told) == ["bank"]
    assert "sampling_changed" not in [reason.code for reason in told.reasons]


def test_a_version_of_which_fewer_traces_are_kept_is_no_finding() -> None:
    answers = cells([Traffic(edge(), 3000)], 24, share=HALF, before=60)
    kept = [
        replace(row, calls=round(row.calls * 0.1), outcomes={"ok": round(row.calls * 0.1)}, sampling="head")
        if row.callee_version == "2.0.0"
        else row
        for row in answers
    ]
    assert judge(deploy(), kept, (), (), SETTINGS, now_after(24))[1] == []
