"""Findings to alerts to receivers; read here what the one who tells receivers does every few
seconds.
"""

import random
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from monitor.alerts.sender import Sender
from monitor.clock import Clock, system_clock
from monitor.control import outbox
from monitor.control.turn import Done, Turn, in_turns
from monitor.errors import LeaseLost, StoreUnavailable
from monitor.joining.alerting import NotifySettings, refresh
from monitor.joining.delivering import deliver_once
from monitor.telemetry import HealthBoard

WELL = "well"
LOOK_SECONDS = 60.0
"""How long a book in which nothing pends and nothing fires is left alone, while no finding is open:
only what is old is forgotten then.
"""
LOG = structlog.get_logger(__name__)


def run_notify(
    engine: Engine,
    senders: Mapping[str, Sender],
    settings: NotifySettings,
    *,
    turn: Turn,
    stop: threading.Event,
    board: HealthBoard,
    clock: Clock = system_clock,
    rng: random.Random | None = None,
) -> None:
    """Keep the alerts and tell the receivers until `stop` is set; only while it is this process's
    `turn`.

    Each receiver is served by a thread of its own, so that one that hangs delays no other. Returns
    after what is being sent was sent or timed out.
    """
    chance = rng or random.Random()  # noqa: S311 - jitter, no secret
    states = dict.fromkeys(sorted(senders), WELL)
    threads = [
        threading.Thread(
            target=_serve,
            args=(
                engine,
                sender,
                turn,
                states,
                settings,
                stop,
                clock,
                random.Random(chance.getrandbits(64)),  # noqa: S311 - as above
            ),
            name=f"notify-{sender.name}",
        )
        for sender in senders.values()
        if settings.enabled
    ]
    for thread in threads:
        thread.start()

    rests_until: datetime | None = None

    def tick(now: datetime) -> Done:
        nonlocal rests_until
        if turn.lease is None:
            raise LeaseLost("the lease was lost before the alerts could live on")
        if rests_until is None or not rests_until > now or not outbox.at_rest(engine):
            refresh(engine, now, senders=senders, settings=settings, held=turn.lease)
            # events of contracts, which go to their owners' teams, are another book
            rests_until = None if settings.teams else now + timedelta(seconds=LOOK_SECONDS)
        return _told(engine, states, settings)

    tick_seconds = settings.tick_seconds
    in_turns(
        "notify",
        "tells the receivers",
        tick,
        turn=turn,
        stop=stop,
        board=board,
        clock=clock,
        tick_seconds=tick_seconds,
    )
    for thread in threads:
        thread.join()
    turn.give_up()


def _told(engine: Engine, states: Mapping[str, str], settings: NotifySettings) -> Done:
    """`states`: how each receiver does."""
    letters = outbox.count_letters(engine)
    trouble = "; ".join(f"{name} {state}" for name, state in states.items() if state != WELL)
    reason = trouble if settings.enabled else "observing only: alerts are shown, nobody is told"
    figures: dict[str, str | int | float | None] = {
        "waiting": letters.get("due", 0),
        "undeliverable": letters.get("dead", 0),
        **{f"receiver {name}": state for name, state in states.items()},
    }
    return Done(reason, figures)


def _serve(
    engine: Engine,
    sender: Sender,
    turn: Turn,
    states: dict[str, str],
    settings: NotifySettings,
    stop: threading.Event,
    clock: Clock,
    rng: random.Random,
) -> None:
    """Tell one receiver what is due, again and again. A receiver in trouble is shown; it makes
    nothing unready.
    """
    while not stop.is_set():
        held = turn.lease
        try:
            if held is not None:
                done = deliver_once(
                    engine, {sender.name: sender}, held, clock(), settings.delivery, rng
                )
                if done.busy or done.dead:
                    kept = (
                        f"does not take alerts now, they are kept and tried again: {done.trouble}"
                    )
                    state = "refused an alert, see deliveries" if done.dead else kept
                    if state != states[sender.name]:
                        LOG.warning(
                            "a receiver takes no alerts", receiver=sender.name, reason=done.trouble
                        )
                    states[sender.name] = state
                elif done.delivered:
                    states[sender.name] = WELL
        except StoreUnavailable as error:  # the lease lost, too: the main loop takes it anew
            LOG.warning("delivery interrupted", receiver=sender.name, reason=str(error))
        except Exception as error:
            LOG.exception("delivery failed", receiver=sender.name)
            states[sender.name] = (
                f"has a fault in its sender ({type(error).__name__}), see the log"
            )
        stop.wait(settings.tick_seconds)
