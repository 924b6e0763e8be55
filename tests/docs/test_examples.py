"""Every `seamwatch …` line of the pages is run, in a world like the one it is told in, and exits
as is said beside it.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from monitor.cli import main
from monitor.cli.assembly import House
from monitor.cli.up import serving
from monitor.config import load
from monitor.control.store import open_control
from monitor.control.tokens import create_token
from monitor.store import Store
from tests.docs.test_readme import blocks
from tests.fixtures.broker import PASSWORD, USER
from tests.fixtures.kafka import SecureKafka
from tests.fixtures.shop_day import edge_row, sighting, write, write_judgement, write_shop_day
from tests.fixtures.spans import S, request

OWN_KAFKA = "SEAMWATCH_KAFKA_"


@dataclass(frozen=True)
class Example:
    """A line as a reader types it: its words, what it sets for itself, what was exported before
    it, and the exit it promises.
    """

    words: tuple[str, ...]
    sets: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    exits: int = 0

    @property
    def name(self) -> str:
        return " ".join(self.words)


def examples() -> list[Example]:
    """All of them, in the pages' order."""
    results = []
    for block in blocks("sh"):
        exported: dict[str, str] = {}
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            sets = {}
            if words[:1] == ["export"]:
                exported |= [word.split("=", 1) for word in words[1:]]  # type: ignore[arg-type]
                continue
            while words and "=" in words[0]:
                name, _, value = words.pop(0).partition("=")
                sets[name] = value
            if words[:1] == ["seamwatch"]:
                promised = re.search(r"# exits (\d+)", line)
                results.append(
                    Example(
                        tuple(words[1:]), sets, dict(exported), int(promised[1]) if promised else 0
                    )
                )
    return results


EXAMPLES = {example.name: example for example in examples()}


def said(capsys: pytest.CaptureFixture[str], example: Example) -> str:
    with pytest.raises(SystemExit) as end:
        main(list(example.words))
    told = capsys.readouterr()
    assert (end.value.code or 0) == example.exits, told.out + told.err
    return told.out


@pytest.fixture(autouse=True)
def a_place_of_its_own(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEAMWATCH_")]:
        monkeypatch.delenv(name)
    for module in ("monitor.cli.main", "monitor.cli.replay"):
        monkeypatch.setattr(import_module(module), "set_up_logs", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)


@pytest.fixture
def demo(
    store: Store, chdb_path: Path, sqlite_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What a demo has come to after some minutes, served beside the reader; yields its address."""
    now = datetime.now(UTC).replace(microsecond=0)
    until = now.replace(second=now.second // 10 * 10)
    windows = write_shop_day(store, until).windows
    prices = ("catalog", "pricing", "http", "GET /prices"), ("1.0.0", "1.7.0")
    times = [until - timedelta(seconds=10 * (back + 1)) for back in range(windows)]
    write(store, "edge_windows", [edge_row(at, 1, *prices, 100, failed=0) for at in times])
    write(store, "sightings", [sighting(at, "pricing", "1.7.0", 100) for at in times])
    engine = open_control(sqlite_dsn)
    write_judgement(engine, until)
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(chdb_path.parent))
    with serving(House(load(flags={"api.port": 0}), store, engine), page=False) as address:
        yield address
    assert store.lock is not None
    store.lock.announce("", "")
    engine.dispose()


@pytest.mark.usefixtures("demo")
def test_beside_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert "payment" in said(capsys, EXAMPLES["findings"])
    assert "FAIL" in said(capsys, EXAMPLES["gate --service payment --version 2.0.0"])
    assert "2.0.0" in said(capsys, EXAMPLES["edges --by caller,callee,versions --since 15m"])


@pytest.mark.usefixtures("demo")
def test_a_version_whose_pairs_are_proven_may_be_deployed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "0 of" in said(capsys, EXAMPLES["can-i-deploy pricing 1.7.0 --to production"])


def test_a_pipeline_asks_from_afar(
    demo: str, sqlite_dsn: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = EXAMPLES["gate --service payment --version 2.0.0 --wait 600 --format junit"]
    assert set(example.sets) == {"SEAMWATCH_API_URL", "SEAMWATCH_API_TOKEN"}
    engine = open_control(sqlite_dsn)
    _, secret = create_token(engine, "pipeline", ("gate",), datetime.now(UTC))
    engine.dispose()
    monkeypatch.setenv("SEAMWATCH_API_URL", demo)
    monkeypatch.setenv("SEAMWATCH_API_TOKEN", secret)
    report = ET.fromstring(said(capsys, Example(example.words, exits=1)))
    assert report[0].get("failures") == "1"


def test_files_are_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = [S("web", "client", 1, 1), S("shop", "server", 1, 2, parent=1)]
    (tmp_path / "spans.pb").write_bytes(request(calls))
    assert "1" in said(capsys, EXAMPLES["replay spans.pb --kind spans"])


def test_a_first_contract_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promised = import_module("monitor.demo.promises").__file__
    (tmp_path / "payment.yaml").write_bytes(
        (Path(promised).parent / "contracts" / "payment.yaml").read_bytes()
    )
    assert "payment revision 1" in said(
        capsys, EXAMPLES["contracts publish payment.yaml --provider payment"]
    )


def test_a_deploy_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "payment" in said(
        capsys,
        EXAMPLES["deploys record --service payment --version 2.0.0 --environment production"],
    )


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.long
def test_own_kafka_by_the_settings_shown_and_no_others(
    kafka_secure: SecureKafka, tmp_path: Path
) -> None:
    """TLS with an authority of one's own, a login, the topics' names as they are by default;
    found, read and shown.
    """
    settings = EXAMPLES["up"].exported
    assert settings == EXAMPLES["doctor --kafka"].exported
    assert len(settings) <= 5
    (tmp_path / "password").write_text(PASSWORD)
    mine = {
        "SEAMWATCH_KAFKA_BROKERS": kafka_secure.bootstrap,
        "SEAMWATCH_KAFKA_SASL_USERNAME": USER,
        "SEAMWATCH_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"),
        "SEAMWATCH_KAFKA_SSL_CAFILE": kafka_secure.options["ssl_cafile"],
    }
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith("SEAMWATCH_")
    }
    environment = (
        clean | settings | {name: mine.get(name, value) for name, value in settings.items()}
    )
    program = [sys.executable, "-c", "from monitor.cli import main; main()"]

    def seamwatch(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    now = time.time()
    broker = kafka_secure.broker
    for topic in ("otlp_spans", "api_logs", "deploys"):
        broker.make_topic(topic)
    try:
        calls = [
            S("web", "client", 1, 1, version="1", base=int(now)),
            S("shop", "server", 1, 2, 1, version="2", base=int(now)),
        ]
        broker.produce("otlp_spans", [request(calls)])
        doctor = seamwatch("doctor", "--kafka")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        with (tmp_path / "log").open("wb") as log:
            running = subprocess.Popen(
                [*program, "--set", "api.port=0", "up"],
                env=environment,
                cwd=tmp_path,
                stdout=log,
                stderr=log,
            )
        try:
            # before that a command would take the store
            eventually((tmp_path / "log").read_text, lambda text: "page: " in text)
            shown = eventually(
                lambda: seamwatch("edges", "--format", "csv").stdout, lambda text: "shop" in text
            )
        finally:
            running.terminate()
            left = running.wait(60)
        assert "web,shop" in shown
        assert left == 0, (tmp_path / "log").read_text()
    finally:
        for topic in ("otlp_spans", "api_logs", "deploys"):
            broker.delete_topic(topic)


def eventually(ask: Callable[[], str], good: Callable[[str], bool], seconds: float = 120) -> str:
    deadline = time.monotonic() + seconds
    while not good(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(1)
    return answer


# `make demo` is timed on a fresh clone; a demo cannot run beside this session's store
STARTED_ELSEWHERE = {"demo --fresh"}


def test_no_example_is_left_out() -> None:
    """When this fails: run the new line in a test above."""
    run = set(re.findall(r'EXAMPLES\["([^"]+)"\]', Path(__file__).read_text(encoding="utf-8")))
    assert set(EXAMPLES) - STARTED_ELSEWHERE == run
