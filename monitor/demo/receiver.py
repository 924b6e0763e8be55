"""A receiver of alerts for the demo: takes webhooks and PagerDuty events on loopback and shows the
last ones.
"""

import html
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

KEPT = 200
MAX_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came in: where, when, and its JSON body."""

    path: str
    at: datetime
    body: Mapping[str, Any]


class AlertReceiver:
    """An HTTP receiver on 127.0.0.1, in a thread. Every POST is taken; `/received` gives JSON, `/`
    a page.

    Point a webhook receiver at `url + "/webhook"`, a PagerDuty one at `url + "/v2/enqueue"`.
    """

    def __init__(self, port: int = 0) -> None:
        self._received: deque[Received] = deque(maxlen=KEPT)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._app(), access_log=False, log_level="warning", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name="alert-receiver", daemon=True
        )
        self._thread.start()

    def received(self) -> list[Received]:
        """The last requests, oldest first."""
        return list(self._received)

    def close(self) -> None:
        """Stop listening; returns when the thread has ended (a few seconds at most)."""
        self._server.should_exit = True
        self._thread.join(5.0)
        self._listener.close()

    def _app(self) -> FastAPI:
        app = FastAPI(title="Alert receiver", openapi_url=None)

        async def take(request: Request, path: str) -> Response:
            text = await request.body()
            if len(text) > MAX_BYTES:
                return Response(status_code=413)
            try:
                body = orjson.loads(text)
            except orjson.JSONDecodeError:
                return Response(status_code=400)
            self._received.append(
                Received(
                    "/" + path,
                    datetime.now(UTC),
                    body if isinstance(body, dict) else {"items": body},
                )
            )
            key = str(body.get("dedup_key", "")) if isinstance(body, dict) else ""
            answer = {"status": "success", "message": "Event processed", "dedup_key": key}
            return Response(orjson.dumps(answer), 202, media_type="application/json")

        async def show(_request: Request) -> Response:
            return Response(
                orjson.dumps([asdict(each) for each in self._received]),
                media_type="application/json",
            )

        async def page(_request: Request) -> Response:
            return Response(_page(self.received()), media_type="text/html; charset=utf-8")

        app.add_api_route("/received", show, methods=["GET"], response_model=None)
        app.add_api_route("/", page, methods=["GET"], response_model=None)
        app.add_api_route("/{path:path}", take, methods=["POST"], response_model=None)
        return app


def _page(received: list[Received]) -> str:
    rows = "".join(
        f"<li><time>{each.at:%H:%M:%S}</time> <code>{html.escape(each.path)}</code> {html.escape(_summary(each.body))}</li>"
        for each in reversed(received)
    )
    title = "Alerts received"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ol>{rows or "<li>none yet</li>"}</ol>'


def _summary(body: Mapping[str, Any]) -> str:
    """The line that tells most of a body: a PagerDuty summary, our own alert's, or the body's
    start.
    """
    for part in (body.get("payload"), body.get("alert"), body.get("data"), body):
        if isinstance(part, dict) and isinstance(part.get("summary"), str):
            return f"{body.get('event_action', body.get('type', ''))} {part['summary']}".strip()
    return orjson.dumps(body)[:200].decode("utf-8", "replace")
