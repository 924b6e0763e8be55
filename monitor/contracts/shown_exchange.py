"""An example of a contract as if it were an exchange."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from monitor.model.exchanges import Exchange


def example_exchange(request: Mapping[str, Any], response: Mapping[str, Any]) -> Exchange:
    """From its request and its answer, as a pact names their parts; its headers are not all."""
    asked, answered = _headers(request), _headers(response)
    status = response.get("status", 200)
    return Exchange(
        source_id="",
        partition=0,
        offset=0,
        index=0,
        end_ns=0,
        duration_ns=None,
        method=str(request.get("method", "GET")).upper(),
        path=str(request.get("path", "/")),
        route=str(request.get("path", "/")),  # so that one that is not documented has a name
        query=_query(request.get("query")),
        status=status if isinstance(status, int) else 200,
        caller="",
        caller_version="",
        callee="",
        callee_version="",
        callee_namespace="",
        environment="",
        trace_id=b"",
        span_id=b"",
        request_headers=asked,
        response_headers=answered,
        request_body=_body(request, asked),
        response_body=_body(response, answered),
        query_known=True,
        headers_whole=False,
    )


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    held = part.get("headers")
    pairs = held.items() if isinstance(held, dict) else ()
    return {
        str(name).lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in pairs
    }


def _body(part: Mapping[str, Any], headers: dict[str, str]) -> bytes | str | None:
    """The example's body, its media type told in the headers; None for what is no JSON. Of version
    4 the content stands one deeper.
    """
    body = part.get("body")
    if (
        isinstance(body, dict)
        and "content" in body
        and ("contentType" in body or "encoded" in body)
    ):
        headers.setdefault("content-type", str(body.get("contentType", "application/json")))
        body = _content(body)
    if body is None or isinstance(body, bytes):
        return body
    kind = headers.setdefault(
        "content-type", "application/json" if not isinstance(body, str) else "text/plain"
    )
    return body if isinstance(body, str) and "json" not in kind.lower() else json.dumps(body)


def _content(body: Mapping[str, Any]) -> Any:
    """A body's content since version 4; None for an encoding that is not known, and for what is
    no base64.
    """
    if body.get("encoded") in (None, False, "json", "JSON"):
        return body["content"]
    if str(body["encoded"]).lower() != "base64":
        return None
    try:
        return b64decode(str(body["content"]), validate=True)
    except ValueError:
        return None


def _query(query: object) -> str:
    if isinstance(query, dict):
        return urlencode(
            [
                (name, value)
                for name, values in query.items()
                for value in (values if isinstance(values, list) else [values])
            ]
        )
    return query if isinstance(query, str) else ""
