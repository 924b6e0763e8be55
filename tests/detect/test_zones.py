"""Versions are compared within a zone; where each has zones of its own, what differs may be the zone."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from tests.detect.traffic import Behaviour, Traffic, cells, deploy, edge, now_after, steady
from tests.fixtures.told import sentences

SETTINGS = JudgeSettings()


def zone(name: str, share: float, old: Behaviour, new: Behaviour, seed: int = 1) -> list[EdgeCell]:
    rows = cells([Traffic(edge(), 300, old, new)], 24, share=steady(share), before=60, seed=seed)
    return [replace(row, region=name) for row in rows]


def codes(rows: Sequence[EdgeCell]) -> tuple[str, list[str], int]:
    verdict, findings = judge(deploy(), rows, (), (), SETTINGS, now_after(24))
    return verdict.outcome, [reason.code for reason in verdict.reasons], len(findings)


def test_a_zone_that_fails_more_for_both_versions_is_no_finding_though_it_has_more_of_the_new_one() -> None:
    bad, good = Behaviour(server_error=0.1), Behaviour(server_error=0.001)
    rows = [*zone("a", 0.9, bad, bad), *zone("b", 0.1, good, good, seed=2)]
    outcome, _, found = codes(rows)
    assert (outcome == "fail", found) == (False, 0)


def test_a_version_that_is_worse_within_its_zones_is_found() -> None:
    rows = [*zone("a", 0.5, Behaviour(), Behaviour(0.1)), *zone("b", 0.1, Behaviour(), Behaviour(0.1), seed=2)]
    assert codes(rows)[0] == "fail"


def test_versions_with_zones_of_their_own_are_confounded_and_said_to_be() -> None:
    old, new = Behaviour(server_error=0.001), Behaviour(server_error=0.1)
    rows = [*zone("a", 1.0, old, new), *zone("b", 0.0, old, new, seed=2)]
    verdict, findings = judge(
        deploy(), [row for row in rows if row.region == "b" or row.callee_version == "2.0.0"], (), (), SETTINGS, now_after(24)
    )
    assert (verdict.outcome, findings) == ("inconclusive", [])
    (told,) = [reason for reason in verdict.reasons if reason.code == "zones_aligned"]
    assert told.parameters["zones"] == "a"
    assert told.parameters["other_zones"] == "b"
    assert any("served in a only and 1.9.0 in b only" in one for one in sentences(verdict.reasons))


def test_where_one_followed_the_other_everywhere_the_zone_is_not_to_blame() -> None:
    rows = [*zone("a", 1.0, Behaviour(), Behaviour()), *zone("b", 1.0, Behaviour(), Behaviour(), seed=2)]
    told = codes(rows)[1]
    assert "no_overlap" in told
    assert "zones_aligned" not in told
