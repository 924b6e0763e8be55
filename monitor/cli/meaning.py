"""`seamwatch meaning`: what means something else in a new version, though the schema is the same."""

from typing import Annotated

import typer

from monitor.cli.client import api
from monitor.cli.contract_amend import hours_of
from monitor.cli.printing import FormatOption, LookBackOption, plain, show
from monitor.cli.session import settings_of

KINDS = "operation status side old_payloads new_payloads at_once enough".split()


def meaning(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="Who sent the payloads.")],
    old: Annotated[
        str, typer.Option(help="A version; by default the usual one beside the new one.")
    ] = "",
    new: Annotated[str, typer.Option(help="A version; by default the one seen first last.")] = "",
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    since: LookBackOption = "7d",
    form: FormatOption = "table",
) -> int:
    """What means something else in a new version of a service, though the schema is the same.
    Exits 1 when something does, 2 when there are no two versions with payloads enough, else 0.
    """
    with api(settings_of(context)) as there:
        comparison = there.get(
            "/v1/meaning",
            service=service,
            old=old,
            new=new,
            environment=environment,
            hours=hours_of(since),
        )
    enough = [kind for kind in comparison["kinds"] if kind["enough"]]
    if form == "json":
        show([comparison], [], form)
    elif form == "csv":
        show(comparison["kinds"], KINDS, form)
    elif not comparison["old"]:
        typer.echo(f"no two versions of {plain(service)} were seen since {comparison['since']}")
    else:
        typer.echo(
            f"{plain(comparison['service'])} {plain(comparison['old'])} -> {plain(comparison['new'])}"
        )
        for change in comparison["changes"]:
            typer.echo(f"  {plain(change['text'])}")
        if not comparison["changes"] and enough:
            typer.echo("  nothing that was compared means something else")
        show(comparison["kinds"], KINDS, form, empty="  no kind of payload was seen of both")
    return 1 if comparison["changes"] else 0 if enough else 2
