"""The recipes for sessions in containers hold together: what they run can be run, and what they set
is what a session sets.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from monitor.cli.lazily import Commands

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "pipelines" / "recipes"
OWN = {"OTEL_SERVICE_NAME"}


def entrypoint() -> list[str]:
    lines = (RECIPES / "Dockerfile").read_text().splitlines()
    (words,) = (
        line.removeprefix("ENTRYPOINT ") for line in lines if line.startswith("ENTRYPOINT ")
    )
    held: list[str] = json.loads(words)
    return held


def test_the_compose_file_starts_a_session_and_ends_in_its_verdict() -> None:
    services = yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"]
    session = services["seamwatch"]
    name, command, *words = [*entrypoint(), *session["command"]]
    asked = Commands()[command].make_context(command, words)
    assert (name, asked.params["listen"], asked.params["contract"]) == (
        "seamwatch",
        "0.0.0.0:4318",
        ["/contracts"],
    )
    assert session["volumes"] == ["./contracts:/contracts:ro"]
    assert all(port.startswith("127.0.0.1:") for port in session["ports"])
    ask, verdict, address = services["verdict"]["entrypoint"]
    assert (ask, Commands()[verdict].make_context(verdict, [address]).params["address"]) == (
        "seamwatch",
        "http://seamwatch:4318",
    )
    assert services["shop"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == address
    source = (ROOT / "monitor" / "cli" / "session_host.py").read_text()
    assert all(
        f'"{variable}"' in source for variable in services["shop"]["environment"].keys() - OWN
    )
    assert services["verdict"]["depends_on"]["tests"] == {
        "condition": "service_completed_successfully"
    }
    for build in (session["build"], services["verdict"]["build"]):
        assert (
            RECIPES / build["context"] / build["dockerfile"]
        ).resolve() == RECIPES / "Dockerfile"


def test_the_snippets_are_python_and_name_what_is_there() -> None:
    page = (ROOT / "pipelines" / "RECIPES.md").read_text()
    snippets = dict(re.findall(r"```python (\w+)\n(.*?)```", page, re.DOTALL))
    assert snippets.keys() == {"pytest", "testcontainers"}
    for text in snippets.values():
        ast.parse(text)
    plugin = (ROOT / "monitor" / "pytest_plugin.py").read_text()
    used = set(re.findall(r"seamwatch\.(\w+)\(", snippets["pytest"]))
    assert used == {"publish", "verdict"}
    assert all(f"def {name}(self" in plugin for name in used)


def test_the_wheel_brings_the_plugin_under_the_name_that_pytest_asks_for() -> None:
    held = tomllib.loads((ROOT / "pyproject.toml").read_text())
    place = held["project"]["entry-points"]["pytest11"]["seamwatch"]
    files = held["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert files["monitor/pytest_plugin.py"] == place.replace(".", "/") + ".py"
    tree = ast.parse((ROOT / "monitor" / "pytest_plugin.py").read_text())
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    # it is loaded wherever the wheel is installed
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"pytest"}


def daemon() -> str:
    """Why no image can be built here, "" where one can."""
    if shutil.which("docker") is None:
        return "docker is not here"
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"docker: {type(error).__name__}"
    return "" if asked.returncode == 0 else "docker's daemon does not answer"


@pytest.mark.slow
@pytest.mark.long
def test_the_image_builds_and_tells_its_command() -> None:
    if why := daemon():
        pytest.skip(why)
    build = [
        "docker",
        "build",
        "-q",
        "-f",
        "pipelines/recipes/Dockerfile",
        "-t",
        "seamwatch-session-test",
        ".",
    ]
    subprocess.run(build, cwd=ROOT, check=True, timeout=280)
    told = subprocess.run(
        ["docker", "run", "--rm", "seamwatch-session-test", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "--contract" in told.stdout
