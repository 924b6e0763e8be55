"""One name for what has several: rules for services, versions and environments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.model.deploys import DeployEvent
from monitor.model.edges import apart, qualified
from monitor.model.environments import NO_ENVIRONMENT

DEFAULT_ENVIRONMENTS: Mapping[str, str] = {
    "prod": "production",
    "prd": "production",
    "live": "production",
    "stg": "staging",
    "stage": "staging",
    "dev": "development",
}


@dataclass(frozen=True, slots=True)
class Aliases:
    """Said name -> canonical name. A version rule may be bound to a service by
    "service/version".
    """

    services: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_ENVIRONMENTS))
    addresses: Mapping[str, str] = field(default_factory=dict)

    def service(self, name: str) -> str:
        """The canonical service."""
        return self.services.get(name, name)

    def version(self, service: str, version: str) -> str:
        """The canonical version of a (canonical) service."""
        return self.versions.get(f"{service}/{version}", self.versions.get(version, version))

    def environment(self, name: str) -> str:
        """The canonical environment; `default` where none is given."""
        return self.environments.get(name, name) or NO_ENVIRONMENT

    def deploy(self, event: DeployEvent) -> DeployEvent:
        """A deploy event in telemetry's names."""
        event = event.told_apart
        name = (
            event.service if event.namespace is None else qualified(event.namespace, event.service)
        )
        # a rule for the qualified name says all; one for the plain name keeps the namespace
        renamed = name in self.services
        namespace, service = apart(self.service(name if renamed else event.service))
        return replace(
            event,
            namespace=namespace if renamed or namespace is not None else event.namespace,
            environment=self.environment(event.environment),
            service=service,
            version=self.version(service, event.version),
            previous_version=self.version(service, event.previous_version)
            if event.previous_version
            else "",
        )
