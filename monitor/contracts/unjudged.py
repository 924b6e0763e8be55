"""The clauses of a contract that no exchange is ever held against."""

from collections.abc import Iterator
from typing import Any

from monitor.contracts.bodies import meant
from monitor.contracts.form import Body, Parameter, Promise
from monitor.contracts.formats.folded import Unjudged
from monitor.contracts.formats.openapi import IGNORED_HEADERS, OPERATIONS
from monitor.contracts.payloads import is_json_type
from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

_OWN_CALLS = "calls of the provider's own are not judged"
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
    yield from _of_operations(document.get(OPERATIONS))
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


def _of_operations(word: object) -> Iterator[Remark]:
    at = f"/{OPERATIONS}"
    if word == "partial":
        yield _left(at, "calls of operations that are not listed are not judged")
    elif word not in (None, "complete"):
        sentence = (
            "it is neither partial nor complete, and the list of operations is taken for whole"
        )
        yield Remark(at, sentence, grave=False)


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
            and media not in body.plain
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
    """What OpenAPI lets a document describe beside calls to the provider, by its first places."""
    unjudged = Unjudged()
    if document.get("webhooks"):
        unjudged.add("webhooks", "", _OWN_CALLS, "/webhooks")
    paths = document.get("paths")
    for route, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict):
            continue
        place = f"/paths/{escaped(route)}"
        _passed_over(item, place, unjudged)
        for method, operation in item.items():
            if isinstance(operation, dict):
                _of_operation(operation, f"{place}/{escaped(method)}", unjudged)
    yield from unjudged.remarks()


def _of_operation(operation: dict[str, Any], place: str, unjudged: Unjudged) -> None:
    if operation.get("callbacks"):
        unjudged.add("callbacks", "", _OWN_CALLS, f"{place}/callbacks")
    _passed_over(operation, place, unjudged)
    answers = operation.get("responses")
    bodies = [(operation.get("requestBody"), f"{place}/requestBody")]
    for status, answer in answers.items() if isinstance(answers, dict) else ():
        bodies.append((answer, f"{place}/responses/{escaped(status)}"))
    for body, at in bodies:
        if not isinstance(body, dict):
            continue
        if body.get("links"):
            sentence = "what may be called next is told to clients, and is not judged"
            unjudged.add("links", "", sentence, f"{at}/links")
        content = body.get("content")
        for media, entry in content.items() if isinstance(content, dict) else ():
            encoding = entry.get("encoding") if isinstance(entry, dict) else None
            for name, part in encoding.items() if isinstance(encoding, dict) else ():
                if isinstance(part, dict) and part.get("headers"):
                    sentence = "headers of a part of a form are not judged"
                    where = f"{at}/content/{escaped(media)}/encoding/{escaped(name)}/headers"
                    unjudged.add("encoding", "headers", sentence, where)


def _passed_over(owner: dict[str, Any], place: str, unjudged: Unjudged) -> None:
    """Parameters that OpenAPI itself passes over."""
    held = owner.get("parameters")
    for index, entry in enumerate(held if isinstance(held, list) else ()):
        if isinstance(entry, dict) and entry.get("in") == "header":
            name = str(entry.get("name")).lower()
            if name in IGNORED_HEADERS:
                sentence = f"OpenAPI describes {name} elsewhere, and passes over such a parameter"
                unjudged.add("parameter", name, sentence, f"{place}/parameters/{index}")


def _left(pointer: str, reason: str) -> Remark:
    return Remark(pointer, reason, grave=False, kind="unjudged")
