"""A live interaction as a test: what is asked, what must be answered, by shapes alone. Values stand
for types; none is one that was seen.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from monitor.contracts.freedoms import Freedoms
from monitor.model.exchanges import GRPC
from monitor.model.pointers import unescaped

_NOTHING = object()
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
PARAMETER = re.compile(r"\{[^{}]*\}")
JSON = "application/json"
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
    shown value may stand at a place. `assumed`: places on the way to the broken one, and itself,
    that some payloads lack or hold otherwise, so that nothing is tested where they do.
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
    assumed: Sequence[str] = ()

    @property
    def path(self) -> str:
        """The route with 1 for each parameter."""
        return PARAMETER.sub("1", self.route)

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


def types_of(clause: Told | None) -> list[str]:
    """The types that a clause allows, where it is one of types."""
    return clause.expected.split("|") if clause is not None and clause.rule == "type" else []


def text_of(value: Any) -> str:
    """A value as a query holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_of(document: Any) -> str:
    """A document as people read it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
