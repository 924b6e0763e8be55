"""Sealed windows and deploys to verdicts and findings; read here what the detector does every few
seconds.
"""

import threading
from datetime import datetime

from monitor.clock import Clock
from monitor.control.turn import Done, Turn, in_turns
from monitor.joining.awaited import AwaitedRevisions
from monitor.joining.breaking import BreakWatch
from monitor.joining.detecting import Detector
from monitor.joining.outside import OutsideWatch
from monitor.joining.ramp_plans import RampPlanWatch
from monitor.joining.timing_events import TimingWatch
from monitor.joining.unseen import UnseenWatch
from monitor.telemetry import HealthBoard
from pipelines.deploys import VersionWatch


def detection(
    detector: Detector,
    versions: VersionWatch,
    times: TimingWatch | None = None,
    broken: BreakWatch | None = None,
    unseen: UnseenWatch | None = None,
    plans: RampPlanWatch | None = None,
    outside: OutsideWatch | None = None,
    awaited: AwaitedRevisions | None = None,
    *,
    stop: threading.Event,
    turn: Turn,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float = 5.0,
) -> None:
    """Look for new versions, judge, hold contracts' times against calls, and note which clauses
    broke, until told to stop; only while it is this process's `turn` to be the detector.
    """

    def step(now: datetime) -> Done:
        seen = versions.step(now)
        begun = awaited.step(now) if awaited is not None else []
        judged = detector.step(now, work=detector.settings.work)
        failing = sum(judgement.verdict.outcome == "fail" for judgement in judged)
        late = times.step() if times is not None else 0
        off_plan = plans.step(times.sealed) if plans is not None and times is not None else 0
        unused = unseen.step(now) if unseen is not None else 0
        otherwise = outside.step(now) if outside is not None else 0
        watched = (unseen.events if unseen is not None else {}) | (
            outside.events if outside is not None else {}
        )
        reasons = times.reasons if times is not None else {}
        events = broken.step(now, reasons, watched) if broken is not None else []
        figures = {
            "versions": len(seen),
            "contracts_begun": len(begun),
            "judged": len(judged),
            "waiting": detector.waiting,
            "failing": failing,
            "times_broken": late,
            "ramp_plans_broken": off_plan,
            "broken": len(events),
            "contracts_unseen": unused,
            "third_parties_otherwise": otherwise,
        }
        return Done(details=figures)

    in_turns(
        "detection",
        "judges deploys",
        step,
        turn=turn,
        stop=stop,
        board=board,
        clock=clock,
        tick_seconds=tick_seconds,
    )
