"""Who asks the same at the same time shares one look, and nobody gets an answer older than the
question.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from monitor.errors import StoreUnavailable
from monitor.store import Store, client
from monitor.store.sharing import Shared

PEOPLE = 50


class Look:
    """Takes its turn when it is let go; says which it is."""

    def __init__(self) -> None:
        self.begun, self.go, self.started = 0, threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.started.set()
        assert self.go.wait(60)
        return number


class Question:
    """One that knows how often it was looked for in a table: each who asks looks once, and shares
    or leads from then on.
    """

    def __init__(self) -> None:
        self.looked_for = 0

    def __hash__(self) -> int:
        self.looked_for += 1
        return 1


def crowded() -> StoreUnavailable:
    return StoreUnavailable("crowded")


def until_asked(question: Question, times: int) -> None:
    deadline = time.monotonic() + 120
    while question.looked_for < times:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_comes_while_a_look_goes_on_shares_the_next_one() -> None:
    shared, look, question = Shared[int](60, crowded), Look(), Question()
    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        first = pool.submit(shared.answer, question, look)
        assert look.started.wait(60)
        asked = question.looked_for
        others: list[Future[int]] = [
            pool.submit(shared.answer, question, look) for _ in range(PEOPLE)
        ]
        until_asked(question, asked + PEOPLE + 2)  # one of them leads, and looks twice more
        look.go.set()
        assert first.result(60) == 1
        assert {future.result(60) for future in others} == {2}
    assert look.begun == 2
    assert shared.answer(question, look) == 3


def test_a_fault_is_everybodys_who_shares_the_look_and_ends_with_it() -> None:
    shared = Shared[int](60, crowded)

    def fails() -> int:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable, match="away"):
        shared.answer("q", fails)
    assert shared.answer("q", lambda: 7) == 7


def test_who_waits_too_long_for_the_look_before_theirs_is_told() -> None:
    shared, look = Shared[int](0.05, crowded), Look()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shared.answer, "q", look)
        assert look.started.wait(60)
        with pytest.raises(StoreUnavailable, match="crowded"):
            shared.answer("q", look)
        assert shared.answer("another", lambda: 5) == 5
        look.go.set()
        assert first.result(60) == 1
    assert shared.answer("q", look) == 2


def test_rows_of_a_shared_answer_are_each_readers_own(store: Store) -> None:
    first = store.query("newest_seq")
    first[0]["seq"] = 99
    assert store.query("newest_seq")[0]["seq"] != 99


def test_a_glance_needs_none_of_the_readers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CROWD_SECONDS", 0.0)
    with (
        store._readers.borrow(),
        store._readers.borrow(),
        store._readers.borrow(),
        store._readers.borrow(),
    ):
        assert store.glance("newest_seq")
