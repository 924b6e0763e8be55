"""A bar of how far long files are read, on standard error and for a person's terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def reading_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function to tell (bytes read, bytes in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
