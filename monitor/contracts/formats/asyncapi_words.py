"""What single words of an AsyncAPI document mean: formats of schemas, topics, schemas as text."""

import json
import re
from collections.abc import Mapping
from typing import Any

from monitor.contracts.compiling import Draft
from monitor.contracts.formats.jsonschema import DRAFTS

_JSON_SCHEMA = re.compile(r"application/schema\+(?:json|yaml)(?:;version=(.*))?")
_DRAFTS: Mapping[str, Draft] = {
    "": "7",
    "draft-04": "4",
    "draft-06": "6",
    "draft-07": "7",
    "2019-09": "2019-09",
    "draft-2019-09": "2019-09",
    "2020-12": "2020-12",
    "draft-2020-12": "2020-12",
    **DRAFTS,
}


def draft_of(form: str, held: Any) -> Draft | None:
    """The draft of JSON Schema that a schema format means; None for another language."""
    plain = form.replace(" ", "").lower()
    if not plain or plain.startswith("application/vnd.aai.asyncapi"):
        dialect = held.get("$schema") if isinstance(held, dict) else None
        return _DRAFTS.get(str(dialect).rstrip("#"), "7") if dialect else "7"
    if plain.startswith("application/vnd.oai.openapi"):
        return "4" if "version=3.0" in plain or "version=" not in plain else "2020-12"
    match = _JSON_SCHEMA.fullmatch(plain)
    return (
        None
        if match is None
        else _DRAFTS.get((match[1] or "").removesuffix("/schema").rstrip("#"), "7")
    )


def topic_of(address: str, channel: Mapping[str, Any]) -> str:
    """A channel's topic: by its Kafka binding, else its address."""
    bindings = channel.get("bindings")
    kafka = bindings.get("kafka") if isinstance(bindings, dict) else None
    topic = kafka.get("topic") if isinstance(kafka, dict) else None
    return topic if isinstance(topic, str) and topic else address


def form_beside(message: Mapping[str, Any]) -> str:
    """The schema format that stands beside a payload's schema, as since 3.0."""
    payload = message.get("payload")
    form = payload.get("schemaFormat") if isinstance(payload, dict) else None
    return form if isinstance(form, str) else ""


def unfolded(held: Any) -> Any:
    """A schema that stands as text."""
    if not isinstance(held, str):
        return held
    try:
        return json.loads(held)
    except (ValueError, RecursionError):
        return held


def list_of(held: Any) -> list[Any]:
    return held if isinstance(held, list) else []
