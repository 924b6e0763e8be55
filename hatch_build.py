"""Builds the native readers: `python hatch_build.py` in place, and into the wheel where SEAMWATCH_NATIVE=1 (`make wheel`).

In place it never fails: without cargo, or without its packages, the reference decoder serves, and one line says so. A wheel that
shall hold them does fail without them. Other wheels are pure, whatever lies here.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
CRATE = ROOT / "monitor" / "native"
TARGET = ROOT / ".cache" / "native"
BUILT = CRATE / "_native.abi3.so"
SECONDS = 900


def oldest_rust() -> tuple[int, int]:
    """What the crate says that it needs."""
    return _version((CRATE / "Cargo.toml").read_text().partition("rust-version")[2])


def build() -> str:
    """Why there is no build of these sources, "" when there is one now."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return "cargo is not here"
    try:
        told = subprocess.run(
            [cargo, "--version"], capture_output=True, text=True, check=True, timeout=60, cwd=CRATE
        ).stdout
        if _version(told) < oldest_rust():
            return f"{told.strip()} is older than {'.'.join(map(str, oldest_rust()))}"
        said = _cargo(cargo, "--offline")
        if said:
            said = _cargo(cargo)
    except (OSError, subprocess.SubprocessError) as error:
        return f"cargo: {type(error).__name__}"
    if said:
        return f"cargo: {said}"
    names = ("lib_native.so", "lib_native.dylib")
    made = next(
        (TARGET / "release" / name for name in names if (TARGET / "release" / name).is_file()),
        None,
    )
    if made is None:
        return "cargo made no library that Python loads here"
    beside = BUILT.with_suffix(".new")
    shutil.copyfile(made, beside)
    beside.replace(BUILT)  # a process that has loaded the old one keeps it
    return ""


def _cargo(cargo: str, *words: str) -> str:
    """What went wrong, in a line."""
    command = [
        cargo,
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--target-dir",
        str(TARGET),
        *words,
    ]
    environment = os.environ | {"PYO3_PYTHON": sys.executable, "CARGO_NET_RETRY": "2"}
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=CRATE,
        env=environment,
    )
    errors = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    return "" if ran.returncode == 0 else (errors or ["no reason told"])[0]


def _version(said: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class CustomBuildHook(BuildHookInterface[Any]):
    """Puts the native readers into a wheel that shall hold them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An abi3 wheel of this platform where SEAMWATCH_NATIVE=1, else nothing; RuntimeError when it cannot be built."""
        if (
            self.target_name != "wheel"
            or version == "editable"
            or os.environ.get("SEAMWATCH_NATIVE") != "1"
        ):
            return
        why_not = build()
        if why_not:
            raise RuntimeError(
                f"the native decoder cannot be built ({why_not}); without SEAMWATCH_NATIVE=1 the wheel is pure"
            )
        platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform}"
        build_data["force_include"][str(BUILT)] = "monitor/native/_native.abi3.so"


if __name__ == "__main__":
    reason = build()
    if reason:
        BUILT.unlink(missing_ok=True)  # a build of older sources serves nobody
        sys.stderr.write(f"native decoder not built: {reason}\n")
