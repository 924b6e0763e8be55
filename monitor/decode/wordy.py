"""Attributes that hold another text in every span (paths, URLs, SQL), cut down to what names an
edge before they are kept.
"""

import re
from functools import lru_cache

from monitor.model.operations import template_path

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/@?#]*@)?([^/?#]*)([^?#]*)")

PATHS = frozenset({"url.path", "http.target"})
URLS = frozenset({"url.full", "http.url"})
QUERIES = frozenset({"db.statement", "db.query.text"})
WORDY = PATHS | URLS | QUERIES
ROUTES = frozenset({"http.route", "url.template"})


def cut_down(slot: str, text: str, *, routed: bool) -> str:
    """A path as its template, a URL as host and template without user and query, SQL as its verb.
    `routed`: the span names its route, so of a URL only the host is of use, of a path nothing.
    """
    if slot in QUERIES:
        return _verb(text)
    if slot in URLS:
        match = _URL.match(text)
        if match is None:
            return ""
        return match[1] + match[2] + ("" if routed else _template(match[3]))
    return "" if routed else _template(text)


def _verb(text: str) -> str:
    word = text[:64].split(None, 1)
    return word[0] if word and word[0].isalpha() else ""


@lru_cache(maxsize=65536)
def _template(path: str) -> str:
    return template_path(path)
