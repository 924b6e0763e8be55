"""`seamwatch up`: everything in one process, each part in a thread of its own."""

import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import typer

from monitor.api.app import create_app
from monitor.api.parts import ApiConfig, GateAnswer, Parts
from monitor.api.server import ApiServer
from monitor.cli.assembly import CLOSER, DETECTOR, PIPELINES, House, house
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.session import settings_of
from monitor.clock import Clock, monotonic_seconds
from monitor.config import Settings
from monitor.errors import MonitorError, Permanent
from monitor.gate import asked, wait_for_gate
from monitor.streams.runner import run
from monitor.telemetry import HealthBoard, Report
from pipelines.detection import detection
from pipelines.notify import run_notify, trial_alert
from pipelines.windows import windows

log = structlog.get_logger(__name__)

GATE_LOOKS_EVERY = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


def command(context: typer.Context) -> None:
    """Run everything: collectors, window closer, detector, alerts, API and page. Ctrl-C ends it."""
    settings = settings_of(context)
    set_up_logs(settings.log.level, settings.log.format)
    stop = threading.Event()
    stop_on_signals(stop)
    up(settings, stop, lambda address: typer.echo(plain(f"page: {address}/")))


def stop_on_signals(stop: threading.Event) -> None:
    """Ctrl-C and SIGTERM set `stop`, from a thread: an Event's lock is not re-entrant, so a handler that comes while the main thread
    waits on it, or inside the handler of another signal, would wait for itself.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set, name="stop", daemon=True).start())


def up(settings: Settings, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """Run all parts until `stop` is set; `ready` is told the page's address once it answers. Ends cleanly: offsets committed,
    leases given up, stores closed. Raises ConfigError (a taken port), StoreError (a store held by another process).
    """
    with house(settings) as parts:
        parts.stop = stop
        with serving(parts) as address:
            threads = [
                threading.Thread(target=keep_going, args=(name, work, stop, parts.board, parts.clock), name=name)
                for name, work in works(parts, address)
            ]
            for thread in threads:
                thread.start()
            try:
                ready(address)
                stop.wait()
            finally:
                stop.set()
                for thread in threads:
                    thread.join()


@contextmanager
def serving(parts: House) -> Iterator[str]:
    """The API and page while the block runs; gives its address, and tells it to commands beside us through the lock file."""
    said = parts.settings.api
    token = secrets.token_urlsafe(32)
    tracing = parts.settings.tracing

    def gate(service: str, version: str, environment: str | None, wait_seconds: float) -> GateAnswer:
        """Judge, and judge again while it is inconclusive and time is left."""
        request = asked(parts.aliases, service, version, environment, parts.judging())
        return wait_for_gate(parts.reader, parts.engine, request, parts.clock, parts.stop, wait_seconds, GATE_LOOKS_EVERY)

    config = ApiConfig(
        host=said.host,
        port=said.port,
        local_token=token,
        traces_to=tracing.endpoint if tracing.enabled else "",
        aliases=parts.aliases,
    )
    senders = parts.senders()

    def trial(name: str) -> str:
        senders[name].send(trial_alert(name, parts.clock()))
        return "sent"

    app = create_app(
        Parts(
            reader=parts.reader,
            store=parts.store,
            engine=parts.engine,
            board=parts.board,
            clock=parts.clock,
            config=config,
            gate=gate,
            receivers={name: partial(trial, name) for name in senders},
            stop=parts.stop,
        )
    )
    server = ApiServer(app, said.host, said.port)
    server.start()
    if parts.store.lock:
        parts.store.lock.announce(server.address, token)
    try:
        yield server.address
    finally:
        server.stop()


def works(parts: House, address: str) -> list[tuple[str, Callable[[], object]]]:
    """What runs beside the API, by name: one entry a thread."""
    listed: list[tuple[str, Callable[[], object]]] = []
    if parts.settings.kafka.brokers:
        listed += [(name, partial(_collect, parts, name)) for name in PIPELINES if parts.topic(name)]
    else:
        log.warning("no brokers are set: nothing is read from Kafka")
    listed.append(("windows", partial(_windows, parts)))
    listed.append(("detection", partial(_detection, parts)))
    listed.append(("notify", partial(_notify, parts, address)))
    return listed


def _collect(parts: House, name: str) -> None:
    run(parts.pipeline(name), parts.source(name), name=name, stop=parts.stop, board=parts.board, clock=parts.clock)


def _windows(parts: House) -> None:
    turn = parts.turn(CLOSER)
    try:
        windows(
            parts.store,
            parts.numbers(turn),
            parts.closing(),
            stop=parts.stop,
            keep_lease=turn.keep,
            board=parts.board,
            clock=parts.clock,
        )
    finally:
        turn.give_up()


def _detection(parts: House) -> None:
    turn = parts.turn(DETECTOR)
    try:
        detection(
            parts.detector(),
            parts.versions(),
            stop=parts.stop,
            keep_lease=turn.keep,
            board=parts.board,
            clock=parts.clock,
            tick_seconds=min(5.0, parts.settings.detection.every_seconds),
        )
    finally:
        turn.give_up()


def _notify(parts: House, address: str) -> None:
    settings = parts.notifying(parts.settings.api.public_url or address)
    run_notify(
        parts.engine, parts.senders(), settings, holder=parts.holder, stop=parts.stop, board=parts.board, clock=parts.clock
    )


def keep_going(name: str, work: Callable[[], object], stop: threading.Event, board: HealthBoard, clock: Clock) -> None:
    """Do a part's work until it returns or `stop` is set. When it breaks, the board and the log say so and it begins again after
    a growing wait; a `Permanent` error ends it for good. The other parts, and the page that shows it, go on meanwhile.
    """
    pause = FIRST_PAUSE
    while not stop.is_set():
        begun = monotonic_seconds()
        try:
            work()
        except Exception as error:
            ours = isinstance(error, MonitorError)
            reason = str(error) if ours else f"{type(error).__name__}: {error}"
            board.report(Report(name, ready=False, reason=reason, at=clock()))
            if isinstance(error, Permanent):
                log.error("a part stopped", part=name, reason=reason)
                return
            pause = FIRST_PAUSE if monotonic_seconds() - begun > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            log.warning("a part starts again", part=name, reason=reason, wait_seconds=pause, exc_info=None if ours else error)
            stop.wait(pause)
        else:
            return
