"""A replay says what it could not read, and fails when that was everything."""

from importlib import import_module
from pathlib import Path

import pytest

from monitor.store import Store
from tests.cli.test_main import run
from tests.fixtures.signals import logs, metrics
from tests.fixtures.spans import S, request


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("monitor.cli.replay"), "set_up_logs", lambda *_: None)


@pytest.fixture(autouse=True)
def its_own_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process opens one chDB path: the replay gets a database of its own beside the other
    tests'.
    """
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)


@pytest.mark.slow
def test_a_file_of_noise_exits_70_and_names_the_options_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "noise.bin"
    file.write_bytes(b"\xff\xfe noise" * 100)
    assert run("--data-dir", str(tmp_path / "data"), "replay", str(file), "--kind", "spans") == 70
    output = capsys.readouterr()
    assert "refused: not_otlp_proto 1 (whole records) in noise.bin" in output.out
    assert "1 records (1 refused as a whole), 0 spans" in output.out
    assert "noise.bin: its first record cannot be read" in output.err
    assert "see topics.spans_encoding (auto, otlp_proto," in output.err
    assert "replay's --encoding and --framing" in output.err


@pytest.mark.slow
def test_what_was_refused_is_listed_beside_what_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.pb"
    file.write_bytes(request([S("web", "client", 1, 1), S("web", "client", 1, 2, base=0)]))
    silent, folder = tmp_path / "night.pb", str(tmp_path / "data")
    silent.touch()
    assert run("--data-dir", folder, "replay", str(file), str(silent), "--kind", "spans") == 0
    output = capsys.readouterr().out
    assert "refused: time_before_2000 1 in some.pb" in output
    assert "nothing could be read of night.pb" in output
    assert run("--data-dir", folder, "replay", str(silent), "--kind", "spans") == 70
    assert "there is no record in night.pb" in capsys.readouterr().err


@pytest.mark.slow
def test_a_corrected_second_replay_replaces_what_the_first_one_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "log.ndjson", str(tmp_path / "data")
    line = '{"time": "2026-01-02T03:04:05Z", "method": "GET", "path": "/x", "callee": "pay"}\n'
    file.write_text("\ufeff" + line * 2, encoding="utf-8")
    assert (
        run("--data-dir", folder, "replay", str(file), "--kind", "api-logs", "--format", "envoy")
        == 70
    )
    output = capsys.readouterr()
    assert "refused: ndjson 2 (whole records) in log.ndjson" in output.out
    assert (
        "topics.api_logs_format=auto or =ndjson reads them, in replay --format ndjson"
        in output.err
    )
    assert run("--data-dir", folder, "replay", str(file), "--kind", "api-logs") == 0
    output = capsys.readouterr()
    assert "2 exchanges" in output.out
    assert "nothing could be read" not in output.out
    assert "refused" not in output.out.replace("(0 refused as a whole)", "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spans", "api-logs", "deploys"])
def test_a_file_of_another_signal_fails_and_says_what_it_is(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "metrics.pb"
    file.write_bytes(metrics())
    assert run("--data-dir", str(tmp_path / "data"), "replay", str(file), "--kind", kind) == 70
    output = capsys.readouterr()
    assert "refused: otlp_metrics 1 (whole records) in metrics.pb" in output.out
    assert "They look like OTLP metrics; no setting reads these" in output.err


@pytest.mark.parametrize(
    "wrong", [["--format", "xml", "--kind", "api-logs"], ["--format", "har", "--kind", "spans"]]
)
def test_a_format_that_there_is_not_is_refused_with_those_that_there_are(
    wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.ndjson"
    file.write_text("{}\n")
    assert run("--data-dir", str(tmp_path / "data"), "replay", str(file), *wrong) == 64
    assert (
        "the formats are auto, ndjson, nginx" if "xml" in wrong else "--encoding"
    ) in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "content", "counted", "told"),
    [
        (
            "api-logs",
            logs(),
            "1 filtered",
            "1 entries are sound and tell of none of what is read here",
        ),
        (
            "spans",
            request([S("web", "client", 1, 1, base=0)]),
            "1 rejected",
            "refused: time_before_2000 1",
        ),
    ],
)
def test_a_file_of_which_nothing_is_of_use_fails_and_says_what_became_of_it(
    kind: str,
    content: bytes,
    counted: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "some.pb"
    file.write_bytes(content)
    assert run("--data-dir", str(tmp_path / "data"), "replay", str(file), "--kind", kind) == 70
    output = capsys.readouterr()
    assert counted in output.out
    assert f"nothing came of its 1 records. {told}" in output.err


@pytest.mark.slow
def test_a_replay_of_api_logs_tells_conformance_and_the_time_of_the_exchanges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "access.log"
    line = (
        '10.0.0.9 - - [28/Nov/2025:10:00:00 +0000] "GET /pay/7 HTTP/1.1" 200 612 "-" "curl/8.5.0"'
    )
    named = '{"time": "2025-11-28T11:00:00Z", "method": "GET", "path": "/pay/7", "status": 200, "callee": "payment"}'
    file.write_text(f"{line}\n{named}\n{named}\n")
    folder = str(tmp_path / "data")
    contract = tmp_path / "payment.json"
    contract.write_text(
        '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/pay/{id}": {"get": {"parameters": '
        '[{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}], "responses": {"200": {"description": "d"}}}}}}'
    )
    assert (
        run("--data-dir", folder, "contracts", "publish", str(contract), "--provider", "payment")
        == 0
    )
    assert run("--data-dir", folder, "replay", str(file), "--kind", "api-logs") == 0
    output = capsys.readouterr().out
    assert "checked: 2 valid, 0 violated, 1 not checked (1 unknown_callee)" in output
    assert "exchanges of 2025-11-28 10:00:00 to 2025-11-28 11:00:00 UTC" in output


@pytest.mark.slow
def test_one_late_record_hides_no_violation_of_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        f'{{"time": "2025-11-{day}T11:00:00Z", "method": "GET", "path": "/{path}", "status": 200, "callee": "payment"}}'
        for day, path in ((20, "pay"), (20, "other"), (28, "pay"))
    ]
    file, contract, folder = tmp_path / "some.log", tmp_path / "pay.json", str(tmp_path / "data")
    file.write_text("\n".join(lines))
    contract.write_text(
        '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/pay": {"get": {"responses": {"200": {"description": "d"}}}}}}'
    )
    published = ("contracts", "publish", str(contract), "--provider", "payment")
    assert run("--data-dir", folder, *published) == 0
    assert run("--data-dir", folder, "replay", str(file), "--kind", "api-logs") == 0
    capsys.readouterr()
    assert run("--data-dir", folder, "violations") == 0
    output = capsys.readouterr()
    assert "no violations\nchecked: 1 valid, 0 violated" in output.out
    assert "before that 1 exchanges broke a clause; an earlier --since shows them" in output.err
