"""The bench of version pairs: one pair at odds is named, and no pair where all are alike."""

from tests.bench.detection.pairs import interval, scored


def test_a_pair_at_odds_is_named_and_none_where_all_callers_suffer() -> None:
    counted = scored(6, 5)
    assert sum(counted[pair, "last", "right"] for pair in (True, False)) >= 5
    assert not any(counted[pair, "last", "wrong"] for pair in (True, False))


def test_bounds_hold_the_share() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    assert [round(bound, 3) for bound in interval(48, 48)] == [0.926, 1.0]
