"""One JSON Schema, bound by its own `x-seamwatch` keyword to an operation and a side, into the
intermediate form.
"""

import re
from functools import partial
from typing import Any

from monitor.contracts.circles import too_much_work
from monitor.contracts.compiling import Draft
from monitor.contracts.form import Body, Message, Operation, Promise, by_example
from monitor.contracts.formats.payload_schemas import json_judge, of_schema
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.refs import survey
from monitor.contracts.routes import Router
from monitor.contracts.schemas import Schemas
from monitor.contracts.work import allowed_depth
from monitor.errors import ContractError
from monitor.model.contracts import FORMATS

BINDING = "x-seamwatch"
MAY_BE_TEXT = "x-seamwatch-may-be-text"
"""At a media type of JSON in OpenAPI, or at a schema's root, with the value true: what bears it may
be no JSON, or hold a key twice, which neither has a word for.
"""
_STATUS = re.compile(r"[1-5]\d\d|[1-5][xX]{2}|default")
DRAFTS: dict[str, Draft] = {
    "http://json-schema.org/draft-04/schema": "4",
    "http://json-schema.org/draft-06/schema": "6",
    "http://json-schema.org/draft-07/schema": "7",
    "https://json-schema.org/draft/2019-09/schema": "2019-09",
    "https://json-schema.org/draft/2020-12/schema": "2020-12",
}


def read_jsonschema(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of one schema: `"x-seamwatch": {"operation": "POST /pay", "side": "response",
    "status": "2XX"}`.

    `status` is for responses and may be left out: then every status below 400. `except` lists paths
    that the operation's template fits, too, and that are others. `$schema` picks the
    draft (2020-12 when absent). Raises ContractError, saying where.
    """
    survey(document, where, limits)
    topic = _topic(document, where)
    method, route, side, status = ("", "", "", None) if topic else _binding(document, where)
    depth = allowed_depth(document, limits.work)
    if depth < 1:
        raise too_much_work(document, where, limits)
    schema = Schemas(
        {name: value for name, value in document.items() if name != "$id"},
        _draft(document, where),
        where=where,
        limits=limits,
    ).lazily("")
    may_be_text = document.get(MAY_BE_TEXT) is True
    if topic:
        title = document.get("title")
        judge = json_judge(schema, "application/json", "", depth, may_be_text=may_be_text)
        name = title if isinstance(title, str) and title else topic
        message = Message(
            name,
            "",
            (judge,),
            topic=topic,
            media="application/json",
            own=False,
            says=partial(of_schema, schema),
            schema=schema,
        )
        return by_example((), (message,), of_messages=(schema,))
    body = Body(
        required=True,
        media={"*/*": schema},
        clause="",
        texts=frozenset(["*/*"] if may_be_text else []),
    )
    router: Router[Operation] = Router()
    responses = (
        dict.fromkeys(("1XX", "2XX", "3XX") if status is None else (status,), body)
        if side == "response"
        else {}
    )
    operation = Operation(
        method, route, (), body if side == "request" else None, responses, "", open=True
    )
    router.add(method, route, operation)
    for other in _others(document, where):
        router.add(method, other, None)
    return Promise(router, whole=False, depth=depth)


def _others(document: dict[str, Any], where: str) -> list[str]:
    """Paths that fit the template and are not bound."""
    listed = document[BINDING].get("except", [])
    if not isinstance(listed, list) or not all(
        isinstance(path, str) and path.startswith("/") for path in listed
    ):
        raise ContractError(f"{where}: {BINDING}.except is no list of paths", f"/{BINDING}/except")
    return listed


_SAID = frozenset(
    (
        "$schema $id $ref $defs definitions type properties patternProperties additionalProperties "
        "required items prefixItems enum const allOf anyOf oneOf not if title description"
    ).split()
)
"""A root without any of these is hardly a schema of JSON."""


def _topic(document: dict[str, Any], where: str) -> str:
    """The topic whose records a schema describes: `"x-seamwatch": {"topic": "orders"}`."""
    bound = document.get(BINDING)
    topic = bound.get("topic", "") if isinstance(bound, dict) else ""
    if not isinstance(topic, str):
        raise ContractError(f"{where}: {BINDING}.topic is no text", f"/{BINDING}/topic")
    return topic


def _draft(document: dict[str, Any], where: str) -> Draft:
    dialect = document.get("$schema", "https://json-schema.org/draft/2020-12/schema")
    draft = DRAFTS.get(dialect.rstrip("#")) if isinstance(dialect, str) else None
    if draft is None:
        raise ContractError(
            f"{where}: the draft {str(dialect)[:80]!r} is not offered; use one of {', '.join(DRAFTS)}"
        )
    return draft


def _binding(document: dict[str, Any], where: str) -> tuple[str, str, str, str | None]:
    bound = document.get(BINDING)
    how = f'say "{BINDING}": {{"operation": "POST /path", "side": "request" or "response"}}, or {{"topic": "orders"}}, at the schema\'s root'
    if not isinstance(bound, dict):
        if BINDING not in document and _SAID.isdisjoint(document):
            raise ContractError(
                f"{where}: this is none of the documents that are read ({', '.join(FORMATS)}): "
                "nothing at its root says so"
            )
        raise ContractError(f"{where}: the schema is bound to no operation; {how}")
    method, _, route = str(bound.get("operation", "")).partition(" ")
    if not method.isalpha() or not route.startswith("/"):
        raise ContractError(f"{where}: {BINDING}.operation is no METHOD /path; {how}")
    side = bound.get("side")
    if side not in ("request", "response"):
        raise ContractError(f"{where}: {BINDING}.side is neither request nor response; {how}")
    status = bound.get("status")
    if status is not None and not _STATUS.fullmatch(str(status)):
        raise ContractError(
            f"{where}: {BINDING}.status is neither a status, a range such as 2XX nor default"
        )
    text = None if status is None else str(status)
    return method.upper(), route, side, text if text in (None, "default") else str(text).upper()
