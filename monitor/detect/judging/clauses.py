"""Broken clauses by edge and version pair, from the groups that the violations table
answers with.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.detect.judging.findings import Clause, ClauseKey
from monitor.model.edges import Edge, EdgeCell

_PLACEHOLDER = re.compile(r"\{[^}]*\}|:[A-Za-z_]\w*|<[^>]*>")


def clauses_of(
    rows: Sequence[Mapping[str, Any]], cells: Sequence[EdgeCell]
) -> dict[ClauseKey, list[Clause]]:
    """Each group goes to the edges of its caller, callee and operation (placeholders of routes
    compare equal).

    Where no edge bears the contract's operation, the edges between the two on which something was
    violated take it.
    """
    edges: dict[tuple[str, str, str], dict[Edge, int]] = {}
    for cell in cells:
        between = edges.setdefault((cell.edge.environment, cell.edge.caller, cell.edge.callee), {})
        between[cell.edge] = between.get(cell.edge, 0) + cell.conformance.get("violated", 0)
    clauses: dict[ClauseKey, list[Clause]] = {}
    for row in rows:
        between = edges.get((row["environment"], row["caller"], row["callee"]), {})
        operation = plain_operation(row["operation"])
        matching = [edge for edge in between if plain_operation(edge.operation) == operation] or [
            edge for edge, bad in between.items() if bad
        ]
        for edge in matching:
            key = (edge, row["callee_version"], row["caller_version"])
            clauses.setdefault(key, []).append(
                (clause_text(row), int(row["count"]), str(row["trace"] or ""))
            )
    return clauses


def clause_text(row: Mapping[str, Any]) -> str:
    """`payments 3 · POST /pay · response · type · /amount`: contract and revision, operation,
    side, rule, where.
    """
    return f"{row['contract']} {row['revision']} · {row['operation']} · {row['side']} · {row['rule']} · {row['pointer'] or '/'}"


def plain_operation(operation: str) -> str:
    """The operation with its placeholders alike, whatever they are called."""
    return _PLACEHOLDER.sub("{}", operation)
