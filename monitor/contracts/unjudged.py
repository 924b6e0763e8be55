"""The clauses of a contract that no exchange is ever held against."""

from collections.abc import Iterator
from typing import Any

from monitor.contracts.bodies import meant
from monitor.contracts.form import Body, Parameter, Promise
from monitor.contracts.payloads import is_json_type
from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

# Members of an OpenAPI document that describe other traffic than the one that is looked at.
_ASIDE = (
    ("webhooks", "calls of the provider's own"),
    ("callbacks", "calls of the provider's own"),
)

_READABLE = ("text/plain", "application/x-www-form-urlencoded")


def unjudged_clauses(document: dict[str, Any], promise: Promise) -> Iterator[Remark]:
    """A remark for each, in the contract's order; one that stands in several operations comes
    several times.
    """
    for clause in promise.left:
        yield _left(clause.pointer, clause.said)
    if promise.by_example:
        if not promise.examples:
            yield _left("", "the contract shows no example: nothing will be judged")
        yield from _uncompiled(promise)
        return
    if not promise.operations and not promise.timing and promise.plan is None:
        yield _left("/paths", "the contract names no operation: nothing will be judged")
    for operation in promise.operations:
        parts = [("request", operation.request)] if operation.request is not None else []
        parts += [(f"answer {status}", answer) for status, answer in operation.responses.items()]
        for what, body in parts:
            yield from _of_body(what, body)
        for parameter in (
            *operation.parameters,
            *(header for _, body in parts for header in body.headers),
        ):
            yield from _of_parameter(parameter)
        for credential in {
            credential for alternative in operation.security for credential in alternative
        }:
            if not credential.place:
                yield _left(operation.clause, f"no log shows the credential {credential.name!r}")
    yield from _uncompiled(promise)
    yield from _aside(document)


def _uncompiled(promise: Promise) -> Iterator[Remark]:
    for schema in promise.schemas:
        for pointer in schema.unjudged:
            yield _left(
                pointer, "this pattern cannot be compiled, and what hangs on it is not judged"
            )


def _of_body(what: str, body: Body) -> Iterator[Remark]:
    for media, schema in body.media.items():
        if (
            schema is not None
            and not is_json_type(media)
            and media not in body.forms
            and meant({media: schema}, "application/json") is None
        ):
            yield _left(
                f"{body.clause}/content/{escaped(media)}",
                f"bodies of {media} are not judged ({what})",
            )


def _of_parameter(parameter: Parameter) -> Iterator[Remark]:
    if parameter.media and not is_json_type(parameter.media) and parameter.media not in _READABLE:
        yield _left(parameter.clause, f"a parameter written as {parameter.media} is not judged")
    if parameter.style == "other":
        yield _left(
            f"{parameter.clause}/style",
            f"a parameter in {parameter.place} has no such style; its values are not judged",
        )


def _aside(document: dict[str, Any]) -> Iterator[Remark]:
    for word, what in _ASIDE:
        if document.get(word):
            yield _left(f"/{word}", f"{what} are not judged")
    paths = document.get("paths")
    for route, item in paths.items() if isinstance(paths, dict) else ():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if isinstance(operation, dict) and operation.get("callbacks"):
                pointer = f"/paths/{escaped(route)}/{escaped(method)}/callbacks"
                yield _left(pointer, "calls of the provider's own are not judged")


def _left(pointer: str, reason: str) -> Remark:
    return Remark(pointer, reason, grave=False, kind="unjudged")
