"""A secret in an address reaches neither `config show`, an error, the log nor the doctor."""

import json
from pathlib import Path

import pytest
import structlog

from monitor.cli.logs import set_up_logs
from monitor.cli.main import main

SECRET = "S3cr3tW0rd"
SETTINGS = f"""
clickhouse_dsn = "clickhouse://user:a/{SECRET}@host:9000/db"
control_dsn = "postgresql://user:a@{SECRET}@host/db"
[kafka]
brokers = "user:{SECRET}@host:9092"
[api]
public_url = "https://user:{SECRET}@[::1/x"
trace_link = "https://traces.example/t/{{trace_id}}?token={SECRET}"
[tracing]
endpoint = "http://collector.example/v1/traces?key={SECRET}#{SECRET}"
[notify.receivers.a]
kind = "webhook"
url = "https://hooks.example/{SECRET}?a=b@{SECRET}"
"""


@pytest.mark.parametrize(
    "words",
    [
        ["config", "show"],
        ["config", "show", "-f", "json"],
        ["config", "check"],
        ["doctor", "-f", "json"],
        ["findings"],
        ["--debug", "findings"],
    ],
)
def test_no_command_tells_a_secret(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seamwatch.toml").write_text(SETTINGS, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(words)
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err
    assert output.out + output.err


@pytest.mark.parametrize(
    "text",
    [
        f'[notify.receivers."https://hooks.example/{SECRET}"]\nname = "x"\n',
        f'"https://hooks.example/{SECRET}" = 1\n',
        f'data_dir = "user:{SECRET}@host/db"\n',
    ],
)
def test_an_address_in_the_place_of_a_name_or_a_folder_tells_no_secret(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seamwatch.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["config", "show"])
    output = capsys.readouterr()
    assert SECRET.lower() not in (output.out + output.err).lower()
    assert "***" in output.out + output.err


def test_an_address_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", f"postgresql://user:{SECRET}@host/db")
    with pytest.raises(SystemExit):
        main(["config", "check"])
    output = capsys.readouterr()
    assert "an address, not a folder" in output.err
    assert SECRET not in output.out + output.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_log_tells_no_secret_of_an_address_nor_of_a_variable(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("info", form)  # type: ignore[arg-type]

    def fails() -> None:
        key = f"key {SECRET}"
        raise ValueError(f"cannot reach https://user:{SECRET}@host/?q={SECRET}, {len(key)}")

    try:
        fails()
    except ValueError:
        structlog.get_logger("x").exception("it broke", where=f"clickhouse://u:{SECRET}@h/db")
    output = capsys.readouterr().err
    assert SECRET not in output
    assert "cannot reach" in output
    if form == "json":
        assert json.loads(output)["where"] == "clickhouse://***@h/db"
