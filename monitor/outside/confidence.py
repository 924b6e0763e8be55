"""How sure a verdict is: the chance that it is right, as measured on labelled deploys."""

from monitor.outside.watching import Decision


def confidence_of(decision: Decision) -> float:
    """Chance that a failed deploy is harmful, or that one that passed or stayed open is harmless."""
    if decision.outcome == "fail":
        strong = any(finding.strength == "concurrent" for finding in decision.findings)
        return 0.97 if strong else 0.9
    return 0.99 if decision.outcome == "pass" else 0.8
