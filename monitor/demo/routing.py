"""What a service of the shop is made of: its routes, and the means its handlers have."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request, Response

from monitor.demo.database import Database
from monitor.demo.order_queue import OrderQueue
from monitor.demo.peers import Answer, Peers

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a service."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Means:
    """What handlers may use. `version` is the version this instance runs as."""

    version: str
    peers: Peers
    chance: random.Random
    database: Database
    queue: OrderQueue

    async def work(self, milliseconds: float) -> None:
        """Take about so long: log-normal around the given median, as real work is."""
        await asyncio.sleep(milliseconds / 1000 * math.exp(self.chance.gauss(0.0, 0.35)))


def reply(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def broken(peer: str, answer: Answer) -> Response:
    """What a service says when a peer let it down: its 4xx is handed on, anything else is a bad
    gateway.
    """
    if 400 <= answer.status < 500:
        return Response(orjson.dumps(answer.body), answer.status, media_type="application/json")
    return reply(
        {"error": {"code": "peer_failed", "message": f"{peer} answered {answer.status}"}}, 502
    )


async def sent(request: Request) -> Any:
    """The request's JSON body."""
    return orjson.loads(await request.body())
