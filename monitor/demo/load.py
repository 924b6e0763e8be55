"""Customers: requests at the shop's front door at one rate for every entry, as long as not too
many are waiting.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from monitor.demo.child import follow_parent, say
from monitor.demo.database import PRODUCTS, SEEDED_ORDERS
from monitor.demo.peers import Answer, Peers
from monitor.demo.settings import InstanceSettings
from monitor.demo.storefront import price_of

REPORT_SECONDS = 5.0
LEAVE_SECONDS = 2.0
MAX_WAITING = 48
"""Visits under way at once; beyond it customers leave (counted as such), so that a machine too
busy for the shop makes it slower and not full of timeouts.
"""

Visit = Callable[[Peers, random.Random], Any]


async def _look(peers: Peers, chance: random.Random) -> Answer:
    return await peers.get(f"http://web/products/sku-{chance.randrange(PRODUCTS)}")


async def _search(peers: Peers, chance: random.Random) -> Answer:
    return await peers.get(f"http://web/search?q={chance.choice(('tools', 'garden', 'kitchen'))}")


async def _add(peers: Peers, chance: random.Random) -> Answer:
    cart = f"cart-{chance.randrange(10_000)}"
    line = {
        "cart_id": cart,
        "sku": f"sku-{chance.randrange(PRODUCTS)}",
        "quantity": chance.randint(1, 3),
    }
    return await peers.post("http://web/cart", line)


async def _check_out(peers: Peers, chance: random.Random) -> Answer:
    amount = round(price_of(f"sku-{chance.randrange(PRODUCTS)}") * chance.randint(1, 3), 2)
    return await peers.post(
        "http://web/checkout", {"cart_id": f"cart-{chance.randrange(10_000)}", "amount": amount}
    )


async def _order(peers: Peers, chance: random.Random) -> Answer:
    return await peers.get(f"http://web/orders/{chance.randint(1, SEEDED_ORDERS)}")


VISITS: Mapping[str, Visit] = {
    "GET /products/{sku}": _look,
    "GET /search": _search,
    "POST /cart": _add,
    "POST /checkout": _check_out,
    "GET /orders/{order_id}": _order,
}


async def serve(settings: InstanceSettings) -> None:
    """Visit until the parent says stop. Every few seconds a line tells how many answers each entry
    had, by status.
    """
    peers = Peers(settings)
    for name in ("x-caller", "x-caller-version"):
        del peers.client.headers[name]
    chance = random.Random(settings.seed)
    stopped = asyncio.Event()

    def rerouted(message: Mapping[str, Any]) -> None:
        peers.transport.routes = message["routes"]

    await follow_parent(rerouted, stopped.set)
    say("ready")
    counts: Counter[str] = Counter()
    waiting: set[asyncio.Task[None]] = set()
    loops = [
        asyncio.create_task(_keep_visiting(entry, peers, chance, settings.rate, counts, waiting))
        for entry in VISITS
    ]
    while not stopped.is_set():
        try:
            await asyncio.wait_for(stopped.wait(), REPORT_SECONDS)
        except TimeoutError:
            say("counts " + orjson.dumps(counts).decode())
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    if waiting:
        await asyncio.wait(waiting, timeout=LEAVE_SECONDS)
    await peers.client.aclose()


async def _keep_visiting(
    entry: str,
    peers: Peers,
    chance: random.Random,
    rate: float,
    counts: Counter[str],
    waiting: set[asyncio.Task[None]],
) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + chance.random() / rate

    async def visit() -> None:
        answer = await VISITS[entry](peers, chance)
        counts[f"{entry} {answer.status or answer.body}"] += 1

    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        due += chance.uniform(0.5, 1.5) / rate
        if len(waiting) >= MAX_WAITING:
            counts[f"{entry} left"] += 1
            continue
        task = asyncio.create_task(visit())
        waiting.add(task)
        task.add_done_callback(waiting.discard)
