"""What was found of an exchange, as a verdict: reasons, violations and their fingerprints."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from monitor.contracts.at_once import SHAPE_ONLY
from monitor.contracts.broken import Broken
from monitor.contracts.findings import Findings, Side
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.registry import InForce
from monitor.model.exchanges import Checked, CheckOutcome, Evidence, Shown, Violation

# Reasons for "not checked" besides those of a payload (payloads.py, bodies.py).
NO_CONTRACT = "no_contract"
UNFORESEEN_PAYLOAD = "unforeseen"
UNREADABLE_CONTRACT = "contract_unreadable"
NO_RESPONSE = "no_response"
PREFLIGHT = "preflight"
# the contract does not name the operation, and the provider served nothing: somebody probed
NOT_OFFERED = "not_offered"
# made on the way: nobody's violation, and the outage is counted where outages are
PROXY_ANSWER = "proxy_answer"
# it breaks a contract that is only observed
OBSERVED = "observed"
# 404 accepted does not mean 503 accepted
_BY_ACTUAL = frozenset({"status", "undocumented_status", "undocumented_media_type"})


def verdict(
    contract: InForce,
    operation: str,
    findings: Findings,
    limits: PayloadLimits,
    shown: Sequence[tuple[str, Shown]] = (),
) -> Checked:
    if not (findings.broken or findings.unchecked or findings.observations):
        return _valid(contract.name, contract.number, operation, findings.shape_only, tuple(shown))
    violations = [
        violation(contract, operation, side, entry)
        for side, entry in findings.broken[: limits.violations]
    ]
    outcome: CheckOutcome = (
        "violated" if violations else "not_checked" if findings.unchecked else "valid"
    )
    reason = findings.reason or (SHAPE_ONLY if findings.shape_only else "")
    left, seen = findings.unchecked, findings.observations
    evidence = [Evidence(contract.name, contract.number, name, how) for name, how in shown]
    return Checked(
        outcome,
        reason,
        operation,
        contract.name,
        contract.number,
        violations,
        left,
        seen,
        evidence,
    )


@lru_cache(maxsize=16_384)
def _valid(
    contract: str,
    revision: int,
    operation: str,
    shape_only: bool,
    shown: tuple[tuple[str, Shown], ...],
) -> Checked:
    """What is said of an exchange that keeps everything: of most, so that one object stands for
    all that are alike.
    """
    evidence = [Evidence(contract, revision, name, how) for name, how in shown] if shown else ()
    return Checked(
        "valid", SHAPE_ONLY if shape_only else "", operation, contract, revision, evidence=evidence
    )


def violation(contract: InForce, operation: str, side: Side, broken: Broken) -> Violation:
    place = broken.actual if broken.rule in _BY_ACTUAL else broken.pointer
    mark = fingerprint(contract.name, operation, side, broken.rule, place)
    return Violation(
        *(
            contract.name,
            contract.number,
            operation,
            side,
            broken.rule,
            broken.pointer,
            broken.clause,
            broken.expected,
            broken.actual,
            mark,
        ),
    )


@lru_cache(maxsize=65_536)
def fingerprint(contract: str, operation: str, side: str, rule: str, pointer: str) -> str:
    """16 hex digits that name a violation over revisions, versions and time."""
    text = f"{contract}\x1f{operation}\x1f{side}\x1f{rule}\x1f{pointer}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
