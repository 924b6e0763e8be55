"""`seamwatch tokens`: who may ask the API what."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, LimitOption, plain, show
from monitor.cli.session import settings_of

commands = typer.Typer(help="Who may ask the API what.", no_args_is_help=True)


@commands.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str],
        typer.Option(help="read, ingest, gate, contracts:write or admin. Again for more."),
    ],
    expires: Annotated[
        str | None, typer.Option(help="Until when, ISO 8601; never by default.")
    ] = None,
    form: FormatOption = "table",
) -> None:
    """Make a token. Its secret is printed once and kept nowhere."""
    with api(settings_of(context)) as there:
        answer = there.post("/v1/tokens", {"name": name, "scopes": scope, "expires": expires})
    if form == "table":
        typer.echo(f"{answer['secret']}")
        typer.echo(
            f"token {answer['token']['id']} ({plain(name)}): {', '.join(answer['token']['scopes'])}; the secret above is shown only now",
            err=True,
        )
    else:
        show([answer], ["token", "secret"], form)


@commands.command("list")
def list_(context: typer.Context, limit: LimitOption = None, form: FormatOption = "table") -> None:
    """All tokens, without their secrets."""
    with api(settings_of(context)) as there:
        listing = there.pages("/v1/tokens", limit=limit)
    listing.note("tokens, the newest first,", datetime.now(UTC))
    show(
        listing.rows,
        "id name scopes created created_by expires last_used revoked".split(),
        form,
        empty="no tokens",
    )


@commands.command("revoke")
def revoke(context: typer.Context, token: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Revoke a token, at once."""
    with api(settings_of(context)) as there:
        there.delete(f"/v1/tokens/{quote(token, safe='')}")
    typer.echo(f"token {plain(token)} is revoked")
