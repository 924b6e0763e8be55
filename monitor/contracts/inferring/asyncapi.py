"""What a provider was seen to send to topics, as an AsyncAPI document.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import re
from collections.abc import Mapping
from typing import Any

from monitor.contracts.formats.jsonschema import MAY_BE_TEXT
from monitor.contracts.inferring.gathered import JSON, Seen, as_told, may_be_text
from monitor.contracts.inferring.schemas import SURE, whole_schema
from monitor.contracts.payloads import is_json_type

_SIGNS = re.compile(r"[^A-Za-z0-9_-]+")
Document = dict[str, Any]


def asyncapi_of(title: str, topics: Mapping[str, Seen], sure: float = SURE) -> Document:
    """A channel and an operation that sends for each topic, with a message for each content that
    it held.
    """
    channels: Document = {}
    operations: Document = {}
    for topic, seen in sorted(topics.items()):
        messages: Document = {}
        for media, side in as_told(seen.requests):
            message: Document = {"contentType": media}
            if is_json_type(media) and side.held.payloads > side.empty:
                message["payload"] = whole_schema(side.held, side.marks, side.unseen, sure)
                if may_be_text(side, sure):
                    message[MAY_BE_TEXT] = True
            messages[_free(media, messages)] = message
        if not messages:
            continue
        name = _free(topic, channels)
        channels[name] = {"address": topic, "messages": messages}
        operations[f"send_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "0"},
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
    }


def _free(text: str, taken: Document) -> str:
    """A key for what has this name; names that differ in signs alone have two."""
    key = _SIGNS.sub("-", text).strip("-") or "unnamed"
    while key in taken:
        key += "_"
    return key
