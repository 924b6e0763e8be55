"""What a newer contract of examples says otherwise: its interactions, messages and units."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import find_breaking_changes, find_dangerous_changes

from monitor.contracts.change import Breaks, Change, Met, Read, Side, of_schemas
from monitor.contracts.form import Interaction, Message
from monitor.contracts.formats.graphql import is_graphql
from monitor.contracts.refs import resolve
from monitor.contracts.selections.sdl import schema_of
from monitor.contracts.spoken import spoken
from monitor.errors import ContractError

_COORDINATE = re.compile(r"[_A-Za-z]\w*\.[_A-Za-z]\w*(?:\(\w+:\))?")
_PAYLOAD = frozenset({"payload", "examples", "description", "summary", "title"})
_STANDARD = frozenset({"Int", "Float", "String", "ID", "Boolean"})


def example_changes(old: Read, new: Read, both: Met) -> Iterator[Change]:
    """Examples as wholes; of a message that has a schema, what that says otherwise. `both` is told
    which schemas were held against each other.
    """
    was, now = _shown(old), _shown(new)
    by_schema: dict[str, list[Change]] = {}
    for change in _message_changes(old, new, both):
        by_schema.setdefault(change.operation, []).append(change)
    spoken_was, spoken_now = spoken(old.promise), spoken(new.promise)
    for name, text in now.items():
        if name not in was and name in spoken_now:
            yield Change(name, "", "", "", "message", "came", "looser", "", "", "provider")
        elif name not in was:
            yield Change(name, "", "", "", "example", "came", "tighter", "", "", "provider")
        elif name in by_schema:
            yield from by_schema[name]
            if _beside_payload(was[name]) != _beside_payload(text):
                yield Change(name, "", "", "", "example", "changed", "other", "", "", "provider")
        elif was[name] != text:
            yield Change(name, "", "", "", "example", "changed", "other", "", "", "provider")
    offered = {unit.name for unit in old.promise.units}
    for name in was:
        if name in offered and name not in now:
            yield Change(name, "", "", "", "operation", "went", "tighter", "", "", "consumers")
        elif name not in now and name in spoken_was:
            # who receives it, or sends it, is told by its schema, and not by an example of his own
            yield Change(name, "", "", "", "message", "went", "tighter", "", "", "consumers")
        elif name not in now:
            yield Change(name, "", "", "", "example", "went", "looser", "", "", "nobody")
    yield from _of_schema(old, new)


def _message_changes(old: Read, new: Read, both: Met) -> Iterator[Change]:
    """What the schemas of messages say otherwise, those that were made from another language's
    too.
    """
    if not (old.promise.messages and new.promise.messages):
        return
    was, now = spoken(old.promise), spoken(new.promise)
    made: Met | None = None
    for name, newer in now.items():
        older = was.get(name)
        if older is None or older.made != newer.made:
            continue
        met = both
        if newer.made:
            made = met = made or Met(older.document, newer.document)
        side: Side = "response" if newer.message.own else "request"
        yield from of_schemas(met, name, side, "", "", older.schema, newer.schema)
    if made is not None:
        both.pairs |= made.pairs
        both.places |= made.places


def _beside_payload(text: Any) -> Any:
    """What stands in a message beside its payload; nothing of a document that is the payload."""
    if not isinstance(text, dict) or "payload" not in text:
        return None
    return {name: part for name, part in text.items() if name not in _PAYLOAD}


def _of_schema(old: Read, new: Read) -> Iterator[Change]:
    """What GraphQL's own comparison says breaks consumers, or may:
    https://graphql.org/graphql-js/utilities/#findbreakingchanges
    """
    if not (is_graphql(dict(old.document)) and is_graphql(dict(new.document))):
        return
    was, now = (schema_of(contract.document, "contract") for contract in (old, new))
    both: tuple[tuple[Sequence[Any], Breaks], ...] = (
        (find_breaking_changes(was, now), "consumers"),
        (find_dangerous_changes(was, now), "either"),
    )
    offered = {unit.name for unit in old.promise.units}
    for differences, breaks in both:
        for difference in differences:
            match = _COORDINATE.search(difference.description)
            name = (
                match[0]
                if match
                else next(
                    (
                        word
                        for word in difference.description.split()
                        if word.strip(".'") in was.type_map
                    ),
                    "",
                )
            )
            rule = difference.type.name.lower()
            if name in _STANDARD or (rule == "field_removed" and name in offered):
                # those that the library sees unused, and those that are told as operations
                continue
            yield Change(name, "", "", "", rule, "changed", "other", "", "", breaks)


def _shown(read: Read) -> dict[str, Any]:
    """What stands in the document for each example, without its own prose."""
    examples: dict[str, Any] = {}
    shown: list[Interaction | Message] = [*read.promise.interactions, *read.promise.messages]
    for example in shown:
        try:
            examples[example.name] = resolve(dict(read.document), f"#{example.clause}", "")
        except ContractError:
            examples[example.name] = example.clause
    for unit in read.promise.units:
        examples[unit.name] = None
    for operation in read.promise.operations:
        examples[operation.name] = None
    return examples
