"""`seamwatch up`: everything in one process, each part in a thread of its own."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import typer

from monitor.cli.assembly import BROKER, CLOSER, DETECTOR, NOTIFIER, PIPELINES, House, house
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.session import settings_of
from monitor.cli.working import Part, ended_in_time, keep_going, leave, stop_on_signals
from monitor.config import Settings
from monitor.streams.runner import RunnerSettings, run
from pipelines.windows import summed_windows, windows

log = structlog.get_logger(__name__)


def command(context: typer.Context) -> None:
    """Run everything: collectors, window closer, detector, alerts, API and page.
    Ctrl-C ends it.
    """
    settings = settings_of(context)
    set_up_logs(settings.log.level, settings.log.format)
    stop = threading.Event()
    stop_on_signals(stop)
    if not up(settings, stop, lambda address: typer.echo(plain(f"page: {address}/"))):
        leave()


def up(settings: Settings, stop: threading.Event, ready: Callable[[str], None]) -> bool:
    """Run all parts until `stop` is set; `ready` is told the page's address once it answers. Ends
    cleanly: offsets committed, leases given up, stores closed; False when a part that waits for a
    silent store or broker had to be left behind. Raises ConfigError (a taken port), StoreError (a
    store held by another process).
    """
    with house(settings) as parts:
        parts.stop = stop
        with serving(parts) as address:
            threads = [
                Part(name, partial(keep_going, name, work, stop, parts.board, parts.clock))
                for name, work in works(parts, address)
            ]
            for thread in threads:
                thread.start()
            try:
                ready(address)
                stop.wait()
            finally:
                stop.set()
                whole = ended_in_time(threads)
    return whole


@contextmanager
def serving(parts: House, *, page: bool = True) -> Iterator[str]:
    """The API and page while the block runs; gives its address, and tells it to commands beside us
    through the lock file.

    `page`: people look here, so the first chart is made ready; where probes ask, that would be for
    nobody.
    """
    from monitor.api import charts
    from monitor.api.app import create_app
    from monitor.api.server import ApiServer
    from monitor.cli.api_parts import api_parts
    from monitor.cli.receivers import senders

    api = parts.settings.api
    token = secrets.token_urlsafe(32)
    senders(parts.settings)  # a receiver that cannot be made is told now, not at the first alert
    app = create_app(api_parts(parts, token))
    server = ApiServer(app, api.host, api.port)
    server.start()
    if page:
        threading.Thread(target=charts.warm, name="charts").start()
    if parts.store.lock:
        parts.store.lock.announce(server.address, token)
    try:
        yield server.address
    finally:
        server.stop()


def works(parts: House, address: str) -> list[tuple[str, Callable[[], object]]]:
    """What runs beside the API, by name: one entry a thread."""
    reads = (
        [name for name in PIPELINES if parts.topic(name)] if parts.settings.kafka.brokers else []
    )
    if not reads:
        log.warning("no brokers or topics are set: nothing is read from Kafka")
    asked = [BROKER] if parts.settings.contracts.broker_url else []
    return [
        (name, work_of(parts, name, address))
        for name in (*reads, *closers(parts), DETECTOR, NOTIFIER, *asked)
    ]


def closers(parts: House) -> list[str]:
    """Names of who closes windows: one for each shard, and one who sums what these closed."""
    count = len(parts.shards.stores) if parts.shards else 0
    return [CLOSER, *(f"{CLOSER}-{number}" for number in range(1, count + 1))]


def work_of(parts: House, name: str, address: str) -> Callable[[], object]:
    """What one part does until `parts.stop` is set: a pipeline, or one of CLOSER (perhaps with the
    number of a shard), DETECTOR, NOTIFIER, BROKER; `address` is for links in alerts.
    """
    # each loads what it alone is made of: a collector that starts needs no detector
    if name == DETECTOR:
        from monitor.cli.detector import detect

        return partial(detect, parts)
    if name == NOTIFIER:
        from monitor.cli.receivers import notify

        return partial(notify, parts, address)
    if name == BROKER:
        from monitor.cli.pact_brokers import asking

        return asking(parts)
    if name.startswith(CLOSER):
        return partial(_windows, parts, name)
    return partial(_collect, parts, name)


def _collect(parts: House, name: str) -> None:
    # The spans' topic must be there; beside it, others may come later. Who reads one topic only
    # needs just that.
    main = next((pipeline for pipeline in PIPELINES if parts.topic(pipeline)), name)
    settings = RunnerSettings(optional=name != main)
    run(
        parts.pipeline(name),
        parts.source(name),
        name=name,
        stop=parts.stop,
        board=parts.board,
        clock=parts.clock,
        settings=settings,
    )


def _windows(parts: House, name: str) -> None:
    """The closer of the store, or of one shard; or who sums what several closed."""
    shards, number = parts.shards, int(name.removeprefix(CLOSER).removeprefix("-") or 0)
    with parts.turn(name).kept() as turn:
        if shards is not None and not number:
            summed_windows(
                shards,
                parts.numbers(turn),
                parts.closing(),
                stop=parts.stop,
                turn=turn,
                board=parts.board,
                clock=parts.clock,
            )
            return
        windows(
            shards.stores[number - 1] if shards is not None else parts.store,
            parts.numbers(turn),
            parts.closing(),
            stop=parts.stop,
            turn=turn,
            board=parts.board,
            clock=parts.clock,
            shard=number,
        )
