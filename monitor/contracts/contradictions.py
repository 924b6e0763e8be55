"""Where two contracts of one provider cannot both be kept: examples (a pact, Spring contracts,
stubs) that show what the OpenAPI document or the GraphQL schema forbids, and schemas of one operation or topic that
nothing can keep both of.

Each example is judged by the document as if it were an exchange. A pact names what its consumer
needs and no more, so that what an answer's example lacks is no contradiction. A stub's request is
a pattern: what it lacks is none either.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads
from monitor.contracts.compatibility.disjoint import Conflict, conflicts
from monitor.contracts.form import Body, Operation, Promise
from monitor.contracts.formats.payload_schemas import of_schema
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload, is_json_type
from monitor.contracts.registry import InForce
from monitor.contracts.schemas import Schema
from monitor.contracts.shown import messages_in, shown_in
from monitor.contracts.shown_exchange import example_exchange
from monitor.model.exchanges import MESSAGING, Violation

MOST = 100
_MOST_SEEN = 2_000
"""Breaks by examples, before they are folded."""
_PATTERNS = frozenset({"wiremock", "mountebank"})
_LACKS = frozenset(
    "required missing_header missing_body missing_parameter minItems minProperties contains minContains dependentRequired anyOf oneOf if then else "
    "not unevaluatedProperties".split()
)
"""Rules that an example may break because it does not tell all of what it stands for."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One clause that an example breaks: `clause` points into the document named by `contract`,
    `example_clause` into the contract of examples, which `pact` names, whatever its format. With
    `example` "" it is a schema there that the clause leaves no value to.

    `expected` and `actual` are types or names and never values. `examples`: so many examples of
    the contract break the clause alike; the first one is named.
    """

    pact: str
    example: str
    example_clause: str
    contract: str
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    examples: int = 1


def contradictions(
    pact: str,
    document: Mapping[str, Any],
    contract: str,
    promise: Promise,
    kind: str = "pact",
) -> list[Contradiction]:
    """What of the examples of a document of that format an OpenAPI document, or a GraphQL schema,
    forbids, in their order, at most 100; nothing where either is another thing.
    """
    if promise.judge is None and (promise.by_example or not promise.operations):
        return []
    in_force = InForce(contract, 0, promise, 0, 0)
    clashes: list[Contradiction] = []
    patterns = kind in _PATTERNS
    for shown in shown_in(kind, document):
        name, clause, exchange = (
            shown.name,
            shown.clause,
            example_exchange(shown.request, shown.response),
        )
        request = Payload(exchange.request_body, exchange.request_headers)
        response = Payload(exchange.response_body, exchange.response_headers)
        checked = check_payloads(exchange, request, response, [in_force], str)
        clashes += [
            _told(pact, name, clause, violation)
            for violation in checked.violations
            if violation.rule not in _LACKS or (violation.side == "request" and not patterns)
        ]
        if len(clashes) >= _MOST_SEEN:
            break
    return _folded(clashes)


def message_contradictions(
    shows: str,
    kind: str,
    document: Mapping[str, Any],
    promise: Promise,
    contract: str,
    other: Promise,
) -> list[Contradiction]:
    """What of the messages that a document shows another contract forbids for their topic, at most
    100: an AsyncAPI document, or a JSON Schema that is bound to the topic.
    """
    in_force = InForce(contract, 0, other, 0, 0)
    clashes: list[Contradiction] = []
    for name, clause, topic, payload in messages_in(kind, document, promise):
        headers = {"content-type": "application/json"}
        body = json.dumps(payload)
        record = replace(
            example_exchange({"method": "", "path": topic, "headers": headers}, {}),
            protocol=MESSAGING,
            request_body=body,
            path=topic,
        )
        clashes += [
            Contradiction(shows, name, clause, contract, topic, "request", *clash)
            for clash in _in_binary(other, topic, payload)
        ]
        checked = check_payloads(
            record, Carried(topic, body, headers), Payload(None, {}), [in_force], str
        )
        clashes += [
            Contradiction(
                shows,
                name,
                clause,
                violation.contract,
                topic,
                violation.side,
                violation.rule,
                violation.pointer,
                violation.clause,
                violation.expected,
                violation.actual,
            )
            for violation in checked.violations
            if violation.rule not in _LACKS and not violation.rule.startswith("not_")
        ]
        if len(clashes) >= _MOST_SEEN:
            break
    return _folded(clashes)


def _folded(clashes: list[Contradiction]) -> list[Contradiction]:
    """Each clause once, by the first example that breaks it, and how many do."""
    examples: dict[Contradiction, set[str]] = {}
    first: dict[Contradiction, Contradiction] = {}
    for clash in clashes:
        alike = replace(clash, example="", example_clause="")
        first.setdefault(alike, clash)
        examples.setdefault(alike, set()).add(clash.example_clause)
    return [replace(clash, examples=len(examples[alike])) for alike, clash in first.items()][:MOST]


def schema_contradictions(
    name: str, promise: Promise, other_name: str, other: Promise
) -> list[Contradiction]:
    """Where the schemas of two contracts leave nothing that keeps both, at most 100: of one
    operation's bodies, or of one topic's messages.

    `pact` names the first contract; there is no example. Of a topic with several messages each is
    held against that of the other contract which it fits best.
    """
    return list(
        itertools.islice(
            itertools.chain(
                _of_calls(name, promise, other_name, other),
                _of_topics(name, promise, other_name, other),
            ),
            MOST,
        )
    )


def _of_calls(
    name: str, promise: Promise, other_name: str, other: Promise
) -> Iterator[Contradiction]:
    theirs = {
        (operation.method, _unnamed(operation.route)): operation for operation in other.operations
    }
    for own_operation in promise.operations:
        operation = theirs.get((own_operation.method, _unnamed(own_operation.route)))
        if operation is None:
            continue
        pairs = [("request", own_operation.request, operation.request)]
        pairs += [
            ("response", body, answer)
            for status, body in own_operation.responses.items()
            for answer in _answers(operation, status)
        ]
        for side, body, against in pairs:
            for held, wanted in _json_schemas(body, against):
                for conflict in conflicts(of_schema(held), of_schema(wanted)):
                    yield _between(name, other_name, own_operation.name, side, conflict)


def _of_topics(
    name: str, promise: Promise, other_name: str, other: Promise
) -> Iterator[Contradiction]:
    for message in promise.messages:
        if not message.topic or "{" in message.topic or message.says is None:
            continue
        against = [
            kind.says
            for kind in other.of_topic(message.topic)
            if kind.topic and kind.says is not None
        ]
        statement = message.says()
        clashes = [conflicts(statement, says()) for says in against]
        for conflict in min(clashes, key=len, default=[]):
            yield _between(name, other_name, message.topic, "request", conflict)


def _unnamed(route: str) -> str:
    return _NAMED.sub("{}", route).rstrip("/")


def _answers(operation: Operation, status: str) -> list[Body]:
    """The answers of the other contract that a status, or a range of them, falls under."""
    if status.isdecimal():
        answer = operation.response(int(status))
        return [answer] if answer is not None else []
    responses = operation.responses
    return [
        body
        for key, body in responses.items()
        if key == status or (status[1:] == "XX" and key[:1] == status[:1])
    ]


def _json_schemas(first: Body | None, second: Body | None) -> list[tuple[Schema, Schema]]:
    """The schemas for JSON on both sides, each with the first of the other: nothing where one says
    nothing of the content.
    """
    held, wanted = (
        [
            schema
            for media, schema in body.media.items()
            if schema is not None and (is_json_type(media) or media == "*/*")
        ]
        if body is not None
        else []
        for body in (first, second)
    )
    return [(schema, wanted[0]) for schema in held[:1] if wanted]


def _between(
    name: str, other_name: str, operation: str, side: str, conflict: Conflict
) -> Contradiction:
    return Contradiction(
        *(name, "", conflict.clause, other_name, operation, side),
        *(
            conflict.rule,
            conflict.pointer,
            conflict.other_clause,
            conflict.other_said,
            conflict.said,
        ),
    )


_NAMED = re.compile(r"\{[^{}]*\}")


def _in_binary(other: Promise, topic: str, payload: Any) -> list[tuple[str, str, str, str, str]]:
    """What an example breaks of the one message of a topic that has a schema of Avro or Protobuf;
    nothing where it fits one of several.
    """
    kinds = [
        message.example
        for message in other.of_topic(topic)
        if message.topic and message.example is not None
    ]
    best: list[tuple[str, str, str, str, str]] = []
    for at, judge in enumerate(kinds):
        mismatches = Mismatches()
        judge(payload, mismatches)
        breaks = [
            (
                violation.rule,
                violation.pointer,
                violation.clause,
                violation.expected,
                violation.actual,
            )
            for violation in mismatches.broken
        ]
        best = breaks if at == 0 or len(breaks) < len(best) else best
    return best


def _told(pact: str, name: str, clause: str, broken: Violation) -> Contradiction:
    return Contradiction(
        *(
            pact,
            name,
            f"{clause}/{broken.side}",
            broken.contract,
            broken.operation,
            broken.side,
            broken.rule,
        ),
        *(broken.pointer, broken.clause, broken.expected, broken.actual),
    )
