"""Aliases as the settings write them."""

from monitor.config import Settings
from monitor.edges.aliases import Aliases


def written_aliases(settings: Settings) -> Aliases:
    """The rules of `aliases.*`."""
    said = settings.aliases
    return Aliases(said.services, said.versions, said.environments)
