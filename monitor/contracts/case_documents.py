"""A case as an OpenAPI document that can be held against traffic alone."""

from typing import Any

from monitor.contracts.cases import JSON, PARAMETER, Case, Told, json_of, types_of
from monitor.model.pointers import escaped, unescaped


def openapi_of(case: Case) -> str:
    """An OpenAPI document of one operation with an example, and with the types that it shows, so
    that it can be held against traffic alone.
    """
    operation: dict[str, Any] = {"operationId": f"seamwatch-{case.id}"}
    parameters: list[dict[str, Any]] = [
        {"name": name[1:-1], "in": "path", "required": True, "schema": {}}
        for name in dict.fromkeys(PARAMETER.findall(case.route))
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
    return json_of(
        {
            "openapi": "3.0.3",
            "info": {"title": f"{case.provider}: {case.title}", "version": case.id},
            "paths": {case.route: {case.method.lower(): operation}},
        }
    )


def _example(case: Case, side: str, media: str, value: Any) -> dict[str, Any]:
    example = {f"seamwatch-{case.id}": {"summary": case.why, "value": value}}
    return {
        media or JSON: {
            "schema": _Schemas(case, side).of(value),
            "examples": example,
        }
    }


class _Schemas:
    """The types of one side's example: what is free and what the clause wants."""

    def __init__(self, case: Case, side: str) -> None:
        self._clause: Told | None = None
        self._assumed: frozenset[str] = frozenset()
        if case.told is not None and case.told.side == side:
            self._clause, self._assumed = case.told, frozenset(case.assumed)
        self._free = case.free.get(side, {})

    def of(self, value: Any, at: str = "") -> dict[str, Any]:
        """The types of an example, each of its fields required but those that some lack; and what
        the clause wants at its place. Nothing of a place that may hold anything, and null where
        that may stand too.
        """
        freedom, clause = self._free.get(at), self._clause
        schema = self._strict(value, at)
        if freedom == "any":
            types = types_of(clause) if clause is not None and clause.pointer == at else []
            if types:
                held: dict[str, Any] = {"items": {}} if "array" in types else {}
                null = {"nullable": True} if "null" in types else {}
                kinds = [word for word in types if word != "null"]
                return {"anyOf": [{"type": word, **held, **null} for word in kinds]}
            below = clause is not None and clause.pointer.startswith(f"{at}/")
            return {word: schema[word] for word in schema if below and word != "type"}
        return {**schema, "nullable": True} if freedom == "null" and "type" in schema else schema

    def _strict(self, value: Any, at: str) -> dict[str, Any]:
        if isinstance(value, dict) and self._free.get(at) == "keys":
            held = self.of(next(iter(value.values()), None), f"{at}/*")
            return {"type": "object", "additionalProperties": held}
        if isinstance(value, dict):
            return self._object(value, at)
        if isinstance(value, list):
            return {"type": "array", "items": self.of(value[0], f"{at}/*") if value else {}}
        kinds = {str: "string", bool: "boolean", int: "number", float: "number"}
        if type(value) not in kinds:  # of null nothing is known
            return {}
        clause = self._clause
        whole = clause is not None and clause.pointer == at and clause.expected == "integer"
        return {"type": "integer" if whole else kinds[type(value)]}

    def _object(self, value: dict[str, Any], at: str) -> dict[str, Any]:
        places = {name: f"{at}/{escaped(name)}" for name in value}
        schema: dict[str, Any] = {"type": "object"}
        required = sorted(name for name in value if places[name] not in self._assumed)
        if required:
            schema["required"] = required
        if value:
            schema["properties"] = {
                name: self.of(child, places[name]) for name, child in value.items()
            }
        clause = self._clause
        if clause is not None and clause.expected == "absent":
            parent, _, name = clause.pointer.rpartition("/")
            if parent == at and name:
                schema["not"] = {"required": [unescaped(name)]}
        return schema
