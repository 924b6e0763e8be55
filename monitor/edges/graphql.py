"""What a GraphQL request asks for, by the names that its author gave: `query cart`.
https://graphql.github.io/graphql-over-http/draft/
"""

import re
from typing import Any

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,99}")
_DEFINED = re.compile(
    r"(?<![_0-9A-Za-z$.])(query|mutation|subscription)\s+([_A-Za-z][_0-9A-Za-z]{0,99})(?=\s*[({@])"
)
_STRINGS = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
_MOST_CHARS = 100_000


def graphql_asked(body: Any) -> str:
    """The type and name of the operation that a decoded body names, as spans name it; "" where it
    names none, or one of several.
    """
    if not isinstance(body, dict):
        return ""
    text, operation = body.get("query"), body.get("operationName")
    plain = _STRINGS.sub(" ", text) if isinstance(text, str) and len(text) <= _MOST_CHARS else ""
    defined = [(match[1], match[2]) for match in _DEFINED.finditer(plain)]
    if isinstance(operation, str) and _NAME.fullmatch(operation):
        kind = next((kind for kind, name in defined if name == operation), "")
        return f"{kind} {operation}".strip()
    return " ".join(defined[0]) if len(defined) == 1 and not operation else ""
