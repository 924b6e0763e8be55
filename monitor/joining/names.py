"""Aliases as they are now: the rules of the settings over those that people confirmed."""

from dataclasses import replace

from sqlalchemy import Engine

from monitor.control.aliases import AliasKind, list_aliases
from monitor.edges.aliases import Aliases


def joined(written: Aliases, engine: Engine) -> Aliases:
    """The written rules, and beneath them the confirmed ones of the control store. One query."""
    kept: dict[AliasKind, dict[str, str]] = {"service": {}, "version": {}, "environment": {}}
    for alias in list_aliases(engine, state="confirmed"):
        kept[alias.kind][alias.name] = alias.canonical
    return replace(
        written,
        services={**kept["service"], **written.services},
        versions={**kept["version"], **written.versions},
        environments={**kept["environment"], **written.environments},
    )
