"""How SQL is written here, in panels and in the store's statements: with parts that several share."""

from importlib.resources.abc import Traversable

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape


def templates(folder: Traversable) -> Environment:
    """The templates below a folder, by path. A word that nobody gave raises UndefinedError."""
    loader = FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8"))
    return Environment(
        loader=loader,
        autoescape=select_autoescape(()),  # never: SQL, of our own words only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
