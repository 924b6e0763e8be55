"""`seamwatch demo`: the shop, Kafka and Seamwatch in one process group."""

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.printing import plain
from monitor.cli.session import session_of
from monitor.cli.working import leave, stop_on_signals
from monitor.errors import MonitorError, StoreError, UsageError

if TYPE_CHECKING:
    from monitor.cli.session import Session
    from monitor.config import Settings

DEMO_SEAL_SECONDS = 20.0
NEXT = "payment-next.yaml"
"""Payment's next contract, as its team proposes it: it lies beside the data, to be judged."""
OWN_FILES = ("telemetry", "control.db", "control.db-wal", "control.db-shm", NEXT)
DRAIN_SECONDS = 3.0
"""The shop closes first, and what it said last is read for so long: this Kafka is gone with the
process.
"""
END_SECONDS = 50.0
"""A demo that was told to end is gone after so long, whatever still waits for a store or a broker."""
RECEIVER_SECRET = "whsec_c2VhbXdhdGNoLWRlbW8tc2VjcmV0LW5vdC1yZWFs"  # noqa: S105 - the demo's own receiver on loopback


def demo(
    context: typer.Context,
    only_shop: Annotated[
        bool, typer.Option("--only-shop", help="Run the shop alone, writing to --kafka.")
    ] = False,
    kafka: Annotated[
        str | None,
        typer.Option(help="Brokers to use; else the settings', else one inside this process."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Clear the data first.")] = False,
    after: Annotated[
        float, typer.Option(help="Seconds until the bad deploy begins.", min=10)
    ] = 60.0,
    step: Annotated[
        float, typer.Option(help="Seconds each share of the ramp stands.", min=5)
    ] = 30.0,
    rate: Annotated[float, typer.Option(help="Requests a second at every entry.", min=0.1)] = 21.0,
    seconds: Annotated[
        float | None, typer.Option(help="End after so long; else at Ctrl-C.")
    ] = None,
) -> None:
    """Run a small live shop, deploy a bad version after a minute, and watch it."""
    session = session_of(context)
    stop = _stop_at_signals(seconds)
    settings = session.settings(**{"kafka.brokers": kafka})
    if only_shop:
        if not settings.kafka.brokers:
            raise UsageError(
                "--only-shop needs brokers to write to: add --kafka HOST:PORT or set SEAMWATCH_KAFKA_BROKERS"
            )
        _shop(settings, settings.kafka.brokers, stop, after, step, rate)
        return
    if fresh:
        clear(settings.data_dir)
    _whole(session, settings, stop, after, step, rate)


def clear(data_dir: Path) -> None:
    """Remove what Seamwatch keeps in this folder. StoreError when a process has it open."""
    from monitor.store.lock import read_holder

    holder = read_holder(data_dir.absolute())
    if holder is not None:
        raise StoreError(f"{data_dir} is in use by process {holder.pid}; stop it before clearing")
    for name in OWN_FILES:
        place = data_dir / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _whole(
    session: "Session",
    settings: "Settings",
    stop: threading.Event,
    after: float,
    step: float,
    rate: float,
) -> None:
    from monitor.cli.logs import set_up_logs
    from monitor.cli.up import up
    from monitor.demo.receiver import AlertReceiver
    from monitor.streams.embedded import EmbeddedKafka

    set_up_logs(
        "warning" if settings.log.level == "info" else settings.log.level, settings.log.format
    )
    embedded = (
        None
        if settings.kafka.brokers
        else EmbeddedKafka(
            (settings.topics.spans, settings.topics.api_logs, settings.topics.deploys)
        )
    )
    receiver = AlertReceiver()
    pager = {"kind": "webhook", "url": f"{receiver.url}/webhook", "secret": RECEIVER_SECRET}
    flags: dict[str, object] = {
        "kafka.brokers": settings.kafka.brokers, "notify.enabled": True, "notify.allow": ["127.0.0.1"],
        "notify.receivers": {**{name: receiver.model_dump() for name, receiver in settings.notify.receivers.items()}, "demo": pager},
    }  # fmt: skip
    flags |= _quicker(settings)
    if embedded:
        own = {name: value for name, value in embedded.options.items() if name != "api_version"}
        flags |= {
            "kafka.brokers": embedded.bootstrap, "kafka.api_version": "2.3", "kafka.client": "kafka-python",
            "kafka.source_salt": embedded.salt, "kafka.options": {**settings.kafka.options, **own},
        }  # fmt: skip
    watched = session.settings(**flags)
    failed: list[BaseException] = []
    shop = threading.Thread(name="shop", target=lambda: None)
    closed = threading.Event()

    def close() -> None:
        stop.wait()
        gone_within(END_SECONDS)
        if shop.ident:
            _say(f"ending; the data stays in {settings.data_dir}")
            shop.join()
            closed.wait(DRAIN_SECONDS)
        closed.set()

    def ready(address: str) -> None:
        nonlocal shop
        _say(f"page:   {address}/")
        _say(f"alerts: {receiver.url}/")
        _say_beside(address, settings.data_dir)
        target = _keeping(
            failed, stop, lambda: _open_shop(watched, address, stop, after, step, rate)
        )
        shop = threading.Thread(name="shop", target=target)
        shop.start()

    closing = threading.Thread(name="closing", target=close)
    closing.start()
    whole = True
    try:
        whole = up(watched, closed, ready)
    finally:
        closed.set()
        stop.set()
        closing.join()
        receiver.close()
        if embedded:
            embedded.stop()
    if failed:
        raise failed[0]
    if not whole:
        leave()


def gone_within(seconds: float) -> None:
    """End the process after so long, past all that still works. The shop's processes end when ours
    does; what was read and not committed is read again by the next start.
    """

    def left_behind() -> None:
        typer.echo(f"not all has ended within {seconds:g} s; the rest is left behind", err=True)
        leave()

    last = threading.Timer(seconds, left_behind)
    last.daemon = True
    last.start()


def _say_beside(address: str, data_dir: Path) -> None:
    """What to ask in a second terminal, or on the page, while the shop is open."""
    from monitor.demo.promises import amendment

    ours = "seamwatch" if shutil.which("seamwatch") else sys.argv[0]
    proposed = data_dir / NEXT
    proposed.write_text(amendment("payment"))
    _say(
        f"beside it: `{ours} edges`, `{ours} findings`, `{ours} gate --service payment --version 2.0.0`, `{ours} ramp payment`"
    )
    _say(
        f"what payment's next contract would break: `{ours} contracts amend {proposed} --name payment-api --provider payment`, or, signed in with the secret that `{ours} tokens create me --scope read --scope contracts:write` prints, {address}/workbench?contract=payment-api"
    )
    _say(f"how true payment's mock is: `{ours} contracts mocks payment-mock`; Ctrl-C ends all")


def _quicker(settings: "Settings") -> dict[str, object]:
    """What a person waits for comes sooner, unless it is set."""
    from monitor.config import known

    flags: dict[str, object] = {}
    if settings.windows.seal_seconds == known()["windows.seal_seconds"].default:
        # the shop's exporters flush every 2 s: nothing comes later
        flags["windows.seal_seconds"] = DEMO_SEAL_SECONDS
    if settings.kafka.max_batch_seconds == known()["kafka.max_batch_seconds"].default:
        flags["kafka.max_batch_seconds"] = 1.0
    return flags


def _open_shop(
    settings: "Settings",
    address: str,
    stop: threading.Event,
    after: float,
    step: float,
    rate: float,
) -> None:
    from monitor.demo.promises import publish
    from monitor.store.lock import read_holder

    holder = read_holder(settings.data_dir.absolute())
    _say(f"{publish(address, holder.token if holder else '')} contracts are published")
    _shop(settings, settings.kafka.brokers, stop, after, step, rate)


def _shop(
    settings: "Settings",
    brokers: str,
    stop: threading.Event,
    after: float,
    step: float,
    rate: float,
) -> None:
    from monitor.demo.scenario import Scenario
    from monitor.demo.shop import Topics, run_shop

    topics = Topics(settings.topics.spans, settings.topics.api_logs, settings.topics.deploys)
    options = settings.kafka.model_copy(update={"client": "kafka-python"}).client_options()
    scenario = Scenario(after=after, step=step)
    run_shop(
        brokers,
        kafka_options=options,
        scenario=scenario,
        stop=stop,
        announce=_say,
        topics=topics,
        rate=rate,
    )


def _keeping(
    failed: list[BaseException], stop: threading.Event, step: Callable[[], None]
) -> Callable[[], None]:
    """A thread's work whose failure ends the demo and is told at its end; not what fails because
    the demo is ending.
    """

    def work() -> None:
        try:
            step()
        except (MonitorError, OSError, RuntimeError) as error:
            if not stop.is_set():
                failed.append(error)
            stop.set()

    return work


def _stop_at_signals(seconds: float | None) -> threading.Event:
    stop = threading.Event()
    stop_on_signals(stop)
    if seconds:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    return stop


def _say(line: str) -> None:
    typer.echo(plain(line))
