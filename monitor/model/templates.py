"""Failure messages as templates: what they say without whom or what they are about. No value of a
payload stays in one.

By what is surely harmless, not by what looks secret: plain words stay, and names of exceptions;
numbers, ids, addresses, quoted texts, what stands behind a `=` or words like `password`, and words
that begin like names become placeholders.
"""

import re
from functools import lru_cache

MOST_WORDS, LONGEST_WORD, LONGEST_MESSAGE = 16, 40, 400
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|“[^”]*”|«[^»]*»")
_ASSIGNED = re.compile(r"(?<=[\w\])])\s*=\s*[^\s,;)]+")
_ADDRESS = re.compile(
    r"[\w+.-]+://\S*|\S*@\S+|(?:[\w-]+\.)+[\w-]+:\d+\S*|(?:/[\w.~%+-]+){2,}/?\S*|[A-Za-z]:\\\S*"
)
_WHOSE = re.compile(
    r"\b(pass(?:word|phrase|wd)|pwd|secret|token|pin|api[ -]?key|user(?:name)?|customer|account|client|login|e-?mail|named?|called)(?:\s*:\s*|\s+)"
    r"(?!(?:is|was|were|are|not|has|have|had|already|does|did|must|may|can|cannot|could|in|for|to|on|of|or|and|with|from|by|expired|"
    r"invalid|missing|required|wrong|rejected|unknown|locked|disabled|error)\b|<)[^\s,;:)]+",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(r"[\"'`{\[“«].*", re.DOTALL)
_WORD = re.compile(r"<[a-z]+>|[^\s,;:()|!?]+|[,;:()|!?]")
_PLAIN = re.compile(r"[a-z]{1,20}(?:[-_'][a-z]{1,20}){0,3}\.?")
_KIND = re.compile(
    r"(?:[A-Za-z][\w]*[.$])*(?:[A-Z][A-Za-z]*(?:Exception|Error|Timeout|Failure|Fault)|[A-Z][A-Z_]{1,30})\.?:?"
)
_NUMBER = re.compile(r"[-+#$€£]*\d+(?:[.,:/x-]\d+)*(?:ms|us|µs|ns|s|m|h|[kKMG]?i?B|%)?\.?")
_SENTENCE = re.compile(r"[A-Z][a-z]{0,20}\.?")
_NAME = "<name>"


@lru_cache(maxsize=4096)
def template_of(message: str) -> str:
    """The message as a template of at most 16 words; "" for one that says nothing. The same text
    gives the same template, always.
    """
    text = message.strip()[:LONGEST_MESSAGE].partition("\n")[0]
    for pattern, placeholder in (
        (_ADDRESS, " <address> "),
        (_QUOTED, " <text> "),
        (_ASSIGNED, " = <value> "),
        (_WHOSE, r"\1 <value> "),
        (_UNFINISHED, " <text> "),
    ):
        text = pattern.sub(placeholder, text)
    words: list[str] = []
    begins = True
    for word in _WORD.findall(text):
        token = _said(word, begins=begins)
        begins = False
        if token != (words[-1] if words else "") or not token.startswith("<"):
            words.append(token)
        if len(words) == MOST_WORDS:
            break
    return re.sub(r" (?=[,;:)!?])|(?<=\() ", "", " ".join(words))


def _said(word: str, *, begins: bool) -> str:
    if word in (
        "<address>",
        "<text>",
        "<value>",
        "=",
        "-",
        ",",
        ";",
        ":",
        "(",
        ")",
        "|",
        "!",
        "?",
    ):
        return word
    if len(word) <= LONGEST_WORD:
        if (
            _PLAIN.fullmatch(word)
            or _KIND.fullmatch(word)
            or (begins and _SENTENCE.fullmatch(word))
        ):
            return word.rstrip(".")
        if _NUMBER.fullmatch(word):
            return "<num>"
    return _NAME if word.isalpha() and word[:1].isupper() else "<id>"
