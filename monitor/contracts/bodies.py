"""One side's body against its clause: media type, JSON, schema."""

from collections.abc import Mapping
from functools import lru_cache

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Body
from monitor.contracts.forms import Form, parts_of, values_of
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.loose import holds_mask
from monitor.contracts.payloads import (
    EMPTY,
    MEDIA_TYPE,
    NO_BODY,
    NOT_JSON,
    TOO_DEEP,
    TOO_LARGE,
    UNDECIDABLE,
    Payload,
    deeper_than,
    is_json_type,
    without_parameters,
)
from monitor.contracts.plain_texts import check_text, is_text
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError
from monitor.model.pointers import escaped


def check_body(
    payload: Payload,
    clause: Body,
    side: Side,
    redacted: bool,
    depth: int,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    """Add to `findings` what the clause says of a body: broken clauses, or why it could not be
    held against it.
    """
    media = clause.media
    problem = payload.problem
    if problem == EMPTY:
        if clause.required and any(schema is not None for schema in media.values()):
            findings.add(side, Broken("missing_body", "", clause.clause, "present", "absent"))
        return
    if (
        problem == NO_BODY
        and side == "request"
        and not clause.required
        and payload.described
        and not payload.media
    ):
        return  # its headers are known and speak of no body
    entry = meant(media, payload.media)
    if payload.media and problem != NO_BODY and entry is None:
        expected = "|".join(sorted(media))[:120]
        actual = _known_media(payload.media.partition(";")[0].rstrip())
        findings.add(
            side,
            Broken("undocumented_media_type", "", f"{clause.clause}/content", expected, actual),
        )
        return
    if entry in clause.texts and (problem == NOT_JSON or payload.repeats_a_key()):
        findings.leave(MEDIA_TYPE, side, clause.clause)
        return
    if problem == NOT_JSON:
        findings.add(side, Broken("not_json", "", clause.clause, "JSON", "other text"))
        return
    schema = None if entry is None else media[entry]
    if schema is None:
        if entry is not None and problem in ("", MEDIA_TYPE):
            return  # the contract says nothing of the content
        findings.leave(problem or MEDIA_TYPE, side, clause.clause)
        return
    form = clause.forms.get(entry or "")
    if form is not None and payload.media and problem == MEDIA_TYPE:
        _form(payload, schema, form, side, redacted, depth, findings, limits)
        return
    plain = clause.plain.get(entry or "")
    if plain is not None and problem == MEDIA_TYPE and is_text(payload.media) and not redacted:
        check_text(payload, schema, plain, side, findings, limits)
        return
    if problem:
        findings.leave(problem, side, schema.pointer)
        return
    _clauses(payload, schema, side, redacted, depth, findings, limits)


def _clauses(
    payload: Payload,
    schema: Schema,
    side: Side,
    redacted: bool,
    depth: int,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    value = payload.value
    if depth < limits.depth and deeper_than(value, depth) and not schema.bears(value, limits.work):
        findings.leave(TOO_DEEP, side, schema.pointer)
        return
    if not redacted and schema.is_long(value):
        findings.leave(TOO_LARGE, side, schema.pointer)
        return
    try:
        if redacted or not payload.keeps(schema):
            _broken(value, schema, side, redacted, depth, findings, limits)
        if payload.repeats_a_key():
            findings.add(side, Broken("duplicate_key", "", schema.pointer, "once", "twice"))
    except (ContractError, ValueError, RecursionError):
        findings.leave(UNDECIDABLE, side, schema.pointer)


def _form(
    payload: Payload,
    schema: Schema,
    form: Form,
    side: Side,
    redacted: bool,
    depth: int,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    """A form is good when one reading of its fields keeps the schema; a field whose writing is not
    read here leaves it open.
    """
    raw, problem = payload.raw()
    parts = None if problem else parts_of(raw, payload.media)
    if parts is None or any(part.name in form.other for part in parts):
        findings.leave(
            problem or (MEDIA_TYPE if parts is None else UNDECIDABLE), side, schema.pointer
        )
        return
    for part in parts:
        media_types = form.media.get(part.name)
        if media_types and part.media and meant(dict.fromkeys(media_types), part.media) is None:
            pointer = f"/{escaped(part.name)}"
            findings.add(
                side,
                Broken(
                    "undocumented_media_type",
                    pointer,
                    schema.pointer,
                    "|".join(media_types)[:120],
                    _known_media(without_parameters(part.media)),
                ),
            )
    try:
        values = list(values_of(parts, form.read()))
        if any(deeper_than(value, depth) for value in values):
            findings.leave(TOO_DEEP, side, schema.pointer)
        elif not redacted and any(map(schema.is_long, values)):
            findings.leave(TOO_LARGE, side, schema.pointer)
        elif redacted or not any(map(schema.fits, values)):
            _broken(values[0], schema, side, redacted, depth, findings, limits)
    except (ContractError, ValueError, RecursionError):
        findings.leave(UNDECIDABLE, side, schema.pointer)


def _broken(
    value: object,
    schema: Schema,
    side: Side,
    redacted: bool,
    depth: int,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    """Which clauses a body breaks; only that it does where the telling costs too much."""
    costly = depth < limits.depth and not schema.bears(value, limits.told)
    if redacted:
        findings.shape_only = True
        if costly or schema.is_dear(value):
            findings.leave(TOO_DEEP if costly else TOO_LARGE, side, schema.pointer)
        else:
            findings.broken.extend(
                (side, broken) for broken in schema.broken_in_shape(value, limits.violations)
            )
        return
    masked = holds_mask(value)
    if costly or (masked and schema.is_dear(value)):
        if masked or schema.unjudged:
            findings.leave(UNDECIDABLE, side, schema.pointer)
        else:
            findings.add(side, Broken("schema", "", schema.pointer, "kept", "broken"))
        return
    violations = schema.broken(value, limits.violations)
    if not violations and masked:
        findings.shape_only = True
    elif not violations:
        findings.leave(UNDECIDABLE, side, schema.pointer)
    findings.broken.extend((side, entry) for entry in violations)


def meant(media: Mapping[str, Schema | None], media_type: str) -> str | None:
    """The entry of `content` that a media type falls under, the most specific one; None when there
    is none.

    A type with its parameters beats the type alone, that beats `type/*+suffix`, that `type/*`, and
    that `*/*`. Without a type the first entry that may hold JSON is meant.
    """
    if media_type in media:
        return media_type
    if not media_type:
        return next(
            (
                entry
                for entry in media
                if is_json_type(entry) or _rank(entry, "application/json") is not None
            ),
            None,
        )
    ranked = [(rank, entry) for entry in media if (rank := _rank(entry, media_type)) is not None]
    return min(ranked)[1] if ranked else None


@lru_cache(maxsize=4096)
def _rank(entry: str, media_type: str) -> int | None:
    """How specifically a media range of a contract names a media type, 0 the most; None when it
    does not.
    """
    if entry == media_type:
        return 0
    kind, parameters = _split(entry)
    plain, plain_parameters = _split(media_type)
    if kind == plain:
        if not parameters - plain_parameters:
            return 1 if parameters else 2
        return 3  # other parameters: still the only words that the contract has for this type
    main, _, rest = kind.partition("/")
    if main not in ("*", plain.partition("/")[0]):
        return None
    if rest.startswith("*+"):
        return 4 if plain.endswith(rest[1:]) else None
    return None if rest != "*" else 5 if main != "*" else 6


def _split(media: str) -> tuple[str, frozenset[str]]:
    """A type and its parameters; the charset does not count, since JSON has only one."""
    kind, *parameters = (part.strip() for part in media.split(";"))
    return kind, frozenset(
        parameter.replace('"', "").replace(" ", "")
        for parameter in parameters
        if parameter and not parameter.startswith("charset")
    )


@lru_cache(maxsize=1024)
def _known_media(media: str) -> str:
    """A media type if it looks like one; headers are the other side's text."""
    kind, slash, rest = media.partition("/")
    registered = (
        slash
        and kind in ("application", "text", "image", "audio", "video", "multipart", "font")
        and len(rest) <= 60
    )
    return (
        media
        if registered and rest.replace("-", "").replace("+", "").replace(".", "").isalnum()
        else "other"
    )
