"""`seamwatch session`: a command with a Seamwatch of its own beside it, whose verdict it ends in."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.cli.contract_diff import show_changes
from monitor.cli.contract_files import documents_in
from monitor.cli.contract_folder import planned
from monitor.cli.contract_reports import DiffFormat
from monitor.cli.logs import set_up_logs
from monitor.cli.printing import plain
from monitor.cli.session import settings_of
from monitor.cli.session_host import SETTLE_SECONDS, Host, hosted
from monitor.cli.working import stop_on_signals
from monitor.errors import MonitorError, UsageError
from monitor.masking import shown
from monitor.model.sessions import SessionVerdict

GRACE_SECONDS = 10.0
"""A command that is told to end, and does not, is killed after so long."""
NOTHING_CAME = "nothing came: did the services start and stay up, and do they send to OTEL_EXPORTER_OTLP_ENDPOINT by http/protobuf?"
NO_PAYLOADS = (
    "spans came and no payloads, which contracts are held against: have services send API logs to "
    "SEAMWATCH_API_LOGS_URL, or OTLP logs"
)
_MOST_EDGES = 20
ASK_SECONDS = 120.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_WORDS = {
    "kept": "every contract that was touched is kept",
    "broken": "contracts are broken",
    "kept_in_part": "what could be checked is kept, and that is not all",
    "nothing_checked": "nothing could be checked",
}


def session(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND …]",
            help="What to run, as `-- pytest tests/system`; without it the session stands until Ctrl-C or SIGTERM.",
        ),
    ] = None,
    contract: Annotated[
        list[str] | None,
        typer.Option(
            "--contract",
            metavar="[PROVIDER=]FILE",
            help="In force in this session only, again for more: a file, which some exchange has to touch, or a folder as for `contracts sync`.",
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT of the receiver; port 0 takes a free one.")
    ] = "127.0.0.1:0",
    settle: Annotated[
        float,
        typer.Option(help="Wait until nothing has come for so many seconds.", min=0, max=60),
    ] = SETTLE_SECONDS,
    page: Annotated[
        bool, typer.Option("--page", help="Serve the pages, too, while it lasts.")
    ] = False,
    ends_with: Annotated[
        int | None,
        typer.Option("--ends-with", metavar="PID", help="Stand no longer than this process."),
    ] = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", "-f", help="How to print the verdict.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the verdict to a file.")
    ] = None,
) -> int:
    """Run a command with a Seamwatch of its own: OTLP/HTTP and API logs on a free port, contracts in
    force there only. Exits as the command where that fails, else 0 kept, 1 broken, 2 where nothing
    or not all could be checked.
    """
    set_up_logs("error", "auto")
    bodies, place = list(_contracts(contract or [])), _address(listen)
    if place[0] not in _LOOPBACK:
        typer.echo(
            f"the receiver at {plain(listen)} asks for no password; keep that network to the tests",
            err=True,
        )
    with hosted(settings_of(context), bodies, listen=place, page=page) as host:
        code = _run(command, host) if command else _stand(host, ends_with)
        verdict = host.verdict(settle=settle)
        taken = dict(host.taken)
    if output is None:
        _show(verdict, taken, form)
    else:
        _write(verdict, taken, form, output)
    if code:
        typer.echo(f"the command ended with {code}", err=True)
    return code or verdict.exit_code


def verdict(
    address: Annotated[
        str, typer.Argument(help="Where a session stands, as http://127.0.0.1:4318.")
    ],
    since_ns: Annotated[
        int | None,
        typer.Option(
            help="Only what ended since then, in ns; /v1/session tells now. All by default."
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(help="Wait until nothing has come for so many seconds.", min=0, max=60),
    ] = SETTLE_SECONDS,
    form: Annotated[
        DiffFormat, typer.Option("--format", "-f", help="How to print the verdict.")
    ] = "text",
) -> int:
    """Ask a session that stands, in a container for instance, for its verdict so far. Exits 0 kept,
    1 broken, 2 where nothing or not all could be checked.
    """
    import httpx
    from pydantic import TypeAdapter

    asked: dict[str, str] = {"settle_seconds": f"{settle:g}"}
    if since_ns is not None:
        asked["since_ns"] = str(since_ns)
    place = f"{address.rstrip('/')}/v1/session/verdict"
    try:
        answer = httpx.get(place, params=asked, timeout=ASK_SECONDS)
        answer.raise_for_status()
        document = answer.json()
        taken = document.pop("taken")
        held = TypeAdapter(SessionVerdict).validate_python(document)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise MonitorError(
            f"no session tells its verdict at {shown(address)}: {type(error).__name__}; does `seamwatch session` stand there?"
        ) from None
    _show(held, taken, form)
    return held.exit_code


def _run(command: Sequence[str], host: Host) -> int:
    """The command's exit code; 128 and the signal's number where one ended it."""
    try:
        child = subprocess.Popen(command, env=os.environ | host.environment())
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be run: {error.strerror}") from None
    pressed: list[float] = []

    def asked_to_end(sent: int, _: object) -> None:
        pressed.append(time.monotonic())
        child.send_signal(sent)

    with child:
        signal.signal(signal.SIGINT, lambda sent, _: child.send_signal(sent))
        signal.signal(signal.SIGTERM, asked_to_end)
        while (code := _ended(child)) is None:
            # who ends a pipeline's step ends it for good soon after, and no verdict was told then
            if pressed and time.monotonic() - pressed[0] > GRACE_SECONDS:
                child.kill()
    return 128 - code if code < 0 else code


def _ended(child: "subprocess.Popen[bytes]") -> int | None:
    try:
        return child.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return None


def _stand(host: Host, ends_with: int | None) -> int:
    """Tell the variables, and stand until a signal, or until that process has ended."""
    for name, value in host.environment().items():
        typer.echo(f"export {name}={value}")
    stop = threading.Event()
    stop_on_signals(stop)
    while not stop.wait(None if ends_with is None else 1.0):
        if ends_with is not None and not _lives(ends_with):
            break
    return 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _contracts(words: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Bodies as they are published. UsageError for what is no contract, or names no provider."""
    for word in words:
        provider, equals, rest = word.partition("=")
        path = Path(rest if equals else word)
        if not path.exists():
            raise UsageError(f"no such file: {path}")
        if path.is_dir() and not equals:
            plan = planned(path)
            if plan.refused:
                raise UsageError(f"{plan.refused[0][0]}: {plan.refused[0][1]}")
            for _, body in plan.bodies:
                yield {name: body[name] for name in _OF_BODY if body.get(name)}
            continue
        for document in documents_in([path], None)[0]:
            if not equals and document.kind != "pact":
                raise UsageError(
                    f"{document.source} does not name its provider; write PROVIDER={document.source}"
                )
            owner = {"provider": provider} if equals else {}
            yield {"document": document.text, "format": document.kind, "named": True, **owner}


_OF_BODY = ("name", "format", "provider", "document", "consumer")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--listen {text[:60]}: write HOST:PORT, as 127.0.0.1:4318")
    return host.strip("[]"), int(port)


def _write(
    verdict: SessionVerdict, taken: Mapping[str, int], form: DiffFormat, output: Path
) -> None:
    from contextlib import redirect_stdout

    with output.open("w", encoding="utf-8") as file, redirect_stdout(file):
        _show(verdict, taken, form)
    typer.echo(plain(f"{output}: {_WORDS[verdict.result]}"), err=True)


def _show(verdict: SessionVerdict, taken: Mapping[str, int], form: DiffFormat) -> None:
    rows: list[dict[str, Any]] = [
        {
            "operation": broken.operation, "side": broken.side, "status": "", "place": broken.pointer, "rule": broken.rule, "what": "broken",
            "bearing": "breaking", "counterexample": "", "told": plain(clause_text(broken)), "file": broken.contract, "line": 1,
            "fingerprint": broken.fingerprint, "exchanges": broken.exchanges,
        }
        for broken in verdict.violations
    ]  # fmt: skip
    lines = list(told_of(verdict, taken))
    if verdict.exit_code == 2 and form != "text":  # as text the summary says it
        rows.append(
            {
                "operation": "", "side": "", "status": "", "place": "", "rule": verdict.result, "what": "unchecked", "bearing": "unchecked",
                "counterexample": "", "told": " | ".join(lines), "file": "session", "line": 1, "fingerprint": "", "exchanges": 0,
            }
        )  # fmt: skip
    edges = [
        {"caller": edge.caller, "callee": edge.callee, "protocol": edge.protocol, "operation": edge.operation, "calls": edge.calls, "failed": edge.failed}
        for edge in verdict.edges
    ]  # fmt: skip
    summary: dict[str, Any] = {
        "command": "seamwatch session", "title": "Session", "result": verdict.result, "exit": verdict.exit_code, "all_told": True,
        "changes": len(rows), "valid": verdict.valid, "violated": verdict.violated, "not_checked": dict(verdict.not_checked),
        "refused": dict(verdict.refused), "untouched": list(verdict.untouched), "missing": list(verdict.missing), "edges": edges, "taken": dict(taken),
        "said": "\n".join(lines),
    }  # fmt: skip
    show_changes(form, summary, rows)


def clause_text(broken: Any) -> str:
    """A broken clause in one line."""
    pair = f"{broken.caller or 'unknown'} {broken.caller_version}".rstrip()
    callee = f"{broken.callee} {broken.callee_version}".rstrip()
    where = f"{broken.side} {broken.pointer or '/'}"
    return (
        f"{pair} -> {callee} {broken.operation}: {where} breaks {broken.rule} of {broken.contract} "
        f"(expected {broken.expected}, was {broken.actual}; {broken.exchanges} exchanges)"
    )


def told_of(verdict: SessionVerdict, taken: Mapping[str, int]) -> Iterator[str]:
    """The verdict, what was seen, and what was not checked, and why."""
    seen = verdict.valid + verdict.violated
    left = Counter(verdict.not_checked)
    yield plain(
        f"session: {_WORDS[verdict.result]}; {seen} exchanges checked, {verdict.violated} of them broken, {left.total()} not checked"
    )
    if left:
        yield plain(
            "not checked: "
            + ", ".join(f"{reason} {count}" for reason, count in left.most_common(8))
        )
    if verdict.refused:
        yield plain(
            "not read: "
            + ", ".join(f"{reason} {count}" for reason, count in verdict.refused.items())
        )
    if verdict.missing:
        yield plain(f"no exchange touched what this run is about: {', '.join(verdict.missing)}")
    if others := [name for name in verdict.untouched if name not in verdict.missing]:
        yield plain(f"no exchange touched: {', '.join(others)}")
    if not taken:
        yield NOTHING_CAME
    elif verdict.edges and not seen and not left and not verdict.refused:
        yield NO_PAYLOADS
    for edge in verdict.edges[:_MOST_EDGES]:
        failed = f", {edge.failed} failed" if edge.failed else ""
        yield plain(
            f"  {edge.caller} -> {edge.callee} {edge.operation}: {edge.calls} calls{failed}"
        )
    if len(verdict.edges) > _MOST_EDGES:
        yield f"  and {len(verdict.edges) - _MOST_EDGES} more edges"
