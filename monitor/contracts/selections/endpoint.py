"""One call of a GraphQL endpoint against its schema: the query is the consumer's, the answer's
data the provider's.

https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLSchema

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Shows, Unit
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import UNSEEN
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, NOT_JSON, Payload
from monitor.contracts.selections.answers import Answer
from monitor.contracts.selections.queries import Asked, Queries
from monitor.contracts.selections.selected import Exhausted
from monitor.contracts.selections.variables import check_variables
from monitor.model.exchanges import CLIENT_LEFT, Shown

PERSISTED = "persisted_query"  # the text lies at the provider; the request names it alone
INCREMENTAL = "incremental"  # the answer comes in parts: @defer, @stream
NO_QUERY = "no_query"  # nothing of a query is in the request: a page, a probe, an upgrade
REFUSED = "refused"  # the provider refused it, and nobody knows who asked
BATCH = "batch"  # more queries in one request than are looked at, or other answers than queries
DEPRECATED_FIELD = "deprecated_field"
_NO_RESPONSE, _UNDECIDABLE = "no_response", "undecidable"
_MOST_TOGETHER = 50
_NOBODY = frozenset({"", "unknown", "user"})
_RAW = "application/graphql"


@dataclass(frozen=True, slots=True)
class _Request:
    text: str
    name: str
    variables: Mapping[str, Any]
    persisted: bool = False


class Endpoint:
    """The judge of calls by one schema. `path` "" takes every path that says graphql."""

    def __init__(self, schema: GraphQLSchema, path: str) -> None:
        self._schema = schema
        self._path = path
        self._queries = Queries(schema)

    @property
    def units(self) -> list[Unit]:
        """The fields at the top: what consumers may ask for."""
        roots = [
            root
            for root in (
                self._schema.query_type,
                self._schema.mutation_type,
                self._schema.subscription_type,
            )
            if root
        ]
        return [
            Unit(f"{root.name}.{name}", f"/{root.name}/{name}")
            for root in roots
            for name in root.fields
        ]

    def judge(self, call: Call, findings: Findings, limits: PayloadLimits) -> Shows | None:
        """Add what the schema says of a call, and which fields at the top it showed. None for a
        call of something else.
        """
        exchange = call.exchange
        path = exchange.path.rstrip("/") or "/"
        if path != self._path.rstrip("/") if self._path else "graphql" not in path.lower():
            return None
        asked = _requests(call)
        if isinstance(asked, str):
            findings.leave(asked, "request", "")
            return Shows()
        requests, together = asked
        answers = _answers(call.response, len(requests), together=together)
        shown: list[tuple[str, Shown]] = []
        for at, request in enumerate(requests):
            answer = answers if isinstance(answers, str) else answers[at]
            shown += self._one(call, request, answer, "/*" if together else "", findings, limits)
        if call.response.repeats_a_key():
            findings.add("response", Broken("duplicate_key", "", "", "once", "twice"))
        return Shows(shown)

    def _one(
        self,
        call: Call,
        request: _Request,
        answer: Any,
        prefix: str,
        findings: Findings,
        limits: PayloadLimits,
    ) -> list[tuple[str, Shown]]:
        """`answer`: one whole answer, or why there is none."""
        exchange = call.exchange
        if not request.text:
            findings.leave(PERSISTED if request.persisted else NO_QUERY, "request", "")
            return []
        held = self._queries.asked(request.text, request.name)
        if exchange.redacted and held.operation is None:
            held = Asked(UNSEEN)  # its text was masked
        if held.problem:
            findings.leave(held.problem, "request", "")
            return []
        refused = 400 <= exchange.status < 500 or (
            isinstance(answer, dict) and "errors" in answer and answer.get("data") is None
        )
        if refused and held.broken and exchange.caller in _NOBODY:
            findings.leave(REFUSED, "request", "")
            return []
        asked = Mismatches(redacted=exchange.redacted, most=limits.violations)
        for broken in held.broken:
            asked.add(broken)
        variables: Mapping[str, Any] | None = None
        if held.operation is not None and not held.broken:
            # what the provider refused itself is its own affair
            quiet = asked.apart() if refused else asked
            variables = check_variables(self._schema, held.operation, request.variables, quiet)
            for coordinate in held.deprecated if not refused else ():
                findings.observe(
                    DEPRECATED_FIELD,
                    "request",
                    "/" + coordinate.partition("(")[0].replace(".", "/"),
                    coordinate,
                )
        _pour(asked, "request", prefix, findings)
        if held.broken:
            return []
        mismatches = Mismatches(redacted=exchange.redacted, most=limits.violations)
        self._answered(held, variables, call, answer, mismatches)
        _pour(mismatches, "response", prefix, findings)
        return [(name, _shown(key, mismatches)) for key, name in held.roots.items()]

    def _answered(
        self,
        query: Asked,
        variables: Mapping[str, Any] | None,
        call: Call,
        answer: Any,
        mismatches: Mismatches,
    ) -> None:
        exchange = call.exchange
        if query.incremental or (isinstance(answer, dict) and "hasNext" in answer):
            mismatches.leave(INCREMENTAL, "")
            return
        if exchange.status in (0, CLIENT_LEFT) and not (
            exchange.status == 0 and not exchange.status_told
        ):
            mismatches.leave(_NO_RESPONSE, "")
            return
        if isinstance(answer, str):
            if answer == NOT_JSON and 200 <= exchange.status < 300:
                mismatches.add(Broken(NOT_JSON, "", "", "JSON", "other text"))
            elif answer == EMPTY and 200 <= exchange.status < 300:
                mismatches.add(Broken("missing_body", "", "", "present", "absent"))
            else:
                mismatches.leave(MEDIA_TYPE if answer == NOT_JSON else answer, "")
            return
        if not isinstance(answer, dict):
            if exchange.status < 400:
                mismatches.value("type", "", "", "object", answer)
            else:
                mismatches.leave(MEDIA_TYPE, "")
            return
        _errors(answer, exchange.status, mismatches)
        if answer.get("data") is None:
            if not answer.get("errors") and exchange.status < 400:
                rule = "non_null" if "data" in answer else "required"
                expected, actual = (
                    ("no null", "null") if "data" in answer else ("present", "absent")
                )
                mismatches.add(Broken(rule, "/data", "", expected, actual))
            elif not answer.get("errors"):
                mismatches.leave(MEDIA_TYPE, "")
            return
        try:
            Answer(self._schema, query, variables, redacted=exchange.redacted).judge(
                answer["data"], mismatches
            )
        except (Exhausted, RecursionError):
            mismatches.leave(_UNDECIDABLE, "")


def _errors(answer: Mapping[str, Any], status: int, mismatches: Mismatches) -> None:
    """https://spec.graphql.org/October2021/#sec-Errors: a list of at least one, each with a
    message.
    """
    # a gateway has words of its own
    if "errors" not in answer or (status >= 400 and answer.get("data") is None):
        return
    errors = answer["errors"]
    if not isinstance(errors, list):
        mismatches.value("type", "/errors", "", "array", errors)
    elif not errors:
        mismatches.add(Broken("minItems", "/errors", "", "one error or more", "none"))
    elif not all(
        isinstance(error, dict) and isinstance(error.get("message"), str) for error in errors
    ):
        mismatches.add(Broken("required", "/errors/*/message", "", "present", "absent"))


def _pour(mismatches: Mismatches, side: Side, prefix: str, findings: Findings) -> None:
    findings.broken.extend(
        (
            side,
            Broken(
                broken.rule, prefix + broken.pointer, broken.clause, broken.expected, broken.actual
            ),
        )
        for broken in mismatches.broken
    )
    for reason, clause in mismatches.left:
        findings.leave(reason, side, clause)
    findings.shape_only = findings.shape_only or mismatches.shape_only


def _shown(key: str, mismatches: Mismatches) -> Shown:
    if mismatches.open:
        return "open"
    below = f"/data/{key}"
    return (
        "broken"
        if any(
            f"{broken.pointer}/".startswith(f"{below}/") or not broken.pointer.startswith("/data/")
            for broken in mismatches.broken
        )
        else "kept"
    )


def _requests(call: Call) -> tuple[Sequence[_Request], bool] | str:
    """The queries in a request, and whether they came as a list; or why none can be seen."""
    exchange, payload = call.exchange, call.request
    if exchange.method.upper() == "OPTIONS":
        return "preflight"
    if exchange.method.upper() in ("GET", "HEAD"):
        query = call.query
        if query is None:
            return UNSEEN
        fields: dict[str, Any] = {name: values[0] for name, values in query.items() if values}
        for word in ("variables", "extensions"):
            try:
                fields[word] = orjson.loads(fields[word]) if fields.get(word) else None
            except orjson.JSONDecodeError:
                fields[word] = None
        return (
            NO_QUERY
            if not {"query", "extensions", "id", "documentId", "queryId"} & fields.keys()
            else ([_request(fields)], False)
        )
    if payload.media.partition(";")[0].rstrip() == _RAW:
        raw, problem = payload.raw()
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return problem or (
            [_Request(text, str((call.query or {}).get("operationName", [""])[0]), {})],
            False,
        )
    problem = payload.problem
    if problem:
        return NO_BODY if problem == EMPTY else problem
    value = payload.value
    if isinstance(value, list):
        if (
            not value
            or len(value) > _MOST_TOGETHER
            or not all(isinstance(entry, dict) for entry in value)
        ):
            return BATCH
        return [_request(entry) for entry in value], True
    return ([_request(value)], False) if isinstance(value, dict) else NO_QUERY


def _request(fields: Mapping[str, Any]) -> _Request:
    text, name, variables = (
        fields.get("query"),
        fields.get("operationName"),
        fields.get("variables"),
    )
    extensions = fields.get("extensions")
    persisted = (isinstance(extensions, dict) and "persistedQuery" in extensions) or any(
        isinstance(fields.get(word), str) for word in ("id", "documentId", "queryId", "doc_id")
    )
    return _Request(
        text if isinstance(text, str) else "",
        name if isinstance(name, str) else "",
        variables if isinstance(variables, dict) else {},
        persisted,
    )


def _answers(payload: Payload, count: int, *, together: bool) -> Sequence[Any] | str:
    """An answer for each query, or why there is none."""
    problem = payload.problem
    if problem:
        return problem
    if not together:
        return [payload.value]
    value = payload.value
    return value if isinstance(value, list) and len(value) == count else BATCH
