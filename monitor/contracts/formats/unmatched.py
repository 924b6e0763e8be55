"""Paths that no request has, and parameters that do not belong to their path: what they promise is
never judged, and said.
"""

import re
from collections.abc import Iterator
from typing import Any

from monitor.contracts.refs import resolve
from monitor.contracts.remarks import Remark
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_METHODS = frozenset("get put post delete options head patch trace query".split())
_TEMPLATE = re.compile(r"\{([^{}/?#]+)\}")
_MOST = 50


def unmatched(document: dict[str, Any]) -> list[Remark]:
    """A remark for each, at most 50. https://spec.openapis.org/oas/v3.1.1.html#path-templating"""
    remarks: list[Remark] = []
    for remark in _of_paths(document):
        remarks.append(remark)
        if len(remarks) >= _MOST:
            break
    return remarks


def _of_paths(document: dict[str, Any]) -> Iterator[Remark]:
    paths = document.get("paths")
    for route, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict) or route.startswith("x-"):
            continue
        pointer = f"/paths/{escaped(route)}"
        plain = _TEMPLATE.sub("", route)
        if "?" in plain or "#" in plain:
            yield Remark(
                pointer,
                "no path of a request holds `?` or `#`, and it is not judged",
                grave=False,
                kind="unjudged",
            )
        elif "{" in plain or "}" in plain:
            yield Remark(
                pointer,
                "a brace stands alone, and no request is likely to have this path",
                grave=False,
                kind="unjudged",
            )
        shared = list(_parameters(document, item, pointer))
        yield from _twice(shared)
        names = frozenset(_TEMPLATE.findall(route))
        operations = [
            (item[method], f"{pointer}/{method}") for method in item if method in _METHODS
        ]
        for operation, place in operations:
            own = list(_parameters(document, operation, place))
            yield from _twice(own)
            described = {name for where, name, _ in (*shared, *own) if where == "path"}
            yield from (
                _stray(name, at)
                for where, name, at in own
                if where == "path" and name not in names
            )
            if "$ref" not in item:
                for name in sorted(names - described):
                    sentence = f"no parameter tells what {name[:60]!r} in the path may be: any text is taken"
                    yield Remark(place, sentence, grave=False, kind="unjudged")
        yield from (
            _stray(name, at) for where, name, at in shared if where == "path" and name not in names
        )


def _stray(name: str, at: str) -> Remark:
    return Remark(
        at,
        f"the path has no {{{name[:60]}}}, and this parameter is not judged",
        grave=False,
        kind="unjudged",
    )


def _twice(parameters: list[tuple[str, str, str]]) -> Iterator[Remark]:
    seen: set[tuple[str, str]] = set()
    for where, name, at in parameters:
        if (where, name) in seen:
            yield Remark(
                at,
                f"the parameter {name[:60]!r} in {where} stands twice in this list",
                grave=False,
            )
        seen.add((where, name))


def _parameters(
    document: dict[str, Any], owner: Any, pointer: str
) -> Iterator[tuple[str, str, str]]:
    """Place, name and pointer of each that can be read."""
    held = owner.get("parameters") if isinstance(owner, dict) else None
    for index, entry in enumerate(held if isinstance(held, list) else ()):
        for _ in range(9):
            if not isinstance(entry, dict) or not isinstance(entry.get("$ref"), str):
                break
            try:
                entry = resolve(document, entry["$ref"], "")  # noqa: PLW2901 - the same parameter, written elsewhere
            except ContractError:
                break
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("name"), str)
            and isinstance(entry.get("in"), str)
        ):
            yield entry["in"], entry["name"], f"{pointer}/parameters/{index}"
