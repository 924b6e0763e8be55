"""Files of recorded traffic as a person names them: `-` is standard input, and a pipe is a file,
too.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from monitor.errors import UsageError

_STDIN = Path("-")


@contextmanager
def recordings(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """The files to read, in their order; what can be read only once stands in files of its own
    until the end. UsageError for what is no file, a folder, or standard input named twice.
    """
    folders = [str(path) for path in paths if path.is_dir()]
    if folders:
        raise UsageError(f"a folder is no file: {', '.join(folders)}; name the files in it")
    missing = [str(path) for path in paths if path != _STDIN and not path.exists()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    if list(paths).count(_STDIN) > 1:
        raise UsageError("- is standard input, and can be read once")
    with tempfile.TemporaryDirectory(prefix="seamwatch-") as folder:
        yield [
            path if path != _STDIN and path.is_file() else _copied(path, Path(folder), at)
            for at, path in enumerate(paths)
        ]


def _copied(path: Path, folder: Path, at: int) -> Path:
    name = "stdin" if path == _STDIN else path.name
    into = folder / str(at) / name
    into.parent.mkdir()
    with into.open("wb") as file:
        if path == _STDIN:
            _copy(sys.stdin.buffer, file)
        else:
            with path.open("rb") as pipe:
                _copy(pipe, file)
    return into


def _copy(source: IO[bytes], into: IO[bytes]) -> None:
    shutil.copyfileobj(source, into, 1 << 20)
