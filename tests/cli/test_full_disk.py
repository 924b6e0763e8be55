"""A start on a full disk ends with what is full, and neither hangs nor shows a trace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ONCE_USED = """
from monitor.cli.assembly import house
from monitor.config import load
with house(load()):
    pass
"""
ON_A_DISK = """
mount -t tmpfs -o size="$1" tmpfs "$2" || exit 99
if [ "$5" ]; then "$3" -c "$5" || exit 98; fi
head -c 100000000 /dev/zero > "$2/filler" 2> /dev/null
exec "$4" up
"""


def start_on_full_disk(folder: Path, size: str, before: str) -> subprocess.CompletedProcess[str]:
    """What `up` says on a disk of this size that is filled once `before` was run, in a mount
    namespace of its own.
    """
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a disk of one's own needs the right to mount (unshare -rm)")
    program = str(Path(sys.executable).with_name("seamwatch"))
    words = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        ON_A_DISK,
        "sh",
        size,
        str(folder),
        sys.executable,
        program,
        before,
    ]
    settings = {"SEAMWATCH_DATA_DIR": str(folder / "data"), "SEAMWATCH_API_PORT": "0"}
    ended = subprocess.run(
        words,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode not in {98, 99}, ended.stderr
    return ended


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "before"),
    [
        pytest.param("64k", "", id="the first start"),
        pytest.param("60m", ONCE_USED, id="a later start", marks=pytest.mark.long),
    ],
)
def test_a_start_on_a_full_disk_ends_with_what_is_full(
    tmp_path: Path, size: str, before: str
) -> None:
    ended = start_on_full_disk(tmp_path, size, before)
    assert ended.returncode == 70
    assert f"the disk of {tmp_path / 'data'} is full" in ended.stderr
    assert "then start again" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "an error of ours" not in ended.stderr
