"""The words and signs of a .proto file, which tell what it is and what reading it would cost. The
parser itself is in proto_text.py: it takes longer to load than most contracts to read.
"""

import re

MOST_TOKENS = 20_000  # of a file and all that it imports: the parser takes some 80 us each
TOKEN = re.compile(r"\w+|[^\w\s]")
_ASIDE = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)


def looks_like_proto(text: str) -> bool:
    """Whether a text is a .proto file: its first statement says so."""
    plain = without_comments(text[:20_000]).lstrip("\ufeff \t\r\n")
    return (
        re.match(
            r"(?:syntax|edition)\s*=|package\s+[\w.]+\s*;|import\s+(?:public\s+|weak\s+|option\s+)?\"|(?:message|enum|service)\s+\w+\s*\{",
            plain,
        )
        is not None
    )


def tokens_of(text: str) -> int:
    """How many words and signs a text has beside its comments: what reading it costs."""
    return sum(1 for _ in TOKEN.finditer(without_comments(text)))


def without_comments(text: str) -> str:
    """The text with its lines where they were."""
    return _ASIDE.sub(lambda match: match[1] or " " + "\n" * match[0].count("\n"), text)
