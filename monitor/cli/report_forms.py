"""The forms in which pipelines and code hosts read what a command found.

SARIF: https://docs.oasis-open.org/sarif/sarif/v2.1.0/; JUnit:
https://github.com/testmoapp/junitxml; GitHub's commands:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal
from urllib.parse import quote

import typer

from monitor import __version__
from monitor.cli.printing import plain

MOST_ANNOTATIONS = 50  # GitHub shows some tens of a step


def write_sarif(
    results: Iterable[tuple[str, Mapping[str, Any]]],
    about_rule: str,
    invocation: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> None:
    """Write results, each with its rule, as one run to standard output. `about_rule` tells of any
    rule, as `{rule}`.
    """
    results = list(results)
    rules = list(dict.fromkeys(rule for rule, _ in results))
    rows = [{"ruleId": rule, "ruleIndex": rules.index(rule), **result} for rule, result in results]
    driver = {
        "name": "seamwatch",
        "version": __version__,
        "rules": [
            {"id": rule, "shortDescription": {"text": about_rule.format(rule=rule)}}
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": rows,
        "properties": properties,
    }
    held = {
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [run],
    }
    json.dump(held, sys.stdout, indent=1)
    sys.stdout.write("\n")


def physical_location(file: str, line: int) -> dict[str, Any]:
    """A place in a file, as SARIF has it: its path is a URI reference (RFC 3986)."""
    uri = quote(file.replace("\\", "/"), safe="/~", errors="replace")
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}


def write_junit(
    suite: str, cases: Sequence[tuple[str, str]], counts: Mapping[str, int], output: str
) -> None:
    """Write test cases as one suite to standard output: each by its name, with what stands inside
    it as XML. `counts`: failures, errors, skipped; the last of the suite alone, since the schema
    of Jenkins' plugin lets no other element have it. Surefire's and Ant's schemas want a case's
    time. Each forbids what the other wants of a suite: Surefire its output, which Ant wants.
    """
    attributes = {"tests": len(cases), **counts}
    total = " ".join(f'{name}="{count}"' for name, count in attributes.items())
    in_all = " ".join(
        f'{name}="{count}"' for name, count in attributes.items() if name != "skipped"
    )
    body = "".join(
        f'  <testcase classname="contracts" name="{xml_text(name)}" time="0">{inside}</testcase>\n'
        for name, inside in cases
    )
    sys.stdout.write(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {in_all}>\n <testsuite name="{suite}" {total}>\n'
        f"{body}  <system-out>{xml_text(output)}</system-out>\n </testsuite>\n</testsuites>\n"
    )


def xml_text(text: object) -> str:
    """Text on one line, as XML holds it."""
    return escape(plain(str(text).replace("\n", " | ")), quote=True)


def annotate(
    level: Literal["error", "warning"], file: str, line: int, title: str, text: str
) -> None:
    """Print a command of GitHub's that shows a text at a line of a file."""
    where = f"file={_property(file)},line={line},title={_property(title)}"
    typer.echo(f"::{level} {where}::{_command(text)}")


def annotate_run(level: str, title: str, text: str) -> None:
    """Print a command of GitHub's that shows a text for the whole run."""
    typer.echo(f"::{level} title={title}::{_command(text)}")


def _command(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")
