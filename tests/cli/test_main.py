"""The command says what went wrong, where, and what to do; and exits as promised."""

import io
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.cli.lazily import COMMANDS, Commands


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main([*words])
    return int(end.value.code or 0)


@pytest.fixture(autouse=True)
def a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SEAMWATCH_")]:
        monkeypatch.delenv(name)
    # the logs of this process are pytest's
    monkeypatch.setattr(import_module("monitor.cli.main"), "set_up_logs", lambda *_: None)


@pytest.mark.parametrize(
    "words",
    [
        ["edgse"],
        ["edges", "--format", "xml"],
        ["gate"],
        ["--set", "kafka.brokerz=x", "config", "check"],
        ["--set", "novalue", "config", "check"],
        ["--config", "nowhere.toml", "config", "check"],
        ["accept", "f1", "--owner", "me", "--reason", "known", "--expires", "someday"],
        ["contracts", "publish", "nowhere.yaml", "--provider", "cart"],
        ["demo", "--only-shop"],
        ["run", "traces", "--shard", "0"],
        ["run", "windows", "--shard", "1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_64_with_a_line_on_standard_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 64
    output = capsys.readouterr()
    assert output.err.startswith("seamwatch: ")
    assert "Traceback" not in output.err
    assert not output.out


def test_a_dead_api_exits_70_and_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEAMWATCH_API_URL", "http://127.0.0.1:9")
    assert run("edges") == 70
    assert "http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["http://[", "http://h:port", "http://\u2100.example", "127.0.0.1:8420", "ftp://h"]
)
def test_an_address_of_an_api_that_cannot_be_read_is_said(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEAMWATCH_API_URL", address)
    assert run("edges") == 64
    assert "SEAMWATCH_API_URL" in capsys.readouterr().err


def test_a_trace_is_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEAMWATCH_API_URL", "http://127.0.0.1:9")
    assert run("--debug", "edges") == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_wrong_option_names_the_command_whose_help_lists_the_right_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("tokens", "create", "--name", "ci") == 64
    assert "`seamwatch tokens create --help` lists what there is" in capsys.readouterr().err
    assert run("replay", "x.json") == 64
    assert "Choose from: spans, api-logs, " in capsys.readouterr().err


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version_is_printed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(word) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


def test_config_show_tells_where_each_setting_comes_from_and_hides_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seamwatch.toml").write_text(
        '[kafka]\nbrokers = "b:1"\n[notify.receivers.pd]\nkind = "pagerduty"\nsecret = "hunter2"\n'
    )
    monkeypatch.setenv("SEAMWATCH_KAFKA_SASL_PASSWORD", "hunter2")
    assert run("--set", "api.port=1", "config", "show", "--format", "json") == 0
    output = capsys.readouterr().out
    assert "hunter2" not in output
    rows = {row["setting"]: row for row in json.loads(output)}
    assert (rows["api.port"]["from"], rows["kafka.sasl_password"]["from"]) == (
        "flags",
        "environment",
    )
    assert (rows["kafka.brokers"]["from"], rows["kafka.group"]["from"]) == (
        "seamwatch.toml",
        "default",
    )
    assert rows["kafka.sasl_password"]["value"] == "***"
    assert rows["notify.receivers"]["from"] == "seamwatch.toml"


def test_config_show_hides_the_client_librarys_passwords_and_receivers_urls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "SEAMWATCH_KAFKA_OPTIONS",
        '{"ssl_password": "hunter2", "client_id": "me", "ssl_keyfile": "k.pem"}',
    )
    slack = '{"ops": {"kind": "slack", "url": "https://hooks.slack.com/services/hunter2"}}'
    monkeypatch.setenv("SEAMWATCH_NOTIFY_RECEIVERS", slack)
    assert run("config", "show", "--format", "json") == 0
    output = capsys.readouterr().out
    assert "hunter2" not in output
    rows = {
        row["setting"]: json.loads(row["value"])
        for row in json.loads(output)
        if row["value"].startswith('{"')
    }
    assert rows["kafka.options"] == {
        "ssl_password": "***",
        "client_id": "me",
        "ssl_keyfile": "k.pem",
    }
    assert rows["notify.receivers"]["ops"]["url"] == "https://hooks.slack.com/***"


def test_config_check_minds_what_may_not_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "check") == 0
    assert "mind: kafka.brokers is empty" in capsys.readouterr().out


def test_config_check_minds_a_client_that_unpacks_without_a_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--set", "kafka.client=confluent", "config", "check") == 0
    assert (
        "mind: kafka.client is confluent, which unpacks gzip, lz4 and snappy batches without a bound"
        in capsys.readouterr().out
    )


def test_help_lists_every_command_as_its_own_help_begins_and_imports_none_of_them() -> None:
    program = "import sys; from monitor.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=250
    ).stdout
    imported = set(shown.splitlines()[-1].split())
    assert (
        sorted(
            imported
            & {
                "monitor.cli.gate",
                "monitor.store",
                "monitor.api",
                "monitor.joining",
                "chdb",
                "pyarrow",
                "scipy",
            }
        )
        == []
    )
    for name, command in Commands().items():
        assert f"\n  {name} " in shown
        assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].help, (
            name
        )


def test_a_locale_that_lacks_a_character_gets_its_number_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    with pytest.raises(SystemExit) as ended:
        main(["version"])
    assert ended.value.code == 0
    sys.stdout.write("checkout → payment")
    sys.stdout.flush()
    assert written.getvalue().endswith(b"checkout \\u2192 payment")
