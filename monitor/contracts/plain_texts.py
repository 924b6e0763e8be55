"""A body of text against the schema of a scalar: the text is the value.

https://spec.openapis.org/oas/v3.1.1.html#working-with-media-types
"""

import codecs
import re

from monitor.contracts.findings import Findings, Side
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.loose import is_mask
from monitor.contracts.payloads import (
    NO_BODY,
    TOO_LARGE,
    TRUNCATED,
    UNDECIDABLE,
    Payload,
    without_parameters,
)
from monitor.contracts.readings import Reading, readings
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError
from monitor.model.body_marks import cut_at, stands_for_body

_CHARSET = re.compile(r';\s*charset\s*=\s*"?([\w.:\-]{1,40})')
_OTHERS = frozenset({"text/xml", "text/json", "text/event-stream"})


def is_text(media: str) -> bool:
    """Whether a body of a media type (lower case, perhaps a range) is one text: not markup, a
    stream or JSON.
    """
    kind = without_parameters(media)
    return kind.startswith("text/") and kind not in _OTHERS and "+" not in kind


def check_text(
    payload: Payload,
    schema: Schema,
    reading: Reading,
    side: Side,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    """Add to `findings` what a text breaks: good is one of whose readings one keeps the schema.

    Loggers take a line's end off, and writers put one behind: it does not count. What a log may
    have cut is not held against anybody.
    """
    raw, problem = payload.raw()
    text = None if problem else _decoded(raw, payload.media)
    if text is None:
        findings.leave(problem or UNDECIDABLE, side, schema.pointer)
        return
    if is_mask(text) or stands_for_body(text):
        findings.leave(NO_BODY, side, schema.pointer)
        return
    try:
        if schema.is_long(text):
            findings.leave(TOO_LARGE, side, schema.pointer)
            return
        values = [
            value
            for written in dict.fromkeys((text, text.rstrip("\r\n")))
            for value in readings(written, reading)
        ]
        if any(map(schema.fits, values)):
            return
        if cut_at(text) is not None or _is_short(payload, raw):
            findings.leave(TRUNCATED, side, schema.pointer)
            return
        violations = schema.broken(values[0], limits.violations)
    except (ContractError, ValueError, RecursionError):
        violations = []
    if not violations:
        findings.leave(UNDECIDABLE, side, schema.pointer)
    findings.broken.extend((side, broken) for broken in violations)


def _decoded(raw: str | bytes, media: str) -> str | None:
    """The text; None where its bytes are none in the charset that they should have."""
    if isinstance(raw, str):
        return raw
    match = _CHARSET.search(media)
    try:
        return raw.decode(codecs.lookup(match[1]).name if match else "utf-8")
    except (LookupError, UnicodeError):
        return None


def _is_short(payload: Payload, raw: str | bytes) -> bool:
    """Whether its sender told of more bytes."""
    length = payload.length
    size = len(raw if isinstance(raw, bytes) else raw.encode("utf-8", "replace"))
    return length.isdecimal() and len(length) < 20 and int(length) > size
