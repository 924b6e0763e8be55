"""The command itself: its options, its sub-commands, and how errors become exits.

Exits: 0 done (a gate: pass), 1 a gate says fail, 2 a gate is inconclusive, 64 wrong usage or
settings, 141 nobody reads what is printed any more, 70 anything else.
"""

import errno
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from monitor import __version__
from monitor.cli.lazily import LazyGroup
from monitor.cli.logs import set_up_logs
from monitor.cli.memory import share_one_arena
from monitor.cli.printing import plain
from monitor.cli.session import Session, assignments
from monitor.errors import ConfigError, MonitorError, UsageError
from monitor.masking import masked

USAGE, INTERNAL = 64, 70
NOBODY_READS = 141  # as shells have it: 128 and SIGPIPE

app = typer.Typer(
    help="Which integration broke in production, between which versions, since which deploy.",
    cls=LazyGroup, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip


def _asked_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Settings file (TOML); else SEAMWATCH_CONFIG, else ./seamwatch.toml.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="A setting, as in --set kafka.brokers=host:9092. Again for more.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Folder of the embedded stores.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the trace of an error, and log more.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_asked_version
        ),
    ] = False,
) -> None:
    """Options of every command."""
    flags: dict[str, object] = dict(assignments(set_ or []))
    if data_dir is not None:
        flags["data_dir"] = data_dir
    if debug:
        flags.setdefault("log.level", "debug")
    set_up_logs("debug" if debug else "warning", "auto")
    context.obj = Session(config, flags, debug)


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main(words: list[str] | None = None) -> None:
    """Run the command and exit. Errors are one line on standard error, with a trace only after
    --debug.
    """
    words = sys.argv[1:] if words is None else words
    share_one_arena()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a locale without → is given its number
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(words, standalone_mode=False, prog_name="seamwatch")
    except TyperException as error:
        text = error.format_message()
        if text.startswith("Usage:"):
            sys.stderr.write(text + "\n")
        else:
            text = " ".join(text.split())  # typer lists choices one a line
            _complain(f"{text.rstrip('.')}; `{_asked(error)} --help` lists what there is", words)
        sys.exit(USAGE)
    except (ConfigError, UsageError) as error:
        _complain(str(error), words)
        sys.exit(USAGE)
    except (Abort, KeyboardInterrupt):
        sys.exit(130)
    except SystemExit as error:
        # Typer ends so when nobody reads what is printed any more, and 1 would say that what was
        # checked is broken
        if isinstance(error.__context__, BrokenPipeError):
            sys.exit(NOBODY_READS)
        raise
    except MonitorError as error:
        _complain(str(error), words)
        sys.exit(INTERNAL)
    except Exception as error:  # noqa: BLE001 - the last resort: no trace is thrown at people
        _complain(
            f"there is no space left to write to: {error}"
            if isinstance(error, OSError) and error.errno == errno.ENOSPC
            else f"an error of ours: {type(error).__name__}: {error}; `seamwatch --debug …` shows where; please report it",
            words,
        )
        sys.exit(INTERNAL)
    sys.exit(code if isinstance(code, int) else 0)


def _asked(error: TyperException) -> str:
    """The command that was typed wrongly, as it is typed."""
    return str(getattr(getattr(error, "ctx", None), "command_path", "") or "seamwatch")


def _complain(text: str, words: list[str]) -> None:
    if "--debug" in words:
        sys.stderr.write(masked(traceback.format_exc()))
    sys.stderr.write(
        "\n".join(f"seamwatch: {plain(line)}" for line in masked(text).splitlines() or [""]) + "\n"
    )
