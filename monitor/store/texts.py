"""The SQL we ask: statements and panels by name, what they share put in, what is not wanted left out."""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_INCLUDE = re.compile(r"^-- include ([a-z_]+)$", re.MULTILINE)
_CHOICE = re.compile(r"^-- if ([a-z_]+)\n(.*?)(?:^-- else\n(.*?))?^-- end\n", re.MULTILINE | re.DOTALL)


@cache
def statement(name: str, given: frozenset[str] = frozenset()) -> str:
    """The text of statements/<name>.sql, or of a panel when `name` begins with "panels/". Errors: KeyError.

    A line `-- include NAME` stands for statements/parts/NAME.sql, which may include others: what several share is written once. Of
    `-- if WORD`, `-- else`, `-- end` the lines before or after the middle stay, as WORD is `given` or not: what no row of
    a run needs is not joined.
    """
    if not all(part.isidentifier() for part in name.split("/")):
        raise KeyError(name)
    folder = files("dashboards") if name.startswith("panels/") else files("monitor.store").joinpath("statements")
    place = folder.joinpath(f"{name}.sql")
    if not place.is_file():
        raise KeyError(name)
    text = _whole(place, folder.joinpath("parts"))
    return _CHOICE.sub(lambda found: found[2] if found[1] in given else found[3] or "", text)


def _whole(place: Traversable, parts: Traversable) -> str:
    """The text of a file with all that it includes."""
    return _INCLUDE.sub(
        lambda found: _whole(parts.joinpath(f"{found[1]}.sql"), parts).rstrip("\n"), place.read_text(encoding="utf-8")
    )
