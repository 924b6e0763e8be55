"""`seamwatch judge`: anybody's edges and deploys, judged from files without any store."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from monitor.cli.long_work import arrow_without_pandas, calm_collector
from monitor.cli.printing import show
from monitor.cli.session import settings_of
from monitor.outside.answers import COLUMNS, Answer, answer_of
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.told import Told, apart
from monitor.outside.watching import decide


def command(
    context: typer.Context,
    edges: Annotated[Path, typer.Option(help="Bins of edges, a Parquet file.")],
    deploys: Annotated[Path, typer.Option(help="Deploys, a JSON object a line.")],
    form: Annotated[
        Literal["table", "ndjson"], typer.Option("--format", "-f", help="How to print.")
    ] = "table",
) -> None:
    """Judge deploys of other systems from files: one line a deploy.

    Edges are rows of case, ts, step_s, environment, caller, callee, operation, side, version,
    instance, zone; count, errors or success_rate; mean_ms, p50_ms, p90_ms, p95_ms, p99_ms or
    histogram ("bin:count bin:count" of microseconds, bin i = (2^(i/8), 2^((i+1)/8)]). Only ts and
    callee are needed. Bins are 10 s to 5 min; caller <any> is a metric of the callee's node.
    version and instance are those of the side that tells.

    Deploys are deploy_id, service, at; and where known case, version_from, version_to,
    evaluate_until, data_from, canary_ready, full_rollout_from, history_case.

    What is missing is assumed, said in the reason, and never good for a pass. Nothing after
    decided_at is read.
    """
    judging = settings_of(context).detection.judging()
    arrow_without_pandas()
    rows, aside = edges_of(edges)
    judged_deploys = deploys_of(deploys)
    if aside.nowhere:
        typer.echo(f"{edges}: {aside.nowhere} rows without ts or callee are set aside", err=True)
    if aside.twice:
        typer.echo(f"{edges}: {aside.twice} rows stand there twice and count once", err=True)
    if not judged_deploys:
        typer.echo(f"{deploys}: no line holds a deploy", err=True)
    cases = apart(rows)
    calm_collector()
    answers = (
        answer_of(decide(cases, deploy, judged_deploys, judging, str(edges)))
        for deploy in _with_progress(judged_deploys)
    )
    if form == "ndjson":
        for answer in answers:
            sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
            sys.stdout.flush()
        return
    show([_shown(answer) for answer in answers], COLUMNS, "table", empty="no deploys")


def _with_progress(deploys: Sequence[Told]) -> Iterator[Told]:
    """The deploys, with a bar on standard error that shows how far it is."""
    from rich.console import Console
    from rich.progress import track

    yield from track(
        deploys, "judging", console=Console(stderr=True), total=len(deploys), transient=True
    )


def _shown(answer: Answer) -> dict[str, Any]:
    edges = [
        f"{edge['caller']} → {edge['callee']} {edge['operation']}".rstrip()
        for edge in answer.culprit_edges
    ]
    return {
        **asdict(answer),
        "suspects": ", ".join(answer.suspects),
        "culprit_edges": ", ".join(edges),
    }
