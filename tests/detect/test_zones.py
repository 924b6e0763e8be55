"""Versions are compared within a zone; where each has zones of its own, what differs may be the
zone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Verdict
from monitor.wording.findings import facts
from tests.detect.traffic import START, Behaviour, Traffic, cells, deploy, edge, now_after, steady
from tests.fixtures.told import sentences

SETTINGS = JudgeSettings()


def zone(name: str, share: float, old: Behaviour, new: Behaviour, seed: int = 1) -> list[EdgeCell]:
    rows = cells([Traffic(edge(), 300, old, new)], 24, share=steady(share), before=60, seed=seed)
    return [replace(row, region=name) for row in rows]


def codes(rows: Sequence[EdgeCell]) -> tuple[str, list[str], int]:
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(24))
    return verdict.outcome, [reason.code for reason in verdict.reasons], len(findings)


def test_a_zone_that_fails_more_for_both_versions_is_no_finding_though_it_has_more_of_the_new_one() -> (
    None
):
    bad, good = Behaviour(server_error=0.1), Behaviour(server_error=0.001)
    rows = [*zone("a", 0.9, bad, bad), *zone("b", 0.1, good, good, seed=2)]
    outcome, _, count = codes(rows)
    assert (outcome == "fail", count) == (False, 0)


def test_a_version_that_is_worse_within_its_zones_is_found() -> None:
    rows = [
        *zone("a", 0.5, Behaviour(), Behaviour(0.1)),
        *zone("b", 0.1, Behaviour(), Behaviour(0.1), seed=2),
    ]
    assert codes(rows)[0] == "fail"


def test_versions_with_zones_of_their_own_are_confounded_and_said_to_be() -> None:
    old, new = Behaviour(server_error=0.001), Behaviour(server_error=0.1)
    rows = [*zone("a", 1.0, old, new), *zone("b", 0.0, old, new, seed=2)]
    verdict, findings = judge(
        deploy(),
        [row for row in rows if row.region == "b" or row.callee_version == "2.0.0"],
        (),
        (),
        SETTINGS,
        now_after(24),
    )
    assert (verdict.outcome, findings) == ("inconclusive", [])
    (told,) = [reason for reason in verdict.reasons if reason.code == "zones_aligned"]
    assert told.parameters["zones"] == "a"
    assert told.parameters["other_zones"] == "b"
    assert any(
        "served in a only and 1.9.0 in b only" in line for line in sentences(verdict.reasons)
    )


def test_where_one_followed_the_other_everywhere_the_zone_is_not_to_blame() -> None:
    rows = [
        *zone("a", 1.0, Behaviour(), Behaviour()),
        *zone("b", 1.0, Behaviour(), Behaviour(), seed=2),
    ]
    told = codes(rows)[1]
    assert "no_overlap" in told
    assert "zones_aligned" not in told


def in_turn(
    moments: dict[str, int],
    new: Behaviour,
    outage: Callable[[str, int], float] = lambda _, __: 0.0,
    windows: int = 120,
    seed: int = 1,
    base: dict[str, float] | None = None,
) -> list[EdgeCell]:
    """Each zone gets the version at its own window, and no call of the old one is left there."""
    rows: list[EdgeCell] = []
    for place, (name, moment) in enumerate(sorted(moments.items())):
        usual = Behaviour(server_error=(base or {}).get(name, 0.002))
        worse = replace(new, server_error=new.server_error + usual.server_error)

        def share(window: int, moment: int = moment) -> float:
            return 1.0 if window >= moment else 0.0

        def failing(window: int, name: str = name) -> float:
            return outage(name, window)

        traffic = Traffic(edge(), 300, usual, worse, outage=failing)
        drawn = cells([traffic], windows, share=share, before=180, seed=seed * 10 + place)
        rows += [replace(row, region=name) for row in drawn]
    return rows


def turned(rows: Sequence[EdgeCell], windows: int = 120) -> tuple[Verdict, list[Finding]]:
    return judge(deploy(), rows, (), (), SETTINGS, now_after(windows))


TURNS = {"a": 0, "b": 40, "c": 80}


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 6))]
)
@pytest.mark.parametrize("base", [None, {"a": 0.05, "b": 0.001, "c": 0.01}])
def test_zones_that_get_a_harmless_version_in_turn_show_nothing(
    seed: int, base: dict[str, float] | None
) -> None:
    """Whatever each zone is like: it is only compared with itself, and with what happened
    elsewhere at that moment.
    """
    verdict, findings = turned(in_turn(TURNS, Behaviour(), seed=seed, base=base))
    assert findings == []
    told = [reason.code for reason in verdict.reasons]
    assert "zones_in_turn" in told
    assert base is not None or told[0] == "weaker_pass"


@pytest.mark.parametrize("new", [Behaviour(server_error=0.05), Behaviour(latency=0.06)])
def test_harm_that_comes_with_the_version_to_zone_after_zone_is_found(new: Behaviour) -> None:
    verdict, findings = turned(in_turn(TURNS, new))
    assert verdict.outcome == "fail"
    assert {finding.signal for finding in findings} == {
        "latency" if new.latency > 0.05 else "errors"
    }
    steps = [finding.evidence.step for finding in findings if finding.evidence.step]
    assert [len(step.zones) >= 2 for step in steps] == [True]
    assert any(
        label == "came with the version to each zone in turn"
        for label, _ in facts(findings[0].evidence)
    )


def test_an_outage_of_one_zone_at_the_moment_of_its_turn_is_that_zones() -> None:
    assert (
        turned(
            in_turn(
                TURNS,
                Behaviour(),
                lambda name, window: 0.1 if name == "b" and window >= 40 else 0.0,
            )
        )[1]
        == []
    )


def test_an_outage_everywhere_at_the_moment_of_one_turn_is_no_versions() -> None:
    assert (
        turned(in_turn(TURNS, Behaviour(), lambda _, window: 0.1 if window >= 40 else 0.0))[1]
        == []
    )


def test_zones_that_get_a_bad_version_at_one_moment_are_before_and_after_and_no_turns() -> None:
    verdict, _ = turned(in_turn({"a": 0, "b": 0}, Behaviour(server_error=0.05)))
    assert "zones_in_turn" not in [reason.code for reason in verdict.reasons]


def test_one_zone_alone_so_far_decides_nothing() -> None:
    verdict, findings = turned(in_turn({"a": 0, "b": 500}, Behaviour(server_error=0.05)))
    assert (verdict.outcome, findings) == ("inconclusive", [])


def test_zones_in_which_instances_are_replaced_within_half_a_minute_are_judged_in_turn() -> None:
    def rolling(rows: list[EdgeCell]) -> list[EdgeCell]:
        more = []
        for row in rows:
            window = (row.window - START).total_seconds() / 10
            if row.callee_version == "2.0.0" and 0 <= window - TURNS[row.region] < 2:
                half = replace(
                    row, calls=row.calls // 2, outcomes={"ok": row.calls // 2}, failed=0
                )
                more += [half, replace(half, callee_version="1.9.0")]
            else:
                more.append(row)
        return more

    verdict, findings = turned(rolling(in_turn(TURNS, Behaviour(server_error=0.05))))
    assert (verdict.outcome, [finding.signal for finding in findings]) == ("fail", ["errors"])
    assert (
        turned(rolling(in_turn(TURNS, Behaviour(), base={"a": 0.05, "b": 0.001, "c": 0.01})))[1]
        == []
    )
