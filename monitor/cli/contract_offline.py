"""`seamwatch contracts check`, `diff`, `amend`, `compatible`: contract files held against traffic and
each other.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from monitor.cli.client import api
from monitor.cli.contract_options import DiffOption, ProviderOption
from monitor.cli.contract_reports import ReportFormat
from monitor.cli.printing import (
    LookBackOption,
)
from monitor.cli.session import settings_of
from monitor.errors import UsageError
from monitor.model.contracts import LEVELS


def check(
    context: typer.Context,
    contract: Annotated[
        list[str],
        typer.Option(
            "--contract",
            metavar="[PROVIDER=]FILE",
            help="A contract's file: OpenAPI 3.x, JSON Schema, a pact or stubs. Again for more. PROVIDER=FILE: it binds this service's calls and records alone.",
        ),
    ],
    traffic: Annotated[
        list[Path],
        typer.Option(
            "--traffic",
            help="A file of API logs, plain or gzipped; - is standard input. Again for more.",
        ),
    ],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            "--traffic-format",
            help="Who wrote the API logs: the words of topics.api_logs_format. auto: each entry tells. messages: Kafka records as kcat -J writes them.",
        ),
    ] = "auto",
    form: Annotated[
        ReportFormat,
        typer.Option(
            "--format", "-f", help="How to print; sarif, junit and github are for pipelines."
        ),
    ] = "text",
) -> int:
    """Hold recorded traffic against contract files, offline. Exits 0 kept, 1 broken, 2 when
    nothing could be checked.
    """
    from monitor.cli.contract_check import MESSAGES, held_against
    from monitor.cli.decode import source_named

    form_of_traffic = source if source == MESSAGES else source_named(source)
    return held_against(traffic, contract, form_of_traffic, settings_of(context), form)


def diff(
    old: Annotated[Path, typer.Argument(help="The older revision's file.")],
    new: Annotated[Path, typer.Argument(help="The newer revision's file.")],
    form: DiffOption = "text",
) -> int:
    """What a newer revision means for consumers that keep to the older one, from the files alone.
    Exits 0 compatible, 1 breaking, 2 when documents alone cannot tell.
    """
    from monitor.cli.contract_diff import held_apart

    return held_apart(old, new, form)


def amend(
    context: typer.Context,
    new: Annotated[Path, typer.Argument(help="The proposed revision's file.")],
    against: Annotated[
        str, typer.Option(help="A revision's number; `live`: the newest one in force.")
    ] = "live",
    since: LookBackOption = "7d",
    provider: ProviderOption = "",
    name: Annotated[str, typer.Option(help="Name of the contract, as for publishing.")] = "",
    consumer: Annotated[str | None, typer.Option(help="Only calls of this service.")] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    approve: Annotated[
        bool,
        typer.Option(
            "--approve",
            help="Publish it after the verdict, whatever that is, as the next revision; wants contracts:write.",
        ),
    ] = False,
    effective_from: Annotated[
        str | None,
        typer.Option(help="With --approve: in force from this time on, ISO 8601; now by default."),
    ] = None,
    from_deploy: Annotated[
        str | None,
        typer.Option(
            help="With --approve: in force from the deploy of this version of the provider on, in --environment."
        ),
    ] = None,
    form: DiffOption = "text",
) -> int:
    """Whom a proposed revision would break, by the documents and by what was live. Publishes
    nothing unless approved. Exits 0 compatible, 1 breaking, 2 where nothing live was seen or it
    cannot be told; approved or not.
    """
    from monitor.cli.contract_amend import Proposed, approved, judged

    for word, value in (("--effective-from", effective_from), ("--from-deploy", from_deploy)):
        if value is not None and not approve:
            raise UsageError(f"{word} says when an approved revision begins; give --approve")
    if effective_from is not None and from_deploy is not None:
        raise UsageError("--effective-from and --from-deploy both say when it begins; give one")

    proposed = Proposed(new, name, provider, consumer, environment, against, since)
    with api(settings_of(context)) as there:
        code = judged(there, proposed, form)
        if approve:
            approved(there, proposed, effective_from, from_deploy or "")
        return code


def compatible(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Revisions of one schema: Avro, Protobuf or JSON Schema; oldest first, the new one last."
        ),
    ],
    level: Annotated[
        str, typer.Option("--level", "-l", help=f"One of {', '.join(LEVELS)}.")
    ] = "BACKWARD",
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="How to print.")
    ] = "text",
) -> int:
    """Whether a new revision can be read with earlier ones, by the registries' rules. Exits 0
    kept, 1 broken.
    """
    from monitor.cli.contract_compatible import held_compatible

    chosen = next((name for name in LEVELS if name == level.upper()), None)
    if chosen is None:
        raise UsageError(f"there is no level {level[:40]!r}; the levels are {', '.join(LEVELS)}")
    return held_compatible(files, chosen, form)
