"""`seamwatch contracts diff`: two revisions of a contract in files, and what the newer one means
for those who keep to the older one. Neither Kafka nor a store is needed.
"""

import json
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import typer

from monitor.cli.contract_files import Published, documents_in, parse_or_refuse
from monitor.cli.contract_reports import DiffFormat
from monitor.cli.printing import plain
from monitor.cli.publications import change_text
from monitor.cli.report_forms import (
    MOST_ANNOTATIONS,
    annotate,
    annotate_run,
    physical_location,
    write_junit,
    write_sarif,
    xml_text,
)
from monitor.contracts.amendment import EXITS, WORST_FIRST, Weighed, bearing_of, weighed
from monitor.contracts.change import Read
from monitor.contracts.changes import MOST_CHANGES
from monitor.contracts.form import Interaction, Message, Operation
from monitor.contracts.lines import lines_of
from monitor.contracts.read import read_contract
from monitor.errors import ContractError, UsageError
from monitor.wording.amendments import WHY

_LEVELS: Mapping[str, Literal["error", "warning"]] = {
    "breaking": "error",
    "drifted": "error",
    "unchecked": "error",
    "undecided": "warning",
    "gap": "warning",
}
_ORDER = (*WORST_FIRST, "drifted", "unchecked", "gap")
_MOST_LINES = 100
_FOLDED = 5
"""So many rows that one change of a shared definition makes are told as one."""


def held_apart(old: Path, new: Path, form: DiffFormat) -> int:
    """Print what changed and what it means; the exit code: 0 compatible, 1 breaking, 2 undecided.

    UsageError for what cannot be read, and for two kinds of contract.
    """
    was, now = one_in(old), one_in(new)
    if was.kind != now.kind:
        raise UsageError(
            f"{was.source} is {was.kind} and {now.source} is {now.kind}: two revisions of one contract are of one kind"
        )
    before, after = read_of(was), read_of(now)
    rows = weighed(before, after)
    lines = _rows(rows, (was, before), (now, after))
    result = bearing_of(rows)
    counts = Counter(row.bearing for row in rows)
    summary = {
        "result": result,
        "exit": EXITS[result],
        "kind": now.kind,
        "old": was.source,
        "new": now.source,
        "changes": len(rows),
        "breaking": counts["breaking"],
        "undecided": counts["undecided"],
        "compatible": counts["compatible"],
        "all_told": len(rows) < MOST_CHANGES,
    }
    show_changes(form, summary, lines)
    return EXITS[result]


def show_changes(
    form: DiffFormat, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Print rows in a form. A summary may bring its `command` and what is `said` of all. JSON and
    JUnit, which go by operation, have every row; elsewhere what comes from one shared definition
    is one row.
    """
    _PRINTERS[form](summary, rows if form in ("json", "junit") else folded(rows))


def folded(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows in their order; of those that one change of a shared definition makes the first, with
    how many there are and a list of their `places`. A row that live calls meet stays as it is.
    """
    by_key: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for number, row in enumerate(rows):
        words = ("shared", "bearing", "why", "side", "rule", "what", "was", "now")
        alone = not row.get("shared") or row.get("affected")
        key = (number,) if alone else tuple(row.get(word) for word in words)
        by_key.setdefault(key, []).append(row)
    rows_shown: list[Mapping[str, Any]] = []
    for own in by_key.values():
        rows_shown += own if len(own) < _FOLDED else [_one_of(own)]
    return sorted(rows_shown, key=lambda row: _ORDER.index(row["bearing"]))


def _one_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    places = [
        " ".join(row[word] for word in ("operation", "side", "status", "place") if row[word])
        for row in rows
    ]
    operations = len({row["operation"] for row in rows})
    where = f"{len(rows)} places of {operations} operation{'' if operations == 1 else 's'}"
    sentence = f"{rows[0]['told']}; all in all {where} by {rows[0]['shared']}"
    return {**rows[0], "told": sentence, "places": places}


def one_in(path: Path) -> Published:
    if not path.exists():
        raise UsageError(f"no such file: {path}")
    documents, _ = documents_in([path], None)
    if len(documents) != 1:
        raise UsageError(f"{path} holds {len(documents)} contracts; give the file of one")
    return documents[0]


def read_of(document: Published) -> Read:
    try:
        return Read(
            parse_or_refuse(document.text, document.source),
            read_contract(document.kind, document.text, where=document.source),
        )
    except ContractError as error:
        raise UsageError(str(error)) from None


def _rows(
    rows: Sequence[Weighed], was: tuple[Published, Read], now: tuple[Published, Read]
) -> list[dict[str, Any]]:
    gone = [
        row.change.what == "went" and row.change.rule in ("operation", "example") for row in rows
    ]
    begins = {
        there: operation_lines(
            *(was if there else now),
            {row.change.operation for row, went in zip(rows, gone, strict=True) if went == there},
        )
        for there in (True, False)
    }
    return [
        {
            **asdict(row.change),
            "bearing": row.bearing,
            "why": row.why,
            "told": _told(row),
            "counterexample": row.counterexample,
            "file": (was if went else now)[0].source,
            "line": begins[went].get(row.change.operation, 1),
        }
        for row, went in zip(rows, gone, strict=True)
    ]


def _told(row: Weighed) -> str:
    """The change as one line, whom it may break unless it is compatible, and why so."""
    harmless = {"breaks": "nobody"} if row.bearing == "compatible" else {}
    text = change_text(asdict(row.change) | harmless)
    return f"{text} - {WHY[row.why]}" if WHY[row.why] else text


def operation_lines(
    document: Published, read: Read, operations: Collection[str]
) -> dict[str, int]:
    """Where these operations or examples begin, of those that have a place of their own. Reads the
    text once.
    """
    promise = read.promise
    parts: list[Operation | Interaction | Message] = [*promise.operations, *promise.interactions]
    parts += promise.messages
    clauses: dict[str, str] = {}
    for part in parts:
        if part.name in operations and part.clause:
            clauses.setdefault(part.name, part.clause)
    lines = lines_of(document.text, set(clauses.values())) if clauses else {}
    return {name: lines[clause] for name, clause in clauses.items()}


def _text(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows[:_MOST_LINES]:
        typer.echo(plain(f"{row['bearing']:<10} {row['told']}"))
        if row["counterexample"]:
            what = "refused now" if row["side"] == "request" else "never given before"
            typer.echo(plain(f"           {what}: {row['counterexample']}"))
    if len(rows) > _MOST_LINES:
        typer.echo(f"and {len(rows) - _MOST_LINES} more; --format json shows all")
    typer.echo(_said(summary))


def _said(summary: Mapping[str, Any]) -> str:
    if "said" in summary:
        return str(summary["said"])
    if not summary["changes"]:
        return "result: compatible; no clause has changed"
    counts = ", ".join(f"{summary[word]} {word}" for word in WORST_FIRST)
    more = "" if summary["all_told"] else "; there are more changes than are told"
    return f"result: {summary['result']}; {counts}{more}"


def _json(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    json.dump(
        {**summary, "changes": list(rows), "count": summary["changes"]}, sys.stdout, indent=1
    )
    sys.stdout.write("\n")


def _markdown(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """For a pull request."""
    typer.echo(f"### {summary.get('title', 'Contract')}: {summary['result']}\n\n{_said(summary)}")
    if not rows:
        return
    typer.echo("\n| | operation | change |\n|---|---|---|")
    for row in rows[:_MOST_LINES]:
        example = f"<br>`{_cell(row['counterexample'])}`" if row["counterexample"] else ""
        sentence = _cell(row["told"].removeprefix(plain(row["operation"])).strip())
        typer.echo(f"| {row['bearing']} | {_cell(row['operation'])} | {sentence}{example} |")
    if len(rows) > _MOST_LINES:
        typer.echo(f"\nand {len(rows) - _MOST_LINES} more")


def _cell(text: str) -> str:
    """Text that ends no cell, begins no markup and mentions nobody."""
    text = plain(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return text.replace("<", "&lt;").replace("@", "@\u200b").replace("*", "\\*")


def _sarif(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    results = [
        (
            row["rule"],
            {
                "level": _LEVELS[row["bearing"]],
                "message": {"text": plain(row["told"])},
                "locations": [{"physicalLocation": physical_location(row["file"], row["line"])}],
                "properties": dict(row),
            },
        )
        for row in rows
        if row["bearing"] in _LEVELS
    ]
    invocation = {"executionSuccessful": True, "exitCode": summary["exit"]}
    about_rule = "`{rule}`" if "title" in summary else "A newer revision changes `{rule}`"
    write_sarif(results, about_rule, invocation, {"summary": dict(summary)})


def _junit(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """A test case an operation that changed: failed where it breaks, skipped where undecided."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["operation"] or "the whole contract", []).append(row)
    cases, counts = [], Counter[str]()
    for name, own in by_name.items():
        worst = next(word for word in _ORDER if any(row["bearing"] == word for row in own))
        counts[_LEVELS.get(worst, "")] += 1
        message = xml_text("\n".join(row["told"] for row in own if row["bearing"] == worst))
        inside = {
            "error": f'<failure message="{message}" type="{worst}"/>',
            "warning": f'<skipped message="{message}"/>',
        }
        cases.append((name, inside.get(_LEVELS.get(worst, ""), "")))
    totals = {"failures": counts["error"], "errors": 0, "skipped": counts["warning"]}
    write_junit(_command(summary), cases, totals, _said(summary))


def _github(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    grave = [row for row in rows if row["bearing"] in _LEVELS]
    for row in grave[:MOST_ANNOTATIONS]:
        title = f"{summary.get('title', 'Contract')}: {row['bearing']}"
        annotate(_LEVELS[row["bearing"]], row["file"], row["line"], title, row["told"])
    if len(grave) > MOST_ANNOTATIONS:
        typer.echo(f"::warning::{len(grave) - MOST_ANNOTATIONS} more changes")
    level = _LEVELS.get(summary["result"], "notice")
    annotate_run(level, _command(summary), _said(summary))


def _command(summary: Mapping[str, Any]) -> str:
    return str(summary.get("command", "seamwatch contracts diff"))


_PRINTERS = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
}
