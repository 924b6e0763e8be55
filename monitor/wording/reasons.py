"""Every sentence about a judgement, made of reasons: for the page, the terminal, alerts and the
gate alike.

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import cast, get_args

from monitor.model.edges import Edge
from monitor.model.judging import Attribute, Condition
from monitor.model.reasons import Code, Parameter, Reason
from monitor.wording.shown import Shown, condition_text, edge_name, share

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
    "harm_improbable": "relevant harm is improbable: {harm:.2%} (of {prior:.0%} before anything was seen) after {calls:,.0f} calls of {version} "
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
    "calls_uncounted": "nothing tells how many calls {service} makes to others, or answers: calls that it no longer makes would not be seen; "
    "tell the number of calls a bin",
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
    "harm_possible": "{kind:words}: up to {difference_high:points} percentage points more are possible after {calls:,.0f} calls",
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
    "released_before": "{service} {version} was released {seconds:.0f} s before, too shortly for anything to be known of it alone: "
    "it may be by that one",
    "callee_released": "{service} {version}, which it calls, was released at about the same time",
    "other_has_evidence": "{service} {version} has evidence between its versions, this deploy only a shift in time",
    "one_instance": "instance {instance} alone: {bad} of its {calls} calls; the {others} other instance(s) of {version} are well, "
    "{other_bad} of {other_calls}",
    "other_mix": "only the {statistic} rose, and what is slower did not: there may be more of the slow calls, and none that is slower",
    "began_later": "it began {minutes} minutes after the deploy, and until then all was as before",
    "busier": "there are {ratio:.3g} times as many calls, and more of them began to come before the deploy",
    "neighbours_too": "services beside it became {ratio:.3g} times worse since then, too, so it may be everybody's",
    "as_high_before": "it was as high time and again in the {days:.2g} days before",
    "no_longer_found": "no longer found",
    "no_calls_any_more": "{version} has no calls any more",
    "recovered": "no worse than before for ten minutes",
    "means_as_before": "values mean what they meant before again, by the newest {payloads} payloads",
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
    "minimum_calls": "policy {rule}: {calls:,.0f} calls of {version} since the deploy, at least {wanted} wanted",
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
    "plan_skew": "ramp plan: {versions} are live together for {seconds:clock}, longer than {wanted_seconds:clock}",
    "plan_abort": "ramp plan: abort, {count:,} of {calls:,} {kind} on {pair}, surely more than {share:.2%}",
    "plan_step_waits": "step to {share:.0%} not yet: {seconds:span} of {wanted_seconds:span}",
    "plan_step_lacks_calls": "step to {share:.0%} not yet: {calls:,} of {wanted:,} calls needed on {pair}{eta_seconds:eta}",
    "plan_silent": "ramp plan: no traffic of {service} {version} was seen lately; silence is no evidence",
    "plan_unreadable": "ramp plan {contract} cannot be read any more",
    "more_calls": "about {calls:,.0f} more calls of {version} on {edge}{eta_seconds:eta}",
    "more_time": "about {eta_seconds:span} more in which {version} serves as it does now",
    "more_calls_in_all": "about {calls:,.0f} more calls of {version} on the edges of {service} together{eta_seconds:eta}",
    "more_windows": "more windows in which {version} and {against_version} both serve{eta_seconds:eta}",
    "send_probes": "{pace}: send about {calls:,.0f} probe calls to "
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


def sentence(reason: Reason) -> str:
    """The reason as one sentence. A code that this program does not know is told with its
    parameters.
    """
    text = plain(reason.code, reason.parameters, reason.edge)
    if reason.edge is not None and reason.code not in ELSEWHERE:
        text = f"{edge_name(reason.edge)}: {text}"
    if reason.explained_by:
        prefix = "by_"
        by = {
            name.removeprefix(prefix): value
            for name, value in reason.parameters.items()
            if name.startswith(prefix)
        }
        return f"not this deploy's: {plain(reason.explained_by, by, None)} ({text})"
    return f"accepted: {text} (known, set aside)" if reason.accepted else text


def plain(code: str, parameters: Mapping[str, Parameter], edge: Edge | None) -> str:
    """The sentence without the edge before it and without what explains it away."""
    template = SENTENCES.get(code)  # type: ignore[call-overload]  # a code that a newer program wrote is in no table
    if template is not None:
        # a newer program means something else by this code
        with suppress(KeyError, ValueError, TypeError):
            return str(template.format_map(Shown(parameters, edge))) + _told_beside(
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
    return f"; {share(parameters['only_bad'], parameters['only_of'])} {' and '.join(map(condition_text, conditions))}"


def _new_kind(parameters: Mapping[str, Parameter]) -> str:
    if "new_kind" not in parameters:
        return ""
    says = f" “{parameters['new_kind_says']}”" if parameters["new_kind_says"] else ""
    return f"; a new kind of failure: {parameters['new_kind']}{says}, {parameters['new_kind_calls']} calls"
