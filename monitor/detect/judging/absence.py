"""A version that is there and answers nothing, or was announced and is never seen."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from monitor.detect.evidence.signal_tests import finite_exp
from monitor.detect.evidence.silence import ALWAYS_SILENT, SilenceTest, silence_test
from monitor.detect.judging.findings import finding_id
from monitor.detect.judging.suspects import ranked
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.edges import WINDOW_SECONDS, Edge, Sighting
from monitor.model.judging import Evidence, Finding, SilenceEvidence

PROGRESS = timedelta(seconds=600)
"""A rollout that makes no progress for so long has failed: Kubernetes' own default,
progressDeadlineSeconds.
"""
STARTED = timedelta(seconds=240)
"""A release of which only the start is told, while the old one serves on, is expected after so
long: to pull, to start, to be ready.
"""
READY = 1.5
LITTLE = 0.05
"""The share of calls that a new version is expected to get when nobody tells."""


def silence(
    deploy: Deploy,
    against: str,
    sightings: Sequence[Sighting],
    edges: Sequence[Edge],
    since: float,
    settings: JudgeSettings,
    now: datetime,
    share: float | None = None,
) -> Finding | None:
    """A finding when the new version's instances are there and answer nothing while the old
    version's do.

    Where nobody told that it is to get traffic by now, it is given half as long again: a green
    side stands ready before the switch.
    """
    test = silence_test(
        sightings, deploy.service, deploy.version, against, since, 6 * settings.silence_windows
    )
    expected = bool(share) or deploy.state == "succeeded"
    patience = 1.0 if expected or test.new_calls else READY
    if not _long_enough(
        test.windows, test.first, test.last, settings, patience
    ) or test.log_e < -math.log(settings.alpha):
        return None
    return _silence_finding(deploy, against, edges, test, now, weaker=False)


def never_seen(
    deploy: Deploy,
    against: str,
    sightings: Sequence[Sighting],
    edges: Sequence[Edge],
    settings: JudgeSettings,
    now: datetime,
    share: float | None = None,
) -> Finding | None:
    """A weaker finding for an announced deploy whose version, written like the old one's, never
    shows while the old one serves on.

    Counted from its end, from its start where a share of the traffic was told, or from when a
    rollout should have made progress: sooner where nothing but its start is told. An instance of
    the new version is expected to answer as often as one of the old, and `share` (told, or little)
    of all calls.
    """
    begins = _should_answer(deploy, share)
    if (
        begins is None
        or set(deploy.sources) <= {"sighting"}
        or version_pattern(deploy.version) != version_pattern(against)
    ):
        return None
    windows: dict[datetime, dict[str, int]] = {}
    for sighting in sightings:
        if (
            sighting.service == deploy.service
            and sighting.version == against
            and sighting.window >= begins
        ):
            seen = windows.setdefault(sighting.window, {})
            seen[sighting.instance] = seen.get(sighting.instance, 0) + sighting.server_calls
    answering = sorted(window for window, seen in windows.items() if any(seen.values()))
    stamps = [moment.timestamp() for moment in answering]
    if not stamps or not _long_enough(len(stamps), stamps[0], stamps[-1], settings):
        return None
    instances = len({instance for seen in windows.values() for instance in seen})
    presences = [
        sum(calls > 0 for calls in windows[window].values()) / (instances + 1.0)
        for window in answering
    ]
    log_e = sum(math.log(ALWAYS_SILENT / (1.0 - presence)) for presence in presences)
    old_calls = sum(sum(windows[window].values()) for window in answering)
    chance = max(
        math.exp(-(share or LITTLE) * old_calls),
        math.exp(sum(math.log(1.0 - presence) for presence in presences)),
    )
    if log_e < -math.log(settings.alpha) or chance > settings.alpha:
        return None
    presence = sum(presences) / len(presences)
    test = SilenceTest(
        len(answering), 0, 0, old_calls, presence, chance, log_e, stamps[0], stamps[-1]
    )
    return _silence_finding(deploy, against, edges, test, now, weaker=True)


def _long_enough(
    windows: int,
    first: float | None,
    last: float | None,
    settings: JudgeSettings,
    patience: float = 1.0,
) -> bool:
    """Over two minutes (by default), in three windows at least: recordings by the minute fill one
    window in six.
    """
    if first is None or last is None or windows < settings.min_windows:
        return False
    return last - first + WINDOW_SECONDS >= patience * settings.silence_windows * WINDOW_SECONDS


def _should_answer(deploy: Deploy, share: float | None) -> datetime | None:
    """From when on the version must be there; None for never (it failed, or is to get
    no traffic).
    """
    if deploy.kind not in VERSION_CHANGES or share == 0.0 or deploy.state in ("failed", "aborted"):
        return None
    if deploy.state == "succeeded":
        return deploy.finished or deploy.started
    if share:
        return deploy.started
    return deploy.started + (STARTED if deploy.state == "started" else PROGRESS)


def not_there_yet(deploy: Deploy, share: float | None, until: datetime | None) -> bool:
    """Whether it is too early to miss the version: told to get no traffic (its pods are not
    ready), or still given time.
    """
    if deploy.state in ("failed", "aborted"):
        return False
    begins = _should_answer(deploy, share)
    return begins is None or until is None or until < begins


def version_pattern(version: str) -> str:
    """A version's way of writing: digits, hex runs and letters folded, so that 1.9.0 and 2.0.0
    look alike and a SHA does not.
    """
    bare = version.lower()
    if bare.startswith("sha256:"):
        return "digest"
    return re.sub(r"[0-9a-z]+", _folded, bare)


def _folded(token: re.Match[str]) -> str:
    text = token[0]
    if (
        len(text) >= 6
        and re.fullmatch(r"[0-9a-f]+", text)
        and (len(text) >= 7 or not text.isdigit())
    ):
        return "#"
    return re.sub(r"[a-z]+", "a", re.sub(r"[0-9]+", "9", text))


def _silence_finding(
    deploy: Deploy,
    against: str,
    edges: Sequence[Edge],
    test: SilenceTest,
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
        silence=SilenceEvidence(test.instances, test.presence, test.chance),
    )
    whole = Edge(
        edge.environment, "*", deploy.service, edge.protocol, "*", "", edge.callee_namespace
    )
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
        first_seen=first,
        last_seen=last,
    )
