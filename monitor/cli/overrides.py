"""`seamwatch override`: let a deploy go on whatever the gate says, with a name, a reason and an
end.
"""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.moments import ahead
from monitor.cli.printing import FormatOption, LimitOption, plain, show, to_second
from monitor.cli.session import settings_of

commands = typer.Typer(
    help="Let a deploy go on whatever the gate says, for a while.", no_args_is_help=True
)
COLUMNS = "id deploy_id service version environment person reason noted_by created expires revoked".split()


@commands.command("add")
def add(
    context: typer.Context,
    person: Annotated[str, typer.Option(help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    deploy: Annotated[str, typer.Option(help="Of this deploy, by its id.")] = "",
    service: Annotated[
        str, typer.Option(help="Else of this service, `name` or `namespace/name`, …")
    ] = "",
    version: Annotated[str, typer.Option(help="… in this version.")] = "",
    environment: Annotated[str, typer.Option(help="Only in this environment.")] = "",
    expires: Annotated[
        str, typer.Option(help="Until when: ISO 8601, or from now: 30m, 4h.")
    ] = "4h",
    form: FormatOption = "table",
) -> None:
    """Let one deploy, or one version, go on: the gate exits 0 and says so until it expires. The
    audit log keeps it.
    """
    body = {
        "deploy_id": deploy, "service": service, "version": version, "environment": environment, "person": person, "reason": reason,
        "expires": ahead(expires, datetime.now(UTC)),
    }  # fmt: skip
    with api(settings_of(context)) as there:
        answer = there.post("/v1/overrides", body)
    if form == "table":
        what = (
            f"deploy {answer['deploy_id']}"
            if answer["deploy_id"]
            else f"{answer['service']} {answer['version']}"
        )
        typer.echo(
            f"override {answer['id']}: {plain(what)} may go on until {to_second(answer['expires'])}, by {plain(answer['person'])}"
        )
    else:
        show([answer], COLUMNS, form)


@commands.command("list")
def list_(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Overrides in force."""
    with api(settings_of(context)) as there:
        listing = there.pages("/v1/overrides", limit=limit, over=str(over).lower())
    listing.note("overrides, the newest first,", datetime.now(UTC))
    show(listing.rows, COLUMNS, form, empty="no overrides")


@commands.command("revoke")
def revoke(
    context: typer.Context, override: Annotated[str, typer.Argument(help="Its id.")]
) -> None:
    """Revoke an override, at once."""
    with api(settings_of(context)) as there:
        there.delete(f"/v1/overrides/{quote(override, safe='')}")
    typer.echo(f"override {plain(override)} is revoked")
