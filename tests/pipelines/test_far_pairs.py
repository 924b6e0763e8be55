"""A server that goes on long after its client gave up pairs with it, whatever windows are closed
together and when.
"""

from dataclasses import replace

import pytest

from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S

GAVE_UP = S(
    "web",
    "client",
    1,
    1,
    99,
    1,
    2,
    error=True,
    version="1.0",
    attributes={"http.request.method": "GET", "server.address": "slow"},
)
FAR = S("slow", "server", 1, 2, 1, 1, 25, version="2.0")
BETWEEN = call(5, start=11, end=12)  # so that all windows are closed by one statement
CALLED = {("web", "cart"): 1, ("web", "slow"): 1}


def test_a_server_more_than_a_window_away_pairs_when_both_are_closed_at_once(rig: Rig) -> None:
    rig.deliver(GAVE_UP, FAR, *BETWEEN)
    rig.close()
    assert rig.calls() == CALLED


@pytest.mark.parametrize("first_is_client", [True, False])
def test_it_pairs_when_either_side_comes_after_the_others_window_was_closed(
    rig: Rig, *, first_is_client: bool
) -> None:
    first, last = (GAVE_UP, FAR) if first_is_client else (FAR, GAVE_UP)
    rig.deliver(first, *BETWEEN)
    rig.close()
    assert sum(edge.coverage["both"] for edge in rig.edges()) == 1
    rig.deliver(last)
    rig.close()
    assert rig.calls() == CALLED
    by_callee = {edge.callee: edge for edge in rig.edges()}
    assert by_callee["slow"].coverage["both"] == 1
    assert by_callee["slow"].client_seconds_sum == pytest.approx(1.0)
    assert by_callee["slow"].server_seconds_sum == pytest.approx(24.0)


@pytest.mark.parametrize("started", [-15, 15])
def test_a_server_that_started_while_nobody_waited_is_one_sided(rig: Rig, started: float) -> None:
    rig.deliver(GAVE_UP, replace(FAR, start=started, end=started + 45))
    rig.close()
    assert rig.calls() == {("web", "slow"): 1, ("unknown", "slow"): 1}


def test_its_time_counts_once_when_only_its_own_window_is_closed_again(rig: Rig) -> None:
    rig.deliver(GAVE_UP, FAR, *BETWEEN)
    rig.close()
    rig.deliver(*call(7, start=31, end=32))
    rig.close()
    assert rig.calls() == CALLED | {("web", "cart"): 2}
    assert sum(
        edge.server_seconds_sum or 0 for edge in rig.edges() if edge.callee == "slow"
    ) == pytest.approx(24.0)


def test_of_two_answers_the_one_in_time_leads_though_the_other_came_last(rig: Rig) -> None:
    near = S("slow", "server", 1, 3, 1, 1, 1.9, version="2.1")
    rig.deliver(GAVE_UP, near, FAR, *BETWEEN)
    rig.close()
    by_version = {edge.callee_version: edge for edge in rig.edges() if edge.callee == "slow"}
    assert {edge.caller for edge in by_version.values()} == {"web"}
    assert by_version["2.1"].client_seconds_sum == pytest.approx(1.0)
    assert by_version["2.1"].server_seconds_sum == pytest.approx(0.9)
    assert by_version["2.0"].client_seconds_sum is None


def test_a_span_sent_again_with_another_end_makes_no_more_calls_of_its_pair(rig: Rig) -> None:
    rig.deliver(*call(1), S("cart", "server", 1, 2, 1, 1, 12, version="2.0"), *BETWEEN)
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}
    assert sum(edge.client_seconds_sum or 0 for edge in rig.edges()) == pytest.approx(2.0)
