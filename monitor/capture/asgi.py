"""ASGI middleware: FastAPI, Starlette, Django, Litestar … Nothing but HTTP is touched.
https://asgi.readthedocs.io/
"""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from .capture import Capture, from_environment
from .routes import route_of
from .seen import Seen, held_back, media_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
_LOOKED_AT = "seamwatch.capture"


class AsgiCapture:
    """Captures the exchanges of an application. Messages pass as they are and when they are; what
    goes wrong in here is passed over.

    What the application raises is raised on; the exchange then counts as answered 500, unless its
    answer had begun.
    """

    def __init__(self, app: App, capture: Capture | None = None) -> None:
        self._app = app
        self._capture = capture or from_environment()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        seen = self._begun(scope) if scope["type"] == "http" else None
        if seen is None:
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":
                self._capture.flush()
            return
        taking, state = not held_back(media_of(seen.asked_headers)), _Told()

        async def received() -> Message:
            message = await receive()
            if taking and message.get("type") == "http.request":
                seen.asked.add(message.get("body") or b"")
                state.more_asked = bool(message.get("more_body"))
            return message

        async def sent(message: Message) -> None:
            kind = message.get("type")
            if kind == "http.response.start":
                with suppress(Exception):
                    seen.status = int(message["status"])
                    seen.answered_headers = _text(message.get("headers") or ())
                    seen.look_for_span()
                    state.taking = state.more = not held_back(media_of(seen.answered_headers))
            elif kind == "http.response.body" and state.taking:
                seen.answered.add(message.get("body") or b"")
                state.more = bool(message.get("more_body"))
            await send(message)
            if kind == "http.response.body" and not message.get("more_body"):
                seen.end()  # what the application does behind its answer is no part of it

        try:
            await self._app(scope, received, sent)
        except Exception:
            seen.status = seen.status or 500
            raise
        finally:
            with suppress(Exception):
                seen.route = route_of(scope, seen.path)
            if state.more_asked:
                seen.asked.broke_off()
            if state.more:
                seen.answered.broke_off()
            self._capture.over(seen)

    def _begun(self, scope: Scope) -> Seen | None:
        capture = self._capture
        try:
            if scope.get(_LOOKED_AT) is capture:  # an application in another one
                return None
            scope[_LOOKED_AT] = capture
            headers = scope.get("headers") or ()
            parent = next((value for name, value in headers if name == b"traceparent"), b"")
            if not capture.takes(parent.decode("latin-1")):
                return None
            raw = scope.get("raw_path") or scope["path"].encode()
            path, query = (
                raw.partition(b"?")[0].decode("latin-1"),
                (scope.get("query_string") or b"").decode("latin-1"),
            )
            return capture.begun("server", scope["method"], path, query, _text(headers))
        except Exception:  # noqa: BLE001 - a capture never takes its application down
            capture.lose("unreadable")
            return None


class _Told:
    """Whether the answer's body is looked at, and whether more of either body was to come when it
    ended.
    """

    __slots__ = ("more", "more_asked", "taking")

    def __init__(self) -> None:
        self.taking = self.more = self.more_asked = False


def _text(headers: Any) -> list[tuple[str, str]]:
    return [
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers
    ]
