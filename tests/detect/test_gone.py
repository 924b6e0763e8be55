"""A finding stays as long as its harm is seen, and ends with a reason."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.detect.judging.gone import brought_up_to_date
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Finding
from monitor.wording.reasons import sentence
from tests.bench.bench_judging import made
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

SETTINGS = JudgeSettings()
HALF = steady(0.5)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def the_finding(new: Behaviour, old: Behaviour | None = None, calls: float = 200) -> Finding:
    rows = cells([Traffic(edge(), calls, old or Behaviour(), new)], 12, share=HALF)
    return judge(deploy(), rows, (), (), SETTINGS, now_after(12))[1][0]


def why(finding: Finding) -> str:
    assert (finding.state == "resolved") == (finding.ended is not None)
    return sentence(finding.ended) if finding.ended else ""


def test_errors_back_to_the_old_versions_usual_rate_are_over() -> None:
    finding = the_finding(Behaviour(0.2), Behaviour(0.02))
    usual = cells([Traffic(edge(), 200, Behaviour(0.02), Behaviour(0.02))], 90, share=HALF, seed=2)
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", usual, at(900)))
        == "no worse than before for ten minutes"
    )
    still = cells([Traffic(edge(), 200, Behaviour(0.02), Behaviour(0.06))], 90, share=HALF, seed=2)
    assert why(brought_up_to_date(finding, "payment", "2.0.0", still, at(900))) == ""


def test_a_slow_version_that_became_fast_is_over_and_one_that_stays_slow_is_not() -> None:
    finding = the_finding(Behaviour(latency=0.1))
    fast = cells([Traffic(edge())], 90, share=HALF, seed=2)
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", fast, at(900)))
        == "no worse than before for ten minutes"
    )
    slow = cells([Traffic(edge(), new=Behaviour(latency=0.1))], 90, share=steady(1.0), seed=2)
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", slow, at(900), watched_until=at(100)))
        == ""
    )


def test_few_calls_suffice_where_nearly_all_failed() -> None:
    finding = the_finding(Behaviour(0.9))
    mended = cells([Traffic(edge(), 1)], 90, share=HALF, seed=2)
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", mended, at(900)))
        == "no worse than before for ten minutes"
    )


def test_what_is_seen_no_more_after_the_watch_is_no_longer_judged() -> None:
    finding = the_finding(Behaviour(0.04), Behaviour(0.005), calls=2000)
    quiet = cells(
        [Traffic(edge(), 0.02), Traffic(edge(operation="GET /other"))],
        90,
        share=HALF,
        before=0,
        seed=3,
    )
    assert why(brought_up_to_date(finding, "payment", "2.0.0", quiet, at(900))) == ""
    over = brought_up_to_date(finding, "payment", "2.0.0", quiet, at(900), watched_until=at(300))
    assert why(over).startswith("no longer judged: nothing seen of it since 2026-01-05 12:01")


def test_a_version_that_left_ends_its_findings_with_that_reason() -> None:
    finding = the_finding(Behaviour(0.5))
    back = cells([Traffic(edge())], 40, share=steady(0.0))
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", back, at(400)))
        == "2.0.0 has no calls any more"
    )


def test_silence_ends_when_the_version_answers_or_its_instances_are_gone() -> None:
    rows = cells([Traffic(edge())], 60, share=steady(0.0))
    old = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(60) for n in range(3)]
    silent = [*old, *[sighting(window, "2.0.0", "new", 0) for window in range(18)]]
    (finding,) = judge(deploy(), rows, silent, (), SETTINGS, now_after(18))[1]

    def later(seconds: float, *more: object) -> Finding:
        seen = [*silent, *more]
        return brought_up_to_date(finding, "payment", "2.0.0", rows, at(seconds), sightings=seen)  # type: ignore[arg-type]  # sightings

    assert why(later(200)) == ""
    assert why(later(600)) == "the instances of 2.0.0 are gone"
    assert why(later(600, sighting(59, "2.0.0", "new", 20))) == "2.0.0 answers now"


def test_a_version_never_seen_is_over_when_another_is_deployed() -> None:
    rows = cells([Traffic(edge())], 40, share=steady(0.0))
    seen = [sighting(window, "1.9.0", f"old-{n}", 60) for window in range(40) for n in range(3)]
    done = deploy(state="succeeded", finished=START, first_traffic=None)
    (finding,) = judge(done, rows, seen, (), SETTINGS, now_after(40))[1]
    assert (
        why(brought_up_to_date(finding, "payment", "2.0.0", rows, at(400), sightings=seen)) == ""
    )
    over = brought_up_to_date(
        finding, "payment", "2.0.0", rows, at(400), sightings=seen, superseded_by="2.0.1"
    )
    assert why(over) == "superseded by 2.0.1"


def test_an_accepted_finding_ends_too() -> None:
    finding = replace(the_finding(Behaviour(0.5)), state="accepted")
    back = cells([Traffic(edge())], 40, share=steady(0.0))
    assert brought_up_to_date(finding, "payment", "2.0.0", back, at(400)).state == "resolved"


@pytest.mark.parametrize("harm", [Behaviour(0.2), Behaviour(latency=0.1)])
def test_cells_by_column_tell_what_the_same_cells_tell(harm: Behaviour) -> None:
    columns, _ = made(3, 2)
    there = columns.edges()[1]
    finding = replace(the_finding(harm, Behaviour(0.02)), edge=there)
    late = columns.where(~columns.since(at(200)) | columns.of_edge(there))
    told = set()
    for some in (columns, late, columns[:0]):
        for service in ("payment", there.caller):
            for version in ("", "1.9.0", "2.0.0", "c1", "none"):
                for until in (at(150), at(300), at(2000)):
                    asked = finding, service, version
                    watched = at(1000)
                    ours = brought_up_to_date(*asked, some, until, watched_until=watched)
                    theirs = brought_up_to_date(*asked, list(some), until, watched_until=watched)
                    assert ours == theirs
                    told.add((ours.ended.code if ours.ended else "", ours.last_seen))
    assert len(told) > 3
