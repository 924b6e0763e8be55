"""What is kept of windows is what the store would tell, at any time and in any order."""

import time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.store import Store
from monitor.store.window_log import MOST_WINDOWS, WindowLog

NOW = int(time.time()) // 10 * 10
OLD = NOW - 40 * 86400
WINDOWS = [NOW - 20, NOW - 10, NOW, OLD, OLD + 10]


def arrivals(*windows: int) -> pa.Table:
    return pa.table(
        {
            "window": pa.array(windows, pa.uint32()),
            "source_id": pa.array(["s"] * len(windows)).dictionary_encode(),
            "rows": pa.array([3] * len(windows), pa.uint64()),
        }
    )


def published(seq: int, seen: int, sealed: int, *windows: int) -> pa.Table:
    numbers = {"seq": seq, "level": 0, "generation": seq, "arrivals": seen, "rows": 2 * seen}
    columns: dict[str, Any] = {
        name: pa.array([number] * len(windows), pa.uint8() if name == "level" else pa.uint64())
        for name, number in numbers.items()
    }
    columns["window"] = pa.array(windows, pa.uint32())
    columns["sealed"] = pa.array([sealed] * len(windows), pa.uint8())
    columns["late"] = pa.array([seq % 3] * len(windows), pa.uint64())
    columns["closed_at"] = pa.array([(NOW - seq) * 1000] * len(windows), pa.int64()).cast(
        pa.timestamp("ms", "UTC")
    )
    return pa.table(columns)


def by_store(store: Store) -> list[dict[str, Any]]:
    return store.ask("window_states", {"only": WINDOWS}, given={"only"})


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "publish", "ask", "forget"]),
        st.sets(st.sampled_from(WINDOWS), min_size=1),
    ),
    min_size=4,
    max_size=9,
)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_what_is_kept_is_what_the_store_tells(
    store: Store, steps: list[tuple[str, set[int]]]
) -> None:
    compare(store, steps)


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_what_is_kept_is_what_the_store_tells_at_length(
    store: Store, steps: list[tuple[str, set[int]]]
) -> None:
    compare(store, steps)


def compare(store: Store, steps: list[tuple[str, set[int]]]) -> None:
    """Write, ask and forget in this order; then what is kept and the store tell the same."""
    log = store.window_log
    assert log is not None
    for table in ("arrivals", "windows"):
        store.command(f"TRUNCATE TABLE {table}")
    for seq, (step, windows) in enumerate(steps, 1):
        if step == "arrive":
            store.insert("arrivals", arrivals(*windows))
        elif step == "publish":
            arrived = {row["window"] for row in log.states(windows) if row["arrivals"]}
            if arrived:
                store.insert("windows", published(seq, seq, seq % 2, *arrived))
        elif step == "ask":
            log.states(windows)
        else:
            store.forget()
    kept, told = log.states(set(WINDOWS)), by_store(store)
    times = ("oldest_ingested_s", "newest_arrival_s", "now_s")
    for row, true in zip(kept, told, strict=True):
        assert {**row, **dict.fromkeys(times)} == {**true, **dict.fromkeys(times)}
        assert all(abs(row[name] - true[name]) <= 60 for name in times)
        assert row["oldest_ingested_s"] <= true["oldest_ingested_s"]
        assert row["newest_arrival_s"] >= true["newest_arrival_s"]


class Asked:
    """A store that holds nothing, and is written to while it is asked."""

    def __init__(self) -> None:
        self.times = 0
        self.meanwhile: list[Any] = []

    def __call__(self, _windows: list[int]) -> list[dict[str, Any]]:
        self.times += 1
        for write in self.meanwhile:
            write()
        return []


def arrive(log: WindowLog, *windows: int, surely: bool = True) -> None:
    log.begin()
    log.written("arrivals", arrivals(*windows), surely=surely, since=float(NOW))


def test_a_window_is_asked_for_once_and_again_when_it_is_unsure() -> None:
    asked = Asked()
    log = WindowLog(asked, lambda: NOW + 1000, lambda: float(NOW))
    assert log.states({NOW}) == []
    arrive(log, NOW)
    assert [(row["window"], row["arrivals"], row["rows"]) for row in log.states({NOW})] == [
        (NOW, 1, 3)
    ]
    assert asked.times == 1
    arrive(log, NOW, surely=False)
    log.states({NOW})
    assert asked.times == 2
    log.begin()
    log.written("windows", published(1, 1, 0, NOW).drop(["closed_at"]), surely=True, since=0.0)
    log.states({NOW})
    assert asked.times == 3


def test_what_is_written_while_the_store_is_asked_is_asked_for_again() -> None:
    asked = Asked()
    log = WindowLog(asked, lambda: NOW + 1000, lambda: float(NOW))
    asked.meanwhile = [lambda: arrive(log, NOW)]
    log.states({NOW})
    asked.meanwhile = []
    log.states({NOW})
    log.begin()
    log.states({NOW - 10})
    log.written("arrivals", arrivals(NOW - 10), surely=True, since=float(NOW))
    log.states({NOW - 10})
    assert asked.times == 4


def test_beyond_the_newest_that_the_store_holds_it_is_not_asked() -> None:
    """A window is new until something arrives there; what perhaps arrived is asked for."""
    asked, newest = Asked(), NOW - 10
    log = WindowLog(asked, lambda: newest, lambda: float(NOW))
    assert log.states({NOW, NOW + 10}) == []
    arrive(log, NOW)
    arrive(log, NOW)
    assert [(row["window"], row["arrivals"], row["rows"]) for row in log.states({NOW})] == [
        (NOW, 2, 6)
    ]
    assert asked.times == 0
    arrive(log, NOW + 10, surely=False)
    arrive(log, NOW + 10)
    log.states({NOW + 10})
    assert asked.times == 1
    newest = NOW
    log.forget()
    log.states({NOW, NOW + 20})
    assert asked.times == 2
    log.states({NOW + 20})
    assert asked.times == 2


def test_a_window_so_old_that_its_arrivals_may_be_gone_is_asked_for_each_time() -> None:
    asked = Asked()
    log = WindowLog(asked, lambda: NOW + 1000, lambda: float(NOW))
    log.states({OLD})
    log.states({OLD})
    assert asked.times == 2


def test_what_was_touched_is_told_since_a_mark_until_it_is_forgotten() -> None:
    log = WindowLog(Asked(), lambda: NOW + 1000, lambda: float(NOW))
    arrive(log, NOW)
    mark = log.mark()
    arrive(log, NOW - 10, NOW - 20)
    arrive(log, NOW - 20, surely=False)
    assert log.touched_since(0) == {NOW, NOW - 10, NOW - 20}
    assert log.touched_since(mark) == {NOW - 10, NOW - 20}
    log.forget()
    assert log.touched_since(mark) is None
    assert log.touched_since(log.mark()) == set()


@pytest.mark.parametrize("windows", [MOST_WINDOWS - 1, MOST_WINDOWS + 1])
def test_of_very_many_windows_the_store_is_asked_again(windows: int) -> None:
    log = WindowLog(Asked(), lambda: NOW + 1000, lambda: float(NOW))
    arrive(log, *range(NOW, NOW + windows))
    mark = log.mark()
    arrive(log, NOW)
    assert (log.touched_since(0) is None) == (windows > MOST_WINDOWS)
    assert log.touched_since(mark) == {NOW}
