"""Hooks for clients: httpx and requests. Each is loaded by the application, and only looked at
here.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from .capture import Capture
from .heard import is_watched, marked
from .seen import Held, Seen, held_back


def watch_httpx(client: Any, capture: Capture) -> Any:
    """Capture what an `httpx.Client` or `httpx.AsyncClient` sends from now on; returns the client.
    A second time changes nothing, as with all hooks.

    Answers that are streamed are passed on part by part; an answer counts as over when it is
    closed.
    """
    import httpx  # noqa: PLC0415 - the application's own

    cover = _async_cover if isinstance(client, httpx.AsyncClient) else _cover
    client._transport = cover(client._transport, capture)  # noqa: SLF001 - httpx has no other way to a client that is made
    client._mounts = {  # noqa: SLF001 - as above
        where: cover(mount, capture) if mount is not None else None
        for where, mount in client._mounts.items()  # noqa: SLF001
    }
    return client


def watch_requests(session: Any, capture: Capture) -> Any:
    """Capture what a `requests.Session` sends from now on, redirects too; returns the session. Of
    streamed answers no body.
    """
    send = session.send
    if is_watched(send, capture):
        return session

    def sending(request: Any, **options: Any) -> Any:
        seen = _begun_requests(request, capture)
        if seen is None:
            return send(request, **options)
        try:
            answer = send(request, **options)
        except BaseException:
            capture.over(seen)
            raise
        with suppress(Exception):
            first = (
                answer.history[0]
                if answer.history and options.get("allow_redirects", True)
                else answer
            )
            if first is not answer:
                seen.end(first.elapsed.total_seconds())  # the others are exchanges of their own
            seen.status = first.status_code
            seen.answered_headers = list(first.headers.items())
            seen.asked_headers = _pairs(first.request.headers)
            if not options.get("stream", session.stream) and not held_back(
                first.headers.get("content-type", "")
            ):
                seen.answered.add(first.content)
                seen.answered_headers = _unpacked(seen.answered_headers)
        capture.over(seen)
        return answer

    session.send = marked(sending, capture)
    return session


def _begun_requests(request: Any, capture: Capture) -> Seen | None:
    try:
        if not capture.takes(str(request.headers.get("traceparent", ""))):
            return None
        seen = _begun(capture, request.method, request.url, _pairs(request.headers))
        body = request.body
        if (
            seen is not None
            and isinstance(body, str | bytes)
            and not held_back(request.headers.get("content-type", ""))
        ):
            seen.asked.add(body)
    except Exception:  # noqa: BLE001 - a capture never takes its application down
        capture.lose("unreadable")
        return None
    return seen


def _begun(capture: Capture, method: str, url: str, headers: list[tuple[str, str]]) -> Seen | None:
    where = urlsplit(url)
    return capture.begun(
        "client", method, where.path or "/", where.query, headers, where.hostname or ""
    )


def _pairs(headers: Any) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in headers.items()]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _begun_httpx(request: Any, capture: Capture) -> Seen | None:
    try:
        if not capture.takes(request.headers.get("traceparent", "")):
            return None
        return _begun(capture, request.method, str(request.url), _multi(request))
    except Exception:  # noqa: BLE001 - as above
        capture.lose("unreadable")
        return None


def _multi(message: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in message.headers.multi_items()]


def _answered(seen: Seen, request: Any, answer: Any) -> bool:
    """Take what stands at the head of an answer; whether its body is looked at."""
    with suppress(Exception):
        seen.status = answer.status_code
        seen.asked_headers, seen.answered_headers = _multi(request), _multi(answer)
        if not held_back(request.headers.get("content-type", "")) and isinstance(
            held := getattr(request, "_content", None), bytes
        ):
            seen.asked.add(held)
        return not held_back(answer.headers.get("content-type", ""))
    return False


def _is_read(seen: Seen, answer: Any, *, taking: bool) -> bool:
    """Whether an answer was read before it came, as a cache's is: nobody asks for its stream, and
    its body is unpacked.
    """
    held = getattr(answer, "_content", None)
    if not isinstance(held, bytes):
        return False
    if taking:
        seen.answered.add(held)
        seen.answered_headers = _unpacked(seen.answered_headers)
    return True


def _unpacked(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() != "content-encoding"]


class _Once:
    """An exchange that is over once, however often its answer is closed."""

    def __init__(self, capture: Capture, seen: Seen) -> None:
        self._capture, self._seen, self._done = capture, seen, False

    def __call__(self) -> None:
        if not self._done:
            self._done = True
            with suppress(Exception):
                self._capture.over(self._seen)


class _Covered:
    """A transport that does all but its requests as the one within."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Any:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Any:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)


def _cover(inner: Any, capture: Capture) -> Any:
    import httpx  # noqa: PLC0415 - as above

    if is_watched(inner, capture):
        return inner

    class Stream(httpx.SyncByteStream):
        def __init__(self, stream: Any, held: Held | None, over: Callable[[], None]) -> None:
            self._stream, self._held, self._over = stream, held, over

        def __iter__(self) -> Iterator[bytes]:
            for part in self._stream:
                if self._held is not None:
                    self._held.add(part)
                yield part
            self._held = None

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                if self._held is not None:
                    self._held.broke_off()
                self._over()

    class Transport(_Covered, httpx.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            seen = _begun_httpx(request, capture)
            if seen is None:
                return inner.handle_request(request)
            try:
                answer = inner.handle_request(request)
            except BaseException:  # a cancelled one, too
                capture.over(seen)
                raise
            taking = _answered(seen, request, answer)
            if _is_read(seen, answer, taking=taking):
                capture.over(seen)
                return answer
            answer.stream = Stream(
                answer.stream, seen.answered if taking else None, _Once(capture, seen)
            )
            return answer

    return marked(Transport(inner), capture)


def _async_cover(inner: Any, capture: Capture) -> Any:
    import httpx  # noqa: PLC0415 - as above

    if is_watched(inner, capture):
        return inner

    class Stream(httpx.AsyncByteStream):
        def __init__(self, stream: Any, held: Held | None, over: Callable[[], None]) -> None:
            self._stream, self._held, self._over = stream, held, over

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for part in self._stream:
                if self._held is not None:
                    self._held.add(part)
                yield part
            self._held = None

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                if self._held is not None:
                    self._held.broke_off()
                self._over()

    class Transport(_Covered, httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            seen = _begun_httpx(request, capture)
            if seen is None:
                return await inner.handle_async_request(request)
            try:
                answer = await inner.handle_async_request(request)
            except BaseException:  # a cancelled one, too
                capture.over(seen)
                raise
            taking = _answered(seen, request, answer)
            if _is_read(seen, answer, taking=taking):
                capture.over(seen)
                return answer
            answer.stream = Stream(
                answer.stream, seen.answered if taking else None, _Once(capture, seen)
            )
            return answer

    return marked(Transport(inner), capture)
