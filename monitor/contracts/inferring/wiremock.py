"""What was seen of a provider's calls, as WireMock's stub mappings. https://wiremock.org/docs/stubbing/"""

import re
from collections.abc import Mapping
from typing import Any

from monitor.contracts.formats.naming import PENDING_WORD
from monitor.contracts.inferring.examples import NOTHING, answers, content_type, pending
from monitor.contracts.inferring.gathered import Seen
from monitor.contracts.inferring.paths import Route
from monitor.contracts.inferring.schemas import EVIDENCE, SURE

_LITERAL, _TEMPLATED = 5, 6
Document = dict[str, Any]


def wiremock_of(
    routes: Mapping[Route, Seen], delays: Mapping[Route, float], sure: float = SURE
) -> Document:
    """A stub for each kind of answer. Of stubs that fit the same calls the one that came last
    answers: that of the most frequent answer. `delays`: medians in ms.
    """
    mappings: list[Document] = []
    for (method, path), seen in routes.items():
        templated = "{" in path
        # a literal `urlPath` means one request, whose answer's values count
        url = {"urlPathTemplate": path} if templated else {"urlPathPattern": re.escape(path)}
        for answer in answers(method, seen, sure):
            response: Document = {"status": answer.status}
            headers = content_type(answer)
            if headers:
                response["headers"] = headers
            if answer.body is not NOTHING:
                response["jsonBody"] = answer.body
            delay = delays.get((method, path))
            if delay:
                response["fixedDelayMilliseconds"] = round(delay)
            mappings.append(
                {
                    "name": f"{method} {path} answered {answer.status}",
                    "priority": _TEMPLATED if templated else _LITERAL,
                    "request": {"method": method, **url},
                    "response": response,
                    "metadata": {EVIDENCE: {"calls": answer.calls}}
                    | ({PENDING_WORD: True} if pending(seen, sure) else {}),
                }
            )
    return {"mappings": mappings}
