"""`seamwatch size`: room on disk."""

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, show, show_one
from monitor.cli.session import settings_of


def size(context: typer.Context, form: FormatOption = "table") -> None:
    """GB per million spans and per day, tables, and the edges with most rows."""
    with api(settings_of(context)) as there:
        said = there.get("/v1/size")
    if form != "table":
        show([said] if form == "json" else said["tables"], "table rows bytes uncompressed_bytes parts".split(), form)
        return
    figures = {
        "GB": said["bytes"] / 1e9,
        "spans": said["spans"],
        "GB per million spans": said["gigabytes_per_million_spans"],
        "GB per day": said["gigabytes_per_day"],
    }
    show_one(figures, form)
    typer.echo()
    show(said["tables"], "table rows bytes uncompressed_bytes parts".split(), form)
    typer.echo()
    shown = len(said["largest_edges"])
    if shown < said["edges"]:
        typer.echo(f"the {shown} largest of {said['edges']:,} pairs of services:")
    show(
        said["largest_edges"],
        "environment caller_namespace caller callee_namespace callee rows operations version_pairs calls".split(),
        form,
        empty="no edges yet",
    )
