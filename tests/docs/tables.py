"""The pages' tables, out of the code: `python -m tests.docs.tables` writes them between their
marks.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import typer
from fastapi import APIRouter
from fastapi.routing import APIRoute
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr, TypeAdapter

from monitor import telemetry
from monitor.api import routes
from monitor.api.routes.gates import gates_router
from monitor.api.waiting import Waiting
from monitor.capture.environment import VARIABLES
from monitor.config import choices, known, variable
from monitor.model.policy import ByHand, Criticality, Minimum, Overruling, Policy, Rule
from monitor.wording.reasons import SENTENCES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (
    README,
    *(
        ROOT / folder / "README.md"
        for folder in ("monitor", "pipelines", "dashboards", "helm", "tests")
    ),
)
"""The front page, and one beside each kind of code."""


def settings_table() -> str:
    """Every setting: name, default, meaning. The variable follows from the name."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in known().items():
        default = field.get_default(call_default_factory=True)
        value = "" if isinstance(default, SecretStr) or default in ("", (), {}) else f"`{default}`"
        words = choices(field)
        meaning = f"{field.description}" + (
            f" ({', '.join(f'`{word}`' for word in words if word)})" if words else ""
        )
        meaning += "; secret" if field.annotation is SecretStr else ""
        lines.append(f"| `{name}` | {value} | {meaning.replace('|', '/')} |")
    return "\n".join(lines)


def metrics_table() -> str:
    """Every metric with its labels and meaning."""
    lines = ["| metric | labels | meaning |", "| --- | --- | --- |"]
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            lines.append(
                f"| `{name}` | {', '.join(metric._labelnames)} | {metric._documentation} |"
            )
    return "\n".join(lines)


def commands_table() -> str:
    """Every command with the first line of its help."""
    lines = ["| command | what it does |", "| --- | --- |"]
    app: typer.Typer = import_module("monitor.cli.main").app
    lines += [
        f"| `seamwatch {name}` | {text} |"
        for name, text in _commands(typer.main.get_command(app), "")
    ]
    return "\n".join(lines)


def routes_table() -> str:
    """Every route for programs with what it is for."""
    summaries: dict[tuple[str, str], str] = {}
    modules = [
        import_module(module.name)
        for module in iter_modules(routes.__path__, f"{routes.__name__}.")
    ]
    routers = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, APIRouter)
    ]
    made_for_an_app = gates_router(Waiting.__new__(Waiting))
    for route in (route for router in (*routers, made_for_an_app) for route in router.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            summaries |= {(route.path, method): route.summary or "" for method in route.methods}
    lines = [
        f"| {method} | `{path}` | {summary} |"
        for (path, method), summary in sorted(summaries.items())
    ]
    return "\n".join(["| | route | what it is for |", "| --- | --- | --- |", *lines])


def codes_table() -> str:
    """Every code of a reason with its sentence; in braces its parameters, and what follows from
    them.
    """
    lines = ["| code | sentence |", "| --- | --- |"]
    lines += [
        f"| `{code}` | {re.sub(r'[:!][^{}]*}', '}', text)} |"
        for code, text in SENTENCES.items()
        if code != "told"
    ]
    return "\n".join(lines)


def policy_table() -> str:
    """Every name of a policy file with its meaning."""
    lines = ["| name in a policy | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in _policy(Policy, "")]
    return "\n".join(lines)


def _policy(kind: type[Any], before: str) -> Iterator[tuple[str, str]]:
    for name, field in TypeAdapter(kind).json_schema().get("properties", {}).items():
        yield f"{before}{name}", field["description"]
        inner = {
            "rules": Rule,
            "minimum": Minimum,
            "criticality": Criticality,
            "by_hand": ByHand,
            "overrides": Overruling,
        }.get(name)
        if inner and (name != "criticality" or not before):
            yield from _policy(inner, f"{before}{name}.")


def capture_table() -> str:
    """Every variable that a capture in an application reads."""
    lines = ["| variable | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()]
    return "\n".join(lines)


TABLES = {
    "capture": capture_table,
    "policy": policy_table,
    "settings": settings_table,
    "metrics": metrics_table,
    "commands": commands_table,
    "routes": routes_table,
    "codes": codes_table,
}


def filled(text: str) -> str:
    """A page's text with its tables as they must be."""
    for name, table in TABLES.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}{begin}{table()}\n{end}{after}" if end else text
    return text


def variables() -> set[str]:
    """Every environment variable of a setting."""
    return {variable(name) for name in known()}


def _commands(command: Any, before: str) -> Iterator[tuple[str, str]]:
    for name, child in sorted(command.commands.items()):
        if hasattr(child, "commands"):
            yield from _commands(child, f"{before}{name} ")
        else:
            yield f"{before}{name}", " ".join((child.help or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
