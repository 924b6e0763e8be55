"""What the command `seamwatch` starts; where only the capture kit is installed, it says so."""

import gc
import sys


def main() -> None:
    """The command line; exit code 70 where its parts are not installed."""
    gc.disable()  # what is imported stays, and looking for cycles in it costs a fifteenth of it
    try:
        from monitor.cli.main import main as run  # noqa: PLC0415 - so that what is missing can be said
    except ModuleNotFoundError as missing:
        if (missing.name or "monitor").partition(".")[0] in ("monitor", "pipelines", "dashboards"):
            raise
        sys.stderr.write(
            f"seamwatch: {missing.name} is not installed; here is what applications import, seamwatch.capture, alone. "
            "The monitor itself is installed by: pip install 'seamwatch[server]'\n"
        )
        sys.exit(70)
    gc.enable()
    run()
