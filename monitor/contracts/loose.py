"""Shape-only schemas for redacted payloads: presence and types are kept, clauses about values
dropped.
"""

import re
from typing import Any

import jsonschema_rs as engine

_VALUE_CLAUSES = frozenset(
    {
        *(
            "enum",
            "const",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ),
        *(
            "minLength",
            "maxLength",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "not",
            "if",
            "then",
            "else",
        ),
        *(
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "propertyNames",
            "discriminator",
        ),
    }
)
_NAMES = frozenset(
    {
        "properties",
        "patternProperties",
        "$defs",
        "definitions",
        "dependentSchemas",
        "dependencies",
        "schemas",
    }
)
_OF_KEYS = frozenset({"required", "additionalProperties", "unevaluatedProperties"})
_DEEPEST_CHOICE = 4
_SIGNS = r"[*•█]{3,}[0-9A-Za-z]{0,4}|[\[<({]{1,2}\s*(?:redacted|filtered|masked|removed|hidden|scrubbed|secret)[^\]>)}]{0,40}[\]>)}]{1,2}"
_MASK = re.compile(_SIGNS, re.IGNORECASE)
_WORDY_MASK = re.compile(rf"{_SIGNS}|[*•xX█]{{3,}}|redacted|\[?filtered\]?", re.IGNORECASE)


def loosened(node: Any, *, names: bool = False) -> Any:
    """A copy of a document without the clauses about values; `oneOf` becomes `anyOf`, since masks
    blur the choice.
    """
    if isinstance(node, list):
        return [loosened(child) for child in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: loosened(child) for name, child in node.items()}
    kept = {
        name: loosened(child, names=name in _NAMES)
        for name, child in node.items()
        if name not in _VALUE_CLAUSES
    }
    if isinstance(kept.get("oneOf"), list):
        either = kept.pop("oneOf")
        if "anyOf" in kept:
            kept["allOf"] = [*kept.get("allOf", []), {"anyOf": either}]
        else:
            kept["anyOf"] = either
    return kept


def is_mask(value: object, *, words: bool = False) -> bool:
    """Whether a value is a mask: stars or a bracketed word; with `words` (the source says that it
    masks) a bare word too.
    """
    return (
        isinstance(value, str) and (_WORDY_MASK if words else _MASK).fullmatch(value) is not None
    )


def is_hidden(error: engine.ValidationError, *, words: bool = False, level: int = 0) -> bool:
    """Whether an error is a mask's doing: it stands at a mask, or each branch of a choice that
    might fit fails at masks only.

    A mask hides itself. What its neighbours lack, or hold beside it, is still told. In a payload
    that the source masked (`words`) a key may be a mask, too: then nobody can say which keys are
    missing, or too many.
    """
    if words and _at_masked_key(error):
        return True
    if is_mask(error.instance, words=words):
        return True
    branches: list[list[engine.ValidationError]] = getattr(error.kind, "context", None) or []
    return level < _DEEPEST_CHOICE and any(
        branch and all(is_hidden(inner, words=words, level=level + 1) for inner in branch)
        for branch in branches
    )


def _at_masked_key(error: engine.ValidationError) -> bool:
    """Whether an error says something of the keys of an object of which some were masked."""
    rule = error.kind.name
    if rule in _OF_KEYS:
        return isinstance(error.instance, dict) and any(map(is_mask, error.instance))
    return rule == "falseSchema" and bool(error.instance_path) and is_mask(error.instance_path[-1])


def holds_mask(value: Any) -> bool:
    """Whether a mask stands somewhere in a decoded payload."""
    if isinstance(value, dict):
        return any(map(holds_mask, value.values()))
    return any(map(holds_mask, value)) if isinstance(value, list) else is_mask(value)
