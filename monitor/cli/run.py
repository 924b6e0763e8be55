"""`seamwatch run`: one part alone, for one process a pipeline, or a whole topic read
to its end.
"""

import math
import resource
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.assembly import BROKER, CLOSER, DETECTOR, NOTIFIER, PIPELINES, House, house
from monitor.cli.closing import EarlyClosing, close_everything
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.session import settings_of
from monitor.cli.up import closers, serving, work_of
from monitor.cli.working import (
    Part,
    ended_in_time,
    keep_going,
    leave,
    stop_on_signals,
    work_until,
)
from monitor.errors import RejectLimit, UsageError
from monitor.streams.runner import Ran, RunnerSettings, run

PARTS = (*PIPELINES, CLOSER, DETECTOR, NOTIFIER, BROKER, "api")
MOST_REASONS = 20
COUNTED = ("spans", "halves", "filtered", "rejected", "exchanges", "lost")


def command(
    context: typer.Context,
    part: Annotated[str, typer.Argument(help=f"One of {', '.join(PARTS)}.")],
    until_caught_up: Annotated[
        bool,
        typer.Option(
            "--until-caught-up",
            help="Read to the end offsets seen at the start, close every window, print, exit.",
        ),
    ] = False,
    shard: Annotated[
        int | None,
        typer.Option(
            "--shard",
            min=0,
            help="Of `windows` over shards: only the closer of this one, or 0: only who sums what they closed.",
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Also answer at api.host and api.port: /healthz, /readyz and /metrics of this part, API, page.",
        ),
    ] = False,
) -> None:
    """Run one part alone (its stores by DSN), or read a topic to its end."""
    if part not in PARTS:
        raise UsageError(f"there is no part {part!r}; name one of {', '.join(PARTS)}")
    if until_caught_up and part not in PIPELINES:
        raise UsageError(f"--until-caught-up goes with {', '.join(PIPELINES)}, not with {part}")
    settings = settings_of(context)
    if shard is not None and (part != CLOSER or shard > len(settings.shards())):
        raise UsageError(
            f"--shard goes with {CLOSER}, and with a number up to that of clickhouse_shards, which names {len(settings.shards())}"
        )
    set_up_logs(settings.log.level, settings.log.format)
    stop = threading.Event()
    stop_on_signals(stop)
    with house(settings) as parts, ExitStack() as doors:
        parts.stop = stop
        address = settings.api.public_url
        if serve or part == "api":
            address = doors.enter_context(serving(parts, page=part == "api"))
            typer.echo(plain(f"page: {address}/"))
        work: Callable[[], object] = stop.wait
        others: list[Part] = []
        if until_caught_up:
            work = partial(_catch_up, parts, part)
        elif part != "api":
            names = [part]
            if part == CLOSER:
                every = closers(parts)
                names = every if shard is None else every[shard : shard + 1]
            work, *beside = [
                partial(
                    keep_going, name, work_of(parts, name, address), stop, parts.board, parts.clock
                )
                for name in names
            ]
            others = [Part(name, other) for name, other in zip(names[1:], beside, strict=True)]
        for other in others:
            other.start()
        whole = work_until(stop, Part(part, work))
        whole = ended_in_time(others) and whole
    if not whole:
        leave()


def _catch_up(parts: House, part: str) -> None:
    before, begun = cpu_seconds(), time.monotonic()
    limit: RejectLimit | None = None
    done: Ran | None = None
    early = EarlyClosing(parts) if part == "traces" else None
    pipeline = parts.pipeline(part, to_end=True)
    try:
        done = run(
            pipeline if early is None else early.beside(pipeline),
            parts.source(part, until_caught_up=True),
            name=part,
            stop=parts.stop,
            board=parts.board,
            clock=parts.clock,
            settings=RunnerSettings(restarts=3),
        )
    except RejectLimit as error:  # what was read before it is closed and told all the same
        limit = error
    if done is not None and done.ended == "stopped":
        typer.echo(
            plain(
                f"{part}: stopped before the end; {done.records} records were read, windows stay open"
            ),
            err=True,
        )
        raise typer.Abort
    published = close_everything(parts, progress_to_stderr(), early) if part != "deploys" else 0
    if done is not None:
        typer.echo(
            plain(
                f"{part}: {done.records} records, {done.lost} lost, {published} windows published"
            )
        )
    typer.echo(summary(parts, before, begun))
    if limit is not None:
        raise limit


def progress_to_stderr(every_seconds: float = 2.0) -> Callable[[str], None]:
    """Says how far something is, at most every so often."""
    last = -math.inf

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every_seconds:
            last = time.monotonic()
            typer.echo(plain(text), err=True)

    return tell


def summary(parts: House, cpu_before: float, begun: float) -> str:
    """What the ledger holds now, what was refused and why, and what this run cost."""
    rows = parts.reader.ledger()
    refused = parts.reader.rejects(
        datetime.fromtimestamp(0, UTC), datetime.max.replace(tzinfo=UTC)
    )
    reasons = [
        f"{row['reason']} {row['count']}{' (whole records)' if row['records'] else ''} in {row['topic']}"
        for row in refused
    ]
    whole = sum(int(row["records"]) for row in refused)
    totals = {name: sum(int(row[name]) for row in rows) for name in ("records", *COUNTED)}
    rest = ", ".join(f"{totals[name]} {name}" for name in COUNTED)
    counts = f"{totals['records']} records ({whole} refused as a whole), {rest}"
    refused_text = "".join(f"\nrefused: {plain(reason)}" for reason in reasons[:MOST_REASONS])
    more = (
        f"\nrefused: {len(reasons) - MOST_REASONS} more, see /v1/rejects"
        if len(reasons) > MOST_REASONS
        else ""
    )
    cpu = cpu_seconds()
    cost = f"{cpu - cpu_before:.2f} CPU seconds, {time.monotonic() - begun:.1f} s, at most {peak_megabytes()} MB resident"
    return f"ledger: {counts}; {cost} ({cpu:.2f} CPU seconds with the start of the process){refused_text}{more}"


def peak_megabytes() -> int:
    """The most memory this process has held; from /proc where it is, since getrusage's figure
    begins with our parent's.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024
    except (OSError, StopIteration, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def cpu_seconds() -> float:
    """User and system CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
