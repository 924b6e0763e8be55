"""The route that a framework found for a request, written with `{name}`; frameworks are asked by
what they leave behind.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any

TOLD = "seamwatch.route"
_FLASK = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_STARLETTE = re.compile(r"\{([^{}:]+):[^{}]+\}")


def route_of(scope: Mapping[str, Any], path: str) -> str:
    """Of an ASGI scope after the application had it: Starlette's, FastAPI's or (by
    `django_routes`) Django's route, else "".
    """
    if isinstance(stated := scope.get(TOLD), str):
        return stated
    template = getattr(scope.get("route"), "path", None)
    if not isinstance(template, str) or "(" in template:
        return ""
    route = _STARLETTE.sub(r"{\1}", template)
    prefix = scope.get("root_path") or ""
    return (
        route
        if not prefix or route.startswith(prefix) or not path.startswith(prefix)
        else prefix.rstrip("/") + route
    )


def wsgi_route(environ: Mapping[str, Any]) -> str:
    """Of a WSGI environment after the application had it: Flask's rule while it answers, or (by
    `django_routes`) Django's route, else "".
    """
    if isinstance(stated := environ.get(TOLD), str):
        return stated
    request = environ.get("werkzeug.request")
    rule = getattr(getattr(request, "url_rule", None), "rule", None)
    return (
        str(environ.get("SCRIPT_NAME", "")) + _FLASK.sub(r"{\1}", rule)
        if isinstance(rule, str)
        else ""
    )


def django_routes(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Django middleware that leaves the route for the capture around the application:
    `"seamwatch.capture.django_routes"`.
    """
    if iscoroutinefunction(get_response):

        async def responding(request: Any) -> Any:
            answer = await get_response(request)
            _leave(request)
            return answer

        return responding

    def respond(request: Any) -> Any:
        answer = get_response(request)
        _leave(request)
        return answer

    return respond


# How Django knows that one factory serves both:
# https://docs.djangoproject.com/en/5.2/topics/http/middleware/#asynchronous-support
django_routes.sync_capable = django_routes.async_capable = True  # type: ignore[attr-defined]


def _leave(request: Any) -> None:
    with suppress(Exception):
        route = getattr(request.resolver_match, "route", None)
        if isinstance(route, str) and not any(sign in route for sign in "^$\\("):
            where = request.scope if hasattr(request, "scope") else request.environ
            where[TOLD] = "/" + _FLASK.sub(r"{\1}", route).lstrip("/")
