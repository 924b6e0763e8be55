"""What every command shares: which settings were asked for, and how to say things."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from monitor.config import Settings, load
from monitor.errors import UsageError


@dataclass(slots=True)
class Session:
    """The options before the command's name."""

    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    debug: bool = False

    def settings(self, **flags: Any) -> Settings:
        """Settings with these flags on top, by dotted name (`**{"api.port": 0}`); None is not
        given.
        """
        return load(
            self.config,
            {**self.flags, **{name: value for name, value in flags.items() if value is not None}},
        )


def session_of(context: typer.Context) -> Session:
    """The session of a command."""
    session = context.find_object(Session)
    return session if session is not None else Session()


def settings_of(context: typer.Context, **flags: Any) -> Settings:
    """The settings of a command, with its own flags by dotted name on top."""
    return session_of(context).settings(**flags)


def assignments(words: list[str]) -> dict[str, str]:
    """`name=value` words as flags; UsageError for a word without `=`."""
    flags = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--set {word} has no value; write --set {word}=VALUE")
        flags[name.strip()] = value
    return flags
