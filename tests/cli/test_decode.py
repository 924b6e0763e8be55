"""`seamwatch decode` shows what is understood of a file, field by field, and what to set for the
rest; no value of a body.
"""

import json
from pathlib import Path

import pytest

from tests.cli.test_main import run
from tests.decode.api_logs.samples import SAMPLES

LOG = next(sample.raw for sample in SAMPLES if sample.name == "combined")
AZURE = next(sample.raw for sample in SAMPLES if sample.name == "azure")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "access.log"
    path.write_text(f'{LOG}\n{AZURE}\n{{"a": 1}}\n{LOG}\n')
    return path


def test_each_field_is_shown_and_what_to_set_for_what_is_missing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("decode", str(file)) == 0
    output = capsys.readouterr().out
    assert "entry 0: combined" in output
    assert "callee            unknown (set topics.api_logs_callee" in output
    assert "response_body     text of 11 B" in output
    assert "entry 2: not read (unknown_source)" in output
    assert '"ok"' not in output
    assert "combined" in output.rpartition("entries")[2]


def test_settings_fill_in_who_is_called(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-s", "topics.api_logs_callee=payment", "decode", str(file), "-f", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["entries"][0]["fields"]["callee"] == "payment"
    assert "callee" not in report["entries"][0]["missing"]
    assert report["entries"][1]["fields"]["callee_version"] == "2"
    assert report["entries"][1]["missing"].keys() == {"environment", "trace_id", "headers_whole"}
    assert report["summary"] == [
        {"source": "combined", "reason": "", "entries": 2},
        {"source": "azure_api_management", "reason": "", "entries": 1},
        {"source": "", "reason": "unknown_source", "entries": 1},
    ]


def test_a_wrong_source_names_the_right_one_and_exits_2(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("decode", str(file), "--source", "aws-alb", "-f", "ndjson") == 2
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["reason"] == "combined"
    assert "topics.api_logs_format=auto or =combined reads them, here --source" in first["said"]
    assert run("decode", str(file), "--source", "kongg") == 64
    assert "did you mean kong?" in capsys.readouterr().err


def test_no_file_is_wrong_usage(tmp_path: Path) -> None:
    assert run("decode", str(tmp_path / "none")) == 64
