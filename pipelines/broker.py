"""A Pact Broker's pacts to revisions of contracts; read here what the one who asks it does every
minute.
"""

import threading
from datetime import datetime

import structlog
from sqlalchemy import Engine

from monitor.clock import Clock, growing_pause
from monitor.contracts.read import completed, read_draft
from monitor.control.contracts import left_over, publish, withdraw
from monitor.control.turn import Done, Turn, in_turns
from monitor.errors import ContractError, SourceError
from monitor.joining.broker import PactBroker, RetryLater
from monitor.telemetry import HealthBoard

LOG = structlog.get_logger(__name__)
PUBLISHER = "pact broker"
"""Who published what it brought, and nothing else: only that is ever withdrawn."""
LONGEST_PAUSE_SECONDS = 3600.0
REPORT_SECONDS = 10.0


def pacts(
    broker: PactBroker,
    engine: Engine,
    *,
    stop: threading.Event,
    turn: Turn,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float = 60.0,
) -> None:
    """Publish what the broker has until told to stop; only while it is this process's `turn`.

    What has not changed makes no revision. A broker in trouble is shown, and makes nothing
    unready: it is left alone for longer and longer, up to an hour, or for as long as it asks. What
    it selects no more is withdrawn, unless a pact could not be had, or none at all is selected:
    then it may be the selection that is wrong, and the pacts that are known are told as stale.
    """
    tries, quiet_until, last = 0, 0.0, Done()

    def step(now: datetime) -> Done:
        nonlocal last
        if now.timestamp() >= quiet_until:
            last = look(now)
        return last

    def look(now: datetime) -> Done:
        nonlocal tries, quiet_until
        try:
            selection = broker.look()
        except SourceError as error:
            asked = error.seconds if isinstance(error, RetryLater) else None
            pause = max(asked or 0.0, growing_pause(tick_seconds, tries, LONGEST_PAUSE_SECONDS))
            tries, quiet_until = tries + 1, now.timestamp() + pause
            LOG.warning("the Pact Broker does not tell its pacts", reason=str(error))
            return Done(f"{error}; the pacts that are known stay, it is asked again")
        tries, quiet_until = 0, now.timestamp() + tick_seconds
        refused, published = list(selection.refused), 0
        for draft in selection.drafts:
            try:
                done = publish(
                    engine, completed(draft), now, read=read_draft, published_by=PUBLISHER
                )
            except ContractError as error:
                refused.append(str(error))
                continue
            published += not done.unchanged
        for reason in refused[:5]:
            LOG.warning("a pact was refused", reason=reason[:300])
        gone = left_over(engine, PUBLISHER, {completed(draft).name for draft in selection.drafts})
        stale = (
            [revision.name for revision in gone]
            if selection.refused or not selection.drafts
            else []
        )
        for revision in [] if stale else gone:
            withdraw(
                engine,
                revision.name,
                now,
                by=PUBLISHER,
                why="the Pact Broker does not select it any more",
            )
            LOG.info("a pact is withdrawn", contract=revision.name)
        words = [f"{len(refused)} pacts were refused: {refused[0][:200]}"] if refused else []
        words += (
            [f"{len(stale)} pacts are selected no more, and still hold: {', '.join(stale)[:200]}"]
            if stale
            else []
        )
        figures = {"pacts": selection.pacts, "published": published, "refused": len(refused)}
        return Done(
            "; ".join(words),
            figures | {"withdrawn": 0 if stale else len(gone), "stale": len(stale)},
        )

    # it reports more often than it asks: silence on the board is taken for a fault
    often = min(tick_seconds, REPORT_SECONDS)
    in_turns(
        "pact-broker",
        "asks the Pact Broker",
        step,
        turn=turn,
        stop=stop,
        board=board,
        clock=clock,
        tick_seconds=often,
    )
