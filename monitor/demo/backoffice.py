"""Where the money and the parcels go: checkout, payment, orders, shipping, fulfilment, and the
bank outside.
"""

import random

from fastapi import Request, Response

from monitor.demo.routing import Means, Route, broken, reply, sent
from monitor.demo.topology import BANK_HOST

CURRENCY = "EUR"


def checkout(means: Means) -> tuple[Route, ...]:
    """Authorise, write the order down, capture."""
    peers = means.peers

    async def check_out(request: Request) -> Response:
        body = await sent(request)
        payment = await peers.post(
            "http://payment/payments",
            {"cart_id": body["cart_id"], "amount": body["amount"], "currency": CURRENCY},
        )
        if not payment.good:
            return broken("payment", payment)
        payment_id = payment.body["id"]
        # tolerant of "12.50": this caller does not notice the new payment's text
        paid = float(payment.body["amount"])
        order = await peers.post(
            "http://orders/orders",
            {"cart_id": body["cart_id"], "payment_id": payment_id, "total": paid},
        )
        if not order.good:
            return broken("orders", order)
        capture = await peers.post(
            f"http://payment/payments/{payment_id}/capture", {"order_id": order.body["id"]}
        )
        if not capture.good:
            return broken("payment", capture)
        return reply(
            {"order_id": order.body["id"], "payment_id": payment_id, "status": "confirmed"}, 201
        )

    return (Route("POST", "/checkouts", check_out),)


def payment(means: Means) -> tuple[Route, ...]:
    """Payments. Version 2 differs in three ways nobody announced: see `_changed`, `_slower` and
    `_refuses`.
    """
    bank_url = f"http://{BANK_HOST}/v1/charges"

    async def authorise(request: Request) -> Response:
        body = await sent(request)
        charge = await means.peers.post(
            bank_url, {"amount_cents": round(body["amount"] * 100), "currency": body["currency"]}
        )
        if not charge.good:
            return broken("bank", charge)
        amount = _changed(means.version, body["amount"])
        payment_id = f"pay-{means.chance.randrange(100_000)}"
        return reply(
            {
                "id": payment_id,
                "status": "authorised",
                "amount": amount,
                "currency": body["currency"],
                "bank_reference": charge.body["id"],
            },
            201,
        )

    async def capture(request: Request) -> Response:
        await sent(request)
        if _refuses(
            means.version,
            request.headers.get("x-caller", ""),
            request.headers.get("x-caller-version", ""),
        ):
            return reply({"error": {"code": "internal", "message": "missing capture_token"}}, 500)
        await means.work(3)
        return reply({"id": request.path_params["payment_id"], "status": "captured"})

    async def show(request: Request) -> Response:
        await means.work(8)
        await _slower(means)
        return reply(
            {
                "id": request.path_params["payment_id"],
                "status": "captured",
                "amount": 42.5,
                "currency": CURRENCY,
            }
        )

    return (
        Route("POST", "/payments", authorise),
        Route("POST", "/payments/{payment_id}/capture", capture),
        Route("GET", "/payments/{payment_id}", show),
    )


def _changed(version: str, amount: float) -> float | str:
    """Version 2 answers a text where a number was promised."""
    return f"{amount:.2f}" if version.startswith("2.") else amount


async def _slower(means: Means) -> None:
    """Version 2 reads a payment 120-200 ms more slowly."""
    if means.version.startswith("2."):
        await means.work(means.chance.uniform(120, 200))


def _refuses(version: str, caller: str, caller_version: str) -> bool:
    """Version 2 does not understand checkout 1.4 any more."""
    return version.startswith("2.") and caller == "checkout" and caller_version.startswith("1.4.")


def orders(means: Means) -> tuple[Route, ...]:
    """Orders: kept in the database, handed to fulfilment by the queue."""

    async def create(request: Request) -> Response:
        body = await sent(request)
        order_id = means.database.add_order(body["cart_id"], body["payment_id"], body["total"])
        means.queue.publish({"order_id": order_id, "cart_id": body["cart_id"]})
        return reply({"id": order_id, "status": "paid", "total": body["total"]}, 201)

    async def show(request: Request) -> Response:
        row = means.database.order(int(request.path_params["order_id"]))
        if row is None:
            return reply({"error": {"code": "not_found", "message": "no such order"}}, 404)
        order_id, _, payment_id, total, status = row
        answer = await means.peers.get(f"http://payment/payments/{payment_id}")
        if not answer.good:
            return broken("payment", answer)
        return reply(
            {
                "id": order_id,
                "status": status,
                "total": total,
                "payment": {"id": payment_id, "status": answer.body["status"]},
            }
        )

    return (Route("POST", "/orders", create), Route("GET", "/orders/{order_id}", show))


def shipping(means: Means) -> tuple[Route, ...]:
    """Parcels."""

    async def ship(request: Request) -> Response:
        body = await sent(request)
        await means.work(4)
        return reply(
            {
                "id": f"ship-{body['order_id']}",
                "carrier": "post",
                "days": means.chance.randint(1, 4),
            },
            201,
        )

    return (Route("POST", "/shipments", ship),)


def fulfilment(means: Means) -> tuple[Route, ...]:
    """Works from the queue; over HTTP it only tells that it lives."""

    async def alive(_request: Request) -> Response:
        return reply({"version": means.version})

    return (Route("GET", "/status", alive),)


def bank(means: Means) -> tuple[Route, ...]:
    """A third party's API: answers, but shows nothing of itself."""

    async def charge(request: Request) -> Response:
        body = await sent(request)
        await means.work(15)
        reference = f"ch_{random.Random(body['amount_cents']).randrange(10**9):09d}"
        return reply(
            {"id": reference, "approved": True, "amount_cents": body["amount_cents"]}, 201
        )

    return (Route("POST", "/v1/charges", charge),)
