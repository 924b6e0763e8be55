"""Payloads of two versions of a service whose schema is the same: with a change of meaning that was
planted, or with nothing but what drifts anyhow.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.contracts.marks import MARKED, SEPARATOR, SQUARES
from monitor.contracts.skeleton import Skeleton
from monitor.joining.meaning import marked_of, sketches_of
from monitor.joining.shaping import sampled_one_in
from monitor.model.meaning import Place, Sketch

START = datetime(2026, 11, 1, tzinfo=UTC)
OPERATION = Place("GET /orders", 200, "response", "")
_CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK")
_STATES = ("open", "paid", "shipped", "cancelled", "returned")
_NAMES = (
    "Ada Bob Cleo Dan Eve Fay Gus Hal Ivy Jon Kim Lea Max Noa Ola Pia Quinn Ron Sue Tom".split()
)


@dataclass(frozen=True)
class Caller:
    """One caller's share of the calls, and what its payloads are like."""

    name: str
    share: float
    price: float
    empty: float
    no_note: float


@dataclass(frozen=True)
class Traffic:
    """How the payloads of one version are drawn: one in `pace` s, their ids `step` apart."""

    callers: tuple[Caller, ...]
    currencies: tuple[float, ...]
    states: tuple[float, ...]
    customers: int = 40
    prices: float = 1.0
    first_id: int = 100_000
    step: int = 1
    pace: float = 1.0
    hour: float = 10.0
    wave: float = 0.0
    weekend: float = 0.1
    spread: float = 0.8
    change: Callable[[dict[str, Any], random.Random], None] | None = None


def drawn(draw: random.Random) -> Traffic:
    """A service of its own: other callers, prices, mixes."""
    names = ["web", "ios", "android", "partner", "batch"][: draw.randrange(2, 6)]
    callers = tuple(
        Caller(
            name,
            0.1 + draw.random(),
            10 ** draw.uniform(0.5, 3.0),
            draw.uniform(0.0, 0.25),
            draw.uniform(0.1, 0.7),
        )
        for name in names
    )
    return Traffic(
        callers,
        _mix(draw, len(_CURRENCIES)),
        _mix(draw, len(_STATES)),
        customers=draw.choice([5, 40, 3_000]),
        first_id=draw.choice([900, 120_000, 8_000_000]),
        hour=draw.uniform(0, 24),
        spread=draw.uniform(0.3, 1.2),
    )


def _mix(draw: random.Random, size: int) -> tuple[float, ...]:
    weights = [draw.random() ** 2 + 0.02 for _ in range(size)]
    return tuple(weight / sum(weights) for weight in weights)


def sketches(traffic: Traffic, count: int, draw: random.Random) -> list[Sketch]:
    """So many payloads, as sketches by caller: marked as live traffic is, all at first and then
    ever fewer, which stand for more.
    """
    counted: dict[tuple[str, datetime], Counter[str]] = {}
    marked = 0
    shares = [caller.share for caller in traffic.callers]
    for number in range(count):
        caller = draw.choices(traffic.callers, shares)[0]
        now = START + timedelta(hours=traffic.hour, seconds=number * traffic.pace)
        payload = _payload(traffic, caller, number, now, draw)
        if traffic.change is not None:
            traffic.change(payload, draw)
        share = sampled_one_in(marked)
        if draw.randrange(share):
            continue
        marked += 1
        marks = Skeleton(payload, at=now.timestamp()).marks
        assert marks is not None
        hour = now.replace(minute=0, second=0, microsecond=0)
        by_key = counted.setdefault((caller.name, hour), Counter())
        by_key.update({f"{place}{SEPARATOR}{mark}": share for place, mark in marks})
        by_key.update({f"{SEPARATOR}{MARKED}": 1, f"{SEPARATOR}{SQUARES}": share**2})
    rows = [
        {"partner": name, "hour": hour, "marks": keys} for (name, hour), keys in counted.items()
    ]
    return sketches_of([it for row in rows if (it := marked_of(row))], at_once=False)


def _payload(
    traffic: Traffic, caller: Caller, number: int, now: datetime, draw: random.Random
) -> dict[str, Any]:
    """A page of orders."""
    wave = 1.0 + traffic.wave * (1 if 6 <= traffic.hour % 24 < 18 else -1)
    price = caller.price * traffic.prices * wave

    def amount() -> float:
        return round(price * draw.lognormvariate(0, traffic.spread), 2)

    total = amount()
    count = 0 if draw.random() < caller.empty * wave else 1 + int(draw.expovariate(0.3))
    customer = int(traffic.customers * draw.random() ** 2)
    currency = draw.choices(_CURRENCIES, traffic.currencies)[0]
    age = timedelta(seconds=draw.expovariate(1 / 3.0))
    made = now - timedelta(days=draw.expovariate(1 / 40))
    return {
        "id": f"{draw.getrandbits(32):08x}-{draw.getrandbits(16):04x}-4000-8000-{draw.getrandbits(48):012x}",
        "number": traffic.first_id + number * traffic.step,
        "at": _time(now - age),
        "made": _time(made),
        "page": 1 + int(draw.expovariate(0.9)),
        "total": int(total) if currency == "JPY" else total,
        "discount": 0 if draw.random() < 0.6 else -amount() / 10,
        "currency": currency,
        "state": draw.choices(_STATES, traffic.states)[0],
        "weight_g": 1 + int(draw.lognormvariate(6, 1)),
        "note": None if draw.random() < caller.no_note else "left at the door",
        "customer": {
            "key": 1_000 + customer,
            "name": _NAMES[customer % len(_NAMES)],
            "country": draw.choices(("DE", "US", "FR", "JP"), (5, 3, 1, 1))[0],
            "vip": draw.random() < 0.2,
        },
        "lines": [
            {"sku": f"{'ABCDEF'[draw.randrange(6)]}-{draw.randrange(9000)}", "qty": 1 + int(draw.expovariate(1)), "price": amount()}
            for _ in range(count)
        ],
    }  # fmt: skip


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


Change = Callable[[dict[str, Any], random.Random], None]


@dataclass(frozen=True)
class Planted:
    """A change of meaning: how payloads change, and at which pointers it may be told."""

    make: Callable[[random.Random], Change]
    pointers: frozenset[str] = field(default_factory=frozenset)


def _cents(_draw: random.Random) -> Change:
    def change(payload: dict[str, Any], _: random.Random) -> None:
        payload["total"] = round(payload["total"] * 100)

    return change


def _local(draw: random.Random) -> Change:
    hours, named = draw.choice([1, 2, 5, 8]), draw.random() < 0.5

    def change(payload: dict[str, Any], _: random.Random) -> None:
        moment = datetime.fromisoformat(payload["at"]) + timedelta(hours=hours)
        payload["at"] = _time(moment) if named else _time(moment)[:-1]

    return change


def _swapped(_draw: random.Random) -> Change:
    names = dict(zip(_STATES, (*_STATES[1:], _STATES[0]), strict=True))

    def change(payload: dict[str, Any], _: random.Random) -> None:
        payload["state"] = names[payload["state"]]

    return change


def _renamed(draw: random.Random) -> Change:
    state = draw.choice(_STATES)

    def change(payload: dict[str, Any], _: random.Random) -> None:
        if payload["state"] == state:
            payload["state"] = f"{state}_now"

    return change


def _emptied(draw: random.Random) -> Change:
    share = draw.uniform(0.5, 1.0)

    def change(payload: dict[str, Any], one: random.Random) -> None:
        if one.random() < share:
            payload["lines"] = []

    return change


def _truncated(draw: random.Random) -> Change:
    if draw.random() < 0.5:

        def money(payload: dict[str, Any], _: random.Random) -> None:
            payload["total"] = float(int(payload["total"]))

        return money

    def time(payload: dict[str, Any], _: random.Random) -> None:
        payload["at"] = f"{payload['at'][:19]}.000Z"

    return time


def _negated(_draw: random.Random) -> Change:
    def change(payload: dict[str, Any], _: random.Random) -> None:
        payload["total"] = -payload["total"]

    return change


def _unit(_draw: random.Random) -> Change:
    def change(payload: dict[str, Any], _: random.Random) -> None:
        payload["weight_g"] = payload["weight_g"] / 1000

    return change


def _id_format(draw: random.Random) -> Change:
    numbers = draw.random() < 0.5

    def change(payload: dict[str, Any], one: random.Random) -> None:
        payload["id"] = f"{one.randrange(10**9)}" if numbers else payload["id"].replace("-", "")

    return change


def _default(draw: random.Random) -> Change:
    share, what = draw.uniform(0.6, 1.0), draw.randrange(3)

    def change(payload: dict[str, Any], one: random.Random) -> None:
        if one.random() >= share:
            return
        if what == 0:
            payload["total"] = 0
        elif what == 1:
            payload["note"] = ""
        else:
            payload["customer"]["country"] = "XX"

    return change


def _off_by_one(_draw: random.Random) -> Change:
    def change(payload: dict[str, Any], _: random.Random) -> None:
        payload["page"] -= 1

    return change


PLANTED: Mapping[str, Planted] = {
    "cents for dollars": Planted(_cents, frozenset({"/total"})),
    "local for UTC": Planted(_local, frozenset({"/at"})),
    "swapped enum": Planted(_swapped, frozenset({"/state"})),
    "renamed enum": Planted(_renamed, frozenset({"/state"})),
    "emptied list": Planted(_emptied, frozenset({"/lines"})),
    "truncated precision": Planted(_truncated, frozenset({"/total", "/at"})),
    "changed sign": Planted(_negated, frozenset({"/total"})),
    "unit": Planted(_unit, frozenset({"/weight_g"})),
    "id format": Planted(_id_format, frozenset({"/id"})),
    "default instead of value": Planted(
        _default, frozenset({"/total", "/note", "/customer/country"})
    ),
    "off-by-one page": Planted(_off_by_one, frozenset({"/page"})),
}


def _other_callers(traffic: Traffic, draw: random.Random) -> Traffic:
    callers = [replace(it, share=0.1 + 2 * draw.random()) for it in traffic.callers]
    new = Caller(
        "new", 0.5 + draw.random(), 10 ** draw.uniform(0.5, 3), draw.random(), draw.random()
    )
    return replace(traffic, callers=(*callers, new))


def _other_currencies(traffic: Traffic, draw: random.Random) -> Traffic:
    shift = _mix(draw, len(_CURRENCIES))
    mixed = tuple(
        0.75 * old + 0.25 * new for old, new in zip(traffic.currencies, shift, strict=True)
    )
    return replace(traffic, currencies=mixed)


def _counting(traffic: Traffic, draw: random.Random) -> Traffic:
    """Ids go on from where the old version's ended, to ten or twenty times as many in a day."""
    begun = traffic.first_id + 2_000
    step = 1 + int(begun * draw.uniform(9.0, 19.0)) // 2_000
    return replace(traffic, first_id=begun, step=step, pace=60.0)


COUNTER = "counter over a cut-over"
HARMLESS: Mapping[str, Callable[[Traffic, random.Random], Traffic]] = {
    "nothing": lambda traffic, _: traffic,
    "traffic mix": _other_callers,
    "daily wave": lambda traffic, draw: replace(
        traffic, hour=traffic.hour + 12, wave=draw.uniform(0, 0.3)
    ),
    "new customers": lambda traffic, draw: replace(
        traffic, customers=int(traffic.customers * draw.uniform(1.0, 1.6)) + 1
    ),
    "growing ids": lambda traffic, draw: replace(
        traffic, first_id=int(traffic.first_id * draw.uniform(1.0, 3.0))
    ),
    COUNTER: _counting,
    "currency mix": _other_currencies,
    "seasonal prices": lambda traffic, draw: replace(traffic, prices=draw.uniform(0.7, 1.5)),
}


def all_drift(traffic: Traffic, draw: random.Random) -> Traffic:
    """Everything that is harmless, at once; of the two ways in which ids grow one."""
    for name, drift in HARMLESS.items():
        traffic = traffic if name == COUNTER else drift(traffic, draw)
    return traffic
