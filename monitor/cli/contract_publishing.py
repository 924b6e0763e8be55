"""`seamwatch contracts publish`, `sync`, `withdraw`, `list`, `show`: what is in force."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.contract_files import Published, documents_in
from monitor.cli.contract_options import ProviderOption
from monitor.cli.printing import (
    Format,
    FormatOption,
    LimitOption,
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
from monitor.errors import UsageError
from monitor.model.contracts import ContractFormat, PublishedRole

COLUMNS = "name number format role provider provider_version consumer environment owner contact effective_from published_at content_hash".split()


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


def _published(there: Any, document: Published, body: dict[str, Any]) -> dict[str, Any]:
    """The answer. UsageError for a refusal, with the file that it is about."""
    try:
        answer: dict[str, Any] = there.post("/v1/contracts", body)
    except UsageError as error:
        raise UsageError(document.named(str(error))) from None
    return answer


def _named(line: dict[str, Any]) -> dict[str, Any]:
    return {word: line[word] for word in ("name", "number", "provider", "consumer", "environment")}


def _begins(at: str) -> str:
    """1970 stands for a revision that nobody gave a beginning."""
    return "always" if at.startswith("1970-01-01T00:00:00") else at


def _body(document: Published, name: str, provider: str) -> dict[str, object]:
    if not provider and document.kind != "pact":
        raise UsageError(f"{document.source} does not name its provider; give --provider")
    return {"name": name, "format": document.kind, "provider": provider, "document": document.text}
