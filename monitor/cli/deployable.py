"""`seamwatch can-i-deploy`: is a version proven against what is live in an environment?"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from monitor.cli.client import api
from monitor.cli.printing import FormatOption, plain, show, to_second
from monitor.cli.ramps import pair_remarks
from monitor.cli.session import settings_of
from monitor.model.ramps import Bound
from monitor.wording.ramps import ROLES, WHY_BROKEN, WHY_UNPROVEN, bound_text, short_span

COLUMNS = "says role pair failures conformance seen_in declared missing".split()
SAYS = {0: "yes: every pair is proven or accepted", 1: "no: a pair is broken", 2: "not proven"}


def can_i_deploy(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="`name` or `namespace/name`.")],
    version: Annotated[str, typer.Argument(help="The version that shall go there.")],
    to: Annotated[str, typer.Option("--to", help="The environment.")],
    days: Annotated[int, typer.Option(help="Evidence of so many days.", min=1, max=30)] = 7,
    form: FormatOption = "table",
) -> int:
    """Is a version proven against the versions that are live in an environment, by traffic anywhere and
    by contracts? Exits 0 when every pair is proven or accepted, 1 when one is broken, 2 when one is unproven, nothing is known, or the newest data is old.
    """
    with api(settings_of(context)) as there:
        answer = there.get("/v1/can-i-deploy", service=service, version=version, to=to, days=days)
    if form == "json":
        show([answer], [], form)
    else:
        show(
            [_line(pair) for pair in answer["pairs"]],
            COLUMNS,
            form,
            empty="no pair is known to judge by",
        )
    if form == "table":
        for pair in answer["pairs"]:
            if pair["observed"] and pair["word"] in ("broken", "unproven"):
                for line in pair_remarks(pair["observed"], WHY_BROKEN | WHY_UNPROVEN):
                    typer.echo(plain(line))
        for note in answer["notes"]:
            typer.echo(plain(f"mind: {note['text']}"))
        typer.echo(_data(answer))
        typer.echo(
            plain(f"{answer['service']} {answer['version']} to {answer['environment']}: ")
            + SAYS[answer["exit_code"]]
        )
    return int(answer["exit_code"])


def _data(answer: Mapping[str, Any]) -> str:
    if answer["data_until"] is None:
        return "no window is closed yet"
    return f"data until {to_second(answer['data_until'])}, {short_span(answer['data_age_seconds'])} ago"


def _line(pair: Mapping[str, Any]) -> dict[str, Any]:
    seen = pair["observed"]
    return {
        "says": pair["word"],
        "role": ROLES[pair["direction"]],
        "pair": f"{pair['caller']} {pair['caller_version']} → {pair['callee']} {pair['callee_version']}",
        "failures": bound_text(Bound(**seen["failed"]), "fail") if seen else "never seen",
        "conformance": bound_text(Bound(**seen["violated"]), "violate") if seen else "",
        "seen_in": pair["observed_in"],
        "declared": ", ".join(f"{it['contract']} {it['word']}" for it in pair["declared"]),
        "missing": "; ".join(it["text"] for it in pair["missing"]),
    }
