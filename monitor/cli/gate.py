"""`seamwatch gate`: may a pipeline go on?"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
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
    wait: Annotated[
        float,
        typer.Option(
            help="Seconds to wait for an answer that is not inconclusive.", min=0, max=3600
        ),
    ] = 0.0,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="A policy file (YAML). Where one is set already, both apply and the stricter answer counts."
        ),
    ] = None,
    form: Annotated[
        Literal["text", "json", "junit"], typer.Option("--format", "-f", help="How to print.")
    ] = "text",
) -> int:
    """Is this deploy good? Exits 0 pass (or overridden), 1 fail, 2 inconclusive, 64 wrong usage,
    70 when it cannot be asked.
    """
    sent = ""
    if policy is not None:
        from monitor.config import policy_in

        policy_in(policy)
        sent = policy.read_text(encoding="utf-8")
    body = {
        "service": service,
        "version": version,
        "environment": environment,
        "wait_seconds": wait,
        "policy": sent,
    }
    with api(settings_of(context)) as there:
        answer = there.post("/v1/gates", body, seconds=wait + ANSWER_SECONDS)
    if form == "json":
        json.dump(answer, sys.stdout, indent=1)
        typer.echo()
    elif form == "junit":
        typer.echo(junit(service, version, answer))
    else:
        for line in str(answer["text"]).splitlines():
            typer.echo(plain(line))
    return int(answer["exit_code"])


def junit(service: str, version: str, answer: Mapping[str, Any]) -> str:
    """A JUnit report: the verdict's case, then one for each demand of the policy.

    Failure when it fails, error when it is inconclusive, skipped when a person overrides it (all
    of the verdict inside) or a demand was not judged. A demand that is not met is of the same kind
    as the answer.
    """
    kind = {"fail": "failure", "inconclusive": "error"}.get(str(answer["outcome"]), "")
    kind = "skipped" if kind and answer.get("override") else kind
    lines = [
        f"{reason['text']} [{reason['code']}]"
        for reason in (*answer["reasons"], *answer["settles"])
    ]
    first = (
        answer["reasons"][0]
        if answer["reasons"]
        else {"text": answer["outcome"], "code": answer["outcome"]}
    )
    cases = [
        _case("seamwatch", f"{service} {version}", kind, first, "\n".join(lines)),
        *_of_rules(answer, kind or "error"),
    ]
    failures, errors, skipped = (
        sum(state == wanted for state, _ in cases) for wanted in ("failure", "error", "skipped")
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites><testsuite name="seamwatch gate" tests="{len(cases)}" failures="{failures}" errors="{errors}" '
        f'skipped="{skipped}">{"".join(text for _, text in cases)}</testsuite></testsuites>'
    )


def _of_rules(answer: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for rule in answer.get("rules", ()):
        state = {"not_met": kind, "not_judged": "skipped"}.get(rule["outcome"], "")
        yield _case(
            "seamwatch.policy",
            f"{rule['rule']}: {rule['demand']}",
            state,
            rule["reason"],
            f"{rule['reason']['text']}",
        )


def _case(
    group: str, name: str, kind: str, first: Mapping[str, Any], text: str
) -> tuple[str, str]:
    """The kind and its element; a skipped case tells the whole text beside it, for reports that
    show no more than that it was skipped.
    """
    text = escape("\n".join(map(plain, text.split("\n"))))
    message, code = quoteattr(plain(first["text"])), quoteattr(plain(first["code"]))
    inside = (
        f"<{kind} type={code} message={message}>{text}</{kind}>"
        if kind
        else f"<system-out>{text}</system-out>"
    )
    if kind == "skipped":
        inside = f"<skipped message={message}/><system-out>{text}</system-out>"
    return (
        kind,
        f"<testcase classname={quoteattr(group)} name={quoteattr(plain(name))} time='0'>{inside}</testcase>",
    )
