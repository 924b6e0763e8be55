"""One answer for all who ask for the same page at the same time; as `monitor.store.sharing`, and
who waits holds no thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from fastapi import Request
from starlette.responses import Response

from monitor.api.guard import is_loopback
from monitor.api.questions import ask_each_once
from monitor.api.strict import Handler, StrictRoute

Answers = dict[Hashable, "asyncio.Task[Response]"]
# Headers that change no page of ours. All others tell who asks or what for, so who differs in them
# shares nothing.
_IDLE = frozenset(
    b"user-agent accept-language accept-encoding referer cache-control pragma connection keep-alive upgrade-insecure-requests dnt "
    b"if-none-match if-modified-since priority te purpose".split()
)


class Pages:
    """The pages being made for one app. Lives on the server's event loop.

    Nobody gets a page that was begun before they asked: who comes while it is made shares the next
    one with all others who do.
    """

    def __init__(self) -> None:
        self._made: Answers = {}
        self._waiting: Answers = {}

    async def answer(
        self, question: Hashable, make: Callable[[], Awaitable[Response]]
    ) -> Response:
        """A response of one's own with what `make`, ours or that of another who asks the same,
        answers from now on.
        """
        task = self._waiting.get(question)
        if task is None:
            task = self._waiting[question] = asyncio.create_task(
                self._in_turn(question, self._made.get(question), make)
            )
            task.add_done_callback(_take_note)
        response = await asyncio.shield(task)
        copy = Response(response.body, response.status_code)
        copy.raw_headers = list(response.raw_headers)
        return copy

    async def _in_turn(
        self,
        question: Hashable,
        before: "asyncio.Task[Response] | None",
        make: Callable[[], Awaitable[Response]],
    ) -> Response:
        task = self._waiting[question]
        try:
            if before is not None:
                await asyncio.wait({before})
            del self._waiting[question]
            self._made[question] = task
            return await make()
        finally:
            for tasks in (self._waiting, self._made):
                if tasks.get(question) is task:
                    del tasks[question]


def _take_note(task: "asyncio.Task[Response]") -> None:
    if not task.cancelled():
        task.exception()  # also when everybody who waited for it is gone


class PageRoute(StrictRoute):
    """A strict route whose GET is made once for all who ask alike at the same time, with the same
    rights.
    """

    def get_route_handler(self) -> Handler:
        """The strict handler, shared."""
        handle = super().get_route_handler()

        async def shared(request: Request) -> Response:
            if request.method != "GET":
                return await handle(request)
            pages: Pages = request.app.state.pages
            return await pages.answer(_question(request), lambda: made(request))

        async def made(request: Request) -> Response:  # in a task, and so a context, of its own
            ask_each_once()
            return await handle(request)

        return shared


def _question(request: Request) -> Hashable:
    kept = (
        pair
        for pair in request.headers.raw
        if pair[0] not in _IDLE and not pair[0].startswith(b"sec-")
    )
    here = is_loopback(request.client.host if request.client else "")
    return request.scope["path"], request.scope["query_string"], here, tuple(sorted(kept))
