"""Bodies against an example and its rules, by content type: JSON, XML, forms, text and bytes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Side
from monitor.contracts.forms import MULTIPART, FormPart, parts_of
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.markup import compile_xml, parse_xml
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import Part, values_judge
from monitor.contracts.matching.paths import ANY, by_first_step, root
from monitor.contracts.matching.rules import Rules, ask
from monitor.contracts.matching.values import compile_json
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.contracts.payloads import (
    EMPTY,
    MEDIA_TYPE,
    NO_BODY,
    NOT_JSON,
    Payload,
    is_json_type,
    without_parameters,
)
from monitor.contracts.queries import query_pairs
from monitor.model.pointers import escaped

Judge = Callable[[Payload, Mismatches], None]
_LONGEST, _MOST_PARTS = 65_536, 50  # of a multipart body that an example shows
_FORM = "application/x-www-form-urlencoded"
_MAGIC = (
    (b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"), (b"\x1f\x8b", "application/gzip"), (b"BM", "image/bmp"), (b"<?xml", "application/xml"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A body as a contract shows it. `empty`: there must be none; `value` is decoded JSON where
    the type says JSON.

    `media` is its content type with parameters, in lower case, "" where nobody tells.
    """

    kind: Literal["json", "xml", "form", "multipart", "text", "binary", "empty", "opaque"]
    media: str
    value: Any = None


def body_part(
    side: Side,
    example: Example,
    rules: Mapping[str, Rules],
    *,
    strict: bool,
    clause: str,
    work: Work,
) -> Part:
    """One side's body. `strict`: what the example does not show must not be there."""
    return on_side(side, content_judge(example, rules, strict=strict, clause=clause, work=work))


def on_side(side: Side, judge_payload: Judge) -> Part:
    """A judge of payloads as one of that side of a call."""

    def judge(call: Call, mismatches: Mismatches) -> None:
        judge_payload(call.request if side == "request" else call.response, mismatches)

    return judge


def content_judge(
    example: Example, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Judge:
    """What an example asks of a payload. Raises ContractError for an example that
    cannot be used.
    """
    if example.kind == "empty":
        return _empty(clause)
    missing = Broken("missing_body", "", clause, "present", "absent")
    typed = Broken(
        "content_type",
        "",
        clause,
        example.media.partition(";")[0][:60] or example.kind,
        "another content type",
    )
    inner = _inner(example, rules, strict=strict, clause=clause, work=work)
    expected, kind = without_parameters(example.media), example.kind
    by_rule = any(rule.kind == "contentType" for group in rules.values() for rule in group.rules)
    last = ""  # the type that fitted last: most payloads have the same

    def judge(payload: Payload, mismatches: Mismatches) -> None:
        nonlocal last
        if payload.media != last:
            media = without_parameters(payload.media)
            if (
                expected
                and media
                and not by_rule
                and media != expected
                and not _kin(expected, media, kind)
            ):
                mismatches.add(typed)
                return
            last = payload.media
        inner(payload, mismatches, missing)

    return judge


def _kin(wanted: str, media: str, kind: str) -> bool:
    """Whether two content types are read alike: `application/vnd.a+json` and `application/json`,
    any two words for XML.
    """
    if kind == "json":
        return (
            is_json_type(wanted) and is_json_type(media) and "application/json" in (wanted, media)
        )
    return (
        kind == "xml"
        and _is_xml(wanted)
        and _is_xml(media)
        and "xml" in wanted.partition("/")[2].split("+")[-1:]
    )


def _is_xml(media: str) -> bool:
    return media in ("application/xml", "text/xml") or media.endswith("+xml")


Inner = Callable[[Payload, Mismatches, Broken], None]


def _inner(
    example: Example, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Inner:
    if example.kind == "json":
        return _json(example, rules, strict=strict, clause=clause, work=work)
    if example.kind == "opaque":
        return lambda _payload, mismatches, _missing: mismatches.leave(MEDIA_TYPE, clause)
    if example.kind == "xml":
        return _xml(example, rules, strict=strict, clause=clause, work=work)
    if example.kind == "form":
        return _form(example, rules, clause)
    if example.kind == "multipart":
        return _multipart(example, rules, strict=strict, clause=clause, work=work)
    return _text(example, rules, clause)


def _raw(
    payload: Payload, mismatches: Mismatches, missing: Broken, clause: str
) -> str | bytes | None:
    """The body as it is; None when that has been said of it already."""
    raw, problem = payload.raw()
    if problem == EMPTY:
        mismatches.add(missing)
        return None
    if problem:
        mismatches.leave(problem, clause)
        return None
    return raw


def _json(
    example: Example, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Inner:
    judge_value = compile_json(example.value, rules, strict=strict, clause=clause, work=work)
    other = Broken("not_json", "", clause, "JSON", "other text")
    repeated = Broken("duplicate_key", "", clause, "once", "twice")

    def judge(payload: Payload, mismatches: Mismatches, missing: Broken) -> None:
        if judge_value.proves is not None and payload.proven_by(judge_value.proves):
            return
        problem = payload.problem
        if not problem:
            judge_value(payload.value, mismatches)
            if not strict and not mismatches.found and payload.repeats_a_key():
                mismatches.add(repeated)
        elif problem == EMPTY:
            mismatches.add(missing)
        elif problem == NOT_JSON:
            mismatches.add(other)
        else:
            mismatches.leave(problem, clause)

    return judge


def _xml(
    example: Example, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Inner:
    judge_root = compile_xml(str(example.value), rules, strict=strict, clause=clause, work=work)

    def judge(payload: Payload, mismatches: Mismatches, missing: Broken) -> None:
        raw = _raw(payload, mismatches, missing, clause)
        if raw is None:
            return
        element = parse_xml(raw)
        if element is None:
            mismatches.leave("undecidable", clause)
        else:
            judge_root(element, mismatches)

    return judge


def _form(example: Example, rules: Mapping[str, Rules], clause: str) -> Inner:
    top = root(rules)
    expected: dict[str, list[str]] = {}
    for name, value in query_pairs(str(example.value)) or ():
        expected.setdefault(name, []).append(unquote_plus(value))
    judges = {
        name: values_judge(name, values, top, clause, prefix="")
        for name, values in expected.items()
    }
    surplus = Broken("unexpected_parameter", "/*", clause, "absent", "present")

    def judge(payload: Payload, mismatches: Mismatches, missing: Broken) -> None:
        raw = _raw(payload, mismatches, missing, clause)
        if raw is None:
            return
        pairs = query_pairs(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
        if pairs is None:
            mismatches.leave("query_too_large", clause)
            return
        by_name: dict[str, list[str]] = {}
        for name, value in pairs:
            by_name.setdefault(name, []).append(unquote_plus(value))
        for name, (judge_values, absent) in judges.items():
            if name in by_name:
                judge_values(by_name[name], mismatches)
            else:
                mismatches.add(absent)
        if by_name.keys() - judges.keys():
            mismatches.add(surplus)

    return judge


def _multipart(
    example: Example, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Inner:
    """Each part of the example by its name, as a body of its own; a rule `contentType` asks for
    its type alone.
    """
    judges: dict[str, tuple[Judge, Broken]] = {}
    grouped = by_first_step(rules)
    for part in example.value:
        work.spend(EXAMPLE, clause)
        absent = Broken("missing_parameter", f"/{escaped(part.name)}", clause, "present", "absent")
        part_rules = {**grouped.get(ANY, {}), **grouped.get(part.name, {})}
        whole_rules = part_rules.get("$")
        by_type = whole_rules is not None and any(
            rule.kind == "contentType" for rule in whole_rules.rules
        )
        shown = (
            Example("binary", "", part.content)
            if by_type
            else example_of(_readable(part.content), part.media or "text/plain")
        )
        judges[part.name] = (
            content_judge(shown, part_rules, strict=strict, clause=clause, work=work),
            absent,
        )

    def judge(payload: Payload, mismatches: Mismatches, missing: Broken) -> None:
        raw = _raw(payload, mismatches, missing, clause)
        if raw is None:
            return
        parts = parts_of(raw, MULTIPART)
        if parts is None:
            mismatches.leave(MEDIA_TYPE, clause)
            return
        named = {part.name: part for part in parts}
        for name, (judge_part, absent) in judges.items():
            if name not in named:
                mismatches.add(absent)
                continue
            inner = mismatches.inner()
            judge_part(
                Payload(
                    named[name].content,
                    {"content-type": named[name].media} if named[name].media else {},
                ),
                inner,
            )
            mismatches.below(f"/{escaped(name)}", inner)

    return judge


def _readable(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _text(example: Example, rules: Mapping[str, Rules], clause: str) -> Inner:
    """Text and bytes as a whole: equal, or as the rules of the root ask."""
    place = root(rules)
    best = place.best
    expected = example.value if isinstance(example.value, str | bytes) else str(example.value)
    as_bytes = (
        expected if isinstance(expected, bytes) else expected.encode("utf-8", "surrogatepass")
    )
    content = (
        next((rule.text for rule in best.rules if rule.kind == "contentType"), None)
        if best is not None
        else None
    )
    check = ask(best, expected, text=True) if best is not None and content is None else None
    said_by = clause if best is None else best.clause

    def judge(payload: Payload, mismatches: Mismatches, missing: Broken) -> None:
        raw = _raw(payload, mismatches, missing, clause)
        if raw is None:
            return
        if content is not None:
            _content(content, raw, payload.media, said_by, mismatches)
        elif check is not None:
            fits = check(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
            if fits is None:
                mismatches.leave("undecidable", said_by)
            elif not fits:
                mismatches.value(
                    best.name if best is not None else "", "", said_by, "text", str(raw)[:100]
                )
        elif (raw if isinstance(raw, bytes) else raw.encode("utf-8", "replace")) != as_bytes:
            mismatches.value("equality", "", clause, "text", str(raw)[:100])

    return judge


def _content(
    expected: str, raw: str | bytes, media: str, clause: str, mismatches: Mismatches
) -> None:
    """The rule `contentType`: by the first bytes where they are known, else by the type that is
    told.
    """
    start = raw[:8] if isinstance(raw, bytes) else raw[:8].encode("latin-1", "replace")
    detected_type = next((name for magic, name in _MAGIC if start.startswith(magic)), "")
    kind = without_parameters(expected.lower())
    if (
        detected_type == kind
        or (not detected_type and without_parameters(media) == kind)
        or (not detected_type and _looks(raw, kind))
    ):
        return
    if detected_type:
        mismatches.add(Broken("contentType", "", clause, kind[:60], "another content type"))
    else:
        mismatches.leave(MEDIA_TYPE, clause)


def _looks(raw: str | bytes, kind: str) -> bool:
    if is_json_type(kind):
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            return False
        return True
    return kind == "text/plain" and isinstance(raw, str)


def _empty(clause: str) -> Judge:
    surplus = Broken("unexpected_body", "", clause, "absent", "present")

    def judge(payload: Payload, mismatches: Mismatches) -> None:
        raw, problem = payload.raw()
        if problem in (EMPTY, NO_BODY):
            # a source without bodies shows none either: nothing is held against what is not there
            return
        if problem:
            mismatches.leave(problem, clause)
        elif raw not in ("null", b"null"):
            mismatches.add(surplus)

    return judge


def detected(value: Any) -> str:
    """The content type of an example that comes with none."""
    if not isinstance(value, str):
        return "application/json"
    start = value.lstrip()[:5]
    if start == "<?xml":
        return "application/xml"
    if start[:1] in ("{", "["):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return "text/plain"
        return "application/json"
    return (
        "application/xml"
        if start[:1] == "<" and start[1:2].isalpha() and parse_xml(value) is not None
        else "text/plain"
    )


def example_of(value: Any, media: str) -> Example:
    """An example by its content type: text of JSON is decoded, an empty text or null asks for no
    body.
    """
    media = media.strip().lower()
    if value is None or value in ("", b""):
        return Example("empty", media)
    kind = without_parameters(media) or detected(value)
    if kind == _FORM:
        return Example("form", media, value if isinstance(value, str) else _as_form(value))
    if is_json_type(kind):
        return Example("json", media, _decoded(value))
    if _is_xml(kind):
        return Example(
            "xml",
            media,
            value
            if isinstance(value, str)
            else value.decode("utf-8", "replace")
            if isinstance(value, bytes)
            else str(value),
        )
    if kind.startswith("multipart/"):
        parts = _parts(value) if kind == MULTIPART and isinstance(value, str | bytes) else None
        return Example("multipart", media, parts) if parts else Example("opaque", media)
    if isinstance(value, bytes):
        return Example("binary", media, value)
    return Example("text" if isinstance(value, str) else "json", media, value)


def _parts(value: str | bytes) -> list[FormPart] | None:
    """The parts of a body that an example shows; None for what is none, or larger than an example
    needs to be.
    """
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    if len(raw) > _LONGEST or raw.lower().count(b"form-data") > _MOST_PARTS:
        return None
    return parts_of(raw, MULTIPART)


def _decoded(value: Any) -> Any:
    """A text that is JSON stands for it; another text stands for itself."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _as_form(value: Any) -> str:
    return (
        "&".join(f"{name}={item}" for name, item in value.items())
        if isinstance(value, dict)
        else str(value)
    )
