"""`seamwatch policy`: is a policy file right, and what may stand in one?"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.printing import plain

commands = typer.Typer(help="The gate's policy file.", no_args_is_help=True)


@commands.command("check")
def check(file: Annotated[Path, typer.Argument(help="The policy file.")]) -> None:
    """Read a policy file; exits 64 with line and nearest name of what is wrong, else says what it
    asks for.
    """
    from monitor.config import policy_in

    policy = policy_in(file)
    typer.echo(
        f"{plain(file)} is good: {len(policy.rules)} rules, overrides of at most {policy.overrides.longest_hours:g} hours"
    )
    for rule in policy.rules:
        where = f"{', '.join(rule.services)} in {', '.join(rule.environments)}"
        levels = f", criticality {' or '.join(rule.criticality)}" if rule.criticality else ""
        typer.echo(plain(f"  {rule.name}: {where}{levels}"))


@commands.command("schema")
def schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from monitor.config import policy_schema

    json.dump(policy_schema(), sys.stdout, indent=1)
    typer.echo()
