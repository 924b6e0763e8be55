"""What `contracts check` found, as a person, a pipeline or a code host wants to read it. Rows are
written as they come.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal, Protocol

import orjson
import typer

from monitor.cli.printing import plain, show, tell_what_is_judged
from monitor.cli.publications import contradiction_text, tell_contradictions
from monitor.cli.report_forms import (
    MOST_ANNOTATIONS,
    annotate,
    annotate_run,
    physical_location,
    write_junit,
    write_sarif,
    xml_text,
)

ReportFormat = Literal["text", "table", "json", "ndjson", "sarif", "junit", "github", "csv"]
DiffFormat = Literal["text", "json", "markdown", "sarif", "junit", "github"]
_MOST_LINES, _MOST_NAMED = 200, 5
NO_EXCHANGE = "the traffic holds no exchange"
_ROW = (
    "index",
    "file",
    "record",
    "source",
    "operation",
    "status",
    "verdict",
    "reason",
    "reasons",
    "observations",
)
_VIOLATION = (
    *("index", "operation", "side", "rule", "pointer", "expected", "actual_kind"),
    *("clause", "contract", "fingerprint"),
)
_SARIF = ("operation", "side", "pointer", "clause", "expected", "actual_kind", "index")
_CSV = (
    "index verdict operation status side rule pointer clause expected actual_kind reasons".split()
)


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell when all is read: `broken` has each clause that was broken once, with
    `exchanges`, `line` and, as `covered`, the name of its operation in `coverage`.
    """

    summary: dict[str, Any]
    coverage: dict[str, Any]
    broken: list[dict[str, Any]]
    contracts: list[dict[str, Any]]
    contradictions: list[dict[str, Any]] = field(default_factory=list)
    """What contracts of one service forbid each other; no exchange breaks anything by it."""


class Reporter(Protocol):
    """Writes rows as they come, and a report at the end."""

    def row(self, row: Mapping[str, Any]) -> None:
        """One entry of the traffic."""

    def end(self, report: Report) -> None:
        """The report."""


class _Silent:
    """Of rows nothing: all is told at the end."""

    def __init__(self, tell: Callable[[Report], None]) -> None:
        self.end = tell

    def row(self, row: Mapping[str, Any]) -> None:
        """Nothing."""


def _as_json(row: dict[str, Any]) -> str:
    """A row in one line. Names of files may hold bytes that are no text."""
    try:
        return orjson.dumps(row).decode()
    except TypeError:
        return json.dumps(row)


class _Json:
    """One object. Violations wait in a file of their own until the exchanges are written."""

    def __init__(self) -> None:
        self._waiting: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed at the end
        self._rows = self._violations = 0

    def row(self, row: Mapping[str, Any]) -> None:
        """Write an exchange; put its violations by."""
        sys.stdout.write(
            ('{\n "exchanges": [\n  ' if not self._rows else ",\n  ")
            + _as_json({name: row[name] for name in _ROW})
        )
        self._rows += 1
        for violation in _violations(row):
            self._waiting.write(("" if not self._violations else ",\n  ") + json.dumps(violation))
            self._violations += 1

    def end(self, report: Report) -> None:
        """Write the rest."""
        sys.stdout.write("\n ],\n" if self._rows else '{\n "exchanges": [],\n')
        sys.stdout.write(' "violations": [')
        self._waiting.seek(0)
        if self._violations:
            sys.stdout.write("\n  ")
            for piece in iter(lambda: self._waiting.read(65_536), ""):
                sys.stdout.write(piece)
            sys.stdout.write("\n ")
        self._waiting.close()
        rest = {
            "summary": report.summary,
            "coverage": report.coverage,
            "contracts": report.contracts,
            "contradictions": report.contradictions,
        }
        for name, held in rest.items():
            sys.stdout.write(
                ("],\n" if name == "summary" else ",\n") + f' "{name}": {json.dumps(held)}'
            )
        sys.stdout.write("\n}\n")


class _Lines:
    """One object a line: exchanges, each violation after its own, and last the summary."""

    def row(self, row: Mapping[str, Any]) -> None:
        """One exchange."""
        self._line("exchange", {name: row[name] for name in _ROW})
        for violation in _violations(row):
            self._line("violation", violation)

    def end(self, report: Report) -> None:
        """The rest."""
        for clash in report.contradictions:
            self._line("contradiction", clash)
        self._line(
            "summary",
            {**report.summary, "coverage": report.coverage, "contracts": report.contracts},
        )

    def _line(self, kind: str, held: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps({"type": kind, **held}) + "\n")


class _Csv:
    """A row an exchange and violation."""

    def __init__(self) -> None:
        self._begun = False

    def row(self, row: Mapping[str, Any]) -> None:
        """One exchange."""
        shared = {name: row[name] for name in ("index", "verdict", "operation", "status")} | {
            "reasons": ", ".join(row["reasons"])
        }
        rows = [{**shared, **broken} for broken in row["violations"] or [{}]]
        show(rows, _CSV, "csv", heading=not self._begun)
        self._begun = True

    def end(self, report: Report) -> None:
        """Nothing: a sheet has one kind of row."""


def reporter(form: ReportFormat) -> Reporter:
    """Who writes this form to standard output."""
    if form == "json":
        return _Json()
    if form == "ndjson":
        return _Lines()
    if form == "csv":
        return _Csv()
    return _Silent({"sarif": _sarif, "junit": _junit, "github": _github}.get(form, _text))


def _violations(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for broken in row["violations"]:
        violation = {**broken, "index": row["index"]}
        yield {name: violation[name] for name in _VIOLATION}


def message(broken: Mapping[str, Any]) -> str:
    """A broken clause in one sentence."""
    place = f" at {broken['pointer']}" if broken["pointer"] else ""
    instead = (
        f": expected {broken['expected']}, found {broken['actual_kind']}"
        if broken["expected"]
        else ""
    )
    return plain(
        f"{broken['operation']}: the {broken['side']} breaks {broken['rule']}{place}{instead} ({broken['exchanges']} exchanges)"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _text(report: Report) -> None:
    summary, coverage = report.summary, report.coverage
    if not summary["exchanges"]:
        typer.echo(NO_EXCHANGE)
    elif summary["files_without_exchanges"]:
        silent = ", ".join(summary["files_without_exchanges"])
        typer.echo(plain(f"no exchange could be read of {silent}; seamwatch decode says why"))
    columns = (
        "exchanges operation side rule pointer expected actual_kind contract line index".split()
    )
    if report.broken:
        show(report.broken[:_MOST_LINES], columns, "table")
        if len(report.broken) > _MOST_LINES:
            typer.echo(f"and {len(report.broken) - _MOST_LINES} more; --format json shows all")
        typer.echo()
    rows = [{"operation": name, **counts} for name, counts in coverage["operations"].items()]
    if rows:
        show(rows, ["operation", "valid", "violated", "not_checked"], "table")
        typer.echo()
    figures = {
        name: summary[name]
        for name in ("exchanges", "valid", "violated", "not_checked", "passed_over")
        if summary[name] != 0
    }
    figures |= {
        name: ", ".join(f"{key} {count}" for key, count in summary[name].items())
        for name in ("reasons", "observations", "sources")
        if summary[name]
    }
    figures |= {name: coverage[name] for name in ("operations_offered", "operations_seen")}
    if coverage["unseen"]:
        figures["operations_unseen"] = _some(coverage["unseen"])
    if coverage["interactions"] or coverage["unproven"]:
        figures |= {
            "interactions_seen": len(coverage["interactions"]),
            "interactions_unproven": len(coverage["unproven"]),
        }
    show(
        [{"name": name, "value": value} for name, value in figures.items()],
        ["name", "value"],
        "table",
    )
    typer.echo()
    for contract in report.contracts:
        if len(report.contracts) > 1:
            typer.echo(plain(contract["file"]))
        tell_what_is_judged(contract)
    tell_contradictions(report.contradictions)
    typer.echo(f"result: {summary['result'].replace('_', ' ')}")


def _sarif(report: Report) -> None:
    results = [
        (
            broken["rule"],
            {
                "level": "error",
                "message": {"text": message(broken)},
                "locations": [_location(broken)],
                "partialFingerprints": {"seamwatch/v1": broken["fingerprint"]},
                "occurrenceCount": broken["exchanges"],
                "properties": {name: broken[name] for name in _SARIF},
            },
        )
        for broken in report.broken
    ]
    write_sarif(
        results,
        "A live exchange breaks the clause `{rule}` of its contract",
        _invocation(report.summary),
        {"summary": report.summary, "coverage": report.coverage},
    )


def _invocation(summary: Mapping[str, Any]) -> dict[str, Any]:
    invocation = {"executionSuccessful": summary["exit"] != 2, "exitCode": summary["exit"]}
    if not invocation["executionSuccessful"]:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": nothing_checked(summary)}}
        ]
    return invocation


def nothing_checked(summary: Mapping[str, Any]) -> str:
    """Why a run says nothing of the contracts, in one sentence."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary["reasons"].items())
    why = reasons if summary["exchanges"] else NO_EXCHANGE
    return plain(f"Nothing could be checked: {why}" if why else "Nothing could be checked")


def _location(broken: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "physicalLocation": physical_location(broken["contract_file"], broken["line"]),
        "logicalLocations": [{"fullyQualifiedName": broken["clause"] or "/", "kind": "member"}],
    }


def _junit(report: Report) -> None:
    """A test case an operation: failed by what broke it, skipped where nothing of it could be
    checked or it was never called; and one in error where nothing at all could be checked.
    """
    by_operation: dict[str, list[dict[str, Any]]] = {}
    for broken in report.broken:
        by_operation.setdefault(broken["covered"], []).append(broken)
    coverage = report.coverage
    names = list(dict.fromkeys([*coverage["operations"], *by_operation, *coverage["unseen"]]))
    cases, failed, skipped = list[tuple[str, str]](), 0, 0
    for name in names:
        inside = ""
        if name in by_operation:
            failed += 1
            text = "\n".join(message(broken) for broken in by_operation[name])
            inside = f'<failure message="{xml_text(message(by_operation[name][0]))}" type="{xml_text(by_operation[name][0]["rule"])}">{xml_text(text)}</failure>'
        elif not coverage["operations"].get(name, {}).get("valid"):
            skipped += 1
            why = (
                "not seen in this traffic"
                if name in coverage["unseen"]
                else "nothing of it could be checked"
            )
            inside = f'<skipped message="{why}"/>'
        cases.append((name, inside))
    errors = 0
    if report.summary["exit"] == 2:
        errors, why = 1, xml_text(nothing_checked(report.summary))
        cases.append(("traffic", f'<error message="{why}" type="nothing_checked">{why}</error>'))
    counts = {"failures": failed, "errors": errors, "skipped": skipped}
    write_junit("seamwatch contracts check", cases, counts, json.dumps(report.summary))


def _github(report: Report) -> None:
    for broken in report.broken[:MOST_ANNOTATIONS]:
        title = f"Contract broken: {broken['rule']}"
        annotate("error", broken["contract_file"], broken["line"], title, message(broken))
    if len(report.broken) > MOST_ANNOTATIONS:
        typer.echo(f"::warning::{len(report.broken) - MOST_ANNOTATIONS} more broken clauses")
    for clash in report.contradictions[:MOST_ANNOTATIONS]:
        annotate_run("warning", "Contracts contradict each other", contradiction_text(clash))
    summary = report.summary
    counts = ", ".join(
        f"{summary[name]} {name.replace('_', ' ')}"
        for name in ("valid", "violated", "not_checked")
    )
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary["reasons"].items())
    level = (
        "notice"
        if summary["result"] == "kept"
        else "error"
        if summary["result"] == "broken"
        else "warning"
    )
    text = f"{summary['exchanges']} exchanges: {counts}" + (f" ({reasons})" if reasons else "")
    text = f"{nothing_checked(summary)}. {text}" if summary["exit"] == 2 else text
    annotate_run(level, "seamwatch contracts check", text)
