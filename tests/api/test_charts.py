"""Charts: what a person needs to read them stands where it can be read."""

from datetime import timedelta

import pytest

from monitor.api.charts import LABEL_ROWS, Chart, Marker, draw, labelled, warm
from tests.fixtures.shop_day import NOON

HOUR = timedelta(hours=1)


def chart(*markers: Marker) -> Chart:
    return Chart("latency", "ms", (), ("p95",), NOON - HOUR, NOON, markers)


def test_labels_of_deploys_that_are_near_each_other_stand_in_rows_of_their_own() -> None:
    near = [Marker(NOON - HOUR / 2 + timedelta(seconds=n), f"service {n}.0.0") for n in range(3)]
    assert [row for _, row, _ in labelled(chart(*near))] == [0, 1, 2]


def test_labels_that_do_not_meet_share_a_row() -> None:
    apart = [Marker(NOON - HOUR + timedelta(minutes=25 * n), "pay 2.0.0") for n in range(2)]
    assert [row for _, row, _ in labelled(chart(*apart))] == [0, 0]


def test_a_label_near_the_end_stands_left_of_its_line() -> None:
    ((_, _, leftward),) = labelled(chart(Marker(NOON - timedelta(minutes=1), "payment 2.0.0")))
    assert leftward


def test_more_deploys_than_there_are_rows_are_lines_without_words() -> None:
    many = [Marker(NOON - HOUR / 2, f"service {n}.0.0") for n in range(9)]
    placed = labelled(chart(*many))
    assert max(row for _, row, _ in placed) == LABEL_ROWS - 1
    assert [marker.label for marker, _, _ in placed[LABEL_ROWS:]] == ["…"] * 5


def test_deploys_out_of_range_are_left_out() -> None:
    assert labelled(chart(Marker(NOON, "later"), Marker(NOON - 2 * HOUR, "before"))) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chart_without_rows_is_drawn_too(theme: str) -> None:
    warm()
    assert draw(chart(Marker(NOON - HOUR / 2, "<script>")), ("caller_version",), theme)["root_id"]  # type: ignore[arg-type]
