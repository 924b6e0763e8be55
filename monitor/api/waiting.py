"""Gates that wait: no thread each, one look for all who ask the same, a bound for each caller."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread

from monitor.api.faults import ApiError
from monitor.api.parts import GateAnswer, Parts
from monitor.clock import monotonic_seconds
from monitor.errors import StoreUnavailable

LOOK_SECONDS = 5.0
NOTICE_SECONDS = 1.0  # how soon a caller that went away, or the end of the process, is noticed
MOST_FOR_ONE = 100
MOST_IN_ALL = 300
THREADS = 2


@dataclass(frozen=True, slots=True)
class Question:
    """Which deploy is asked about, and the text of the policy that the caller brings ("" for
    none).
    """

    service: str
    version: str
    environment: str | None
    policy: str = ""


class Waiting:
    """Everybody who waits at a gate of this app.

    Looks run in two threads of their own, so that gates never hold the threads of pages and
    probes. Those who wait share a look at the same deploy, and their looks together take at most
    half of one thread's time. A store that does not answer is waited for, too. Only the last look
    makes the exact test.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._threads = CapacityLimiter(THREADS)
        self._turn = asyncio.Lock()
        self._looking: dict[Question, asyncio.Task[GateAnswer]] = {}
        self._known: dict[Question, tuple[float, GateAnswer]] = {}
        self._places: Counter[str] = Counter()

    async def answer(
        self,
        question: Question,
        wait_seconds: float,
        caller: str,
        gone: Callable[[], Awaitable[bool]],
    ) -> GateAnswer:
        """The answer as it is now, or the first within `wait_seconds` that is not inconclusive, or
        is overridden.

        ApiError 429 when this caller, or all together, ask too many at once; 503 where nothing
        judges. Who is `gone` frees its place.
        """
        with self._place(caller):
            ends = monotonic_seconds() + min(wait_seconds, self._parts.config.longest_wait_seconds)
            while (left := ends - monotonic_seconds()) > 0 and not self._parts.stop.is_set():
                answer = await self._within(self._shared(question), left, gone)
                if answer is not None and (answer.outcome != "inconclusive" or answer.override):
                    return answer
                await asyncio.sleep(min(NOTICE_SECONDS, max(0.0, ends - monotonic_seconds())))
                if await gone():
                    break
            return await self._look(question, last=True)

    async def _within(
        self, look: "asyncio.Task[GateAnswer]", seconds: float, gone: Callable[[], Awaitable[bool]]
    ) -> GateAnswer | None:
        """What the shared look finds; None when the time, the process or the caller ends first, or
        the store is away.
        """
        ends = monotonic_seconds() + seconds
        while not look.done():
            left = ends - monotonic_seconds()
            if left <= 0 or self._parts.stop.is_set() or await gone():
                return None
            await asyncio.wait({look}, timeout=min(left, NOTICE_SECONDS))
        try:
            return look.result()
        except StoreUnavailable:
            return None

    def _shared(self, question: Question) -> "asyncio.Task[GateAnswer]":
        """The look at this deploy that is going on, or a new one."""
        look = self._looking.get(question)
        if look is None:
            look = self._looking[question] = asyncio.create_task(self._in_turn(question))
            look.add_done_callback(lambda done: self._looked(question, done))
        return look

    def _looked(self, question: Question, look: "asyncio.Task[GateAnswer]") -> None:
        del self._looking[question]
        if not look.cancelled():
            look.exception()  # taken note of, also when everybody who waited for it is gone

    async def _in_turn(self, question: Question) -> GateAnswer:
        """A look that is not the last: at most one every 5 s for a deploy, one at a time, with as
        long a rest after each.
        """
        at, answer = self._known.get(question, (float("-inf"), None))
        if answer is not None and monotonic_seconds() - at < LOOK_SECONDS:
            return answer
        async with self._turn:
            begun = monotonic_seconds()
            try:
                answer = await self._look(question, last=False)
            finally:
                ended = monotonic_seconds()
                self._known = {
                    key: entry
                    for key, entry in self._known.items()
                    if ended - entry[0] < LOOK_SECONDS
                }
                await asyncio.sleep(min(ended - begun, LOOK_SECONDS))
            self._known[question] = (ended, answer)
            return answer

    async def _look(self, question: Question, *, last: bool) -> GateAnswer:
        if self._parts.gate is None:
            raise ApiError(
                503,
                "this process does not judge",
                "gate",
                "run `seamwatch up`, or `seamwatch run detection` beside it",
            )
        asked = (question.service, question.version, question.environment, last, question.policy)
        return await to_thread.run_sync(self._parts.gate, *asked, limiter=self._threads)

    @contextmanager
    def _place(self, caller: str) -> Iterator[None]:
        if self._places[caller] >= MOST_FOR_ONE or self._places.total() >= MOST_IN_ALL:
            mine = (
                f"{caller} asks {self._places[caller]} gates at once"
                if self._places[caller] >= MOST_FOR_ONE
                else ""
            )
            what = f"{mine or f'{MOST_IN_ALL} gates are asked at once'}; no more are answered until one of them is"
            raise ApiError(
                429,
                what,
                "gate",
                "ask again in a while, or wait for fewer deploys at once",
                {"retry-after": "30"},
            )
        self._places[caller] += 1
        try:
            yield
        finally:
            self._places[caller] -= 1
            self._places += Counter()  # forgets those with none
