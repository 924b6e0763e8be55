"""Regular expressions of contracts by ECMA-262's rules; one that cannot be compiled leaves its
clause unjudged.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import jsonschema_rs as engine

_WORD = "[A-Za-z0-9_]"
_BOUNDARY = rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"
_NO_BOUNDARY = rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))"
_ANY = r"[^\n\r\u2028\u2029]"
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_COUNT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_BRACED = re.compile(
    r"\\([pP]\{[^{}]*\}|u\{[0-9a-fA-F]+\}|k<[^<>]*>|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|.)",
    re.DOTALL,
)
_NAMED = re.compile(r"\(\?<([^<>=!]+)>")


@lru_cache(maxsize=65_536)
def ecma(pattern: str) -> str:
    r"""The pattern in the engine's words, of the same meaning as ECMA-262 with the flag `u` gives
    it.

    `.` leaves out all four line ends, `\b` knows ASCII words only, `[^]` is any character, and
    inside a class `[`, `&&`, `--` and `~~` are plain characters.
    https://262.ecma-international.org/#sec-patterns
    """
    pattern = _PAIR.sub(_joined, pattern)
    names = _NAMED.findall(pattern)
    parts: list[str] = []
    at, inside = 0, False
    while at < len(pattern):
        if pattern[at] == "\\":
            match = _BRACED.match(pattern, at)
            if match is None:
                return pattern  # ends in a backslash: no pattern at all
            parts.append(_escape(match.group(1), inside, names))
            at = match.end()
        elif inside:
            parts.append(_in_class(pattern, at))
            inside = pattern[at] != "]"
            at += 1
        elif pattern.startswith(("[]", "[^]"), at):
            parts.append("(?!)" if pattern[at + 1] == "]" else r"[\s\S]")
            at += 2 if pattern[at + 1] == "]" else 3
        elif pattern[at] == "[":
            inside = True
            parts.append("[^" if pattern.startswith("[^", at) else "[")
            at += len(parts[-1])
        elif pattern[at] == "{" and not _COUNT.match(pattern, at):
            parts.append(r"\{")
            at += 1
        else:
            parts.append(_ANY if pattern[at] == "." else pattern[at])
            at += 1
    return "".join(parts)


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair.group(1), 16), int(pair.group(2), 16)
    return f"\\u{{{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):X}}}"


def _escape(escaped: str, inside: bool, names: Sequence[str]) -> str:
    if escaped == "b":
        return r"\x08" if inside else _BOUNDARY
    if escaped == "B" and not inside:
        return _NO_BOUNDARY
    if escaped == "0":
        return r"\x00"
    if escaped[0] == "c" and len(escaped) == 2:
        return f"\\x{ord(escaped[1]) % 32:02X}"
    if escaped.startswith("k<") and escaped[2:-1] in names:
        return f"\\{names.index(escaped[2:-1]) + 1}" if len(names) < 10 else f"\\{escaped}"
    return f"\\{escaped}"


def _in_class(pattern: str, at: int) -> str:
    character = pattern[at]
    if character == "[" or (character in "&~" and pattern[at + 1 : at + 2] == character):
        return f"\\{character}"
    if character == "-" and pattern[at - 2 : at] in (r"\w", r"\d", r"\s", r"\W", r"\D", r"\S"):
        return r"\-"  # a range cannot begin with a class: browsers read it as itself
    return character


@lru_cache(maxsize=65_536)
def compiles(pattern: str, backtracks: int, size: int) -> bool:
    """Whether the engine takes a pattern that `ecma` made."""
    try:
        options = engine.FancyRegexOptions(backtracks, size, size)
        engine.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, engine.ReferencingError):
        return False
    return True
