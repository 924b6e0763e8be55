"""The examples that contracts show, literal ones only: calls in pacts, Spring contracts and stubs;
messages in these and in AsyncAPI.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.contracts.form import Promise
from monitor.contracts.formats.naming import entries_of
from monitor.contracts.refs import resolve
from monitor.errors import ContractError

FORMATS = frozenset({"pact", "spring-cloud-contract", "wiremock", "mountebank"})
OF_MESSAGES = frozenset({"pact", "spring-cloud-contract", "asyncapi"})
_MOST_EXAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One example: method, path, query, headers and body of the request, status, headers and body
    of the answer, as a pact names them.
    """

    name: str
    clause: str
    request: Mapping[str, Any]
    response: Mapping[str, Any]


def shown_in(kind: str, document: Mapping[str, Any]) -> Iterator[Shown]:
    """At most 2,000, in their order. Left out is what shows no literal path and no answer:
    patterns, templates, proxies, faults.
    """
    readers = {
        "pact": _pact,
        "spring-cloud-contract": _spring,
        "wiremock": _wiremock,
        "mountebank": _mountebank,
    }
    examples = readers[kind](document) if kind in readers else iter(())
    for count, example in enumerate(examples):
        if count >= _MOST_EXAMPLES:
            return
        yield example


def messages_in(
    kind: str, document: Mapping[str, Any], promise: Promise, *, topicless: bool = False
) -> Iterator[tuple[str, str, str, Any]]:
    """Name, place, topic and payload of the messages that a document shows, at most 2,000; of
    those whose topic it tells, without parameters, or of all.
    """
    count = 0
    for message in promise.messages:
        if not topicless and (not message.topic or "{" in message.topic):
            continue
        try:
            shown = resolve(dict(document), f"#{message.clause}", "")
        except ContractError:
            continue
        for place, payload in _payloads(kind, shown):
            count += 1
            if count > _MOST_EXAMPLES:
                return
            yield message.name, f"{message.clause}{place}", message.topic, payload


def _payloads(kind: str, message: Any) -> Iterator[tuple[str, Any]]:
    if kind == "asyncapi":
        for at, example in enumerate(_list(message, "examples")):
            if isinstance(example, dict) and "payload" in example:
                yield f"/examples/{at}/payload", example["payload"]
        return
    word, inner = ("contents", "content") if kind == "pact" else ("outputMessage", "body")
    contents = message.get(word) if isinstance(message, dict) else None
    if (
        isinstance(contents, dict)
        and inner in contents
        and (kind != "pact" or "contentType" in contents)
    ):
        yield f"/{word}/{inner}", contents[inner]
    elif kind == "pact" and contents is not None:
        yield f"/{word}", contents


def _pact(document: Mapping[str, Any]) -> Iterator[Shown]:
    for index, interaction in enumerate(_list(document, "interactions")):
        if (
            not isinstance(interaction, dict)
            or interaction.get("type", "Synchronous/HTTP") != "Synchronous/HTTP"
        ):
            continue
        if isinstance(interaction.get("request"), dict) and isinstance(
            interaction.get("response"), dict
        ):
            yield Shown(
                str(interaction.get("description", "")),
                f"/interactions/{index}",
                interaction["request"],
                interaction["response"],
            )


def _spring(document: Mapping[str, Any]) -> Iterator[Shown]:
    for contract, clause in entries_of(dict(document), "contracts"):
        request_part, answer = (
            contract.get(word) if isinstance(contract, dict) else None
            for word in ("request", "response")
        )
        if (
            not isinstance(request_part, dict)
            or not isinstance(answer, dict)
            or contract.get("ignored") is True
        ):
            continue
        path = _literal(request_part, "urlPath", "url")
        matchers = request_part.get("matchers")
        if path is None or (isinstance(matchers, dict) and "url" in matchers):
            continue
        path, _, query = path.partition("?")
        title = str(
            contract.get("name")
            or contract.get("description")
            or f"{request_part.get('method', 'GET')} {path}"
        )
        request = {
            **request_part,
            "path": path,
            "query": request_part.get("queryParameters") or query,
        }
        yield Shown(title, clause, request, {**answer, "status": _status(answer.get("status"))})


def _wiremock(document: Mapping[str, Any]) -> Iterator[Shown]:
    for mapping, clause in entries_of(dict(document), "mappings"):
        stub_request, answer = (
            mapping.get(word) if isinstance(mapping, dict) else None
            for word in ("request", "response")
        )
        if not isinstance(stub_request, dict) or not isinstance(answer, dict):
            continue
        path = _literal(stub_request, "url", "urlPath")
        if path is None or any(
            answer.get(word)
            for word in ("proxyBaseUrl", "fault", "transformers", "bodyFileName", "base64Body")
        ):
            continue
        path, _, query = path.partition("?")
        queries = {
            name: matcher["equalTo"]
            for name, matcher in _dict(stub_request, "queryParameters").items()
            if _equal(matcher)
        }
        headers = {
            name: matcher["equalTo"]
            for name, matcher in _dict(stub_request, "headers").items()
            if _equal(matcher)
        }
        method = str(stub_request.get("method", "GET"))
        request = {
            "method": "GET" if method == "ANY" else method,
            "path": path,
            "query": queries or query,
            "headers": headers,
            "body": _asked_body(stub_request),
        }
        body = answer["jsonBody"] if "jsonBody" in answer else _json_or_text(answer.get("body"))
        title = str(mapping.get("name") or f"{method} {path}")
        yield Shown(
            title,
            clause,
            request,
            {
                "status": _status(answer.get("status")),
                "headers": answer.get("headers"),
                "body": body,
            },
        )


def _mountebank(document: Mapping[str, Any]) -> Iterator[Shown]:
    for imposter, clause in entries_of(dict(document), "imposters"):
        for at, stub in enumerate(_list(imposter, "stubs")):
            equals = [
                equal_fields
                for predicate in _list(stub, "predicates")
                for word in ("equals", "deepEquals")
                if (equal_fields := _dict(predicate, word))
            ]
            stub_request: dict[str, Any] = {
                word: value for fields in equals for word, value in fields.items()
            }
            if not isinstance(stub_request.get("path"), str):
                continue
            for number, answer in enumerate(_list(stub, "responses")):
                fields = _dict(answer, "is")
                if not fields:
                    continue
                body = fields.get("body")
                response = {
                    "status": _status(fields.get("statusCode")),
                    "headers": fields.get("headers"),
                    "body": _json_or_text(body),
                }
                request = {**stub_request, "body": _json_or_text(stub_request.get("body"))}
                title = f"{stub_request.get('method', 'GET')} {stub_request['path']}"
                yield Shown(title, f"{clause}/stubs/{at}/responses/{number}", request, response)


def _asked_body(request: Mapping[str, Any]) -> Any:
    """The body that a stub asks for, where it asks for one as a whole."""
    for pattern in _list(request, "bodyPatterns"):
        if (
            isinstance(pattern, dict)
            and "equalToJson" in pattern
            and not pattern.get("ignoreExtraElements")
        ):
            return _json_or_text(pattern["equalToJson"])
    return None


def _json_or_text(body: Any) -> Any:
    """A body in JSON as what it stands for; None for a template."""
    if not isinstance(body, str):
        return body
    if "{{" in body or "${json-unit" in body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _literal(request: Mapping[str, Any], *words: str) -> str | None:
    text = next((request[word] for word in words if isinstance(request.get(word), str)), None)
    return None if text is None or "{{" in text else text


def _status(value: Any) -> int:
    return int(value) if str(value).isdecimal() and len(str(value)) == 3 else 200


def _equal(held: Any) -> bool:
    return isinstance(held, dict) and isinstance(held.get("equalTo"), str)


def _list(owner: Any, word: str) -> list[Any]:
    value = owner.get(word) if isinstance(owner, dict) else None
    return value if isinstance(value, list) else []


def _dict(owner: Any, word: str) -> dict[str, Any]:
    value = owner.get(word) if isinstance(owner, dict) else None
    return value if isinstance(value, dict) else {}
