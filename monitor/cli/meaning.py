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
        told = there.get(
            "/v1/meaning",
            service=service,
            old=old,
            new=new,
            environment=environment,
            hours=hours_of(since),
        )
    enough = [kind for kind in told["kinds"] if kind["enough"]]
    if form == "json":
        show([told], [], form)
    elif form == "csv":
        show(told["kinds"], KINDS, form)
    elif not told["old"]:
        typer.echo(f"no two versions of {plain(service)} were seen since {told['since']}")
    else:
        typer.echo(f"{plain(told['service'])} {plain(told['old'])} -> {plain(told['new'])}")
        for change in told["changes"]:
            typer.echo(f"  {plain(change['text'])}")
        if not told["changes"] and enough:
            typer.echo("  nothing that was compared means something else")
        show(told["kinds"], KINDS, form, empty="  no kind of payload was seen of both")
    return 1 if told["changes"] else 0 if enough else 2
