"""What is closed when, and in which company."""

from monitor.edges.closing import (
    ClosingSettings,
    WindowState,
    plan_closing,
    sealed_now,
    told_at_seal,
    watermark_of,
)

SETTINGS = ClosingSettings()
NOW = 10_000


def state(
    window: int,
    *,
    arrivals: int = 1,
    seen: int = 0,
    rows: int = 10,
    sealed: bool = False,
    closed: int = 0,
    oldest: int = NOW,
    newest: int | None = None,
) -> WindowState:
    came = newest if newest is not None else NOW if arrivals > seen else -1
    return WindowState(
        window, arrivals, rows, oldest, came, seen, rows if seen else 0, 0, sealed, 1, closed, NOW
    )


def closed(
    states: list[WindowState], watermark: float | None, *, finish: bool = False
) -> list[int]:
    return sorted(
        w
        for batch in plan_closing(states, watermark, SETTINGS, finish=finish).batches
        for w in batch.due
    )


def batches(
    states: list[WindowState], settings: ClosingSettings = SETTINGS, watermark: float = 50_000
) -> list[list[int]]:
    return [batch.due for batch in plan_closing(states, watermark, settings).batches]


def test_a_window_is_closed_4_s_after_the_watermark_passed_its_end() -> None:
    assert closed([state(100)], 113.9) == []
    assert closed([state(100)], 114.0) == [100]


def test_where_event_time_goes_on_with_the_clock_the_clock_tells_when() -> None:
    """The watermark lags by what exporters hold back: it must be near the end, no more."""
    now = [state(NOW - since - 10) for since in (3, 4, 60, 61)]
    assert closed(now, NOW - 4) == [NOW - 71, NOW - 70, NOW - 14]
    assert closed(now, NOW - 5) == [NOW - 71, NOW - 70, NOW - 14]
    assert closed(now, NOW - 5.1) == [NOW - 71, NOW - 70]
    assert closed(now[2:], NOW - 61) == [NOW - 70]


def test_without_a_watermark_nothing_is_closed_until_the_end() -> None:
    assert closed([state(100)], None) == []
    assert closed([state(100)], None, finish=True) == [100]


def test_a_row_dirties_its_window_and_both_neighbours() -> None:
    published = [state(w, seen=1) for w in (80, 90, 110, 120)]
    assert closed([*published, state(100)], 500) == [90, 100, 110]


def test_a_neighbour_that_is_too_young_is_left_for_later() -> None:
    assert closed([state(100), state(110)], 116) == [100]


def test_a_window_is_closed_again_after_30_s_at_the_earliest() -> None:
    assert closed([state(100, arrivals=2, seen=1, sealed=True, closed=NOW - 29)], 500) == []
    assert closed([state(100, arrivals=2, seen=1, sealed=True, closed=NOW - 30)], 500) == [100]


def test_a_window_is_closed_once_provisionally_and_once_at_its_seal_if_anything_came() -> None:
    again = state(100, arrivals=2, seen=1, closed=NOW - 100)
    assert closed([again], 169.9) == []
    assert closed([again], 170.0) == [100]
    assert closed([state(100, arrivals=2, seen=1, closed=NOW - 120)], 169.9) == [100], (
        "however long its seal takes"
    )
    quiet = state(100, seen=1, closed=NOW - 50)
    assert closed([quiet, state(110, seen=1, closed=NOW - 40, newest=NOW - 51)], 170.0) == []
    assert closed([quiet, state(110, seen=1, closed=NOW - 40, newest=NOW - 50)], 170.0) == [100], (
        "its neighbour got rows since"
    )


def test_a_neighbour_is_closed_again_only_for_rows_that_its_closing_may_not_have_seen() -> None:
    late = state(110, arrivals=2, seen=1, sealed=True, closed=NOW - 60, newest=NOW - 40)
    assert closed([state(100, seen=1, sealed=True, closed=NOW - 39), late], 500) == [110]
    assert closed([state(100, seen=1, sealed=True, closed=NOW - 40), late], 500) == [100, 110]
    assert closed([state(100, seen=1, closed=NOW - 90), state(110)], 125) == [110], (
        "a provisional one waits for its seal"
    )


def test_a_window_whose_first_halves_may_be_gone_is_never_closed_again() -> None:
    gone = NOW - int(SETTINGS.halves_kept)
    assert closed([state(100, arrivals=2, seen=1, oldest=gone)], 500) == []
    assert closed([state(100, oldest=gone)], 500) == [100]


def test_a_window_fades_at_nine_tenths_of_the_time_its_halves_are_kept() -> None:
    edge = NOW - int(0.9 * 1000)
    assert not state(100, seen=1, oldest=edge).faded(1000)
    assert state(100, seen=1, oldest=edge - 1).faded(1000)


def test_a_window_never_closed_waits_for_nobody() -> None:
    assert closed([state(100, closed=NOW)], 500) == [100]


def test_windows_are_sealed_60_s_after_the_watermark_passed_their_end() -> None:
    unsealed = state(100, seen=1)
    assert plan_closing([unsealed], 169.9, SETTINGS).seal == []
    assert plan_closing([unsealed], 170.0, SETTINGS).seal == [unsealed]
    assert not sealed_now(unsealed, 169.9, SETTINGS)
    assert sealed_now(unsealed, 170.0, SETTINGS)
    assert sealed_now(state(100, sealed=True), None, SETTINGS)


def test_thin_windows_share_a_batch_however_far_apart_and_too_many_rows_do_not() -> None:
    thin = [state(w) for w in range(0, 40_000, 300)]
    assert batches(thin) == [[s.window for s in thin]]
    full = [state(w, rows=SETTINGS.batch_rows) for w in (100, 110, 120)]
    assert batches(full) == [[100], [110], [120]]
    halves = [state(w, rows=SETTINGS.batch_rows // 2) for w in (100, 110, 120)]
    assert batches(halves) == [[100, 110], [120]]
    assert (
        plan_closing([state(100, rows=9 * SETTINGS.part_rows)], 5000, SETTINGS).batches[0].parts
        == 5
    )


def test_the_newest_minute_is_closed_first_and_then_the_oldest() -> None:
    few = ClosingSettings(batch_windows=30)
    done = batches([state(w) for w in range(0, 1000, 10)], few, watermark=1010)
    assert done[0] == [940, 950, 960, 970, 980, 990]
    assert [w for batch in done[1:] for w in batch] == list(range(0, 940, 10))
    assert max(len(batch) for batch in done) == 30


def test_a_batch_ends_at_a_gap_rather_than_between_neighbours() -> None:
    few = ClosingSettings(batch_windows=10)
    assert batches([state(w) for w in [*range(0, 90, 10), *range(100, 160, 10)]], few) == [
        list(range(0, 90, 10)),
        list(range(100, 160, 10)),
    ]


def test_what_is_newest_but_old_is_closed_in_its_turn() -> None:
    few = ClosingSettings(batch_windows=30)
    assert batches([state(w) for w in range(0, 600, 10)], few, watermark=5000)[0][0] == 0


def test_what_a_batch_reads_is_its_windows_and_their_neighbours() -> None:
    (batch,) = plan_closing([state(100), state(110), state(900)], 5000, SETTINGS).batches
    assert batch.near == [90, 100, 110, 120, 890, 900, 910]
    assert batch.around == [80, 90, 100, 110, 120, 130, 880, 890, 900, 910, 920]


def test_while_much_is_due_a_window_closed_before_waits_longer() -> None:
    again = state(100, arrivals=2, seen=1, sealed=True, closed=NOW - 30)
    assert closed([again], 50_000) == [100]
    backlog = [state(w, rows=SETTINGS.batch_rows) for w in (1000, 1010)]
    assert closed([again, *backlog], 50_000) == [1000, 1010]
    assert 100 in closed(
        [state(100, arrivals=2, seen=1, sealed=True, closed=NOW - 120), *backlog], 50_000
    )


def seen(
    at: float, *, said: float = 50.0, source: str = "a", partition: int = 0
) -> dict[str, int]:
    return {
        "source_id": source,
        "topic": "t",
        "partition": partition,
        "watermark_ms": int(at * 1000),
        "seen_ms": int(said * 1000),
    }  # type: ignore[dict-item]  # as the store gives it


def test_the_slowest_live_partition_holds_the_watermark_and_the_dead_do_not() -> None:
    assert watermark_of([]) is None
    assert watermark_of([seen(100), seen(90)]) == 90
    assert watermark_of([seen(100, said=1000), seen(5, said=100, partition=1)]) == 100


def test_a_partition_is_live_for_120_s_after_its_last_word() -> None:
    assert watermark_of([seen(100, said=1000), seen(5, said=880, partition=1)]) == 5
    assert watermark_of([seen(100, said=1000), seen(5, said=879.999, partition=1)]) == 100


def test_one_of_a_topic_that_another_source_took_over_is_live_for_15_s() -> None:
    assert watermark_of([seen(100, said=1000), seen(5, said=985, source="before")]) == 5
    assert watermark_of([seen(100, said=1000), seen(5, said=984.999, source="before")]) == 100


def test_a_broker_made_anew_does_not_wait_for_the_one_before() -> None:
    assert watermark_of([seen(100, said=1000), seen(5, said=984, source="before")]) == 100
    assert watermark_of([seen(100, said=1000), seen(5, said=990, source="another cluster")]) == 5
    assert watermark_of([seen(100, said=1000), seen(5, said=984, partition=1)]) == 5


def test_a_replayed_file_holds_nothing_back() -> None:
    assert watermark_of([seen(100), seen(5, source="file:abc")]) == 100


def test_a_provisional_window_with_the_other_end_of_a_message_waits_where_its_seal_closes_it() -> (
    None
):
    other = state(100, seen=1, closed=NOW)
    came = state(110, newest=NOW)
    assert told_at_seal(other, [came], 130, SETTINGS)
    assert closed([other, came], 169.9) == [110]
    # what makes it wait is what makes it due once it may be sealed
    assert closed([other, came], 170.0) == [100, 110]
    assert not told_at_seal(other, [came], 170.0, SETTINGS)
    # nothing next to it would remind its sealing of it
    assert not told_at_seal(other, [state(110, newest=NOW - 1)], 130, SETTINGS)
    assert not told_at_seal(other, [state(120, newest=NOW)], 130, SETTINGS)
    assert not told_at_seal(state(100, seen=1, sealed=True, closed=NOW), [came], 130, SETTINGS)
    assert not told_at_seal(other, [came], None, SETTINGS)
