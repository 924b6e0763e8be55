"""Reasons as data: a stable code with its parameters. `monitor.wording` makes the sentences;
nothing reads a sentence back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.model.edges import Edge

Parameter = str | int | float | bool | None

Code = Literal[
    # what is worse
    "worse_errors",
    "worse_client_errors",
    "worse_provider_errors",
    "worse_timeouts",
    "worse_violations",
    "worse_latency",
    "silent",
    "never_seen",
    "calls_missing",
    "calls_repeated",
    "calls_attempted",
    "calls_misrouted",
    "calls_added",
    "calls_asked",
    "meaning_changed",
    # why a pass is given, or is not possible
    "no_relevant_harm",
    "harm_improbable",
    "weaker_pass",
    "weaker_pass_untold",
    "weaker_pass_few",
    "thin",
    "service_unknown",
    "version_stayed",
    "version_not_told",
    "version_not_seen",
    "not_there_yet",
    "version_written_otherwise",
    "no_other_version",
    "no_calls",
    "late",
    "no_overlap",
    "zones_aligned",
    "zones_in_turn",
    "sampling_changed",
    "shared_state",
    "callers_fail",
    "calls_fail",
    "callers_explained",
    "worse_elsewhere",
    "neighbours_untold",
    "calls_uncounted",
    "worse_than_before",
    "worse_alone",
    "fanout_changed",
    "versions_unnamed",
    "nothing_sealed",
    # of one edge
    "edge_without_version",
    "edge_without_meeting",
    "operation_new",
    "accepted_whole",
    "harm_possible",
    "slowness_possible",
    "tail_possible",
    "few_windows",
    "versions_missing",
    "confounded",
    "coverage_differs",
    "not_checked",
    "biased",
    # what explains a finding better than its deploy
    "callee_stronger",
    "callee_released",
    "caller_released",
    "released_before",
    "other_has_evidence",
    "one_instance",
    "other_mix",
    "began_later",
    "busier",
    "neighbours_too",
    "as_high_before",
    # why a finding is over
    "no_longer_found",
    "no_calls_any_more",
    "recovered",
    "means_as_before",
    "no_longer_judged",
    "answers",
    "superseded",
    "instances_gone",
    # why a deploy is suspected
    "versions_differ",
    "own_versions_differ",
    "nothing_to_judge_by",
    "another_cause",
    # what the gate cannot match
    "kind_not_judged",
    "several_environments",
    "several_namespaces",
    "environment_without_service",
    "environment_without_traffic",
    "service_unmatched",
    "deploy_untold",
    "version_unmatched",
    # what a policy asks of it
    "counts_as",
    "meaning_counts_as",
    "no_doubt_of_it",
    "minimum_calls",
    "minimum_minutes",
    "minimum_share",
    "minimum_windows",
    "criticality_by_hand",
    "criticality_derived",
    "criticality_unknown",
    "overridden",
    "override_over",
    "gate_flipped",
    # what live traffic makes of a ramp plan
    "plan_pair_forbidden",
    "plan_step_without_time",
    "plan_step_without_evidence",
    "plan_old_alive",
    "plan_skew",
    "plan_abort",
    "plan_step_waits",
    "plan_step_lacks_calls",
    "plan_silent",
    "plan_unreadable",
    # what would settle it
    "more_calls",
    "more_calls_in_all",
    "more_time",
    "more_windows",
    "send_probes",
    "accept_weaker_pass",
    "accept_meaning",
    "name_environment",
    "name_environment_of",
    "name_namespace",
    "judged_kind",
    "alias_service",
    "alias_version",
    "tell_deploys",
    "telemetry_environment",
    # a sentence of an earlier version of this program, which knew no codes
    "told",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is a `Code`, or one that a newer program wrote. `edge` is the edge that it is about,
    if it is about one.

    `accepted`: what it tells is known and set aside. `explained_by`: the code of what explains it
    better than the deploy; its parameters stand beside the others, their names begin with `by_`.
    """

    code: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    edge: Edge | None = None
    accepted: bool = False
    explained_by: str = ""


def reason(code: Code, /, edge: Edge | None = None, **parameters: Parameter | datetime) -> Reason:
    """A reason whose code the type checker knows; times become ISO 8601."""
    rounded = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in parameters.items()
    }
    return Reason(code, rounded, edge)
