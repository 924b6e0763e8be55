"""OpenAPI's schema dialect to plain JSON Schema: `nullable`, `discriminator`, integer formats, one
side's properties.
"""

from collections.abc import Container, Mapping
from typing import Any, Literal

from monitor.contracts.formats.discriminators import discriminated
from monitor.contracts.formats.oneway import OneWay
from monitor.contracts.looks import DATA, NAMES, holding

Side = Literal["request", "response"]

_MARK: Mapping[Side, str] = {"request": "readOnly", "response": "writeOnly"}
# https://spec.openapis.org/registry/format/
_RANGES = {
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


_CHANGING = ("nullable", "discriminator")


class Dialect:
    """Rewrites one document for one side. Lenient: `nullable` counts without a sibling `type` too
    (Stripe and many others write it so).
    """

    def __init__(
        self, document: dict[str, Any], side: Side, *, lenient: bool, words: Container[str]
    ) -> None:
        """`words`: the keys that stand anywhere in the document."""
        self._document = document
        self._side = side
        self._one_way = OneWay(document, _MARK[side], words)
        self._lenient = lenient
        self._changed: Container[int] = ()
        components = document.get("components")
        schemas = components.get("schemas") if isinstance(components, dict) else None
        self._known = schemas if isinstance(schemas, dict) else {}

    @property
    def one_sided(self) -> bool:
        """Whether this side is written otherwise than the other, for a property
        travels one way.
        """
        return self._one_way.any

    def rewritten(self) -> dict[str, Any]:
        """The document, rewritten; pointers into it stay as they were except below what was
        wrapped. What nothing is changed in is the document's own, not a copy.
        """
        self._changed = holding(self._document, _CHANGING, _RANGES, self._one_way.ids)
        result = self._node(self._document, names=False)
        assert isinstance(result, dict)
        return result

    def _node(self, node: Any, *, names: bool) -> Any:
        if id(node) not in self._changed:
            return node
        if isinstance(node, list):
            return [
                self._node(child, names=False) if isinstance(child, dict | list) else child
                for child in node
            ]
        if not isinstance(node, dict):
            return node
        if names:
            return {
                name: self._node(child, names=False) if isinstance(child, dict | list) else child
                for name, child in node.items()
            }
        copy = {
            name: self._node(child, names=name in NAMES)
            if isinstance(child, dict | list) and name not in DATA
            else child
            for name, child in node.items()
        }
        if self._one_way.any:
            self._keep_side(node, copy)
        if "format" in node:
            _in_range(copy)
        if "discriminator" in node:
            copy = discriminated(copy, self._known)
        return self._nullable(copy) if node.get("nullable") is True else copy

    def _keep_side(self, node: dict[str, Any], copy: dict[str, Any]) -> None:
        """Leave out of `required` what does not travel on this side; what is only written must not
        be in a response.
        """
        one_way = self._one_way.of(node)
        if not one_way:
            return
        if isinstance(node.get("required"), list):
            kept = [
                name
                for name in node["required"]
                if not isinstance(name, str) or name not in one_way
            ]
            if kept:
                copy["required"] = kept
            else:
                del copy["required"]  # draft 4 allows no empty list
        properties = node.get("properties")
        if self._side == "response" and isinstance(properties, dict):
            gone: dict[str, Any] = {
                name: {"not": {}}
                for name, schema in properties.items()
                if self._one_way.marked(schema)
            }
            copy["properties"] = copy["properties"] | gone

    def _nullable(self, schema: dict[str, Any]) -> dict[str, Any]:
        kinds = schema.get("type")
        if isinstance(kinds, str | list):
            schema["type"] = sorted({*([kinds] if isinstance(kinds, str) else kinds), "null"})
            if (
                self._lenient
                and isinstance(schema.get("enum"), list)
                and None not in schema["enum"]
            ):
                schema["enum"] = [*schema["enum"], None]
            if self._lenient and any(
                word in schema for word in ("allOf", "anyOf", "oneOf", "$ref")
            ):
                return {"anyOf": [{"type": "null"}, schema]}
            return schema
        if not self._lenient:
            return schema
        return {"anyOf": [{"type": "null"}, schema]}


def _in_range(schema: dict[str, Any]) -> None:
    """Hold the range of an integer format, which a validator of JSON Schema only notes; of texts
    it says nothing.
    """
    bounds = _RANGES.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    if bounds is not None and isinstance(schema.get("type", ""), str | list):
        parts = schema.get("allOf")
        schema["allOf"] = [
            *(parts if isinstance(parts, list) else []),
            {"minimum": bounds[0], "maximum": bounds[1]},
        ]
