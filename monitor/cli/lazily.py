"""Commands that are imported when they are asked for, so that one command does not load what
another needs.

`seamwatch gate` needs an HTTP client, `seamwatch up` every part of the product. Help lists all of
them from `COMMANDS` without importing any.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup


class Listed(NamedTuple):
    """Where a command is, as `module:name`, and how its help begins. The name is a function, or a
    `typer.Typer` of several.
    """

    place: str
    help: str


COMMANDS = {
    "version": Listed("monitor.cli.main:version", "Print the version."),
    "decode": Listed(
        "monitor.cli.decode:decode",
        "What is understood of a file of API logs, field by field, and what to set. Exits 0, or 2 when nothing could be read.",
    ),
    "edges": Listed(
        "monitor.cli.edges:edges",
        "Who calls whom, by version pair: calls, failures, latencies, what was seen of both sides.",
    ),
    "violations": Listed(
        "monitor.cli.edges:violations",
        "Clauses that live exchanges break. The last 24 hours by default, or the last day that the data has.",
    ),
    "broken": Listed(
        "monitor.cli.edges:events",
        "Broken clauses as events, each once: new, again or gone, since when, by whom, the deploy before, and who accepted it.",
    ),
    "observations": Listed(
        "monitor.cli.edges:observations",
        "Seen and held against nobody, by whom: deprecated, past its sunset, undocumented parameters, no credentials, no TLS.",
    ),
    "findings": Listed(
        "monitor.cli.findings:findings",
        "Findings: which edge is worse, between which versions, since which deploy.",
    ),
    "accept": Listed(
        "monitor.cli.findings:accept",
        "Say that a finding is known: it stays quiet, in later deploys too, until it expires.",
    ),
    "verdict": Listed(
        "monitor.cli.findings:verdict", "Verdicts as they were reached, newest first."
    ),
    "explain": Listed(
        "monitor.cli.explain:explain",
        "Judge again from the inputs kept with a verdict, compare, and print numbers, bounds and example traces of both versions.",
    ),
    "gate": Listed(
        "monitor.cli.gate:gate",
        "Is this deploy good? Exits 0 pass (or overridden), 1 fail, 2 inconclusive, 64 wrong usage, 70 when it cannot be asked.",
    ),
    "ramp": Listed(
        "monitor.cli.ramps:ramp",
        "Versions of a service that are live at once: shares, and what each pair of versions has proven. Exits 1 when a pair is broken, 2 when one is unproven or there is no ramp, else 0. Without a service pairs are not judged: exits 2 where none is in a ramp, else 0.",
    ),
    "meaning": Listed(
        "monitor.cli.meaning:meaning",
        "What means something else in a new version of a service, though the schema is the same. Exits 1 when something does, 2 when there are no two versions with payloads enough, else 0.",
    ),
    "can-i-deploy": Listed(
        "monitor.cli.deployable:can_i_deploy",
        "Is a version proven against the versions that are live in an environment, by traffic anywhere and by contracts? Exits 0 when every pair is proven or accepted, 1 when one is broken, 2 when one is unproven, nothing is known, or the newest data is old.",
    ),
    "size": Listed(
        "monitor.cli.size:size",
        "GB per million spans and per day, tables, and the edges with most rows.",
    ),
    "doctor": Listed(
        "monitor.cli.doctor:doctor",
        "Look at everything Seamwatch needs; exits 0 when nothing is bad, else 70.",
    ),
    "demo": Listed(
        "monitor.cli.demo:demo",
        "Run a small live shop, deploy a bad version after a minute, and watch it.",
    ),
    "up": Listed(
        "monitor.cli.up:command",
        "Run everything: collectors, window closer, detector, alerts, API and page. Ctrl-C ends it.",
    ),
    "run": Listed(
        "monitor.cli.run:command",
        "Run one part alone (its stores by DSN), or read a topic to its end.",
    ),
    "replay": Listed(
        "monitor.cli.replay:command",
        "Read recorded files to their ends, close every window, print what came of it.",
    ),
    "session": Listed(
        "monitor.cli.live_session:session",
        "Run a command with a Seamwatch of its own: OTLP/HTTP and API logs on a free port, contracts in force there only. Exits as the command where that fails, else 0 kept, 1 broken, 2 where nothing or not all could be checked.",
    ),
    "session-verdict": Listed(
        "monitor.cli.live_session:verdict",
        "Ask a session that stands, in a container for instance, for its verdict so far. Exits 0 kept, 1 broken, 2 where nothing or not all could be checked.",
    ),
    "judge": Listed(
        "monitor.cli.judge:command",
        "Judge deploys of other systems from files: one line a deploy.",
    ),
    "contracts": Listed(
        "monitor.cli.contracts:commands", "What providers promise: publish, list, show, check."
    ),
    "deploys": Listed("monitor.cli.deploys:commands", "What changed, and when."),
    "override": Listed(
        "monitor.cli.overrides:commands", "Let a deploy go on whatever the gate says, for a while."
    ),
    "policy": Listed("monitor.cli.policies:commands", "The gate's policy file."),
    "tokens": Listed("monitor.cli.tokens:commands", "Who may ask the API what."),
    "config": Listed("monitor.cli.settings:commands", "What is set, and by whom."),
}


class Commands(Mapping[str, TyperCommand | TyperGroup]):
    """The commands by name; each is imported on its first reading."""

    def __init__(self) -> None:
        self._imported: dict[str, TyperCommand | TyperGroup] = {}

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        if name not in self._imported:
            self._imported[name] = _imported(name, COMMANDS[name].place)
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyGroup(TyperGroup):
    """The command `seamwatch` itself, over `COMMANDS`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = cast(Any, Commands())

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands for help."""
        del ctx
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, TyperCommand(name, help=listed.help).get_short_help_str(limit))
                    for name, listed in COMMANDS.items()
                ]
            )


def _imported(name: str, place: str) -> TyperCommand | TyperGroup:
    module, _, attribute = place.partition(":")
    there = getattr(import_module(module), attribute)
    options: dict[str, Any] = {
        "add_completion": False,
        "pretty_exceptions_enable": False,
        "rich_markup_mode": None,
    }
    parent = typer.Typer(**options)
    if isinstance(there, typer.Typer):
        parent.add_typer(there, name=name)
        group = typer.main.get_command(parent)
        assert isinstance(group, TyperGroup)
        return cast(TyperGroup, group.commands[name])
    parent.command(name)(there)
    return cast(TyperCommand, typer.main.get_command(parent))
