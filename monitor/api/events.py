"""/events: tells open pages that something changed; they fetch what they show themselves."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS, ApiError
from monitor.api.parts import Parts
from monitor.api.questions import windows_state
from monitor.api.strict import StrictRoute
from monitor.clock import monotonic_seconds
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.control import outbox
from monitor.errors import StoreError

LOOK_SECONDS = 2.0
STREAM_SECONDS = 600.0
MAX_STREAMS = 100


class Changes:
    """A word that differs when the published windows, findings, deploys or alerts do. One look at
    a time, at most every 2 s, for all pages together: however many are open, and however long a
    store is silent, they hold one thread and not all of them.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._looking: asyncio.Task[None] | None = None
        self._word, self._looked = "", float("-inf")
        self.streams = 0

    async def word(self) -> str:
        """The newest word known; waits for a look only while there is none. An unreachable store
        is a word too.
        """
        if self._looking is None and monotonic_seconds() - self._looked >= LOOK_SECONDS:
            self._looking = asyncio.create_task(self._renew())
        if not self._word and self._looking is not None:
            await asyncio.shield(self._looking)
        return self._word

    async def _renew(self) -> None:
        try:
            self._word = await run_in_threadpool(self._look)
        finally:
            self._looked, self._looking = monotonic_seconds(), None

    def _look(self) -> str:
        try:
            sequence = windows_state(self._parts).sequence
            findings = kept_findings.list_findings(self._parts.engine, limit=50)
            alerts = outbox.list_alerts(self._parts.engine, limit=50)
            deliveries = outbox.list_deliveries(self._parts.engine, limit=1)
            deploys = kept_deploys.list_deploys(self._parts.engine, limit=20)
        except StoreError:
            return "unreachable"
        state = repr(
            (
                sequence,
                [(finding.id, finding.state, finding.last_seen) for finding in findings],
                [(deploy.id, deploy.state, deploy.first_traffic) for deploy in deploys],
                [(tracked.alert.key, tracked.alert.revision, tracked.told) for tracked in alerts],
                deliveries,
            )
        )
        return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


async def _stream(changes: Changes, stop: threading.Event) -> AsyncIterator[str]:
    if changes.streams >= MAX_STREAMS:  # they came at once, before the first of them was counted
        yield "retry: 30000\n\n"
        return
    changes.streams += 1
    try:
        last = await changes.word()
        yield f"retry: 3000\nevent: hello\ndata: {last}\n\n"
        ends = monotonic_seconds() + STREAM_SECONDS
        beats = 0
        while not stop.is_set() and monotonic_seconds() < ends:
            await asyncio.sleep(0.5)
            beats += 1
            if beats % 4:
                continue
            word = await changes.word()
            if word != last:
                last = word
                yield f"event: changed\ndata: {word}\n\n"
            elif beats % 30 == 0:
                yield ": still here\n\n"
    finally:
        changes.streams -= 1


def events_router(changes: Changes) -> APIRouter:
    """The route over this app's one looker."""
    router = APIRouter(tags=["page"], responses=ERRORS, route_class=StrictRoute)

    @router.get(
        "/events",
        summary="Server-sent events: hello, then changed",
        response_class=StreamingResponse,
    )
    def events(_caller: Reading, parts: Opened) -> StreamingResponse:
        """Ends after ten minutes; browsers connect again by themselves."""
        if changes.streams >= MAX_STREAMS:
            raise ApiError(
                503, "too many open pages", "events", "close some, or read without live updates"
            )
        return StreamingResponse(
            _stream(changes, parts.stop),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    return router
