"""Schemas written down for the native prover, which tells from a body's text alone that it surely
keeps one.

Most bodies do, and are of plain schemas: then nothing of them need be built. What it does not
prove is judged by the engine (schemas.py), as if nobody had tried. A keyword that is not written
down here makes the values of its type open, never kept.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from monitor.contracts.refs import resolve
from monitor.errors import ContractError
from monitor.native import BUILT

DEEPEST = 32
"""The prover leaves deeper bodies open."""
OPEN, KEPT, FAULTLESS = 0, 1, 2
"""What a proof says of a body: nothing; that the schema is kept; and that by an object without the
members FAULTS.
"""
FAULTS = ("errors", "jsonrpc")
Proof = Callable[[str | bytes], int]
Said = dict[str, Any]

_NULL, _TRUTH, _WHOLE, _REAL, _TEXT, _LIST, _OBJECT = 1, 2, 4, 8, 16, 32, 64
_NUMBER, _ALL = _WHOLE | _REAL, 127
_KINDS = {
    "null": _NULL,
    "boolean": _TRUTH,
    "integer": _WHOLE,
    "number": _NUMBER,
    "string": _TEXT,
    "array": _LIST,
    "object": _OBJECT,
}
_SAYS_NOTHING: Said = {
    "kinds": _ALL, "odd": 0, "integer": False, "listed": None, "bounds": [], "step": None, "shortest": 0, "longest": None,
    "pattern": None, "format": None, "firsts": [], "items": None, "fewest": 0, "most": None, "unique": False, "members": [], "required": [],
    "others": None, "closed": False, "least": 0, "largest": None, "every": [], "any": [], "one": [], "never": [], "choices": [],
}  # fmt: skip
_ODD: Said = _SAYS_NOTHING | {"odd": _ALL}
_UNWRITTEN = {
    **dict.fromkeys(("contentEncoding", "contentMediaType", "contentSchema"), _TEXT),
    **dict.fromkeys(("contains", "unevaluatedItems"), _LIST),
    **dict.fromkeys(("patternProperties", "propertyNames", "unevaluatedProperties"), _OBJECT),
    **dict.fromkeys(("dependencies", "dependentRequired", "dependentSchemas"), _OBJECT),
    **dict.fromkeys(("$dynamicRef", "$recursiveRef"), _ALL),
}
"""Keywords that are left to the engine, each with the types whose values it speaks of."""
_SIZES = {
    "minLength": ("shortest", _TEXT),
    "maxLength": ("longest", _TEXT),
    "minItems": ("fewest", _LIST),
    "maxItems": ("most", _LIST),
    "minProperties": ("least", _OBJECT),
    "maxProperties": ("largest", _OBJECT),
}
_BOUNDS = {"minimum": 0, "exclusiveMinimum": 1, "maximum": 2, "exclusiveMaximum": 3}
_FORMATS = frozenset(
    (
        "date date-time duration email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference json-pointer regex "
        "relative-json-pointer time uri uri-reference uri-template uuid"
    ).split()
)
"""Those that the engine knows; of others it says nothing."""
_LARGEST = 2**63 - 1


class _Unwritable(Exception):
    """A schema of which nothing is written down."""


class Provers:
    """The schemas of one document as the prover asks for them: each when a body first meets it.
    Give it the document as compiled.
    """

    def __init__(self, document: Any, draft: str, formats: Mapping[str, Any]) -> None:
        self._document = document
        self._draft = draft
        self._formats = formats
        self._nodes: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._proofs = None if BUILT is None else BUILT.Proofs(self.written, FAULTS)

    def at(self, pointer: str) -> Proof | None:
        """What is sure of a body and the schema at a pointer, as a function; None where there is
        no prover, or no such schema.

        The function costs some 2 ns a byte, and never raises.
        """
        if self._proofs is None:
            return None
        try:
            number = self._number(resolve(self._document, f"#{quote(pointer, safe='/~')}", ""))
        except ContractError:
            return None
        return partial(self._proofs.kept, number)

    def written(self, number: int) -> Said:
        """What the prover has to know of a schema."""
        try:
            return self._written(self._nodes[number])
        except (_Unwritable, ContractError):
            return _ODD

    def _number(self, node: Any) -> int:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = len(self._nodes)
            self._nodes.append(node)  # which keeps it, so that no other has its id
        return number

    def _written(self, node: Any) -> Said:
        if isinstance(node, bool):
            return _SAYS_NOTHING if node else _SAYS_NOTHING | {"kinds": 0}
        if not isinstance(node, dict) or self._is_elsewhere(node):
            raise _Unwritable
        keywords = _SAYS_NOTHING | {"every": []}
        if "$ref" in node:
            keywords["every"] = [self._number(self._target(node["$ref"]))]
            if self._draft in ("4", "6", "7"):
                return keywords  # what stands beside it is not read
        for word, kinds in _UNWRITTEN.items():
            if word in node:
                keywords["odd"] |= kinds
        self._types(node, keywords)
        self._values(node, keywords)
        for word, (name, kind) in _SIZES.items():
            if word in node:
                if _is_count(node[word]):
                    keywords[name] = node[word]
                else:
                    keywords["odd"] |= kind
        self._bounds(node, keywords)
        self._texts(node, keywords)
        self._below(node, keywords)
        self._in_place(node, keywords)
        return keywords

    def _is_elsewhere(self, node: Mapping[str, Any]) -> bool:
        """Whether what it refers to, or how it is read, hangs on more than the document's root."""
        named = node.get("id" if self._draft == "4" else "$id")
        return isinstance(named, str) or ("$schema" in node and node is not self._document)

    def _target(self, reference: object) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise _Unwritable
        return resolve(self._document, reference, "")

    def _types(self, node: Mapping[str, Any], keywords: Said) -> None:
        if "type" not in node:
            return
        types = node["type"]
        names = [types] if isinstance(types, str) else types
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(name, str) and name in _KINDS for name in names)
        ):
            raise _Unwritable
        keywords["kinds"] = 0
        for name in names:
            keywords["kinds"] |= _KINDS[name]
        keywords["integer"] = "integer" in names

    def _values(self, node: Mapping[str, Any], keywords: Said) -> None:
        if "const" in node and (self._draft == "4" or "enum" in node):
            raise _Unwritable
        listed = node.get("enum", [node["const"]] if "const" in node else None)
        if listed is None:
            return
        if not isinstance(listed, list):
            raise _Unwritable
        keywords["listed"] = []
        for value in listed:
            if (
                value is None
                or isinstance(value, str | bool)
                or (type(value) is int and abs(value) <= _LARGEST)
            ):
                keywords["listed"].append(value)
            else:
                kinds = (
                    _LIST
                    if isinstance(value, list)
                    else _OBJECT
                    if isinstance(value, dict)
                    else _NUMBER
                )
                keywords["odd"] |= kinds

    def _bounds(self, node: Mapping[str, Any], keywords: Said) -> None:
        keywords["bounds"] = []
        for word, how in _BOUNDS.items():
            bound = node.get(word)
            if word not in node or (self._draft == "4" and isinstance(bound, bool) and how % 2):
                continue
            if type(bound) not in (int, float) or (self._draft == "4" and how % 2):
                keywords["odd"] |= _NUMBER
                continue
            beside = (
                node.get(f"exclusive{word[0].upper()}{word[1:]}") if self._draft == "4" else None
            )
            keywords["bounds"].append((how + (beside is True), bound))
        step = node.get("multipleOf")
        if type(step) is int and 0 < step <= _LARGEST:
            keywords["step"] = step
        elif "multipleOf" in node:
            keywords["odd"] |= _NUMBER

    def _texts(self, node: Mapping[str, Any], keywords: Said) -> None:
        if "pattern" in node:
            # which is none
            keywords["pattern"] = node["pattern"] if isinstance(node["pattern"], str) else "("
        name = node.get("format")
        if isinstance(name, str) and (name in _FORMATS or name in self._formats):
            keywords["format"] = name

    def _below(self, node: Mapping[str, Any], keywords: Said) -> None:
        self._items(node, keywords)
        keywords["unique"] = node.get("uniqueItems") is True
        members, others, required = (
            node.get("properties", {}),
            node.get("additionalProperties", True),
            node.get("required", []),
        )
        if (
            not isinstance(members, dict)
            or not isinstance(others, dict | bool)
            or not isinstance(required, list)
        ):
            raise _Unwritable
        if not all(isinstance(name, str) for name in required):
            raise _Unwritable
        keywords["members"] = [(name, self._number(child)) for name, child in members.items()]
        keywords["required"] = list(dict.fromkeys(required))
        keywords["closed"] = others is False
        keywords["others"] = self._number(others) if isinstance(others, dict) else None

    def _items(self, node: Mapping[str, Any], keywords: Said) -> None:
        """Each item's schema: in older drafts a list of `items` is of the first ones, and
        `additionalItems` of those behind them.
        """
        firsts: Any = node.get("prefixItems", [])
        items = node.get("items", True)
        if self._draft == "2020-12":
            pass
        elif firsts:
            raise _Unwritable
        elif isinstance(items, list):
            firsts, items = items, node.get("additionalItems", True)
        if not isinstance(firsts, list) or not isinstance(items, dict | bool):
            keywords["odd"] |= _LIST
            return
        keywords["firsts"] = [self._number(part) for part in firsts]
        keywords["items"] = None if items is True else self._number(items)

    def _in_place(self, node: Mapping[str, Any], keywords: Said) -> None:
        for word, name in (("allOf", "every"), ("anyOf", "any"), ("oneOf", "one")):
            if word in node:
                parts = node[word]
                if not isinstance(parts, list) or not parts:
                    raise _Unwritable
                numbers = [self._number(part) for part in parts]
                keywords[name] = keywords[name] + (numbers if name == "every" else [numbers])
        if "not" in node:
            keywords["never"] = [self._number(node["not"])]
        if "if" in node:
            if self._draft in ("4", "6"):
                raise _Unwritable
            then, otherwise = (
                self._number(node[word]) if word in node else None for word in ("then", "else")
            )
            keywords["choices"] = [(self._number(node["if"]), then, otherwise)]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST
