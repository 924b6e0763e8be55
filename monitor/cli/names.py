"""Aliases as the settings write them."""

from monitor.config import Settings
from monitor.edges.aliases import Aliases


def written_aliases(settings: Settings) -> Aliases:
    """The rules of `aliases.*`."""
    aliases = settings.aliases
    return Aliases(aliases.services, aliases.versions, aliases.environments)
