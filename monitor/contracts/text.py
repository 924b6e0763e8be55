"""The text of a contract to plain JSON values: JSON, or YAML 1.2 by a safe loader that refuses
bombs.
"""

import json
import re
from collections import Counter
from typing import Any

import orjson
import yaml

from monitor.contracts.collecting import uncollected
from monitor.contracts.comments import is_object, uncommented
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.looks import excess
from monitor.errors import ContractError
from monitor.native import BUILT

_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(
    _TAG + kind
    for kind in (
        "null",
        "bool",
        "int",
        "float",
        "str",
        "timestamp",
        "value",
        "seq",
        "map",
        "binary",
        "omap",
        "set",
    )
)
_INT = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_MOST_DIGITS = 400


def parse(text: str, *, where: str, limits: ContractLimits = CONTRACT_LIMITS) -> dict[str, Any]:
    """The document as JSON values, its root an object.

    YAML is read with JSON's types (core schema of YAML 1.2): a date stays text, `NO` is Norway.
    Aliases count each time they are used. Raises ContractError, saying where, for text that is no
    JSON or YAML, is over a budget, or uses tags. A list of objects, or several YAML documents, is
    what stands under `contracts`.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ContractError(
            f"{where}: the text holds half a surrogate pair; save it as UTF-8"
        ) from None
    if size > limits.text_bytes:
        raise ContractError(
            f"{where}: {size} bytes are more than the {limits.text_bytes} that a contract may have; split it"
        )
    text = text.removeprefix("\ufeff")
    with uncollected():
        document = _json(text, where, limits) if is_object(text, "{[") else None
        if document is None:
            document = _yaml(text, where, limits)
    if (
        isinstance(document, list)
        and document
        and all(isinstance(contract, dict) for contract in document)
    ):
        document = {"contracts": document}
    if not isinstance(document, dict):
        raise ContractError(
            f"{where}: the document is no object; publish an OpenAPI document, a pact or another contract"
        )
    _measure(document, where, limits)
    return document


def _json(text: str, where: str, limits: ContractLimits) -> Any:
    """Exact integers, and no key twice; None for what is no JSON, with comments or without.

    A text that every reader reads alike, as the native look tells, is read by the quickest one.
    """
    if BUILT is not None and BUILT.read_alike(text, limits.depth):
        return orjson.loads(text)
    document = _exactly(text, where, limits)
    if document is None and "/" in text and (plain := uncommented(text)) != text:
        document = _exactly(plain, where, limits)
    return document


def _exactly(text: str, where: str, limits: ContractLimits) -> Any:
    """The same, by the reader that says what is wrong."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
    except _Twice:
        _yaml(text, where, limits)  # which tells the line
        raise
    except RecursionError:
        raise ContractError(f"{where}: nested deeper than {limits.depth} levels") from None
    except ValueError:
        return None  # perhaps YAML's flow style


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _Twice(
            f"{where}: the key {twice[:80]!r} stands twice in one object; only one of the two can be meant"
        )
    return held


class _Twice(ContractError):
    """A key stands twice in one object."""


def _yaml(text: str, where: str, limits: ContractLimits) -> Any:
    loader = yaml.CSafeLoader(text)
    try:
        plain = _refuse_depth(text, where, limits)
        roots: list[yaml.Node] = []
        while loader.check_node():
            root = loader.get_node()
            if root is not None:
                if not plain:
                    _count(root, where, limits)
                roots.append(root)
        if not roots:
            raise ContractError(f"{where}: the document is empty")
        return (
            _value(roots[0], where) if len(roots) == 1 else [_value(root, where) for root in roots]
        )
    except yaml.YAMLError as error:
        raise ContractError(f"{where}: neither JSON nor YAML{_fault(text, error)}") from None
    except RecursionError:
        raise ContractError(f"{where}: nested deeper than {limits.depth} levels") from None
    finally:
        loader.dispose()


def _fault(text: str, error: yaml.YAMLError) -> str:
    """Where a text is broken and why, as the reader says that came furthest."""
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or type(error).__name__
    line, column = (0, 0) if mark is None else (mark.line + 1, mark.column + 1)
    if is_object(text, "{["):
        try:
            json.loads(uncommented(text))
        except json.JSONDecodeError as fault:
            if (fault.lineno, fault.colno) >= (line, column):
                line, column, why = fault.lineno, fault.colno, fault.msg
        except (RecursionError, ValueError):
            pass
    return f" at line {line}, column {column}: {why}" if line else f": {why}"


def _refuse_depth(text: str, where: str, limits: ContractLimits) -> bool:
    """Walk the events, which needs no stack: libyaml's binding builds nodes by recursion in C, and
    a deep text ends the process. Whether there is no alias, and no node too many: nothing need be
    counted then.
    """
    loader, depth, nodes, aliases, documents = yaml.CSafeLoader(text), 0, 0, False, 0
    try:
        while loader.check_event():
            event = loader.get_event()
            nodes += 1
            aliases = aliases or isinstance(event, yaml.AliasEvent)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > limits.depth:
                    line = (
                        f" at line {event.start_mark.line + 1}"
                        if event.start_mark is not None
                        else ""
                    )
                    raise ContractError(f"{where}: nested deeper than {limits.depth} levels{line}")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > limits.operations:
                    raise ContractError(
                        f"{where}: more than {limits.operations} YAML documents; split the file"
                    )
    finally:
        loader.dispose()
    return not aliases and nodes <= limits.nodes


def _count(root: yaml.Node, where: str, limits: ContractLimits) -> None:
    """Nodes with aliases expanded, each node visited once; a node inside itself is refused."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node, depth: int) -> int:
        earlier = sizes.get(id(node))
        if earlier is not None:
            return earlier
        if id(node) in open_nodes:
            raise ContractError(
                f"{where}: an alias at line {node.start_mark.line + 1} contains itself"
            )
        if depth > limits.depth:
            raise ContractError(
                f"{where}: nested deeper than {limits.depth} levels at line {node.start_mark.line + 1}"
            )
        open_nodes.add(id(node))
        total = 1
        if isinstance(node, yaml.SequenceNode):
            total += sum(size(child, depth + 1) for child in node.value)
        elif isinstance(node, yaml.MappingNode):
            total += sum(
                size(key, depth + 1) + size(value, depth + 1) for key, value in node.value
            )
        open_nodes.discard(id(node))
        if total > limits.nodes:
            raise ContractError(
                f"{where}: its aliases expand to more than {limits.nodes} nodes; write it without so many aliases"
            )
        sizes[id(node)] = total
        return total

    size(root, 0)


def _value(node: yaml.Node, where: str) -> Any:
    if node.tag not in _TAGS:
        raise ContractError(
            f"{where}: the tag {node.tag[:60]!r} at line {node.start_mark.line + 1} is not allowed; remove it"
        )
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, where) for child in node.value]
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ContractError(f"{where}: a key at line {key.start_mark.line + 1} is no text")
        if key.value == "<<" and not key.style:
            for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                held = _value(part, where)
                if isinstance(held, dict):
                    merged = held | merged
            continue
        if key.value in own:
            raise ContractError(
                f"{where}: the key {key.value[:80]!r} stands twice in one object, again at line {key.start_mark.line + 1}, column {key.start_mark.column + 1}; only one of the two can be meant"
            )
        own[key.value] = _value(value, where)
    return merged | own


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:  # quoted or block
        return text
    if node.tag == _TAG + "str" and _INT.match(text):  # said to be text by !!str
        return text
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if len(text) <= _MOST_DIGITS and _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _measure(document: Any, where: str, limits: ContractLimits) -> None:
    """Refuse a document over the budget of nodes or depth."""
    match excess(document, limits.nodes, limits.depth):
        case "nodes":
            raise ContractError(f"{where}: more than {limits.nodes} nodes; split the contract")
        case "depth":
            raise ContractError(
                f"{where}: nested deeper than {limits.depth} levels; flatten it with local $ref"
            )
