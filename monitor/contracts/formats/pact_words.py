"""What a pact's documents tell in several forms: queries, provider states, metadata, contents."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from monitor.contracts.queries import query_pairs
from monitor.errors import ContractError

_VERSION = re.compile(r"[1-4](?:\.\d+)?")


def is_pact(document: Mapping[str, Any]) -> bool:
    """Whether a document is a pact: it names two parties, and what they exchange."""
    parties = isinstance(document.get("consumer"), dict) and isinstance(
        document.get("provider"), dict
    )
    return parties and (
        isinstance(document.get("interactions"), list)
        or isinstance(document.get("messages"), list)
    )


def version_of(document: Mapping[str, Any]) -> str:
    """The version that a pact says to be written in, its first two numbers; "2" where it does not
    say.
    """
    value = document.get("metadata")
    metadata = value if isinstance(value, dict) else {}
    specifications = [metadata.get(word) for word in ("pactSpecification", "pact-specification")]
    versions = [
        specification.get("version")
        for specification in specifications
        if isinstance(specification, dict)
    ]
    for version in (*versions, metadata.get("pactSpecificationVersion")):
        match = _VERSION.match(str(version))
        if match is not None:
            return match[0]
    return "2"


def freed_by_rules(message: Mapping[str, Any]) -> set[str]:
    """The metadata whose values a rule frees: they tell no message from another."""
    matching = message.get("matchingRules")
    rules = matching.get("metadata") if isinstance(matching, dict) else None
    return {str(word).strip("$.[]'\"") for word in rules} if isinstance(rules, dict) else set()


def media_of(held: Mapping[str, Any]) -> str:
    """The content type among a side's headers, "" where there is none."""
    headers = held.get("headers")
    return told_as(headers, "content-type") if isinstance(headers, dict) else ""


def told_as(metadata: Mapping[str, Any], *names: str) -> str:
    """A member's text under any of these names, in any case; "" where there is none."""
    for name, value in metadata.items():
        if name.lower() in {label.lower() for label in names}:
            return str(value[0] if isinstance(value, list) and value else value)
    return ""


def query_of(query: Any) -> dict[str, list[str]]:
    """A query as text (versions 1 and 2) or by name."""
    by_name: dict[str, list[str]] = {}
    if isinstance(query, str):
        for name, value in query_pairs(query) or ():
            by_name.setdefault(name, []).append(unquote_plus(value))
    elif isinstance(query, dict):
        for name, value in query.items():
            by_name[name] = [
                "" if item is None else str(item)
                for item in (value if isinstance(value, list) else [value])
            ]
    return by_name


def states_of(entry: Mapping[str, Any]) -> Iterator[str]:
    """Provider states by their names and the names of their parameters; the values may be
    anybody's data.
    """
    states = entry.get("providerStates")
    for state in states if isinstance(states, list) else ():
        name = state.get("name") if isinstance(state, dict) else state
        if name:
            parameters = state.get("params") if isinstance(state, dict) else None
            yield (
                f"{name} {sorted(parameters.items(), key=str)}"
                if isinstance(parameters, dict) and parameters
                else str(name)
            )
    if not isinstance(states, list):
        text = entry.get("providerState", entry.get("provider_state"))
        if isinstance(text, str) and text:
            yield text


def name_of(entry: Mapping[str, Any], states: Sequence[str]) -> str:
    """An interaction's name, with the states that it is in."""
    described = str(entry.get("description") or "an interaction").strip()
    given = " and ".join(state.partition(" [(")[0] for state in states)
    return f"{described} given {given}" if given else described


def content_of(value: dict[str, Any], clause: str, where: str) -> Any:
    """The content of a body since version 4; bytes from base64. Raises ContractError."""
    held, encoded = value["content"], value.get("encoded")
    if isinstance(encoded, str) and encoded.lower() == "base64" and isinstance(held, str):
        try:
            return base64.b64decode(held, validate=True)
        except (binascii.Error, ValueError):
            raise ContractError(
                f"{where}: {clause}/content is no base64", f"{clause}/content"
            ) from None
    return held
