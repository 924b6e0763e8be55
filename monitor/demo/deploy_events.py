"""Deploy events as a pipeline would send them: CDEvents on Kafka, the ramp's shares in customData.

https://github.com/cdevents/spec/blob/v0.5.1/continuous-deployment.md
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from monitor.demo.topology import ENVIRONMENT, NAMESPACE

SPECIFICATION = "0.5.1"
SOURCE = "https://deployer.shop.example"

Kind = Literal["deploy", "config"]
State = Literal["started", "progressing", "succeeded"]


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a service: `share` is the traffic that the version takes from now on."""

    service: str
    version: str
    previous_version: str
    share: float
    state: State
    kind: Kind = "deploy"


def cdevent(change: Change, at: datetime) -> bytes:
    """The change as one CDEvent: `service.deployed` when a version first appears,
    `service.upgraded` after.
    """
    what = "deployed" if change.state == "started" else "upgraded"
    return orjson.dumps(
        {
            "context": {
                "specversion": SPECIFICATION,
                "id": str(uuid.uuid4()),
                "source": SOURCE,
                "type": f"dev.cdevents.service.{what}.0.3.0",
                "timestamp": at,
            },
            "subject": {
                "id": change.service,
                "source": SOURCE,
                "content": {
                    "environment": {"id": ENVIRONMENT},
                    "artifactId": f"pkg:oci/{change.service}@{change.version}",
                },
            },
            "customData": {
                "namespace": NAMESPACE,
                "service": change.service,
                "version": change.version,
                "previousVersion": change.previous_version,
                "trafficShare": change.share,
                "state": change.state,
                "kind": change.kind,
                "actor": "shop-deployer",
            },
            "customDataContentType": "application/json",
        }
    )
