"""A message's headers and its payload in JSON, held against schemas: the judges that formats of
messages share.
"""

from collections.abc import Callable, Sequence
from typing import Any

from monitor.contracts.bodies import check_body
from monitor.contracts.carried import Carried
from monitor.contracts.compatibility.said import Said, of_json_schema
from monitor.contracts.findings import Findings
from monitor.contracts.form import Body, MessageJudge, Parameter
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.parameters import check_record_headers
from monitor.contracts.schemas import Schema
from monitor.model.pointers import escaped


def json_judge(
    schema: Schema | None, media: str, clause: str, depth: int, *, may_be_text: bool = False
) -> MessageJudge:
    """What a schema asks of a record in JSON, perhaps behind a registry's frame."""
    texts = frozenset([media] if may_be_text else [])
    body = Body(True, {media: schema}, clause, texts=texts)

    def judge(record: Carried, mismatches: Mismatches) -> None:
        findings = Findings()
        check_body(
            record.content(media),
            body,
            "request",
            mismatches.redacted,
            depth,
            findings,
            record.limits,
        )
        poured(findings, mismatches)

    return judge


def of_schema(schema: Schema) -> Said:
    """What a schema says of a value, to be held against another's."""
    return of_json_schema(*schema.written, schema.pointer)


def headers_judge(described: Sequence[Parameter]) -> MessageJudge:
    """What a message says of its headers."""

    def judge(record: Carried, mismatches: Mismatches) -> None:
        findings = Findings()
        check_record_headers(record.headers, described, findings)
        poured(findings, mismatches)

    return judge


def all_of(judges: Sequence[MessageJudge]) -> MessageJudge:
    """Several as one."""
    if len(judges) == 1:
        return judges[0]

    def judge(record: Carried, mismatches: Mismatches) -> None:
        for member in judges:
            member(record, mismatches)

    return judge


def poured(findings: Findings, mismatches: Mismatches) -> None:
    """What was found, as mismatches of a message."""
    for _, broken in findings.broken:
        mismatches.add(broken)
    for left in findings.unchecked:
        mismatches.leave(left.code, left.clause)
    mismatches.shape_only = mismatches.shape_only or findings.shape_only


def described_headers(
    schema_of_headers: Any,
    clause: str,
    lazily: Callable[[str], Schema],
    reading: Callable[[Any], Any],
) -> list[Parameter]:
    """The properties of a schema of headers, each read as its schema says."""
    properties = (
        schema_of_headers.get("properties") if isinstance(schema_of_headers, dict) else None
    )
    required = schema_of_headers.get("required") if isinstance(schema_of_headers, dict) else None
    names = {str(name) for name in required} if isinstance(required, list) else set()
    headers = []
    for name, schema in (properties if isinstance(properties, dict) else {}).items():
        pointer = f"{clause}/properties/{escaped(name)}"
        judged = lazily(pointer) if isinstance(schema, dict | bool) else None
        headers.append(
            Parameter(
                name.lower(),
                "header",
                name in names,
                judged,
                pointer,
                reading(schema),
                "simple",
                explode=False,
            )
        )
    unlisted = [
        name for name in names if not isinstance(properties, dict) or name not in properties
    ]
    return [
        *headers,
        *(
            Parameter(name.lower(), "header", True, None, f"{clause}/required")
            for name in unlisted
        ),
    ]
