"""Recent deploys judged over and over: verdicts and findings stored, findings that are over
resolved.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import structlog
from sqlalchemy import Engine

from monitor import telemetry
from monitor.clock import monotonic_seconds
from monitor.control.deploys import by_id, list_deploys, note_traffic
from monitor.control.findings import accepted, count_open, list_findings, save_findings
from monitor.control.verdicts import Said, last_said
from monitor.detect.judging.gone import ended
from monitor.detect.measure.stirs import Mark, RunningSums
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.joining.judging import JUDGED, Judged, judge_deploy, keep_judged
from monitor.joining.kept import KeptCells
from monitor.joining.meant import Meanings
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.judging import Verdict
from monitor.model.reasons import reason
from monitor.store import Store
from monitor.store.reader import Reader

log = structlog.get_logger(__name__)

EARLY = timedelta(minutes=2)
"""Up to this age a deploy is judged whenever a window is sealed."""
GROWS: tuple[tuple[timedelta, float], ...] = ((timedelta(hours=1), 0.15), (timedelta.max, 0.3))
"""Later it is judged again after so much of its age at most, up to an age of so long: after 15
minutes every two, after three hours every hour. At once where calls turn bad or slow, and sooner
where judging costs little.
"""
SPARE = 0.04
"""So much of its time a detector may spend on judging sooner: few deploys, or small estates, are
judged whenever a window is sealed.
"""
OPEN: tuple[tuple[timedelta, timedelta], ...] = (
    (timedelta(minutes=20), timedelta(0)),
    (timedelta(hours=2), timedelta(seconds=60)),
    (timedelta.max, timedelta(seconds=300)),
)
"""While a finding is open it is judged after so long at most, up to this age: whoever was paged
waits for word.
"""
FEW = 4
"""So many deploys due at once are read from the store at a first step; else what is sealed is
kept.
"""
LATELY = timedelta(minutes=10)
"""So much of the past is summed when keeping begins: what is usual of each edge."""
SETTLED = timedelta(hours=6)
"""Judge again so much later what is settled: all windows that count are sealed and were judged, no
finding is open, and nobody told anew of the deploy or of those beside it. What comes too late for
its window is still seen then.
"""


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """`watch` is how long after its first traffic a deploy is judged; a verdict that says the same
    again is stored every `repeat`.

    `work` is how long a step goes on taking deploys; what is left waits for the next step, and
    comes first then.
    """

    judging: JudgeSettings = field(default_factory=JudgeSettings)
    watch: timedelta = timedelta(hours=24)
    repeat: timedelta = timedelta(seconds=60)
    work: timedelta = timedelta(seconds=10)


class Detector:
    """Judges recent deploys over and over. What it keeps between steps only saves work: nothing is
    lost with it.
    """

    def __init__(
        self,
        reader: Reader,
        engine: Engine,
        store: Store,
        settings: DetectionSettings,
        seconds: Callable[[], float] = monotonic_seconds,
        aliases: Aliases | None = None,
    ) -> None:
        self._reader, self._engine, self._store, self.settings = reader, engine, store, settings
        self._seconds = seconds
        self._aliases = aliases or Aliases()
        self.waiting = 0
        self._judged: dict[str, tuple[datetime, datetime]] = {}
        self._settled: set[str] = set()
        self._accepted: frozenset[str] = frozenset()
        self._projected: dict[str, Deploy] | None = None
        self._kept = KeptCells(reader)
        self._meanings = Meanings(reader)
        self._keeps, self._steps = False, 0
        self._sums = RunningSums()
        self._marks: dict[str, Mark] = {}
        self._open: set[str] = set()
        self._active = 0
        self._took = 0.0  # seconds of a judgement, lately

    def step(self, now: datetime, *, work: timedelta = timedelta.max) -> list[Judged]:
        """Judge the deploys that are due, for `work` but one at least: verdict and findings are
        stored, and projected for dashboards.

        The one that was judged longest ago comes first, of those never judged the newest;
        `waiting` counts those left. Due: young, and a window was sealed since the last time. A
        finding keeps its id; one no longer found is resolved. Safe to repeat and safe to run twice
        at once: everything is written by key.
        """
        sealed = self._reader.last_sealed()
        if sealed is None:
            return []
        recent = self._watched(min(now, sealed))
        self._unsettle(recent, now)
        self._project_deploys(recent, now)
        self._active = sum(
            self._judged_at_all(deploy) and deploy.id not in self._settled for deploy in recent
        )
        if self._keeps:
            self._take_in()
        due = sorted(
            (
                deploy
                for deploy in recent
                if self._judged_at_all(deploy) and self._due(deploy, sealed, now)
            ),
            key=self._turn_of,
        )
        if not self._keeps and (len(due) > FEW or (due and self._steps)):
            self._keep(sealed)
        if due:
            self._meanings.refresh(deploy.id for deploy in recent)
        until = self._seconds() + work.total_seconds()
        done: list[Judged] = []
        for deploy in due:
            if done and self._seconds() >= until:
                break
            begun = self._seconds()
            done.append(self._judge(deploy, now))
            took = self._seconds() - begun
            self._took = took if not self._took else 0.8 * self._took + 0.2 * took
            self._judged[deploy.id] = (sealed, now)
            self._note_sums(done[-1])
            self._note_settled(done[-1], sealed)
        self.waiting = len(due) - len(done)
        ids = {deploy.id for deploy in recent}
        self._settled &= ids
        self._judged = {key: value for key, value in self._judged.items() if key in ids}
        self._marks = {key: value for key, value in self._marks.items() if key in ids}
        self._open &= ids
        self._steps += 1
        telemetry.FINDINGS.set(count_open(self._engine))
        return done

    def _watched(self, moment: datetime) -> list[Deploy]:
        """Recent deploys, seen from the newest data, and older ones whose findings are not over
        yet.
        """
        recent = list_deploys(self._engine, since=moment - self.settings.watch)
        ids = {deploy.id for deploy in recent}
        older = {finding.deploy_id for finding in list_findings(self._engine, state="open")} - ids
        return [*recent, *(deploy for _, deploy in sorted(by_id(self._engine, older).items()))]

    @staticmethod
    def _judged_at_all(deploy: Deploy) -> bool:
        """A change of version must say to which; scaling follows load more often than it harms."""
        return deploy.kind in JUDGED and (
            bool(deploy.version) or deploy.kind not in VERSION_CHANGES
        )

    def _due(self, deploy: Deploy, sealed: datetime, now: datetime) -> bool:
        last = self._judged.get(deploy.id)
        if last is None:
            return True
        return last[0] < sealed and now - last[1] >= self._pause(deploy, now - deploy.started)

    def _pause(self, deploy: Deploy, age: timedelta) -> timedelta:
        """After how long a deploy of this age is judged again."""
        if deploy.id in self._settled:
            return SETTLED
        if age < EARLY or deploy.id not in self._marks or self._sums.moved(self._marks[deploy.id]):
            return timedelta(0)
        pause = min(
            age * next(share for longest, share in GROWS if age < longest),
            timedelta(seconds=self._took * self._active / SPARE),
        )
        if deploy.id in self._open:
            pause = min(pause, next(most for longest, most in OPEN if age < longest))
        return pause

    def _keep(self, sealed: datetime) -> None:
        """From now on what is sealed is kept, and summed."""
        self._kept.refresh()
        self._keeps = True
        lately = sealed - LATELY
        after = sealed + timedelta(seconds=WINDOW_SECONDS)
        self._sums.learn(self._kept.sealed_cells("", [], lately, after))

    def _take_in(self) -> None:
        """What was sealed since the last step."""
        fresh, _ = self._kept.refresh()
        if fresh is not None:
            self._sums.learn(fresh)

    def _note_sums(self, judged: Judged) -> None:
        """What its edges counted when it was judged, and whether a finding is open."""
        deploy = judged.deploy
        if self._keeps:
            self._marks[deploy.id] = self._sums.of(deploy.environment, deploy.service)
        if any(finding.state == "open" for finding in judged.findings):
            self._open.add(deploy.id)
        else:
            self._open.discard(deploy.id)

    def _note_settled(self, judged: Judged, sealed: datetime) -> None:
        """Whether what this deploy was judged by is all that there will be."""
        deploy, judging = judged.deploy, self.settings.judging
        first = judged.first_traffic or deploy.first_traffic or deploy.started
        bound = max(deploy.started, first) + timedelta(
            seconds=judging.after_seconds + judging.late_seconds
        )
        if sealed >= bound and all(finding.state == "resolved" for finding in judged.findings):
            self._settled.add(deploy.id)
        else:
            self._settled.discard(deploy.id)

    def _unsettle(self, recent: Sequence[Deploy], now: datetime) -> None:
        """What was told anew since the last step is judged anew, with all that it may bear on."""
        accepting = frozenset(acceptance.fingerprint for acceptance in accepted(self._engine, now))
        if accepting != self._accepted:
            self._settled.clear()
        self._accepted = accepting
        if not self._settled:
            return
        before = self._projected or {}
        changed = [deploy for deploy in recent if before.get(deploy.id) != deploy]
        ids = {deploy.id for deploy in recent}
        changed += [deploy for key, deploy in before.items() if key not in ids]
        changed += [before[deploy.id] for deploy in changed if deploy.id in before]
        near = timedelta(seconds=self.settings.judging.concurrent_seconds)
        self._settled -= {
            deploy.id
            for deploy in recent
            if deploy.id in self._settled
            and any(
                other.environment == deploy.environment
                and (
                    abs(other.started - deploy.started) <= near
                    # its calls are judged until the same version is deployed anew
                    or (other.service == deploy.service and other.version == deploy.version)
                )
                for other in changed
            )
        }

    def _turn_of(self, deploy: Deploy) -> tuple[float, float]:
        """Sorts deploys that are due: never judged, then judged longest ago."""
        last = self._judged.get(deploy.id)
        return (last[1].timestamp() if last else -math.inf, -deploy.started.timestamp())

    def _judge(self, deploy: Deploy, now: datetime) -> Judged:
        watched_until = deploy.started + self.settings.watch
        judged = judge_deploy(
            self._reader,
            self._engine,
            deploy,
            self.settings.judging,
            now,
            watched_until,
            self._aliases,
            self._kept if self._keeps else None,
            self._meanings,
        )
        self._note_traffic(judged)
        ids = {finding.id for finding in judged.findings}
        gone = [
            ended(finding, reason("no_longer_found"))
            for finding in list_findings(self._engine, deploy_id=deploy.id)
            if finding.id not in ids and finding.state != "resolved"
        ]
        save_findings(self._engine, [*judged.findings, *gone], now)
        last = last_said(self._engine, deploy.id)
        repeats = last is not None and _says_the_same(last, judged.verdict)
        if last is None or not repeats or now - last.judged_at >= self.settings.repeat:
            keep_judged(self._engine, judged, repeats=repeats)
            telemetry.JUDGEMENTS.labels(judged.verdict.outcome).inc()
        return judged

    def _note_traffic(self, judged: Judged) -> None:
        """An announced deploy learns when its version was first seen answering."""
        deploy = judged.deploy
        if deploy.first_traffic is None and judged.first_traffic is not None:
            note_traffic(self._engine, deploy.id, judged.first_traffic)

    def _project_deploys(self, recent: Sequence[Deploy], now: datetime) -> None:
        """Dashboards show what changed of these, and no longer those that were merged into others
        since.
        """
        shown = self._projected
        if shown is None:  # after a start: what the last process showed
            since = min((deploy.started for deploy in recent), default=now)
            standing = {
                row["id"] for row in self._store.query("projected_deploys", {"since": since})
            }
            shown = {}
        else:
            standing = set(shown)
        changed = [deploy for deploy in recent if shown.get(deploy.id) != deploy]
        self._store.insert("deploys", deploy_rows(changed, now))
        left = standing - {deploy.id for deploy in recent}
        if merged := sorted(left - by_id(self._engine, left).keys()):
            self._store.execute("forget_deploys", {"ids": merged})
        self._projected = {deploy.id: deploy for deploy in recent}


def _says_the_same(last: Said, verdict: Verdict) -> bool:
    return last.outcome == verdict.outcome and last.findings == frozenset(verdict.findings)


def detect_once(
    reader: Reader, engine: Engine, store: Store, settings: DetectionSettings, now: datetime
) -> list[Judged]:
    """Judge all recent deploys once, whether a window was sealed since or not."""
    return Detector(reader, engine, store, settings).step(now)


def deploy_rows(deploys: Sequence[Deploy], now: datetime) -> pa.Table:
    """Rows of the telemetry store's `deploys`."""
    return pa.table(
        {
            **_texts(
                deploys,
                ("id", "kind", "environment", "service", "version", "previous_version", "state"),
            ),
            "namespace": pa.array([deploy.namespace or "" for deploy in deploys], pa.string()),
            "started": _moments([deploy.started for deploy in deploys]),
            "first_traffic": _moments([deploy.first_traffic for deploy in deploys]),
            "updated": _moments([now] * len(deploys)),
        }
    )


def _texts(rows: Sequence[object], names: Iterable[str]) -> dict[str, pa.Array]:
    return {
        name: pa.array([str(getattr(row, name)) for row in rows], pa.string()) for name in names
    }


def _moments(moments: Sequence[datetime | None]) -> pa.Array:
    return pa.array(moments, pa.timestamp("ms", tz="UTC"))
