"""The schemas of messages that settings name, apart from the parts that a command runs: an offline check needs no more."""

from monitor.config.groups import ContractSettings
from monitor.contracts.framing import Writers, nobody


def known_writers(said: ContractSettings) -> Writers:
    """The schemas of the folder and the registry that the settings name."""
    if not (said.schema_folder or said.schema_registry_url):
        return nobody
    from monitor.joining.writers import SchemaRegistry, Schemas

    registry = SchemaRegistry(
        said.schema_registry_url, said.schema_registry_username, said.schema_registry_password.get_secret_value()
    )
    return Schemas(said.schema_folder, registry if said.schema_registry_url else None)
