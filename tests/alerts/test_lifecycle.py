"""Alerts live as promised: one a deploy, patient both ways, and nobody is told twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.alerts.grouping import alert_key
from monitor.alerts.lifecycle import Book, LifecycleSettings, step
from monitor.alerts.wording import LABELS
from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, StepEvidence, Suspect
from monitor.model.reasons import reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALM = LifecycleSettings(
    hold_seconds=10, orphan_seconds=60, quiet_seconds=100, link_base="https://watch.example/"
)
PAY = Edge("production", "checkout", "payment", "http", "POST /pay")
ORDER = Edge("production", "web", "checkout", "http", "POST /order")
DEPLOY = Deploy(
    "d1",
    "deploy",
    "production",
    "payment",
    "2.0.0",
    "1.9.0",
    "progressing",
    NOON,
    None,
    None,
    ("api",),
)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_finding(finding_id: str = "f1", **fields: object) -> Finding:
    evidence = Evidence(6, 100, 90, 100, 0, 9.0, 3.0, None, 1e9, NOON, NOON)
    plain = {
        "deploy_id": "d1",
        "edge": PAY,
        "signal": "errors",
        "clause": "",
        "caller_version": "1",
        "callee_version": "2.0.0",
        "against_version": "1.9.0",
        "role": "root",
        "strength": "concurrent",
        "evidence": evidence,
        "suspects": (),
        "first_seen": NOON,
        "last_seen": NOON,
    }
    return Finding(id=finding_id, **{**plain, **fields})  # type: ignore[arg-type] # fields by name


class Life:
    """A book that is stepped, and all that was told."""

    def __init__(self, settings: LifecycleSettings = CALM) -> None:
        self.book: Book = {}
        self.told: list[Alert] = []
        self.settings = settings

    def at(
        self,
        after: float,
        *findings: Finding,
        silences: tuple[dict[str, str], ...] = (),
        enabled: bool = True,
    ) -> list[Alert]:
        done = step(
            self.book,
            findings,
            {"d1": DEPLOY},
            silences,
            self.settings,
            NOON + seconds(after),
            enabled=enabled,
        )
        self.book = done.book
        self.told.extend(done.outgoing)
        return list(done.outgoing)

    @property
    def states(self) -> list[str]:
        return [tracked.alert.state for tracked in self.book.values()]


def test_a_finding_is_pending_then_fires_then_is_resolved_when_it_stays_away() -> None:
    life = Life()
    assert life.at(0, a_finding()) == []
    assert life.states == ["pending"]
    (firing,) = life.at(10, a_finding())
    assert (firing.state, firing.severity, firing.service, firing.deploy_id) == (
        "firing",
        "critical",
        "payment",
        "d1",
    )
    assert firing.key == alert_key("d1", "production")
    assert firing.link == "https://watch.example/findings/f1"
    assert life.at(20, a_finding()) == []
    assert life.at(119) == []
    (resolved,) = life.at(120)
    assert (resolved.state, resolved.key, resolved.started) == (
        "resolved",
        firing.key,
        firing.started,
    )
    assert resolved.ended == NOON + seconds(120)
    assert resolved.revision > firing.revision
    assert life.at(130) == []


def test_one_that_goes_before_it_fires_tells_nobody() -> None:
    life = Life()
    life.at(0, a_finding())
    life.at(5)
    assert life.book == {}
    assert life.told == []


def test_flapping_within_the_quiet_time_is_one_incident() -> None:
    life = Life()
    for second in range(0, 300, 10):
        life.at(second, *([a_finding()] if second % 60 < 30 else []))
    assert [alert.state for alert in life.told] == ["firing"]


def test_coming_back_after_the_end_is_a_new_incident_under_the_same_key() -> None:
    life = Life()
    for second in (0, 10):
        life.at(second, a_finding())
    life.at(200)
    for second in (300, 310):
        life.at(second, a_finding())
    assert [alert.state for alert in life.told] == ["firing", "resolved", "firing"]
    assert len({alert.key for alert in life.told}) == 1
    assert life.told[2].started == NOON + seconds(300)
    assert [alert.revision for alert in life.told] == sorted(
        {alert.revision for alert in life.told}
    )


def test_coming_back_only_briefly_does_not_lose_count_of_revisions() -> None:
    life = Life()
    life.at(0, a_finding())
    life.at(10, a_finding())
    life.at(200)
    life.at(300, a_finding())
    life.at(301)
    for second in (400, 410):
        life.at(second, a_finding())
    revisions = [alert.revision for alert in life.told]
    assert [alert.state for alert in life.told] == ["firing", "resolved", "firing"]
    assert len(set(revisions)) == 3


def test_a_cascade_is_one_page_and_none_on_recovery() -> None:
    life = Life()
    root, above = a_finding("root"), a_finding("above", edge=ORDER, role="propagated")
    life.at(0, root, above)
    (firing,) = life.at(10, root, above)
    assert set(firing.finding_ids) == {"root", "above"}
    assert "+1 more" in firing.summary
    life.at(20, above)  # the root ends first
    life.at(100, above)
    life.at(300)
    assert [alert.state for alert in life.told] == ["firing", "resolved"]


def test_what_was_propagated_waits_for_its_root() -> None:
    life = Life()
    above = a_finding("above", edge=ORDER, role="propagated")
    life.at(0, above)
    life.at(30, above)
    root = a_finding("root")
    life.at(40, above, root)
    life.at(50, above, root)
    life.at(120, above, root)
    assert [alert.key for alert in life.told] == [alert_key("d1", "production")]


def test_what_was_propagated_from_nowhere_fires_on_its_own_after_longer() -> None:
    life = Life()
    above = a_finding("above", edge=ORDER, role="propagated")
    life.at(0, above)
    assert life.at(59, above) == []
    assert [alert.key for alert in life.at(60, above)] == [alert_key("d1", "production")]


def test_three_operations_of_one_bad_deploy_are_one_page_that_lists_them() -> None:
    life = Life()
    broken = [a_finding(f"f{n}", edge=replace(PAY, operation=f"POST /{n}")) for n in range(3)]
    life.at(0, *broken)
    (firing,) = life.at(10, *broken)
    assert set(firing.finding_ids) == {"f0", "f1", "f2"}
    assert firing.details["root_edges"].count("→") == 3
    assert life.at(20, *broken) == []


def test_an_alert_that_grows_is_told_again_under_its_key_a_few_times_at_most() -> None:
    life = Life()
    broken = [a_finding(f"f{n:02}", edge=replace(PAY, operation=f"POST /{n}")) for n in range(12)]
    life.at(0, broken[0])
    for second in range(10, 130, 10):
        life.at(second, *broken[: second // 10])
    assert [alert.state for alert in life.told] == ["firing"] * 4
    assert [len(alert.finding_ids) for alert in life.told] == [1, 2, 4, 8]
    assert len({(alert.key, alert.revision) for alert in life.told}) == 4
    assert len({alert.key for alert in life.told}) == 1


def test_an_alert_that_turns_graver_is_told_again() -> None:
    life = Life()
    slow, failing = a_finding("slow", signal="latency"), a_finding("failing")
    life.at(0, slow)
    (warning,) = life.at(10, slow)
    (critical,) = life.at(20, slow, failing)
    assert (warning.severity, critical.severity) == ("warning", "critical")
    assert life.at(30, slow, failing) == []


def test_what_another_deploy_of_the_group_explains_pages_under_that_one() -> None:
    life = Life()
    guilty = a_finding("root", deploy_id="d2")
    suspects = (
        Suspect("d2", "payment", "2.0.0", 0.9, ()),
        Suspect("d1", "checkout", "3.0.0", 0.1, ()),
    )
    innocent = a_finding("above", deploy_id="d1", edge=ORDER, role="propagated", suspects=suspects)
    life.at(0, innocent, guilty)
    (firing,) = life.at(70, innocent, guilty)
    assert firing.key == alert_key("d2", "production")
    assert set(firing.finding_ids) == {"root", "above"}


def test_what_something_else_explains_pages_nobody_unless_that_is_paged_for() -> None:
    life = Life()
    suspects = (
        Suspect("d1", "checkout", "3.0.0", 0.6, ()),
        Suspect("d2", "payment", "2.0.0", 0.4, ()),
    )
    explained = reason("callee_released", service="payment", version="2.0.0")
    innocent = a_finding(
        "above", edge=ORDER, role="propagated", suspects=suspects, explained=explained
    )
    for second in (0, 70, 700):
        assert life.at(second, innocent) == []
    life.at(800, innocent, a_finding("root", deploy_id="d2"))
    (firing,) = life.at(900, innocent, a_finding("root", deploy_id="d2"))
    assert (firing.key, set(firing.finding_ids)) == (
        alert_key("d2", "production"),
        {"root", "above"},
    )


def test_a_resolved_alert_says_why() -> None:
    life = Life()
    life.at(0, a_finding())
    life.at(10, a_finding())
    over = a_finding(state="resolved", ended=reason("no_calls_any_more", version="2.0.0"))
    (resolved,) = life.at(120, over)
    assert resolved.annotations["resolved_because"] == "2.0.0 has no calls any more"


def test_two_deploys_breaking_one_edge_are_two_incidents() -> None:
    life = Life()
    both = [a_finding("f1"), a_finding("f2", deploy_id="d2")]
    life.at(0, *both)
    assert len(life.at(10, *both)) == 2


def test_an_accepted_finding_pages_nobody_and_ends_what_fires_at_once() -> None:
    life = Life()
    known = a_finding(state="accepted")
    life.at(0, known)
    assert life.book == {}
    life.at(10, a_finding())
    life.at(20, a_finding())
    (resolved,) = life.at(21, known)
    assert (resolved.state, resolved.annotations["resolved_because"]) == (
        "resolved",
        "accepted as known",
    )


def test_a_silenced_alert_is_kept_but_told_only_when_the_silence_ends() -> None:
    life = Life()
    silence = ({"service": "payment"},)
    life.at(0, a_finding(), silences=silence)
    assert life.at(10, a_finding(), silences=silence) == []
    assert life.states == ["firing"]
    assert [alert.state for alert in life.at(20, a_finding())] == ["firing"]


def test_a_silence_does_not_keep_an_incident_open_for_ever() -> None:
    life = Life()
    life.at(0, a_finding())
    life.at(10, a_finding())
    life.at(20, a_finding(), silences=({"deploy_id": "d1"},))
    assert [alert.state for alert in life.at(200, silences=({"deploy_id": "d1"},))] == ["resolved"]


def test_a_silence_of_one_operation_does_not_quiet_another_of_the_same_deploy() -> None:
    life = Life()
    muted, loud = a_finding("f1"), a_finding("f2", edge=replace(PAY, operation="GET /pay"))
    silences = ({"operation": "POST /pay"},)
    life.at(0, muted, silences=silences)
    assert life.at(10, muted, silences=silences) == []
    assert [alert.state for alert in life.at(20, muted, loud, silences=silences)] == ["firing"]


def test_a_silence_that_does_not_match_every_label_quiets_nothing() -> None:
    life = Life()
    life.at(0, a_finding(), silences=({"service": "payment", "environment": "staging"}, {}))
    assert (
        len(
            life.at(
                10, a_finding(), silences=({"service": "payment", "environment": "staging"}, {})
            )
        )
        == 1
    )


def test_weak_evidence_is_shown_but_does_not_fire() -> None:
    life = Life()
    weak = a_finding(evidence=replace(a_finding().evidence, e_value=150.0))
    life.at(0, weak)
    assert life.at(600, weak) == []
    assert life.states == ["pending"]


def test_while_only_observing_all_is_kept_and_told_once_it_is_enabled() -> None:
    life = Life()
    life.at(0, a_finding(), enabled=False)
    assert life.at(10, a_finding(), enabled=False) == []
    assert life.states == ["firing"]
    assert [alert.state for alert in life.at(20, a_finding())] == ["firing"]


def test_the_labels_of_a_firing_alert_stay_as_they_were() -> None:
    life = Life()
    life.at(0, a_finding("f1", signal="latency"))
    (firing,) = life.at(10, a_finding("f1", signal="latency"))
    life.at(
        20,
        a_finding("f0", signal="errors", first_seen=NOON - seconds(5)),
        a_finding("f1", signal="latency"),
    )
    (resolved,) = life.at(300)
    assert resolved.labels == firing.labels
    assert firing.labels.keys() <= LABELS
    assert (firing.severity, resolved.severity) == ("warning", "critical")


def test_hostile_names_lose_their_control_characters() -> None:
    life = Life()
    edge = Edge("production", "web\x1b[31m\u202e", "pay\ud800", "http", "<b>\n")
    life.at(0, a_finding(edge=edge, clause="a\x00b"))
    (alert,) = life.at(10, a_finding(edge=edge, clause="a\x00b"))
    text = repr(alert)
    assert not any(mark in alert.summary + alert.labels["caller"] for mark in "\x1b\u202e\ud800")
    assert "\\x00" not in text
    alert.summary.encode()


def test_a_clock_that_jumps_back_resolves_nothing() -> None:
    life = Life()
    life.at(1000, a_finding())
    life.at(1010, a_finding())
    assert life.at(0) == []
    assert life.states == ["firing"]


class AlertLife(RuleBasedStateMachine):
    """Find, vanish, accept, silence, tick, in any order: receivers hear firing (a few updates) and
    resolved by turns, each incident closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.now = 0.0
        self.open: dict[str, Finding] = {}
        self.accepted: set[str] = set()
        self.silences: list[dict[str, str]] = []
        self.enabled = True

    edges = st.sampled_from([PAY, ORDER, replace(PAY, operation="GET /pay")])

    @rule(
        edge=edges,
        deploy=st.sampled_from(["d1", "d2"]),
        role=st.sampled_from(["root", "propagated"]),
        signal=st.sampled_from(["errors", "latency"]),
    )
    def find(self, edge: Edge, deploy: str, role: str, signal: str) -> None:
        name = f"{edge.operation} {deploy} {signal}"
        self.open.setdefault(
            name,
            a_finding(
                name,
                edge=edge,
                deploy_id=deploy,
                role=role,
                signal=signal,
                first_seen=NOON + seconds(self.now),
            ),
        )

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        self.open.pop(data.draw(st.sampled_from(sorted(self.open))))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        self.accepted ^= {data.draw(st.sampled_from(sorted(self.open)))}

    @rule(matchers=st.sampled_from([{"deploy_id": "d1"}, {"operation": "POST /pay"}]))
    def silence(self, matchers: dict[str, str]) -> None:
        self.silences = [] if matchers in self.silences else [matchers]

    @rule()
    def observe_only(self) -> None:
        self.enabled = not self.enabled

    @rule(passed=st.sampled_from([1, 9, 11, 61, 101, 300]))
    def tick(self, passed: float) -> None:
        self.now += passed
        findings = [
            replace(finding, state="accepted") if name in self.accepted else finding
            for name, finding in self.open.items()
        ]
        told = self.life.at(
            self.now, *findings, silences=tuple(self.silences), enabled=self.enabled
        )
        assert self.enabled or not told
        again = step(
            self.life.book,
            findings,
            {"d1": DEPLOY},
            self.silences,
            CALM,
            NOON + seconds(self.now),
            enabled=self.enabled,
        )
        assert again.outgoing == (), "the same tick again tells nobody anything"
        assert again.book == self.life.book

    @invariant()
    def each_receiver_hears_turns(self) -> None:
        heard: dict[str, list[Alert]] = {}
        for alert in self.life.told:
            heard.setdefault(alert.key, []).append(alert)
        for key, alerts in heard.items():
            states = [alert.state for alert in alerts]
            assert all("firing" in (earlier, later) for earlier, later in pairwise(states)), states
            assert states[0] == "firing"
            updates = [
                later for earlier, later in pairwise(alerts) if earlier.state == later.state
            ]
            assert len(updates) <= 3 * states.count("resolved") + 3
            revisions = [alert.revision for alert in alerts]
            assert revisions == sorted(set(revisions))
            tracked = self.life.book[key]
            assert tracked.told == states[-1]

    def teardown(self) -> None:
        """When all is well again and everybody listens, every incident that was opened
        is closed.
        """
        self.life.at(self.now + 1)
        self.life.at(self.now + 102)
        last = {alert.key: alert.state for alert in self.life.told}
        assert set(last.values()) <= {"resolved"}


AlertLife.TestCase.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=30, deadline=None
)
TestAlertLife = AlertLife.TestCase


def a_step(signal: str = "errors", finding_id: str = "f1", **fields: object) -> Finding:
    """A finding that only time speaks for, unless `fields` say that more does."""
    evidence = a_finding().evidence
    step = StepEvidence(supported=False, placebos=24, beaten=24, seasonal=False, growth=1.0)
    return a_finding(
        finding_id,
        signal=signal,
        strength="weaker",
        evidence=replace(evidence, step=replace(step, **fields)),  # type: ignore[arg-type]
    )


def test_a_change_in_time_that_nothing_else_speaks_for_does_not_fire() -> None:
    life = Life()
    for after in (0, 10, 60, 120):
        assert life.at(after, a_step()) == []
    assert life.states == ["pending"]


@pytest.mark.parametrize(
    "bad",
    [
        (a_step(controls=2),),
        (a_step(supported=True),),
        (a_step(seasonal=True),),
        (a_step(), a_step("latency", "f2")),
        (a_step(), a_finding("f2")),
    ],
    ids=["neighbours", "versions", "earlier days", "another signal", "another finding"],
)
def test_with_a_second_kind_of_evidence_it_fires(bad: tuple[Finding, ...]) -> None:
    life = Life()
    life.at(0, *bad)
    assert [alert.state for alert in life.at(10, *bad)] == ["firing"]
