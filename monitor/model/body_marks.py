"""Marks that sources leave in a body's place: cut off, masked as a whole, or not there."""

import re

_CUT = re.compile(
    r"(?:\.{3,}|…|[\[<({]{1,2}\s*(?:body )?(?:truncated|cut|clipped|trimmed)[^\]>)}]{0,60}[\]>)}]{1,2}"
    r"|\.{3} ?\(?(?:truncated|\d+ (?:more )?bytes(?: omitted)?)\)?)\s*\Z",
    re.IGNORECASE,
)
_MASK = re.compile(
    r"[*•█xX]{3,}|[\[<({]{0,2}\s*(?:redacted|filtered|masked|removed|hidden|scrubbed|secret|omitted)[^\]>)}]{0,40}[\]>)}]{0,2}",
    re.IGNORECASE,
)
_LOOKED_AT = 120


def stands_for_body(text: str) -> bool:
    """Whether a text is a mask of a whole body."""
    return len(text) <= _LOOKED_AT and _MASK.fullmatch(text.strip()) is not None


def cut_at(text: str) -> int | None:
    """Where the mark begins that says that a body was cut; None where there is none."""
    match = _CUT.search(text, max(0, len(text) - _LOOKED_AT))
    return None if match is None else match.start()
