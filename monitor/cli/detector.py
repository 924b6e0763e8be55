"""What the detector is made of, from settings."""

from datetime import timedelta

from monitor.cli.assembly import DETECTOR, House
from monitor.config import Settings
from monitor.joining.awaited import AwaitedRevisions
from monitor.joining.breaking import BreakWatch
from monitor.joining.detecting import DetectionSettings, Detector
from monitor.joining.outside import OutsideWatch
from monitor.joining.ramp_plans import RampPlanWatch
from monitor.joining.timing_events import TimingWatch
from monitor.joining.unseen import UnseenWatch
from pipelines.deploys import VersionWatch
from pipelines.detection import detection


def detect(parts: House) -> None:
    """Judge deploys and contracts until `parts.stop` is set."""
    contracts = parts.settings.contracts
    with parts.turn(DETECTOR).kept() as turn:
        detection(
            Detector(
                parts.reader,
                parts.engine,
                parts.store,
                watching(parts.settings),
                aliases=parts.aliases,
            ),
            VersionWatch(parts.reader, parts.engine, parts.deploys_read()),
            TimingWatch(parts.reader, parts.engine, parts.store, parts.aliases),
            BreakWatch(parts.store, parts.engine),
            UnseenWatch(
                parts.reader,
                parts.engine,
                parts.aliases,
                contracts.unseen_days,
                lenient_nullable=contracts.lenient_nullable,
            ),
            RampPlanWatch(parts.engine, parts.store, parts.aliases),
            OutsideWatch(parts.reader, parts.engine),
            AwaitedRevisions(parts.engine, parts.aliases),
            stop=parts.stop,
            turn=turn,
            board=parts.board,
            clock=parts.clock,
            tick_seconds=parts.settings.detection.every_seconds,
        )


def watching(settings: Settings) -> DetectionSettings:
    """How deploys are judged, and for how long."""
    how = settings.detection
    return DetectionSettings(how.judging(), timedelta(hours=how.watch_hours))
