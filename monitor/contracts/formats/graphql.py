"""A GraphQL schema as the contract of an endpoint: in its own language, or as introspection tells
it.
"""

from typing import Any

from monitor.contracts.form import Left, Promise, by_judge
from monitor.contracts.formats.binding import BINDING
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.selections.written import SDL, introspected, looks_like_sdl
from monitor.errors import ContractError

_KNOWN = frozenset({"Int", "Float", "String", "ID", "Boolean"})


def is_graphql(document: dict[str, Any]) -> bool:
    """Whether a document holds an SDL, or what introspection answered."""
    text = document.get(SDL)
    return (isinstance(text, str) and looks_like_sdl(text)) or introspected(document) is not None


def read_graphql(
    document: dict[str, Any],
    *,
    where: str,
    limits: ContractLimits = CONTRACT_LIMITS,  # noqa: ARG001 - as others'
) -> Promise:
    """The promise of a schema; `x-seamwatch: {"path": "/api"}` tells where it is served, else
    every path that says graphql is meant.

    Raises ContractError, saying where.
    """
    # the parser of the language takes a fifth of a second to load: only where a schema is read
    from monitor.contracts.selections.endpoint import Endpoint  # noqa: PLC0415
    from monitor.contracts.selections.sdl import schema_of  # noqa: PLC0415

    bind = document.get(BINDING, {})
    path = bind.get("path", "") if isinstance(bind, dict) else None
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise ContractError(
            f'{where}: {BINDING}.path is no path; say "{BINDING}": {{"path": "/graphql"}}',
            f"/{BINDING}/path",
        )
    schema = schema_of(document, where)
    own = sorted(
        name
        for name, kind in schema.type_map.items()
        if type(kind).__name__ == "GraphQLScalarType" and name not in _KNOWN
    )
    left = [
        Left(
            f"/{name}",
            f"values of the scalar {name} are not judged: the schema says nothing of them",
        )
        for name in own
    ]
    if schema.subscription_type is not None:
        left.append(
            Left(f"/{schema.subscription_type.name}", "answers of subscriptions are not judged")
        )
    endpoint = Endpoint(schema, path)
    return by_judge(endpoint, endpoint.units, left)
