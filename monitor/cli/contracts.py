"""`seamwatch contracts`: publish, list, show and check what providers promise."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.contract_files import Published, documents_in, place_to_write
from monitor.cli.contract_reports import DiffFormat, ReportFormat
from monitor.cli.printing import (
    Format,
    FormatOption,
    LimitOption,
    LookBackOption,
    plain,
    show,
    tell_what_is_judged,
)
from monitor.cli.publications import (
    tell_changes,
    tell_contradictions,
    tell_publication,
    tell_recorded,
)
from monitor.cli.session import settings_of
from monitor.contracts.cases import CaseForm
from monitor.errors import UsageError
from monitor.model.contracts import LEVELS, ContractFormat, InferredForm, PublishedRole

commands = typer.Typer(
    help="What providers promise: publish, list, show, check.", no_args_is_help=True
)
DiffOption = Annotated[
    DiffFormat,
    typer.Option(
        "--format",
        "-f",
        help="How to print; markdown is for a pull request, sarif, junit and github for pipelines.",
    ),
]
ProviderOption = Annotated[
    str, typer.Option(help="The service that promises; a pact names it itself.")
]
TIMES = "environment caller operation version clause says why".split()
MATRIX = "consumer contract environment version live says kept broken open unshown".split()
COVERAGE = "interaction proof kept broken open caller caller_version callee callee_version environment last_seen".split()
COLUMNS = "name number format role provider provider_version consumer environment owner contact effective_from published_at content_hash".split()


@commands.command("publish")
def publish(
    context: typer.Context,
    file: Annotated[
        list[Path],
        typer.Argument(
            help="OpenAPI 3.x, AsyncAPI, JSON Schema, Avro, Protobuf, GraphQL schemas, pacts, Spring contracts, WireMock mappings, Mountebank imposters: files, folders, zip."
        ),
    ],
    provider: ProviderOption = "",
    name: Annotated[
        str,
        typer.Option(
            help="Name of the contract. By default the provider's, consumer-provider of a pact, provider-kind of stubs."
        ),
    ] = "",
    kind: Annotated[
        ContractFormat | None, typer.Option("--kind", help="Told by the content by default.")
    ] = None,
    role: Annotated[
        PublishedRole | None,
        typer.Option(
            "--as",
            help="`mock`: it stands for the provider, and is not held against it; `observed`: what breaks it is told, and is no violation. As before by default.",
        ),
    ] = None,
    observe: Annotated[bool, typer.Option("--observe", help="The same as --as observed.")] = False,
    provider_version: Annotated[
        str, typer.Option(help="Only for this version of the provider.")
    ] = "",
    consumer: Annotated[
        str | None,
        typer.Option(help="Promised to this service only; as before by default, '' for all."),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(help="In force in this environment only; as before by default, '' for all."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="The team that it belongs to; as before by default.")
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option(help="How to reach that team; the document's info.contact by default."),
    ] = None,
    effective_from: Annotated[
        str | None, typer.Option(help="In force from this time on, ISO 8601; now by default.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Publish nothing: tell what would change, and what recorded traffic would break.",
        ),
    ] = False,
    form: FormatOption = "table",
) -> None:
    """Publish a revision of each document; the same content again changes nothing. Stubs of one
    folder make one contract.
    """
    documents, passed = documents_in(file, kind)
    if not documents:
        raise UsageError("no contract is in these files")
    if name and len(documents) > 1:
        raise UsageError(
            f"{len(documents)} contracts cannot have one name; leave --name out, or publish them one by one"
        )
    if observe and role not in (None, "observed"):
        raise UsageError(f"--observe and --as {role} exclude each other")
    role = "observed" if observe else role
    bodies = [_body(document, name, provider) for document in documents]
    shared = {
        "provider_version": provider_version, "consumer": consumer, "environment": environment, "effective_from": effective_from, "role": role,
        "owner": owner, "contact": contact, "dry_run": dry_run,
    }  # fmt: skip
    with api(settings_of(context)) as there:
        answers = [
            _published(there, document, body | shared)
            for document, body in zip(documents, bodies, strict=True)
        ]
    if form == "json":
        show(answers, COLUMNS, form)
        return
    for answer in answers:
        tell_publication(answer)
        if form == "table":
            tell_what_is_judged(answer["judged"])
            tell_changes(answer["changes"])
            tell_contradictions(answer["contradictions"])
            tell_recorded(answer["recorded"])
    for source in passed:
        typer.echo(f"{plain(source)} is no contract, and was passed over", err=True)


def _published(there: Any, document: Published, body: dict[str, Any]) -> dict[str, Any]:
    """The answer. UsageError for a refusal, with the file that it is about."""
    try:
        answer: dict[str, Any] = there.post("/v1/contracts", body)
    except UsageError as error:
        raise UsageError(document.named(str(error))) from None
    return answer


@commands.command("sync")
def sync(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder, as of a Git repository: PROVIDER/FILE, or with a seamwatch.yaml."
        ),
    ],
    environment: Annotated[
        str | None,
        typer.Option(help="In force in this environment; a seamwatch.yaml may say otherwise."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Withdraw what was published from here and is not here any more; not while one is refused.",
        ),
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            help="What this folder is called when it prunes; by default its Git remote and path, else where it lies."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Publish and withdraw nothing: tell what would change."),
    ] = False,
    form: FormatOption = "table",
) -> int:
    """Publish every contract of a folder; again is harmless. Tells published, unchanged, withdrawn
    or refused of each. Exits 1 when one is refused.
    """
    from monitor.cli.contract_folder import planned, source_of

    plan = planned(folder)
    origin = (source or source_of(folder))[:200]
    keep: list[str] = []
    rows: list[dict[str, Any]] = [
        {"source": file, "outcome": "refused", "said": why} for file, why in plan.refused
    ]
    with api(settings_of(context)) as there:
        for (file, body), document in zip(plan.bodies, plan.documents, strict=True):
            try:
                answer = there.post(
                    "/v1/contracts",
                    {"environment": environment, "source": origin, **body, "dry_run": dry_run},
                )
            except UsageError as error:
                rows.append(
                    {"source": file, "outcome": "refused", "said": document.named(str(error))}
                )
                continue
            keep.append(answer["name"])
            columns = {
                word: answer[word]
                for word in ("name", "number", "provider", "consumer", "environment", "outcome")
            }
            harmful = sum(
                change["breaks"] in ("consumers", "either") for change in answer["changes"]
            )
            count = (
                f"{len(answer['changes'])} changes, {harmful} may break consumers"
                if answer["changes"]
                else ""
            )
            rows.append({"source": file, **columns, "said": count})
        if prune and keep and not any(row["outcome"] == "refused" for row in rows):
            gone = there.post(
                "/v1/contracts/prune", {"source": origin, "keep": keep, "dry_run": dry_run}
            )
            outcome = "would_withdraw" if dry_run else "withdrawn"
            rows += [
                {"source": "", "outcome": outcome, "said": "not here any more"} | _named(contract)
                for contract in gone
            ]
        elif prune:
            typer.echo(
                "nothing is withdrawn: the folder holds no contract, or one of them is refused",
                err=True,
            )
    rows.sort(key=lambda row: str(row["source"]))
    show(
        rows,
        ["source", "outcome", "name", "number", "said"],
        form,
        empty="no contract is in this folder",
    )
    for file in plan.passed:
        typer.echo(f"{plain(file)} is no contract, and was passed over", err=True)
    return 1 if any(row["outcome"] == "refused" for row in rows) else 0


def _named(line: dict[str, Any]) -> dict[str, Any]:
    return {word: line[word] for word in ("name", "number", "provider", "consumer", "environment")}


@commands.command("withdraw")
def withdraw(
    context: typer.Context,
    name: str,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
) -> None:
    """Say that a contract promises nothing from now on; what was before stays. Published again, it
    holds again.
    """
    with api(settings_of(context)) as there:
        contract = there.post(f"/v1/contracts/{quote(name, safe='')}/withdraw", {"reason": reason})
    typer.echo(
        f"{plain(contract['name'])} of {plain(contract['provider'])} is withdrawn (revision {contract['number']})"
    )


@commands.command("list")
def list_(context: typer.Context, limit: LimitOption = None, form: FormatOption = "table") -> None:
    """Newest revisions of all contracts."""
    with api(settings_of(context)) as there:
        listing = there.pages("/v1/contracts", limit=limit)
    listing.note("contracts", datetime.now(UTC))
    rows = listing.rows
    if form == "table":
        rows = [row | {"effective_from": _begins(row["effective_from"])} for row in rows]
    show(
        rows,
        COLUMNS[:-1],
        form,
        empty="no contracts; `seamwatch contracts publish` adds one",
    )


def _begins(at: str) -> str:
    """1970 stands for a revision that nobody gave a beginning."""
    return "always" if at.startswith("1970-01-01T00:00:00") else at


@commands.command("show")
def show_one(
    context: typer.Context,
    name: str,
    revision: Annotated[
        int | None, typer.Option(help="This revision; the newest by default.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="`table`: the document alone.")
    ] = "table",
) -> None:
    """A contract's document."""
    with api(settings_of(context)) as there:
        contract = there.get(f"/v1/contracts/{quote(name, safe='')}", revision=revision)
    if form == "table":
        typer.echo(contract.get("document", ""))
    else:
        show([contract], [*COLUMNS, "document"], form)


@commands.command("coverage")
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


def _coverage_lines(interaction: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each version pair; one line for an example that nobody showed."""
    shared = {word: interaction[word] for word in ("interaction", "proof")}
    return [shared | pair for pair in interaction["pairs"]] or [shared]


@commands.command("matrix")
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


@commands.command("timing")
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


def _shorthand(p50: str | None, p95: str | None, p99: str | None) -> list[str]:
    return [
        f"{word}={limit}"
        for word, limit in (("p50", p50), ("p95", p95), ("p99", p99))
        if limit is not None
    ]


@commands.command("check")
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


@commands.command("diff")
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


@commands.command("amend")
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


@commands.command("infer")
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


@commands.command("mocks")
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


@commands.command("uncovered")
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


@commands.command("export-case")
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


@commands.command("compatible")
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


def _body(document: Published, name: str, provider: str) -> dict[str, object]:
    if not provider and document.kind != "pact":
        raise UsageError(f"{document.source} does not name its provider; give --provider")
    return {"name": name, "format": document.kind, "provider": provider, "document": document.text}
