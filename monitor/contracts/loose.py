"""Shape-only schemas for redacted payloads: presence and types are kept, clauses about values dropped."""

import re
from typing import Any

_VALUE_CLAUSES = frozenset(
    {
        *("enum", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "uniqueItems", "contains", "minContains", "maxContains", "not", "if", "then", "else"),
        *("contentEncoding", "contentMediaType", "contentSchema", "propertyNames", "discriminator"),
    }
)
_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies", "schemas"})
_MASK = re.compile(
    r"[*•xX█]{3,}|[\[<({]{1,2}\s*(?:redacted|filtered|masked|removed|hidden|scrubbed|secret)[^\]>)}]{0,40}[\]>)}]{1,2}|redacted|\[?filtered\]?",
    re.IGNORECASE,
)


def loosened(node: Any, *, names: bool = False) -> Any:
    """A copy of a document without the clauses about values; `oneOf` becomes `anyOf`, since masks blur the choice."""
    if isinstance(node, list):
        return [loosened(child) for child in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: loosened(child) for name, child in node.items()}
    kept = {name: loosened(child, names=name in _NAMES) for name, child in node.items() if name not in _VALUE_CLAUSES}
    if isinstance(kept.get("oneOf"), list):
        either = kept.pop("oneOf")
        if "anyOf" in kept:
            kept["allOf"] = [*kept.get("allOf", []), {"anyOf": either}]
        else:
            kept["anyOf"] = either
    return kept


def is_masked(value: object) -> bool:
    """Whether a value is a mask, or holds one so that its type cannot be judged."""
    if isinstance(value, str):
        return _MASK.fullmatch(value) is not None
    if isinstance(value, dict):
        return any(is_masked(child) for child in value.values() if isinstance(child, str))
    return isinstance(value, list) and any(is_masked(child) for child in value if isinstance(child, str))
