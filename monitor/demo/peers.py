"""How a service of the shop calls another: httpx with its own name and version told in headers."""

import random
import time
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from monitor.demo.api_log import ApiLog
from monitor.demo.settings import InstanceSettings
from monitor.demo.topology import BANK_HOST
from monitor.demo.transport import ShopTransport

TIMEOUT_SECONDS = 5.0
OUTSIDE = {BANK_HOST: "bank"}
"""Hosts that keep no API log for us: their callers log the exchange."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer said; status 0 when it did not answer at all, the body then naming the error."""

    status: int
    body: Any

    @property
    def good(self) -> bool:
        """A 2xx answer."""
        return 200 <= self.status < 300


class Peers:
    """All outgoing calls of one instance. `client` is what gets instrumented."""

    def __init__(self, settings: InstanceSettings, log: ApiLog | None = None) -> None:
        self._log = log
        self.transport = ShopTransport(
            settings.routes, random.Random(settings.seed), TIMEOUT_SECONDS
        )
        identity = {"x-caller": settings.service, "x-caller-version": settings.version}
        self.client = httpx.AsyncClient(
            transport=self.transport, headers=identity, trust_env=False
        )
        for name in ("accept", "accept-encoding", "connection"):
            del self.client.headers[name]

    async def get(self, url: str) -> Answer:
        """GET, the answer read as JSON."""
        return await self._send(self.client.build_request("GET", url))

    async def post(self, url: str, body: object) -> Answer:
        """POST a JSON body, the answer read as JSON."""
        headers = {"content-type": "application/json"}
        return await self._send(
            self.client.build_request("POST", url, content=orjson.dumps(body), headers=headers)
        )

    async def _send(self, request: httpx.Request) -> Answer:
        started_ns = time.time_ns()
        try:
            response = await self.client.send(request)
        except httpx.TransportError as error:
            return Answer(0, type(error).__name__)
        if self._log is not None and request.url.host in OUTSIDE:
            self._log.called(response, OUTSIDE[request.url.host], started_ns)
        return Answer(response.status_code, orjson.loads(response.content))
