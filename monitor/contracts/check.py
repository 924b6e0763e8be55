"""One exchange against the contracts in force: valid, violated, or not checked and why."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.contracts.at_once import named, valid_at_once
from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.findings import Findings
from monitor.contracts.form import CallJudge, Operation, Promise, Shows
from monitor.contracts.interactions import (
    check_interactions,
)
from monitor.contracts.joined import joined, of_one_sender
from monitor.contracts.limits import PAYLOAD_LIMITS, PayloadLimits
from monitor.contracts.matching.call import Call
from monitor.contracts.messages import UNKNOWN_PRODUCER, check_messages
from monitor.contracts.observed import REMOVED
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce, Registry
from monitor.contracts.sides import check_sides
from monitor.contracts.verdicts import (
    NO_CONTRACT,
    NOT_OFFERED,
    OBSERVED,
    PREFLIGHT,
    PROXY_ANSWER,
    UNFORESEEN_PAYLOAD,
    UNREADABLE_CONTRACT,
    verdict,
)
from monitor.errors import UNFORESEEN
from monitor.model.exchanges import (
    MESSAGING,
    Checked,
    Evidence,
    Exchange,
)

# a name of nobody; why no contract could be looked for
UNKNOWN, UNKNOWN_CALLEE = "unknown", "unknown_callee"
# Rules of ours, besides the keywords of JSON Schema.
RULES = (
    *(
        "undocumented_operation",
        "undocumented_method",
        "undocumented_status",
        "undocumented_media_type",
    ),
    *(
        "missing_body",
        "missing_parameter",
        "missing_header",
        "parameter_style",
        "not_json",
        "duplicate_key",
        "schema",
    ),
)


def check(
    exchange: Exchange,
    registry: Registry,
    operation: str = "",
    *,
    limits: PayloadLimits = PAYLOAD_LIMITS,
) -> Checked:
    """What the contracts in force at the event's time say of an exchange.

    `operation` names it when no contract does ("METHOD /path"). Never raises for what an exchange
    holds. Violations name places and types, never values. Request clauses are not held against an
    exchange that the provider itself refused (4xx). Every contract that knows the operation is
    asked; the most specific gives its name to the result.
    """
    contracts = registry.find_for(exchange)
    request = Payload(
        exchange.request_body,
        exchange.request_headers,
        truncated=exchange.request_truncated,
        limits=limits,
    )
    response = Payload(
        exchange.response_body,
        exchange.response_headers,
        truncated=exchange.response_truncated,
        limits=limits,
    )
    return check_payloads(exchange, request, response, contracts, lambda: operation, limits=limits)


def check_payloads(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contracts: Sequence[InForce],
    operation: Callable[[], str],
    *,
    limits: PayloadLimits = PAYLOAD_LIMITS,
) -> Checked:
    """`check` against given contracts and with the bodies handed in, so that others may use what
    was decoded.

    `operation` is asked only when no contract names the operation.
    """
    if not contracts:
        return Checked("not_checked", NO_CONTRACT, operation(), "", 0)
    if len(contracts) == 1:  # as of most
        return _alone(exchange, request, response, contracts[0], operation, limits)
    by_provider = [
        (contract.provider, _held(result) if contract.observed else result)
        for contract in contracts
        if (result := _judged(exchange, request, response, contract, operation, limits))
        is not None
    ]
    if not by_provider:
        return Checked("not_checked", NO_CONTRACT, operation(), "", 0)
    results = [result for _, result in by_provider]
    if (
        exchange.protocol == MESSAGING
        and not exchange.caller
        and len({provider for provider, _ in by_provider}) > 1
    ):
        results = of_one_sender(by_provider)
    return results[0] if len(results) == 1 else joined(results, limits)


def nobody_known(exchange: Exchange, callee: str, checked: Checked) -> Checked:
    """Why no contract was found, where it is that a name is not known. `callee`: the canonical
    name.
    """
    if callee == UNKNOWN:
        return replace(checked, reason=UNKNOWN_CALLEE)
    if exchange.protocol == MESSAGING and not exchange.caller:
        return replace(checked, reason=UNKNOWN_PRODUCER)
    return checked


def _alone(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contract: InForce,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked:
    """What the only contract says."""
    result: Checked | None = None
    if not isinstance(request, Carried):
        try:
            result = valid_at_once(exchange, request, response, contract, limits)
        except UNFORESEEN:
            result = None  # which is told of below
        if result is not None:
            return result
    result = _judged(exchange, request, response, contract, operation, limits)
    if result is None:
        return Checked("not_checked", NO_CONTRACT, operation(), "", 0)
    return _held(result) if contract.observed else result


def _judged(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contract: InForce,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked | None:
    """As `_one`. What raises in here would do so each time that its record is read, and end all
    reading; so it is left open, and counted.
    """
    try:
        return _one(exchange, request, response, contract, operation, limits)
    except UNFORESEEN:
        return Checked(
            "not_checked", UNFORESEEN_PAYLOAD, operation(), contract.name, contract.number
        )


def _held(result: Checked) -> Checked:
    """What breaks an observed contract keeps its clauses, and is no violation of anybody's."""
    if result.outcome != "violated":
        return result
    return replace(result, outcome="not_checked", reason=OBSERVED)


def _one(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contract: InForce,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked | None:
    promise = contract.promise
    if promise is None:
        return Checked(
            "not_checked", UNREADABLE_CONTRACT, operation(), contract.name, contract.number
        )
    if isinstance(request, Carried) or promise.by_example:
        return _by_example(exchange, request, response, contract, promise, operation, limits)
    method = exchange.method.upper()
    match = promise.router.match(method, exchange.path)
    if match is None and exchange.route and exchange.route != exchange.path:
        match = promise.router.match(method, exchange.route)
    if match is None or match.target is None:
        return _unknown(
            exchange, contract, promise, operation, limits, of_other_methods=match is not None
        )
    target = match.target
    name = named(method, target, match.base)
    findings = Findings()
    if exchange.proxy_answer:
        findings.leave(PROXY_ANSWER, "response", target.clause)
    else:
        check_sides(exchange, request, response, promise, target, match.rest, findings, limits)
    return verdict(contract, name, findings, limits)


def _unknown(
    exchange: Exchange,
    contract: InForce,
    promise: Promise,
    operation: Callable[[], str],
    limits: PayloadLimits,
    *,
    of_other_methods: bool,
) -> Checked | None:
    """A call of what the contract does not name. It is observed where an earlier revision did."""
    if not promise.whole:
        return None
    if exchange.proxy_answer:
        return Checked("not_checked", PROXY_ANSWER, operation(), contract.name, contract.number)
    method = exchange.method.upper()
    if method == "OPTIONS":
        return Checked("not_checked", PREFLIGHT, operation(), contract.name, contract.number)
    findings = Findings()
    removed = _removed(exchange, contract)
    if removed is not None:
        findings.observe(REMOVED, "request", removed.clause)
    name = removed.name if removed is not None else operation()
    if not 200 <= exchange.status < 300:
        seen = findings.observations
        return Checked(
            "not_checked", NOT_OFFERED, name, contract.name, contract.number, observations=seen
        )
    rule = "undocumented_method" if of_other_methods else "undocumented_operation"
    findings.add("request", Broken(rule, "", "/paths", "documented", "undocumented"))
    return verdict(contract, name or f"{method} {exchange.route or '?'}", findings, limits)


def _removed(exchange: Exchange, contract: InForce) -> Operation | None:
    """The operation of an earlier revision that a call asks for."""
    for former in contract.former:
        promise = former.promise
        if promise is None or promise.by_example:
            continue
        match = promise.router.match(exchange.method.upper(), exchange.path)
        if match is not None and match.target is not None:
            return match.target
    return None


def _by_example(
    exchange: Exchange,
    request: Payload,
    response: Payload,
    contract: InForce,
    promise: Promise,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked | None:
    if isinstance(request, Carried):
        return _by_message(exchange, request, contract, promise, operation, limits)
    if promise.judge is None and promise.messages and not promise.interactions:
        return None  # it speaks of messages alone
    findings = Findings()
    if promise.judge is not None:
        return _by_judge(
            promise.judge, Call(exchange, request, response), contract, operation, limits
        )
    if exchange.proxy_answer:
        findings.leave(PROXY_ANSWER, "response", "")
        return verdict(contract, operation(), findings, limits)
    shown = check_interactions(Call(exchange, request, response), promise, findings, limits)
    return verdict(contract, operation(), findings, limits, shown)


def _by_judge(
    judge: CallJudge,
    call: Call,
    contract: InForce,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked | None:
    findings = Findings()
    shown = judge.judge(call, findings, limits)
    if shown is None:
        return None
    if call.exchange.proxy_answer:
        findings = Findings()
        findings.leave(PROXY_ANSWER, "response", "")
        shown = Shows(operation=shown.operation)
    checked = verdict(contract, shown.operation or operation(), findings, limits)
    return replace(
        checked,
        evidence=[
            Evidence(contract.name, contract.number, name, how) for name, how in shown.units
        ],
    )


def _by_message(
    exchange: Exchange,
    record: Carried,
    contract: InForce,
    promise: Promise,
    operation: Callable[[], str],
    limits: PayloadLimits,
) -> Checked | None:
    findings = Findings()
    shown = check_messages(record, promise, exchange.redacted, findings, limits)
    if shown is None:
        return None
    templated = next(
        (message.topic for message in promise.of_topic(record.topic) if "{" in message.topic), ""
    )
    return verdict(contract, templated or operation(), findings, limits, shown)
