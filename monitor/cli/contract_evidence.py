"""`seamwatch contracts coverage`, `matrix`, `timing`, `infer`, `mocks`, `uncovered`, `export-case`: what
live exchanges show of contracts.
"""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.contract_files import place_to_write
from monitor.cli.contract_options import DiffOption
from monitor.cli.printing import (
    FormatOption,
    LimitOption,
    LookBackOption,
    plain,
    show,
)
from monitor.cli.publications import (
    tell_changes,
    tell_publication,
)
from monitor.cli.session import settings_of
from monitor.contracts.cases import CaseForm
from monitor.errors import UsageError
from monitor.model.contracts import InferredForm

TIMES = "environment caller operation version clause says why".split()
MATRIX = "consumer contract environment version live says kept broken open unshown".split()
COVERAGE = "interaction proof kept broken open caller caller_version callee callee_version environment last_seen".split()


def coverage(
    context: typer.Context,
    name: str,
    days: Annotated[int, typer.Option(help="Look back so many days.", min=1, max=400)] = 30,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    form: FormatOption = "table",
) -> None:
    """What live exchanges showed of each example or operation of a contract: last seen, by which
    versions, kept or broken; unproven if never.
    """
    with api(settings_of(context)) as there:
        answer = there.get(
            f"/v1/contracts/{quote(name, safe='')}/coverage", days=days, environment=environment
        )
    interactions = answer["interactions"]
    if answer["partial"]:
        typer.echo("the contract does not list all operations; others are not judged", err=True)
    if form == "json":
        show(
            interactions,
            ["interaction", "clause", "proof", "kept", "broken", "open", "last_seen", "pairs"],
            form,
        )
        return
    show(
        [line for interaction in interactions for line in _coverage_lines(interaction)],
        COVERAGE,
        form,
        empty="the contract shows no example and no operation",
    )


def matrix(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="The provider.")],
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    days: Annotated[int, typer.Option(help="Look back so many days.", min=1, max=400)] = 30,
    form: FormatOption = "table",
) -> int:
    """Per consumer, what the live versions of a provider keep, break or have not shown of it.
    Exits 1 when something is broken.
    """
    with api(settings_of(context)) as there:
        answer = there.get("/v1/matrix", service=service, environment=environment, days=days)
    cells = answer["cells"]
    if form == "json":
        show(cells, [], form)
    else:
        counted = [
            cell | {word: len(cell[word]) for word in ("kept", "broken", "open", "unshown")}
            for cell in cells
        ]
        show(
            [cell | {"says": cell["word"]} for cell in counted],
            MATRIX,
            form,
            empty=f"no pact or other contract of examples binds {plain(service)}, or none of its versions is known; "
            "`seamwatch contracts list` lists what is published",
        )
    for name in answer["unreadable"]:
        typer.echo(f"the contract {plain(name)} cannot be read any more", err=True)
    return 1 if any(cell["broken"] for cell in cells) else 0


def timing(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="The service that is called.")],
    consumer: Annotated[str | None, typer.Option(help="Only calls of this service.")] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    operation: Annotated[
        str, typer.Option(help="Only this operation, as METHOD /route; all by default.")
    ] = "",
    timeout: Annotated[
        str | None, typer.Option(help="So long the consumer waits: 2s, 300ms.")
    ] = None,
    quantile: Annotated[
        list[str] | None,
        typer.Option(
            "--latency",
            help="So long a share of the calls takes at most: p99=300ms. Again for more.",
        ),
    ] = None,
    p50: Annotated[str | None, typer.Option("--p50", help="As --latency p50=…")] = None,
    p95: Annotated[str | None, typer.Option("--p95", help="As --latency p95=…")] = None,
    p99: Annotated[str | None, typer.Option("--p99", help="As --latency p99=…")] = None,
    name: Annotated[
        str, typer.Option(help="Name of the contract; consumer-provider-timing by default.")
    ] = "",
    owner: Annotated[str | None, typer.Option(help="The team that it belongs to.")] = None,
    hours: Annotated[
        int, typer.Option(help="Judge so many hours of sealed windows.", min=1, max=720)
    ] = 24,
    form: FormatOption = "table",
) -> int:
    """Publish timeouts and latencies of a provider; without any, hold those that are published
    against how long calls take. Exits 1 when one is broken.
    """
    from monitor.cli.contract_times import document_of

    document = document_of(operation, timeout, [*(quantile or []), *_shorthand(p50, p95, p99)])
    with api(settings_of(context)) as there:
        if document:
            body = {
                "name": name or "-".join(filter(None, (consumer, provider, "timing"))), "format": "timing", "provider": provider,
                "document": document, "consumer": consumer, "environment": environment, "owner": owner,
            }  # fmt: skip
            answer = there.post("/v1/contracts", body)
            if form == "json":
                show([answer], [], form)
            else:
                tell_publication(answer)
                tell_changes(answer["changes"])
            return 0
        times = there.get("/v1/timing", service=provider, environment=environment, hours=hours)
    rows = [
        row
        for row in times["verdicts"]
        if consumer in (None, row["caller"]) and operation in ("", row["operation"])
    ]
    empty = (
        "no call of that time is bound by one"
        if times["contracts"]
        else "no contract tells a time for this service"
    )
    show(
        [row | {"says": row["word"], "why": row["reason"]["text"]} for row in rows],
        TIMES,
        form,
        empty=empty,
    )
    return 1 if any(row["word"] == "broken" for row in rows) else 0


def infer(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="The service whose calls were seen.")],
    form: Annotated[InferredForm, typer.Option("--as", help="The contract's format.")] = "openapi",
    edge: Annotated[
        str,
        typer.Option(help="Only of CALLER, of 'CALLER METHOD /route', or of '* METHOD /route'."),
    ] = "",
    since: LookBackOption = "7d",
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    sure: Annotated[
        float,
        typer.Option(
            help="A clause is told where surely no more than this share breaks it.",
            min=1e-6,
            max=1,
        ),
    ] = 0.01,
    output: Annotated[
        Path | None,
        typer.Option(
            *("--output", "-o"),
            help="A file; a folder where there are several contracts.",
            parser=place_to_write,
            metavar="<path>",
        ),
    ] = None,
) -> int:
    """What a provider does live, as a contract that can be published: from shapes, never from
    values, each clause with its evidence. Exits 2 where nothing was seen.
    """
    from monitor.cli.contract_infer import Wanted, infer

    wanted = Wanted(provider, edge, environment, since, form, sure)
    with api(settings_of(context)) as there:
        return infer(there, wanted, output)


def mocks(
    context: typer.Context,
    mock: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of published mocks, all by default; with --traffic, files of mocks."
        ),
    ] = None,
    traffic: Annotated[
        list[Path] | None,
        typer.Option(
            "--traffic",
            help="A file of API logs to judge by, offline; - is standard input. Again for more.",
        ),
    ] = None,
    source: Annotated[
        str, typer.Option("--source", help="Who wrote the API logs; auto: each entry tells.")
    ] = "auto",
    days: Annotated[int, typer.Option(help="Look back so many days.", min=1, max=30)] = 7,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Gaps count too: stubs never asked for, calls no stub covers."
        ),
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Write the mock's document as it should be: placeholders from shapes for what is new.",
        ),
    ] = False,
    samples: Annotated[
        bool,
        typer.Option("--samples", help="With --refresh and --traffic: bodies of that traffic."),
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where --refresh writes to.")
    ] = None,
    form: DiffOption = "text",
) -> int:
    """How true stubs are to the live exchanges that match their predicates: stale, of other types,
    statuses, delays, dead, missing. Exits 0 faithful, 1 drifted, 2 where nothing can be told.
    """
    from monitor.cli.contract_mocks import live, recorded, refreshed
    from monitor.cli.decode import source_named

    names = mock or []
    if samples and not (refresh and traffic):
        raise UsageError("--samples takes bodies from --traffic for --refresh; give both")
    if into is not None and not refresh:
        raise UsageError("--output says where --refresh writes to; give --refresh")
    settings = settings_of(context)
    if traffic:
        files = [Path(name) for name in names]
        if not files:
            raise UsageError("give the files of the mocks that the traffic is held against")
        return recorded(
            files, traffic, source_named(source), settings,
            form=form, strict=strict, refresh=refresh, samples=samples, into=into,
        )  # fmt: skip
    with api(settings) as there:
        if refresh:
            if len(names) != 1:
                raise UsageError("--refresh writes one document; name one mock")
            return refreshed(there, names[0], days, into)
        return live(there, names, days, environment, form=form, strict=strict)


def uncovered(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="Look back so many days.", min=1, max=90)] = 7,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> int:
    """Live interactions that no contract covers, by risk: change frequency times impact (callers,
    calls, criticality). Exits 0 all covered, 1 some not, 2 where no call is known.
    """
    from monitor.cli.contract_cases import listed

    with api(settings_of(context)) as there:
        return listed(there, days, environment, limit, form)


def export_case(
    context: typer.Context,
    case_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A violation's fingerprint, or an id of `contracts uncovered`."
        ),
    ],
    form: Annotated[CaseForm, typer.Option("--as", help="The form of the test.")] = "pact",
    into: Annotated[
        Path | None,
        typer.Option(
            *("--output", "-o"),
            help="A file, or a folder to write it into.",
            parser=place_to_write,
            metavar="<path>",
        ),
    ] = None,
) -> None:
    """A violation or an uncovered interaction as a test, by shapes: values stand for types."""
    from monitor.cli.contract_cases import exported

    with api(settings_of(context)) as there:
        exported(there, case_id, form, into)


def _coverage_lines(interaction: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each version pair; one line for an example that nobody showed."""
    shared = {word: interaction[word] for word in ("interaction", "proof")}
    return [shared | pair for pair in interaction["pairs"]] or [shared]


def _shorthand(p50: str | None, p95: str | None, p99: str | None) -> list[str]:
    return [
        f"{word}={limit}"
        for word, limit in (("p50", p50), ("p95", p95), ("p99", p99))
        if limit is not None
    ]
