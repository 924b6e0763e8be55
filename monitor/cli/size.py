"""`seamwatch size`: room on disk."""

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, show, show_one
from monitor.cli.session import settings_of


def size(context: typer.Context, form: FormatOption = "table") -> None:
    """GB per million spans and per day, tables, and the edges with most rows."""
    with api(settings_of(context)) as there:
        answer = there.get("/v1/size")
    if form != "table":
        show(
            [answer] if form == "json" else answer["tables"],
            "table rows bytes uncompressed_bytes parts".split(),
            form,
        )
        return
    figures = {
        "GB": answer["bytes"] / 1e9,
        "spans": answer["spans"],
        "GB per million spans": answer["gigabytes_per_million_spans"],
        "GB per day": answer["gigabytes_per_day"],
    }
    show_one(figures, form)
    typer.echo()
    show(answer["tables"], "table rows bytes uncompressed_bytes parts".split(), form)
    typer.echo()
    shown = len(answer["largest_edges"])
    if shown < answer["edges"]:
        typer.echo(f"the {shown} largest of {answer['edges']:,} pairs of services:")
    show(
        answer["largest_edges"],
        "environment caller_namespace caller callee_namespace callee rows operations version_pairs calls".split(),
        form,
        empty="no edges yet",
    )
