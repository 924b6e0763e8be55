"""Static files: our own, and the one script of the installed Bokeh package."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from monitor.api.faults import not_found

router = APIRouter(include_in_schema=False)
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@router.get("/static/{name}")
def static(name: str) -> Response:
    """One of our files, or bokeh.min.js. Browsers ask again after an hour."""
    content = _content(name)
    if content is None:
        raise not_found("file", name, "reload the page")
    kind = _KINDS[name.rsplit(".", 1)[-1]]
    return Response(
        content,
        media_type=kind,
        headers={"cache-control": "max-age=3600" if name == "bokeh.min.js" else "no-cache"},
    )


@router.get("/favicon.ico")
def favicon() -> Response:
    """The icon, as SVG."""
    return static("icon.svg")


@cache
def _bokeh() -> bytes:
    return files("bokeh").joinpath("server", "static", "js", "bokeh.min.js").read_bytes()


def _content(name: str) -> bytes | None:
    if name == "bokeh.min.js":
        return _bokeh()
    folder = files("dashboards").joinpath("web", "static")
    return next(
        (
            entry.read_bytes()
            for entry in folder.iterdir()
            if entry.name == name and name.rsplit(".", 1)[-1] in _KINDS
        ),
        None,
    )
