"""A server that answers long after its client gave up never pairs, whatever windows are closed together."""

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
ONE_SIDED = {("web", "cart"): 1, ("unknown", "slow"): 1, ("web", "slow"): 1}


def test_a_server_more_than_a_window_away_is_one_sided_when_both_are_closed_at_once(rig: Rig) -> None:
    rig.deliver(GAVE_UP, FAR, *BETWEEN)
    rig.close()
    assert rig.calls() == ONE_SIDED


def test_its_time_counts_once_when_only_its_own_window_is_closed_again(rig: Rig) -> None:
    rig.deliver(GAVE_UP, FAR, *BETWEEN)
    rig.close()
    rig.deliver(*call(7, start=31, end=32))
    rig.close()
    assert rig.calls() == ONE_SIDED | {("web", "cart"): 2}
    assert sum(edge.server_seconds_sum or 0 for edge in rig.edges() if edge.callee == "slow") == pytest.approx(24.0)


def test_of_two_answers_the_one_nearby_pairs_though_the_other_came_last(rig: Rig) -> None:
    near = S("slow", "server", 1, 3, 1, 1, 1.9, version="2.0")
    rig.deliver(GAVE_UP, near, FAR, *BETWEEN)
    rig.close()
    assert rig.calls() == ONE_SIDED
    by_caller = {edge.caller: edge for edge in rig.edges() if edge.callee == "slow"}
    assert (by_caller["web"].failed, by_caller["web"].coverage["both"], by_caller["web"].callee_version) == (1, 1, "2.0")
    assert by_caller["web"].client_seconds_sum == pytest.approx(1.0)
    assert by_caller["web"].server_seconds_sum == pytest.approx(0.9)
    assert by_caller["unknown"].coverage["server_only"] == 1


def test_a_span_sent_again_with_another_end_makes_no_more_calls_of_its_pair(rig: Rig) -> None:
    rig.deliver(*call(1), S("cart", "server", 1, 2, 1, 1, 12, version="2.0"), *BETWEEN)
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}
    assert sum(edge.client_seconds_sum or 0 for edge in rig.edges()) == pytest.approx(2.0)
