"""`seamwatch replay`: recorded files through the same pipelines, without Kafka."""

import time
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from monitor.cli.assembly import House, house
from monitor.cli.closing import EarlyClosing, close_everything
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.progress import reading_bar
from monitor.cli.recordings import recordings
from monitor.cli.run import cpu_seconds, progress_to_stderr, summary
from monitor.cli.session import settings_of
from monitor.config import Settings
from monitor.decode.api_logs import FORMATS
from monitor.errors import RejectLimit, SourceError, UsageError
from monitor.streams.files import source_id_of
from monitor.streams.framing import Encoding, Framing
from monitor.streams.runner import RunnerSettings, run
from monitor.wording.checked import conformance_told

_PIPELINE = {
    "spans": "traces",
    "api-logs": "api-logs",
    "messages": "messages",
    "deploys": "deploys",
}


def command(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Recorded files, plain or gzipped; - is standard input.")
    ],
    kind: Annotated[
        Literal["spans", "api-logs", "messages", "deploys"],
        typer.Option(
            "--kind", help="What the files hold; messages: records as kcat -J writes them."
        ),
    ],
    encoding: Annotated[
        Encoding,
        typer.Option(
            "--encoding", help="Encoding of spans; auto: each record is what its bytes say."
        ),
    ] = "auto",
    framing: Annotated[
        Framing,
        typer.Option(
            "--framing",
            help="One record a line, each after its length as a varint, or the whole file as one.",
        ),
    ] = "auto",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "--source",
            help=f"Who wrote the API logs: {', '.join(FORMATS)}; mapping takes topics.api_logs_mapping. Default: topics.api_logs_format.",
        ),
    ] = "",
) -> None:
    """Read recorded files to their ends, close every window, print what came of it."""
    with recordings(files) as paths:
        _replay(context, paths, kind, encoding, framing, form)


def _replay(
    context: typer.Context,
    files: list[Path],
    kind: str,
    encoding: Encoding,
    framing: Framing,
    form: str,
) -> None:
    names = {source_id_of(path): path.name for path in files}
    settings = _for_files(settings_of(context), kind, encoding, form)
    set_up_logs(settings.log.level, settings.log.format)
    before, begun = cpu_seconds(), time.monotonic()
    with house(settings) as parts, reading_bar("reading", stays=True) as bar:
        unread: RejectLimit | None = None
        records = 0
        pipeline = parts.pipeline(_PIPELINE[kind], recorded=True, to_end=True)
        early = EarlyClosing(parts) if _PIPELINE[kind] == "traces" else None
        try:
            records = run(
                pipeline if early is None else early.beside(pipeline),
                lambda: parts.files(files, encoding, framing, bar.read),
                name=f"replay {kind}",
                stop=parts.stop,
                board=parts.board,
                clock=parts.clock,
                settings=RunnerSettings(restarts=3),
            ).records
        except RejectLimit as limit:  # what was read before it is closed and told all the same
            unread = limit
        tell = bar.say if bar.shown else progress_to_stderr()
        published = close_everything(parts, tell, early) if kind != "deploys" else 0
        text = summary(parts, before, begun)
        if kind in ("api-logs", "messages"):
            text += _conformance(parts, names.keys())
        read = {
            str(row["source_id"])
            for row in parts.reader.ledger()
            if int(row["spans"]) + int(row["exchanges"])
        }
    silent = sorted(name for source, name in names.items() if source not in read)
    if unread is None:
        typer.echo(
            plain(
                f"replayed {len(files)} file(s): {records} records, {published} windows published"
            )
        )
    typer.echo(text)
    if unread is not None:
        raise unread
    if not records:
        raise SourceError(f"there is no record in {', '.join(sorted(names.values()))}")
    if kind != "deploys" and len(silent) == len(names):
        raise SourceError(
            f"nothing could be read of {', '.join(silent)}; are --kind, --encoding, --format and --framing what the files hold?"
        )
    if kind != "deploys" and silent:
        typer.echo(plain(f"nothing could be read of {', '.join(silent)}"))


def _conformance(parts: House, sources: Collection[str]) -> str:
    """What checking said of these files' exchanges, and of which time they are, on lines of their
    own.
    """
    rows = parts.reader.verdicts(list(sources))
    if not rows:
        return ""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[
            row["checked"] if row["checked"] != "not_checked" else f"not_checked:{row['reason']}"
        ] += int(row["exchanges"])
    first, last = (
        datetime.fromtimestamp(pick(int(row[name]) for row in rows) / 1e9, UTC)
        for pick, name in ((min, "first_ns"), (max, "last_ns"))
    )
    return f"\n{conformance_told(counts)}\nexchanges of {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def _for_files(settings: Settings, kind: str, encoding: Encoding, form: str) -> Settings:
    """The settings with what the command says of its files; `-` and `_` of a format are one.
    UsageError for a format that there is not, or that is not for this kind.
    """
    form = form.replace("-", "_")
    if form and kind != "api-logs":
        raise UsageError(f"--format goes with --kind api-logs; of {kind} it is --encoding")
    if form and form not in FORMATS:
        raise UsageError(
            f"there is no format {form!r} of API logs; the formats are {', '.join(FORMATS)}"
        )
    topics: dict[str, str] = {"spans_encoding": "auto" if encoding == "json" else encoding}
    if form:
        topics["api_logs_format"] = form
    return settings.model_copy(update={"topics": settings.topics.model_copy(update=topics)})
