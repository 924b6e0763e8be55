"""What is public is documented: settings, commands, metrics, and examples that hold."""

import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import typer
import yaml

from monitor.capture.environment import VARIABLES
from monitor.config import choices, known, load
from monitor.config.load import OTHER_VARIABLES
from monitor.contracts.check import RULES
from monitor.model.judging import Signal
from tests.docs.tables import PAGES, README, TABLES, filled, routes_table, variables

TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
TEXT = "\n".join(TEXTS.values())


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_metric_command_and_route_is_documented(name: str) -> None:
    """When this fails: python -m tests.docs.tables."""
    assert f"<!-- {name} -->" in TEXT
    assert TABLES[name]() in TEXT


def test_filling_in_the_tables_changes_nothing() -> None:
    for text in TEXTS.values():
        assert filled(text) == text


def test_the_front_page_is_short_and_shows_the_page() -> None:
    front = TEXTS[README]
    assert len(front.splitlines()) <= 200
    assert "(dashboards/page.png)" in front
    assert max(map(len, front.splitlines())) <= 150


def test_the_collectors_settings_shown_write_what_is_read_by_default() -> None:
    (shown,) = (
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", TEXTS[README], re.DOTALL)
    )
    traces, settings = shown["exporters"]["kafka"]["traces"], load(environ={})
    assert traces["topic"] == settings.topics.spans
    assert settings.topics.spans_encoding == "auto"
    assert traces["encoding"] in choices(known()["topics.spans_encoding"])
    assert shown["exporters"]["kafka"]["auth"]["sasl"]["mechanism"] == "SCRAM-SHA-512"


def test_every_variable_named_is_one() -> None:
    named = set(re.findall(r"SEAMWATCH_[A-Z_]*[A-Z]", TEXT))
    loose = {name for name in named if name.startswith("SEAMWATCH_TEST_")} | set(VARIABLES)
    assert named - variables() - OTHER_VARIABLES - loose <= {"SEAMWATCH_KAFKA_SASL_PASSWORD_FILE"}


def test_every_settings_file_shown_can_be_read(tmp_path: Path) -> None:
    shown = blocks("toml")
    assert shown
    for text in shown:
        assert tomllib.loads(text)
        path = tmp_path / "seamwatch.toml"
        path.write_text(text)
        load(path, {}, {})


def test_every_command_shown_exists() -> None:
    root = typer.main.get_command(import_module("monitor.cli.main").app)
    for line in "\n".join(blocks("sh")).splitlines():
        words = shlex.split(line, comments=True)
        while words and ("=" in words[0] or words[0] in {"export", ".venv/bin/seamwatch"}):
            if words[0] == ".venv/bin/seamwatch":
                words[0] = "seamwatch"
                break
            words.pop(0)
        if not words or words[0] != "seamwatch":
            continue
        command, rest = root, words[1:]
        while rest and hasattr(command, "commands"):
            assert rest[0] in command.commands, line
            command, rest = command.commands[rest[0]], rest[1:]
        options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        assert {word.split("=")[0] for word in rest if word.startswith("--")} <= options, line


def test_every_file_linked_is_there() -> None:
    for page, text in TEXTS.items():
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (page.parent / target).exists(), (page, target)


def test_every_route_says_what_it_is_for() -> None:
    assert len(routes_table().splitlines()) > 30
    assert not re.search(r"\|\s+\|$", routes_table(), re.MULTILINE)


def test_every_rule_of_ours_is_named() -> None:
    assert {rule for rule in RULES if f"`{rule}`" not in TEXT} == set()


def test_every_signal_is_explained() -> None:
    begin = TEXT.index("| signal | bad calls |")
    table = TEXT[begin : TEXT.index("\n\n", begin)]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(Signal))
