"""`seamwatch explain`: why a verdict was reached, with its numbers, bounds and example traces."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from monitor.cli.client import api
from monitor.cli.printing import plain
from monitor.cli.session import settings_of

AGAIN = {
    "same": "Reached again from its inputs: the same, bit for bit",
    "differs": "Reached again from its inputs: NOT the same; this program judges otherwise than the one that reached it",
    "not kept": "Its inputs are not kept (a week; of repeated verdicts, the newest): shown as it was stored",
}


def explain(
    context: typer.Context,
    verdict: Annotated[
        str,
        typer.Argument(
            help="Its id, as `gate --format json` and `verdict --format json` tell it."
        ),
    ],
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="How to print.")
    ] = "text",
) -> None:
    """Judge again from the inputs kept with a verdict, compare, and print numbers, bounds and
    example traces of both versions.
    """
    with api(settings_of(context)) as there:
        explanation = there.get(f"/v1/verdicts/{quote(verdict, safe='')}/explanation")
    if form == "json":
        json.dump(explanation, sys.stdout, indent=1)
        typer.echo()
        return
    for line in lines_of(explanation):
        typer.echo(plain(line))


def lines_of(explanation: Mapping[str, Any]) -> Iterator[str]:
    """An explanation as lines for a terminal."""
    verdict, read = explanation["verdict"], explanation["read"]
    against = f" against {verdict['against_version']}" if verdict["against_version"] else ""
    yield (
        f"{verdict['outcome'].upper()}: {verdict['service']} {verdict['version']}{against} in {verdict['environment'] or 'no environment'}, "
        f"judged {verdict['judged_at']} on data up to {verdict['data_until'] or '–'}"
    )
    yield f"{AGAIN[explanation['again']]} (inputs {verdict['inputs_hash'][:16]})" + (
        f"; different: {', '.join(explanation['differs'])}" if explanation["differs"] else ""
    )
    if read:
        yield (
            f"Inputs: {read['rows']} rows of {read['edges']} edges, {read['since'] or '–'} to {read['until'] or '–'}; "
            f"{read['sightings']} version sightings; {read['other_deploys']} other deploys; {read['neighbour_rows']} rows of neighbours "
            f"and {read['earlier_days_rows']} of earlier days; {read['clauses']} clauses; {read['accepted']} accepted findings"
        )
        yield "Settings: " + ", ".join(
            f"{name} {value}" for name, value in sorted(read["settings"].items())
        )
    for title, reasons in (("Why", verdict["reasons"]), ("Would settle it", verdict["settles"])):
        if reasons:
            yield ""
            yield title
            yield from (f"  [{reason['code']}] {reason['text']}" for reason in reasons)
    for edge in verdict["edges"]:
        yield ""
        yield from _edge(edge)


def _edge(edge: Mapping[str, Any]) -> Iterator[str]:
    where = edge["edge"]
    yield (
        f"{where['caller']} {edge['caller_version'] or '(any version)'} → {where['callee']} {edge['callee_version'] or '(any version)'} "
        f"{where['operation']}: {edge['outcome']}, {edge['share_of_calls']:.1%} of the calls"
    )
    yield from (f"  [{reason['code']}] {reason['text']}" for reason in edge["reasons"])
    for kind in sorted({*edge["evidence"], *edge["bounds"]}):
        yield from _signal(kind, edge["evidence"].get(kind), edge["bounds"].get(kind))


def _signal(
    kind: str, seen: Mapping[str, Any] | None, bound: Mapping[str, Any] | None
) -> Iterator[str]:
    name = f"latency at the {kind}" if kind in ("client", "server") else kind.replace("_", " ")
    if seen:
        effect = "–" if seen["effect"] is None else f"{seen['effect']:.3g}"
        low, high = (
            f"{seen[end]:.3g}" if seen[end] is not None else "–"
            for end in ("effect_low", "effect_high")
        )
        yield (
            f"  {name}: new {_share(seen, 'new')}, old {_share(seen, 'old')}; ratio {effect} ({low} to {high}), "
            f"e = {seen['e_value']:.3g}, {seen['windows']} windows"
        )
        for age in ("new", "old") if seen["latency"] else ():
            shown = (seen["latency"][age][quantile] for quantile in ("p50", "p90", "p99"))
            yield f"    {age}: p50, p90, p99 {', '.join('–' if value is None else f'{1000 * value:.3g}' for value in shown)} ms"
    if bound:
        needed = (
            f"; {bound['calls_needed']:.0f} would settle it"
            if bound["calls_needed"] is not None
            else ""
        )
        ratio = (
            f", ratio up to {bound['ratio_high']:.3g}" if bound["ratio_high"] is not None else ""
        )
        head = "    bound" if seen else f"  {name}: bound"
        yield f"{head}: up to {100 * bound['difference_high']:.2f} points more{ratio}, after {bound['calls']:.0f} calls{needed}"
    for title, traces in (
        (("new", seen["exemplars"]), ("old", seen["old_exemplars"])) if seen else ()
    ):
        if traces:
            yield f"    traces, {title} version: {' '.join(traces)}"


def _share(seen: Mapping[str, Any], age: str) -> str:
    bad, calls = seen[f"{age}_bad"], seen[f"{age}_calls"]
    return f"{bad} of {calls} ({bad / calls:.2%})" if calls else "no calls"
