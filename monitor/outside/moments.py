"""One deploy of a file: the moments at which it is judged, and what the judge is told at each."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.detect.evidence.fanout import NAMELESS
from monitor.detect.judging.ruling import WEAKER
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import DAY, Around, Past
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding, Outcome, Verdict
from monitor.outside.cells import Known, Recording, summed, windows_of
from monitor.outside.counts import counts_of
from monitor.outside.deploys_told import as_known, released_beside
from monitor.outside.history import with_past
from monitor.outside.neighbours import busiest, ended_with
from monitor.outside.past import past_of
from monitor.outside.releases import Releases
from monitor.outside.screen import Screen
from monitor.outside.shapes import shapes_of
from monitor.outside.told import Case, Cases, Rows, Told
from monitor.outside.versions import Resolved, versions_beside

NEIGHBOURS = 8
"""So many neighbouring services, those with most calls, are the controls of a step in time;
strangers, where there are fewer neighbours.
"""
FIRST, GROWS = 6, 1.15
"""Every bin is a moment to judge up to the first; then each is later by this factor."""
UNTOLD = 2
"""So many times longer is a version waited for that is there and answers nothing, when nobody
tells from when it should.
"""
STANDS, STANDS_SECONDS = 2, 60.0
"""A decision stands when so many moments in a row come to it, over so many seconds at least: an
instance may start cold.
"""
LONG_STEP = 4 * 60.0
"""Bins so long that a pass needs no second look: each bin is several minutes of calls, and two are
wanted for any pass.
"""
PASS_AFTER = 600.0
"""Seconds of the new version that a pass wants to have seen, whatever its calls show."""
AWAITED = 300.0
"""So long from when a pass may stand on, each minute is looked at: most are decided then, and what
is looked at later is decided later.
"""
WATCHED = 3600.0
"""Seconds that a deploy is watched for when nobody tells."""
BINS_BEFORE = 60
AT_ITS_TIME = 7200.0
"""Seconds: what was released so long before is no rival of a deploy; no rule looks as far back."""
USUAL_STEP = 60.0
HONEST = frozenset({"quantiles"})
"""What may be assumed and yet be good for a pass."""


@dataclass(frozen=True, slots=True)
class Look:
    moment: float
    verdict: Verdict
    findings: tuple[Finding, ...]
    known: Known
    outcome: Outcome

    @property
    def is_weaker(self) -> bool:
        """Whether it is no worse as far as can be told, with whatever had to be assumed."""
        return self.verdict.outcome == "pass" or is_weaker(self.verdict)


def is_weaker(verdict: Verdict) -> bool:
    """Whether the verdict is a weaker pass, which a policy may take for one."""
    return any(why.code in WEAKER for why in verdict.reasons)


class Watch:
    """One deploy, the rows around it, and what the judge is told at each moment."""

    def __init__(
        self,
        cases: Cases,
        subject: Told,
        deploys: Releases,
        settings: JudgeSettings,
        source: str,
    ) -> None:
        """`deploys` are all of the case; `source` names the edges' file in errors."""
        self.told, self.deploys, self.source = subject, deploys, source
        self.history = cases.of(subject.history_case).rows if subject.history_case else None
        self._since = subject.data_from
        self._case = self._with_past(cases.of(subject.case))
        touching = self._in_time(self._case.touching(subject.service))
        self.environment = subject.environment or _commonest(touching)
        self.recording = Recording(
            self._here(touching), subject, deploys, self.environment, source
        )
        mine = self.recording.rows
        self.step = float(np.median(mine.step_s)) if len(mine) else USUAL_STEP
        self.phase = float(mine.ts.min() % self.step) if len(mine) else 0.0
        self.until = subject.evaluate_until or min(
            subject.at + WATCHED, float(mine.ends.max()) if len(mine) else subject.at
        )
        self.settings = _for_bins(
            settings, self.step, silent_after=1 if subject.expected_from is not None else UNTOLD
        )
        self.pass_from, self.passes = self.told.at + PASS_AFTER, False
        """From when a pass may stand, and whether the last look was one: told by who looks, for
        the next moment.
        """
        self._above: tuple[Rows, Screen] | None = None
        self._former: Sequence[EdgeCell] | None = None
        self._neighbours: list[tuple[float, EdgeCell]] | None = None

    def _with_past(self, case: Case) -> Case:
        """The case, and what its history tells of before it."""
        if self.history is None:
            return case
        rows, self._since = self._in_time(case.rows), None
        return Case(with_past(rows, self.history, self.told))

    def _in_time(self, rows: Rows) -> Rows:
        """Rows of the time that is judged; what a history tells of before it stays."""
        if self._since is not None:
            rows = rows.take(rows.ts >= self._since)
        if self.told.evaluate_until is not None:
            rows = rows.take(rows.ends <= self.told.evaluate_until)
        return rows

    def _here(self, rows: Rows) -> Rows:
        return rows.take(rows.environment.is_any(self.environment))

    @cached_property
    def elsewhere(self) -> Rows:
        """Rows of edges that the service has no part in."""
        rows, service = self._case.rows, self.told.service
        touching = rows.callee.is_any(service) | rows.caller.is_any(service)
        return self._here(self._in_time(rows.take(~touching)))

    def moments(self) -> Iterator[tuple[float, bool]]:
        """Ends of bins at which to judge, dense at first; and whether it is the last one before
        the end of the watch.

        Nobody waits longer for a pass than its rules want: moments are where it may first stand,
        and so long before that a first look can have come to the same; from then on each minute
        for a while; and the next one after a look that passed is as soon as it can be confirmed.
        """
        if not len(self.recording.rows):
            return
        begins = (self.told.at - self.phase) // self.step * self.step + self.phase
        most = int((self.until - begins) // self.step)
        place = 2
        while place < most:
            yield begins + place * self.step, False
            grown = place + 1 if place < FIRST else max(place + 1, round(place * GROWS))
            wanted = place + math.ceil(STANDS_SECONDS / self.step)
            awaited = begins + place * self.step - self.first_look
            if 0.0 <= awaited < AWAITED:
                grown = min(grown, wanted)
            if not self.passes:
                wanted = min(
                    (
                        at
                        for when in (self.first_look, self.pass_from)
                        if (at := math.ceil((when - begins) / self.step)) > place
                    ),
                    default=grown,
                )
            place = min(grown, wanted)
        if most >= 1:
            yield begins + most * self.step, True

    @property
    def first_look(self) -> float:
        """From when a look may be the first of those that let a pass stand: where bins are short,
        so long before it that the last of them is when a pass may stand.
        """
        return self.pass_from - (STANDS_SECONDS if self.step < LONG_STEP else 0.0)

    def known(self, moment: float) -> Known:
        """What was known of the service's own edges by then."""
        return self.recording.until(moment)

    def look(self, so_far: Known, moment: float) -> Look | None:
        """The judge's word at this moment; None while there is nothing to judge.

        What happens around costs most, so it is told when callers' own answers stir, or when a
        step in time wants its controls.
        """
        if not so_far.cells and not so_far.sightings:
            return None
        near = self.callers_stir(moment)
        around = (
            self._around(so_far, moment) if near else Around(past=self.past) if self.past else None
        )
        verdict, findings = self._judged(so_far, moment, around)
        passes = verdict.outcome == "pass" or is_weaker(verdict)
        passes_blindly = passes and (not self.callers or bool(len(self.called)))
        late = so_far.stirs and moment >= self.pass_from and not passes
        if not near and (
            passes_blindly
            or late
            or any(
                finding.strength == "weaker" or finding.signal == "fanout" for finding in findings
            )
        ):
            around = self._around(so_far, moment)
            verdict, findings = self._judged(so_far, moment, around)
        if findings and (calls := self.recording.alike(moment)):
            verdict, findings = self._judged(so_far, moment, around, calls)
        outcome = verdict.outcome
        if outcome == "pass" and so_far.assumed - HONEST:
            outcome = "inconclusive"
        return Look(moment, verdict, tuple(findings), so_far, outcome)

    def _judged(
        self, so_far: Known, moment: float, around: Around | None, calls: Sequence[Alike] = ()
    ) -> tuple[Verdict, list[Finding]]:
        waits = self.told.expected_from is not None and moment < self.told.expected_from
        return judge(
            as_known(self.told, so_far, self.environment, moment),
            so_far.cells,
            [
                sighting
                for sighting in so_far.sightings
                if not self._not_there_yet(
                    sighting.version, sighting.server_calls, sighting.window
                )
            ],
            [
                released_beside(deploy, self.environment)
                for deploy in self.deploys.between(self.told.at - AT_ITS_TIME, moment)
                if deploy is not self.told
            ],
            self.settings,
            datetime.fromtimestamp(moment, UTC),
            around=around,
            share=0.0 if waits else None,
            calls=calls,
        )

    @cached_property
    def callers(self) -> set[str]:
        """Who is told to call the service."""
        rows = self.recording.rows
        return set(rows.take(rows.callee.is_any(self.told.service)).caller.texts()) - NAMELESS

    @cached_property
    def called(self) -> Rows:
        """The service's calls to others: rows that may not tell its own version."""
        rows = self.recording.rows
        return rows.take(
            rows.caller.is_any(self.told.service) & ~rows.callee.is_any(self.told.service)
        )

    def callers_stir(self, moment: float) -> bool:
        """Whether what the service's callers answer fails more often, or comes later, since the
        deploy.
        """
        if self._above is None:
            rows = self._here(self._in_time(self._case.answers(self.callers)))
            service = self.told.service
            rows = rows.take(~(rows.caller.is_any(service) | rows.callee.is_any(service)))
            rows = rows.take(np.argsort(rows.ends, kind="stable"))
            counts = counts_of(rows, self.told.at)
            self._above = (
                rows,
                Screen.of(rows, counts, shapes_of(rows, counts.calls, self.source), self.told.at),
            )
        rows, screen = self._above
        size = int(np.searchsorted(rows.ends, moment, side="right"))
        late = rows.ts[:size] > self.told.at - rows.step_s[:size] / 2
        return screen.stirs(late, ~late)

    def _not_there_yet(self, version: str, calls: int, window: datetime) -> bool:
        """An instance that answers nothing before it is said to be ready."""
        expected = self.told.expected_from
        return (
            calls == 0
            and version == self.told.version_to
            and expected is not None
            and window.timestamp() < expected
        )

    def _around(self, so_far: Known, moment: float) -> Around:
        if self._neighbours is None:
            calls: Counter[str] = Counter()
            for cell in so_far.cells:
                ends = {cell.edge.caller, cell.edge.callee} - {self.told.service}
                calls.update(dict.fromkeys(ends, cell.calls))
            before = self.called.ends <= self.told.at
            near = {name for name, _ in calls.most_common(NEIGHBOURS)} | set(
                self.called.take(before).callee.texts()
            )
            rows = self.elsewhere
            # strangers tell what happens to all
            past = rows.take(rows.ends <= self.told.at)
            near |= set(busiest(past, near)[: max(0, NEIGHBOURS - len(near))])
            near |= set(self.called.callee.texts())
            rows = rows.take(rows.caller.is_any(*near) | rows.callee.is_any(*near))
            # whom it calls, too, though these rows may not tell its own version
            windows = windows_of(rows)
            compared = (windows >= self._looks_back_to) & (windows <= self.until)
            parts = (rows, compared), (self.called, np.ones(len(self.called), dtype=bool))
            self._neighbours = [
                ended
                for part, chosen in parts
                for ended in ended_with(part.take(chosen), self._plain(part, chosen))
            ]
        if self._former is None:
            self._former = self._earlier_days()
        neighbours = [cell for end, cell in self._neighbours if end <= moment]
        return Around(neighbours, self._former, self.past)

    @cached_property
    def past(self) -> list[Past]:
        """What numbers without counts did before the deploy: in the case's last week, and on its
        history's days.
        """
        if not self.recording.has_levels:
            return []
        return past_of((self.history, self.recording.rows), self.told, self.environment)

    def _earlier_days(self) -> Sequence[EdgeCell]:
        """The service's cells of earlier days: of the history case, moved by whole days to the
        eve, and of the case itself.
        """
        out: list[EdgeCell] = []
        own = self.recording.rows
        for rows in (self.history, own.take(own.ts < self.told.at - DAY / 2)):
            if rows is None or not len(rows):
                continue
            mine = rows.take(
                rows.callee.is_any(self.told.service) | rows.caller.is_any(self.told.service)
            )
            if not len(mine):
                continue
            days = round((self.told.at - float(np.median(mine.ts))) / DAY)
            moved = 0.0 if 1 <= days <= 7 else (days - 1) * DAY
            out += self._plain(replace(mine, ts=mine.ts + moved), np.ones(len(mine), dtype=bool))
        return out

    @property
    def _looks_back_to(self) -> float:
        """No rule compares what was earlier, but for the service's own calls."""
        return self.told.at - AT_ITS_TIME - self.settings.before_seconds

    def _plain(self, rows: Rows, chosen: NDArray[np.bool_]) -> list[EdgeCell]:
        """Cells of the chosen rows without versions, as controls need none; but of what was
        released beside it those that the rows tell. What is assumed rests on all rows.
        """
        counts = counts_of(rows, self.told.at).taken(chosen)
        names, callee = versions_beside(rows, self.deploys, self.told)
        rows, callee = rows.take(chosen), callee[chosen]
        shapes = shapes_of(rows, counts.calls, self.source)
        none = np.zeros(len(rows), dtype=np.int64)
        whose = Resolved(np.ones(len(rows), dtype=bool), none, callee, names, "", "", timed=False)
        return summed(
            rows, counts.calls > 0, windows_of(rows), whose, counts, shapes, self.environment
        )


def _commonest(rows: Rows) -> str:
    """The environment of most of these rows; "" when none is told."""
    counted = np.bincount(rows.environment.codes, minlength=1)
    return rows.environment.names[int(counted.argmax())] if len(rows) else ""


def _for_bins(settings: JudgeSettings, step: float, silent_after: int) -> JudgeSettings:
    """Times that follow the bins' length: a warm-up must not eat the only bins there are, nor bins
    look late because they are long.
    """
    return replace(
        settings,
        warmup_seconds=settings.warmup_seconds if step <= settings.warmup_seconds else 0.0,
        before_seconds=max(settings.before_seconds, BINS_BEFORE * step),
        late_seconds=settings.late_seconds + step,
        min_windows=settings.min_windows if step < 4 * USUAL_STEP else 2,
        silence_windows=settings.silence_windows * silent_after,
        step_seconds=max(settings.step_seconds, 6 * step),
    )
