"""What several contracts that bind one exchange say of it together."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.contracts.interactions import NO_INTERACTION
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.messages import NO_MESSAGE, UNKNOWN_PRODUCER
from monitor.contracts.verdicts import NOT_OFFERED, OBSERVED, PREFLIGHT, PROXY_ANSWER
from monitor.model.exchanges import Checked, CheckOutcome

UNDOCUMENTED = frozenset({"undocumented_operation", "undocumented_method"})
_UNKNOWN = frozenset({PREFLIGHT, NOT_OFFERED, NO_INTERACTION, NO_MESSAGE})


def of_one_sender(by_provider: Sequence[tuple[str, Checked]]) -> list[Checked]:
    """Contracts of several providers, each of which may have sent a record: it has to keep those
    of one.
    """
    decisive = [(provider, result) for provider, result in by_provider if _knows(result)] or list(
        by_provider
    )
    providers = list(dict.fromkeys(provider for provider, _ in decisive))
    broken = {provider for provider, result in decisive if result.violations}
    if len(providers) == 1 or not broken:
        return [result for _, result in decisive]
    if len(broken) < len(providers):
        return [result for provider, result in decisive if provider not in broken]
    first = decisive[0][1]
    return [
        Checked("not_checked", UNKNOWN_PRODUCER, first.operation, first.contract, first.revision)
    ]


def joined(results: list[Checked], limits: PayloadLimits) -> Checked:
    """Several contracts of one provider: those that know the operation decide; one that does not
    is then silent. Where none does, one decides that lists all operations, if there is one:
    examples never do.
    """
    knowing = [result for result in results if _knows(result)] or _of_nobody(results)
    # one that is only observed decides where there is no other
    decisive = [result for result in knowing if result.reason != OBSERVED] or knowing
    violations = [violation for result in knowing for violation in result.violations][
        : limits.violations
    ]
    first = next((result for result in decisive if result.violations), decisive[0])
    outcomes = {result.outcome for result in decisive}
    outcome: CheckOutcome = (
        "violated"
        if "violated" in outcomes
        else "not_checked"
        if "not_checked" in outcomes
        else "valid"
    )
    reason = (
        next(
            (result.reason for result in decisive if result.outcome == "not_checked"), first.reason
        )
        if outcome == "not_checked"
        else first.reason
    )
    unchecked = [remark for result in decisive for remark in result.unchecked]
    observations = [
        replace(remark, contract=result.contract, revision=result.revision)
        for result in decisive
        for remark in result.observations
    ]
    evidence = [entry for result in decisive for entry in result.evidence]
    return Checked(
        outcome,
        reason,
        first.operation,
        first.contract,
        first.revision,
        violations,
        unchecked,
        observations,
        evidence,
    )


def _of_nobody(results: Sequence[Checked]) -> list[Checked]:
    """The one result that tells of an operation that no contract knows: an enforced one first."""
    order = (OBSERVED, NO_INTERACTION, NO_MESSAGE)
    return [max(results, key=lambda it: -order.index(it.reason) if it.reason in order else 1)]


def _knows(result: Checked) -> bool:
    """Whether a contract knows the operation at all. What a proxy answered is told of any call; of
    one that the contract knows with the operation's clause.
    """
    if result.reason == PROXY_ANSWER:
        return any(left.clause for left in result.unchecked)
    return result.reason not in _UNKNOWN and not (
        result.violations and result.violations[0].rule in UNDOCUMENTED
    )
