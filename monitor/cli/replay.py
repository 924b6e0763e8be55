"""`seamwatch replay`: recorded files through the same pipelines, without Kafka."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.assembly import house
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.run import close_everything, cpu_seconds, progress_to_stderr, summary
from monitor.cli.session import settings_of
from monitor.errors import SourceError, UsageError
from monitor.streams.runner import RunnerSettings, run

_PIPELINE = {"spans": "traces", "api-logs": "api-logs", "deploys": "deploys"}


def command(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Recorded files, plain or gzipped.")],
    kind: Annotated[Literal["spans", "api-logs", "deploys"], typer.Option("--kind", help="What the files hold.")],
    encoding: Annotated[
        Literal["auto", "otlp_proto", "otlp_json", "json"],
        typer.Option("--encoding", help="OTLP protobuf, OTLP JSON, or JSON lines."),
    ] = "auto",
    framing: Annotated[
        Literal["auto", "delimited", "raw"],
        typer.Option("--framing", help="Protobuf: varint-length-delimited requests, or one raw request a file."),
    ] = "auto",
) -> None:
    """Read recorded files to their ends, close every window, print what came of it."""
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    names = {path.name for path in files}
    settings = settings_of(context)
    set_up_logs(settings.log.level, settings.log.format)
    before, begun = cpu_seconds(), time.monotonic()
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with house(settings) as parts, bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        done = run(
            parts.pipeline(_PIPELINE[kind]),
            lambda: parts.files(files, kind, encoding, framing, progress),
            name=f"replay {kind}",
            stop=parts.stop,
            board=parts.board,
            clock=parts.clock,
            settings=RunnerSettings(restarts=3),
        )
        tell = (lambda text: bar.update(task, description=text)) if console.is_terminal else progress_to_stderr()
        published = close_everything(parts, tell) if kind != "deploys" else 0
        told = summary(parts, before, begun)
        read = sum(int(row["spans"]) + int(row["exchanges"]) for row in parts.reader.ledger() if row["topic"] in names)
    typer.echo(plain(f"replayed {len(files)} file(s): {done.records} records, {published} windows published"))
    typer.echo(told)
    if kind != "deploys" and done.records and not read:
        raise SourceError(
            f"nothing could be read of {', '.join(sorted(names))}; are --kind, --encoding and --framing what the files hold?"
        )
