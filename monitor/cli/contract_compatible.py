"""`seamwatch contracts compatible`: revisions of a schema in files, oldest first, by the levels
that registries name.
"""

import json
from pathlib import Path
from typing import Any, Literal

import typer

from monitor.cli.contract_files import documents_in, parse_or_refuse
from monitor.cli.printing import plain
from monitor.contracts.compatibility.levels import Incompatible, incompatible
from monitor.errors import ContractError, UsageError
from monitor.model.contracts import Level

KEPT, BROKEN = 0, 1


def held_compatible(files: list[Path], level: Level, form: Literal["text", "json"]) -> int:
    """Print what breaks the level between the last file and those before it; the exit code."""
    if len(files) < 2:
        raise UsageError("give the earlier revisions, oldest first, and the new one last")
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    revisions = documents_in(files, None)[0]
    kinds = {revision.kind for revision in revisions}
    if len(kinds) != 1:
        raise UsageError(f"the files are of several kinds: {', '.join(sorted(kinds))}")
    documents = [parse_or_refuse(revision.text, revision.source) for revision in revisions]
    try:
        broken = incompatible(revisions[-1].kind, documents[:-1], documents[-1], level)
    except ContractError as error:
        raise UsageError(str(error)) from None
    rows = [_row(clash, files) for clash in broken]
    if form == "json":
        typer.echo(
            json.dumps(
                {
                    "level": level,
                    "compatible": not rows,
                    "kind": revisions[-1].kind,
                    "changes": rows,
                },
                indent=1,
            )
        )
    else:
        for row in rows:
            typer.echo(
                plain(
                    f"{row['direction']} against {row['earlier']}: {row['rule']} at {row['pointer'] or '/'} ({row['told']})"
                )
            )
        typer.echo(plain(f"{level}: {'kept' if not rows else f'broken by {len(rows)} changes'}"))
    return BROKEN if rows else KEPT


def _row(clash: Incompatible, files: list[Path]) -> dict[str, Any]:
    change = clash.change
    return {
        "earlier": str(files[clash.earlier]),
        "direction": clash.direction,
        "rule": change.rule,
        "pointer": change.pointer,
        "expected": change.expected,
        "actual": change.actual,
        "told": f"the reader has {change.expected}, the writer {change.actual}",
    }
