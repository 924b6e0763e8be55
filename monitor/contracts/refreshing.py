"""A mock's document brought up to date: bodies, delays and statuses as the live ones are, all else
as it stands.
"""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from monitor.contracts.placeholders import Formats, fitted
from monitor.contracts.refs import resolve
from monitor.contracts.skeleton import Node
from monitor.contracts.stubs import Stub
from monitor.errors import ContractError
from monitor.model.pointers import unescaped


@dataclass(frozen=True, slots=True)
class Lived:
    """What is live where a stub stands: status and skeleton of the answers, and the median of
    their times where its delay drifts, in ms. `sample` is a body that somebody opted to use, None
    else.
    """

    status: int
    node: Node | None
    delay_ms: float | None
    formats: Formats
    sample: Any = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One place of the document that is another now; `what` is body, status or delay."""

    stub: str
    place: str
    what: str


def refreshed(
    kind: str, document: Mapping[str, Any], stubs: Sequence[Stub], lived: Mapping[str, Lived]
) -> tuple[dict[str, Any], list[Refreshed]]:
    """The document with what changed in it. Values of an example stay where the live ones are of
    their types; what is new is a placeholder, unless a sample is given.
    """
    fresh = deepcopy(dict(document))
    changes: list[Refreshed] = []
    for stub in stubs:
        live = lived.get(stub.name)
        if live is None:
            continue
        answer = "is" if kind == "mountebank" else "response"
        if live.status != stub.status:
            word = "statusCode" if kind == "mountebank" else "status"
            changes += _put(fresh, f"{stub.clause}/{answer}/{word}", live.status, stub, "status")
        if live.node is not None and stub.place and stub.node is not None:
            changes += _body(fresh, stub, live)
        if live.delay_ms is not None:
            changes += _delay(fresh, kind, stub, round(live.delay_ms))
    return fresh, changes


def _body(document: dict[str, Any], stub: Stub, live: Lived) -> list[Refreshed]:
    assert live.node is not None
    held = resolve(document, f"#{stub.place}", "")
    value = json.loads(held) if stub.as_text else held
    fresh = live.sample if live.sample is not None else fitted(value, live.node, live.formats)
    if fresh == value:
        return []
    text = json.dumps(fresh, ensure_ascii=False) if stub.as_text else fresh
    return _put(document, stub.place, text, stub, "body")


def _delay(document: dict[str, Any], kind: str, stub: Stub, milliseconds: int) -> list[Refreshed]:
    if kind == "mountebank":
        places = [f"{stub.clause}/behaviors", f"{stub.clause}/_behaviors"]
        for place in places:
            try:
                held = resolve(document, f"#{place}", "")
            except ContractError:
                continue
            listed = held if isinstance(held, list) else [held]
            for at, behavior in enumerate(listed):
                if isinstance(behavior, dict) and "wait" in behavior:
                    inner = f"{place}/{at}" if isinstance(held, list) else place
                    return _put(document, f"{inner}/wait", milliseconds, stub, "delay")
        return []
    place = f"{stub.clause}/response/fixedDelayMilliseconds"
    return _put(document, place, milliseconds, stub, "delay", only_there=True)


def _put(
    document: dict[str, Any],
    pointer: str,
    value: Any,
    stub: Stub,
    what: str,
    *,
    only_there: bool = False,
) -> list[Refreshed]:
    above, _, name = pointer.rpartition("/")
    owner = resolve(document, f"#{above}", "")
    key = unescaped(name)
    if not isinstance(owner, dict) or (only_there and key not in owner):
        return []
    owner[key] = value
    return [Refreshed(stub.name, pointer, what)]
