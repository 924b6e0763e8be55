"""`seamwatch contracts uncovered` and `contracts export-case`: live interactions without a contract,
and these and violations as tests.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import typer

from monitor.cli.printing import Format, plain, show
from monitor.contracts.cases import CaseForm

COLUMNS = (
    "risk environment provider operation calls callers changes_per_week criticality id".split()
)


class Asked(Protocol):
    """An API that can be asked."""

    def get(self, path: str, **params: Any) -> Any: ...


def listed(
    there: Asked, days: int, environment: str | None, limit: int | None, form: Format
) -> int:
    """Print the riskiest; 1 where something is uncovered, 2 where no call is known, else 0."""
    answer = there.get("/v1/uncovered", days=days, environment=environment)
    rows = answer["uncovered"][:limit]
    if form == "json":
        show(rows, COLUMNS, form)
    else:
        lines = [{**row, "callers": len(row["callers"])} for row in rows]
        show(lines, COLUMNS, form, empty=_nothing(answer))
    left = (
        f"; {answer['left_out']:,} calls of databases and nameless callees left out"
        if answer["left_out"]
        else ""
    )
    more = len(answer["uncovered"]) - len(rows)
    typer.echo(
        f"{answer['covered']:,} of {answer['interactions']:,} live interactions are covered{left}"
        + (f"; {more:,} more are not shown" if more else ""),
        err=True,
    )
    for name in answer["unreadable"]:
        typer.echo(f"the contract {plain(name)} cannot be read any more", err=True)
    if not answer["interactions"]:
        return 2
    return 1 if answer["uncovered"] else 0


def _nothing(answer: Mapping[str, Any]) -> str:
    return (
        "every live interaction is covered"
        if answer["interactions"]
        else "no call is known in that time"
    )


def exported(there: Asked, case_id: str, form: CaseForm, into: Path | None) -> None:
    """Write the case to a file, into a folder under a name of its own, or to standard output."""
    case = there.get(f"/v1/cases/{quote(case_id, safe='')}", **{"as": form})
    if into is None:
        typer.echo(case["text"], nl=False)
        return
    target = into / case["file"] if into.is_dir() else into
    target.write_text(case["text"], encoding="utf-8")
    typer.echo(plain(f"{target}: {case['title']}"), err=True)
