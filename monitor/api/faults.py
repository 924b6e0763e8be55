"""Errors as answers: {"error": {"what", "where", "do"}}, never a stack trace, never a payload."""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from monitor.errors import MonitorError, StoreError, Transient

log = structlog.get_logger(__name__)


class Fault(BaseModel):
    """What went wrong, where, and what to do about it."""

    what: str
    where: str
    do: str


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: Fault


class ApiError(Exception):
    """A request that cannot be answered; becomes the error body."""

    def __init__(
        self,
        status: int,
        what: str,
        where: str = "",
        do: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(what)
        self.status, self.what, self.where, self.do, self.headers = (
            status,
            what,
            where,
            do,
            headers,
        )


_ERROR_BODY = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
# The model is named once and referred to then: FastAPI makes a validator for each status and route
# that names it, an eighth of the time that a command takes to start.
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request cannot be read"},
    **{
        status: {"content": _ERROR_BODY, "description": text}
        for status, text in {
            401: "A token is needed",
            403: "The token may not do this",
            404: "No such thing",
            409: "It contradicts what is there",
            413: "The body is too large",
            422: "A value is not allowed",
            429: "Too many requests",
            503: "A store or part does not answer",
        }.items()
    },
}


def not_found(kind: str, key: str, do: str) -> ApiError:
    """404 for a thing that is not there."""
    return ApiError(404, f"there is no {kind} {key[:200]!r}", kind, do)


def error_response(
    status: int, what: str, where: str, do: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The error body as a response."""
    return JSONResponse({"error": {"what": what, "where": where, "do": do}}, status, headers)


Page = Callable[[Request, int, Fault], Response]
"""Shows an error to a person."""


def _read(request: Request, error: Exception) -> tuple[int, Fault, Mapping[str, str]]:
    """Status, words and headers for what was raised."""
    where = request.url.path[:200]
    if isinstance(error, ApiError):
        return (
            error.status,
            Fault(what=error.what, where=error.where or where, do=error.do),
            error.headers or {},
        )
    if isinstance(error, (StoreError, Transient)):
        log.warning("request_failed", path=where, error=str(error))
        return (
            503,
            Fault(what=str(error), where=where, do="try again; /readyz says what is wrong"),
            {},
        )
    if isinstance(error, MonitorError):
        return (
            422,
            Fault(what=str(error), where=where, do="change the request as the text says"),
            {},
        )
    if isinstance(error, HTTPException):
        do = {404: "see /docs for the routes", 405: "see /docs for the methods"}.get(
            error.status_code, "see /docs"
        )
        return (
            error.status_code,
            Fault(what=str(error.detail), where=where, do=do),
            error.headers or {},
        )
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:200]
        return (
            422,
            Fault(
                what=str(first["msg"])[:500], where=place, do="send a value as described in /docs"
            ),
            {},
        )
    # Without its locals: they may hold a token.
    log.error(
        "request_broke",
        path=where,
        error=f"{type(error).__name__}: {error}"[:500],
        trace=traceback.format_tb(error.__traceback__)[-6:],
    )
    return (
        500,
        Fault(
            what="an error of ours", where=where, do="see the log of seamwatch; please report it"
        ),
        {},
    )


def add_error_handlers(app: FastAPI, page: Page) -> None:
    """Every exception becomes the error body, or a page where a browser asked for one. What is not
    foreseen is logged and answered with 500.
    """

    def answer(request: Request, error: Exception) -> Response:
        status, fault, headers = _read(request, error)
        wants_page = "text/html" in request.headers.get(
            "accept", ""
        ) and not request.url.path.startswith("/v1/")
        if wants_page:
            return page(request, status, fault)
        return error_response(status, fault.what, fault.where, fault.do, dict(headers))

    for kind in (ApiError, MonitorError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)
