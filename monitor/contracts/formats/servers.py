"""The paths of OpenAPI's servers: https://spec.openapis.org/oas/v3.1.1.html#server-object"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from monitor.contracts.routes import Base, base_of

_MOST_CHOICES = 64
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_AUTHORITY = re.compile(r"(?:[A-Za-z][\w+.-]*:)?//[^/]*|[A-Za-z][\w+.-]*:(?=/)")


def bases_of(owner: dict[str, Any]) -> Iterator[Base]:
    """A base for each server, a variable in all its listed values (at most 64 of a server); one
    without a list is any text.
    """
    servers = owner.get("servers")
    for server in servers if isinstance(servers, list) else []:
        url = server.get("url") if isinstance(server, dict) else None
        if not isinstance(url, str):
            continue
        entries = server.get("variables")
        variables = {
            name: entry
            for name, entry in (entries.items() if isinstance(entries, dict) else ())
            if isinstance(entry, dict)
        }
        defaults = {name: str(entry.get("default", "")) for name, entry in variables.items()}
        listed = {
            name: [str(choice) for choice in entry["enum"]]
            for name, entry in variables.items()
            if _listed(entry)
        }
        for values in itertools.islice(itertools.product(*listed.values()), _MOST_CHOICES):
            filled = _filled(url, dict(zip(listed, values, strict=True)))
            if filled.startswith("{"):  # the variable is the whole address
                filled = _filled(filled, defaults)
            path = _path(filled)
            yield base_of(path, _filled(path, defaults))


def _listed(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("enum"), list) and bool(entry["enum"])


def _filled(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values.get(match.group(1), match.group(0)), text)


def _path(url: str) -> str:
    rest = url.partition("#")[0].partition("?")[0]
    match = _AUTHORITY.match(rest)
    path = rest[match.end() :] if match else rest
    return "/".join(part for part in path.split("/") if part not in (".", ".."))
