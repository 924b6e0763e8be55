"""Options that several commands of `seamwatch contracts` share."""

from typing import Annotated

import typer

from monitor.cli.contract_reports import DiffFormat

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
