"""The life of alerts: findings in, alerts pending, firing or resolved out. Pure: time and
everything else is handed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerts.grouping import group
from monitor.alerts.wording import SEVERITIES, Words, labels_of, root_edges, word
from monitor.model.alerts import Alert, Tracked
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding
from monitor.wording.reasons import sentence

ACCEPTED = "accepted as known"


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """How patient alerts are.

    `hold_seconds`: how long a root must stay before it fires. `orphan_seconds`: the same for what
    was propagated from a root nobody found (yet). `quiet_seconds`: how long nothing bad must be
    seen before it is resolved. `page_e_value`: weaker evidence than this is shown as pending, and
    does not fire; nor does a change in time that nothing else speaks for.
    """

    hold_seconds: float = 10.0
    orphan_seconds: float = 60.0
    quiet_seconds: float = 180.0
    page_e_value: float = 1000.0
    link_base: str = ""


Book = Mapping[str, Tracked]
"""All alerts by key."""


@dataclass(frozen=True, slots=True)
class Step:
    """The new book, and what receivers must be told now, in the order of the keys."""

    book: Book
    outgoing: tuple[Alert, ...]


def step(
    book: Book,
    findings: Sequence[Finding],
    deploys: Mapping[str, Deploy],
    silences: Iterable[Mapping[str, str]],
    settings: LifecycleSettings,
    now: datetime,
    *,
    enabled: bool = True,
) -> Step:
    """One tick. `findings` are all that are open or accepted now, and those resolved of alerts
    that fire; `silences` the matchers in force (label to value).

    Open findings of one deploy are one alert, what they propagated folded in. A key stays the same
    for the same environment and deploy; `revision` grows with each change of state and each
    update. Receivers hear of an update when the alert grew graver, or its root edges are twice as
    many as they were told: a few times at most. An alert is silenced when every open finding of it
    matches a silence. While not `enabled` nobody is told, but all is kept; what still fires when
    it is enabled is told then.
    """
    quieted = list(silences)
    members = group(
        [finding for finding in findings if finding.state == "open"],
        {key: tracked.alert for key, tracked in book.items()},
    )
    ended = {finding.id: _why_over(finding) for finding in findings if finding.state != "open"}
    after: dict[str, Tracked] = {}
    for key in sorted(book.keys() | members.keys()):
        bad = members.get(key, ())
        tracked = (
            _worse(book.get(key), key, bad, deploys, settings, now)
            if bad
            else _quieter(book[key], ended, settings, now)
        )
        if tracked is not None:
            names: list[Mapping[str, str]] = [labels_of(finding, deploys) for finding in bad]
            names = names or [tracked.alert.labels]
            after[key] = replace(
                tracked,
                silenced=all(
                    any(matches(labels, silence) for silence in quieted) for labels in names
                ),
            )
    outgoing: list[Alert] = []
    for key, now_so in after.items():
        tracked = _grown(now_so, members.get(key, ())) if enabled else now_so
        if enabled and (tracked is not now_so or _must_tell(tracked)):
            outgoing.append(tracked.alert)
            after[key] = _told(tracked, members.get(key, ()))
    return Step(after, tuple(outgoing))


def _worse(
    tracked: Tracked | None,
    key: str,
    bad: Sequence[Finding],
    deploys: Mapping[str, Deploy],
    settings: LifecycleSettings,
    now: datetime,
) -> Tracked:
    """An alert of which something is open."""
    words = word(bad, deploys, settings.link_base)
    if tracked is None or tracked.alert.state == "resolved":
        began = min(now, *(finding.first_seen for finding in bad)) if tracked is None else now
        revision = tracked.alert.revision + 1 if tracked else 1
        fresh = _worded(_blank(key, began, revision), words, bad, keep=())
        tracked = Tracked(fresh, now, now, tracked.told if tracked else "")
    else:
        keep = tracked.alert.finding_ids if tracked.alert.state == "firing" else ()
        tracked = replace(tracked, alert=_worded(tracked.alert, words, bad, keep), last_bad=now)
    if tracked.alert.state == "pending" and _ripe(tracked, bad, settings, now):
        return replace(
            tracked,
            alert=replace(tracked.alert, state="firing", revision=tracked.alert.revision + 1),
        )
    return tracked


def _quieter(
    tracked: Tracked, ended: Mapping[str, str], settings: LifecycleSettings, now: datetime
) -> Tracked | None:
    """An alert of which nothing is open: None when it was never more than pending."""
    if tracked.alert.state == "resolved":
        return tracked
    if tracked.alert.state == "pending":
        lived_before = tracked.alert.revision > 1  # its revisions must go on counting
        return (
            replace(
                tracked,
                alert=replace(
                    tracked.alert, state="resolved", ended=now, revision=tracked.alert.revision + 1
                ),
            )
            if lived_before
            else None
        )
    reasons = list(
        dict.fromkeys(
            ended[finding_id] for finding_id in tracked.alert.finding_ids if finding_id in ended
        )
    )
    accepted = ACCEPTED in reasons
    if not accepted and now - tracked.last_bad < timedelta(seconds=settings.quiet_seconds):
        return tracked
    notes = {
        **tracked.alert.annotations,
        "resolved_because": "; ".join(reasons) or "no longer seen",
    }
    over = max(now, tracked.alert.started)
    return replace(
        tracked,
        alert=replace(
            tracked.alert,
            state="resolved",
            ended=over,
            annotations=notes,
            revision=tracked.alert.revision + 1,
        ),
    )


def _ripe(
    tracked: Tracked, bad: Sequence[Finding], settings: LifecycleSettings, now: datetime
) -> bool:
    patience = (
        settings.hold_seconds
        if any(finding.role == "root" for finding in bad)
        else settings.orphan_seconds
    )
    return worth_a_page(bad, settings.page_e_value) and now - tracked.since >= timedelta(
        seconds=patience
    )


def worth_a_page(bad: Sequence[Finding], least: float) -> bool:
    """Whether the evidence is strong, and is more than one signal that changed at a moment:
    neighbours, earlier days, another signal.

    Other calls than before may be meant: alone they wake nobody. Nor does what values mean, where
    the versions were never live at once.
    """
    strong = [
        finding
        for finding in bad
        if finding.evidence.e_value >= least
        and finding.signal != "fanout"
        and not (finding.signal == "meaning" and finding.strength == "weaker")
    ]
    return (
        any(not finding.evidence.rests_on_time_alone for finding in strong)
        or len({finding.signal for finding in strong}) > 1
    )


def _must_tell(tracked: Tracked) -> bool:
    """Firing is told unless silenced; resolved whenever firing was told, so that no incident stays
    open.
    """
    if tracked.alert.state == "firing":
        return tracked.told != "firing" and not tracked.silenced
    return tracked.alert.state == "resolved" and tracked.told == "firing"


def _grown(tracked: Tracked, bad: Sequence[Finding]) -> Tracked:
    """The alert with its next revision when receivers that know of it must hear that it is graver
    or wider; else itself.
    """
    if tracked.alert.state != "firing" or tracked.told != "firing" or tracked.silenced or not bad:
        return tracked
    graver = SEVERITIES.index(tracked.alert.severity) > SEVERITIES.index(tracked.told_severity)
    if not graver and len(root_edges(bad)) < 2 * max(tracked.told_roots, 1):
        return tracked
    return replace(tracked, alert=replace(tracked.alert, revision=tracked.alert.revision + 1))


def _told(tracked: Tracked, bad: Sequence[Finding]) -> Tracked:
    if tracked.alert.state != "firing":
        return replace(tracked, told="resolved", told_roots=0, told_severity="info")
    return replace(
        tracked,
        told="firing",
        told_roots=len(root_edges(bad)),
        told_severity=tracked.alert.severity,
    )


def _why_over(finding: Finding) -> str:
    return (
        ACCEPTED
        if finding.state == "accepted"
        else sentence(finding.ended)
        if finding.ended
        else "no longer seen"
    )


def matches(labels: Mapping[str, str], matchers: Mapping[str, str]) -> bool:
    """Whether a silence is meant for what bears these labels."""
    return bool(matchers) and all(labels.get(label) == value for label, value in matchers.items())


def _worded(alert: Alert, words: Words, bad: Sequence[Finding], keep: tuple[str, ...]) -> Alert:
    return replace(
        alert,
        severity=words.severity,
        summary=words.summary,
        environment=words.environment,
        service=words.service,
        deploy_id=words.deploy_id,
        # receivers know a firing alert by its labels
        labels=words.labels if alert.state == "pending" else alert.labels,
        annotations=words.annotations,
        details=words.details,
        link=words.link,
        finding_ids=tuple(dict.fromkeys((*keep, *(finding.id for finding in bad)))),
    )


def _blank(key: str, started: datetime, revision: int) -> Alert:
    return Alert(key, "pending", "info", "", "", "", "", {}, {}, started, revision=revision)
