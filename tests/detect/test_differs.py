"""What separates bad calls from good ones is told where it holds on calls that it was not learned
from; else nothing is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.evidence.differs import CHANCE, Marked, marked, slow_above, what_differs
from monitor.detect.judging.inputs import Inputs
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.edges import Edge
from monitor.model.judging import Condition, Finding, Verdict
from monitor.wording.findings import facts, summary
from monitor.wording.reasons import sentence
from tests.detect.traffic import (
    Behaviour,
    Traffic,
    cells,
    deploy,
    edge,
    histogram,
    now_after,
    steady,
)

INSTANCES, CALLERS = ("pod-1", "pod-2", "pod-3", "pod-4"), ("1.3.0", "1.4.0")
Chance = Callable[[str, str, str], float]


def drawn(
    chance: Chance,
    seed: int = 1,
    calls: int = 200,
    operations: Sequence[str] = ("GET /a", "POST /b"),
) -> list[Marked]:
    rng = np.random.default_rng(seed)
    return [
        Marked(
            {"instance": pod, "caller_version": caller, "operation": operation}, fold, bad, calls
        )
        for pod in INSTANCES
        for caller in CALLERS
        for operation in operations
        for fold in (0, 1)
        for bad in [int(rng.binomial(calls, chance(pod, caller, operation)))]
    ]


@pytest.mark.parametrize(
    ("chance", "rule"),
    [
        (
            lambda pod, _caller, _operation: 0.3 * (pod == "pod-3"),
            (Condition("instance", "pod-3"),),
        ),
        (
            lambda _pod, caller, _operation: 0.05 + 0.5 * (caller == "1.3.0"),
            (Condition("caller_version", "1.3.0"),),
        ),
        (
            lambda _pod, caller, operation: 0.2 * (caller == "1.4.0" and operation == "POST /b"),
            (Condition("caller_version", "1.4.0"), Condition("operation", "POST /b")),
        ),
    ],
)
def test_what_separates_the_bad_calls_is_told(chance: Chance, rule: tuple[Condition, ...]) -> None:
    difference = what_differs(drawn(chance))
    assert difference is not None
    assert difference.conditions == rule
    assert difference.chance <= CHANCE
    assert difference.bad >= 0.6 * (difference.bad + difference.other_bad)


@pytest.mark.parametrize("times", [100, pytest.param(300, marks=pytest.mark.long)])
def test_bad_calls_that_fall_anywhere_have_nothing_in_common(times: int) -> None:
    told = [what_differs(drawn(lambda *_: 0.1, seed)) for seed in range(times)]
    assert not any(told)


@pytest.mark.parametrize("times", [100, pytest.param(300, marks=pytest.mark.long)])
def test_bad_calls_that_fall_anywhere_among_few_have_nothing_in_common_either(times: int) -> None:
    told = [what_differs(drawn(lambda *_: 0.05, seed, calls=15)) for seed in range(times)]
    assert sum(difference is not None for difference in told) <= 1


def test_what_holds_only_where_it_was_learned_is_not_told() -> None:
    rows = drawn(lambda pod, *_: 0.3 * (pod == "pod-3"))
    elsewhere = [
        Marked(row.attributes, 1, round(0.075 * row.calls), row.calls) if row.fold else row
        for row in rows
    ]
    assert what_differs(rows) is not None
    assert what_differs(elsewhere) is None


def test_what_marks_the_same_calls_is_told_beside() -> None:
    rows = [
        Marked(
            {**row.attributes, "zone": "b" if row.attributes["instance"] == "pod-3" else "a"},
            row.fold,
            row.bad,
            row.calls,
        )
        for row in drawn(lambda pod, *_: 0.3 * (pod == "pod-3"))
    ]
    difference = what_differs(rows)
    assert difference is not None
    assert difference.conditions == (Condition("instance", "pod-3"),)
    assert difference.same == (Condition("zone", "b"),)


def test_too_few_bad_calls_tell_nothing() -> None:
    assert what_differs(drawn(lambda pod, *_: 0.01 * (pod == "pod-3"), calls=100)) is None
    assert what_differs([]) is None


EDGE = edge()


def alike(
    instance: str,
    version: str,
    calls: int,
    errors: int = 0,
    seconds: float = 0.02,
    where: Edge = EDGE,
    seed: int = 0,
) -> list[Alike]:
    rng = np.random.default_rng(seed + calls + errors)
    out = []
    for fold in (0, 1):
        shape = histogram(seconds * np.exp(0.3 * rng.standard_normal(calls)))
        out.append(
            Alike(
                where,
                "1.0.0",
                version,
                instance,
                "",
                fold,
                calls,
                {"server_error": errors},
                shape,
                shape,
            )
        )
    return out


def test_slow_calls_are_those_above_the_old_p90_of_their_own_edge() -> None:
    quick, slow = EDGE, edge(operation="GET /report")
    calls = [
        *alike("pod-1", "1.9.0", 400), *alike("pod-1", "2.0.0", 400),
        *alike("pod-1", "1.9.0", 400, seconds=2.0, where=slow), *alike("pod-1", "2.0.0", 400, seconds=2.0, where=slow),
    ]  # fmt: skip
    bounds = slow_above(calls, "callee", "1.9.0", "server", 2, 0.005)
    rows = marked(calls, "callee", "2.0.0", "server", bounds)
    assert bounds[quick, "server"] < bounds[slow, "server"]
    assert all(row.bad < 0.1 * row.calls for row in rows)


def judged(calls: Sequence[Alike], new: Behaviour, seed: int = 1) -> tuple[Verdict, list[Finding]]:
    rows = cells([Traffic(EDGE, new=new)], 12, share=steady(0.3), seed=seed)
    return Inputs(
        deploy(), "payment", rows, (), (), JudgeSettings(), now_after(12), calls=tuple(calls)
    ).judged()


def test_errors_on_one_instance_of_three_are_no_regression_of_the_version() -> None:
    sick = [
        *alike("pod-7", "2.0.0", 200, errors=40), *alike("pod-8", "2.0.0", 200), *alike("pod-9", "2.0.0", 200),
        *alike("pod-1", "1.9.0", 700), *alike("pod-2", "1.9.0", 700),
    ]  # fmt: skip
    verdict, findings = judged(sick, Behaviour(server_error=0.07))
    finding = next(finding for finding in findings if finding.signal == "errors")
    assert verdict.outcome == "inconclusive"
    assert finding.explained is not None
    assert finding.explained.code == "one_instance"
    assert finding.explained.parameters["instance"] == "pod-7"
    assert any(
        "instance pod-7 alone: 80 of its 400 calls" in sentence(reason)
        for reason in verdict.reasons
    )
    assert finding.evidence.differs is not None
    assert summary(finding).endswith("; all on instance pod-7")
    assert (
        "what differs",
        "all bad calls are on instance pod-7; held-out: 40 of 200 calls (20.00%) there, 0 of 400 calls (0.00%) elsewhere",
    ) in facts(finding.evidence)


def test_errors_on_every_instance_are_the_versions() -> None:
    well = [
        *alike("pod-7", "2.0.0", 200, errors=15),
        *alike("pod-8", "2.0.0", 200, errors=13),
        *alike("pod-1", "1.9.0", 700),
    ]
    verdict, findings = judged(well, Behaviour(server_error=0.07))
    assert verdict.outcome == "fail"
    assert all(
        finding.explained is None and finding.evidence.differs is None for finding in findings
    )


def test_instances_that_had_too_few_calls_to_show_it_are_not_shown_to_be_well() -> None:
    few = [
        *alike("pod-7", "2.0.0", 200, errors=15),
        *alike("pod-8", "2.0.0", 20),
        *alike("pod-1", "1.9.0", 700),
    ]
    verdict, _ = judged(few, Behaviour(server_error=0.07))
    assert verdict.outcome == "fail"


def test_one_slow_instance_of_two_is_no_regression_of_the_version() -> None:
    slow = [
        *alike("pod-7", "2.0.0", 400, seconds=0.1), *alike("pod-8", "2.0.0", 400), *alike("pod-1", "1.9.0", 700),
        *alike("pod-2", "1.9.0", 700),
    ]  # fmt: skip
    verdict, findings = judged(slow, Behaviour(latency=0.05, spread=0.6))
    assert verdict.outcome == "inconclusive"
    assert {finding.explained.code for finding in findings if finding.explained} == {
        "one_instance"
    }
    assert all(finding.explained for finding in findings)


def test_where_old_instances_differ_as_much_slowness_is_no_evidence() -> None:
    """The new version has one pod; of the old one's, one is as slow as it is: what a pod more may
    differ by without cause.
    """
    differ = [
        *alike("pod-9", "2.0.0", 800, seconds=0.04), *alike("pod-1", "1.9.0", 700), *alike("pod-2", "1.9.0", 700, seconds=0.04),
        *alike("pod-3", "1.9.0", 700),
    ]  # fmt: skip
    same = [
        *alike("pod-9", "2.0.0", 800, seconds=0.04),
        *(row for pod in "123" for row in alike(f"pod-{pod}", "1.9.0", 700)),
    ]
    slower = Behaviour(latency=0.04)
    assert "latency" in {finding.signal for finding in judged(same, slower)[1]}
    assert "latency" not in {finding.signal for finding in judged(differ, slower)[1]}


def test_where_old_instances_time_out_as_much_timeouts_are_no_evidence() -> None:
    """All failures together are alike on the old pods; the timeouts are those of one."""
    late = alike_with("pod-9", "2.0.0", 800, timeout=24)
    usual = [
        *alike_with("pod-1", "1.9.0", 700, server_error=21),
        *alike_with("pod-2", "1.9.0", 700, timeout=21),
    ]
    differ = [*late, *usual, *alike_with("pod-3", "1.9.0", 700, server_error=21)]
    same = [
        *late,
        *(
            row
            for pod in "123"
            for row in alike_with(f"pod-{pod}", "1.9.0", 700, timeout=7, server_error=14)
        ),
    ]
    new = Behaviour(timeout=0.03)
    assert "timeouts" in {finding.signal for finding in judged(same, new)[1]}
    assert "timeouts" not in {finding.signal for finding in judged(differ, new)[1]}


def alike_with(pod: str, version: str, calls: int, **bad: int) -> list[Alike]:
    """Both folds of one pod's calls, so many of them bad of each kind."""
    return [replace(row, bad=bad) for row in alike(pod, version, calls)]


def test_inputs_with_calls_give_the_same_verdict_again() -> None:
    sick = [
        *alike("pod-7", "2.0.0", 200, errors=40),
        *alike("pod-8", "2.0.0", 200),
        *alike("pod-1", "1.9.0", 700),
    ]
    rows = cells([Traffic(EDGE, new=Behaviour(server_error=0.1))], 12, share=steady(0.3))
    inputs = Inputs(
        deploy(), "payment", rows, (), (), JudgeSettings(), now_after(12), calls=tuple(sick)
    )
    again = Inputs.unpacked(inputs.packed())
    assert again is not None
    assert again.judged() == inputs.judged()
    assert (
        inputs.judged()[0].inputs_hash
        != Inputs(deploy(), "payment", rows, (), (), JudgeSettings(), now_after(12))
        .judged()[0]
        .inputs_hash
    )
