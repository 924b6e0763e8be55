"""Operations as live calls name them, as paths of a contract: frameworks' placeholders become
`{names}`, and segments with many texts in them become one placeholder.
"""

import re
from collections.abc import Iterator, Mapping

from monitor.contracts.inferring.alike import Fields, is_like, most_like, parted
from monitor.contracts.routes import PLACEHOLDER

METHODS = ("get", "put", "post", "delete", "head", "patch", "trace")
MANY_TEXTS = 10
"""So many texts at one place of paths that are else equal, and answered alike, are somebody's
names.
"""
MANY_TAILS = 10
"""So many tails behind one prefix, below one parent, are ids: `pay_0000063d`, `pay_000006a1`, …"""
_MADE = re.compile(r"([A-Za-z]{1,24}[-_.:~])?((?=[A-Za-z-]*\d)[A-Za-z0-9-]{4,})")
"""A segment that may be an id: a prefix, a sign, and a tail with a digit in it. Whether it is one
is told by how many there are.
"""
_PART = re.compile(r"\{[^{}/]*\}")
_WORD = re.compile(r"[A-Za-z_]\w*")
Route = tuple[str, str]
"""Method, in upper case, and path with `{names}`."""


def route_of(operation: str) -> Route | None:
    """Of `METHOD /route …`, with what is asked for of GraphQL behind it; None for what no path
    tells (gRPC, a destination, an operation beyond those that are told apart).
    """
    method, _, rest = operation.partition(" ")
    path = rest.partition(" ")[0]
    if method.lower() not in METHODS or not path.startswith("/") or "…" in path:
        return None
    if any(sign in path for sign in "?#\\\ufffd"):
        return None
    return method, templated(path)


def templated(path: str) -> str:
    """A path whose placeholders are `{names}`, each once: `/a/:id/b/{id}` is `/a/{id}/b/{id2}`."""
    used: set[str] = set()
    return "/".join(_segment(segment, used) for segment in path.split("/"))


def _segment(segment: str, used: set[str]) -> str:
    if PLACEHOLDER.fullmatch(segment) and not _PART.fullmatch(segment):
        return _named(segment, used)
    if "{" not in segment and "}" not in segment:
        return segment
    if segment.count("{") != segment.count("}") or not _PART.search(segment):
        return _named(segment, used)
    return _PART.sub(lambda part: _named(part[0], used), segment)


def _named(text: str, used: set[str]) -> str:
    words: list[str] = _WORD.findall(text.replace("%7B", "").replace("%7b", ""))
    typed = len(words) > 1 and text.startswith("<")  # <int:id>
    base = (words[1] if typed else words[0]) if words else "rest"
    name, count = base, 1
    while name in used:
        count += 1
        name = f"{base}{count}"
    used.add(name)
    return f"{{{name}}}"


def alike(path: str) -> str:
    """What paths have in common that differ in the names of placeholders alone: no contract may
    hold two such.
    """
    return _PART.sub("{}", path)


def folded(answers: Mapping[Route, Fields | None]) -> dict[Route, Route]:
    """Which routes are one: each to itself, or to one with a placeholder where many texts stand.
    `answers` are the fields that each is answered with; None where they were not seen.
    """
    identified = _identified(answers)
    firsts: dict[Route, Route] = {}
    joint: dict[Route, Fields | None] = {}
    for method, path in sorted(set(identified.values())):
        firsts.setdefault((method, alike(path)), (method, path))
    names = {route: firsts[(new[0], alike(new[1]))] for route, new in identified.items()}
    for route, new in sorted(names.items()):
        joint[new] = joint.get(new) or answers[route]
    alike_answered = _alike_answered(joint)
    return {route: alike_answered.get(new, new) for route, new in names.items()}


def _identified(answers: Mapping[Route, Fields | None]) -> dict[Route, Route]:
    """Routes whose ids are placeholders. Of what is below one parent, whatever the method and what
    comes behind.
    """
    tails: dict[tuple[str, str], set[str]] = {}
    for _, path in answers:
        for parent, _, made in _made(path):
            tails.setdefault((parent, made[1] or ""), set()).add(made[2])
    many = {place for place, texts in tails.items() if len(texts) >= MANY_TAILS}
    new: dict[Route, Route] = {}
    for method, path in answers:
        segments = path.split("/")
        for parent, at, made in _made(path):
            if (parent, made[1] or "") in many:
                segments[at] = "{id}"
        new[method, path] = (method, templated("/".join(segments)))
    return new


def _made(path: str) -> Iterator[tuple[str, int, re.Match[str]]]:
    """Segments that may be ids: the path before, with such ones unnamed, where, and the parts."""
    parent: list[str] = []
    for at, segment in enumerate(path.split("/")):
        made = _MADE.fullmatch(segment)
        if made is not None:
            yield "/".join(parent), at, made
        parent.append("{}" if made is not None or "{" in segment else segment)


def _alike_answered(answers: Mapping[Route, Fields | None]) -> dict[Route, Route]:
    groups: dict[tuple[str, tuple[str, ...], int], list[Route]] = {}
    templates = {(method, alike(path)): (method, path) for method, path in answers}
    for route in sorted(answers):
        segments = route[1].split("/")
        for at, segment in enumerate(segments):
            if at and segment and "{" not in segment:
                rest = (*segments[:at], *segments[at + 1 :])
                groups.setdefault((route[0], rest, at), []).append(route)
    names: dict[Route, Route] = {}
    for (method, rest, at), routes in groups.items():
        seen = {route: fields for route in routes if (fields := answers.get(route))}
        if len(seen) < MANY_TEXTS:
            continue
        places = dict(zip(seen, parted(list(seen.values())), strict=True))
        common = most_like(list(places.values()))
        same = [route for route, held in places.items() if is_like(held, common)]
        if len(same) < MANY_TEXTS:
            continue
        path = templated("/".join((*rest[:at], "{name}", *rest[at:])))
        names |= dict.fromkeys(same, templates.setdefault((method, alike(path)), (method, path)))
    return names
