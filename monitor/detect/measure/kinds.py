"""Kinds of bad calls: how many calls of each kind a cell holds. No call is of two of these kinds,
but for broken contracts.

`server_error`, `client_error` and `timeout` are the outcomes by the word of the caller (of the
provider where no caller's span is known). `provider_error` is what only the provider calls a
failure: the callers took these calls for answered. So a new version that hides its failures in
HTTP 200 is worse than the old one, though its callers see fewer errors.
"""

from collections.abc import Callable, Mapping

from monitor.model.edges import EdgeCell

FAILURES = ("server_error", "timeout")
NONE = (0, 0, 0, 0)


def provider_errors(cell: EdgeCell) -> int:
    """Failures of which only the provider tells. `failed` calls of which no outcome tells are
    such, too: older rows hold no more.
    """
    hidden = sum(cell.provider_only.get(outcome, 0) for outcome in FAILURES)
    bad_outcomes = sum(count for outcome, count in cell.outcomes.items() if outcome != "ok")
    return max(hidden, cell.failed - bad_outcomes)


def failures(cell: EdgeCell) -> int:
    """Calls that either side calls a failure, by status or by code, whatever kind it is."""
    outcomes = cell.outcomes
    return max(
        cell.failed,
        outcomes.get("server_error", 0)
        + outcomes.get("timeout", 0)
        + outcomes.get("cancelled", 0),
    )


def bad_calls(cell: EdgeCell) -> tuple[int, int, int, int]:
    """All but broken contracts at once: server errors, the provider's, client errors, timeouts,
    each as BAD has it.
    """
    outcomes, hidden = cell.outcomes, cell.provider_only
    if not cell.failed and len(outcomes) == 1 and "ok" in outcomes and not hidden:
        return NONE
    server, client = outcomes.get("server_error", 0), outcomes.get("client_error", 0)
    timeout, cancelled = outcomes.get("timeout", 0), outcomes.get("cancelled", 0)
    if not hidden:
        by_outcome = sum(outcomes.values()) - outcomes.get("ok", 0)
        return server, max(0, cell.failed - by_outcome), client, timeout + cancelled
    return (
        _callers(cell, "server_error"),
        provider_errors(cell),
        client,
        _callers(cell, "timeout") + cancelled,
    )


def _callers(cell: EdgeCell, outcome: str) -> int:
    return cell.outcomes.get(outcome, 0) - cell.provider_only.get(outcome, 0)


BAD: Mapping[str, Callable[[EdgeCell], int]] = {
    "server_error": lambda cell: _callers(cell, "server_error"),
    "provider_error": provider_errors,
    "client_error": lambda cell: cell.outcomes.get("client_error", 0),
    "timeout": lambda cell: _callers(cell, "timeout") + cell.outcomes.get("cancelled", 0),
    "violated": lambda cell: cell.conformance.get("violated", 0),
}
