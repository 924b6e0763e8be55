"""OpenAPI's schema dialect to plain JSON Schema: `nullable`, and `readOnly`/`writeOnly` for one side."""

from collections.abc import Mapping
from typing import Any, Literal

from monitor.contracts.refs import follow
from monitor.errors import ContractError

Side = Literal["request", "response"]

_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas"})
_DATA = frozenset({"example", "examples", "enum", "const", "default"})
_MARK: Mapping[Side, str] = {"request": "readOnly", "response": "writeOnly"}
_MOST_PARTS = 8


class Dialect:
    """Rewrites one document for one side. Lenient: `nullable` counts without a sibling `type` too (Stripe and many others write it so)."""

    def __init__(self, document: dict[str, Any], side: Side, *, lenient: bool) -> None:
        self._document = document
        self._mark = _MARK[side]
        self._lenient = lenient

    def rewritten(self) -> dict[str, Any]:
        """The whole document, rewritten; pointers into it stay as they were except below a wrapped `nullable`."""
        result = self._node(self._document, names=False)
        assert isinstance(result, dict)
        return result

    def _node(self, node: Any, *, names: bool) -> Any:
        if isinstance(node, list):
            return [self._node(child, names=False) for child in node]
        if not isinstance(node, dict):
            return node
        if names:
            return {name: self._node(child, names=False) for name, child in node.items()}
        copy = {name: child if name in _DATA else self._node(child, names=name in _NAMES) for name, child in node.items()}
        if isinstance(node.get("required"), list):
            kept = [name for name in node["required"] if not self._one_way(node, name, 0)]
            if kept:
                copy["required"] = kept
            else:
                del copy["required"]  # draft 4 allows no empty list
        return self._nullable(copy) if node.get("nullable") is True else copy

    def _one_way(self, node: dict[str, Any], name: object, level: int) -> bool:
        """Whether a required property never travels on this side."""
        if level > _MOST_PARTS or not isinstance(name, str):
            return False
        properties = node.get("properties")
        if isinstance(properties, dict) and name in properties:
            inner = properties[name]
            return isinstance(inner, dict) and (inner.get(self._mark) is True or self._behind(inner).get(self._mark) is True)
        parts = node.get("allOf")
        return isinstance(parts, list) and any(
            isinstance(part, dict) and self._one_way(self._behind(part), name, level + 1) for part in parts
        )

    def _behind(self, node: dict[str, Any]) -> dict[str, Any]:
        try:
            found, _ = follow(self._document, node, "", "")
        except ContractError:
            return {}
        return found if isinstance(found, dict) else {}

    def _nullable(self, schema: dict[str, Any]) -> dict[str, Any]:
        kinds = schema.get("type")
        if isinstance(kinds, str | list):
            schema["type"] = sorted({*([kinds] if isinstance(kinds, str) else kinds), "null"})
            if self._lenient and isinstance(schema.get("enum"), list) and None not in schema["enum"]:
                schema["enum"] = [*schema["enum"], None]
            if self._lenient and any(word in schema for word in ("allOf", "anyOf", "oneOf", "$ref")):
                return {"anyOf": [{"type": "null"}, schema]}
            return schema
        if not self._lenient:
            return schema
        return {"anyOf": [{"type": "null"}, schema]}
