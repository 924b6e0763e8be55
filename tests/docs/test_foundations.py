"""What `make` offers is told by `make` alone, and the locks name every package by its hashes and
no address.
"""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "tests/requirements.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(lock: str) -> dict[str, str]:
    """Package to its part of the lock, each name once (a package with markers may stand twice:
    then both parts).
    """
    parts: dict[str, str] = {}
    for part in re.split(r"\n(?=[a-z])", (ROOT / lock).read_text(encoding="utf-8")):
        name = part.partition("==")[0]
        parts[name] = parts.get(name, "") + part
    return parts


def named(requirements: list[str]) -> set[str]:
    return {
        re.split(r"[\[<>=~]", requirement)[0].lower().replace("_", "-")
        for requirement in requirements
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_its_version_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE), (
        "an option of pip's, such as an index"
    )
    for name, part in pinned(lock).items():
        assert re.search(r"==\S+", part), name
        assert "--hash=sha256:" in part, name


def test_the_locks_hold_what_the_project_asks_for_and_agree() -> None:
    run, test = pinned(LOCKS[0]), pinned(LOCKS[1])
    extras = PROJECT["optional-dependencies"]
    assert "chdb" in named(extras["server"])
    assert named(extras["server"]) <= run.keys()
    assert named(extras["server"] + extras["dev"]) <= test.keys()
    assert {
        name for name in run.keys() & test.keys() if run[name].strip() != test[name].strip()
    } == set()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
def test_make_alone_lists_every_command_with_what_it_does() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told = re.findall(r"^make ([\w-]+) +\S.*$", listed, re.MULTILINE)
    phony = re.search(
        r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert phony
    assert sorted(told) == sorted(phony[1].split())
