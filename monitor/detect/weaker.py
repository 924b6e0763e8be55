"""Findings of the weaker kind: a step after against before where versions never met, and a version that is silent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from monitor.detect.before_after import MIN_RATIO, StepTest, dose_response, step_test
from monitor.detect.columns import COUNTS
from monitor.detect.contrasts import own_codes
from monitor.detect.distributions import Ints
from monitor.detect.edge_tests import RATES, EdgeTests, finite_exp
from monitor.detect.findings import Found, finding_id, summary
from monitor.detect.rates import dispersion
from monitor.detect.settings import JudgeSettings
from monitor.detect.silence import SilenceTest, silence_test
from monitor.detect.suspects import Rival, ranked
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge, Sighting
from monitor.model.judging import Evidence, Finding, Signal

DOSE_Z = 4.0


@dataclass(frozen=True, slots=True)
class Step:
    """What the weaker leg says of one edge: findings, or nothing worse among `calls` calls after the deploy."""

    found: tuple[Found, ...]
    calls: int


def steps(deploy: Deploy, edge: EdgeTests, family: int, rivals: Mapping[str, Sequence[Rival]], settings: JudgeSettings) -> Step:
    """After against before on an edge where both versions never met. A finding beats every placebo and doubles the rate at least."""
    names, codes = own_codes(edge.table, edge.role)
    version = edge.contrast.new_version
    if version not in names or any(problem.startswith("biased") for problem in edge.problems):
        return Step((), 0)
    rows = np.nonzero((codes == names.index(version)) & (edge.table.windows >= edge.contrast.since))[0]
    windows, places = np.unique(edge.table.windows[rows], return_inverse=True)
    after = np.zeros((windows.size, len(COUNTS)), dtype=np.int64)
    np.add.at(after, places, edge.table.counts[rows])
    bar = math.log(max(family, 1) / settings.alpha)
    found: list[Found] = []
    for signal, kind, bad, calls in RATES:
        k, a = after[:, COUNTS.index(bad)], after[:, COUNTS.index(calls)]
        s, b = edge.contrast.before[:, COUNTS.index(bad)], edge.contrast.before[:, COUNTS.index(calls)]
        if not a.sum() or not b.sum() or not k.sum():
            continue
        phi = dispersion(s, b)
        test = step_test((s, b), (k, a), phi, settings.placebo_windows, (edge.contrast.before_windows, windows))
        grown = test.ratio is None or test.ratio >= MIN_RATIO
        if test.log_e >= bar and test.stands_out and grown and int((k > 0).sum()) >= settings.min_windows:
            found.append(
                Found(
                    _step_finding(deploy, edge, signal, kind, test, windows, rivals.get(signal, ())),
                    _elsewhere(rivals.get(signal, ()), signal),
                )
            )
    return Step(tuple(found), int(after[:, 0].sum()))


def shared_harm(edge: EdgeTests) -> bool:
    """Whether the old version's errors grew with the new one's share: a reason not to pass, never one to fail."""
    contrast = edge.contrast
    if not contrast.overlap:
        return False
    windows, places = np.unique(contrast.windows, return_inverse=True)
    for _, _, bad, calls in RATES:
        column = [COUNTS.index(name) for name in (bad, calls)]
        old = _per_window(contrast.old[:, column], places, windows.size)
        new = _per_window(contrast.new[:, column], places, windows.size)
        share = new[:, 1] / np.maximum(new[:, 1] + old[:, 1], 1)
        before = contrast.before[:, column]
        phi = dispersion(before[:, 0], before[:, 1])
        if dose_response(old[:, 0], old[:, 1], share, before[:, 0], before[:, 1]) / math.sqrt(phi) >= DOSE_Z:
            return True
    return False


def silence(
    deploy: Deploy,
    against: str,
    sightings: Sequence[Sighting],
    edges: Sequence[Edge],
    since: float,
    settings: JudgeSettings,
    now: datetime,
) -> Finding | None:
    """A finding when the new version's instances are there and answer nothing while the old version's do."""
    test = silence_test(sightings, deploy.service, deploy.version, against, since, 6 * settings.silence_windows)
    if test.windows < settings.silence_windows or test.log_e < -math.log(settings.alpha):
        return None
    details = {
        "instances": str(test.instances),
        "presence_of_old": f"{test.presence:.3f}",
        "chance": f"{test.chance:.3g}",
    }
    text = (
        f"{deploy.service} {deploy.version}: silent, {test.instances} instance(s) seen over {test.windows} windows answered "
        f"{test.new_calls} calls while {against} answered {test.old_calls} (chance {test.chance:.2g})"
    )
    return _silence_finding(deploy, against, edges, test, details, text, now, weaker=False)


def never_seen(
    deploy: Deploy, against: str, sightings: Sequence[Sighting], edges: Sequence[Edge], settings: JudgeSettings, now: datetime
) -> Finding | None:
    """A weaker finding for a deploy said to have succeeded whose version, written like the old one's, never shows while the old one serves on."""
    started = deploy.finished or deploy.started
    if (
        deploy.state != "succeeded"
        or deploy.kind not in ("deploy", "rollback")
        or not against
        or set(deploy.sources) <= {"sighting"}
    ):
        return None
    if version_pattern(deploy.version) != version_pattern(against):
        return None
    answering = {
        s.window
        for s in sightings
        if s.service == deploy.service and s.version == against and s.window >= started and s.server_calls > 0
    }
    if len(answering) < 2 * settings.silence_windows:
        return None
    old_calls = sum(
        s.server_calls for s in sightings if s.service == deploy.service and s.version == against and s.window in answering
    )
    stamps = sorted(moment.timestamp() for moment in answering)
    test = SilenceTest(len(answering), 0, 0, old_calls, 1.0, 0.0, -math.log(settings.alpha), stamps[0], stamps[-1])
    text = (
        f"{deploy.service} {deploy.version}: announced as deployed, never seen answering in {len(answering)} windows in which {against} answered "
        f"{old_calls} calls (weaker evidence: it may report another version)"
    )
    return _silence_finding(deploy, against, edges, test, {"instances": "0"}, text, now, weaker=True)


def version_pattern(version: str) -> str:
    """A version's way of writing: digits, hex runs and letters folded, so that 1.9.0 and 2.0.0 look alike and a SHA does not."""
    bare = version.lower()
    if len(bare) >= 7 and all(letter in "0123456789abcdef" for letter in bare):
        return "sha"
    if bare.startswith("sha256:"):
        return "digest"
    folded = "".join("9" if letter.isdigit() else "a" if letter.isalpha() else letter for letter in bare)
    while "99" in folded or "aa" in folded:
        folded = folded.replace("99", "9").replace("aa", "a")
    return folded


def _silence_finding(
    deploy: Deploy,
    against: str,
    edges: Sequence[Edge],
    test: SilenceTest,
    details: dict[str, str],
    text: str,
    now: datetime,
    *,
    weaker: bool,
) -> Finding:
    edge = edges[0] if edges else Edge(deploy.environment, "*", deploy.service, "", "*")
    first = datetime.fromtimestamp(test.first, UTC) if test.first is not None else now
    last = datetime.fromtimestamp(test.last, UTC) if test.last is not None else now
    evidence = Evidence(
        windows=test.windows,
        new_calls=test.new_calls,
        new_bad=0,
        old_calls=test.old_calls,
        old_bad=0,
        effect=None,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(test.log_e),
        first_window=first,
        last_window=last,
        details=details,
    )
    whole = Edge(edge.environment, "*", deploy.service, edge.protocol, "*", "", edge.callee_namespace)
    return Finding(
        id=finding_id(deploy, whole, deploy.version, "silence", ""),
        deploy_id=deploy.id,
        edge=whole,
        signal="silence",
        clause="",
        caller_version="",
        callee_version=deploy.version,
        against_version=against,
        role="root",
        strength="weaker" if weaker else "concurrent",
        evidence=evidence,
        suspects=ranked(deploy, test.log_e, ()),
        summary=text,
        first_seen=first,
        last_seen=last,
    )


def _step_finding(
    deploy: Deploy, edge: EdgeTests, signal: Signal, kind: str, test: StepTest, windows: Ints, rivals: Sequence[Rival]
) -> Finding:
    first, last = (datetime.fromtimestamp(int(windows[place]), UTC) for place in (0, -1))
    details = {
        "kind": kind,
        "leg": "before and after",
        "placebos": f"{test.beaten} of {test.placebos} beaten",
        "baseline": "seasonal" if test.seasonal else "flat",
    }
    evidence = Evidence(
        windows=int(windows.size),
        new_calls=test.after_calls,
        new_bad=test.after_bad,
        old_calls=test.before_calls,
        old_bad=test.before_bad,
        effect=test.ratio,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(test.log_e),
        first_window=first,
        last_window=last,
        details=details,
    )
    where, against = edge.table.edge, edge.contrast.old_version
    caller, callee = ("", deploy.version) if edge.role == "callee" else (deploy.version, "")
    return Finding(
        id=finding_id(deploy, where, deploy.version, signal, ""),
        deploy_id=deploy.id,
        edge=where,
        signal=signal,
        clause="",
        caller_version=caller,
        callee_version=callee,
        against_version=against,
        role="root",
        strength="weaker",
        evidence=evidence,
        suspects=ranked(deploy, min(test.log_e, 3.0), rivals),
        summary=summary(where, signal, "", caller, callee, against, evidence) + " (before and after only)",
        first_seen=first,
        last_seen=last,
    )


def _elsewhere(rivals: Sequence[Rival], signal: str) -> str:
    """Someone else has version evidence, this deploy only a shift."""
    bar = math.log(100.0)
    better = [rival for rival in rivals if rival.log_e >= bar]
    if not better or signal == "violations":
        return ""
    best = max(better, key=lambda rival: rival.log_e)
    return f"{best.deploy.service} {best.deploy.version} has evidence between its versions, this deploy only a shift in time"


def _per_window(counts: Ints, places: Ints, size: int) -> Ints:
    out = np.zeros((size, counts.shape[1]), dtype=np.int64)
    np.add.at(out, places, counts)
    return out
