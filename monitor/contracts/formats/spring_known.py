"""Whether a document is one of Spring Cloud Contract's, by its words: other tools have requests and
responses, too.
"""

from collections.abc import Mapping
from typing import Any

from monitor.contracts.formats.wiremock_known import speaks_wiremock

_OWN_REQUEST = frozenset(
    {"matchers", "bodyFromFile", "bodyFromFileAsBytes", "bodyMatchers", "headersMatchers"}
)
_OWN = frozenset({"label", "input", "outputMessage", "ignored", "inProgress", "description"})
_ADDRESSED = frozenset({"method", "url", "urlPath"})


def is_spring_cloud_contract(document: Mapping[str, Any]) -> bool:
    """Whether a document is a contract of this kind, or holds several in `contracts`."""
    listed = document.get("contracts")
    if isinstance(listed, list) and listed:
        # no other tool has such a list: in it the least that a contract says will do
        return all(
            isinstance(contract, dict) and (_is_one(contract) or _is_plain(contract))
            for contract in listed[:20]
        )
    return _is_one(document)


def _is_plain(contract: Mapping[str, Any]) -> bool:
    asked, answer = contract.get("request"), contract.get("response")
    return (
        isinstance(asked, dict)
        and isinstance(answer, dict)
        and bool(_ADDRESSED & asked.keys())
        and not speaks_wiremock(contract)
    )


def _is_one(document: Mapping[str, Any]) -> bool:
    asked, answer = document.get("request"), document.get("response")
    if isinstance(document.get("outputMessage"), dict) and (
        "label" in document or "input" in document or "name" in document
    ):
        return True
    if isinstance(document.get("input"), dict) and "messageFrom" in document["input"]:
        return True
    if not isinstance(asked, dict) or not isinstance(answer, dict) or speaks_wiremock(document):
        return False
    if not (_ADDRESSED & asked.keys() or _OWN & document.keys()):
        return False  # examples of other tools have a request and a response, too
    own = bool(
        _OWN & document.keys()
        or _OWN_REQUEST & (asked.keys() | answer.keys())
        or "body" in asked
        or "queryParameters" in asked
    )
    return own or isinstance(answer.get("body"), dict | list) or "async" in answer
