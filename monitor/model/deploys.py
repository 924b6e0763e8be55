"""Deploys: change events from every source, merged by (environment, service, version)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

DeployKind = Literal["deploy", "rollback", "config", "flag", "scale"]
DeployState = Literal["started", "progressing", "succeeded", "failed", "aborted"]


@dataclass(frozen=True, slots=True)
class DeployEvent:
    """One source's word of a change, as it came. (source, external_id) is its natural key."""

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


@dataclass(frozen=True, slots=True)
class Deploy:
    """What all sources together say of one change. `id` is stable: a hash of environment, service, version, kind and first start.

    `sources` names who spoke of it ("cdevents", "api", "sighting"); `first_traffic` is the first window in which
    telemetry showed the version.
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
