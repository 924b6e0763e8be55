"""What one consumer was seen to receive of a provider, as a pact of version 4, the first that has
pending interactions. https://github.com/pact-foundation/pact-specification/tree/version-4
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.contracts.inferring.examples import NOTHING, Answer, answers, content_type, pending
from monitor.contracts.inferring.gathered import Seen
from monitor.contracts.inferring.mountebank import pattern_of
from monitor.contracts.inferring.paths import Route
from monitor.contracts.inferring.schemas import SURE

_PARAMETER = re.compile(r"\{[^{}]*\}")
_TYPE = {"matchers": [{"match": "type"}], "combine": "AND"}
MOST_QUERIES = 8
"""Of one operation: a pact says of each parameter whether it is there, so that each set of them is
a request of its own.
"""
Document = dict[str, Any]


def pact_of(
    consumer: str, provider: str, routes: Mapping[Route, Seen], sure: float = SURE
) -> Document:
    """An interaction for each kind of request and answer. Answers are asked for their types, and
    for the fields that surely are in each. What too few calls showed is pending.
    """
    interactions = [
        {
            "type": "Synchronous/HTTP",
            "description": f"{method} {path}{_named(names)} answered {answer.status}{_typed(answer)}",
            "request": _request(method, path, names),
            "response": _response(answer),
            **({"pending": True} if pending(seen, sure) else {}),
        }
        for (method, path), seen in routes.items()
        for names in _queries(seen)
        for answer in answers(method, seen, sure)
    ]
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": interactions,
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def _queries(seen: Seen) -> Iterator[tuple[str, ...]]:
    sets = [names for names, _ in seen.query.names.most_common(MOST_QUERIES)]
    yield from sets or [()]


def _named(names: tuple[str, ...]) -> str:
    return f" with {', '.join(names)}" if names else ""


def _typed(answer: Answer) -> str:
    return f" as {answer.media}" if answer.media else ""


def _request(method: str, path: str, names: tuple[str, ...]) -> Document:
    request: Document = {"method": method, "path": _PARAMETER.sub("1", path)}
    rules: Document = {}
    if "{" in path:
        matcher = {"match": "regex", "regex": pattern_of(path)}
        rules["path"] = {"matchers": [matcher], "combine": "AND"}
    if names:
        request["query"] = {name: ["1"] for name in names}
        rules["query"] = dict.fromkeys(names, _TYPE)
    return request | ({"matchingRules": rules} if rules else {})


def _response(answer: Answer) -> Document:
    response: Document = {"status": answer.status}
    headers = content_type(answer)
    if headers:
        response["headers"] = {name: [text] for name, text in headers.items()}
    if answer.body is not NOTHING:
        response["body"] = {
            "content": answer.body,
            "contentType": headers["Content-Type"],
            "contentTypeHint": "TEXT",
            "encoded": False,
        }
        response["matchingRules"] = {"body": {"$": _TYPE}}
    return response
