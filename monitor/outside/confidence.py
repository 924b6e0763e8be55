"""How sure a verdict is: the chance that it is right, fitted on labelled deploys of which one in
five is harmful.

The numbers below come from `python -m tests.bench.detection.fit` (logistic regression; seeds 60
and 61, 102 deploys: of 14 that failed all were harmful, of 88 others 84 harmless). So few tell
only how often verdicts are right, hardly yet by what.
"""

import math
from collections.abc import Sequence

from monitor.outside.watching import Decision

MOST_E = 1e12
FAIL = (2.71, 0.0, 0.0, 0.0)
"""Constant, log10 of the largest e-value, versions compared side by side, silence: what speaks for
harm where it was found.
"""
OPEN = (2.99, -0.13, 0.87, 0.6)
"""Constant, log10 of calls since the deploy, versions that never met, a pass: what speaks for
harmlessness where none was.
"""


def features_of(decision: Decision) -> tuple[float, ...]:
    """What the chance is told from; of a failed deploy other things than of one that
    did not fail.
    """
    if decision.outcome == "fail":
        findings = decision.findings
        largest = max((finding.evidence.e_value for finding in findings), default=1.0)
        return (
            math.log10(min(max(largest, 1.0), MOST_E)),
            float(any(finding.strength == "concurrent" for finding in findings)),
            float(any(finding.signal == "silence" for finding in findings)),
        )
    return (
        math.log10(1.0 + decision.calls),
        float("time" in decision.assumed),
        float(decision.outcome == "pass"),
    )


def confidence_of(decision: Decision) -> float:
    """Chance that a failed deploy is harmful, or that one that passed or stayed open
    is harmless.
    """
    return round(_chance(FAIL if decision.outcome == "fail" else OPEN, features_of(decision)), 3)


def _chance(weights: Sequence[float], features: Sequence[float]) -> float:
    total = weights[0] + sum(
        weight * value for weight, value in zip(weights[1:], features, strict=True)
    )
    return 1.0 / (1.0 + math.exp(-total))
