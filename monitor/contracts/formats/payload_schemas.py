"""A message's headers and its payload in JSON, held against schemas: the judges that formats of messages share."""

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


def json_judge(schema: Schema | None, media: str, clause: str, depth: int) -> MessageJudge:
    """What a schema asks of a record in JSON, perhaps behind a registry's frame."""
    body = Body(True, {media: schema}, clause)

    def judge(record: Carried, said: Mismatches) -> None:
        findings = Findings()
        check_body(record.content(media), body, "request", said.redacted, depth, findings, record.limits)
        poured(findings, said)

    return judge


def of_schema(schema: Schema) -> Said:
    """What a schema says of a value, to be held against another's."""
    return of_json_schema(*schema.written, schema.pointer)


def headers_judge(described: Sequence[Parameter]) -> MessageJudge:
    """What a message says of its headers."""

    def judge(record: Carried, said: Mismatches) -> None:
        findings = Findings()
        check_record_headers(record.headers, described, findings)
        poured(findings, said)

    return judge


def all_of(judges: Sequence[MessageJudge]) -> MessageJudge:
    """Several as one."""
    if len(judges) == 1:
        return judges[0]

    def judge(record: Carried, said: Mismatches) -> None:
        for one in judges:
            one(record, said)

    return judge


def poured(findings: Findings, said: Mismatches) -> None:
    """What was found, as mismatches of a message."""
    for _, broken in findings.broken:
        said.add(broken)
    for left in findings.unchecked:
        said.leave(left.code, left.clause)
    said.shape_only = said.shape_only or findings.shape_only


def described_headers(held: Any, clause: str, lazily: Callable[[str], Schema], reading: Callable[[Any], Any]) -> list[Parameter]:
    """The properties of a schema of headers, each read as its schema says."""
    properties = held.get("properties") if isinstance(held, dict) else None
    required = held.get("required") if isinstance(held, dict) else None
    names = {str(one) for one in required} if isinstance(required, list) else set()
    found = []
    for name, schema in (properties if isinstance(properties, dict) else {}).items():
        pointer = f"{clause}/properties/{escaped(name)}"
        judged = lazily(pointer) if isinstance(schema, dict | bool) else None
        found.append(Parameter(name.lower(), "header", name in names, judged, pointer, reading(schema), "simple", explode=False))
    unlisted = [name for name in names if not isinstance(properties, dict) or name not in properties]
    return [*found, *(Parameter(name.lower(), "header", True, None, f"{clause}/required") for name in unlisted)]
