"""Whether the engine surely takes a document's schemas, told without compiling them.

To compile all schemas of a large document costs as much as to read it, and most are never met.
Those that are not sure are compiled, so that the engine says what it does not take.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from monitor.contracts.compiling import Draft
from monitor.contracts.pieces import is_cuttable
from monitor.native import BUILT

_EVERYWHERE = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), "schemas"),
    **dict.fromkeys(("minimum", "maximum"), "number"),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        "count",
    ),
    "not": "schema",
    "type": "kinds",
    "enum": "values",
    "$ref": "reference",
    "format": "text",
    "pattern": "pattern",
    "required": "names",
    "multipleOf": "step",
    "properties": "schema map",
    "uniqueItems": "truth",
    "patternProperties": "pattern map",
    "additionalProperties": "schema or truth",
    **dict.fromkeys(("id", "$schema", "dependencies", "$vocabulary"), "unread"),
}
_SINCE_6 = {
    **dict.fromkeys(("if", "then", "else", "contains", "propertyNames"), "schema"),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), "number"),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), "text"),
}
_LISTED = {"items": "schema or list", "additionalItems": "schema or truth"}
_NEWEST = {
    "items": "schema",
    "prefixItems": "schemas",
    **dict.fromkeys(("minContains", "maxContains"), "count"),
    **dict.fromkeys(
        ("unevaluatedItems", "unevaluatedProperties", "dependentSchemas", "dependentRequired"),
        "unread",
    ),
}
_ASKS: Mapping[Draft, Mapping[str, str]] = {
    "4": _EVERYWHERE | _LISTED | dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), "truth"),
    "6": _EVERYWHERE | _SINCE_6 | _LISTED,
    "7": _EVERYWHERE | _SINCE_6 | _LISTED,
    "2020-12": _EVERYWHERE | _SINCE_6 | _NEWEST,
}
"""What each keyword that the engine reads asks for; "unread": it is left to the engine."""
_READERS = (
    {
        draft: BUILT.Usable(list(asks.items()), draft != "4")  # in draft 4 no truth is a schema
        for draft, asks in _ASKS.items()
    }
    if BUILT is not None
    else {}
)


def unsure_of(
    document: Any,
    pointers: Iterable[str],
    draft: Draft,
    words: Collection[str],
    patterns: Collection[str],
) -> list[str]:
    """Those of the schemas at these places that it may not take, with all that they reach; of
    several that reach one such schema the first.

    `words` are the keys that stand anywhere in the document, `patterns` those that the engine
    takes. Cost: some 5 ms a MB.
    """
    places = list(pointers)
    reader = _READERS.get(draft)
    if reader is None or not isinstance(document, dict) or not is_cuttable(words):
        return places
    return [places[at] for at in reader.unsure(document, places, set(patterns))]
