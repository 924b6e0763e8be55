"""Both sides of a call of an operation that a contract describes as a whole."""

from monitor.contracts.bodies import check_body
from monitor.contracts.broken import Broken
from monitor.contracts.credentials import check_credentials
from monitor.contracts.findings import Findings
from monitor.contracts.form import Operation, Promise
from monitor.contracts.interactions import UNDOCUMENTED_STATUS
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.statuses import NOT_SERVED, PROVIDER_FAILED, made_elsewhere
from monitor.contracts.observed import observe
from monitor.contracts.parameters import check_headers, check_parameters
from monitor.contracts.payloads import Payload
from monitor.contracts.verdicts import NO_RESPONSE
from monitor.model.exchanges import BODILESS, CLIENT_LEFT, Exchange

_NOT_MODIFIED = 304


def check_sides(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    promise: Promise,
    target: Operation,
    rest: str,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    """Add to `findings` what the contract says of a call. Request clauses are not held against one
    that the provider refused; an answer that a gateway may have made is nobody's violation.
    """
    depth = min(promise.depth, limits.depth)
    observe(exchange, target, findings)
    refused = 400 <= exchange.status < 500
    if not refused:
        if target.parameters:
            check_parameters(exchange, target, rest, findings)
        if target.request is not None:
            check_body(
                request, target.request, "request", exchange.redacted, depth, findings, limits
            )
        if target.security:
            check_credentials(exchange, target, findings)
    if exchange.status in (0, CLIENT_LEFT):
        findings.leave(NO_RESPONSE, "response", target.clause)
        return
    if exchange.status not in NOT_SERVED:
        _answer(exchange, response, target, depth, findings, limits)
        return
    answered = Findings()
    _answer(exchange, response, target, depth, answered, limits)
    if made_elsewhere(exchange.status, (broken.rule for _, broken in answered.broken)):
        findings.leave(PROVIDER_FAILED, "response", target.clause)
    else:
        findings.take(answered)


def _answer(
    exchange: Exchange,
    response: Payload,
    target: Operation,
    depth: int,
    findings: Findings,
    limits: PayloadLimits,
) -> None:
    clause = target.response(exchange.status)
    if clause is None:
        _unlisted(exchange, target, findings)
        return
    if clause.headers:
        check_headers(exchange, clause.headers, findings)
    if (
        target.responses
        and clause.media
        and exchange.status not in BODILESS
        and exchange.method.upper() != "HEAD"
    ):
        check_body(response, clause, "response", exchange.redacted, depth, findings, limits)


def _unlisted(exchange: Exchange, target: Operation, findings: Findings) -> None:
    """A status that the operation does not list: the provider's violation only where the contract
    claims it whole, or on success.

    Contracts seldom list what any request may meet on its way: 401, 429, redirects, outages. Their
    absence is no promise.
    """
    # HTTP's own word
    cached = exchange.status == _NOT_MODIFIED and exchange.method.upper() in ("GET", "HEAD")
    if target.open or not target.responses or cached:
        return
    clause = f"{target.clause}/responses"
    if target.whole or (200 <= exchange.status < 300 and not target.partial):
        findings.add(
            "response",
            Broken("undocumented_status", "", clause, "documented", str(exchange.status)),
        )
    else:
        findings.leave(UNDOCUMENTED_STATUS, "response", clause)
