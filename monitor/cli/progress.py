"""A bar of how far long files are read, on standard error and for a person's terminal only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """A bar with its words. `shown` tells whether anybody sees it."""

    def __init__(self, bar: "Progress", task: "TaskID", *, shown: bool) -> None:
        self._bar, self._task, self.shown = bar, task, shown

    def read(self, done: int, total: int) -> None:
        """So many bytes were read, of so many."""
        self._bar.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        """What is done now."""
        self._bar.update(self._task, description=text)


@contextmanager
def reading_bar(what: str, *, stays: bool = False) -> Iterator[Bar]:
    """A bar that says what is done; with `stays` it is left on the screen at the end."""
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
        transient=not stays,
    )
    with bar:
        yield Bar(bar, bar.add_task(what, total=None), shown=console.is_terminal)
