"""One live exchange against the stubs of a mock: which of them it asks for, and whether the real
answer is like theirs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from monitor.contracts.broken import Broken
from monitor.contracts.form import Interaction, Promise
from monitor.contracts.interactions import answered, fitting
from monitor.contracts.limits import PAYLOAD_LIMITS, PayloadLimits
from monitor.contracts.matching.call import Call, plain_path
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.routes import Router
from monitor.contracts.skeleton import TYPES, Node
from monitor.contracts.stubs import asked
from monitor.model.exchanges import CLIENT_LEFT, Shown
from monitor.model.operations import template_path
from monitor.model.pointers import escaped

Met = Literal["predicate", "perhaps", "operation", ""]
"""Why a stub stands for an exchange: its predicates fit; they may, but the log does not show enough
to tell; they do not, but it asks for the same operation; no stub does.
"""
Differing = tuple[str, str, str, str]
"""What a real answer has otherwise: code, pointer, what the mock has there, what the real one has."""
_MOST_ROUTES = 4_096
_NAMED = re.compile(r"\{[^{}]*\}")
# told by the skeletons, or no drift at all: a mock's values are examples
_OF_BODIES = frozenset(
    "status equality type missing_key unexpected_key missing_item unexpected_item missing_body unexpected_body array_length".split()
)


@dataclass(frozen=True, slots=True)
class Meeting:
    """The stub that stands for an exchange, "" for none, and what its matchers say of the real
    answer. `shown` is open where a log does not show enough of the answer.
    """

    interaction: str
    met: Met
    shown: Shown
    broken: Sequence[Broken] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a live body is not as the stub's. `gone`: the stub shows it and the live one
    lacks it; `more`: the live one has it besides; `type`: it is of another type. `seen`: no
    difference, the place could be looked at.
    """

    code: Literal["gone", "more", "type", "seen"]
    pointer: str
    expected: str = ""
    actual: str = ""


class Mock:
    """The stubs of one revision, asked about exchanges. Not thread-safe: it remembers routes."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._by_route: dict[tuple[str, str], list[Interaction]] = {}
        self._asked = [(*asked(stub), stub) for stub in promise.interactions]

    def meeting(
        self, call: Call, route: str, limits: PayloadLimits = PAYLOAD_LIMITS
    ) -> Meeting | None:
        """What an exchange shows of the stubs; None where nobody answered it.

        Of several whose predicates fit, the one that the real answer comes nearest to. `route` is
        the operation's, without its method.
        """
        exchange = call.exchange
        if exchange.status in (0, CLIENT_LEFT) or exchange.proxy_answer:
            return None
        candidates = fitting(call, self._promise)
        met: Met = "predicate"
        if not candidates:
            method = exchange.method.upper()
            candidates = [(stub, "") for stub in self._of_route(method, route)]
            met = "operation" if candidates else ""
        if not candidates:
            return Meeting("", "", "open")
        stub, unseen, mismatches = min(
            ((stub, unseen, answered(stub, call, limits)) for stub, unseen in candidates),
            key=lambda told: (bool(told[1]), told[2].wrong_status, len(told[2].broken)),
        )
        if unseen:
            return Meeting(stub.name, "perhaps", "open")
        return Meeting(stub.name, met, _shown(mismatches), _by_matchers(mismatches))

    def _of_route(self, method: str, route: str) -> list[Interaction]:
        """The stubs that ask for an operation, whatever else they ask for."""
        key = (method, route)
        stubs = self._by_route.get(key)
        if stubs is None:
            if len(self._by_route) >= _MOST_ROUTES:
                self._by_route.clear()
            stubs = self._by_route[key] = [
                stub for verb, path, stub in self._asked if asks_for(verb, path, method, route)
            ]
        return stubs


def asks_for(verb: str, path: str, method: str, route: str) -> bool:
    """Whether a stub for this verb and path, each "" where it says none, is one of an operation."""
    return bool(path) and verb in ("", method) and of_route(path, route)


def of_route(path: str, route: str) -> bool:
    """Whether a stub's path, or its template, is one of a route's."""
    plain = plain_path(path)
    unnamed = _NAMED.sub("{}", route).rstrip("/")
    if _NAMED.sub("{}", template_path(plain)).rstrip("/") == unnamed:
        return True
    router = _routed(route)
    return router is not None and router.match("GET", plain) is not None


@lru_cache(maxsize=_MOST_ROUTES)
def _routed(route: str) -> Router[str] | None:
    if not route.startswith("/"):
        return None
    router: Router[str] = Router()
    router.add("GET", route, route)
    return router


def _shown(mismatches: Mismatches) -> Shown:
    if mismatches:
        return "broken"
    return "open" if mismatches.open else "kept"


def _by_matchers(mismatches: Mismatches) -> list[Broken]:
    """What matchers break, besides fields and types, which the skeletons tell better."""
    if mismatches.wrong_status:
        return []
    return [
        broken
        for broken in mismatches.broken
        if broken.rule not in _OF_BODIES
        and (broken.rule != "header" or broken.pointer == "/headers/content-type")
    ]


def differences(stub: Node, live: Node, at: str = "") -> Iterator[Difference]:
    """Where a live body is not like the stub's, each place once; `seen` where it could be looked
    at. Nothing below what is of another type, or masked.
    """
    if "x" in live or "z" in live or not stub or not live:
        return
    wanted, actual = types_of(stub), types_of(live)
    other = sorted(actual - wanted)
    if other:
        yield Difference("type", at, "|".join(sorted(wanted)), "|".join(other))
    yield Difference("seen", at)
    if "o" in stub and "o" in live:
        yield from _fields(stub, live, at)
    for word in "ma":
        if stub.get(word) and live.get(word):
            yield from differences(stub[word], live[word], f"{at}/*")


def _fields(stub: Node, live: Node, at: str) -> Iterator[Difference]:
    named, seldom = live["o"], live.get("q", ())
    free = bool(live.get("m"))  # keys that are data: any of them may be meant
    for name, node in stub["o"].items():
        place = f"{at}/{escaped(name)}"
        if name not in named:
            if not free and name not in stub.get("q", ()):
                yield Difference("gone", place, "|".join(sorted(types_of(node))), "absent")
                yield Difference("seen", place)
            continue
        if name in seldom and name not in stub.get("q", ()):
            yield Difference("gone", place, "|".join(sorted(types_of(node))), "absent in some")
        yield from differences(node, named[name], place)
    if not stub.get("m"):
        for name, node in named.items():
            if name not in stub["o"]:
                yield Difference(
                    "more", f"{at}/{escaped(name)}", "absent", "|".join(sorted(types_of(node)))
                )


def types_of(node: Node) -> set[str]:
    """The JSON types that stand at a place."""
    types = {word for sign, word in TYPES.items() if sign in node}
    return types | {TYPES["o"]} if "m" in node else types


def by_place(
    counts: Mapping[Differing, int], versions: Mapping[tuple[str, ...], set[str]]
) -> dict[Differing, tuple[int, set[str]]]:
    """What differs, how often and of which versions. A field beside the matchers is one, whatever
    types it had: text in some answers and null in the others is there in all.
    """
    types: dict[str, set[str]] = {}
    for code, pointer, _, actual in counts:
        if code == "more":
            types.setdefault(pointer, set()).update(actual.split("|"))
    merged: dict[Differing, tuple[int, set[str]]] = {}
    for key, count in counts.items():
        code, pointer, expected, actual = key
        told = "|".join(sorted(types[pointer])) if code == "more" else actual
        held, of = merged.get((code, pointer, expected, told), (0, set()))
        merged[code, pointer, expected, told] = (held + count, of | versions[key])
    return merged
