"""What was seen of a provider's calls, as an imposter of Mountebank.
https://www.mbtest.dev/docs/api/contracts
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from monitor.contracts.formats.naming import PENDING_WORD
from monitor.contracts.inferring.examples import NOTHING, Answer, answers, content_type, pending
from monitor.contracts.inferring.gathered import Seen
from monitor.contracts.inferring.paths import Route
from monitor.contracts.inferring.schemas import SURE

_PARAMETER = re.compile(r"\\\{[^{}]*\\\}")
_MOST_REPEATED = 100
Document = dict[str, Any]


def mountebank_of(
    title: str, routes: Mapping[Route, Seen], delays: Mapping[Route, float], sure: float = SURE
) -> Document:
    """One stub for each route, which gives its kinds of answers in turns, each about as often as
    it was seen. Paths without a placeholder come first. `delays`: medians in ms.
    """
    stubs = []
    for (method, path), seen in sorted(routes.items(), key=lambda item: "{" in item[0][1]):
        shown = list(answers(method, seen, sure))[::-1]
        fewest = max(1, min((answer.calls for answer in shown), default=1))
        delay = delays.get((method, path))
        stubs.append(
            {
                "predicates": [
                    {"equals": {"method": method}},
                    {"matches": {"path": pattern_of(path)}},
                ],
                "responses": [_response(answer, fewest, delay) for answer in shown],
                **({PENDING_WORD: True} if pending(seen, sure) else {}),
            }
        )
    return {"imposters": [{"protocol": "http", "name": title, "stubs": stubs}]}


def pattern_of(path: str) -> str:
    """A regular expression of the paths that a template means."""
    return f"^{_PARAMETER.sub('[^/]+', re.escape(path))}$"


def _response(answer: Answer, fewest: int, delay: float | None) -> Document:
    held: Document = {"statusCode": answer.status}
    headers = content_type(answer)
    if headers:
        held["headers"] = headers
    if answer.body is not NOTHING:
        held["body"] = orjson.dumps(answer.body).decode()
    response: Document = {"is": held}
    repeated = min(_MOST_REPEATED, answer.calls // fewest)
    if repeated > 1:
        response["repeat"] = repeated
    if delay:
        response["behaviors"] = [{"wait": round(delay)}]
    return response
