"""Layout of the map: deterministic, no box upon another, every line drawn, circles and hostile
names survived.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.api.map_layout import HEIGHT, ROW, WIDTH, lay_out

NAMES = st.text(max_size=12) | st.sampled_from(["a", "b", "c", "d", "e"])
LINES = st.lists(st.tuples(NAMES, NAMES), max_size=25)


@settings(max_examples=60, deadline=None)
@given(LINES)
def test_every_service_has_a_place_of_its_own_and_every_line_a_curve(
    lines: list[tuple[str, str]],
) -> None:
    drawn = lay_out(lines)
    assert {box.name for box in drawn.boxes} == {name for line in lines for name in line}
    assert {(curve.caller, curve.callee) for curve in drawn.curves} == set(lines)
    for number, rect in enumerate(drawn.boxes):
        assert 0 <= rect.x <= drawn.width - WIDTH
        assert 0 <= rect.y <= drawn.height - HEIGHT
        for other in drawn.boxes[number + 1 :]:
            assert abs(rect.x - other.x) >= WIDTH or abs(rect.y - other.y) >= HEIGHT


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_the_order_of_lines_does_not_matter(lines: list[tuple[str, str]]) -> None:
    assert lay_out(lines) == lay_out(reversed(lines))


def test_callers_stand_left_of_callees() -> None:
    places = {
        box.name: box.x
        for box in lay_out(
            [("user", "web"), ("web", "pay"), ("pay", "bank"), ("web", "bank")]
        ).boxes
    }
    assert places["user"] < places["web"] < places["pay"] < places["bank"]


def test_a_circle_is_broken_where_it_closes() -> None:
    drawn = lay_out([("user", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("b", "b")])
    places = {box.name: box.x for box in drawn.boxes}
    assert places["user"] < places["a"] < places["b"] < places["c"]
    assert len(drawn.curves) == 5


def test_a_few_hundred_services_are_laid_out() -> None:
    assert len(lay_out([(f"s{n}", f"s{(n * 7 + 3) % 300}") for n in range(300)]).boxes) == 300


def test_a_line_that_passes_a_column_takes_less_room_than_a_box() -> None:
    chain = [("a", "b"), ("b", "c")]
    passing = [("a", f"far{n}") for n in range(10)]
    longest = [("b", f"far{n}") for n in range(10)]
    far = lay_out([*chain, *passing, *longest])
    column = [
        box
        for box in far.boxes
        if box.x == next(other.x for other in far.boxes if other.name == "b")
    ]
    assert len(column) == 1
    assert far.height < 10 * ROW + 2 * ROW
