"""Marks that sources leave in a body's place: cut off, masked as a whole, or not there."""

import re
from typing import Any

from monitor.decode.api_logs import fields
from monitor.model.exchanges import Body

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
NO_BODIES = ("-", "(null)", "null", "<nil>")


def body_and_cut(value: Any) -> tuple[Body, bool]:
    """A body and whether the log cut it; None for what is no body: "-", or a mask of the whole."""
    body = fields.body_of(value)
    if not isinstance(body, str):
        return body, False
    if body in NO_BODIES or (len(body) <= _LOOKED_AT and _MASK.fullmatch(body.strip())):
        return None, False
    match = _CUT.search(body, max(0, len(body) - _LOOKED_AT))
    return (body[: match.start()], True) if match is not None else (body, False)
