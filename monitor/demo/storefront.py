"""What customers look at: web, catalog, inventory, search, cart and pricing."""

from fastapi import Request, Response

from monitor.demo.routing import Means, Route, broken, reply, sent

CURRENCY = "EUR"


def price_of(sku: str) -> float:
    """The price of a product, in euros."""
    return 5.0 + int(sku.rpartition("-")[2]) * 2 + 0.5


def web(means: Means) -> tuple[Route, ...]:
    """The front: every entry of the shop."""
    peers = means.peers

    async def product_page(request: Request) -> Response:
        answer = await peers.get(f"http://catalog/products/{request.path_params['sku']}")
        return reply({"product": answer.body}) if answer.good else broken("catalog", answer)

    async def search_page(request: Request) -> Response:
        answer = await peers.get(
            f"http://search/search?q={request.query_params.get('q', 'tools')}"
        )
        return reply({"results": answer.body["hits"]}) if answer.good else broken("search", answer)

    async def add_to_cart(request: Request) -> Response:
        body = await sent(request)
        answer = await peers.post(
            f"http://cart/carts/{body['cart_id']}/items",
            {"sku": body["sku"], "quantity": body["quantity"]},
        )
        return reply(answer.body, 201) if answer.good else broken("cart", answer)

    async def check_out(request: Request) -> Response:
        answer = await peers.post("http://checkout/checkouts", await sent(request))
        return reply(answer.body, 201) if answer.good else broken("checkout", answer)

    async def order_page(request: Request) -> Response:
        answer = await peers.get(f"http://orders/orders/{request.path_params['order_id']}")
        return reply(answer.body) if answer.good else broken("orders", answer)

    return (
        Route("GET", "/products/{sku}", product_page),
        Route("GET", "/search", search_page),
        Route("POST", "/cart", add_to_cart),
        Route("POST", "/checkout", check_out),
        Route("GET", "/orders/{order_id}", order_page),
    )


def catalog(means: Means) -> tuple[Route, ...]:
    """Products, from the database, with what is in stock."""

    async def product(request: Request) -> Response:
        row = means.database.product(request.path_params["sku"])
        if row is None:
            return reply({"error": {"code": "not_found", "message": "no such product"}}, 404)
        sku, name, category, grams = row
        stock = await means.peers.get(f"http://inventory/stock/{sku}")
        available = bool(stock.good and stock.body["available"] > 0)
        return reply(
            {
                "sku": sku,
                "name": name,
                "category": category,
                "weight_grams": grams,
                "in_stock": available,
            }
        )

    return (Route("GET", "/products/{sku}", product),)


def inventory(means: Means) -> tuple[Route, ...]:
    """What is in stock."""

    async def stock(request: Request) -> Response:
        await means.work(2)
        return reply(
            {
                "sku": request.path_params["sku"],
                "available": means.chance.randint(1, 80),
                "warehouse": "north",
            }
        )

    return (Route("GET", "/stock/{sku}", stock),)


def search(means: Means) -> tuple[Route, ...]:
    """Finding products."""

    async def find(request: Request) -> Response:
        await means.work(6)
        hits = [
            {"sku": sku, "name": name, "score": round(means.chance.random(), 3)}
            for sku, name in means.database.search(request.query_params["q"])
        ]
        return reply({"query": request.query_params["q"], "hits": hits, "total": len(hits)})

    return (Route("GET", "/search", find),)


def cart(means: Means) -> tuple[Route, ...]:
    """Carts: a line is priced when it is added."""

    async def add(request: Request) -> Response:
        body = await sent(request)
        price = await means.peers.get(f"http://pricing/prices/{body['sku']}")
        if not price.good:
            return broken("pricing", price)
        amount = price.body["amount"]
        line = {"sku": body["sku"], "quantity": body["quantity"], "amount": amount}
        total = round(amount * body["quantity"], 2)
        return reply(
            {
                "cart_id": request.path_params["cart_id"],
                "lines": [line],
                "total": total,
                "currency": CURRENCY,
            },
            201,
        )

    return (Route("POST", "/carts/{cart_id}/items", add),)


def pricing(means: Means) -> tuple[Route, ...]:
    """Prices."""

    async def price(request: Request) -> Response:
        await means.work(1.5)
        sku = request.path_params["sku"]
        return reply({"sku": sku, "amount": price_of(sku), "currency": CURRENCY, "tax_rate": 0.19})

    return (Route("GET", "/prices/{sku}", price),)
