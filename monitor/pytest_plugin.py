"""A pytest plugin: the fixture `seamwatch` is a Seamwatch of its own for the test run, to which the
services under test send traces and payloads; a test that uses it ends in its verdict.

Imports nothing but the standard library and pytest, for it is loaded wherever the wheel is
installed: `seamwatch session` runs beside the tests as a process of its own.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 300.0
ANSWER_SECONDS = 60.0
END_SECONDS = 30.0
_MARK = "seamwatch(contracts=(), settle=1.0, unchecked='fail'): what is in force for a test, how long it is waited for late spans, and whether a test in which nothing, or not all, could be checked fails (`fail`) or not (`allow`)."

_ARGUMENTS = frozenset({"contracts", "settle", "unchecked"})


class BrokenContract(AssertionError):
    """What the services under test exchanged breaks a contract, or not all could be checked."""


class Unanswered(RuntimeError):
    """The session is not there, so that nothing is known of the test."""


class Seamwatch:
    """What the fixture gives. `environment` are variables for the services under test; they are set
    in this process, too, while the test runs.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        session = self._ask("/v1/session")
        self.environment: Mapping[str, str] = session["environment"]
        self._since = int(session["now_ns"])
        self.settle, self.unchecked = 1.0, "fail"
        self._published: list[str] = []
        self._before: dict[str, int | None] = {}
        self._counted: Counter[str] = Counter()

    @property
    def api_logs(self) -> str:
        """Where API logs are posted to: a record a line, or a list of them."""
        return f"{self.address}/v1/api-logs"

    def publish(self, contract: str | Path, provider: str = "", **more: str) -> str:
        """Put a contract in force from now on, in this test only; gives its name. A pact names its
        provider itself. Some exchange of the test has to touch it.
        """
        document = Path(contract).read_text(encoding="utf-8")
        body = {"document": document, "provider": provider, **more}
        answer = self._ask("/v1/session/contracts", body)
        name = str(answer["name"])
        self._before.setdefault(name, answer.get("before"))
        self._published.append(name)
        return name

    def _restore(self) -> None:
        """What was in force before the test is in force again."""
        for name, number in self._before.items():
            if number is not None:  # else a monitor of a former version
                self._ask("/v1/session/contracts/restored", {"name": name, "revision": number})
        self._before.clear()

    def verdict(self, settle: float | None = None, *, edges: bool = True) -> dict[str, Any]:
        """What became of the exchanges since the test began; waits until nothing has come for
        `settle` seconds. `edges`: also who called whom, which takes longer.
        """
        question = {
            "since_ns": self._since,
            "settle_seconds": self.settle if settle is None else settle,
            "edges": int(edges),
            "required": ",".join(self._published),
        }
        query = urllib.parse.urlencode(question)
        answer: dict[str, Any] = self._ask(f"/v1/session/verdict?{query}")
        return answer

    def check(self) -> None:
        """Raise BrokenContract unless all that came could be checked, and is kept."""
        __tracebackhide__ = True
        verdict = self.verdict(edges=False)
        self._count(verdict)
        result = verdict["result"]
        if result == "broken" or (result != "kept" and self.unchecked != "allow"):
            raise BrokenContract(_told(verdict))

    def begin(self) -> None:
        """Count from now on; what was before is nobody's failure."""
        self._count(self.verdict(0, edges=False))
        self._begin()

    def _begin(self) -> None:
        self._since = int(self._ask("/v1/session")["now_ns"])

    def _count(self, verdict: Mapping[str, Any]) -> None:
        """What this test has seen broken is no surprise at the end of the run."""
        seen = Counter[str]()
        for row in verdict["violations"]:
            seen[row["fingerprint"]] += row["exchanges"]
        self._counted |= seen

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.address}{path}", data)  # noqa: S310 - our own process
        try:
            with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            refusal = error.read().decode("utf-8", "replace")
            raise RuntimeError(f"seamwatch refuses {path}: {refusal[:1000]}") from None
        except OSError as error:
            raise Unanswered(
                f"`seamwatch session` at {self.address} does not answer {path.partition('?')[0]}, so that nothing is known of this test: {error}"
            ) from None


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seamwatch-contract`, and the same in the settings file."""
    group = parser.getgroup("seamwatch")
    group.addoption(
        "--seamwatch-contract",
        action="append",
        default=[],
        metavar="[PROVIDER=]FILE",
        help="a contract in force in this test run only; again for more",
    )
    parser.addini("seamwatch_contracts", "contracts in force, [PROVIDER=]FILE", "linelist", [])
    parser.addini("seamwatch_command", "how `seamwatch` is run, as words", "args", [])


def pytest_configure(config: pytest.Config) -> None:
    """Tell the marker."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture(scope="session")
def seamwatch_session(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a Seamwatch that stands until the tests are over."""
    root = pytestconfig.rootpath
    contracts = [_below(root, word) for word in pytestconfig.getini("seamwatch_contracts")]
    contracts += pytestconfig.getoption("--seamwatch-contract")
    command = pytestconfig.getini("seamwatch_command")
    words = [*_command(command), "session", "--settle", "0"]
    if not command:  # a container, for one, does not see our processes
        words += ["--ends-with", str(os.getpid())]
    for contract in contracts:
        words += ["--contract", contract]
    counted = pytestconfig.stash[_COUNTED] = Counter[str]()
    # in a group of its own: Ctrl-C would end it before the services, and our word to end, coming
    # second, would leave its folder behind
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, process_group=0 if os.name == "posix" else None
    ) as child:
        try:
            address = _address_of(child)
            yield address
            # else each test has said so, or nobody waits for more
            if child.poll() is None and not pytestconfig.stash.get(_INTERRUPTED, False):
                whole = _whole(Seamwatch(address), counted)
                if whole and not hasattr(
                    pytestconfig, "workerinput"
                ):  # who has a part of the tests
                    warnings.warn(f"in no test an exchange touched: {whole}", stacklevel=1)
        finally:
            child.terminate()
            try:
                child.wait(END_SECONDS)
            except BaseException:
                child.kill()
                raise


@pytest.fixture(scope="session")
def seamwatch_environment(seamwatch_session: str) -> Mapping[str, str]:
    """Variables for services that stand longer than a test."""
    return Seamwatch(seamwatch_session).environment


@pytest.fixture
def seamwatch(
    seamwatch_session: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Seamwatch]:
    """A Seamwatch of its own: what is exchanged from here on is held against the contracts in force
    here, and the test fails where one is broken, or where nothing or not all could be checked.
    """
    watched = Seamwatch(seamwatch_session)
    try:
        for mark in reversed(list(request.node.iter_markers("seamwatch"))):
            unknown = sorted(mark.kwargs.keys() - _ARGUMENTS)
            if unknown or mark.args:  # the contract that it means would not be in force
                odd = ", ".join([*unknown, *map(repr, mark.args)])
                pytest.fail(
                    f"the mark `seamwatch` does not know {odd}; write {_MARK.partition(':')[0]}",
                    pytrace=False,
                )
            watched.settle = float(mark.kwargs.get("settle", watched.settle))
            watched.unchecked = str(mark.kwargs.get("unchecked", watched.unchecked))
            for contract in mark.kwargs.get("contracts", ()):
                provider, _, file = str(contract).rpartition("=")
                path = request.config.rootpath / file
                if not path.is_file():
                    pytest.fail(
                        f"the mark `seamwatch` names a contract that is no file: {path}; write PROVIDER=FILE, or FILE of a pact, below {request.config.rootpath}",
                        pytrace=False,
                    )
                watched.publish(path, provider)
        for name, value in watched.environment.items():
            monkeypatch.setenv(name, value)
        watched._begin()  # noqa: SLF001 - ours
        request.node.stash[_WATCHED] = watched
        yield watched
        del request.node.stash[_WATCHED]
        request.config.stash[_COUNTED].update(watched._counted)  # noqa: SLF001 - ours
    finally:
        with suppress(Unanswered):  # each test has said so
            watched._restore()  # noqa: SLF001 - ours


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passed ends in the verdict, so that a violation is its failure: one of any kind,
    whoever asked for the fixture.
    """
    __tracebackhide__ = True
    try:
        result = yield
    except (Exception, pytest.fail.Exception):
        watched = item.stash.get(_WATCHED, None)
        if watched is not None:
            with suppress(RuntimeError):  # what the test failed of is what is told
                watched._count(watched.verdict(0, edges=False))  # noqa: SLF001 - ours
        raise
    watched = item.stash.get(_WATCHED, None)
    if watched is not None:
        why = ""
        try:
            watched.check()
        except BrokenContract as error:
            why = str(error)
        if why:  # outside, or pytest tells it twice
            _fail(why)
    return result


def _fail(why: str) -> None:
    """Shown to pytest, which else adds that all of the traceback is hidden."""
    pytest.fail(why, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Of a run that was broken off nothing more is asked."""
    session.config.stash[_INTERRUPTED] = exitstatus == pytest.ExitCode.INTERRUPTED


_WATCHED, _COUNTED = pytest.StashKey[Seamwatch](), pytest.StashKey[Counter[str]]()
_INTERRUPTED = pytest.StashKey[bool]()


def _whole(whole: Seamwatch, counted: Mapping[str, int]) -> str:
    """Which contracts of the run were not touched. The run ends in an error where exchanges broke a
    contract and no test was told: they came too late for it, or between tests.
    """
    verdict = whole._ask(f"/v1/session/verdict?settle_seconds={whole.settle}&edges=0")  # noqa: SLF001 - ours
    seen = Counter[str]()
    for row in verdict["violations"]:
        seen[row["fingerprint"]] += row["exchanges"]
    left = [row for row in verdict["violations"] if seen[row["fingerprint"]] > counted.get(row["fingerprint"], 0)]  # fmt: skip
    if left:
        lines = [
            "exchanges that came after their test was over, or belong to none, break contracts:"
        ]
        pytest.fail("\n".join([*lines, *map(_clause, left)]), pytrace=False)
    return ", ".join(verdict["missing"])


def _command(words: Sequence[str]) -> list[str]:
    """How the monitor is run: as set, beside this Python, or from the path."""
    if words:
        return list(words)
    beside = Path(sys.executable).parent / "seamwatch"
    program = str(beside) if os.access(beside, os.X_OK) else shutil.which("seamwatch")
    if program is None:
        pytest.fail(
            "the fixture `seamwatch` needs the monitor: pip install 'seamwatch[server]', or set seamwatch_command",
            pytrace=False,
        )
    return [program]


def _below(root: Path, word: str) -> str:
    provider, equals, file = word.rpartition("=")
    return f"{provider}{equals}{root / file}"


def _address_of(child: "subprocess.Popen[str]") -> str:
    """The first lines that a session prints are its variables."""
    lines = queue.SimpleQueue[str]()

    def read() -> None:
        assert child.stdout is not None
        for line in child.stdout:  # to its end, so that it never waits for us
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + START_SECONDS
    try:
        while line := lines.get(timeout=max(0.0, until - time.monotonic())):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            if name == "SEAMWATCH_SESSION":
                return value
        why = f"ended with {child.wait()}; what it said stands above"
    except queue.Empty:
        why = f"did not tell its address within {START_SECONDS:g} s"
    return str(pytest.fail(f"`seamwatch session` {why}", pytrace=False))


def _told(verdict: Mapping[str, Any]) -> str:
    lines = [_clause(row) for row in verdict["violations"]]
    if not lines:
        what = "not all" if verdict["valid"] else "nothing"
        lines = [
            f"{what} could be checked in this test, so that it is not known to keep its contracts"
        ]
        if not verdict["taken"]:
            lines.append(
                "nothing came: did the services start and stay up, and do they send to OTEL_EXPORTER_OTLP_ENDPOINT by http/protobuf?"
            )
    if verdict["missing"]:
        lines.append(f"no exchange touched {', '.join(verdict['missing'])}")
    for what in ("not_checked", "refused"):
        if verdict[what]:
            counts = ", ".join(f"{reason} {count}" for reason, count in verdict[what].items())
            lines.append(f"{what.replace('_', ' ')}: {counts}")
    return "\n".join(lines)


def _clause(row: Mapping[str, Any]) -> str:
    return (
        f"{_named(row, 'caller')} -> {_named(row, 'callee')} {row['operation']}: {row['side']} {row['pointer'] or '/'} breaks {row['rule']} "
        f"of {row['contract']} revision {row['revision']} at {row['clause']} (expected {row['expected']}, was {row['actual']}; exchanges: "
        f"{row['exchanges']})"
    )


def _named(row: Mapping[str, Any], side: str) -> str:
    return f"{row[side] or 'unknown'} {row[f'{side}_version']}".rstrip()
