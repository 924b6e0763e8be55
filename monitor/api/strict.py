"""Routes that read nothing of a stranger and overlook nothing: who asks comes before the body, and
an unknown name is refused.
"""

import difflib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, get_args

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from monitor.api.faults import ApiError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ExactBody(BaseModel):
    """A request's body: a field that it does not have is refused, never overlooked."""

    model_config = ConfigDict(extra="forbid")


class StrictRoute(APIRoute):
    """A route whose scopes are asked before its body is read. Query parameters and fields that it
    does not have are a 422.
    """

    def get_route_handler(self) -> Handler:
        """FastAPI's own handler behind these checks: it would parse a body before it asks who sent
        it.
        """
        handle = super().get_route_handler()
        checks = [
            part.call
            for part in _all(self.dependant)
            if part.call is not None and getattr(part.call, "asks_scope", False)
        ]
        names = {field.alias for part in _all(self.dependant) for field in part.query_params}
        fields = set(_fields(field.field_info.annotation for field in self.dependant.body_params))

        async def checked(request: Request) -> Response:
            for check in checks:
                await run_in_threadpool(check, request)
            _refuse_unknown(request, names)
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise _unknown_field(error, fields) or error from error

        return checked


def nearest(name: str, choices: Iterable[str]) -> str:
    """What to do about a name that is not known: the nearest one, else all there are."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    if near:
        return f"did you mean {near[0]}?"
    if not names:
        return "leave it out: there are none"
    return f"use {names[0]}" if len(names) == 1 else f"use one of {', '.join(names)}"


def _refuse_unknown(request: Request, names: set[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in names:
            raise ApiError(
                422,
                f"there is no query parameter {name[:100]!r} here",
                f"query.{name[:100]}",
                nearest(name, names),
            )
        if name in seen:
            raise ApiError(
                422,
                f"the query parameter {name!r} is given twice",
                f"query.{name}",
                "give it once",
            )
        seen.add(name)


def _unknown_field(error: RequestValidationError, fields: set[str]) -> ApiError | None:
    """The same for a field of the body; None where something else is wrong."""
    for fault in error.errors():
        if fault["type"] == "extra_forbidden":
            name = str(fault["loc"][-1])[:100]
            return ApiError(
                422,
                f"there is no field {name!r} in this body",
                f"body.{name}",
                nearest(name, fields),
            )
    return None


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _all(dependency)


def _fields(annotations: Iterable[Any]) -> Iterator[str]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from annotation.model_fields
        else:
            yield from _fields(get_args(annotation))
