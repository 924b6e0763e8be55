"""What is said of a finding: in one sentence, in a few words, and line by line of its evidence.

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping

from monitor.model.judging import Difference, Evidence, Finding, StepEvidence
from monitor.wording.meaning import told_change
from monitor.wording.reasons import REFUSED, plain
from monitor.wording.shown import Shown, condition_text, rate, share

ANY, BEFORE = "any version", "what was before"
"""Of a finding: a side of which no one version is meant, and a comparison over time."""
SHORTLY: Mapping[str, str] = {
    "worse_errors": "fails",
    "worse_client_errors": "answers with client errors",
    "worse_provider_errors": "fails, as only the provider tells",
    "worse_timeouts": "times out",
    "worse_violations": "breaks its contract",
    "worse_latency": "is slower",
    "silent": "has fallen silent",
    "never_seen": "was never seen answering",
    "calls_missing": "is no longer called",
    "calls_repeated": "is called again and again",
    "calls_attempted": "answers after retries only",
    "calls_misrouted": "gets another's calls",
    "calls_added": "is called as never before, and fails",
    "calls_asked": "fails a new operation",
    "meaning_changed": "sends values that mean something else",
}


def summary(finding: Finding) -> str:
    """One sentence: what is worse, where, between which versions, how much."""
    reason = finding.reason
    return plain(reason.code, reason.parameters, reason.edge)


def what(finding: Finding) -> str:
    """What is worse, in a few words."""
    reason = finding.reason
    if reason.code == "worse_latency" and reason.parameters.get("old_seconds") is not None:
        return "slower, {side} {quantile} {old_seconds:ms} → {new_seconds:ms} ms".format_map(
            Shown(reason.parameters, None)
        )
    return SHORTLY[reason.code]


def told_by(finding: Finding) -> str:
    """Whose word the bad calls of a finding are; "" where no side calls a call failed."""
    return {
        "errors": "the caller (where no span of it is known, the provider)",
        "provider_errors": "the provider alone: its callers took these calls for answered",
        "timeouts": "the caller (where no span of it is known, the provider)",
    }.get(finding.signal, "")


def facts(evidence: Evidence) -> list[tuple[str, str]]:
    """(label, text) of what the evidence holds beside its counts."""
    lines: list[tuple[str, str]] = []
    if evidence.rate:
        lines.append(("kind", evidence.rate.kind.replace("_", " ")))
        lines.append(("bad calls vary more than chance by", f"{evidence.rate.dispersion:.3g}×"))
        if evidence.rate.clause_new is not None:
            lines.append(
                (
                    "breaks of this clause, new and old",
                    f"{evidence.rate.clause_new} and {evidence.rate.clause_old or 0}",
                )
            )
    if evidence.latency:
        for age, quantiles in (("new", evidence.latency.new), ("old", evidence.latency.old)):
            shown = [
                f"{1000 * value:.3g}"
                for value in (quantiles.p50, quantiles.p90, quantiles.p99)
                if value is not None
            ]
            lines.append(
                (
                    f"p50, p90, p99 of the {age} version at the {evidence.latency.side}",
                    f"{', '.join(shown) or '–'} ms",
                )
            )
    if evidence.meaning:
        lines.append(("what changed", told_change(evidence.meaning.change)))
        lines.append(("payloads of", ", ".join(evidence.meaning.partners)))
    lines += _of_calls(evidence)
    if evidence.silence:
        lines.append(("silent instances", str(evidence.silence.instances)))
        lines.append(
            (
                "of the old version's instances answered in a window",
                f"{evidence.silence.presence:.0%}",
            )
        )
        lines.append(
            ("probability of so much silence by chance", f"{evidence.silence.chance:.2g}")
        )
    lines += _over_time(evidence.step) if evidence.step else []
    if evidence.differs:
        lines.append(("what differs", _rule(evidence.differs)))
    for failure in evidence.failures:
        never = "; the old version had none" + (
            ", nor had anybody in the day before" if failure.not_for_a_day else ""
        )
        kind = (
            f"{failure.error_type}: {failure.template}" if failure.template else failure.error_type
        )
        lines.append(
            (
                "new kind of failure" if failure.is_new else "kind of failure",
                f"{kind}, {failure.calls} calls{never if failure.is_new else ''}",
            )
        )
    return lines


def _of_calls(evidence: Evidence) -> list[tuple[str, str]]:
    """How often, how long and why calls are refused."""
    lines: list[tuple[str, str]] = []
    if evidence.fanout:
        lines.append(
            (
                "calls here for each call answered, new and old",
                f"{evidence.fanout.new:.3g} and {evidence.fanout.old:.3g}",
            )
        )
        lines.append(("of them fail", f"{evidence.fanout.failing:.1%}"))
    if evidence.time:
        parts = ((name, getattr(evidence.time, name)) for name in ("client", "server", "own"))
        shown = [f"{name} {1000 * value:+.3g}" for name, value in parts if value is not None]
        lines.append(("ms that the mean call takes longer", ", ".join(shown) or "–"))
    if evidence.refusals:
        lines.append(
            (
                f"calls that {REFUSED[evidence.refusals.kind]}",
                f"{evidence.refusals.calls}, before {evidence.refusals.old}",
            )
        )
    return lines


def _over_time(step: StepEvidence) -> list[tuple[str, str]]:
    """What a change in time was held against."""
    lines: list[tuple[str, str]] = []
    lines.append(
        (
            "compared",
            "before and after"
            + (", and the versions lean the same way" if step.supported else ""),
        )
    )
    lines.append(("earlier moments that changed less", f"{step.beaten} of {step.placebos}"))
    lines.append(
        ("expected from", "the same hours of earlier days" if step.seasonal else "the time before")
    )
    lines.append(("neighbours", _neighbours(step)))
    if step.zones:
        lines.append(("came with the version to each zone in turn", ", ".join(step.zones)))
    return lines


def _rule(differs: Difference) -> str:
    """The rule in words, with what it did on calls that it was not learned from."""
    text = f"{share(differs.bad, differs.bad + differs.other_bad)} bad calls are {' and '.join(map(condition_text, differs.conditions))}"
    same = (
        f" (the same calls: {', '.join(map(condition_text, differs.same))})"
        if differs.same
        else ""
    )
    there, elsewhere = (
        rate(differs.bad, differs.calls),
        rate(differs.other_bad, differs.other_calls),
    )
    return f"{text}{same}; held-out: {there} there, {elsewhere} elsewhere"


def _neighbours(step: StepEvidence) -> str:
    if step.growth > 1.0:
        return f"grew {step.growth:.2f}-fold"
    return f"{step.controls} unchanged" if step.controls else "none with calls enough to tell"
