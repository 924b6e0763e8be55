"""What was written lately is told of only where it is all there is."""

from collections.abc import Iterable

import pyarrow as pa
import pytest

from monitor.store.recent import KEPT, Recent


def inner(*rows: tuple[int, bytes]) -> pa.Table:
    windows, spans = [window for window, _ in rows], [span * 8 for _, span in rows]
    return pa.table(
        {
            "window": pa.array(windows, pa.uint32()),
            "span": pa.array(spans, pa.binary(8)),
            "parent": pa.array(spans, pa.binary(8)),
            "operation": pa.array(["query"] * len(rows)).dictionary_encode(),
            "version": pa.array(["1"] * len(rows)).dictionary_encode(),
        }
    )


def spans(recent: Recent, windows: Iterable[int]) -> list[bytes] | None:
    pieces = recent.rows("inner_spans", windows)
    if pieces is None:
        return None
    return sorted(span[:1] for piece in pieces for span in piece.column("span").to_pylist())


@pytest.fixture
def recent() -> Recent:
    made = Recent(lambda: [(100, 200)], most_rows=4)
    made.prepare()
    return made


def test_rows_are_told_by_window_with_their_copies(recent: Recent) -> None:
    recent.written("inner_spans", inner((210, b"a"), (210, b"b"), (230, b"c")), surely=True)
    recent.written("inner_spans", inner((210, b"a")), surely=True)
    assert spans(recent, [210]) == [b"a", b"a", b"b"]
    assert spans(recent, [210, 220, 230]) == [b"a", b"a", b"b", b"c"]
    assert recent.rows("inner_spans", [230])[0].column_names == list(KEPT["inner_spans"])  # type: ignore[index]  # it is there


def test_windows_of_which_the_store_held_rows_before_are_not_told_of(recent: Recent) -> None:
    recent.written("inner_spans", inner((200, b"a"), (210, b"b")), surely=True)
    assert spans(recent, [200, 210]) is None
    assert spans(recent, [210]) == [b"b"]
    assert spans(recent, [90]) == []


def test_rows_that_were_perhaps_written_make_their_window_unsure(recent: Recent) -> None:
    recent.written("inner_spans", inner((210, b"a"), (220, b"b")), surely=True)
    recent.written("inner_spans", inner((210, b"c")), surely=False)
    recent.written("inner_spans", inner((210, b"c")), surely=True)
    assert (spans(recent, [210]), spans(recent, [220])) == (None, [b"b"])


def test_the_oldest_windows_go_and_late_rows_do_not_make_them_whole(recent: Recent) -> None:
    recent.written("inner_spans", inner((220, b"b"), (230, b"c"), (230, b"d")), surely=True)
    recent.written("inner_spans", inner((210, b"a"), (240, b"e")), surely=True)
    recent.written("inner_spans", inner((210, b"f")), surely=True)
    assert (spans(recent, [210]), spans(recent, [220, 230, 240])) == (
        None,
        [b"b", b"c", b"d", b"e"],
    )


def test_after_forgetting_the_store_is_asked_anew() -> None:
    held = [(100, 200)]
    recent = Recent(lambda: list(held))
    recent.prepare()
    recent.written("inner_spans", inner((210, b"a")), surely=True)
    recent.written("arrivals", pa.table({"window": [210], "rows": [1]}), surely=True)
    assert recent.arrived(210) == 1
    held.append((210, 210))
    recent.forget()
    assert (spans(recent, [220]), recent.arrived(210)) == (None, 0)
    recent.prepare()
    recent.written("inner_spans", inner((210, b"b"), (220, b"c")), surely=True)
    assert (spans(recent, [210]), spans(recent, [220])) == (None, [b"c"])


def test_thin_windows_of_an_insert_that_lie_side_by_side_are_one_piece(recent: Recent) -> None:
    recent.written("inner_spans", inner((210, b"a"), (220, b"b"), (240, b"c")), surely=True)
    recent.written("inner_spans", inner((220, b"d")), surely=True)
    sizes = {
        windows: [piece.num_rows for piece in recent.rows("inner_spans", windows) or ()]
        for windows in [(210, 220, 240), (210, 240), (240, 210)]
    }
    assert sizes == {(210, 220, 240): [3, 1], (210, 240): [1, 1], (240, 210): [1, 1]}
