"""What the shop consists of: services, their versions at the start, and who stands outside."""

from dataclasses import dataclass
from typing import Literal

ENVIRONMENT = "production"
NAMESPACE = "shop"
BANK_HOST = "api.ledgerbank.example"
ORDERS_TOPIC = "shop.orders"
"""The queue between `orders` and `fulfilment`."""

Conventions = Literal["http", ""]
"""OTEL_SEMCONV_STABILITY_OPT_IN of a service: stable HTTP conventions, or the old ones."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service, the versions that are live when the shop opens with their share of the calls, and
    how it is traced.

    `host` is the name its callers use. A service outside the shop (`traced` false) writes no
    telemetry at all.
    """

    name: str
    versions: tuple[tuple[str, float], ...]
    conventions: Conventions = "http"
    traced: bool = True
    host: str = ""

    @property
    def address(self) -> str:
        """The host name in its callers' URLs."""
        return self.host or self.name


SERVICES: tuple[Service, ...] = (
    Service("web", (("5.2.0", 1.0),)),
    Service("catalog", (("1.0.3", 1.0),), conventions=""),
    Service("inventory", (("0.8.4", 1.0),)),
    Service("search", (("3.2.0", 1.0),)),
    Service("cart", (("2.1.0", 1.0),), conventions=""),
    Service("pricing", (("1.7.0", 1.0),)),
    Service("checkout", (("1.4.2", 0.5), ("1.5.0", 0.5))),
    Service("payment", (("1.9.2", 1.0),)),
    Service("orders", (("4.0.1", 1.0),)),
    Service("fulfilment", (("1.1.0", 1.0),)),
    Service("shipping", (("2.2.0", 1.0),), conventions=""),
    Service("bank", (("2026-03", 1.0),), traced=False, host=BANK_HOST),
)


def service(name: str) -> Service:
    """The service of that name; KeyError when the shop has none."""
    for candidate in SERVICES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
