"""Versions as telemetry shows them: a new one beside or after another is a deploy, an older one
that returns a rollback.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.model.deploys import DeployEvent
from monitor.model.edges import Sighting


@dataclass(frozen=True, slots=True)
class VersionSettings:
    """`spans` a version must show before it counts; versions first seen within `settling` of their
    service are there from the start; a version that was away for `away` while another served has
    returned.
    """

    spans: int = 20
    settling: timedelta = timedelta(seconds=40)
    away: timedelta = timedelta(seconds=600)


@dataclass(slots=True)
class _Version:
    first: datetime
    last: datetime
    spans: int
    told: bool
    returned: bool


@dataclass(slots=True)
class _Service:
    first: datetime
    versions: dict[str, _Version] = field(default_factory=dict)


class VersionMemory:
    """What was seen of every service. Feed it sealed windows once, in time order; the same history
    gives the same events.
    """

    def __init__(self, settings: VersionSettings) -> None:
        self._settings = settings
        self._services: dict[tuple[str, str, str], _Service] = {}

    def learn(self, sightings: Iterable[Sighting]) -> list[DeployEvent]:
        """Deploys that these sightings show. Never one from the versions a service was first seen
        with.
        """
        return [
            event
            for sighting in sorted(sightings, key=_order)
            if (event := self._see(sighting)) is not None
        ]

    def _see(self, sighting: Sighting) -> DeployEvent | None:
        if not sighting.version or not sighting.spans:
            return None
        key = (sighting.environment, sighting.namespace, sighting.service)
        service = self._services.setdefault(key, _Service(sighting.window))
        version = service.versions.get(sighting.version)
        if version is None:
            there = sighting.window - service.first <= self._settings.settling
            version = service.versions[sighting.version] = _Version(
                sighting.window, sighting.window, 0, there, returned=False
            )
        elif sighting.window - version.last > self._settings.away and self._replaced(
            service, sighting.version, version.last
        ):
            version.first, version.spans, version.told, version.returned = (
                sighting.window,
                0,
                False,
                True,
            )
        version.last = sighting.window
        version.spans += sighting.spans
        if version.told or version.spans < self._settings.spans:
            return None
        version.told = True
        return DeployEvent(
            source="sighting",
            external_id="/".join(
                (*filter(None, key), sighting.version, str(int(version.first.timestamp())))
            ),
            kind="rollback" if version.returned else "deploy",
            environment=sighting.environment,
            service=sighting.service,
            version=sighting.version,
            previous_version=_previous(service, sighting.version),
            state="progressing",
            at=version.first,
            namespace=sighting.namespace or None,
        )

    @staticmethod
    def _replaced(service: _Service, name: str, since: datetime) -> bool:
        return any(
            other != name and version.last > since for other, version in service.versions.items()
        )


def _previous(service: _Service, name: str) -> str:
    """The other version seen last; the oldest of several."""
    others = [
        (version.last, -version.first.timestamp(), other)
        for other, version in service.versions.items()
        if other != name
    ]
    return max(others)[2] if others else ""


def _order(sighting: Sighting) -> tuple[datetime, str, str, str, str]:
    return (
        sighting.window,
        sighting.environment,
        sighting.service,
        sighting.version,
        sighting.instance,
    )
