"""JSON with comments, as WireMock and other readers of stubs take it."""

import re

# Whatever is left open is a piece too, so that no text is looked through more than once.
_PIECE = re.compile(
    r""""(?:[^"\\\n]|\\.)*(?:"|\Z|(?=\n)|\\\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL
)
_SIGN = re.compile(r"[^\n]")


def is_object(text: str, begins: str = "{") -> bool:
    """Whether a text begins as an object of JSON does, perhaps after comments; or with one of
    some signs.
    """
    rest = text.lstrip()
    if rest[:2] in ("//", "/*"):
        rest = uncommented(text).lstrip()
    return bool(rest) and rest[0] in begins


def uncommented(text: str) -> str:
    """The text with spaces in place of `// …` and `/* … */` outside its strings; lines and
    columns stay as they were.
    """
    return _PIECE.sub(
        lambda piece: piece[0] if piece[0][0] == '"' else _SIGN.sub(" ", piece[0]), text
    )
