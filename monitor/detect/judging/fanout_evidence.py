"""The numbers of a change in calls made for each call answered, as they are stored."""

from datetime import UTC, datetime

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.calls_made import Answering, Made
from monitor.detect.evidence.signal_tests import finite_exp
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.measure.columns import EdgeTable
from monitor.model.judging import Evidence, FanoutEvidence, StepEvidence


def old_version_rows(edge: EdgeTests) -> Ints:
    """Rows of the old version, before the deploy and beside the new one."""
    return np.union1d(edge.contrast.before_rows, edge.contrast.old_rows)


def made_evidence(
    calls: Made,
    answering: Answering,
    log_e: float,
    bad: int,
    change: FanoutEvidence,
    step: StepTest | None,
    controls: int,
) -> Evidence:
    """Of calls made for each answer: `bad` are those missing or added."""
    return fanout_evidence(
        calls.edge,
        (bad, int(answering.new.sum())),
        (0, int(answering.old.sum())),
        log_e,
        change,
        step,
        controls,
        answering,
    )


def fanout_evidence(
    edge: EdgeTests,
    new: tuple[int, int],
    old: tuple[int, int],
    log_e: float,
    change: FanoutEvidence,
    step: StepTest | None,
    controls: int,
    answering: Answering | None = None,
) -> Evidence:
    """`new` and `old` are (bad, all) calls; windows are those in which the new version answers."""
    windows = (
        answering.new_windows
        if answering is not None
        else np.unique(edge.table.windows[edge.contrast.since_rows])
    )
    first, last = (datetime.fromtimestamp(int(windows[place]), UTC) for place in (0, -1))
    return Evidence(
        windows=int(windows.size),
        new_calls=new[1],
        new_bad=new[0],
        old_calls=old[1],
        old_bad=old[0],
        effect=change.new / change.old if change.old else None,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(log_e),
        first_window=first,
        last_window=last,
        exemplars=_traces(edge.table, edge.contrast.since_rows),
        old_exemplars=_traces(edge.table, old_version_rows(edge)),
        step=StepEvidence(False, step.placebos, step.beaten, step.seasonal, step.growth, controls)
        if step
        else None,
        fanout=change,
    )


def _traces(table: EdgeTable, rows: Ints) -> tuple[str, ...]:
    traces = dict.fromkeys(
        trace for row in rows[::-1][:20].tolist() for trace in table.exemplars[row]
    )
    return tuple(traces)[:5]
