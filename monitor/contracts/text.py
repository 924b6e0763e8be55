"""The text of a contract to plain JSON values: JSON, or YAML 1.2 by a safe loader that refuses
bombs.
"""

import json
from collections import Counter
from typing import Any

import orjson
import yaml

from monitor.contracts.collecting import uncollected
from monitor.contracts.comments import is_object, uncommented
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.looks import excess
from monitor.contracts.yaml_text import read_yaml
from monitor.errors import ContractError
from monitor.native import BUILT


def parse(text: str, *, where: str, limits: ContractLimits = CONTRACT_LIMITS) -> dict[str, Any]:
    """The document as JSON values, its root an object.

    YAML is read with JSON's types (core schema of YAML 1.2): a date stays text, `NO` is Norway.
    Aliases count each time they are used. Raises ContractError, saying where, for text that is no
    JSON or YAML, is over a budget, or uses tags. A list of objects, names of types among
    them as in Avro's unions, or several YAML documents, is what stands under `contracts`.
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
        and all(isinstance(contract, dict | str) for contract in document)
        and any(isinstance(contract, dict) for contract in document)
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
    try:
        return read_yaml(text, where, limits)
    except yaml.YAMLError as error:
        raise ContractError(f"{where}: neither JSON nor YAML{_fault(text, error)}") from None


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


def _measure(document: Any, where: str, limits: ContractLimits) -> None:
    """Refuse a document over the budget of nodes or depth."""
    match excess(document, limits.nodes, limits.depth):
        case "nodes":
            raise ContractError(f"{where}: more than {limits.nodes} nodes; split the contract")
        case "depth":
            raise ContractError(
                f"{where}: nested deeper than {limits.depth} levels; flatten it with local $ref"
            )
