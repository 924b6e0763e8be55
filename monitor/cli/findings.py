"""`seamwatch findings`, `accept` and `verdict`: what judging says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.moments import ahead
from monitor.cli.printing import FormatOption, LimitOption, plain, show, to_second
from monitor.cli.session import settings_of
from monitor.model.edges import qualified
from monitor.wording.findings import ANY, BEFORE

COLUMNS = "state signal told_by edge versions clause bad deploy last_seen id".split()


def findings(
    context: typer.Context,
    state: Annotated[
        Literal["open", "accepted", "resolved"] | None, typer.Option(help="Only these.")
    ] = None,
    deploy: Annotated[str | None, typer.Option(help="Only of this deploy, by its id.")] = None,
    service: Annotated[
        str | None,
        typer.Option(help="Only of this service's edges and deploys, `name` or `namespace/name`."),
    ] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Findings: which edge is worse, between which versions, since which deploy."""
    with api(settings_of(context)) as there:
        listing = there.pages(
            "/v1/findings", limit=limit, state=state, deploy_id=deploy, service=service
        )
        deploy_rows = there.pages("/v1/deploys").rows if form != "json" and listing.rows else []
    listing.note("findings, open ones first,", datetime.now(UTC))
    rows, deploys = (
        listing.rows,
        {deploy["id"]: f"{_name(deploy)} {deploy['version']}" for deploy in deploy_rows},
    )
    show(
        [_shown(row, deploys) for row in rows] if form != "json" else rows,
        COLUMNS,
        form,
        empty="no findings",
    )


def accept(
    context: typer.Context,
    finding: Annotated[
        str,
        typer.Argument(
            help="Its id; with --violation that of a broken clause, as `seamwatch broken` prints it."
        ),
    ],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why it is known.")],
    expires: Annotated[
        str, typer.Option(help="Until when: ISO 8601, or from now: 12h, 30d.")
    ] = "30d",
    violation: Annotated[
        bool, typer.Option("--violation", help="It is a broken clause, and no finding.")
    ] = False,
) -> None:
    """Say that a finding is known: it stays quiet, in later deploys too, until it expires."""
    body = {"owner": owner, "reason": reason, "expires": ahead(expires, datetime.now(UTC))}
    with api(settings_of(context)) as there:
        where = "violations/events" if violation else "findings"
        answer = there.post(f"/v1/{where}/{quote(finding, safe='')}/accept", body)
    until = plain(answer.get("accepted_until" if violation else "expires"))
    typer.echo(f"accepted until {to_second(until)}")


def verdict(
    context: typer.Context,
    service: Annotated[
        str | None, typer.Option(help="Of this service, `name` or `namespace/name`.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Of this version.")] = None,
    environment: Annotated[str | None, typer.Option(help="In this environment.")] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Verdicts as they were reached, newest first."""
    with api(settings_of(context)) as there:
        listing = there.pages(
            "/v1/verdicts", limit=limit, service=service, version=version, environment=environment
        )
    listing.note("verdicts, the newest first,", datetime.now(UTC))
    rows = listing.rows
    if form != "json":
        rows = [
            row
            | {
                name: _first([reason["text"] for reason in row[name]])
                for name in ("reasons", "settles")
            }
            for row in rows
        ]
    show(
        rows,
        "judged_at environment service version against_version outcome reasons settles".split(),
        form,
        empty="no verdicts",
    )


def _shown(row: dict[str, Any], deploys: dict[str, str]) -> dict[str, Any]:
    edge = row.get("edge") or {}
    evidence = row.get("evidence") or {}
    new, old = (
        _share(evidence.get(f"{age}_bad"), evidence.get(f"{age}_calls")) for age in ("new", "old")
    )
    return row | {
        "edge": f"{_end(edge, 'caller')} → {_end(edge, 'callee')} {edge.get('operation')}",
        "told_by": "provider only" if row["signal"] == "provider_errors" else "",
        "versions": f"{row.get('caller_version') or ANY} → {row.get('callee_version') or ANY} against {row.get('against_version') or BEFORE}",
        "bad": f"{new}, was {old}",
        "deploy": deploys.get(row["deploy_id"], row["deploy_id"]),
    }


def _name(deploy: dict[str, Any]) -> str:
    return (
        qualified(deploy["namespace"], deploy["service"])
        if deploy.get("namespace")
        else str(deploy["service"])
    )


def _end(edge: dict[str, Any], role: str) -> str:
    space = edge.get(f"{role}_namespace")
    return f"{space}/{edge.get(role)}" if space else str(edge.get(role))


def _share(part: float | None, whole: float | None) -> str:
    return f"{(part or 0) / whole:.2%}" if whole else "–"


def _first(texts: Sequence[str]) -> str:
    """The first of several things said, and how many more there are."""
    return f"{texts[0]} (and {len(texts) - 1} more)" if len(texts) > 1 else "".join(texts)
