"""Errors as answers: {"error": {"what", "where", "do"}}, never a stack trace, never a payload."""

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

    def __init__(self, status: int, what: str, where: str = "", do: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(what)
        self.status, self.what, self.where, self.do, self.headers = status, what, where, do, headers


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in {
        400: "The request cannot be read",
        401: "A token is needed",
        403: "The token may not do this",
        404: "No such thing",
        409: "It contradicts what is there",
        413: "The body is too large",
        422: "A value is not allowed",
        429: "Too many requests",
        503: "A store or part does not answer",
    }.items()
}


def not_found(kind: str, key: str, do: str) -> ApiError:
    """404 for a thing that is not there."""
    return ApiError(404, f"there is no {kind} {key[:200]!r}", kind, do)


def error_response(status: int, what: str, where: str, do: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error body as a response."""
    return JSONResponse({"error": {"what": what, "where": where, "do": do}}, status, headers)


def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error.status, error.what, error.where or request.url.path[:200], error.do, error.headers)


def _monitor_error(request: Request, error: Exception) -> Response:
    where = request.url.path[:200]
    if isinstance(error, (StoreError, Transient)):
        log.warning("request_failed", path=where, error=str(error))
        return error_response(503, str(error), where, "try again; /readyz says what is wrong")
    return error_response(422, str(error), where, "change the request as the text says")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    do = {404: "see /docs for the routes", 405: "see /docs for the methods"}.get(error.status_code, "see /docs")
    return error_response(error.status_code, str(error.detail), request.url.path[:200], do, dict(error.headers or {}))


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])[:200]
    return error_response(422, str(first["msg"])[:500], place, "send a value as described in /docs")


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_broke", path=request.url.path[:200], exc_info=error)
    return error_response(500, "an error of ours", request.url.path[:200], "see the log of seamwatch; please report it")


def add_error_handlers(app: FastAPI) -> None:
    """Every exception becomes the error body; what is not foreseen is logged and answered with 500."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(MonitorError, _monitor_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
