"""A live interaction as a test: what is asked, what must be answered, by shapes alone. Values stand
for types; none is one that was seen.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from monitor.contracts.asserted import asserted
from monitor.contracts.freedoms import Freedoms, bound, rules_of
from monitor.errors import UsageError
from monitor.model.exchanges import GRPC
from monitor.model.pointers import escaped, unescaped
from monitor.model.printable import printable

CaseForm = Literal["pact", "openapi-example", "wiremock", "junit", "http"]
CASE_FORMS: tuple[CaseForm, ...] = get_args(CaseForm)
Lack = Literal["form_without_messages", "frames_not_kept", "payload_not_seen", "query_not_kept"]
LACKS: Mapping[Lack, str] = {
    "form_without_messages": "the form shows calls, and this is a message of a topic",
    "frames_not_kept": "a call of gRPC is told by its name; what its binary request holds is not kept",
    "payload_not_seen": "no payload of the topic was seen, so that nothing tells what it holds",
    "query_not_kept": "a call of GraphQL is told by its name; the text of its query is not kept, and the form of an answer tells neither its arguments nor its fragments",
}
"""Why a form cannot be made of what is kept."""
_PARAMETER = re.compile(r"\{[^{}]*\}")
_JSON = "application/json"
_NOTHING = object()
SUFFIXES: Mapping[CaseForm, str] = {
    "pact": ".pact.json",
    "openapi-example": ".openapi.json",
    "wiremock": ".wiremock.json",
    "junit": ".junit.xml",
    "http": ".http",
}


@dataclass(frozen=True, slots=True)
class Told:
    """The clause that live exchanges break."""

    contract: str
    revision: int
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    exchanges: int


@dataclass(frozen=True, slots=True)
class Case:
    """One interaction. `answer` is as the contract wants it, `live` as it is; alike where nothing
    is broken. Bodies are None where there is none. Of a message `method` is "", `route` its topic,
    and `request` what it holds, as the contract wants it. `free` tells by side what else than the
    shown value may stand at a place.
    """

    id: str
    provider: str
    consumer: str
    environment: str
    method: str
    route: str
    query: Mapping[str, Any]
    request: Any
    request_media: str
    status: int
    answer: Any
    live: Any
    media: str
    told: Told | None
    free: Mapping[str, Freedoms] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The route with 1 for each parameter."""
        return _PARAMETER.sub("1", self.route)

    @property
    def title(self) -> str:
        """What it is of, and what is wrong."""
        asked = f"{self.method} {self.route}"
        if self.route.startswith("/"):
            asked += f" answers {self.status}"
        asked = asked if self.method else f"message of {self.route}"
        if self.told is None:
            return f"{asked}: no contract covers it"
        return f"{asked}: {self.told.side} {self.told.pointer or '/'} {self.told.rule}"

    @property
    def why(self) -> str:
        """What was seen, in one line."""
        violation = self.told
        if violation is None:
            return f"live in {self.environment or 'an unnamed environment'}, and no contract covers it"
        return (
            f"{violation.exchanges} live exchanges break {violation.contract} revision {violation.revision} at "
            f"{violation.clause or '/'}: {violation.rule}, expected {violation.expected}, was {violation.actual}"
        )


def lacking(case: Case, form: CaseForm) -> Lack | None:
    """Why a case cannot have a form; None where it can."""
    if form == "junit":
        return None
    if not case.method:
        seen = case.request is not None or case.told is not None
        return "form_without_messages" if form != "pact" else None if seen else "payload_not_seen"
    if case.route.startswith("/"):
        return None
    return "frames_not_kept" if case.method == GRPC else "query_not_kept"


def written(case: Case, form: CaseForm) -> str:
    """The case in a form. Pact, OpenAPI and HTTP show what must be answered, and fail while it is
    not; WireMock answers as the provider does now, so that a consumer can be tried against it.
    UsageError, with the code, for a form that it cannot have.
    """
    lack = lacking(case, form)
    if lack is not None:
        raise UsageError(f"no {form} of {case.title[:120]} ({lack}): {LACKS[lack]}")
    writers: Mapping[CaseForm, Callable[[Case], str]] = {
        "pact": _pact,
        "openapi-example": _openapi,
        "wiremock": _wiremock,
        "junit": _junit,
        "http": _http,
    }
    return writers[form](case)


def placed(value: Any, pointer: str, stands: Any) -> Any:
    """A value with something else at a pointer, `*` every item or key."""
    steps = [unescaped(step) for step in pointer.split("/")[1:]]
    return _placed(value, steps, stands)


def removed(value: Any, pointer: str) -> Any:
    """A value with nothing at a pointer."""
    steps = [unescaped(step) for step in pointer.split("/")[1:]]
    return _placed(value, steps, _NOTHING)


def _placed(value: Any, steps: list[str], stands: Any) -> Any:
    if not steps:
        return stands
    step, *rest = steps
    if step == "*" and isinstance(value, list):
        return [_placed(item, rest, stands) for item in value or [{}]]
    if step == "*" and isinstance(value, dict) and step not in value:
        if stands is _NOTHING and not rest:
            return value
        return {name: _placed(child, rest, stands) for name, child in value.items()}
    held = dict(value) if isinstance(value, dict) else {}
    if not rest and stands is _NOTHING:
        held.pop(step, None)
        return held
    held[step] = _placed(held.get(step, {}), rest, stands)
    return held


def _pact(case: Case) -> str:
    if not case.method:
        return _pact_of_message(case)
    request: dict[str, Any] = {"method": case.method, "path": case.path}
    if case.query:
        request["query"] = {name: [_text(value)] for name, value in case.query.items()}
    if case.request is not None:
        request["headers"] = {"Content-Type": case.request_media or _JSON}
        request["body"] = case.request
        request["matchingRules"] = {"body": _BY_TYPE}
    if "{" in case.route:
        regex = "/".join(
            "[^/]+" if _PARAMETER.search(part) else re.escape(part)
            for part in case.route.split("/")
        )
        request.setdefault("matchingRules", {})["path"] = {
            "matchers": [{"match": "regex", "regex": regex}]
        }
    answer: dict[str, Any] = {"status": case.status}
    if case.answer is not None:
        body, rules = _wanted_of(case, "response", case.answer)
        answer |= {
            "headers": {"Content-Type": case.media or _JSON},
            "body": body,
            "matchingRules": {"body": rules},
        }
    document = {
        "consumer": {"name": case.consumer or "consumer"},
        "provider": {"name": case.provider},
        "interactions": [
            {"description": f"{case.title} ({case.id})", "request": request, "response": answer}
        ],
        "metadata": {"pactSpecification": {"version": "3.0.0"}, "seamwatch": {"why": case.why}},
    }
    return _json(document)


def _pact_of_message(case: Case) -> str:
    """Who writes the topic is the provider: it has to keep what its readers rely on."""
    contents, rules = _wanted_of(case, "request", case.request)
    message = {
        "description": f"{case.title} ({case.id})",
        "contents": contents,
        "metadata": {"contentType": case.request_media or _JSON, "topic": case.route},
        "matchingRules": {"body": rules},
    }
    document = {
        "consumer": {"name": case.provider},
        "provider": {"name": case.consumer or "producer"},
        "messages": [message],
        "metadata": {"pactSpecification": {"version": "3.0.0"}, "seamwatch": {"why": case.why}},
    }
    return _json(document)


_BY_TYPE = {"$": {"matchers": [{"match": "type"}]}}


def _wanted_of(case: Case, side: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """What a pact demands, and by which rules: nothing of a place that may hold anything."""
    free = case.free.get(side, {})
    clause = case.told if case.told is not None and case.told.side == side else None
    body = bound(value, free, clause.pointer if clause is not None else None)
    types = _types_of(clause) if clause is not None else []
    either = {clause.pointer: types} if clause is not None and len(types) > 1 else {}
    return body, _BY_TYPE | rules_of(body, free, either)


def _types_of(clause: Told) -> list[str]:
    """The types that a clause allows, where it is one of types."""
    return clause.expected.split("|") if clause.rule == "type" else []


def _openapi(case: Case) -> str:
    """An OpenAPI document of one operation with an example, and with the types that it shows, so
    that it can be held against traffic alone.
    """
    operation: dict[str, Any] = {"operationId": f"seamwatch-{case.id}"}
    parameters: list[dict[str, Any]] = [
        {"name": name[1:-1], "in": "path", "required": True, "schema": {}}
        for name in dict.fromkeys(_PARAMETER.findall(case.route))
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": {}, "example": value}
        for name, value in case.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if case.request is not None:
        content = _example(case, "request", case.request_media, case.request)
        operation["requestBody"] = {"content": content}
    response: dict[str, Any] = {"description": case.title}
    if case.answer is not None:
        response["content"] = _example(case, "response", case.media, case.answer)
    operation["responses"] = {str(case.status): response}
    return _json(
        {
            "openapi": "3.0.3",
            "info": {"title": f"{case.provider}: {case.title}", "version": case.id},
            "paths": {case.route: {case.method.lower(): operation}},
        }
    )


def _example(case: Case, side: str, media: str, value: Any) -> dict[str, Any]:
    clause = case.told if case.told is not None and case.told.side == side else None
    example = {f"seamwatch-{case.id}": {"summary": case.why, "value": value}}
    return {
        media or _JSON: {
            "schema": _schema(value, clause, case.free.get(side, {})),
            "examples": example,
        }
    }


def _schema(value: Any, clause: Told | None, free: Freedoms, at: str = "") -> dict[str, Any]:
    """The types of an example, each of its fields required; and what the clause wants at its
    place. Nothing of a place that may hold anything, and null where that may stand too.
    """
    freedom = free.get(at)
    schema = _strict_schema(value, clause, free, at)
    if freedom == "any":
        types = _types_of(clause) if clause is not None and clause.pointer == at else []
        if types:
            held: dict[str, Any] = {"items": {}} if "array" in types else {}
            null = {"nullable": True} if "null" in types else {}
            return {"anyOf": [{"type": word, **held, **null} for word in types if word != "null"]}
        below = clause is not None and clause.pointer.startswith(f"{at}/")
        return {word: schema[word] for word in schema if below and word != "type"}
    return {**schema, "nullable": True} if freedom == "null" and "type" in schema else schema


def _strict_schema(value: Any, clause: Told | None, free: Freedoms, at: str) -> dict[str, Any]:
    wanted = clause.expected if clause is not None and clause.pointer == at else ""
    if isinstance(value, dict) and free.get(at) == "keys":
        held = next(iter(value.values()), None)
        return {"type": "object", "additionalProperties": _schema(held, clause, free, f"{at}/*")}
    if isinstance(value, dict):
        schema: dict[str, Any] = {"type": "object"}
        if value:
            schema["required"] = sorted(value)
            schema["properties"] = {
                name: _schema(child, clause, free, f"{at}/{escaped(name)}")
                for name, child in value.items()
            }
        parent, _, name = (clause.pointer if clause is not None else "").rpartition("/")
        if clause is not None and clause.expected == "absent" and parent == at and name:
            schema["not"] = {"required": [unescaped(name)]}
        return schema
    if isinstance(value, list):
        items = _schema(value[0], clause, free, f"{at}/*") if value else {}
        return {"type": "array", "items": items}
    kinds = {str: "string", bool: "boolean", int: "number", float: "number"}
    if type(value) not in kinds:  # of null nothing is known
        return {}
    return {"type": "integer" if wanted == "integer" else kinds[type(value)]}


def _wiremock(case: Case) -> str:
    request: dict[str, Any] = {"method": case.method}
    if "{" in case.route:
        request["urlPathTemplate"] = case.route
    else:
        request["urlPath"] = case.route
    response: dict[str, Any] = {"status": case.status}
    if case.live is not None:
        response |= {"headers": {"Content-Type": case.media or _JSON}, "jsonBody": case.live}
    return _json(
        {
            "name": f"{case.title} ({case.id})",
            "request": request,
            "response": response,
            "metadata": {"seamwatch": {"id": case.id, "why": case.why}},
        }
    )


def _junit(case: Case) -> str:
    message, title = escape(printable(case.why)), escape(printable(case.title))
    contract = escape(printable(case.told.contract)) if case.told else "uncovered"
    provider = escape(printable(case.provider))
    broken = case.told is not None
    inside = (
        f'<failure type="violation" message="{message}"/>'
        if broken
        else f'<skipped message="{message}"/>'
    )
    counts = f'tests="1" failures="{int(broken)}" errors="0"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {counts}>\n"
        f' <testsuite name="{provider}" {counts} skipped="{int(not broken)}">\n'
        f'  <testcase classname="{contract}" name="{title} ({case.id})" time="0">{inside}</testcase>\n'
        " </testsuite>\n</testsuites>\n"
    )


def _http(case: Case) -> str:
    """An HTTP file as editors run them, with its checks."""
    query = (
        f"?{urlencode({name: _text(value) for name, value in case.query.items()})}"
        if case.query
        else ""
    )
    lines = [f"### {_line(case.title)} ({case.id})", f"# {_line(case.why)}"]
    lines += [f"{case.method} {{{{host}}}}{case.path}{query}", f"Accept: {case.media or _JSON}"]
    if case.request is not None:
        media = case.request_media or _JSON
        lines += [f"Content-Type: {media}", "", json.dumps(case.request, indent=2)]
    lines += ["", "> {%", f"client.test({json.dumps(case.title)}, () => {{"]
    lines.append(f"  client.assert(response.status === {case.status});")
    if case.told is not None and case.told.side == "response" and case.answer is not None:
        broken = case.told
        lines += asserted(case.answer, broken.rule, broken.pointer, broken.expected)
    return "\n".join([*lines, "});", "%}", ""])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(text: str) -> str:
    return " ".join(text.split())


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
