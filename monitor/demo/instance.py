"""One instance of one service: its FastAPI application, traced and logged, served from an
inherited socket until the parent says stop.
"""

import asyncio
import random
import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI
from opentelemetry import trace

from monitor.demo import backoffice, storefront
from monitor.demo.api_log import ApiLog, ApiLogMiddleware
from monitor.demo.child import follow_parent, say
from monitor.demo.database import Database
from monitor.demo.kafka_client import KafkaSink
from monitor.demo.order_queue import OrderConsumer, OrderQueue
from monitor.demo.peers import Peers
from monitor.demo.routing import Means, Route
from monitor.demo.settings import InstanceSettings
from monitor.demo.tracing import trace_app, trace_client, trace_instance

ROUTES: Mapping[str, Callable[[Means], tuple[Route, ...]]] = {
    "web": storefront.web,
    "catalog": storefront.catalog,
    "inventory": storefront.inventory,
    "search": storefront.search,
    "cart": storefront.cart,
    "pricing": storefront.pricing,
    "checkout": backoffice.checkout,
    "payment": backoffice.payment,
    "orders": backoffice.orders,
    "fulfilment": backoffice.fulfilment,
    "shipping": backoffice.shipping,
    "bank": backoffice.bank,
}


def build_app(settings: InstanceSettings, means: Means, log: ApiLog | None) -> FastAPI:
    """The service's FastAPI application, without documentation routes."""
    app = FastAPI(title=settings.service, version=settings.version, openapi_url=None)
    for route in ROUTES[settings.service](means):
        app.add_api_route(route.path, route.handler, methods=[route.method], response_model=None)
    if log is not None:
        app.add_middleware(ApiLogMiddleware, log=log)
    return app


async def serve(settings: InstanceSettings) -> None:
    """Serve until the parent says stop; flushes spans, logs and queue before it returns."""
    sink = KafkaSink(settings.bootstrap, settings.kafka_options)
    provider = trace_instance(settings, sink) if settings.traced else None
    log = ApiLog(settings, sink) if settings.traced else None
    peers = Peers(settings, log)
    chance = random.Random(settings.seed)
    means = Means(
        settings.version,
        peers,
        chance,
        Database(f"{settings.service}-db", provider),
        OrderQueue(sink, provider),
    )
    app = build_app(settings, means, log)
    if provider is not None:
        trace.set_tracer_provider(provider)
        trace_app(app, provider)
        trace_client(peers.client, provider)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            timeout_keep_alive=120,
        )
    )

    def rerouted(message: Mapping[str, Any]) -> None:
        peers.transport.routes = message["routes"]

    def ended() -> None:
        server.should_exit = True

    await follow_parent(rerouted, ended)
    consumer = None
    if settings.service == "fulfilment":

        async def ship(order: Mapping[str, object]) -> bool:
            return (await peers.post("http://shipping/shipments", order)).good

        consumer = OrderConsumer(
            settings.bootstrap, settings.kafka_options, provider, ship, asyncio.get_running_loop()
        )
    listener = socket.socket(fileno=settings.listener)
    say("ready")
    await server._serve([listener])  # noqa: SLF001 - serve() would take the signals that belong to the parent
    if consumer is not None:
        await asyncio.to_thread(consumer.close)
    await peers.client.aclose()
    if provider is not None:
        await asyncio.to_thread(provider.shutdown)
    await asyncio.to_thread(sink.close, 2.0)
    say(f"lost {sink.losses.refused + sink.losses.failed}")
