"""What the stubs of a mock answer, as their document tells it: status, body and delay, and where
the body stands.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.contracts.form import Delay, Interaction, Promise
from monitor.contracts.matching.answers import is_templated
from monitor.contracts.refs import resolve
from monitor.contracts.skeleton import Node, Skeleton
from monitor.errors import ContractError

FORMATS = frozenset({"pact", "spring-cloud-contract", "wiremock", "mountebank"})
_STATUSES = {"mountebank": "statusCode"}


@dataclass(frozen=True, slots=True)
class Stub:
    """One stub. `node` is the skeleton of the body that it answers; None where it shows none that
    can be told: text, a file, a template.

    `place` is the pointer to the body in the document, "" where there is none; `as_text`: it
    stands there as a text that holds JSON. `method` and `path` are what it asks for, "" where a
    pattern does.
    """

    name: str
    clause: str
    method: str
    path: str
    status: int
    node: Node | None
    place: str
    as_text: bool
    delay: Delay | None
    pending: bool = False


def stubs_of(kind: str, document: Mapping[str, Any], promise: Promise) -> list[Stub]:
    """The stubs of a document, in its order; nothing of a format that is no mock's."""
    if kind not in FORMATS:
        return []
    return [_stub(kind, document, interaction) for interaction in promise.interactions]


def asked(interaction: Interaction) -> tuple[str, str]:
    """Method and path that an example shows, "" each where it shows none."""
    if interaction.asks:
        method, _, path = interaction.asks.partition(" ")
        return method, path
    methods = interaction.methods or frozenset()
    return "".join(methods) if len(methods) == 1 else "", interaction.path or ""


def _stub(kind: str, document: Mapping[str, Any], interaction: Interaction) -> Stub:
    answer, at = _answer(kind, document, interaction.clause)
    status = answer.get(_STATUSES.get(kind, "status"), 200)
    word, value, as_text = _body(kind, answer)
    method, path = asked(interaction)
    return Stub(
        interaction.name,
        interaction.clause,
        method,
        path,
        int(status) if str(status).isdecimal() and len(str(status)) == 3 else 200,
        None if value is _NONE else Skeleton(value, marked=False).node,
        f"{at}/{word}" if word else "",
        as_text,
        interaction.delay,
        interaction.pending,
    )


_NONE = object()


def _answer(kind: str, document: Mapping[str, Any], clause: str) -> tuple[Mapping[str, Any], str]:
    word = "is" if kind == "mountebank" else "response"
    try:
        held = resolve(dict(document), f"#{clause}/{word}", "")
    except ContractError:
        return {}, ""
    return (held, f"{clause}/{word}") if isinstance(held, dict) else ({}, "")


def _body(kind: str, answer: Mapping[str, Any]) -> tuple[str, Any, bool]:
    """Where in an answer its body stands, the body as JSON, and whether it stands there as a
    text.
    """
    word = "jsonBody" if kind == "wiremock" and "jsonBody" in answer else "body"
    if word not in answer or answer.get("_mode") == "binary":
        return "", _NONE, False
    value = answer[word]
    wrapped = kind == "pact" and isinstance(value, dict) and "content" in value
    if wrapped and ("contentType" in value or "encoded" in value):
        if value.get("encoded") not in (None, False, "json", "JSON"):
            return "", _NONE, False
        word, value = "body/content", value["content"]
    if value is None and word != "jsonBody":
        return "", _NONE, False
    if not isinstance(value, str):
        return word, value, False
    if word == "jsonBody":
        return word, value, False
    try:
        return word, json.loads(value), True
    except (ValueError, RecursionError):
        text = kind != "pact" and is_templated(value)
        return word if text else "", _NONE, True
