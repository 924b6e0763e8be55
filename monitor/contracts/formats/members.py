"""The members that documents of examples and messages have by their formats: which are read, and
why the others are not judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = "this format does not know this member here, and it is not judged"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object: members that are judged or ask for nothing, those that are not judged
    and why, and the kinds of what stands below: "kind", "[kind]" of a list, "{kind}" of a map.

    `answers`: it is a stub's canned answer. `open`: its other members are anybody's. `unless`:
    objects that are not looked at.
    """

    read: str = ""
    aside: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    answers: bool = False
    open: bool = False
    unless: Callable[[Mapping[str, Any]], bool] | None = None

    def why(self, member: str) -> str:
        """Why a member is not judged; "" for one that is."""
        if member in self.aside:
            return self.aside[member]
        is_read = self.open or member in self.inner or f" {member} " in f" {self.read} "
        return "" if is_read or member.startswith(("x-", "_", "$")) else UNKNOWN


_PACT_SIDE = "headers matchingRules generators contents metadata metaData pluginConfiguration"
_PACT: Mapping[str, Kind] = {
    "document": Kind(
        "consumer provider metadata createdAt links",
        inner={"interactions": "[interaction]", "messages": "[interaction]"},
    ),
    "interaction": Kind(
        "description providerState provider_state providerStates type key comments pending "
        "transport interactionMarkup pluginConfiguration contents metadata metaData generators "
        "matchingRules",
        inner={"request": "request", "response": "[response]"},
    ),
    "request": Kind(f"method path query body {_PACT_SIDE}"),
    "response": Kind(f"status body {_PACT_SIDE}"),
}

_AFTER = "what a stub does beside answering is not judged"
_PHRASE = "logs do not tell the words beside a status, and they are not judged"
_MATCHED = "method url urlPath urlPattern urlPathPattern urlPathTemplate host headers cookies"
_WIREMOCK_STUB = Kind(
    "id uuid name priority scenarioName requiredScenarioState newScenarioState persistent "
    "metadata insertionIndex",
    aside=dict.fromkeys(("postServeActions", "serveEventListeners"), _AFTER),
    inner={"request": "request", "response": "response"},
)
_WIREMOCK: Mapping[str, Kind] = {
    "document": Kind(
        f"{_WIREMOCK_STUB.read} meta importOptions",
        aside=_WIREMOCK_STUB.aside,
        inner={**_WIREMOCK_STUB.inner, "mappings": "[stub]"},
    ),
    "stub": _WIREMOCK_STUB,
    "request": Kind(
        f"{_MATCHED} pathParameters queryParameters formParameters multipartPatterns "
        "bodyPatterns basicAuth basicAuthCredentials customMatcher scheme port clientIp",
    ),
    "response": Kind(
        "status headers body jsonBody base64Body bodyFileName fixedDelayMilliseconds "
        "delayDistribution chunkedDribbleDelay fault proxyBaseUrl transformers "
        "transformerParameters additionalProxyRequestHeaders removeProxyRequestHeaders "
        "proxyUrlPrefixToRemove fromConfiguredStub",
        aside={"statusMessage": _PHRASE},
        answers=True,
    ),
}

_OF_NO_HTTP = {"http", "https"}
_IMPOSTER = Kind(
    "protocol port name host recordRequests numberOfRequests requests recordMatches allowCORS "
    "key cert mutualAuth rejectUnauthorized ciphers schema strict stubs defaultResponse",
    aside={"endOfRequestResolver": "code of its own is not judged"},
    inner={"stubs": "[stub]"},
    unless=lambda node: "imposters" not in node and node.get("protocol") not in _OF_NO_HTTP,
)
_MOUNTEBANK: Mapping[str, Kind] = {
    "document": Kind(
        _IMPOSTER.read,
        aside=_IMPOSTER.aside,
        inner={"imposters": "[imposter]", "stubs": "[stub]"},
        unless=_IMPOSTER.unless,
    ),
    "imposter": _IMPOSTER,
    "stub": Kind("matches", inner={"predicates": "[predicate]", "responses": "[answer]"}),
    "predicate": Kind(
        "equals deepEquals contains startsWith endsWith matches exists inject caseSensitive "
        "keyCaseSensitive except jsonpath xpath",
        inner={"not": "predicate", "and": "[predicate]", "or": "[predicate]"},
    ),
    "answer": Kind(
        "proxy inject fault repeat",
        inner={"is": "is", "behaviors": "[behavior]", "_behaviors": "[behavior]"},
    ),
    "is": Kind("statusCode headers body _mode", answers=True),
    "behavior": Kind("wait repeat copy lookup decorate shellTransform"),
}

_ASSERTS = "a method of the provider's tests is not judged"
_SPRING_CONTRACT = Kind(
    "name description label ignored inProgress priority metadata",
    inner={
        "request": "request",
        "response": "response",
        "input": "input",
        "outputMessage": "output",
    },
)
_SPRING_BODY = "headers cookies body bodyFromFile bodyFromFileAsBytes bodyMatchers headersMatchers"
_SPRING: Mapping[str, Kind] = {
    "document": Kind(
        _SPRING_CONTRACT.read, inner={**_SPRING_CONTRACT.inner, "contracts": "[contract]"}
    ),
    "contract": _SPRING_CONTRACT,
    "request": Kind(
        f"method url urlPath queryParameters multipart {_SPRING_BODY}",
        inner={"matchers": "request matchers"},
    ),
    "request matchers": Kind("url queryParameters headers cookies body multipart"),
    "response": Kind(
        f"status async fixedDelayMilliseconds {_SPRING_BODY}",
        aside={"cookies": "cookies that an answer sets are not judged"},
        inner={"matchers": "response matchers"},
        answers=True,
    ),
    "response matchers": Kind(
        "headers cookies body", aside={"cookies": "cookies that an answer sets are not judged"}
    ),
    "input": Kind(
        "messageFrom messageHeaders messageBody messageBodyFromFile messageBodyFromFileAsBytes "
        "triggeredBy",
        aside={"assertThat": _ASSERTS},
        inner={"matchers": "response matchers"},
    ),
    "output": Kind(
        "sentTo headers body bodyFromFile bodyFromFileAsBytes bodyMatchers headersMatchers",
        aside={"assertThat": _ASSERTS},
        inner={"matchers": "response matchers"},
    ),
}

_CREDENTIALS = "credentials of a broker are in no record, and are not judged"
_BINDING = "settings of a broker's client are in no record, and are not judged"
_OF_CHANNELS = "settings of a topic are in no record, and are not judged"
_ADDRESSED = "what a parameter of a channel's address may be is not judged"
_TEXTS = "title summary description tags externalDocs"
_ASYNCAPI: Mapping[str, Kind] = {
    "document": Kind(
        "asyncapi id info defaultContentType tags externalDocs components servers",
        inner={"channels": "{channel}", "operations": "{operation}"},
    ),
    "channel": Kind(
        f"address servers {_TEXTS}",
        aside={"parameters": _ADDRESSED},
        inner={
            "messages": "{message}",
            "subscribe": "operation",
            "publish": "operation",
            "bindings": "channel bindings",
        },
    ),
    "channel bindings": Kind(open=True, inner={"kafka": "kafka channel"}),
    "kafka channel": Kind(
        "topic bindingVersion",
        aside=dict.fromkeys(("partitions", "replicas", "topicConfiguration"), _OF_CHANNELS),
    ),
    "operation": Kind(
        f"action channel operationId messages {_TEXTS}",
        aside={"security": _CREDENTIALS, "bindings": _BINDING, "reply": ""},
        inner={"message": "message", "traits": "[operation]"},
    ),
    "message": Kind(
        f"headers payload schemaFormat contentType name messageId correlationId examples {_TEXTS}",
        inner={"oneOf": "[message]", "traits": "[message]", "bindings": "message bindings"},
    ),
    "message bindings": Kind(open=True, inner={"kafka": "kafka message"}),
    "kafka message": Kind(
        "bindingVersion",
        aside={
            "key": "the keys of records are not judged",
            **dict.fromkeys(
                ("schemaIdLocation", "schemaIdPayloadEncoding", "schemaLookupStrategy"),
                "how records are framed is told by the records themselves, not by this",
            ),
        },
    ),
}

GRAMMARS: Mapping[str, Mapping[str, Kind]] = {
    "pact": _PACT,
    "wiremock": _WIREMOCK,
    "mountebank": _MOUNTEBANK,
    "spring-cloud-contract": _SPRING,
    "asyncapi": _ASYNCAPI,
}
"""By format and kind of object; "document" is what stands at the top."""
