"""`seamwatch ramp`: a service's live versions, pair by pair, now or at any time before."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, plain, show
from monitor.cli.session import settings_of
from monitor.control.documents import from_document
from monitor.model.ramps import Bound, Dose, PairMeaning, exit_of
from monitor.wording.ramps import (
    OF_FINDINGS,
    ROLES,
    WHY_BROKEN,
    WHY_UNPROVEN,
    bound_text,
    dose_text,
    meaning_text,
    short_span,
    small_share,
)

LIVE = "version age share planned calls instances since".split()
PAIRS = "role pair says calls failures conformance meaning latency not_proven".split()
SERVICES = "environment service since shares".split()


def ramp(
    context: typer.Context,
    service: Annotated[
        str,
        typer.Argument(help="`name` or `namespace/name`; without one, all that are in a ramp."),
    ] = "",
    at: Annotated[
        str | None,
        typer.Option(help="As it stood then: ISO 8601, or how long ago (90s, 15m, 2h, 7d)."),
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment.")] = None,
    live_minutes: Annotated[
        int,
        typer.Option(
            help="A version is live so long after it was seen last; one that is called seldom for longer.",
            min=1,
            max=1440,
        ),
    ] = 15,
    form: FormatOption = "table",
) -> int:
    """Versions of a service that are live at once: shares, and what each pair of versions has
    proven. Exits 1 when a pair is broken, 2 when one is unproven or there is no ramp, else 0.
    Without a service pairs are not judged: exits 2 where none is in a ramp, else 0.
    """
    asked: dict[str, Any] = {"at": at, "environment": environment, "live_minutes": live_minutes}
    with api(settings_of(context)) as there:
        if not service:
            return _listed(there.pages("/v1/ramps", **asked).rows, form)
        shown = there.get(f"/v1/ramps/{quote(service, safe='')}", **asked)
    if form == "json":
        show([shown], [], form)
    elif form == "csv":
        show([_pair_line(pair) for pair in shown["pairs"]], PAIRS, form)
    else:
        _print(shown)
    if any(plan["broken"] for plan in shown["plans"]):
        return 1
    words = {pair["word"] for pair in shown["pairs"] if pair["role"] != "established"}
    return exit_of(words)


def _listed(rows: Sequence[dict[str, Any]], form: Any) -> int:
    lines = [row | {"shares": _shares(row["shares"])} for row in rows] if form == "table" else rows
    show(lines, SERVICES, form, empty="no service has more than one live version")
    return 0 if rows else 2


def _print(shown: Mapping[str, Any]) -> None:
    place = f"{plain(shown['service'])} in {plain(shown['environment'])}"
    since = f", in a ramp since {shown['since']}" if shown["since"] else ": no ramp"
    typer.echo(f"{place} at {shown['at']}{since}")
    if shown["last_ramp"]:
        begin, end = shown["last_ramp"]
        typer.echo(f"the last ramp was from {begin} to {end}; --at {end} shows it")
    live = [
        version
        | {
            "share": "" if version["share"] is None else small_share(version["share"]),
            "planned": ""
            if version["planned_share"] is None
            else small_share(version["planned_share"]),
            "calls": version["server_calls"] or version["spans"],
        }
        for version in shown["live"]
    ]
    show(live, LIVE, "table", empty="no version is live")
    if shown["pairs"]:
        typer.echo()
        show([_pair_line(pair) for pair in shown["pairs"]], PAIRS, "table")
    for line in _remarks(shown):
        typer.echo(plain(line))


def _pair_line(pair: Mapping[str, Any]) -> dict[str, Any]:
    queue = ", queue" if pair["kind"] == "queue" else ""
    return {
        "role": ROLES[pair["role"]] + queue,
        "pair": f"{pair['caller']} {pair['caller_version']} → {pair['callee']} {pair['callee_version']}",
        "says": pair["word"],
        "calls": pair["calls"],
        "failures": bound_text(Bound(**pair["failed"]), "fail"),
        "conformance": _conformance(pair),
        "meaning": _meaning(pair["meaning"]),
        "latency": "; ".join(_latency(it) for it in pair["latency"] if it["quantile"] == 0.95),
        "not_proven": _thin(pair),
    }


def _conformance(pair: Mapping[str, Any]) -> str:
    if pair["violated"]["of"]:
        return bound_text(Bound(**pair["violated"]), "violate")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in pair["not_checked"].items())
    return f"none checked ({reasons})" if reasons else "none checked"


def _meaning(document: Mapping[str, Any] | None) -> str:
    return meaning_text(from_document(document, PairMeaning) if document else None)


def _latency(it: Mapping[str, Any]) -> str:
    upper = it["upper_seconds"]
    most = f"≤ {_short(upper)}" if upper is not None else "too few to bound"
    return f"p95 {_short(it['seconds'])} ({it['side']}), {most}"


def _short(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _thin(pair: Mapping[str, Any]) -> str:
    paths = [f"{it['operation']} {it['ending']}, {it['seen']:,} seen" for it in pair["thin"][:3]]
    more = pair["thin_in_all"] - len(paths)
    missing = f"about {pair['needed']:,} more calls" if pair["needed"] else ""
    if missing and pair["eta_seconds"]:
        missing += f" ({short_span(pair['eta_seconds'])})"
    why = [it["text"] for it in pair["reasons"] if it["code"] in WHY_UNPROVEN]
    more_paths = f"{more} more paths" if more > 0 else ""
    return "; ".join(filter(None, [missing, *paths, more_paths, *why]))


def pair_remarks(pair: Mapping[str, Any], codes: Container[str]) -> Iterator[str]:
    """What is said of a pair by these codes, each in a line with its name."""
    who = f"{pair['caller']} {pair['caller_version']} → {pair['callee']} {pair['callee_version']}"
    for it in pair["reasons"]:
        if it["code"] in codes:
            yield f"{who.strip()}: {it['text']}"


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{version} {small_share(share)}" for version, share in shares.items())


def _remarks(shown: Mapping[str, Any]) -> Iterator[str]:
    for plan in shown["plans"]:
        name = f"plan {plan['contract']}"
        for it in plan["broken"]:
            yield f"{name} broken: {it['text']}"
        for it in plan["waits"]:
            yield f"{name}: {it['text']}"
        if not plan["broken"] and not plan["waits"]:
            later = plan["next_share"]
            yield f"{name}: " + (
                f"the step to {small_share(later)} may be taken" if later else "kept"
            )
    for pair in shown["pairs"]:
        yield from pair_remarks(pair, OF_FINDINGS | WHY_BROKEN)
    for it in shown["mixed"][:10]:
        differ = ", and not all keep the contract" if it["differ"] else ""
        statuses = ", ".join(str(status) for status in it["shapes_differ"])
        shapes = (
            f", in shapes of which none is common to them (status {statuses})" if statuses else ""
        )
        yield f"mixed: {it['caller']} {it['caller_version']} gets {', '.join(it['versions'])} on {it['operation']}{differ}{shapes}"
    for it in shown["moved_back"]:
        yield f"moved back: {it['caller'] or 'all callers'} from {small_share(it['peak_share'])} on new versions to {small_share(it['share'])}"
    for it in shown["retried"][:10]:
        yield (
            f"retried: {it['caller']} {it['caller_version']} {it['operation']}: {it['retries']:,} failed on {it['from_version']} and "
            f"were made again on {it['to_version']}, {it['recovered']:,} then well"
        )
    for it in shown["doses"]:
        yield f"dose: {dose_text(from_document(it, Dose))}"
    for reason in shown["reasons"]:
        yield f"mind: {reason['text']}"
