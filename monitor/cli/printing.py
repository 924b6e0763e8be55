"""Rows for people and programs: tables, JSON, CSV. Names from telemetry are hostile: control
characters never reach a terminal.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from monitor.model.printable import printable

Format = Literal["table", "json", "csv"]
FORMULA = frozenset("=+-@＝＋－＠")  # spreadsheets take the wide ones for formulas too
MOST_REMARKS = 20  # on a contract, in a table
LONGEST_WORD = 24  # of a table that is kept whole: a time, an id
LONGEST = 400  # of a cell in a table; JSON and CSV hold all
# a whole cell of a table: stores keep milliseconds or microseconds, people read seconds
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(Z|[+-]\d\d:\d\d)?")
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="At most so many; all by default.")
]
LookBackOption = Annotated[
    str, typer.Option("--since", help="Look back so long: 12h, 7d; whole hours.")
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]


def plain(value: object) -> str:
    """One line of text without control or direction-changing characters (escape sequences, CR, LF,
    bidi overrides).
    """
    return printable("" if value is None else str(value), "\N{REPLACEMENT CHARACTER}")


def name_apart(rows: Sequence[dict[str, Any]], *roles: str) -> None:
    """Where two namespaces share a service's name, say `namespace/name` in these columns of the
    rows.
    """
    spaces: dict[str, set[str]] = {}
    for row in rows:
        for role in roles:
            spaces.setdefault(str(row.get(role)), set()).add(row.get(f"{role}_namespace") or "")
    for row in rows:
        for role in roles:
            space = row.get(f"{role}_namespace")
            if space and len(spaces[str(row.get(role))]) > 1:
                row[role] = f"{space}/{row[role]}"


def show(
    rows: Sequence[Mapping[str, Any]],
    columns: Iterable[str],
    form: Format,
    *,
    empty: str = "nothing found",
    heading: bool = True,
) -> None:
    """Print rows: a table of these columns, CSV of them (with their names, unless `heading` is
    false), or JSON of whole rows. Tables tell times to the second.
    """
    if form == "json":
        json.dump(rows, sys.stdout, indent=1, default=str)
        sys.stdout.write("\n")
        return
    names = list(columns)
    if form == "csv":
        sheet = io.StringIO()
        writer = csv.writer(sheet)
        if heading:
            writer.writerow(names)
        writer.writerows([_cell_of_sheet(row.get(name)) for name in names] for row in rows)
        sys.stdout.write(sheet.getvalue())
        return
    if not rows:
        typer.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        numbers = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(
            name.replace("_", " "), justify="right" if numbers else "left", overflow="fold"
        )
    cells = [[_cut(_cell(row.get(name))) for name in names] for row in rows]
    console = Console()
    if not console.is_terminal:
        console.width = 10_000
        table.expand = False
    elif least_width(names, cells) > console.width:
        _print_as_lines(names, cells)
        return
    for line in cells:
        table.add_row(*(Text(cell) for cell in line))
    console.print(table)


def least_width(names: Sequence[str], cells: Iterable[Sequence[str]]) -> int:
    """Characters that a table of these columns needs so that no word of common length is cut in
    two, with two between columns.
    """
    words = [0] * len(names)
    for line in ([name.replace("_", " ") for name in names], *cells):
        for place, cell in enumerate(line):
            words[place] = max([words[place], *map(len, cell.split())])
    return sum(min(longest, LONGEST_WORD) for longest in words) + 2 * (len(names) - 1)


def _print_as_lines(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """A line a value, for terminals that are too narrow for the table; empty ones are left out."""
    for place, line in enumerate(cells):
        if place:
            typer.echo()
        for name, cell in zip(names, line, strict=True):
            if cell:
                typer.echo(f"{name.replace('_', ' ')}: {cell}")


def show_one(row: Mapping[str, Any], form: Format) -> None:
    """Print one thing: name and value a line, or JSON."""
    if form == "json":
        json.dump(row, sys.stdout, indent=1, default=str)
        sys.stdout.write("\n")
        return
    show(
        [{"name": name, "value": _cell(value)} for name, value in row.items()],
        ["name", "value"],
        form,
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return plain(", ".join(f"{name} {_cell(item)}" for name, item in value.items() if item))
    if isinstance(value, list | tuple):
        return plain(", ".join(_cell(item) for item in value))
    return plain(value)


def to_second(text: str) -> str:
    """A time as people read it; any other text as it is."""
    moment = _MOMENT.fullmatch(text)
    return text if moment is None else f"{moment[1]}{moment[2] or ''}"


def _cut(text: str) -> str:
    text = to_second(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _cell_of_sheet(value: object) -> str | int | float:
    """A cell that no spreadsheet takes for a formula:
    https://owasp.org/www-community/attacks/CSV_Injection.
    """
    if isinstance(value, int | float):
        return value
    text = json.dumps(value, default=str) if isinstance(value, Mapping | list) else plain(value)
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text


def _told_aside(contract: Mapping[str, Any]) -> str:
    unjudged = contract["unjudged"]
    clauses = "1 clause is" if unjudged == 1 else f"{unjudged} clauses are"
    left = f"; {clauses} never judged" if unjudged else ""
    misfits = sum(remark["kind"] == "example" for remark in contract["remarks"])
    shown = contract["examples"]
    left += f"; {contract['times']} times are held against tails" if contract["times"] else ""
    return left + (
        f"; {shown} own examples, {misfits or 'none'} against the schemas" if shown else ""
    )


def tell_what_is_judged(contract: Mapping[str, Any]) -> None:
    """What of a contract will be judged, and a line for each remark on its text."""
    remarks = contract["remarks"]
    by_operation = f"{contract['operations']} operations, {contract['parameters']} parameters and headers, {contract['schemas']} schemas"
    by_example = f"{contract['interactions']} interactions" + (
        f", {contract['messages']} messages" if contract["messages"] else ""
    )
    units = by_example if contract["interactions"] or contract["messages"] else by_operation
    if contract["units"]:
        units = f"{contract['units']} methods or fields at the top"
    count = f"{len(remarks) or 'no'} remark{'' if len(remarks) == 1 else 's'}"
    typer.echo(f"judged: {units}; {count}{_told_aside(contract)}")
    for remark in remarks[:MOST_REMARKS]:
        typer.echo(
            f"  line {remark['line']}, {plain(remark['pointer']) or '/'}: {plain(remark['said'])}"
        )
    if len(remarks) > MOST_REMARKS:
        typer.echo(f"  and {len(remarks) - MOST_REMARKS} more; --format json shows all")
