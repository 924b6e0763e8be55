"""Deploys: change events from every source, merged by (environment, service, version)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from monitor.model.edges import apart, qualified

DeployKind = Literal["deploy", "rollback", "redeploy", "config", "flag", "scale"]
"""A redeploy is the version that is there already, deployed anew; a rollback one that was there
before another.
"""
VERSION_CHANGES: tuple[DeployKind, ...] = ("deploy", "rollback", "redeploy")
"""Changes of which a version is told; the others leave the version as it is."""
DeployState = Literal["started", "progressing", "succeeded", "failed", "aborted"]


@dataclass(frozen=True, slots=True)
class DeployEvent:
    """One source's word of a change, as it came. (source, external_id) is its natural key.

    `namespace` is None where the source tells none, "" where it tells that the service has none.
    """

    source: str
    external_id: str
    kind: DeployKind
    environment: str
    service: str
    version: str
    previous_version: str
    state: DeployState
    at: datetime
    traffic_share: float | None = None
    actor: str = ""
    url: str = ""
    commit: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None

    @property
    def told_apart(self) -> "DeployEvent":
        """The event with its namespace apart from its service: who tells of `shop/pay` means the
        `pay` in `shop`.
        """
        namespace, service = apart(self.service) if not self.namespace else (None, self.service)
        return self if namespace is None else replace(self, namespace=namespace, service=service)


@dataclass(frozen=True, slots=True)
class Deploy:
    """What all sources together say of one change. `id` is stable: a hash of environment, service,
    version, kind and first start.

    `sources` names who spoke of it ("cdevents", "api", "sighting"); `first_traffic` is the first
    window in which telemetry showed the version. `namespace` is None where nobody told of which
    the service is. A rollback `ends` another deploy, which is `ended_by` it: their ids.
    `planned_share` is the share of traffic that was told last; None where none was.
    """

    id: str
    kind: DeployKind
    environment: str
    service: str
    version: str
    previous_version: str
    state: DeployState
    started: datetime
    finished: datetime | None
    first_traffic: datetime | None
    sources: tuple[str, ...]
    actor: str = ""
    url: str = ""
    commit: str = ""
    namespace: str | None = None
    ends: str = field(default="", repr=False)
    ended_by: str = field(default="", repr=False)
    planned_share: float | None = field(default=None, repr=False)

    @property
    def called(self) -> str:
        """The service as one asks for just this one: `namespace/name`, or its plain name where no
        namespace was told.
        """
        return self.service if self.namespace is None else qualified(self.namespace, self.service)

    def is_of(self, asked: str) -> bool:
        """Whether it may be of the service asked for as `name` or `namespace/name`: one told
        without a namespace may be of each.
        """
        namespace, service = apart(asked)
        return service == self.service and (
            namespace is None or self.namespace in (None, namespace)
        )
