"""The SQL we ask: statements and panels by name, what they share put in, what is not wanted left
out.
"""

from functools import cache
from importlib.resources import files

from dashboards.templates import templates

WORDS = frozenset({"asked", "exchanges", "few", "long", "only", "parts"})
"""What a statement may be given: what the windows hold that it reads, or how it reads them."""


@cache
def statement(name: str, given: frozenset[str] = frozenset()) -> str:
    """The text of statements/<name>.sql, or of a panel when `name` begins with "panels/". Errors:
    KeyError; UndefinedError where a statement asks for a word that is none of WORDS.

    They are templates: `{% include "parts/NAME.sql" %}` puts in what several share, `{% if WORD
    %}` keeps what follows where the word is `given`: what no row of a run needs is not joined.
    Values are never put in: they are parameters.
    """
    if not all(part.isidentifier() for part in name.split("/")) or given - WORDS:
        raise KeyError(name, *sorted(given - WORDS))
    folder = (
        files("dashboards")
        if name.startswith("panels/")
        else files("monitor.store").joinpath("statements")
    )
    if not folder.joinpath(f"{name}.sql").is_file():
        raise KeyError(name)
    return (
        templates(folder)
        .get_template(f"{name}.sql")
        .render({word: word in given for word in WORDS})
    )
