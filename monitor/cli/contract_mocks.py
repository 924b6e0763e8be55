"""`seamwatch contracts mocks`: how true mocks are to what is live, or to recorded traffic, and
their documents brought up to date.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import typer

from monitor.cli.contract_diff import one_in, show_changes
from monitor.cli.contract_reports import DiffFormat
from monitor.cli.printing import plain
from monitor.cli.recordings import recordings
from monitor.config import Settings
from monitor.contracts.lines import lines_of
from monitor.contracts.payloads import Payload
from monitor.contracts.read import read_contract
from monitor.contracts.registry import InForce, speaks_of
from monitor.decode.api_logs import Names, Refused, explain_api_logs
from monitor.errors import ContractError, UsageError
from monitor.joining.fidelity import fidelity
from monitor.joining.mock_scores import Bodies, Mocked, fresh, mocked
from monitor.joining.mocking import Counted, Mocker
from monitor.joining.operations import operation_of
from monitor.model.exchanges import MESSAGING, Exchange
from monitor.model.mocks import WORST_FIRST
from monitor.model.operations import template_path
from monitor.streams.files import FileSource
from monitor.wording.mocks import mock_sentence, why_undecided

_FOREVER = 2**63 - 1
_AT_ONCE = 5_000
_MOST_GAPS = 10
"""Of several mocks together, in what people read; JSON, SARIF and JUnit have all."""
_COMMAND = "seamwatch contracts mocks"


class Asked(Protocol):
    """An API that can be asked."""

    def get(self, path: str, **params: Any) -> Any: ...

    def pages(self, path: str, **params: Any) -> Any: ...


def live(
    there: Asked,
    names: Sequence[str],
    days: int,
    environment: str | None,
    *,
    form: DiffFormat,
    strict: bool,
) -> int:
    """Print the scores of published mocks, all by default; the exit code. UsageError where none is
    published.
    """
    asked = {"days": days, "environment": environment}
    scores = (
        [there.get(f"/v1/mocks/{quote(name, safe='')}", **asked) for name in names]
        if names
        else there.pages("/v1/mocks", **asked).rows
    )
    if not scores:
        raise UsageError("no mock is published; `seamwatch contracts publish --as mock` adds one")
    return _show(scores, form, strict=strict)


def refreshed(there: Asked, name: str, days: int, into: Path | None) -> int:
    """Write a published mock's document as it should be; what changed is told on standard error."""
    answer = there.get(f"/v1/mocks/{quote(name, safe='')}/refreshed", days=days)
    _write(answer["document"], into)
    _tell(answer["changes"], answer["left"])
    return 0


def recorded(
    files: Sequence[Path],
    traffic: Sequence[Path],
    source: str,
    settings: Settings,
    *,
    form: DiffFormat,
    strict: bool,
    refresh: bool = False,
    samples: bool = False,
    into: Path | None = None,
) -> int:
    """The same of mocks in files against recorded traffic: no store, no Kafka. With `refresh` the
    document is written instead, with `samples` from bodies of that traffic.
    """
    if refresh and len(files) != 1:
        raise UsageError("--refresh writes one document; give the file of one mock")
    documents = [one_in(path) for path in files]
    try:
        mocks = [mocked(document.kind, document.text, document.source) for document in documents]
    except ContractError as error:
        raise UsageError(str(error)) from None
    held = [
        InForce(
            Path(document.source).stem,
            1,
            read_contract(document.kind, document.text, where=document.source),
            0,
            _FOREVER,
        )
        for document in documents
    ]
    with recordings(traffic) as paths:
        seen = _seen(held, _exchanges(paths, source, settings))
    scores = []
    for document, mock, contract, (rows, bodies) in zip(documents, mocks, held, seen, strict=True):
        if refresh:
            done = fresh(mock, rows, {}, bodies if samples else None)
            _write(done.document, into)
            left = [{**asdict(row), "text": mock_sentence(row)} for row in done.left]
            _tell([asdict(change) for change in done.changes], left)
            return 0
        scores.append(_score(contract.name, document.source, document.text, mock, rows))
    return _show(scores, form, strict=strict)


def _exchanges(paths: list[Path], source: str, settings: Settings) -> Iterator[Exchange]:
    """Every call in the files, one at a time; what could not be read is told at the end."""
    topics = settings.topics
    names = Names(topics.api_logs_caller, topics.api_logs_callee, topics.api_logs_environment)
    refused = Counter[str]()
    for _, _, _, entry in explain_api_logs(
        FileSource(paths).poll(), source, topics.api_logs_mapping, names
    ):
        if isinstance(entry, Exchange) and entry.protocol != MESSAGING:
            yield entry
        elif isinstance(entry, Refused):
            refused[str(entry)] += 1
    for reason, count in refused.most_common(5):
        typer.echo(plain(f"{count} entries could not be read: {reason}"), err=True)


def _seen(
    held: Sequence[InForce], exchanges: Iterable[Exchange]
) -> list[tuple[list[dict[str, Any]], Bodies]]:
    """For each mock rows as the store counts them, and the newest body of each stub and status. Its memory
    hangs on the mocks and on what is different, not on the length of the traffic.
    """
    mocker = Mocker()
    meetings = [mocker.batch() for _ in held]
    texts: dict[int, str] = {}
    counted = [Counted(texts) for _ in held]
    bodies: list[Bodies] = [{} for _ in held]
    for number, exchange in enumerate(exchanges):
        request = Payload(
            exchange.request_body, exchange.request_headers, truncated=exchange.request_truncated
        )
        response = Payload(
            exchange.response_body,
            exchange.response_headers,
            truncated=exchange.response_truncated,
        )
        route = exchange.route or template_path(exchange.path)
        operation = operation_of(exchange, request, route)
        for at, contract in enumerate(held):
            consumer = contract.promise.consumer if contract.promise is not None else ""
            if not speaks_of(contract, consumer, exchange.caller):
                continue
            meeting = meetings[at].meet(
                exchange, exchange, operation, (request, response), contract
            )
            if meeting is not None and meeting.interaction and not response.problem:
                bodies[at][meeting.interaction, exchange.status] = response.value
        if number % _AT_ONCE == 0:
            for tally, batch in zip(counted, meetings, strict=True):
                tally.take(batch)
    for tally, batch in zip(counted, meetings, strict=True):
        tally.take(batch)
    return [
        (tally.rows(), held_bodies) for tally, held_bodies in zip(counted, bodies, strict=True)
    ]


def _score(
    name: str, source: str, text: str, mock: Mocked, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    verdict = fidelity(mock.stubs, rows)
    lines = lines_of(text, {finding.clause for finding in verdict.findings})
    return {
        "name": name,
        "format": mock.kind,
        "fidelity": asdict(verdict),
        "findings": [
            {
                **asdict(finding),
                "text": mock_sentence(finding),
                "file": source,
                "line": lines.get(finding.clause, 1),
            }
            for finding in verdict.findings
        ],
        "text": why_undecided(verdict),
        "unreadable": "",
    }


def _show(scores: Sequence[Mapping[str, Any]], form: DiffFormat, *, strict: bool) -> int:
    """Rows of findings, worst first, and a line for each mock."""
    codes = [_exit(score, strict=strict) for score in scores]
    worst = min(codes, key=WORST_FIRST.index)
    rows = [_row(score, finding) for score in scores for finding in score["findings"]]
    rows.sort(key=lambda row: row["bearing"] != "drifted")
    result = {0: "faithful", 1: "drifted", 2: "undecided"}[worst]
    bearings = Counter(row["bearing"] for row in rows)
    lines = [_line(score) for score in scores]
    summary: dict[str, Any] = {
        "command": _COMMAND, "title": "Mocks", "result": result, "exit": worst, "all_told": True, "said": "\n".join(lines),
        "mocks": list(scores), "changes": len(rows), "drifted": bearings["drifted"], "gaps": bearings["gap"],
    }  # fmt: skip
    if form in ("text", "markdown"):
        rows, left = _shortened(rows)
        summary["said"] = "\n".join([*left, *lines])
    show_changes(form, summary, rows)
    return worst


def _shortened(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """All that drifted, the gaps that most exchanges show, and a line that counts the others."""
    gaps = [row for row in rows if row["bearing"] == "gap"]
    gaps.sort(key=lambda row: -row["exchanges"])
    rows_shown = [row for row in rows if row["bearing"] != "gap"] + gaps[:_MOST_GAPS]
    left = Counter(row["rule"] for row in gaps[_MOST_GAPS:])
    if not left:
        return rows_shown, []
    counts = ", ".join(f"{count:,} {code}" for code, count in left.most_common())
    return rows_shown, [f"{left.total():,} more gaps ({counts}); --format json shows all"]


def _exit(score: Mapping[str, Any], *, strict: bool) -> int:
    if score["fidelity"] is None:
        return 2
    code = int(score["fidelity"]["exit_code"])
    return (
        1
        if strict and score["findings"] and code != 1 and score["fidelity"]["exchanges"]
        else code
    )


def _row(score: Mapping[str, Any], finding: Mapping[str, Any]) -> dict[str, Any]:
    whose = finding["stub"] or finding["operation"]
    name = f"{score['name']}: {whose}"
    return {
        "operation": name, "side": "response", "status": finding["status"], "place": finding["pointer"], "rule": finding["code"],
        "what": "drift", "bearing": "gap" if finding["gap"] else "drifted", "counterexample": "",
        "told": plain(f"{name}: {finding['code']}: {finding['text']}"), "file": finding.get("file", score["name"]),
        "line": finding.get("line", 1), **{word: finding[word] for word in ("exchanges", "of", "share", "lower", "upper", "versions")},
    }  # fmt: skip


def _line(score: Mapping[str, Any]) -> str:
    """A mock and what became of it."""
    if score["fidelity"] is None:
        return plain(f"{score['name']}: undecided; it cannot be read: {score['unreadable']}")
    held: Mapping[str, Any] = score["fidelity"]
    name = plain(score["name"])
    counts = Counter("gaps" if finding["gap"] else "drifts" for finding in score["findings"])
    coverage = f"{held['covered']:,} of {held['exchanges']:,} exchanges asked for what it answers"
    open_ = f", {held['open']:,} could not be told" if held["open"] else ""
    score_ = "" if held["score"] is None else f"; score {100 * held['score']:.3g} %"
    why = f" ({plain(score['text'])})" if score["text"] else ""
    return f"{name}: {held['result']}{why}; {counts['drifts']} drifts, {counts['gaps']} gaps; {coverage}{open_}{score_}"


def _write(document: str, into: Path | None) -> None:
    if into is None:
        typer.echo(document, nl=False)
    else:
        into.write_text(document, encoding="utf-8")


def _tell(changes: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]]) -> None:
    for change in changes:
        typer.echo(
            plain(f"{change['stub']}: another {change['what']} at {change['place']}"), err=True
        )
    if not changes:
        typer.echo("nothing in it had to change", err=True)
    for finding in left:
        whose = finding["stub"] or finding["operation"]
        typer.echo(plain(f"left: {whose}: {finding['code']}: {finding['text']}"), err=True)
