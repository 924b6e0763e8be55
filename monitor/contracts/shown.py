"""The examples that contracts show, literal ones only: calls in pacts, Spring contracts and stubs; messages in these and in AsyncAPI."""

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
    """One example: method, path, query, headers and body of the request, status, headers and body of the answer, as a pact names them."""

    name: str
    clause: str
    request: Mapping[str, Any]
    response: Mapping[str, Any]


def shown_in(kind: str, document: Mapping[str, Any]) -> Iterator[Shown]:
    """At most 2,000, in their order. Left out is what shows no literal path and no answer: patterns, templates, proxies, faults."""
    readers = {"pact": _pact, "spring-cloud-contract": _spring, "wiremock": _wiremock, "mountebank": _mountebank}
    found = readers[kind](document) if kind in readers else iter(())
    for count, one in enumerate(found):
        if count >= _MOST_EXAMPLES:
            return
        yield one


def messages_in(kind: str, document: Mapping[str, Any], promise: Promise) -> Iterator[tuple[str, str, str, Any]]:
    """Name, place, topic and payload of the messages that a document shows, at most 2,000; of those whose topic it tells, without parameters."""
    found = 0
    for message in promise.messages:
        if not message.topic or "{" in message.topic:
            continue
        try:
            held = resolve(dict(document), f"#{message.clause}", "")
        except ContractError:
            continue
        for place, payload in _payloads(kind, held):
            found += 1
            if found > _MOST_EXAMPLES:
                return
            yield message.name, f"{message.clause}{place}", message.topic, payload


def _payloads(kind: str, held: Any) -> Iterator[tuple[str, Any]]:
    if kind == "asyncapi":
        for at, one in enumerate(_list(held, "examples")):
            if isinstance(one, dict) and "payload" in one:
                yield f"/examples/{at}/payload", one["payload"]
        return
    word, inner = ("contents", "content") if kind == "pact" else ("outputMessage", "body")
    said = held.get(word) if isinstance(held, dict) else None
    if isinstance(said, dict) and inner in said and (kind != "pact" or "contentType" in said):
        yield f"/{word}/{inner}", said[inner]
    elif kind == "pact" and said is not None:
        yield f"/{word}", said


def _pact(document: Mapping[str, Any]) -> Iterator[Shown]:
    for index, one in enumerate(_list(document, "interactions")):
        if not isinstance(one, dict) or one.get("type", "Synchronous/HTTP") != "Synchronous/HTTP":
            continue
        if isinstance(one.get("request"), dict) and isinstance(one.get("response"), dict):
            yield Shown(str(one.get("description", "")), f"/interactions/{index}", one["request"], one["response"])


def _spring(document: Mapping[str, Any]) -> Iterator[Shown]:
    for one, clause in entries_of(dict(document), "contracts"):
        asked, answer = (one.get(word) if isinstance(one, dict) else None for word in ("request", "response"))
        if not isinstance(asked, dict) or not isinstance(answer, dict) or one.get("ignored") is True:
            continue
        path = _literal(asked, "urlPath", "url")
        matchers = asked.get("matchers")
        if path is None or (isinstance(matchers, dict) and "url" in matchers):
            continue
        path, _, query = path.partition("?")
        told = str(one.get("name") or one.get("description") or f"{asked.get('method', 'GET')} {path}")
        request = {**asked, "path": path, "query": asked.get("queryParameters") or query}
        yield Shown(told, clause, request, {**answer, "status": _status(answer.get("status"))})


def _wiremock(document: Mapping[str, Any]) -> Iterator[Shown]:
    for one, clause in entries_of(dict(document), "mappings"):
        asked, answer = (one.get(word) if isinstance(one, dict) else None for word in ("request", "response"))
        if not isinstance(asked, dict) or not isinstance(answer, dict):
            continue
        path = _literal(asked, "url", "urlPath")
        if path is None or any(
            answer.get(word) for word in ("proxyBaseUrl", "fault", "transformers", "bodyFileName", "base64Body")
        ):
            continue
        path, _, query = path.partition("?")
        queries = {name: held["equalTo"] for name, held in _dict(asked, "queryParameters").items() if _equal(held)}
        headers = {name: held["equalTo"] for name, held in _dict(asked, "headers").items() if _equal(held)}
        method = str(asked.get("method", "GET"))
        request = {
            "method": "GET" if method == "ANY" else method,
            "path": path,
            "query": queries or query,
            "headers": headers,
            "body": _asked_body(asked),
        }
        body = answer["jsonBody"] if "jsonBody" in answer else _json_or_text(answer.get("body"))
        told = str(one.get("name") or f"{method} {path}")
        yield Shown(
            told, clause, request, {"status": _status(answer.get("status")), "headers": answer.get("headers"), "body": body}
        )


def _mountebank(document: Mapping[str, Any]) -> Iterator[Shown]:
    for imposter, clause in entries_of(dict(document), "imposters"):
        for at, stub in enumerate(_list(imposter, "stubs")):
            equals = [
                held for one in _list(stub, "predicates") for word in ("equals", "deepEquals") if (held := _dict(one, word))
            ]
            asked: dict[str, Any] = {word: value for held in equals for word, value in held.items()}
            if not isinstance(asked.get("path"), str):
                continue
            for number, answer in enumerate(_list(stub, "responses")):
                said = _dict(answer, "is")
                if not said:
                    continue
                body = said.get("body")
                response = {
                    "status": _status(said.get("statusCode")),
                    "headers": said.get("headers"),
                    "body": _json_or_text(body),
                }
                request = {**asked, "body": _json_or_text(asked.get("body"))}
                told = f"{asked.get('method', 'GET')} {asked['path']}"
                yield Shown(told, f"{clause}/stubs/{at}/responses/{number}", request, response)


def _asked_body(asked: Mapping[str, Any]) -> Any:
    """The body that a stub asks for, where it asks for one as a whole."""
    for one in _list(asked, "bodyPatterns"):
        if isinstance(one, dict) and "equalToJson" in one and not one.get("ignoreExtraElements"):
            return _json_or_text(one["equalToJson"])
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


def _literal(asked: Mapping[str, Any], *words: str) -> str | None:
    found = next((asked[word] for word in words if isinstance(asked.get(word), str)), None)
    return None if found is None or "{{" in found else found


def _status(said: Any) -> int:
    return int(said) if str(said).isdecimal() and len(str(said)) == 3 else 200


def _equal(held: Any) -> bool:
    return isinstance(held, dict) and isinstance(held.get("equalTo"), str)


def _list(held: Any, word: str) -> list[Any]:
    found = held.get(word) if isinstance(held, dict) else None
    return found if isinstance(found, list) else []


def _dict(held: Any, word: str) -> dict[str, Any]:
    found = held.get(word) if isinstance(held, dict) else None
    return found if isinstance(found, dict) else {}
