"""One side's body against its clause: media type, JSON, schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from monitor.contracts.broken import Broken
from monitor.contracts.form import Body
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, NOT_JSON, TOO_DEEP, Payload, deeper_than, is_json_type
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError

UNDECIDABLE = "undecidable"


@dataclass(slots=True)
class Findings:
    """What the sides of one exchange said so far."""

    broken: list[tuple[str, Broken]]
    reason: str = ""
    shape_only: bool = False


def check_body(
    payload: Payload, clause: Body, side: str, redacted: bool, depth: int, findings: Findings, limits: PayloadLimits
) -> None:
    """Add to `findings` what the clause says of a body: broken clauses, or why it could not be held against it."""
    media = clause.media
    problem = payload.problem
    if problem == EMPTY:
        if (side == "response" or clause.required) and any(schema is not None for schema in media.values()):
            findings.broken.append((side, Broken("missing_body", "", clause.clause, "present", "absent")))
        return
    if problem == NO_BODY and side == "request" and not clause.required and payload.described and not payload.media:
        return  # its headers are known and speak of no body
    if payload.media and problem != NO_BODY and not any(_covers(entry, payload.media) for entry in media):
        expected = "|".join(sorted(media))[:120]
        actual = _known_media(payload.media)
        findings.broken.append((side, Broken("undocumented_media_type", "", f"{clause.clause}/content", expected, actual)))
        return
    if problem == NOT_JSON:
        findings.broken.append((side, Broken("not_json", "", clause.clause, "JSON", "other text")))
        return
    schema, known = _schema(media, payload.media)
    if not known or schema is None:
        if schema is None and known and problem in ("", MEDIA_TYPE):
            return  # the contract says nothing of the content
        findings.reason = problem or MEDIA_TYPE
        return
    if problem:
        findings.reason = problem
        return
    _clauses(payload, schema, side, redacted, depth, findings, limits)


def _clauses(
    payload: Payload, schema: Schema, side: str, redacted: bool, depth: int, findings: Findings, limits: PayloadLimits
) -> None:
    value = payload.value
    if depth < limits.depth and deeper_than(value, depth):
        findings.reason = TOO_DEEP
        return
    try:
        if redacted:
            findings.shape_only = True
            findings.broken.extend((side, broken) for broken in schema.broken_in_shape(value, limits.violations))
        elif not schema.fits(value):
            broken = schema.broken(value, limits.violations)
            if not broken:
                findings.reason = UNDECIDABLE
            findings.broken.extend((side, entry) for entry in broken)
        if payload.repeats_a_key():
            findings.broken.append((side, Broken("duplicate_key", "", schema.pointer, "once", "twice")))
    except (ContractError, ValueError, RecursionError):
        findings.reason = UNDECIDABLE


def _schema(media: Mapping[str, Schema | None], said: str) -> tuple[Schema | None, bool]:
    """The schema for a media type, and whether the contract knows it; without a type the first JSON one is meant."""
    if said in media:
        return media[said], True
    for entry, schema in media.items():
        if (said and _covers(entry, said)) or (not said and (is_json_type(entry) or _covers(entry, "application/json"))):
            return schema, True
    return None, False


def _covers(entry: str, said: str) -> bool:
    """Whether a media range of the contract covers a media type."""
    return entry in (said, "*/*") or (entry.endswith("/*") and said.startswith(entry[:-1]))


@lru_cache(maxsize=1024)
def _known_media(media: str) -> str:
    """A media type if it looks like one; headers are the other side's text."""
    kind, slash, rest = media.partition("/")
    known = slash and kind in ("application", "text", "image", "audio", "video", "multipart", "font") and len(rest) <= 60
    return media if known and rest.replace("-", "").replace("+", "").replace(".", "").isalnum() else "other"
