"""A test run with a Seamwatch of its own: what is sent to it over OTLP/HTTP and as API logs is held
against contracts that are in force there only, and silence is no success.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.cli.live_session import _contracts, told_of
from monitor.cli.session_host import Host, hosted
from monitor.config import Settings
from monitor.errors import UsageError
from monitor.model.sessions import SeenEdge
from monitor.store import Store
from tests.contracts.promises import PAYMENTS
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.spans import S, request, trace_id
from tests.fixtures.three_services import PAYMENT

ROOT = Path(__file__).parents[2]
GOOD = {"id": 7, "amount": 12.5, "currency": "EUR", "state": "open"}


@pytest.fixture
def host(store: Store, tmp_path: Path) -> Iterator[Host]:
    bodies = [{"document": PAYMENTS, "provider": "payment"}]
    # one process opens one chDB path: a database beside the other tests'
    with hosted(Settings(data_dir=tmp_path), bodies, clickhouse=store.dsn) as held:
        yield held


def record(body: Any, **more: Any) -> bytes:
    told = {
        "time": datetime.now(UTC).isoformat(), "method": "GET", "path": "/payments/7", "status": 200, "caller": "web", "callee": "payment",
        "request_headers": {"x-tenant": "a"}, "response_headers": {"content-type": "application/json"}, "response_body": json.dumps(body),
    }  # fmt: skip
    return json.dumps(told | more).encode()


def test_what_comes_is_held_against_contracts_of_this_session_from_the_moment_asked(
    host: Host,
) -> None:
    variables = host.environment()
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == host.address
    silent = host.verdict(settle=0)
    assert (silent.result, silent.exit_code, silent.untouched) == (
        "nothing_checked",
        2,
        ["payment"],
    )
    assert "nothing came" in "\n".join(told_of(silent, host.taken))
    calls = replace(silent, edges=[SeenEdge("web", "payment", "http", "GET /payments", 1, 0)])
    assert "no payloads, which contracts are held against" in "\n".join(
        told_of(calls, {"traces": 1})
    )
    with httpx.Client(base_url=host.address, timeout=120) as client:
        lines = record(GOOD) + b"\n" + record(GOOD | {"amount": "Grace"}) + b"\n"
        assert client.post("/v1/api-logs", content=lines).json() == {"records": 2}
        # as seamwatch.capture sends it
        logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": record(GOOD).decode()}}]}]}]}  # fmt: skip
        packed = gzip.compress(json.dumps(logs).encode())
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert client.post("/v1/logs", content=packed, headers=headers).json() == {}
        now = int(datetime.now(UTC).timestamp())
        spans = request(
            [
                S("web", "client", 1, 1, start=0.0, base=now - 1),
                S("payment", "server", 1, 2, parent=1, base=now - 1),
            ]
        )
        answer = client.post(
            "/v1/traces", content=spans, headers={"content-type": "application/x-protobuf"}
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert client.post("/v1/metrics", content=b"").status_code == 200
        assert client.post("/v1/traces", content=b"no", headers=headers).status_code == 400
        # cut off on the way, or in its second member: not taken as far as it goes
        for cut in (packed[:-9], packed + packed[:40], b""):
            assert client.post("/v1/logs", content=cut, headers=headers).status_code == 400
        told = client.get("/v1/session/verdict", params={"settle_seconds": 0}).json()
        assert (told["result"], told["valid"], told["violated"]) == ("broken", 2, 1)
        (broken,) = told["violations"]
        assert (broken["pointer"], broken["rule"], broken["exchanges"]) == ("/amount", "type", 1)
        assert "Grace" not in json.dumps(told)
        assert {(edge["caller"], edge["callee"]) for edge in told["edges"]} == {("web", "payment")}
        assert told["taken"]["refused:broken_gzip"] == 4

        # an amendment that is in force here alone, and a test that begins now
        amended = PAYMENTS.replace("state, secret]", "state, secret, note]")
        since = client.get("/v1/session").json()["now_ns"]
        assert client.post(
            "/v1/session/contracts", json={"document": amended, "provider": "payment"}
        ).json() == {"name": "payment", "before": 1}
        client.post("/v1/api-logs", content=record(GOOD))
        told = client.get(
            "/v1/session/verdict", params={"since_ns": since, "settle_seconds": 0, "edges": 0}
        ).json()
        assert [(row["pointer"], row["rule"]) for row in told["violations"]] == [
            ("/note", "required")
        ]

        # and is in force no more
        since = client.get("/v1/session").json()["now_ns"]
        back = "/v1/session/contracts/restored"
        client.post(back, json={"name": "payment", "revision": 1}).raise_for_status()
        client.post("/v1/api-logs", content=record(GOOD))
        asked = {"since_ns": since, "settle_seconds": 0, "edges": 0}
        told = client.get("/v1/session/verdict", params=asked).json()
        assert (told["result"], told["valid"]) == ("kept", 1)
        client.post(back, json={"name": "payment", "revision": 0}).raise_for_status()
        client.post("/v1/api-logs", content=record(GOOD))
        told = client.get("/v1/session/verdict", params=asked).json()
        assert (told["valid"], told["not_checked"]) == (1, {"no_contract": 1})
        assert client.post(back, json={"name": "payment"}).status_code == 422
        refused = client.post(
            "/v1/session/contracts", json={"document": "{", "provider": "payment"}
        )
        assert (refused.status_code, "error" in refused.json()) == (422, True)


def test_who_broke_a_contract_is_told_by_the_trace_where_the_log_does_not_say_it(
    host: Host,
) -> None:
    """A server's own log knows what it was asked, and seldom by whom."""
    now = int(datetime.now(UTC).timestamp())
    spans = [
        S("web", "client", 1, 1, start=0.0, base=now - 1, version="1.4"),
        S("payment", "server", 1, 2, parent=1, base=now - 1),
        S("web", "client", 3, 1, start=0.0, base=now - 1),
        S("ios", "client", 3, 4, start=0.0, base=now - 1),
        *(S("payment", "server", 3, at + 1, parent=at, base=now - 1) for at in (1, 4)),
    ]
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(base_url=host.address, timeout=120) as client:
        client.post("/v1/traces", content=request(spans), headers=headers).raise_for_status()
        for trace in (1, 2, 3):
            parent = f"00-{trace_id(trace).hex()}-{2:016x}-01"
            asked = {"x-tenant": "a", "traceparent": parent}
            line = record(GOOD | {"amount": "x"}, caller=None, request_headers=asked)
            client.post("/v1/api-logs", content=line)
    held = host.verdict(settle=0, edges=False)
    callers = {(row.caller, row.caller_version): row.exchanges for row in held.violations}
    assert callers == {("web", "1.4"): 1, ("unknown", ""): 2}  # no trace, and two callers in one


def test_what_cannot_be_read_or_is_never_touched_is_no_success(host: Host) -> None:
    with httpx.Client(base_url=host.address, timeout=120) as client:

        def verdict(since: int, **more: str) -> Any:
            asked = {"since_ns": since, "settle_seconds": 0, "edges": 0, **more}
            return client.get("/v1/session/verdict", params=asked).json()

        def begun() -> int:
            client.post("/v1/api-logs", content=record(GOOD))
            now: int = client.get("/v1/session").json()["now_ns"]
            client.post("/v1/api-logs", content=record(GOOD))
            return now

        cut = begun()
        client.post("/v1/api-logs", content=record(GOOD)[:-40])
        told = verdict(cut)
        assert (told["result"], told["exit_code"], told["valid"]) == ("kept_in_part", 2, 1)
        assert list(told["refused"].values()) == [1]
        assert told["taken"] == {"api-logs": 2}  # and not what came before

        packed = begun()
        headers = {"content-encoding": "gzip"}
        client.post("/v1/logs", content=gzip.compress(b"x" * 99)[:-9], headers=headers)
        assert verdict(packed)["refused"] == {"broken_gzip": 1}

        clean = begun()  # what was refused before is not told of this test
        assert (verdict(clean)["result"], verdict(clean)["refused"]) == ("kept", {})
        published = {"document": PAYMENTS, "provider": "refunds"}
        name = client.post("/v1/session/contracts", json=published).json()["name"]
        assert verdict(clean)["untouched"] == [name]
        told = verdict(clean, required=f"{name},payment")
        assert (told["result"], told["missing"]) == ("kept_in_part", [name])
    host.required = [name]
    whole = host.verdict(settle=0)
    assert (whole.result, whole.missing) == ("kept_in_part", [name])
    assert f"touched what this run is about: {name}" in "\n".join(told_of(whole, host.taken))


OUTER = """
import pathlib, time
print("export SEAMWATCH_SESSION={address}", flush=True)
while True:
    time.sleep(1)
"""
KINDS = """
import datetime, json, unittest, urllib.request
from pathlib import Path
import pytest

def send(address, body, ended=None, cut=None):
    told = {"time": (ended or datetime.datetime.now(datetime.UTC)).isoformat(), "method": "GET", "path": "/payments/7", "status": 200,
            "caller": "web", "callee": "payment", "request_headers": {"x-tenant": "a"},
            "response_headers": {"content-type": "application/json"}, "response_body": json.dumps(body)}
    asked = urllib.request.Request(f"{address}/v1/api-logs", json.dumps(told).encode()[:cut])
    urllib.request.urlopen(asked).close()

GOOD = {"id": 7, "amount": 12.5, "currency": "EUR", "state": "open"}
BAD = GOOD | {"amount": "Grace"}
BEGAN = []

def test_all_is_kept(seamwatch):
    BEGAN.append(datetime.datetime.now(datetime.UTC))
    send(seamwatch.address, GOOD)

def test_a_record_is_cut_off(seamwatch):
    send(seamwatch.address, GOOD)
    send(seamwatch.address, GOOD, cut=60)

@pytest.mark.seamwatch(contracts=["refunds=refunds.yaml"])
def test_its_contract_is_not_touched(seamwatch):
    send(seamwatch.address, GOOD)

def test_it_is_held_to_what_comes_next(seamwatch):
    seamwatch.publish("next.yaml", provider="payment")
    send(seamwatch.address, GOOD)

def test_it_is_held_to_what_was_before(seamwatch):
    send(seamwatch.address, GOOD)

def test_the_fixture_is_asked_for_by_name(request):
    send(request.getfixturevalue("seamwatch").address, BAD)

@pytest.mark.usefixtures("seamwatch")
class TestOfUnittest(unittest.TestCase):
    def test_in_a_class(self):
        import os
        send(os.environ["SEAMWATCH_SESSION"], BAD)

def test_that_fails_of_its_own(seamwatch):
    send(seamwatch.address, BAD)
    raise ValueError("mine")

def test_late_ones_are_of_nobody(seamwatch, seamwatch_environment):
    assert seamwatch_environment["SEAMWATCH_SESSION"] == seamwatch.address
    send(seamwatch.address, GOOD)
    if Path("late").exists():
        send(seamwatch.address, BAD | {"state": 5}, ended=BEGAN[0])
"""


def test_tests_of_every_kind_end_in_the_verdict(host: Host, tmp_path: Path) -> None:
    """Silence is no success: neither of a service that tells half, nor of a contract that nothing
    touches; and what comes when its test is over is told when the run is.
    """
    (tmp_path / "outer.py").write_text(OUTER.format(address=host.address))
    (tmp_path / "refunds.yaml").write_text(PAYMENTS)
    amended = PAYMENTS.replace("state, secret]", "state, secret, note]")
    (tmp_path / "next.yaml").write_text(amended)
    (tmp_path / "test_kinds.py").write_text(KINDS)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nseamwatch_command = {sys.executable} outer.py\n"
    )

    def ran(*words: str) -> str:
        command = [
            *(sys.executable, "-m", "pytest", "-p", "no:seamwatch", "-p", "monitor.pytest_plugin"),
            *("-p", "no:schemathesis", "-p", "no:cacheprovider", "-q", "-ra", "--tb=short"),
        ]
        done = subprocess.run(
            [*command, *words], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=280, cwd=tmp_path, check=False
        )  # fmt: skip
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout

    told = ran()
    assert "6 failed, 3 passed" in told
    assert "FAILED test_kinds.py::test_it_is_held_to_what_comes_next" in told
    assert "are hidden" not in told  # pytest's word where a failure shows no line at all
    assert "1 error" not in told
    assert "not all could be checked in this test" in told
    assert "no exchange touched refunds" in told
    assert "ValueError: mine" in told
    assert "\nweb -> payment GET /payments/{id}: response /amount breaks" in told
    for name in ("test_the_fixture_is_asked_for_by_name", "TestOfUnittest::test_in_a_class"):
        assert f"FAILED test_kinds.py::{name}" in told
    # else its contract would not be in force, and the test would pass by others
    (tmp_path / "test_odd.py").write_text(
        "import pytest\n@pytest.mark.seamwatch(contract='payment=next.yaml')\n"
        "def test_odd(seamwatch): pass\n"
    )
    told = ran("test_odd.py")
    assert "the mark `seamwatch` does not know contract; write seamwatch(contracts=()" in told
    (tmp_path / "test_odd.py").unlink()
    (tmp_path / "late").touch()
    told = ran("-k", "kept or late")
    assert "2 passed, 7 deselected, 1 error" in told
    assert "came after their test was over" in told
    assert "response /state breaks" in told


HEARING = OUTER.replace(
    "while True",
    """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: pathlib.Path("interrupted").touch())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(pathlib.Path("told").touch()))
while True""",
)
BROKEN_OFF = """
import signal, time
from pathlib import Path

# what a shell starts in the background ignores Ctrl-C, and so does all that it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

def test_waits(seamwatch):
    Path("ready").touch()
    time.sleep(600)
"""


def test_ctrl_c_in_a_test_run_leaves_the_session_until_it_is_told_to_end(
    host: Host, tmp_path: Path
) -> None:
    """It goes to the whole group. A session that heard it, and is told so again when the services
    have ended, would end at once and leave its folder behind.
    """
    (tmp_path / "test_waits.py").write_text(BROKEN_OFF)
    (tmp_path / "outer.py").write_text(HEARING.format(address=host.address))
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nseamwatch_command = {sys.executable} outer.py\n"
    )
    run = [
        *(sys.executable, "-m", "pytest", "-p", "no:seamwatch", "-p", "monitor.pytest_plugin"),
        *("-p", "no:schemathesis", "-p", "no:cacheprovider", "-q"),
    ]
    with subprocess.Popen(
        run, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as broken_off:  # fmt: skip
        until = time.monotonic() + 120
        while not (tmp_path / "ready").exists() and time.monotonic() < until:
            assert broken_off.poll() is None, broken_off.communicate()[0]
            time.sleep(0.1)
        os.killpg(broken_off.pid, signal.SIGINT)
        printed, _ = broken_off.communicate(timeout=120)
    assert broken_off.returncode == pytest.ExitCode.INTERRUPTED, printed
    assert "error" not in printed.lower(), printed
    assert {path.name for path in tmp_path.iterdir()} >= {"told"}
    assert not (tmp_path / "interrupted").exists()


@pytest.mark.slow
def test_a_session_ends_with_the_process_that_it_is_for(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    command = [sys.executable, "-c", "from monitor.command import main; main()", "session"]
    with subprocess.Popen(
        [*command, "--settle", "0", "--ends-with", str(owner.pid)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as standing:  # fmt: skip
        assert standing.stdout is not None
        assert standing.stdout.readline().startswith("export ")
        assert standing.poll() is None
        owner.kill()
        owner.wait()
        assert standing.wait(timeout=250) == 2
        standing.stdout.close()


def test_contracts_of_a_session_are_files_or_folders_by_provider(tmp_path: Path) -> None:
    (tmp_path / "payment").mkdir()
    (tmp_path / "payment" / "api.yaml").write_text(PAYMENTS)
    (body,) = _contracts([str(tmp_path)])
    assert body["provider"] == "payment"
    (body,) = _contracts([f"pay={tmp_path / 'payment' / 'api.yaml'}"])
    assert (body["provider"], body["format"]) == ("pay", "openapi")
    with pytest.raises(UsageError, match="does not name its provider; write PROVIDER="):
        list(_contracts([str(tmp_path / "payment" / "api.yaml")]))
    with pytest.raises(UsageError, match="no such file"):
        list(_contracts(["pay=nothing.yaml"]))


def prepared(folder: Path, kafka: KafkaBroker) -> tuple[list[str], dict[str, str]]:
    """Contracts of payment's API and topic, and where its services find their queue."""
    topic = kafka.make_topic(partitions=1)
    message = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["id", "amount"],
        "properties": {"id": {"type": "integer"}, "amount": {"type": "number"}}, "x-seamwatch": {"topic": topic},
    }  # fmt: skip
    (folder / "payment.json").write_text(json.dumps(PAYMENT))
    (folder / "paid.json").write_text(json.dumps(message))
    amended = json.loads(json.dumps(PAYMENT))
    answer = amended["paths"]["/payments"]["post"]["responses"]["201"]
    answer["content"]["application/json"]["schema"]["required"].append("currency")
    (folder / "amended.json").write_text(json.dumps(amended))
    told = {"SHOP_KAFKA": kafka.bootstrap, "SHOP_TOPIC": topic, "PYTHONPATH": str(ROOT)}
    return ["--contract", f"ledger={folder / 'paid.json'}"], {**os.environ, **told}


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.long
def test_a_command_with_three_services_a_database_and_a_queue_ends_in_the_verdict(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    contracts, variables = prepared(tmp_path, kafka)
    seamwatch = [
        sys.executable,
        "-c",
        "from monitor.command import main; main()",
        "session",
        *contracts,
    ]
    for name, code in (("payment", 0), ("amended", 1)):
        folder = tmp_path / f"{name}-data"
        folder.mkdir()
        contract = [
            "--contract",
            f"payment={tmp_path / f'{name}.json'}",
            "--format",
            "json",
            "--output",
            str(folder / "verdict.json"),
        ]
        drive = [sys.executable, "-m", "tests.fixtures.three_services", "drive", str(folder)]
        ran = subprocess.run(
            [*seamwatch, *contract, "--", *drive], env=variables, capture_output=True, text=True, timeout=250, cwd=tmp_path, check=False
        )  # fmt: skip
        assert ran.returncode == code, ran.stderr
        assert json.loads(ran.stdout) == {"id": 7, "paid": 12.5}
        told = json.loads((folder / "verdict.json").read_text())
        edges = {(edge["caller"], edge["callee"]) for edge in told["edges"]}
        assert {("shop", "payment"), ("payment", "ledger")} <= edges, sorted(edges)
        assert any(
            edge["protocol"] == "database" and edge["caller"] == "payment"
            for edge in told["edges"]
        )
        assert told["untouched"] == []  # its API and its topic
        broken = [(row["operation"], row["place"], row["rule"]) for row in told["changes"]]
        assert broken == ([("POST /payments", "/currency", "required")] if code else [])


INNER = """
from pathlib import Path
import pytest
from tests.fixtures.three_services import free_ports, order_and_wait, running

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shop")

def test_an_order_is_paid_and_booked(seamwatch, folder):
    with running(folder, free_ports()) as client:
        assert order_and_wait(client, folder) == {"id": 7, "paid": 12.5}
    assert seamwatch.verdict()["valid"] >= 2

@pytest.mark.seamwatch(settle=0.2)
def test_nothing_is_sent(seamwatch):
    pass

@pytest.mark.seamwatch(settle=0, unchecked="allow")
def test_an_amendment_is_broken(seamwatch, tmp_path):
    import datetime, json, urllib.request
    seamwatch.publish(Path("amended.json"), "payment")
    told = {"time": datetime.datetime.now(datetime.UTC).isoformat(), "method": "POST", "path": "/payments", "status": 201, "callee": "payment",
            "response_headers": {"content-type": "application/json"}, "response_body": json.dumps({"id": 1, "amount": 1})}
    urllib.request.urlopen(urllib.request.Request(seamwatch.api_logs, json.dumps(told).encode())).close()
"""


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.long
def test_a_test_with_the_fixture_fails_for_what_its_services_broke(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    _, variables = prepared(tmp_path, kafka)
    (tmp_path / "test_shop.py").write_text(INNER)
    command = f"{sys.executable} -c 'from monitor.command import main; main()'"
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nseamwatch_command = {command}\nseamwatch_contracts =\n  payment=payment.json\n  ledger=paid.json\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:seamwatch", "-p", "monitor.pytest_plugin", "-p", "no:schemathesis", "-p", "no:cacheprovider",
         "-q", "-ra", "--tb=short", "--junitxml=out.xml", "test_shop.py"],
        env=variables, capture_output=True, text=True, timeout=280, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert "2 failed" in ran.stdout, ran.stdout
    assert "nothing could be checked in this test" in ran.stdout
    assert "POST /payments: response /currency breaks required of payment revision 2" in ran.stdout


@pytest.mark.long
def test_a_command_that_does_not_end_when_told_to_is_killed_and_the_verdict_told(
    tmp_path: Path,
) -> None:
    """What ends a pipeline's step waits some seconds, and the verdict is told in them."""
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); time.sleep(300)"
    )
    command = [
        sys.executable,
        "-c",
        "from monitor.cli import main; main()",
        "session",
        "--settle",
        "0",
        "--",
    ]
    with subprocess.Popen(
        [*command, sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "up\n"
        session.terminate()
        told, _ = session.communicate(timeout=120)
    assert session.returncode == 128 + signal.SIGKILL
    assert told.count("nothing could be checked") == 1
