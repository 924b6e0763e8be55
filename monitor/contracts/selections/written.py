"""GraphQL's text told from others, and places in it: what needs no parser of the language, which
every command would load.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from monitor.contracts.formats.binding import BINDING, bound_in_comment
from monitor.errors import ContractError

SDL = "graphql"
ASIDE = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
_BEGINS = re.compile(
    r"(?:extend\s+)?(?:schema\s*[{@]|(?:type|interface|input)\s+\w+\s*(?:\{|@|implements\b|$)|scalar\s+\w+\s*(?:@|\w|$)"
    r"|union\s+\w+\s*[=@]|directive\s*@|enum\s+\w+[^{=;]*\{[^=;}]*\})"
)
_TYPE_LINE = re.compile(r"\s*(?:extend\s+)?(?:type|interface|input|enum|union|scalar)\s+(\w+)")
_FIELD_LINE = re.compile(r"\s*(\w+)\s*(?:[(:@]|$)")
_ASKS = re.compile(
    r"(?:query|mutation|subscription)(?:\s+\w+)?\s*[({@]|fragment\s+\w+\s+on\s+\w+\s*[@{]|\{\s*\w+\s*(?:\([^(){}]{0,2000}\)\s*)?\{"
)


def looks_like_sdl(text: str) -> bool:
    """Whether a text is GraphQL's schema language: its first definition says so."""
    plain = ASIDE.sub(" ", text[:20_000]).lstrip("\ufeff \t\r\n,")
    return _BEGINS.match(plain) is not None


def asks(text: str) -> bool:
    """Whether a text is what a consumer asks of GraphQL."""
    return _ASKS.match(ASIDE.sub(" ", text).lstrip("\ufeff \t\r\n,")) is not None


def document_of_sdl(text: str, where: str) -> dict[str, Any] | None:
    """An SDL as a document; its binding stands in a line `# x-seamwatch: {"path": "/graphql"}`.
    None for another text.

    Raises ContractError for queries without a schema.
    """
    if asks(text[:20_000]):
        raise ContractError(
            f"{where}: these are queries, what a consumer asks of GraphQL; missing is the schema that they are asked of: publish the "
            "endpoint's SDL, or the answer to an introspection query, as its provider's contract. Queries are judged by it as calls show them"
        )
    if not looks_like_sdl(text):
        return None
    return {SDL: text, BINDING: bound_in_comment(text, "#", where)}


def introspected(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What introspection answered (`__schema`), where a document is that; perhaps the whole
    answer, with `data`.
    """
    inner = document.get("data")
    held = inner if isinstance(inner, dict) and "__schema" in inner else document
    return held if isinstance(held.get("__schema"), dict) else None


def lines_of_sdl(text: str, pointers: Collection[str]) -> dict[str, int]:
    """The line, from 1, of each `/Type` or `/Type/field`; 1 for what is not found."""
    places = set(pointers) | {
        f"/{pointer.split('/')[1]}" for pointer in pointers if pointer.count("/") > 1
    }
    lines: dict[str, int] = {}
    plain = ASIDE.sub(lambda match: "\n" * match[0].count("\n"), text)
    within = ""
    for line, words in enumerate(plain.split("\n"), 1):
        named = _TYPE_LINE.match(words)
        if named is not None:
            within = f"/{named[1]}"
            lines.setdefault(within, line)
        else:
            field = _FIELD_LINE.match(words)
            if field is not None and f"{within}/{field[1]}" in places:
                lines.setdefault(f"{within}/{field[1]}", line)
    return {
        pointer: lines.get(pointer) or lines.get("/".join(pointer.split("/")[:2]), 1)
        for pointer in pointers
    }
