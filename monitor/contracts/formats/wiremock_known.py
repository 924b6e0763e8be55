"""Whether a document is of WireMock: by the words that nothing else has."""

from collections.abc import Mapping
from typing import Any

CREDENTIALS = ("basicAuth", "basicAuthCredentials")
URLS = ("url", "urlPattern", "urlPath", "urlPathPattern", "urlPathTemplate")
_OWN = frozenset(
    {
        *URLS[1:],
        *(
            "bodyPatterns",
            "pathParameters",
            "formParameters",
            "customMatcher",
            *CREDENTIALS,
        ),
    }
)
_OF_ANSWERS = frozenset(
    {
        *(
            "jsonBody",
            "base64Body",
            "bodyFileName",
            "statusMessage",
            "fixedDelayMilliseconds",
            "delayDistribution",
            "transformers",
        ),
        *("fault", "proxyBaseUrl", "chunkedDribbleDelay", "additionalProxyRequestHeaders"),
    }
)
_OF_MAPPINGS = frozenset(
    {
        "uuid",
        "scenarioName",
        "requiredScenarioState",
        "newScenarioState",
        "persistent",
        "postServeActions",
        "serveEventListeners",
        "insertionIndex",
    }
)


def is_wiremock(document: Mapping[str, Any]) -> bool:
    """Whether a document is a stub mapping, or holds several; one of messages, too."""
    if answers_messages(document) or isinstance(document.get("messageMappings"), list):
        return True
    mappings = document.get("mappings")
    if isinstance(mappings, list):
        return all(
            isinstance(mapping, dict) and isinstance(mapping.get("request"), dict)
            for mapping in mappings[:20]
        )
    request, answer = document.get("request"), document.get("response")
    return (
        isinstance(request, dict)
        and isinstance(answer, dict)
        and (speaks_wiremock(document) or not {"method", *URLS}.isdisjoint(request))
    )


def answers_messages(entry: Any) -> bool:
    """Whether a stub answers messages of a WebSocket, as newer versions of WireMock have it."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("trigger"), dict)
        and isinstance(entry.get("actions"), list)
    )


def speaks_wiremock(document: Mapping[str, Any]) -> bool:
    """Whether one mapping uses a word that only WireMock has."""
    request, answer = document.get("request"), document.get("response")
    if not isinstance(request, dict) or not isinstance(answer, dict):
        return False
    if isinstance(request.get("matchers"), dict) or isinstance(answer.get("matchers"), dict):
        return False
    places = [request.get(word) for word in ("headers", "queryParameters", "cookies")]
    matched = any(
        isinstance(matcher, dict)
        for matchers in places
        if isinstance(matchers, dict)
        for matcher in matchers.values()
    )
    return bool(
        _OWN & request.keys()
        or _OF_ANSWERS & answer.keys()
        or _OF_MAPPINGS & document.keys()
        or matched
    )
