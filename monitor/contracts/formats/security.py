"""Which credentials an operation asks for:
https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object
"""

from dataclasses import replace
from typing import Any

from monitor.contracts.form import Credential
from monitor.contracts.refs import follow
from monitor.errors import ContractError


def credentials_of(
    document: dict[str, Any], operation: dict[str, Any]
) -> tuple[tuple[Credential, ...], ...]:
    """The alternatives, each with all that it wants; () when none is asked for. The operation's
    own word replaces the document's.

    A scheme that the document does not describe, or that no log shows, counts as one that cannot
    be seen.
    """
    security = operation["security"] if "security" in operation else document.get("security")
    if not isinstance(security, list):
        return ()
    alternatives = [alternative for alternative in security if isinstance(alternative, dict)]
    if not all(alternatives):  # {}: without any
        return ()
    return tuple(
        tuple(
            replace(_credential(document, name), scopes=_scopes(scopes))
            for name, scopes in alternative.items()
        )
        for alternative in alternatives
    )


def _scopes(told: Any) -> frozenset[str]:
    return frozenset(map(str, told)) if isinstance(told, list) else frozenset()


def _credential(document: dict[str, Any], name: str) -> Credential:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    try:
        scheme, _ = follow(
            document, schemes.get(name) if isinstance(schemes, dict) else None, "", "security"
        )
    except ContractError:
        scheme = None
    if not isinstance(scheme, dict):
        return Credential("", name)
    kind, place = scheme.get("type"), scheme.get("in")
    if kind in ("http", "oauth2", "openIdConnect"):
        return Credential("header", "authorization")
    if kind == "apiKey" and place in ("header", "query", "cookie"):
        key = str(scheme.get("name", ""))
        return Credential(place, key.lower() if place == "header" else key)
    return Credential("", name)
