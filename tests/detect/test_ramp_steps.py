"""Steps of a ramp: how long a version that is gone again stood at one, and shares of a step that has
only begun.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.detect.ramps.plans import entries, judge_plan
from monitor.detect.ramps.traffic import newest_shares, share_steps
from monitor.model.ramp_plans import PlanStep, RampPlan
from monitor.model.ramps import Bound, PairState, Ramp, ShareStep, VersionLive
from tests.detect.traffic import START

STEP = 60


def steps(*counts: tuple[int, int]) -> list[ShareStep]:
    """Minutes with so many calls of version 1 and of version 2."""
    begin = int(START.timestamp())
    return share_steps(
        {
            begin + STEP * place: {"1": old, "2": new} if new else {"1": old}
            for place, (old, new) in enumerate(counts)
        }
    )


def gone_again() -> Ramp:
    """Ten minutes of the old version alone, ten at 10 %, five at 30 %, and it is alone again."""
    minutes = steps(*[(200, 0)] * 10, *[(180, 20)] * 10, *[(140, 60)] * 5, *[(200, 0)] * 20)
    ends = minutes[-1].time + timedelta(seconds=STEP)
    old = VersionLive(
        version="1", age="old", since=START, last_seen=ends, server_calls=3_000, spans=0,
        instances=0, share=1.0, planned_share=None, first_seen=START,
    )  # fmt: skip
    return Ramp(
        "pay", "", "production", ends, None, None, STEP, [old], minutes,
        (), (), (), (), (), (),
    )  # fmt: skip


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def test_a_version_that_is_gone_again_began_when_it_was_first_called() -> None:
    ramp = gone_again()
    plan = RampPlan("2", (PlanStep(0.1, 300.0, 0), PlanStep(0.3, 300.0, 0), PlanStep(1.0, 0.0, 0)))
    assert entries(plan, ramp) == [minute(10), minute(20), None]
    assert judge_plan(plan, ramp, [None, ramp, None], "pay-plan", 1).broken == []
    longer = RampPlan("2", (PlanStep(0.1, 900.0, 0), *plan.steps[1:]))
    (broken,) = judge_plan(longer, ramp, [None, ramp, None], "pay-plan", 1).broken
    assert (broken.code, broken.parameters["seconds"]) == ("plan_step_without_time", 600.0)


@pytest.mark.parametrize(
    ("minutes", "share"),
    [
        (steps((80, 20), (160, 40)), 0.2),
        (steps((80, 20), (0, 2)), 22 / 102),  # two calls are no change of the share
        (steps((0, 2)), 1.0),
    ],
)
def test_a_step_that_has_only_begun_is_counted_with_the_one_before(
    minutes: list[ShareStep], share: float
) -> None:
    assert newest_shares(minutes)["2"] == pytest.approx(share)
    assert newest_shares([]) == {}


def test_a_share_of_few_calls_is_that_of_several_steps() -> None:
    """Of 18 calls half were of a version that had three in ten: half was told."""
    assert newest_shares(steps(*[(14, 6)] * 20, (9, 9)))["2"] == pytest.approx(39 / 118)
    # where calls are many the newest step is told, and of few no more than ten steps
    assert newest_shares(steps((900, 100), (700, 300)))["2"] == pytest.approx(0.3)
    assert newest_shares(steps(*[(4, 0)] * 30, *[(0, 4)] * 10))["2"] == 1.0
    assert newest_shares([]) == {}


def test_an_old_version_that_is_back_after_a_break_is_past_its_end() -> None:
    """It was taken for a version that came later, and its end for one that has yet to come."""
    (old,) = gone_again().live
    back = minute(90)
    returned = replace(old, age="new", since=back, last_seen=back)
    new = replace(old, version="2", since=minute(10), first_seen=minute(10), last_seen=back)
    ramp = replace(gone_again(), at=back, since=back, live=[new, returned], steps=())
    plan = RampPlan("2", end_after_seconds=1800.0)
    (broken,) = judge_plan(plan, ramp, [], "pay-plan", 1).broken
    assert (broken.code, broken.parameters["version"]) == ("plan_old_alive", "1")
    assert broken.parameters["end"] == minute(40).isoformat()
    later = replace(returned, version="3", first_seen=back)  # one that never was before is newer
    assert not judge_plan(plan, replace(ramp, live=[new, later]), [], "pay-plan", 1).broken


def sent(version: str, calls: int, failed: int, violated: int) -> PairState:
    """Messages of a version of pay to a ledger."""
    return PairState(
        "queue", "backward", "", "pay", version, "", "ledger", "5", "messaging", calls, 2.0,
        Bound(failed, calls, 1.0), {}, Bound(violated, calls, 1.0), {}, (), (), 0, calls,
        biased=False, last_seen=minute(20), needed=None, eta_seconds=None, word="unproven", reasons=(),
    )  # fmt: skip


def test_a_producer_that_nobody_calls_shows_itself_by_its_messages() -> None:
    """A plan of it waited for calls for ever, and what its messages broke aborted nothing."""
    (old,) = gone_again().live
    new = replace(old, version="2", since=minute(10), first_seen=minute(10))
    ramp = replace(
        gone_again(), since=minute(10), live=[old, new],
        pairs=[sent("1", 900, 0, 0), sent("2", 212, 200, 100)],
    )  # fmt: skip
    plan = RampPlan(
        "2", (PlanStep(0.5, 0.0, 1_000), PlanStep(1.0, 0.0, 0)), abort_failures=0.1, abort_violations=0.1
    )  # fmt: skip
    told = judge_plan(plan, ramp, [None, None], "pay-plan", 1)
    (waits,) = told.waits
    assert (waits.code, waits.parameters["pair"]) == ("plan_step_lacks_calls", "pay 2 → ledger 5")
    assert (waits.parameters["calls"], waits.parameters["eta_seconds"]) == (212, 394.0)
    # that the consumer failed is the consumer's
    assert [(it.code, it.parameters["kind"]) for it in told.broken] == [("plan_abort", "violate")]
