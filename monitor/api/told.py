"""Findings and verdicts as answers give them: each reason with its code, its parameters and its
sentence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from monitor.joining.explaining import Explanation
from monitor.model.judging import EdgeJudgement, Finding, Suspect, Verdict
from monitor.model.policy import RuleResult
from monitor.model.reasons import Reason
from monitor.wording.findings import summary
from monitor.wording.reasons import sentence


@dataclass(frozen=True, slots=True)
class ToldReason(Reason):
    """A reason and its sentence. Programs should read `code` and `parameters`: sentences may
    change.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class ToldSuspect(Suspect):
    """A suspect whose reasons bear sentences."""

    reasons: tuple[ToldReason, ...]


@dataclass(frozen=True, slots=True)
class ToldFinding(Finding):
    """A finding; `code` is that of its reason, `summary` its sentence."""

    suspects: Sequence[ToldSuspect]
    explained: ToldReason | None = None
    ended: ToldReason | None = None
    code: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ToldJudgement(EdgeJudgement):
    """An edge's part in a verdict; its reasons bear sentences."""

    reasons: tuple[ToldReason, ...]


@dataclass(frozen=True, slots=True)
class ToldVerdict(Verdict):
    """A verdict; its reasons bear sentences."""

    reasons: tuple[ToldReason, ...]
    settles: tuple[ToldReason, ...]
    edges: Sequence[ToldJudgement]


@dataclass(frozen=True, slots=True)
class ToldRule(RuleResult):
    """What became of one demand of a policy's rule; its reason bears a sentence."""

    reason: ToldReason


@dataclass(frozen=True, slots=True)
class ToldExplanation(Explanation):
    """An explanation; the verdict's reasons bear sentences."""

    verdict: ToldVerdict


def told_reason(reason: Reason) -> ToldReason:
    """The reason with its sentence."""
    return ToldReason(**fields_of(reason), text=sentence(reason))


def told_reasons(reasons: Iterable[Reason]) -> tuple[ToldReason, ...]:
    """The reasons with their sentences."""
    return tuple(map(told_reason, reasons))


def told_rules(rules: Iterable[RuleResult]) -> tuple[ToldRule, ...]:
    """The rules' results with their sentences."""
    return tuple(
        ToldRule(**fields_of(result) | {"reason": told_reason(result.reason)}) for result in rules
    )


def told_finding(finding: Finding) -> ToldFinding:
    """The finding with its sentence, and those of its suspects."""
    values = fields_of(finding) | {
        "suspects": tuple(
            ToldSuspect(**fields_of(suspect) | {"reasons": told_reasons(suspect.reasons)})
            for suspect in finding.suspects
        ),
        "explained": told_reason(finding.explained) if finding.explained else None,
        "ended": told_reason(finding.ended) if finding.ended else None,
    }
    return ToldFinding(**values, code=finding.reason.code, summary=summary(finding))


def told_verdict(verdict: Verdict) -> ToldVerdict:
    """The verdict with the sentences of all its reasons."""
    edges = tuple(
        ToldJudgement(**fields_of(edge) | {"reasons": told_reasons(edge.reasons)})
        for edge in verdict.edges
    )
    reasons, settles = told_reasons(verdict.reasons), told_reasons(verdict.settles)
    return ToldVerdict(
        **fields_of(verdict) | {"reasons": reasons, "settles": settles, "edges": edges}
    )


def told_explanation(explanation: Explanation) -> ToldExplanation:
    """The explanation with the sentences of its verdict."""
    return ToldExplanation(
        **fields_of(explanation) | {"verdict": told_verdict(explanation.verdict)}
    )


def fields_of(value: Any) -> dict[str, Any]:
    """A dataclass's values by name: what another of its fields, and more, is made of."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
