"""Why nothing could be checked of calls, and what would help: sentences of the codes that checking
gives, for page, API and doctor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

NO_LOG = "no_log"
"""Calls of which no API log and no span with a payload tells: only their spans are there."""
NO_TOPIC = "topic_not_read"
"""Messages of which only spans tell: their topic is none of topics.messages."""
RECIPES = "pipelines/RECIPES.md"
_BODIES = f"let the log carry bodies ({RECIPES}: Envoy, APISIX, Kong, Collector), or take seamwatch.capture into the application"
_PUBLISH = "publish what the provider promises: `seamwatch contracts publish FILE --provider NAME`"
_READABLE = (
    "only JSON is judged, and what a contract's own format reads; nothing is lost but this check"
)

ADVICE: Mapping[str, tuple[str, str]] = {
    NO_LOG: ("spans tell of these calls, and no log with payloads does", _BODIES),
    NO_TOPIC: (
        "spans tell of these messages, and no record of theirs was read",
        "name the topic in topics.messages, or take seamwatch.capture into who sends or takes them",
    ),
    "no_contract": ("no contract names this provider, or none that is in force there", _PUBLISH),
    "unknown_callee": (
        "the log does not say who was called",
        "set topics.api_logs_callee, or let the log name the service or host",
    ),
    "contract_unreadable": (
        "the contract in force cannot be read any more",
        "publish it again; `seamwatch contracts check` says what is wrong",
    ),
    "no_body": ("the log tells of the call without its body", _BODIES),
    "truncated": (
        "the log cut the body",
        f"raise the limit of what writes the log (64 KB in {RECIPES})",
    ),
    "encoded": (
        "the body is compressed in a way that cannot be unpacked",
        "let the log hold gzip, deflate, br or zstd, or what was decoded",
    ),
    "redacted_bytes": (
        "something was written over in the bytes of a message, so that they are none",
        "let what masks write over whole fields, or take its marks out",
    ),
    "incremental": (
        "the answer comes in parts (@defer, @stream)",
        "nothing is to be checked; such answers are counted",
    ),
    "refused": (
        "the provider refused the query, and nobody knows who asked",
        "let the log tell the caller, or send traces with the call",
    ),
    "media_type": ("the body is no JSON by its media type", _READABLE),
    "too_large": (
        "the body is larger than what is judged",
        "nothing helps but smaller bodies; shapes of them (seamwatch.capture) are smaller",
    ),
    "too_deep": (
        "the body nests deeper, or would cost more, than what is judged",
        "a contract with fewer choices costs less",
    ),
    "undecidable": (
        "a clause cannot be judged, such as a pattern that does not compile",
        "`seamwatch contracts check` names the clause",
    ),
    "unforeseen": (
        "judging it failed in a way that nobody foresaw: an error of ours, and no word on the exchange",
        "report it with the contract; everything else is judged as ever",
    ),
    "parameter_unseen": (
        "a required parameter stands where the log does not show it",
        f"log the query and the headers ({RECIPES}), or take seamwatch.capture",
    ),
    "parameter_style": (
        "a parameter is written in a style that its contract does not tell how to read",
        _READABLE,
    ),
    "parameter_media_type": (
        "a parameter is a document of a media type that is not read",
        _READABLE,
    ),
    "query_too_large": (
        "the query has more parameters than are looked at",
        "nothing helps but shorter queries",
    ),
    "request_unseen": (
        "what the example asks of the request stands where the log does not show it",
        f"log the request's body and headers ({RECIPES}), or take seamwatch.capture",
    ),
    "headers_unseen": (
        "what the contract asks of the answer stands in headers that the log does not show",
        f"log the answer's headers, and `grpc-status` ({RECIPES}), or take seamwatch.capture",
    ),
    "undeclared_fields_only": (
        "no field of the message is declared",
        "look whether it is the right schema for this topic",
    ),
    "no_response": (
        "no answer came, or the caller left",
        "nothing is to be checked; such calls are counted as failures of the edge",
    ),
    "proxy_answer": (
        "a proxy made the answer itself",
        "nothing is to be checked; it is nobody's violation",
    ),
    "observed": (
        "it breaks a contract that is only observed",
        "accept what is known (`seamwatch broken`, `seamwatch accept`), then publish it with --as contract",
    ),
    "preflight": ("a browser asked what it may ask", "nothing is to be checked"),
    "not_offered": (
        "somebody asked for what the contract does not name, and was not served",
        "nothing is to be checked",
    ),
    "no_interaction": (
        "no example of the contract asks for this",
        "add an example, or publish an OpenAPI document, too",
    ),
    "no_message": (
        "no contract describes such a message: its headers or its schema speak of another one",
        "publish an AsyncAPI document, a schema or a message pact",
    ),
    "ambiguous_state": (
        "several examples fit, or one in a provider state, which no log shows",
        "make the examples' requests differ, and show what else the provider answers",
    ),
    "provider_failed": (
        "the call was not served for now (429, 502 to 504), and not as the contract says: gateways answer so",
        "nothing is to be checked; such calls are counted as failures of the edge",
    ),
    "ambiguous_request": (
        "it cannot be seen which example was asked for",
        f"log the request's body and headers ({RECIPES}), or take seamwatch.capture",
    ),
    "ambiguous_message": (
        "several messages of the contract fit",
        "name the message in a header, or make the schemas differ",
    ),
    "pending": (
        "the example is marked as not yet kept",
        "nothing, until the provider takes the mark away",
    ),
    "undocumented_status": (
        "the status is not listed, and nobody said that the list is whole",
        "list it, or say `x-seamwatch-statuses: complete`",
    ),
    "unknown_schema": (
        "the schema by which a message was written is not known",
        "publish it, or name the registry in the settings",
    ),
    "unknown_producer": (
        "nobody tells who sent the message",
        "send traces with the message, or name the producer in the settings",
    ),
    "unreadable_schema": (
        "the schema that the message names cannot be used, or is of another kind",
        "see in the registry what stands under its id",
    ),
    "schema_registry_failed": (
        "the schema registry did not answer",
        "see the registry's address in the settings, and whether it runs",
    ),
}
"""By the reason why something was not checked: why, and what would help."""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """One reason why `calls` of an edge were not checked, in words, and what would help."""

    reason: str
    calls: int
    why: str
    help: str


def unchecked(
    calls: int, checked: int, reasons: Mapping[str, int], protocol: str = "http"
) -> list[Unchecked]:
    """The reasons of one edge, the most frequent first. A database's calls have no payload that
    anybody promises: none is missed.
    """
    counts = {reason: count for reason, count in reasons.items() if count}
    silent = calls - checked - sum(counts.values())
    if silent > 0 and protocol != "db":
        counts[NO_TOPIC if protocol == "messaging" else NO_LOG] = silent
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Unchecked(reason, count, *ADVICE.get(reason, ("", ""))) for reason, count in ranked]
