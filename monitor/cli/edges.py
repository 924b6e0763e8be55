"""`seamwatch edges` and `seamwatch violations`: what live traffic shows."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from monitor.cli.client import Api, Listing, api
from monitor.cli.printing import FormatOption, LimitOption, name_apart, show, to_second
from monitor.cli.session import settings_of
from monitor.model.edges import failed_calls
from monitor.wording.checked import unchecked_in

FIELDS = (
    "caller callee protocol operation caller_version callee_version calls failed outcomes caller_outcomes provider_only conformance client_seconds_sum server_seconds_sum quantiles coverage sampling caller_namespace callee_namespace"
).split()
SHOWN = "caller callee operation caller_version callee_version calls failed_share caller_saw only_provider_tells client_p95_ms server_p95_ms both_sides sampling valid violated not_checked".split()

Since = Annotated[
    str | None,
    typer.Option(
        help="From this time on: ISO 8601, or how long ago (90s, 15m, 2h, 7d). All time by default."
    ),
]
Until = Annotated[str | None, typer.Option(help="Before this time.")]
Environment = Annotated[str | None, typer.Option(help="Only this environment.")]


def edges(
    context: typer.Context,
    since: Since = None,
    until: Until = None,
    by: Annotated[
        str,
        typer.Option(
            help="Comma-separated: caller, callee, operation, versions, protocol, environment."
        ),
    ] = "caller,callee,operation,versions,protocol",
    environment: Environment = None,
    caller: Annotated[
        str | None, typer.Option(help="Only calls of this service, `name` or `namespace/name`.")
    ] = None,
    callee: Annotated[
        str | None, typer.Option(help="Only calls to this service, `name` or `namespace/name`.")
    ] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Who calls whom, by version pair: calls, failures, latencies, what was seen of both sides."""
    with api(settings_of(context)) as there:
        listing = there.pages(
            "/v1/edges",
            limit=limit,
            most=1_000_000,
            since=since,
            until=until,
            by=by,
            environment=environment,
            caller=caller,
            callee=callee,
        )
    listing.note("edges, the worst first,", datetime.now(UTC))
    rows = listing.rows
    if form == "table":
        checked = any(any(row["conformance"].values()) for row in rows)
        grouped = [
            name
            for name in SHOWN
            if name not in FIELDS[:6] or any(row[name] is not None for row in rows)
        ]
        grouped = [
            name for name in grouped if checked or name not in ("valid", "violated", "not_checked")
        ]
        name_apart(rows, "caller", "callee")
        show(
            [_shown(row) for row in rows],
            grouped,
            form,
            empty="no edges; is anything read? `seamwatch doctor` tells",
        )
    else:
        wanted = (["environment"] if "environment" in by.split(",") else []) + FIELDS
        show([{name: row.get(name) for name in wanted} for row in rows], wanted, form)


def events(
    context: typer.Context,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Broken clauses as events, each once: new, again or gone, since when, by whom, the deploy
    before, and who accepted it.
    """
    with api(settings_of(context)) as there:
        listing = there.pages("/v1/violations/events", limit=limit)
    now = datetime.now(UTC)
    listing.note("broken clauses, broken ones first,", now)
    rows = listing.rows
    if form == "table":
        for row in rows:
            pairs = (
                f"{pair['caller']} {pair['caller_version']} → {pair['callee']} {pair['callee_version']}: {pair['exchanges']}"
                for pair in row["pairs"]
            )
            row |= {
                "versions": ", ".join(pairs),
                "deploy_before": row["deploy"],
                "accepted": _accepted(row, now),
            }
            row["state"] += ", no calls since" if row["untested"] else ""
            row["state"] += ", observed only" if row["observed"] else ""
            flips = row.get("flips", 0)  # an older server tells none
            row["state"] += (
                f", flaky: back {flips} time{'' if flips == 1 else 's'} on unchanged code"
                if flips
                else ""
            )
    columns = "state contract text count first_seen last_seen versions deploy_before owner accepted id".split()
    columns += "operation side rule pointer".split() if form == "csv" else []
    show(
        rows,
        columns,
        form,
        empty="no clause is known to be broken; `seamwatch up` watches for that, `seamwatch violations` asks what is stored",
    )


def _accepted(row: Mapping[str, Any], now: datetime) -> str:
    """By whom and until when; nothing where that is over, but that it was."""
    if not row["accepted_until"]:
        return ""
    until = f"{row['accepted_by']} until {to_second(row['accepted_until'])}"
    return until if datetime.fromisoformat(row["accepted_until"]) > now else f"no more ({until})"


def observations(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="Look back so many days.", min=1, max=400)] = 7,
    environment: Environment = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:
    """Seen and held against nobody, by whom: deprecated, past its sunset, undocumented parameters,
    no credentials, no TLS.
    """
    with api(settings_of(context)) as there:
        listing = there.pages("/v1/observations", limit=limit, days=days, environment=environment)
    listing.note("observations, the last seen first,", datetime.now(UTC))
    columns = "observation contract operation environment caller caller_version callee callee_version exchanges last_seen".split()
    show(listing.rows, columns, form, empty="nothing was observed")


def violations(
    context: typer.Context, since: Since = None, until: Until = None, environment: Environment = None,
    caller: Annotated[str | None, typer.Option(help="Only calls of this service, `name` or `namespace/name`.")] = None,
    callee: Annotated[str | None, typer.Option(help="Only calls to this service, `name` or `namespace/name`.")] = None,
    limit: LimitOption = None,
    form: FormatOption = "table",
) -> None:  # fmt: skip
    """Clauses that live exchanges break. The last 24 hours by default, or the last day that the
    data has.
    """
    with api(settings_of(context)) as there:
        listing = there.pages(
            "/v1/violations",
            limit=limit,
            since=since,
            until=until,
            environment=environment,
            caller=caller,
            callee=callee,
        )
        counts = (
            there.get(
                "/v1/violations/checked",
                since=listing.headers.get("x-data-since"),
                until=listing.headers.get("x-data-until"),
                environment=environment,
                caller=caller,
                callee=callee,
            )
            if form == "table"
            else {}
        )
        earlier = _broken_before(there, listing, environment, caller, callee)
    listing.note("broken clauses, the newest first,", datetime.now(UTC))
    if earlier:
        sys.stderr.write(
            f"seamwatch: before that {earlier:,} exchanges broke a clause; an earlier --since shows them\n"
        )
    rows = listing.rows
    for row in rows:
        row["versions"] = ", ".join(
            f"{pair['caller_version']} → {pair['callee_version']}: {pair['exchanges']}"
            for pair in row.get("by_version_pair") or []
        )
    if form == "table":
        name_apart(rows, "caller", "callee")
    columns = "callee operation side rule pointer expected actual exchanges caller versions last_seen".split()
    columns += ["caller_namespace", "callee_namespace"] if form == "csv" else []
    show(rows, columns, form, empty="no violations")
    if form == "table":
        typer.echo(counts["text"])


def _broken_before(
    there: Api,
    listing: Listing,
    environment: str | None,
    caller: str | None,
    callee: str | None,
) -> int:
    """How many exchanges broke a clause before the last day that the data has, where that day was
    chosen for it: one late record must not hide the others.
    """
    if not listing.headers.get("x-data-moved"):
        return 0
    before = there.pages(
        "/v1/edges",
        most=1_000_000,
        until=listing.headers.get("x-data-since"),
        by="environment",
        environment=environment,
        caller=caller,
        callee=callee,
    )
    return sum(int(row["conformance"].get("violated", 0)) for row in before.rows)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    calls = row["calls"] or 0
    quantiles = row.get("quantiles") or {}
    both = (row.get("coverage") or {}).get("both", 0)

    def milliseconds(side: str) -> float | None:
        value = (quantiles.get(side) or {}).get("p95")
        return None if value is None else round(value * 1000, 2)

    return row | {
        "failed_share": f"{failed_calls(row['failed'], row['outcomes']) / calls:.2%}"
        if calls
        else "",
        "caller_saw": _told(row["caller_outcomes"]),
        "only_provider_tells": _told(row["provider_only"]),
        "client_p95_ms": milliseconds("client"),
        "server_p95_ms": milliseconds("server"),
        "both_sides": f"{both / calls:.0%}" if calls else "",
        "valid": row["conformance"].get("valid", 0),
        "violated": row["conformance"].get("violated", 0),
        "not_checked": _told(unchecked_in(row["conformance"])),
    }


def _told(outcomes: Mapping[str, int]) -> str:
    """What went wrong, with counts: `3 server_error, 1 timeout`."""
    return ", ".join(
        f"{count} {name}" for name, count in outcomes.items() if count and name != "ok"
    )
