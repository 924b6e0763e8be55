"""`seamwatch deploys`: list what changed, tell of a change."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, LimitOption, plain, show, show_one
from monitor.cli.session import settings_of
from monitor.model.edges import qualified
from monitor.wording.ramps import small_share

commands = typer.Typer(help="What changed, and when.", no_args_is_help=True)
COLUMNS = (
    "started service version previous_version environment kind state planned_share observed_share first_traffic sources namespace id"
).split()
STEPS = "time planned observed server_calls instances".split()


@commands.command("list")
def list_(
    context: typer.Context,
    service: Annotated[
        str | None, typer.Option(help="Only this service, `name` or `namespace/name`.")
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From this time on: ISO 8601, or 2h, 7d.")
    ] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Deploys, newest first. Where none is told, the namespaces are shown in which telemetry has a
    service of the name.
    """
    with api(settings_of(context)) as there:
        listing = there.pages(
            "/v1/deploys", limit=limit, service=service, environment=environment, since=since
        )
    listing.note("deploys, the newest first,", datetime.now(UTC))
    rows = listing.rows
    if form != "json":
        rows = [
            row | {"namespace": _space(row.get("namespace"), row.get("namespaces") or [])}
            for row in rows
        ]
    if form == "table":
        rows = [_with_shares(row, "planned_share", "observed_share") for row in rows]
    show(rows, COLUMNS, form, empty="no deploys")


@commands.command("show")
def show_one_deploy(
    context: typer.Context,
    deploy: Annotated[str, typer.Argument(help="Its id.")],
    form: FormatOption = "table",
) -> None:
    """One deploy: what its sources told, what ended it, and planned beside observed shares over
    time.
    """
    with api(settings_of(context)) as there:
        detail = there.get(f"/v1/deploys/{quote(deploy, safe='')}")
    if form == "json":
        show_one(detail, form)
        return
    if form == "table":
        facts = detail["deploy"]
        typer.echo(
            f"{plain(facts['kind'])} {plain(facts['service'])} {plain(facts['version'])} in {plain(facts['environment'])}: {facts['state']}"
        )
        for name in (
            "previous_version",
            "started",
            "finished",
            "first_traffic",
            "ends",
            "ended_by",
        ):
            if facts.get(name):
                typer.echo(f"  {name.replace('_', ' ')}: {plain(facts[name])}")
        for event in detail["events"]:
            share = (
                f", share {event['traffic_share']:.0%}"
                if event["traffic_share"] is not None
                else ""
            )
            typer.echo(
                f"  {event['at']} {plain(event['source'])}: {event['kind']} {event['state']}{share}"
            )
    steps = detail["ramp"]
    if form == "table":
        steps = [_with_shares(row, "planned", "observed") for row in steps]
    show(steps, STEPS, form, empty="no shares were told or seen")


def _with_shares(row: dict[str, Any], *names: str) -> dict[str, Any]:
    shares = {name: row.get(name) for name in names}
    return row | {
        name: "" if share is None else small_share(share) for name, share in shares.items()
    }


@commands.command("record")
def record(
    context: typer.Context,
    service: Annotated[str, typer.Option(help="What was deployed.")],
    version: Annotated[str, typer.Option(help="Which version.")],
    environment: Annotated[
        str,
        typer.Option(
            help="Where; `default` if not told, as of spans and logs that do not say it."
        ),
    ] = "",
    namespace: Annotated[
        str, typer.Option(help="Of the service, where several share its name.")
    ] = "",
    kind: Annotated[
        Literal["deploy", "rollback", "redeploy", "config", "flag", "scale"],
        typer.Option(help="What kind of change."),
    ] = "deploy",
    state: Annotated[
        Literal["started", "progressing", "succeeded", "failed", "aborted"],
        typer.Option(help="How far it is."),
    ] = "succeeded",
    at: Annotated[str | None, typer.Option(help="When, ISO 8601; now by default.")] = None,
    previous_version: Annotated[str, typer.Option(help="What was there before.")] = "",
    share: Annotated[
        float | None, typer.Option(help="Share of traffic, 0 to 1.", min=0, max=1)
    ] = None,
    actor: Annotated[str, typer.Option(help="Who did it.")] = "",
    url: Annotated[str, typer.Option(help="Where to read more.")] = "",
    commit: Annotated[str, typer.Option(help="Of which commit.")] = "",
    form: FormatOption = "table",
) -> None:
    """Tell of a change; the same again changes nothing, without --at for a minute."""
    body = {
        "service": service, "version": version, "environment": environment, "namespace": namespace, "kind": kind, "state": state, "at": at,
        "previous_version": previous_version, "traffic_share": share, "actor": actor, "url": url, "commit": commit,
    }  # fmt: skip
    with api(settings_of(context)) as there:
        answer = there.post("/v1/deploys", body)
    if form == "table":
        name = (
            qualified(answer["namespace"], answer["service"])
            if answer.get("namespace")
            else answer["service"]
        )
        typer.echo(
            f"{plain(name)} {plain(answer['version'])} in {plain(answer['environment'])}: {answer['kind']} {answer['state']}, {answer['id']}"
        )
    else:
        show([answer], COLUMNS, form)


def _space(wanted: str | None, seen: Sequence[str]) -> str:
    """The namespace that was told, else that in which a service of the name was seen; of several,
    nobody knows which is meant.
    """
    if wanted is not None:
        return wanted or "none"
    names = ", ".join(namespace or "none" for namespace in seen if namespace or len(seen) > 1)
    return f"not told: {names}" if len(seen) > 1 else names
