"""`seamwatch contracts`: publish, list, show and check what providers promise."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.contract_reports import ReportFormat
from monitor.cli.printing import Format, FormatOption, LimitOption, plain, show, tell_what_is_judged
from monitor.cli.session import settings_of
from monitor.contracts.read import kind_of
from monitor.contracts.text import parse
from monitor.errors import ContractError, UsageError

commands = typer.Typer(help="What providers promise: publish, list, show, check.", no_args_is_help=True)
COLUMNS = "name number format provider provider_version consumer environment effective_from published_at content_hash".split()


@commands.command("publish")
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="OpenAPI 3.x or JSON Schema, as JSON or YAML.")],
    provider: Annotated[str, typer.Option(help="The service that promises.")],
    name: Annotated[str | None, typer.Option(help="Name of the contract; the provider's by default.")] = None,
    kind: Annotated[
        Literal["openapi", "jsonschema"] | None, typer.Option("--kind", help="Told by the content by default.")
    ] = None,
    provider_version: Annotated[str, typer.Option(help="Only for this version of the provider.")] = "",
    consumer: Annotated[str, typer.Option(help="Promised to this service only.")] = "",
    environment: Annotated[str, typer.Option(help="In force in this environment only.")] = "",
    effective_from: Annotated[str | None, typer.Option(help="In force from this time on, ISO 8601; now by default.")] = None,
    form: FormatOption = "table",
) -> None:
    """Publish a revision; the same content again changes nothing."""
    try:
        document = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the contract {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the contract {file} is not UTF-8 text") from error
    body = {
        "name": name or provider, "format": kind or _kind(document), "provider": provider, "provider_version": provider_version,
        "consumer": consumer, "environment": environment, "document": document, "effective_from": effective_from,
    }  # fmt: skip
    with api(settings_of(context)) as there:
        said = there.post("/v1/contracts", body)
    if form == "json":
        show([said], COLUMNS, form)
    else:
        typer.echo(f"{plain(said.get('name'))} revision {said.get('number')} of {plain(said.get('provider'))} is published")
        if form == "table":
            tell_what_is_judged(said["judged"])


@commands.command("list")
def list_(context: typer.Context, limit: LimitOption = None, form: FormatOption = "table") -> None:
    """Newest revisions of all contracts."""
    with api(settings_of(context)) as there:
        found = there.pages("/v1/contracts", limit=limit)
    found.note("contracts", datetime.now(UTC))
    show(found.rows, COLUMNS[:-1], form, empty="no contracts; `seamwatch contracts publish` adds one")


@commands.command("show")
def show_one(
    context: typer.Context,
    name: str,
    revision: Annotated[int | None, typer.Option(help="This revision; the newest by default.")] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="`table`: the document alone.")] = "table",
) -> None:
    """A contract's document."""
    with api(settings_of(context)) as there:
        said = there.get(f"/v1/contracts/{quote(name, safe='')}", revision=revision)
    if form == "table":
        typer.echo(said.get("document", ""))
    else:
        show([said], [*COLUMNS, "document"], form)


@commands.command("check")
def check(
    context: typer.Context,
    contract: Annotated[list[Path], typer.Option("--contract", help="A contract's file, as JSON or YAML. Again for more.")],
    traffic: Annotated[list[Path], typer.Option("--traffic", help="A file of API logs, plain or gzipped. Again for more.")],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            "--traffic-format",
            help="Who wrote the API logs: the words of topics.api_logs_format. auto: each entry tells.",
        ),
    ] = "auto",
    form: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="How to print; sarif, junit and github are for pipelines.")
    ] = "text",
) -> int:
    """Hold recorded traffic against contract files, offline. Exits 0 kept, 1 broken, 2 when nothing could be checked."""
    from monitor.cli.contract_check import held_against
    from monitor.cli.decode import source_named

    return held_against(traffic, contract, source_named(source), settings_of(context), form)


def _kind(document: str) -> str:
    """What kind of contract it is; UsageError when it cannot be read: the same reader as the server's."""
    try:
        return kind_of(parse(document, where="the contract"))
    except ContractError as error:
        raise UsageError(str(error)) from None
