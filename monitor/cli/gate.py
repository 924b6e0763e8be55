"""`seamwatch gate`: may a pipeline go on?"""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from xml.sax.saxutils import escape, quoteattr

import typer

from monitor.cli.client import ANSWER_SECONDS, api
from monitor.cli.printing import plain
from monitor.cli.session import settings_of


def gate(
    context: typer.Context,
    service: Annotated[str, typer.Option(help="Which service was deployed.")],
    version: Annotated[str, typer.Option(help="Which version of it.")],
    environment: Annotated[str | None, typer.Option(help="Where.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for an answer that is not inconclusive.", min=0, max=3600)] = 0.0,
    form: Annotated[Literal["text", "json", "junit"], typer.Option("--format", "-f", help="How to print.")] = "text",
) -> int:
    """Is this deploy good? Exits 0 pass, 1 fail, 2 inconclusive, 64 wrong usage, 70 when it cannot be asked."""
    body = {"service": service, "version": version, "environment": environment, "wait_seconds": wait}
    with api(settings_of(context)) as there:
        said = there.post("/v1/gates", body, seconds=wait + ANSWER_SECONDS)
    if form == "json":
        json.dump(said, sys.stdout, indent=1)
        typer.echo()
    elif form == "junit":
        typer.echo(junit(service, version, said))
    else:
        for line in str(said["text"]).splitlines():
            typer.echo(plain(line))
    return int(said["exit_code"])


def junit(service: str, version: str, said: Mapping[str, Any]) -> str:
    """A JUnit report of one case: failure when it fails, error when it is inconclusive."""
    name = quoteattr(plain(f"{service} {version}"))
    lines = [f"{one['text']} [{one['code']}]" for one in (*said["reasons"], *said["settles"])]
    text = escape("\n".join(map(plain, lines)))
    kind = {"fail": "failure", "inconclusive": "error"}.get(str(said["outcome"]))
    first = said["reasons"][0] if said["reasons"] else {"text": said["outcome"], "code": said["outcome"]}
    message, code = quoteattr(plain(first["text"])), quoteattr(plain(first["code"]))
    inside = f"<{kind} type={code} message={message}>{text}</{kind}>" if kind else ""
    failures, errors = int(kind == "failure"), int(kind == "error")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites><testsuite name="seamwatch gate" tests="1" failures="{failures}" errors="{errors}">'
        f'<testcase classname="seamwatch" name={name}>{inside}</testcase></testsuite></testsuites>'
    )
