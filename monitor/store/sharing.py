"""One answer for all who ask the same at the same time."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class _Look(Generic[Answer]):
    """A look that is going on or waits for its turn. `answer` and `error` are read once `over` is
    set.
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        self.answer: Answer
        self.error: BaseException | None = None


class Shared(Generic[Answer]):
    """Looks at questions that many ask. Safe between threads.

    Nobody gets what was looked up before they asked: who comes while a look goes on shares the
    next one with all others who do. So of each question one look goes on and one waits, however
    many ask. An error of a look is everybody's who shares it.
    """

    def __init__(self, patience_seconds: float, crowded: Callable[[], Exception]) -> None:
        """`crowded` makes what is raised when the look that goes on has not ended
        after so long.
        """
        self._patience, self._crowded = patience_seconds, crowded
        self._lock = threading.Lock()
        self._going: dict[Hashable, _Look[Answer]] = {}
        self._waiting: dict[Hashable, _Look[Answer]] = {}

    def answer(self, question: Hashable, look_up: Callable[[], Answer]) -> Answer:
        """What `look_up`, ours or that of another who asks the same, finds from now on."""
        with self._lock:
            look = self._waiting.get(question)
            ours = look is None
            if look is None:
                look = self._waiting[question] = _Look()
        if ours:
            self._lead(question, look, look_up)
        look.over.wait()
        if look.error is not None:
            raise look.error
        return look.answer

    def _lead(
        self, question: Hashable, look: _Look[Answer], look_up: Callable[[], Answer]
    ) -> None:
        """Make the look once the one before it is over."""
        try:
            self._take_turn(question, look)
            look.answer = look_up()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            look.error = error
        finally:
            with self._lock:
                for looks in (self._waiting, self._going):
                    if looks.get(question) is look:
                        del looks[question]
            look.over.set()

    def _take_turn(self, question: Hashable, look: _Look[Answer]) -> None:
        with self._lock:
            before = self._going.get(question)
        if before is not None and not before.over.wait(self._patience):
            raise self._crowded()
        with self._lock:
            del self._waiting[question]
            self._going[question] = look
