"""What is told around a released service: who calls whom, what each answers, whom the release
cannot reach, and what became worse since.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from monitor.detect.arrays import summed
from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.fanout import NOBODY
from monitor.detect.evidence.steps import by_time, rate_steps
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import AnyStep, Step
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.series import Controls, Series
from monitor.detect.measure.warmup import Shares
from monitor.detect.settings import JudgeSettings

FAILED_AND_CALLS = [COUNTS.index("failed"), COUNTS.index("calls")]
LIKE, LEANING_Z = 0.3, 3.0
"""So large a part of the harm, at so many standard errors, is seen by another caller of what is
behind both.
"""
Failing = dict[str, tuple[AnyStep, StepTest]]
"""Services that fail their own requests since, or answer slower, each with its strongest step."""
StepsOf = Callable[[EdgeTests, JudgeSettings], Sequence[AnyStep]]


@dataclass(frozen=True, slots=True)
class Rise:
    """How much more of what a service answers fails since (a share of its `calls` since), and the
    standard error of that; infinite where nothing tells.
    """

    added: float = 0.0
    error: float = math.inf
    calls: float = 0.0

    @property
    def z(self) -> float:
        """By how many standard errors."""
        return self.added / self.error

    def is_like(self, size: float) -> bool:
        """Whether failures rose by a like amount, and not by chance: one cause may be behind
        both.
        """
        return self.z >= LEANING_Z and self.added >= LIKE * size > 0.0

    def is_unlike(self, size: float) -> bool:
        """Whether all is as before, so surely that failures rose by no like amount."""
        return abs(self.added) + LEANING_Z * self.error <= LIKE * size


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Edges `around` the released service and its `own`, before and since a moment, in bins of
    `grain` seconds.

    Only what is around tells what others answer: the service's own answers are judged elsewhere.
    """

    released: str
    callers: set[str]
    since: float
    grain: int
    around: Sequence[EdgeTable]
    own: Sequence[EdgeTable]
    fresh: Shares = field(default_factory=dict)
    """Of the released service's calls those that fresh instances had: who waited for these, too."""

    @cached_property
    def calls(self) -> frozenset[tuple[str, str]]:
        """Who calls whom."""
        return frozenset(
            (table.edge.caller, table.edge.callee) for table in (*self.around, *self.own)
        )

    def callers_of(self, service: str) -> set[str]:
        """Services that call it; users, and callers without a name, are none."""
        return {caller for caller, callee in self.calls if callee == service} - NOBODY

    def above(self, names: set[str]) -> set[str]:
        """These, and all who call them, and so on."""
        there = set(names)
        while more := {caller for caller, callee in self.calls if callee in there} - there:
            there |= more
        return there

    def below(self, names: set[str]) -> set[str]:
        """These, and all whom they call, and so on; never by way of the released service."""
        there = set(names)
        while (
            more := {callee for caller, callee in self.calls if caller in there}
            - there
            - {self.released}
        ):
            there |= more
        return there

    @cached_property
    def reached(self) -> set[str]:
        """Who calls the released service, who calls those, and so on."""
        return self.above(self.callers)

    @cached_property
    def strangers(self) -> set[str]:
        """Services that answer calls and neither call the released one nor those who do: its
        failures never come to them.
        """
        return {table.edge.callee for table in self.around} - self.reached - {self.released}

    @cached_property
    def apart(self) -> set[str]:
        """Strangers that the release cannot reach by its own calls either."""
        return self.strangers - self.below({self.released})

    def first(self, worse: Collection[str]) -> set[str]:
        """Of services that became worse those that call none of the others."""
        return set(worse) - {
            caller for caller, callee in self.calls if caller in worse and callee in worse
        }

    def answered(self, service: str) -> Series:
        """What a service answers, by window, whoever calls it: failed and all."""
        tables = [table for table in self.around if table.edge.callee == service]
        if not tables:
            none = np.zeros(0, dtype=np.int64)
            return Series(none, none, none)
        windows, places = np.unique(
            np.concatenate([table.windows for table in tables]), return_inverse=True
        )
        counts = np.concatenate([table.counts[:, FAILED_AND_CALLS] for table in tables])
        sums = summed(counts, places, windows.size)
        return Series(windows, sums[:, 0], sums[:, 1])

    def rise(self, service: str) -> Rise:
        """How much more of what a service answers fails since, whatever the versions."""
        return self._rise(self.around, service)

    def rise_with_own(self, service: str) -> Rise:
        """The same, with what it answers to the released service."""
        return self._rise((*self.around, *self.own), service)

    def rise_of_others(self, service: str) -> Rise:
        """How much more a service fails in others' calls than the released one's."""
        tables = [table for table in self.around if table.edge.caller != self.released]
        return self._rise(tables, service)

    def handed_on(self, caller: str) -> bool:
        """Whether what strangers answer to a caller became worse by as much as its own answers
        did: then these tell nothing of the release.
        """
        size = self.rise(caller).added
        asked = {callee for name, callee in self.calls if name == caller} & self.apart
        for stranger in asked:
            tables = [
                table
                for table in self.around
                if (table.edge.caller, table.edge.callee) == (caller, stranger)
            ]
            rose = self._rise(tables, stranger)
            if rose.z >= LEANING_Z and rose.added >= size:
                return True
        return False

    def _rise(self, tables: Sequence[EdgeTable], service: str) -> Rise:
        after, before = np.zeros(2), np.zeros(2)
        for table in tables:
            if table.edge.callee == service:
                counts = table.counts[:, FAILED_AND_CALLS]
                after += counts[table.windows >= self.since].sum(axis=0)
                before += counts[table.windows <= self.since - self.grain].sum(axis=0)
        if not after[1] or not before[1]:
            return Rise()
        pooled = (after[0] + before[0] + 1.0) / (after[1] + before[1] + 2.0)
        added = float(after[0] / after[1] - before[0] / before[1])
        return Rise(
            added,
            math.sqrt(pooled * (1.0 - pooled) * (1.0 / after[1] + 1.0 / before[1])),
            float(after[1]),
        )

    def failing(
        self, settings: JudgeSettings, steps: StepsOf = rate_steps, reached: set[str] | None = None
    ) -> Failing:
        """Services whose answers became worse since, beyond what happened to those that have
        nothing to do with the released one; `reached` by it, where that is not told by its callers.
        """
        reached = self.reached if reached is None else reached
        tables = [
            table
            for table in self.around
            if self.released not in (table.edge.caller, table.edge.callee)
        ]
        whole = math.log(max(len(tables), 1) / settings.alpha)
        strangers = Controls(
            beside=tuple(table for table in tables if table.edge.callee not in reached)
        )
        failing: Failing = {}
        for table in tables:
            held_up = self.fresh if table.edge.callee in reached else None
            edge = by_time(table, self.since, self.grain, held_up)
            for step in steps(edge, settings):
                test = step.test(settings)
                if not step.believed(test, whole, settings):
                    continue
                controls = strangers if table.edge.callee in reached else Controls()
                test = step.against(settings, controls, ())
                added = test.after_bad / max(test.after_calls, 1) - test.before_bad / max(
                    test.before_calls, 1
                )
                if not step.believed(test, whole, settings) or (
                    isinstance(step, Step) and added < settings.floor_difference
                ):
                    continue
                best = failing.get(table.edge.callee)
                if best is None or test.log_e > best[1].log_e:
                    failing[table.edge.callee] = step, test
        return failing
