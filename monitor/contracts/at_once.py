"""The verdict on an exchange that keeps every clause, by the shortest way; whatever else it is,
one has to look (check.py).

What hangs on no payload is thought through once for each operation, status and media type of a
revision: the clause, the body's schema, which parameters there are. Left of each exchange are its
path, its body and what its headers show. No clause is passed over: what this way does not judge,
it leaves alone. Most exchanges are such, and cost half so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.contracts.bodies import check_body, meant
from monitor.contracts.credentials import check_credentials
from monitor.contracts.findings import Findings
from monitor.contracts.form import Body, Operation, Parameter
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.observed import observe
from monitor.contracts.parameters import (
    check_headers,
    check_parameters,
    is_plain,
    of_scalar,
    scalar_fits,
)
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce
from monitor.contracts.routes import Match, whole_segments
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError
from monitor.model.exchanges import BODILESS, CLIENT_LEFT, Checked, Exchange

_MOST_PLANS = 10_000
SHAPE_ONLY = "shape_only"
"""The reason of a valid one of which only presence and types could be checked."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an exchange is judged. `path`: the index of each path parameter's segment, where those
    are all that a request without a query is held against; `close`: look at all of its request's
    and its answer's headers, too.
    """

    path: Sequence[tuple[int, Parameter]]
    close: bool
    refused: bool
    request: Body | None
    headers: Sequence[Parameter]
    schema: Schema | None
    valid: Checked
    valid_in_shape: Checked


def valid_at_once(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contract: InForce,
    limits: PayloadLimits,
) -> Checked | None:
    """The verdict when the exchange keeps every clause of the contract and shows nothing else that
    is told; None: look.

    Decodes bodies as looking does, and once.
    """
    promise = contract.promise
    if (
        promise is None
        or promise.by_example
        or promise.depth < limits.depth
        or exchange.proxy_answer
        or exchange.plaintext
        or exchange.redacted
    ):
        return None
    match = promise.router.match(exchange.method, exchange.path)
    if match is None or match.target is None:
        return None
    key = (id(match.target), match.base, exchange.method, exchange.status, response.media)
    if key in contract.plans:
        plan = contract.plans[key]
    else:
        if len(contract.plans) >= _MOST_PLANS:
            contract.plans.clear()
        name = named(exchange.method, match.target, match.base)
        kept = Checked("valid", "", name, contract.name, contract.number)
        plan = contract.plans[key] = _planned(exchange, response.media, match.target, kept)
    return None if plan is None else _followed(plan, exchange, request, response, match, limits)


def named(method: str, target: Operation, base: str) -> str:
    """The name of an operation as it was called: by another method (HEAD for GET),
    below a base.
    """
    if base:
        return f"{method} {base}{target.route if target.route != '/' else ''}"
    return target.name if method == target.method else f"{method} {target.route}"


def _planned(exchange: Exchange, media: str, target: Operation, kept: Checked) -> _Plan | None:
    """None where exchanges of this kind are never valid, or not without a closer look."""
    status = exchange.status
    clause = target.response(status)
    if status in (0, CLIENT_LEFT) or clause is None:
        return None
    schema: Schema | None = None
    if target.responses and clause.media and status not in BODILESS and exchange.method != "HEAD":
        entry = meant(clause.media, media)
        schema = None if entry is None else clause.media[entry]
        if schema is None:
            return None
    refused = 400 <= status < 500
    at = whole_segments(target.route, target.spanning)
    parameters = [] if refused else target.parameters
    path = (
        []
        if at is None
        else [
            (at[parameter.name], parameter)
            for parameter in parameters
            if parameter.place == "path" and parameter.name in at
        ]
    )
    close = (
        len(path) != len(parameters)
        or not all(of_scalar(parameter) for _, parameter in path)
        or bool(clause.headers)
        or (bool(target.security) and not refused)
        or (target.deprecated and 200 <= status < 300)
    )
    body = None if refused else target.request
    return _Plan(
        path, close, refused, body, clause.headers, schema, kept, replace(kept, reason=SHAPE_ONLY)
    )


def _followed(
    plan: _Plan,
    exchange: Exchange,
    request: Payload,
    response: Payload,
    match: Match[Operation],
    limits: PayloadLimits,
) -> Checked | None:
    target = match.target
    assert target is not None
    findings = (
        None
        if _asks_plainly(plan, exchange, match.segments)
        else _looked(plan, exchange, target, match.rest)
    )
    if plan.request is not None and not _asked_well(request, plan.request):
        if _asks_badly(request, plan.request):
            return None  # what it breaks is told once, by who looks
        findings = findings or Findings()
        check_body(request, plan.request, "request", False, limits.depth, findings, limits)
    if findings is not None and (findings.broken or findings.unchecked or findings.observations):
        return None
    if plan.schema is not None and not _keeps(response, plan.schema):
        return None
    return plan.valid_in_shape if findings is not None and findings.shape_only else plan.valid


def _asked_well(request: Payload, clause: Body) -> bool:
    """Whether a request's body keeps its clause for sure, told without decoding it."""
    schema = _schema_of(request, clause)
    return schema is not None and request.proven_by(schema.proves)


def _asks_badly(request: Payload, clause: Body) -> bool:
    """Whether a request's body surely breaks its clause."""
    schema = _schema_of(request, clause)
    if schema is None or request.problem or schema.is_long(request.value):
        return False
    try:
        return not request.keeps(schema)
    except (ContractError, ValueError, RecursionError):
        return False


def _schema_of(request: Payload, clause: Body) -> Schema | None:
    entry = meant(clause.media, request.media)
    return None if entry is None else clause.media[entry]


def _asks_plainly(plan: _Plan, exchange: Exchange, segments: Sequence[str]) -> bool:
    """Whether a request's path is all that there is to look at beside the bodies, and keeps its
    clauses.
    """
    if plan.close or exchange.query or (plan.path and not segments):
        return False
    if "sunset" in exchange.response_headers or "x-forwarded-proto" in exchange.request_headers:
        return False
    for at, parameter in plan.path:
        text = segments[at]
        if not (is_plain(text) and scalar_fits(parameter, text)):
            return False
    return True


def _looked(plan: _Plan, exchange: Exchange, target: Operation, rest: str) -> Findings:
    findings = Findings()
    observe(exchange, target, findings)
    if not plan.refused:
        check_parameters(exchange, target, rest, findings)
        if target.security:
            check_credentials(exchange, target, findings)
    if plan.headers:
        check_headers(exchange, plan.headers, findings)
    return findings


def _keeps(response: Payload, schema: Schema) -> bool:
    if response.proven_by(schema.proves):
        return True
    if response.problem or schema.is_long(response.value):
        return False
    try:
        return response.keeps(schema) and not response.repeats_a_key()
    except (ContractError, ValueError, RecursionError):
        return False
