"""Deploys told by several sources: in whatever order their words come, the same
deploys come out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from monitor.control.deploys import deploy, events, list_deploys, note_traffic, record
from monitor.control.findings import list_findings, save_findings
from monitor.control.merging import Heard, stories, with_ends
from monitor.decode.deploys import event_of
from monitor.model.deploys import Deploy, DeployEvent
from tests.conformance.test_control import a_finding

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PLACES = (f"place {number}" for number in count())


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def word(
    minute: float,
    version: str = "2",
    state: str = "progressing",
    source: str = "api",
    **more: object,
) -> DeployEvent:
    values: dict[str, object] = {
        "source": source, "external_id": f"{source} {version} {state} {minute} {sorted(more.items())}", "kind": "deploy",
        "environment": "", "service": "payment", "version": version, "previous_version": "", "state": state,
        "at": NOON + timedelta(minutes=minute),
    }  # fmt: skip
    return DeployEvent(**{**values, **more})  # type: ignore[arg-type]  # a test's shorthand


def tell(engine: Engine, words: Sequence[DeployEvent]) -> list[Deploy]:
    """The deploys that come of these words, the oldest first, in a place of their own."""
    place = next(PLACES)
    for event in words:
        record(
            engine,
            replace(event, environment=place, external_id=f"{place} {event.external_id}"),
            NOON,
        )
    return sorted(
        list_deploys(engine, environment=place),
        key=lambda release: (release.started, release.version, release.kind),
    )


def facts(engine: Engine, deploys: Sequence[Deploy]) -> list[tuple[object, ...]]:
    """All that is known of them but ids and the place; a pointer is told as what it points to."""
    there = {release.id: (release.version, release.started) for release in deploys}

    def told(release: Deploy) -> tuple[object, ...]:
        of = [
            (event.at, event.source, event.state, event.version)
            for event in events(engine, release.id)
        ]
        known = replace(release, id="", environment="", ends="", ended_by="")
        return (
            known,
            release.planned_share,
            there.get(release.ends, release.ends),
            there.get(release.ended_by, release.ended_by),
            sorted(of),
        )

    return sorted(map(told, deploys), key=repr)


WORDS = st.builds(
    word,
    st.sampled_from([0, 1, 5, 30, 31, 60, 200, 640, 900, 1500]) | st.integers(0, 1500),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from(["started", "progressing", "succeeded", "failed", "aborted"]),
    st.sampled_from(["api", "cdevents", "argo", "sighting"]),
    kind=st.sampled_from(["deploy", "deploy", "deploy", "rollback", "config"]),
    traffic_share=st.sampled_from([None, None, 0.1, 0.5, 1.0]),
    namespace=st.sampled_from([None, None, None, "a", "b"]),
)


def merged(words: Sequence[DeployEvent]) -> list[tuple[object, ...]]:
    """All that is known of the deploys after these words, each heard beside what was kept before
    it; ids apart.
    """
    kept: list[Heard] = []
    for event in words:
        new_stories = stories(
            [*(old for old in kept if old.event != event), Heard(event, "")], [], {}
        )
        kept = [Heard(old.event, story.deploy.id) for story in new_stories for old in story.heard]
        assert len({story.deploy.id for story in new_stories}) == len(new_stories)
    deploys = {release.id: release for release in with_ends(new_stories, [])}
    named = {
        name: (release.version, release.started, release.kind, release.namespace)
        for name, release in deploys.items()
    } | {"": ("",)}
    told = {
        story.deploy.id: sorted(old.event.external_id for old in story.heard)
        for story in new_stories
    }
    bare = {
        name: replace(release, id="", ends="", ended_by="") for name, release in deploys.items()
    }
    facts = [
        (
            bare[name],
            release.planned_share,
            named[release.ends],
            named[release.ended_by],
            told[name],
        )
        for name, release in deploys.items()
    ]
    return sorted(facts, key=repr)


@settings(max_examples=300, deadline=None)
@given(
    words=st.lists(WORDS, min_size=2, max_size=7, unique_by=lambda event: event.external_id),
    chance=st.randoms(use_true_random=False),
)
def test_every_order_of_the_same_words_gives_the_same_deploys(
    words: list[DeployEvent], chance: Random
) -> None:
    expected = merged(words)
    chance.shuffle(words)
    assert merged([*words, words[0]]) == expected


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    words=st.lists(WORDS, min_size=2, max_size=6, unique_by=lambda event: event.external_id),
    chance=st.randoms(use_true_random=False),
)
def test_so_it_is_with_words_that_are_kept(
    engine: Engine, words: list[DeployEvent], chance: Random
) -> None:
    expected = facts(engine, tell(engine, words))
    chance.shuffle(words)
    assert facts(engine, tell(engine, [*words, words[0]])) == expected


CANARY = (
    word(0, state="started", source="argo", traffic_share=0.1),
    word(1, source="sighting"),
    word(30, source="argo", traffic_share=0.5),
    word(31, state="succeeded", source="cdevents", traffic_share=1.0, actor="kim"),
    word(32, state="succeeded", source="argo", traffic_share=1.0),
)


def test_a_canary_told_by_four_sources_is_one_in_every_order(engine: Engine) -> None:
    for order in [*permutations(CANARY)][::5]:
        (release,) = tell(engine, order)
        assert (release.state, release.started, release.finished) == (
            "succeeded",
            NOON,
            NOON + timedelta(minutes=32),
        )
        assert (release.planned_share, release.first_traffic, release.actor) == (
            1.0,
            NOON + timedelta(minutes=1),
            "kim",
        )
        assert set(release.sources) == {"argo", "sighting", "cdevents"}


def test_a_rollback_ends_the_deploy_before_and_points_to_it_in_every_order(engine: Engine) -> None:
    story = (
        word(0, "1", "succeeded"), word(60, "2", "started", traffic_share=0.1), word(61, "2", source="sighting"),
        word(75, "1", "succeeded"), word(76, "1", source="sighting", kind="rollback"),
    )  # fmt: skip
    for order in [*permutations(story)][::7]:
        first, bad, back = tell(engine, order)
        assert [release.kind for release in (first, bad, back)] == ["deploy", "deploy", "rollback"]
        assert (back.ends, bad.ended_by, first.ended_by) == (bad.id, back.id, "")
        assert (bad.finished, back.previous_version) == (NOON + timedelta(minutes=75), "2")


def test_a_rollback_to_a_version_that_nobody_told_of_but_as_the_one_before(engine: Engine) -> None:
    for order in permutations(
        (word(0, "2", "started", previous_version="1"), word(9, "1", "succeeded"))
    ):
        bad, back = tell(engine, order)
        assert (back.kind, back.ends, bad.ended_by) == ("rollback", bad.id, back.id)


def test_a_rollback_after_a_week_still_points_to_what_it_ended(engine: Engine) -> None:
    bad, back = tell(
        engine, [word(0, "2", "succeeded"), word(7 * 1440, "1", "succeeded", kind="rollback")]
    )
    assert (back.ends, bad.ended_by) == (bad.id, back.id)


def test_a_redeploy_is_a_deploy_of_its_own_kind_in_every_order(engine: Engine) -> None:
    story = (
        word(0, "2", "started"),
        word(4, "2", "succeeded"),
        word(90, "2", "started"),
        word(94, "2", "succeeded"),
    )
    for order in permutations(story):
        first, again = tell(engine, order)
        assert (first.kind, again.kind, again.ends) == ("deploy", "redeploy", "")
        assert (again.started, again.finished) == (
            NOON + timedelta(minutes=90),
            NOON + timedelta(minutes=94),
        )


def test_a_word_that_makes_one_deploy_of_two_takes_what_hangs_on_them_along(
    engine: Engine,
) -> None:
    early = record(engine, word(0, state="started", environment="p"), NOON)
    late = record(engine, word(1600, state="succeeded", environment="p"), NOON)
    assert early.id != late.id
    for number, release in enumerate((early, late)):
        save_findings(engine, [a_finding(id=f"f{number}", deploy_id=release.id)], NOON)
    note_traffic(engine, late.id, NOON + timedelta(minutes=5))
    whole = record(engine, word(800, environment="p"), NOON)
    assert [release.id for release in list_deploys(engine)] == [whole.id]
    assert {finding.deploy_id for finding in list_findings(engine)} == {whole.id}
    assert (whole.started, whole.state, whole.first_traffic) == (
        NOON,
        "succeeded",
        NOON + timedelta(minutes=5),
    )
    assert [deploy(engine, release.id) for release in (early, late) if release.id != whole.id] == [
        None
    ]


def test_ids_stay_while_words_come(engine: Engine) -> None:
    ids = {record(engine, replace(event, environment="q"), NOON).id for event in reversed(CANARY)}
    assert len(ids) == 1


def test_the_same_words_without_a_time_are_one_event_for_a_minute_and_then_another(
    engine: Engine,
) -> None:
    for seconds, version in ((5, "1"), (9, "1"), (300, "2"), (480, "1")):
        moment = NOON + timedelta(seconds=seconds)
        event = event_of({"service": "payment", "version": version}, moment)
        assert event is not None
        record(engine, event, moment)
    back, bad, first = list_deploys(engine)
    assert [(release.version, release.kind) for release in (first, bad, back)] == [
        ("1", "deploy"),
        ("2", "deploy"),
        ("1", "rollback"),
    ]
    assert len(events(engine, first.id)) == 1
