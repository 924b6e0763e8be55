"""WSGI middleware: Flask, Django, Bottle … https://peps.python.org/pep-3333/"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from .capture import Capture, from_environment
from .routes import wsgi_route
from .seen import Held, Seen, held_back, media_of

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_LOOKED_AT = "seamwatch.capture"


class WsgiCapture:
    """Captures the exchanges of an application. Lists and files that it answers with are handed on
    as they are.

    What the application raises is raised on; the exchange then counts as answered 500, unless its
    answer had begun.
    """

    def __init__(self, app: App, capture: Capture | None = None) -> None:
        self._app = app
        self._capture = capture or from_environment()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI says."""
        seen = self._begun(environ)
        if seen is None:
            return self._app(environ, start_response)
        taking = [False]

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            with suppress(Exception):
                seen.status = int(status[:3])
                seen.answered_headers = list(headers)
                seen.route = wsgi_route(environ)  # Flask forgets its request before it returns
                taking[0] = not held_back(media_of(headers))
                seen.look_for_span()
            write = start_response(status, headers, *more)

            def written(part: bytes) -> Any:
                if taking[0]:
                    seen.answered.add(part)
                return write(part)

            return written if callable(write) else write

        try:
            answer = self._app(environ, started)
        except BaseException as error:  # a server's own way out of a request, too
            if isinstance(error, Exception):
                seen.status = seen.status or 500
            if taking[0]:
                seen.answered.broke_off()
            self._over(seen, environ)
            raise
        if (
            isinstance(answer, list | tuple)
            or (seen.status and not taking[0])
            or _is_file(answer, environ)
        ):
            if taking[0] and isinstance(answer, list | tuple):
                for part in answer:
                    seen.answered.add(part)
            self._over(seen, environ)
            return answer
        passing = _Sized if hasattr(type(answer), "__len__") else _Passing
        return passing(answer, seen, taking, lambda: self._over(seen, environ))

    def _begun(self, environ: Environ) -> Seen | None:
        try:
            if environ.get(_LOOKED_AT) is self._capture:  # an application in another one
                return None
            environ[_LOOKED_AT] = self._capture
            if not self._capture.takes(environ.get("HTTP_TRACEPARENT", "")):
                return None
            path = quote(
                (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1"),
                safe="/:@!$&'()*+,;=~-._",
            )
            seen = self._capture.begun(
                "server",
                environ["REQUEST_METHOD"],
                path or "/",
                environ.get("QUERY_STRING", ""),
                _headers(environ),
            )
            if (
                seen is not None
                and not held_back(environ.get("CONTENT_TYPE", ""))
                and _may_hold_a_body(environ)
            ):
                environ["wsgi.input"] = _Overheard(environ["wsgi.input"], seen.asked)
        except Exception:  # noqa: BLE001 - a capture never takes its application down
            self._capture.lose("unreadable")
            return None
        return seen

    def _over(self, seen: Seen, environ: Environ) -> None:
        with suppress(Exception):
            length = int(environ.get("CONTENT_LENGTH") or "0")
            stream = environ.get("wsgi.input")
            unread = (
                seen.asked.passed < length
                if length
                else isinstance(stream, _Overheard) and not stream.at_end
            )
            if unread and seen.asked.passed:
                seen.asked.broke_off()  # the application left some of it unread
        with suppress(Exception):
            seen.route = seen.route or wsgi_route(environ)
        self._capture.over(seen)


class _Passing:
    """An answer on its way, part by part."""

    def __init__(
        self, answer: Iterable[bytes], seen: Seen, taking: list[bool], over: Callable[[], None]
    ) -> None:
        self._answer, self._seen, self._taking, self._over = answer, seen, taking, over
        self._parts = iter(answer)
        self._at_end = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._parts)
        except StopIteration:
            self._at_end = True
            raise
        except Exception:
            self._seen.status = self._seen.status or 500
            raise
        if self._taking[0]:
            self._seen.answered.add(part)
        return part

    def close(self) -> None:
        """The server calls it at the end, whatever happened."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            if self._taking[0] and not self._at_end:
                self._seen.answered.broke_off()
            self._over()


class _Sized(_Passing):
    """One that tells how many parts it has: servers tell the length of an only one."""

    def __len__(self) -> int:
        return len(self._answer)  # type: ignore[arg-type]  # only such come here


class _Overheard:
    """The request's body as the application reads it."""

    def __init__(self, stream: Any, held: Held) -> None:
        self._stream, self._held = stream, held
        self.at_end = False

    def read(self, *size: Any) -> bytes:
        part = self._heard(self._stream.read(*size))
        if not part or not size or size[0] is None or size[0] < 0 or len(part) < size[0]:
            self.at_end = True
        return part

    def readline(self, *size: int) -> bytes:
        return self._heard(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        self.at_end = not hint
        return [self._heard(line) for line in self._stream.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            yield self._heard(line)
        self.at_end = True

    def __next__(self) -> bytes:
        return self._heard(next(self._stream))

    def __getattr__(self, name: str) -> Any:
        """What only some streams have; what of it reads is overheard, too."""
        own = getattr(self._stream, name)
        if name in ("readinto", "readinto1"):

            def filled(room: Any) -> Any:
                count = own(room)
                if count:
                    self._held.add(memoryview(room)[:count].tobytes())
                return count

            return filled
        return (lambda *size: self._heard(own(*size))) if name in ("read1", "readall") else own

    def _heard(self, part: bytes) -> bytes:
        self._held.add(part)
        self.at_end = self.at_end or not part
        return part


def _may_hold_a_body(environ: Environ) -> bool:
    return environ.get("CONTENT_LENGTH") not in (None, "", "0") or bool(
        environ.get("HTTP_TRANSFER_ENCODING")
    )


def _headers(environ: Environ) -> list[tuple[str, str]]:
    headers = [
        (name[5:].replace("_", "-").lower(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    unprefixed = (
        ("content-type", environ.get("CONTENT_TYPE")),
        ("content-length", environ.get("CONTENT_LENGTH")),
    )
    return headers + [(name, str(value)) for name, value in unprefixed if value]


def _is_file(answer: object, environ: Environ) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(answer, wrapper)
