"""Templates: everything escaped, unknown names an error, numbers and names by `formatting` and
`monitor.wording`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, quote_plus

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from monitor import __version__
from monitor.api import formatting
from monitor.api.access import looker, parts_of
from monitor.api.faults import Fault
from monitor.api.parts import Parts
from monitor.api.questions import windows_state
from monitor.errors import StoreError
from monitor.model.edges import beside
from monitor.wording.breaks import break_sentence
from monitor.wording.findings import ANY, BEFORE, facts, told_by, what
from monitor.wording.ramps import bound_text, dose_text, meaning_text, short_span, small_share
from monitor.wording.reasons import sentence


def link(path: str, /, **parameters: object) -> str:
    """A path of ours with its parameters escaped; empty ones left out."""
    kept = "&".join(
        f"{key}={_escaped(str(value))}"
        for key, value in parameters.items()
        if value is not None and value != ""
    )
    return f"{path}?{kept}" if kept else path


@lru_cache(maxsize=50_000)
def _escaped(text: str) -> str:
    """A page of 2,000 links names the same few services again and again."""
    return quote_plus(text, errors="replace")


def path(*segments: object) -> str:
    """A path of ours whose segments are escaped."""
    return "".join("/" + quote(str(segment), safe="", errors="replace") for segment in segments)


def local_path(wanted: str) -> str:
    """`wanted` where it is a path of ours to lead back to, else the map: nobody is sent to another
    site, or signed out.
    """
    odd = "\\" in wanted or not all("!" <= mark <= "~" for mark in wanted)
    if odd or not wanted.startswith("/") or wanted.startswith(("//", "/sign-in", "/sign-out")):
        return "/"
    return wanted


@cache
def environment() -> Environment:
    """The one Jinja environment: autoescape always on."""
    made = Environment(
        loader=PackageLoader("dashboards", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        name=formatting.name,
        version=formatting.version,
        count=formatting.count,
        percent=formatting.percent,
        duration=formatting.duration,
        rate=formatting.rate,
        size=formatting.size,
        when=formatting.when,
        ago=formatting.ago,
        odds=formatting.odds,
        signal=formatting.signal,
        what=what,
        facts=facts,
        sentence=sentence,
        evidence=formatting.evidence,
        broken_time=break_sentence,
        told=formatting.told,
        told_by=told_by,
        bounded=bound_text,
        meant=meaning_text,
        small_share=small_share,
        short_span=short_span,
        dose=dose_text,
        iso=_iso,
        beside=beside,
    )
    made.globals.update(
        link=link, path=path, seamwatch_version=__version__, any_version=ANY, before=BEFORE
    )
    return made


def render(
    request: Request, template: str, context: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """A page of ours, with what every page shows: who looks, the time, where we are."""
    parts = parts_of(request)
    caller = looker(request)
    common = {
        "now": parts.clock(),
        "here": request.url.path,
        "asked_for": _asked_for(request),
        "caller": caller,
        "query": dict(request.query_params),
        "trace_link": parts.config.trace_link,
        "newest": _newest(parts)
        if status < HTTPStatus.BAD_REQUEST and caller.may("read")
        else None,
    }
    return HTMLResponse(environment().get_template(template).render({**common, **context}), status)


def _newest(parts: Parts) -> datetime | None:
    """Where the newest window ends; None while there is none, or nobody tells."""
    try:
        return windows_state(parts).data_end
    except StoreError:
        return None


def _asked_for(request: Request) -> str:
    """This page's path and query, to come back to after signing in."""
    query = request.scope["query_string"].decode("latin-1")
    return local_path(
        quote(request.scope["path"], errors="replace") + (f"?{query}" if query else "")
    )


def _iso(at: datetime | None) -> str:
    moment = formatting.utc(at)
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def error_page(request: Request, status: int, fault: Fault) -> HTMLResponse:
    """An error for a person, with a way on. Who must sign in first gets the form, which leads back
    to what was asked for.
    """
    if status == 401 and request.method == "GET":
        return render(
            request, "sign_in.html", {"wrong": False, "next": _asked_for(request)}, status
        )
    return render(
        request,
        "error.html",
        {"status": status, "what": fault.what, "where": fault.where, "do": fault.do},
        status,
    )
