"""Aliases as the settings write them, over the defaults."""

from monitor.config import Settings
from monitor.edges.aliases import Aliases


def written_aliases(settings: Settings) -> Aliases:
    """The rules of `aliases.*`; environments keep the usual short names that they do not overrule."""
    said = settings.aliases
    return Aliases(said.services, said.versions, {**Aliases().environments, **said.environments})
