"""A case as a pact, calls and messages. https://github.com/pact-foundation/pact-specification/tree/version-3"""

import re
from typing import Any

from monitor.contracts.cases import JSON, PARAMETER, Case, json_of, text_of, types_of
from monitor.contracts.freedoms import bound, rules_of


def pact_of(case: Case) -> str:
    """What must be answered or sent, by types; the provider's states name what it takes for there."""
    if not case.method:
        return _message(case)
    request: dict[str, Any] = {"method": case.method, "path": case.path}
    if case.query:
        request["query"] = {name: [text_of(value)] for name, value in case.query.items()}
    if case.request is not None:
        request["headers"] = {"Content-Type": case.request_media or JSON}
        request["body"] = case.request
        request["matchingRules"] = {"body": _BY_TYPE}
    if "{" in case.route:
        regex = "/".join(
            "[^/]+" if PARAMETER.search(part) else re.escape(part)
            for part in case.route.split("/")
        )
        request.setdefault("matchingRules", {})["path"] = {
            "matchers": [{"match": "regex", "regex": regex}]
        }
    answer: dict[str, Any] = {"status": case.status}
    if case.answer is not None:
        body, rules = _wanted_of(case, "response", case.answer)
        answer |= {
            "headers": {"Content-Type": case.media or JSON},
            "body": body,
            "matchingRules": {"body": rules},
        }
    document = {
        "consumer": {"name": case.consumer or "consumer"},
        "provider": {"name": case.provider},
        "interactions": [
            {
                "description": f"{case.title} ({case.id})",
                **_states(case, "response"),
                "request": request,
                "response": answer,
            }
        ],
        "metadata": {"pactSpecification": {"version": "3.0.0"}, "seamwatch": {"why": case.why}},
    }
    return json_of(document)


def _message(case: Case) -> str:
    """Who writes the topic is the provider: it has to keep what its readers rely on."""
    contents, rules = _wanted_of(case, "request", case.request)
    message = {
        "description": f"{case.title} ({case.id})",
        **_states(case, "request"),
        "contents": contents,
        "metadata": {"contentType": case.request_media or JSON, "topic": case.route},
        "matchingRules": {"body": rules},
    }
    document = {
        "consumer": {"name": case.provider},
        "provider": {"name": case.consumer or "producer"},
        "messages": [message],
        "metadata": {"pactSpecification": {"version": "3.0.0"}, "seamwatch": {"why": case.why}},
    }
    return json_of(document)


_BY_TYPE = {"$": {"matchers": [{"match": "type"}]}}


def _states(case: Case, side: str) -> dict[str, Any]:
    """What the provider must be brought to, as a pact has no word for a field that may be missing:
    that the places are there, on the way to what is tested, which some payloads lack.
    """
    clause = case.told
    if clause is None or clause.side != side:
        return {}
    places = dict.fromkeys(case.assumed)
    types = set(types_of(clause))
    if len(types) > 1 and types & {"object", "array"}:  # no rule allows one of several of these
        places[clause.pointer] = None
    word = "answer" if side == "response" else "message"
    states = [
        {"name": f"the {word} holds {place}, as shown", "params": {"pointer": place}}
        for place in places
    ]
    return {"providerStates": states} if states else {}


def _wanted_of(case: Case, side: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """What a pact demands, and by which rules: nothing of a place that may hold anything."""
    free = case.free.get(side, {})
    clause = case.told if case.told is not None and case.told.side == side else None
    body = bound(value, free, clause.pointer if clause is not None else None)
    types = types_of(clause)
    either = {clause.pointer: types} if clause is not None and len(types) > 1 else {}
    return body, _BY_TYPE | rules_of(body, free, either)
