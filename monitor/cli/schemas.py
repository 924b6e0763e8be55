"""The schemas of messages that settings name, apart from the parts that a command runs: an offline
check needs no more.
"""

from monitor.config.groups import ContractSettings
from monitor.contracts.framing import Writers, nobody


def known_writers(settings: ContractSettings) -> Writers:
    """The schemas of the folder and the registry that the settings name."""
    if not (settings.schema_folder or settings.schema_registry_url):
        return nobody
    from monitor.joining.writers import SchemaRegistry, Schemas

    registry = SchemaRegistry(
        settings.schema_registry_url,
        settings.schema_registry_username,
        settings.schema_registry_password.get_secret_value(),
    )
    return Schemas(settings.schema_folder, registry if settings.schema_registry_url else None)
