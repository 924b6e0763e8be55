"""`seamwatch contracts`: publish, list, show and check what providers promise."""

from collections.abc import Callable, Mapping

import typer

from monitor.cli.contract_evidence import (
    coverage,
    export_case,
    infer,
    matrix,
    mocks,
    timing,
    uncovered,
)
from monitor.cli.contract_offline import amend, check, compatible, diff
from monitor.cli.contract_publishing import list_, publish, show_one, sync, withdraw

commands = typer.Typer(
    help="What providers promise: publish, list, show, check.", no_args_is_help=True
)
_COMMANDS: Mapping[str, Callable[..., object]] = {
    "publish": publish,
    "sync": sync,
    "withdraw": withdraw,
    "list": list_,
    "show": show_one,
    "coverage": coverage,
    "matrix": matrix,
    "timing": timing,
    "check": check,
    "diff": diff,
    "amend": amend,
    "infer": infer,
    "mocks": mocks,
    "uncovered": uncovered,
    "export-case": export_case,
    "compatible": compatible,
}
for name, command in _COMMANDS.items():
    commands.command(name)(command)
