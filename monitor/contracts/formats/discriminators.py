"""`discriminator`: the property's value says which branch is meant.
https://spec.openapis.org/oas/v3.1.1#discriminator-object
"""

from collections.abc import Iterable, Iterator
from typing import Any

from monitor.contracts.refs import Placed
from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

_SCHEMAS = "#/components/schemas/"
_CHOICES = ("oneOf", "anyOf")
_MOST_NAMED = 5


def discriminated(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A copy in which each named branch of `oneOf` or `anyOf` asks for a value that means it;
    others stay as they are.

    `schemas` are the document's schemas by name. A branch is meant by its schema's name and by
    what `mapping` says. A value that maps to a schema outside the branches may stand in each,
    since the branch may have branches of its own.
    """
    discriminator = schema.get("discriminator")
    tag = discriminator.get("propertyName") if isinstance(discriminator, dict) else None
    if not isinstance(discriminator, dict) or not isinstance(tag, str):
        return schema
    copy = dict(schema)
    for word in _CHOICES:
        branches = schema.get(word)
        if isinstance(branches, list):
            copy[word] = _guarded(branches, discriminator, tag, schemas)
    return copy


def unpicked(document: dict[str, Any], marked: Iterable[Placed]) -> Iterator[Remark]:
    """A remark for each discriminator, value or branch that picks nothing by OpenAPI's own rules.

    A parent's discriminator does not search for the schemas that name the parent in `allOf`. A
    branch without a name of its own cannot be meant by a value.
    """
    components = document.get("components")
    entries = components.get("schemas") if isinstance(components, dict) else None
    schemas: dict[str, Any] = entries if isinstance(entries, dict) else {}
    for schema, pointer in marked:
        discriminator = schema.get("discriminator")
        if isinstance(discriminator, dict) and isinstance(discriminator.get("propertyName"), str):
            yield from _unpicked(schema, pointer, discriminator, schemas)


def _unpicked(
    schema: dict[str, Any], pointer: str, discriminator: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[Remark]:
    mapping = discriminator.get("mapping")
    for value, target in mapping.items() if isinstance(mapping, dict) else ():
        ref = _target(target, schemas)
        if ref.startswith(_SCHEMAS) and ref.removeprefix(_SCHEMAS) not in schemas:
            place = f"{pointer}/discriminator/mapping/{escaped(str(value))}"
            yield Remark(
                place,
                f"names the schema {ref.removeprefix(_SCHEMAS)[:60]!r}, which the document does not hold",
                grave=False,
            )
    lists = [(word, schema[word]) for word in _CHOICES if isinstance(schema.get(word), list)]
    if not lists:
        own_ref = _SCHEMAS + pointer.removeprefix("/components/schemas/")
        children = [name for name, child in schemas.items() if _extends(child, own_ref)]
        more = (
            f": {', '.join(children[:_MOST_NAMED])}{', …' if len(children) > _MOST_NAMED else ''}"
            if children
            else ""
        )
        yield Remark(
            f"{pointer}/discriminator",
            f"picks nothing, since no `oneOf` or `anyOf` stands beside it: payloads are not held against the schemas that extend this one{more}",
            grave=False,
        )
    for word, branches in lists:
        for index, branch in enumerate(branches):
            if not isinstance(branch, dict) or not isinstance(branch.get("$ref"), str):
                text = "this branch has no name that the discriminator could mean; it is judged as if there were no discriminator"
                yield Remark(f"{pointer}/{word}/{index}", text, grave=False)


def _extends(schema: Any, ref: str) -> bool:
    parts = schema.get("allOf") if isinstance(schema, dict) else None
    return isinstance(parts, list) and any(
        isinstance(part, dict) and part.get("$ref") == ref for part in parts
    )


def _guarded(
    branches: list[Any], discriminator: dict[str, Any], tag: str, schemas: dict[str, Any]
) -> list[Any]:
    refs = [branch.get("$ref") if isinstance(branch, dict) else None for branch in branches]
    mapping = discriminator.get("mapping")
    targets = (
        {str(value): _target(target, schemas) for value, target in mapping.items()}
        if isinstance(mapping, dict)
        else {}
    )
    elsewhere = {value for value, target in targets.items() if target not in refs}
    for ref in refs:
        elsewhere |= _nested(ref, tag, schemas)
    meant = [_values(ref, targets) | elsewhere for ref in refs]
    fallback = (
        _target(discriminator["defaultMapping"], schemas)
        if isinstance(discriminator.get("defaultMapping"), str)
        else None
    )
    guarded = []
    for branch, ref, values in zip(branches, refs, meant, strict=True):
        if not isinstance(ref, str):
            guarded.append(branch)
            continue
        guard: dict[str, Any] = {"required": [tag], "properties": {tag: {"enum": sorted(values)}}}
        if ref == fallback:
            others = sorted(
                {
                    value
                    for other, other_values in zip(refs, meant, strict=True)
                    if other != ref
                    for value in other_values
                }
                - values
            )
            guard = {"properties": {tag: {"not": {"enum": others}}}} if others else {}
        guarded.append({"allOf": [branch, guard]})
    return guarded


def _values(ref: Any, targets: dict[str, str]) -> set[str]:
    values = {value for value, target in targets.items() if target == ref}
    return values | ({ref.rsplit("/", 1)[-1]} if isinstance(ref, str) else set())


def _nested(ref: Any, tag: str, schemas: dict[str, Any]) -> set[str]:
    """What the branch's own discriminator by the same property takes."""
    held = (
        schemas.get(ref.removeprefix(_SCHEMAS))
        if isinstance(ref, str) and ref.startswith(_SCHEMAS)
        else None
    )
    inner = held.get("discriminator") if isinstance(held, dict) else None
    if (
        not isinstance(held, dict)
        or not isinstance(inner, dict)
        or inner.get("propertyName") != tag
    ):
        return set()
    mapping = inner.get("mapping")
    values = set(map(str, mapping)) if isinstance(mapping, dict) else set()
    for word in _CHOICES:
        branches = held.get(word)
        for branch in branches if isinstance(branches, list) else ():
            if isinstance(branch, dict) and isinstance(branch.get("$ref"), str):
                values.add(branch["$ref"].rsplit("/", 1)[-1])
    return values


def _target(target: Any, schemas: dict[str, Any]) -> str:
    """The reference that a mapping's value stands for: a reference, a schema's name, or a file
    named after one.
    """
    text = str(target)
    if text.startswith("#"):
        return text
    return _SCHEMAS + (text if text in schemas else text.rsplit("/", 1)[-1].partition(".")[0])
