"""Every sentence about a judgement, made of reasons: for the page, the terminal, alerts and the
gate alike.

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast, get_args

from monitor.model.builds import BUILD
from monitor.model.edges import Edge
from monitor.model.judging import Attribute, Condition, Difference, Evidence, Finding, StepEvidence
from monitor.model.reasons import Code, Parameter, Reason
from monitor.wording_meaning import told_change, what_changed
from monitor.wording_times import span

SENTENCES: Mapping[Code, str] = {
    "worse_errors": "{who}: server errors {rates}",
    "worse_client_errors": "{who}: client errors {rates}",
    "worse_provider_errors": "{who}: failures that only the provider tells of {rates}",
    "worse_timeouts": "{who}: timeouts {rates}",
    "worse_violations": "{who}: contract violations {rates}",
    "worse_latency": "{who}: slower, {side} {quantile} {old_seconds:ms} → {new_seconds:ms} ms against {against_version} "
    "({new_calls} and {old_calls} calls)",
    "silent": "{callee} {callee_version}: silent, {instances} instance(s) seen over {windows} windows answered {new_calls} calls "
    "while {against_version} answered {old_calls} (chance {chance:.2g})",
    "never_seen": "{callee} {callee_version}: announced as deployed, never seen answering in {windows} windows in which "
    "{against_version} answered {old_calls} calls (weaker evidence: it may report another version)",
    "calls_missing": "{who}: {made_new:.2g} of these calls for each call answered, {made_old:.2g} on {against_version}: they are no longer "
    "made, as when a failure before them is swallowed",
    "calls_repeated": "{who}: made again and again, {made_new:.2g} for each call answered, {made_old:.2g} on {against_version}, and "
    "{failing:.0%} of them fail: retries",
    "calls_attempted": "{who}: {made_new:.2g} attempts for each call, {made_old:.2g} on {against_version}: retries hide failures",
    "calls_misrouted": "{who}: calls that {against_version} made to {other} go here: {made_new:.2g} for each call answered",
    "calls_added": "{who}: calls that {against_version} never made, and {failing:.0%} of them fail",
    "calls_asked": "{who}: an operation that {against_version} never answered, and {failing:.0%} of its calls fail",
    "meaning_changed": "{who}: {pointer:place} means something else under the same schema: {meant} ({new_calls} values, "
    "{old_calls} on {against_version})",
    "no_relevant_harm": "no relevant harm is possible on edges with {share:.0%} of the calls, {version} against {against_version}",
    "harm_improbable": "relevant harm is improbable: {harm:.2%} (of {prior:.0%} before anything was seen) after {calls:.0f} calls of {version} "
    "against {against_version}; at most {difference_high:points} percentage points more are possible on edges with {share:.0%} of the calls",
    "weaker_pass_few": "weaker pass: calls are few; that {version} is worse than {against_version} has a probability below {odds:.1%}",
    "weaker_pass_untold": "weaker pass: {version} answers no worse than {against_version}, but only totals of {service} are told: "
    "harm that shows only in its callers, or in calls it no longer makes, would not be seen",
    "weaker_pass": "weaker pass: {version} is no worse than {against_version} was before, but they served side by side for too short a time, or never",
    "thin": "thin: edges with only {share:.0%} of the calls are shown to be no worse ({wanted:.0%} wanted)",
    "service_unknown": "unmatched: {service} was never seen in {environment} in sealed windows",
    "version_stayed": "no overlap: {service} {version}: a {kind} change of {started:when} UTC; the version stayed, "
    "so only before and after can be compared",
    "version_not_told": "unmatched: the deploy names no version",
    "version_not_seen": "missing: version {version} of {service} was not seen in sealed windows",
    "not_there_yet": "not there yet: {version} of {service} is still rolling out, or told to get no traffic; that is no silence",
    "version_written_otherwise": "unmatched: telemetry writes versions like {against_version!r}; an alias may be missing",
    "no_other_version": "missing: no other version of {service} to compare with",
    "no_calls": "missing: no sealed window holds a call of this service",
    "late": "late: the newest sealed data is of {data_until:when} UTC, {seconds:.0f} s ago",
    "no_overlap": "no overlap: {version} and {against_version} never served side by side; only before and after can be compared",
    "zones_aligned": "confounded: {version} served in {zones} only and {against_version} in {other_zones} only; what differs may be the place",
    "zones_in_turn": "no overlap: {version} came to {zones} one after the other; each can only be compared with what was before, and with the "
    "others at that moment",
    "sampling_changed": "{version} shows {ratio:.2g} times as many calls to others for each call it answers, on all edges alike: "
    "it records another share of its calls, or makes another share of them",
    "shared_state": "shared state: errors of {against_version} grew with the share of {version} (weaker evidence)",
    "neighbours_untold": "only totals of {service} are told: not who calls it, nor whom it calls, so harm that shows only there would not be seen",
    "worse_elsewhere": "{service} became worse, or is called less, since about then; nobody tells who calls {released}, so it may be its doing",
    "worse_than_before": "{against_version}, too, fails more calls now than before {version} came: damage to what they share, "
    "or an outage (weaker evidence)",
    "worse_alone": "since {against_version} left, {version} fails more than that ever did (weaker evidence)",
    "fanout_changed": "{version} makes {new:.2g} of these calls for each call it answers, the old version {old:.2g}",
    "versions_unnamed": "no overlap: telemetry names no version of {service}, so before and after {version} alone can be compared",
    "callers_explained": "callers: {service}, which calls {released}, fails more since about then, by no more than what else it calls, or its own release, accounts for",
    "calls_fail": "calls of {service} to {callee} fail more since about then, and those of others do not; they do not tell its version",
    "callers_fail": "callers: {service}, which calls it, fails its own requests, or answers them slower, since about then; more than one release may be why",
    "nothing_sealed": "missing: no sealed window to judge by",
    "edge_without_version": "{version} has no calls here",
    "edge_without_meeting": "the versions had no calls here in the same window",
    "operation_new": "{against_version} never had these calls, nor had anybody before: they are new with {version}, and nothing to compare",
    "accepted_whole": "every signal of this edge is accepted as known: nothing is left to judge",
    "harm_possible": "{kind:words}: up to {difference_high:points} percentage points more are possible after {calls:.0f} calls",
    "tail_possible": "latency ({side}): up to {high:.1%} more calls twice as slow as the old p99 are possible",
    "slowness_possible": "latency ({side}): up to {high:.1%} more calls above the old p90 are possible",
    "few_windows": "fewer than {wanted} windows with both versions",
    "versions_missing": "one-sided: {share:.0%} of calls carry no version of the deployed service",
    "confounded": "confounded: the versions never served the same region and counterpart version in one window",
    "coverage_differs": "one-sided: the share of calls seen from both sides differs by {gap:.0%} between the versions",
    "not_checked": "not checked: {gap:.0%} more of the new version's exchanges could not be checked against their contract",
    "biased": "biased: sampling prefers some outcomes, so rates and latencies are not those of all calls",
    "callee_stronger": "{service} {version}, released at about the same time, has the stronger evidence",
    "caller_released": "{service} {version}, alone of those that call it, sees this, and was released at about the same time",
    "callee_released": "{service} {version}, which it calls, was released at about the same time",
    "other_has_evidence": "{service} {version} has evidence between its versions, this deploy only a shift in time",
    "one_instance": "instance {instance} alone: {bad} of its {calls} calls; the {others} other instance(s) of {version} are well, "
    "{other_bad} of {other_calls}",
    "other_mix": "only the {statistic} rose, and what is slower did not: there may be more of the slow calls, and none that is slower",
    "no_longer_found": "no longer found",
    "no_calls_any_more": "{version} has no calls any more",
    "recovered": "no worse than before for ten minutes",
    "no_longer_judged": "no longer judged: nothing seen of it since {last_seen:minute} UTC",
    "answers": "{version} answers now",
    "superseded": "superseded by {version}",
    "instances_gone": "the instances of {version} are gone",
    "versions_differ": "new against old version in the same windows (e = {e_value:.3g})",
    "own_versions_differ": "its own versions differ on shared edges (e = {e_value:.3g})",
    "nothing_to_judge_by": "released nearby, no version split of its own to judge by",
    "another_cause": "another cause, or a deploy nobody told of",
    "kind_not_judged": "{service} {version}: a {kind} change of {started:when} UTC, which follows load more often than it harms; "
    "it is not judged",
    "several_environments": "{service} {version} was deployed to {environments}",
    "several_namespaces": "unmatched: {service} names {count} services in {environment}, one in each namespace: {names}",
    "environment_without_service": "unmatched: {service} is not known in the environment {environment!r}; it is known in: "
    "{environments}{nearest:meant}",
    "environment_without_traffic": "unmatched: {service} has no traffic in the environment {environment!r}; it has some in: "
    "{environments}{nearest:meant}",
    "service_unmatched": "unmatched: no service {service!r} in telemetry or deploys{nearest:known}",
    "deploy_untold": "missing: {service} {version} is live, but no deploy of it is known: it ran before we looked",
    "version_unmatched": "unmatched: no version {version!r} of {service} in telemetry or deploys{nearest:known}",
    "counts_as": "policy {rule}: {doubt:doubt} counts as {meaning}",
    "meaning_counts_as": "policy {rule}: values that mean something else count as {meaning}",
    "no_doubt_of_it": "policy {rule}: says what {doubts:words} counts as; the verdict is {outcome}, and that is not why",
    "minimum_calls": "policy {rule}: {calls:.0f} calls of {version} since the deploy, at least {wanted} wanted",
    "minimum_minutes": "policy {rule}: {version} served for {minutes:.1f} minutes, at least {wanted:g} wanted",
    "minimum_share": "policy {rule}: edges with {share:.0%} of the calls are shown to be no worse, at least {wanted:.0%} wanted",
    "minimum_windows": "policy {rule}: {version} and {against_version} served side by side in {windows} windows, at least {wanted} wanted",
    "criticality_by_hand": "criticality of {service}: {level}, set by hand",
    "criticality_derived": "criticality of {service}: {level}, from {changes} changes in {days} days, {callers} callers and {share:.1%} of the "
    "calls of its environment",
    "criticality_unknown": "criticality of {service}: {level} is assumed, for no calls of it are known of the last {days} days",
    "overridden": "overridden by {person} until {until:minute} UTC: {why}; the verdict stays {outcome}",
    "override_over": "the override by {person} {how} at {until:minute} UTC and counts no more",
    "gate_flipped": "the gate has changed its mind {flips} time(s) on {service} {version} against {against_version}, whose code stayed the same",
    "plan_pair_forbidden": "ramp plan: {pair} is no allowed pair, and made {calls:,} calls",
    "plan_step_without_time": "ramp plan: more than {share:.0%} at {at:when} UTC, after {seconds:span} and not {wanted_seconds:span}",
    "plan_step_without_evidence": "ramp plan: more than {share:.0%} at {at:when} UTC, with {calls:,} of {wanted:,} calls on {pair}",
    "plan_old_alive": "ramp plan: {version} was alive at {seen:when} UTC, after its end at {end:when} UTC",
    "plan_skew": "ramp plan: {versions} are live together for {seconds:span}, longer than {wanted_seconds:span}",
    "plan_abort": "ramp plan: abort, {count:,} of {calls:,} {kind} on {pair}, surely more than {share:.2%}",
    "plan_step_waits": "step to {share:.0%} not yet: {seconds:span} of {wanted_seconds:span}",
    "plan_step_lacks_calls": "step to {share:.0%} not yet: {calls:,} of {wanted:,} calls needed on {pair}{eta_seconds:eta}",
    "plan_silent": "ramp plan: no traffic of {service} {version} was seen lately; silence is no evidence",
    "plan_unreadable": "ramp plan {contract} cannot be read any more",
    "more_calls": "about {calls:.0f} more calls of {version} on {edge}{eta_seconds:eta}",
    "more_time": "about {eta_seconds:span} more in which {version} serves as it does now",
    "more_calls_in_all": "about {calls:.0f} more calls of {version} on the edges of {service} together{eta_seconds:eta}",
    "more_windows": "more windows in which {version} and {against_version} both serve{eta_seconds:eta}",
    "send_probes": "at {per_minute:.3g} calls of {version} a minute that takes {eta_seconds:span}: send about {calls:.0f} probe calls to "
    "{operation} of {callee}{through:through}, or give {version} a larger share of the traffic",
    "accept_weaker_pass": "a policy that takes a weaker pass for a pass: `weaker_pass: pass` in the policy file, or detection.accept_weaker_pass",
    "accept_meaning": "where that is meant, accept the finding; or say in a policy what it counts as (`meaning: inconclusive`)",
    "name_environment": "name one with --environment",
    "name_environment_of": "name one of these with --environment",
    "name_namespace": "name one of {names}",
    "judged_kind": "a deploy, a config or a flag change to judge",
    "alias_service": "an alias, or the name that telemetry uses (service.name)",
    "alias_version": "an alias, or the version that telemetry uses (service.version)",
    "tell_deploys": "tell of deploys: POST /v1/deploys, or CDEvents on Kafka",
    "telemetry_environment": "the environment that telemetry uses (deployment.environment.name), in the deploy and in --environment",
    "told": "{text}",
}
ELSEWHERE = frozenset(
    code
    for code in get_args(Code)
    if code.startswith(("worse_", "silent", "never_seen", "calls_", "meaning_changed"))
    or code == "more_calls"
)
"""Codes whose sentence names the edge itself."""


CALLED_BY: tuple[Attribute, ...] = ("caller", "caller_version")
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


ALL = "*"
"""Stands for a version where all calls of an edge are held against those before, whatever their
versions.
"""
PLACES: Mapping[str, str] = {
    "own": "in its own time",
    "callees": "in the calls that it makes",
    "between": "between the two (network, queue or connections): the callee takes no longer",
}
REFUSED: Mapping[str, str] = {
    "throttled": "are throttled: load is shed",
    "unavailable": "are refused as unavailable",
    "circuit_open": "are refused by an open circuit",
}
"""What a parameter means in a sentence."""


DOUBTS_TOLD: Mapping[str, str] = {
    "weaker_pass": "a weaker pass",
    "unmatched": "a deploy that matches nothing",
    "no_data": "a lack of data",
    "few_calls": "a lack of calls",
    "no_overlap": "that the versions never met",
    "untrusted": "telemetry that cannot be trusted",
    "suspected": "harm that is not surely this deploy's",
    "minimum": "too little evidence",
    "other": "any other doubt",
}
"""A kind of doubt, as a sentence names it."""


def sentence(reason: Reason) -> str:
    """The reason as one sentence. A code that this program does not know is told with its
    parameters.
    """
    text = _plain(reason.code, reason.parameters, reason.edge)
    if reason.edge is not None and reason.code not in ELSEWHERE:
        text = f"{edge_name(reason.edge)}: {text}"
    if reason.explained_by:
        prefix = "by_"
        by = {
            name.removeprefix(prefix): value
            for name, value in reason.parameters.items()
            if name.startswith(prefix)
        }
        return f"not this deploy's: {_plain(reason.explained_by, by, None)} ({text})"
    return f"accepted: {text} (known, set aside)" if reason.accepted else text


def summary(finding: Finding) -> str:
    """One sentence: what is worse, where, between which versions, how much."""
    told = finding.reason
    return _plain(told.code, told.parameters, told.edge)


def what(finding: Finding) -> str:
    """What is worse, in a few words."""
    told = finding.reason
    if told.code == "worse_latency" and told.parameters.get("old_seconds") is not None:
        return "slower, {side} {quantile} {old_seconds:ms} → {new_seconds:ms} ms".format_map(
            _Shown(told.parameters, None)
        )
    return SHORTLY[told.code]


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
        told = ((name, getattr(evidence.time, name)) for name in ("client", "server", "own"))
        shown = [f"{name} {1000 * value:+.3g}" for name, value in told if value is not None]
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
    text = f"{_share_of(differs.bad, differs.bad + differs.other_bad)} bad calls are {' and '.join(map(_condition, differs.conditions))}"
    same = f" (the same calls: {', '.join(map(_condition, differs.same))})" if differs.same else ""
    there, elsewhere = (
        _rate(differs.bad, differs.calls),
        _rate(differs.other_bad, differs.other_calls),
    )
    return f"{text}{same}; held-out: {there} there, {elsewhere} elsewhere"


def _neighbours(step: StepEvidence) -> str:
    if step.growth > 1.0:
        return f"grew {step.growth:.2f}-fold"
    return f"{step.controls} unchanged" if step.controls else "none with calls enough to tell"


def edge_name(edge: Edge) -> str:
    """Caller, callee and operation, as a sentence names an edge."""
    return f"{edge.caller} → {edge.callee} {edge.operation}"


def _plain(code: str, parameters: Mapping[str, Parameter], edge: Edge | None) -> str:
    template = SENTENCES.get(code)  # type: ignore[call-overload]  # a code that a newer program wrote is in no table
    if template is not None:
        # a newer program means something else by this code
        with suppress(KeyError, ValueError, TypeError):
            return str(template.format_map(_Shown(parameters, edge))) + _told_beside(
                code, parameters
            )
    return f"{code}: " + ", ".join(f"{name} {value}" for name, value in sorted(parameters.items()))


def _told_beside(code: str, parameters: Mapping[str, Parameter]) -> str:
    clause = f"; breaks {parameters['clause']}" if parameters.get("clause") else ""
    leg = {"supported": " (with what was before)", "apart": " (before and after only)"}.get(
        str(parameters.get("step", "")), ""
    )
    text = clause + leg + _where(parameters) + _only(parameters) + _new_kind(parameters)
    return text if code.startswith("worse_") else ""


def _where(parameters: Mapping[str, Parameter]) -> str:
    """Where time goes, and failures that are refusals."""
    place = (
        f"; {PLACES[str(parameters['time_in'])]}" if parameters.get("time_in") in PLACES else ""
    )
    gives_up, refused = parameters.get("gives_up"), parameters.get("refused")
    if gives_up is not None:
        place += f"; callers give up after {float(gives_up):.3g} s while the callee still works"
    if parameters.get("promised_by"):
        limit = f"{float(str(parameters['promised_seconds'])):.3g} s"
        place += f"; the contract {parameters['promised_by']} says that they wait {limit} ({parameters['promised_at']})"
    return place + (
        f"; {parameters['refused_calls']} calls {REFUSED[str(refused)]}"
        if refused in REFUSED
        else ""
    )


def _only(parameters: Mapping[str, Parameter]) -> str:
    """Which calls are the bad ones, where a rule says so."""
    if "only_1" not in parameters:
        return ""
    conditions = [
        Condition(
            cast("Attribute", parameters[name]),
            str(parameters[f"{name}_value"]),
            bool(parameters[f"{name}_holds"]),
        )
        for name in ("only_1", "only_2")
        if name in parameters
    ]
    return f"; {_share_of(parameters['only_bad'], parameters['only_of'])} {' and '.join(map(_condition, conditions))}"


def _new_kind(parameters: Mapping[str, Parameter]) -> str:
    if "new_kind" not in parameters:
        return ""
    says = f" “{parameters['new_kind_says']}”" if parameters["new_kind_says"] else ""
    return f"; a new kind of failure: {parameters['new_kind']}{says}, {parameters['new_kind_calls']} calls"


def _share_of(bad: Parameter, every: Parameter) -> str:
    return "all" if bad == every else f"{int(bad or 0) / max(int(every or 0), 1):.0%}"


def _condition(condition: Condition) -> str:
    words = {"instance": "on", "zone": "in", "payload_shape": "with"}.get(
        condition.attribute,
        "where"
        if condition.attribute in BUILD
        else "of"
        if condition.attribute in CALLED_BY
        else "to",
    )
    name = condition.attribute.replace("_", " ")
    if condition.attribute in BUILD:
        name = f"{condition.attribute} is"
    return f"{'' if condition.holds else 'not '}{words} {name} {condition.value}"


class _Shown(dict[str, Any]):
    """Parameters as templates ask for them, with what follows from several of them."""

    def __init__(self, parameters: Mapping[str, Parameter], edge: Edge | None) -> None:
        shown = {name: _Value(value) for name, value in parameters.items()}
        super().__init__(shown)
        told = parameters.get
        if told("against_version") == ALL:
            self["against_version"] = "the time before"
        if edge is not None:
            self["edge"] = edge_name(edge)
            self["callee"] = edge.callee
            caller, callee = (
                f"{edge.caller} {told('caller_version', '')}",
                f"{edge.callee} {told('callee_version', '')}",
            )
            self["who"] = f"{caller.strip()} → {callee.strip()} {edge.operation}"
        if "change" in parameters:
            self["meant"] = _what_changed(parameters)
        if "new_bad" in parameters:
            new, old = (_rate(told(f"{age}_bad"), told(f"{age}_calls")) for age in ("new", "old"))
            self["rates"] = f"{new} against {old} " + (
                f"on {told('against_version')}" if told("against_version") != ALL else "before"
            )


class _Value:
    """A parameter with the formats of our own: when, minute, ms, points, words, eta, span, doubt,
    through, meant, known.
    """

    def __init__(self, value: Parameter) -> None:
        self._value = value

    def __repr__(self) -> str:
        return repr(self._value)

    def __str__(self) -> str:
        return str(self._value)

    def __format__(self, form: str) -> str:
        value = self._value
        if form in ("when", "minute"):
            moment = datetime.fromisoformat(str(value))
            return f"{moment:%Y-%m-%d %H:%M:%S}" if form == "when" else f"{moment:%Y-%m-%d %H:%M}"
        if form == "place":
            return str(value or "/")
        if form == "words":
            return str(value).replace("_", " ")
        if form == "meant":
            return f"; did you mean {value}?" if value else ""
        if form == "known":
            return f"; nearest: {value}" if value else "; none is known yet"
        if form == "eta":
            return (
                f", about {span(float(value or 0.0))} at the present rate"
                if value is not None
                else "; it has no traffic now"
            )
        if form == "span":
            return span(float(value or 0.0)) if value is not None else "for ever"
        if form == "doubt":
            return DOUBTS_TOLD.get(str(value), str(value))
        if form == "through":
            return f" through {value}" if value else ""
        if form in ("ms", "points"):
            return (
                "0"
                if value is None
                else f"{1000 * float(value):.0f}"
                if form == "ms"
                else f"{100 * float(value):.2f}"
            )
        return format(value, form)


def _what_changed(parameters: Mapping[str, Parameter]) -> str:
    old, new, factor = (
        float(parameters.get(name) or 0.0) for name in ("old_share", "new_share", "factor")
    )
    code, kind = (str(parameters.get(name) or "") for name in ("change", "kind"))
    return what_changed(code, kind, old, new, factor)


def _rate(bad: Parameter, calls: Parameter) -> str:
    bad, calls = int(bad or 0), int(calls or 0)
    return f"{bad} of {calls} calls ({bad / calls:.2%})" if calls else "no calls"
