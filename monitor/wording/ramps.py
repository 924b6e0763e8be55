"""Sentences about ramps: no judgement of a deploy, and so no reason of one (reasons.py).

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from monitor.model.ramps import (
    DOSE_LEVELS,
    ENOUGH_PAYLOADS,
    Bound,
    Dose,
    PairMeaning,
    RampCode,
    RampReason,
    Role,
)
from monitor.wording.meaning import what_changed
from monitor.wording.times import span

RAMPS: Mapping[RampCode, str] = {
    "ramp_violates": "{count:,} of {of:,} checked exchanges violate a contract",
    "ramp_no_violation": "0 of {of:,} violate; ≤ {share}",
    "ramp_not_checked": "none of {count:,} exchanges could be checked against the contract",
    "ramp_no_contract": "no contract is held against these calls",
    "ramp_meaning_changed": "{operation} {side} {pointer} means something else: {meant}",
    "ramp_meaning_alike": "nothing means something else in {of:,} payloads; no share of values differs by more than {share}",
    "ramp_meaning_few": "not enough payloads: {count:,} of {wanted:,}",
    "ramp_meaning_not_held": "{count:,} payloads, and none of an old version to hold them against",
    "ramp_meaning_not_compared": "{count:,} payloads, not compared: other pairs of this ramp have more",
    "ramp_finding": "finding {finding} is open on it: {signal}",
    "ramp_finding_accepted": "finding {finding}, which somebody accepted, is on it: {signal}",
    "ramp_errors_alike": "{count:,} of {of:,} calls fail; ≤ {upper}, no more than before",
    "ramp_errors_open": "{count:,} of {of:,} calls fail; ≤ {upper}: more failures than before are not ruled out",
    "ramp_errors_more": "{count:,} of {of:,} calls fail; ≤ {upper}: more than before, and more of the same would not change that",
    "ramp_no_calls": "no call of this pair was seen",
    "ramp_path_thin": "not proven: {operation} ending {ending}, {seen:,} seen",
    "ramp_biased": "sampling prefers some outcomes, so that shares tell nothing",
    "ramp_order_unknown": "nothing tells which version came later; a deploy event would",
    "ramp_version_untold": "{count:,} calls tell no version of this service, and prove nothing of any",
    "ramp_provisional": "the last {seconds} s are not sealed: they may still change",
    "ramp_mixed": "{caller} {caller_version} gets answers of {versions} on {operation}",
    "ramp_mixed_promises": "{caller} {caller_version} gets answers of {versions} on {operation}, and not all keep the contract",
    "ramp_moved_back": "{who} went from {peak} on new versions to {share}",
    "ramp_retried": "{caller} {caller_version} made {retries:,} calls that failed on {from_version} again on {to_version}; {recovered:,} then went well",
    "ramp_retries_untold": "no span of that time tells of its calls, so that calls made again of another version are not told",
    "ramp_dose": "failures of old versions rise with the new one's share, for {caller}: from {base} by {added}",
    "ramp_no_dose": "failures of old versions do not rise with the new one's share, for {caller}",
    "ramp_dose_untold": "{levels} levels of share were seen for {caller}, and a dose shows on three",
    "ramp_nothing_seen": "no version was seen in the last {minutes} minutes",
    "ramp_one_version": "one version is live: {version}",
    "ramp_paths_cut": "statuses and retries are those of the last {minutes} minutes",
    "ramp_pairs_cut": "{shown} of {count} pairs are shown",
}
ROLES: Mapping[Role, str] = {
    "backward": "backward compatibility",
    "forward": "forward readiness",
    "established": "established",
    "new": "both new",
    "unordered": "order unknown",
}
WHY_UNPROVEN: frozenset[RampCode] = frozenset(
    {"ramp_order_unknown", "ramp_biased", "ramp_not_checked", "ramp_errors_more"}
)
"""Why a pair is unproven though no more calls would prove it."""
OF_FINDINGS: frozenset[RampCode] = frozenset({"ramp_finding", "ramp_finding_accepted"})
"""Reasons that no count of a pair shows."""
WHY_BROKEN: frozenset[RampCode] = frozenset(
    {"ramp_violates", "ramp_meaning_changed", "ramp_finding"}
)
"""Why a pair is broken."""
SHARES = frozenset({"share", "upper", "peak", "base", "added"})


def ramp_sentence(reason: RampReason) -> str:
    """The reason as one sentence."""
    values = {
        name: small_share(float(value)) if name in SHARES else value
        for name, value in reason.parameters.items()
    }
    if "change" in values:
        old, new, factor = (
            float(reason.parameters[name]) for name in ("old_share", "new_share", "factor")
        )
        values["meant"] = what_changed(
            str(values["change"]), str(values["kind"]), old, new, factor
        )
    return RAMPS[reason.code].format_map(values)


def unclosed_sentence(first: datetime, closed: datetime | None, patience: float) -> str:
    """Why nothing is told of what has arrived already, and when it will be: `first` is the end of
    the first window that is not closed.
    """
    then = first + timedelta(seconds=patience)
    behind = f"windows are closed until {closed:%H:%M:%S} UTC" if closed else "no window is closed"
    return f"{behind}: the next one is once telemetry of {then:%H:%M:%S} UTC has arrived"


def small_share(share: float) -> str:
    """A share as percent with two figures, however small: 0.009 %, 1.2 %, 34 %."""
    percent = 100 * share
    if percent >= 10:
        return f"{percent:.0f} %"
    return f"{float(f'{percent:.1g}' if percent < 0.1 else f'{percent:.2g}'):.10g} %"


def bound_text(bound: Bound, verb: str) -> str:
    """`0 of 41,210 violate; ≤ 0.009 %`; or that nothing was seen."""
    if not bound.of:
        return "none seen"
    return f"{bound.count:,} of {bound.of:,} {verb}; ≤ {small_share(bound.upper)}"


def meaning_text(meaning: PairMeaning | None) -> str:
    """`2 places mean something else`; `the same in 3,120 payloads; ≤ 4 % differ`; or what is
    missing.
    """
    if meaning is None:
        return "none seen"
    if meaning.changes:
        places = "place means" if len(meaning.changes) == 1 else "places mean"
        return f"{len(meaning.changes)} {places} something else"
    if meaning.passed_over:
        return f"{meaning.payloads:,} payloads, not compared: other pairs have more"
    if not meaning.against:
        return f"{meaning.payloads:,} payloads, none to hold them against"
    held = min(meaning.payloads, meaning.against)
    few = f"not enough payloads: {held:,} of {ENOUGH_PAYLOADS:,}"
    if meaning.upper is None:
        return few
    same = f"the same; ≤ {small_share(meaning.upper)}"
    return same if held >= ENOUGH_PAYLOADS else f"{same}; {few}"


def dose_text(dose: Dose) -> str:
    """Whether failures of old versions rise with the new one's share; or how much of a ramp it
    takes to tell.
    """
    pair = f"{dose.caller} → {dose.callee}"
    rise = "failures of old versions {} with the new one's share, " + pair
    if dose.rises:
        return rise.format("rise")
    if dose.levels >= DOSE_LEVELS:
        return rise.format("do not rise")
    return f"whether {rise.format('rise')}, is not told yet: {dose.levels} of {DOSE_LEVELS} shares seen"


def short_span(seconds: float) -> str:
    """A span of time in short words, in the unit that people would use."""
    return span(seconds, ("s", "min", "h", "days"))
